// Does to shared arrays everything that is done to typed arrays, while processes that may do nothing write into them.
//
// usage: deno run -A --config deno.json tests/soak/scribble.ts [seconds]

import * as mp from "@parallel/multiprocessing";
import { createHash } from "node:crypto";
import { Buffer } from "node:buffer";
import { deflateRawSync } from "node:zlib";

const LENGTH = 20_000;
const TEXTS = ["a", "é", "€", "𝄞", "\0"].map((c) => new TextEncoder().encode(c.repeat(LENGTH)).subarray(0, LENGTH));

/** Writes what a sort and a decoder like least, until it is killed. */
export function scribble(numbers: Float64Array, bytes: Uint8Array, ready: mp.Event): void {
  ready.set();
  for (let k = 0;; k++) {
    for (let i = 0; i < 500; i++) {
      numbers[(Math.random() * numbers.length) | 0] = [-1e300, Math.random() * 1e300, NaN, -0][k & 3];
    }
    bytes.set(TEXTS[k % TEXTS.length].subarray(0, 5_000 + k % 9_000), (k * 7) % 6_000);
  }
}

const decoder = new TextDecoder();
const utf16 = new TextDecoder("utf-16le");

/** One use of the arrays each. What it gives does not matter, as long as the process goes on. */
const USES: Record<
  string,
  (numbers: Float64Array<SharedArrayBuffer>, bytes: Uint8Array<SharedArrayBuffer>) => unknown
> = {
  sort: (numbers) => numbers.sort(),
  sortBytes: (_, bytes) => bytes.subarray(100).sort(),
  sortBigInts: (numbers) => new BigInt64Array(numbers.buffer).sort(),
  sortFloats: (numbers) => new Float32Array(numbers.buffer, 4).sort(),
  sortBy: (numbers) => numbers.subarray(0, 2_000).sort((a, b) => b - a),
  toSorted: (numbers) => numbers.toSorted(),
  decode: (_, bytes) => decoder.decode(bytes),
  decode16: (_, bytes) => utf16.decode(bytes),
  decodeStream: (_, bytes) => new TextDecoder().decode(bytes, { stream: true }),
  bufferToString: (_, { buffer }) =>
    ["utf8", "latin1", "hex", "base64"].map((it) => Buffer.from(buffer).toString(it as "utf8")),
  search: (numbers) => [numbers.indexOf(1), numbers.includes(NaN), numbers.findLast((it) => it === 0)],
  change: (numbers) => numbers.reverse().fill(1, 0, 10).copyWithin(5, 100, 900),
  join: (_, bytes) => [bytes.join(), String(bytes.subarray(0, 99)), JSON.stringify(bytes.slice(0, 99))],
  copy: (
    numbers,
    bytes,
  ) => [numbers.slice(), Array.from(bytes), new Uint16Array(bytes), structuredClone(bytes.slice())],
  set: (numbers) => numbers.set(numbers.subarray(1), 0),
  view: ({ buffer }) => new DataView(buffer, 8, 64).getBigUint64(0),
  atomics: (_, bytes) => Atomics.add(bytes, 5, 1),
  random: (_, bytes) => crypto.getRandomValues(bytes.subarray(0, 999)),
  encodeInto: (_, bytes) => new TextEncoder().encodeInto("€".repeat(5_000), bytes),
  hash: (_, bytes) => createHash("sha256").update(bytes).digest("hex"),
  deflate: (_, bytes) => deflateRawSync(bytes),
  wasm: (_, bytes) => WebAssembly.validate(bytes as unknown as BufferSource),
  send: (numbers, bytes) => (pipe[0].sendSync([numbers.slice(0, 9), bytes]), pipe[1].recvSync()),
};

const pipe = import.meta.main ? mp.Pipe() : [] as never;

if (import.meta.main) {
  const seconds = Number(Deno.args[0] ?? 60);
  const numbers = mp.RawArray("d", LENGTH);
  const bytes = mp.RawArray("B", LENGTH);
  for (const method of ["spawn", "forkserver"] as const) {
    const ready = new mp.Event();
    const context = mp.getContext(method);
    const child = new context.Process({
      target: scribble,
      args: [numbers, bytes, ready],
      permissions: "none",
      daemon: true,
    });
    child.start();
    ready.waitSync();
    const uses = Object.entries(USES);
    const rounds = Object.fromEntries(uses.map(([name]) => [name, 0]));
    for (const end = performance.now() + seconds * 500; performance.now() < end;) {
      for (const [name, use] of uses) {
        use(numbers, bytes);
        rounds[name]++;
      }
    }
    child.kill();
    child.joinSync();
    console.log(`survived ${method}: ${JSON.stringify(rounds)}`);
  }
}
