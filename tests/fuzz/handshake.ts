// Hostile bytes for the handshakes: as messages, in every step, and as a stream of bytes over a real socket. Whoever does
// not know the key must not get through; nothing but AuthenticationError may come of it, and nothing may hang or grow.
//
// usage: deno run -A tests/fuzz/handshake.ts [--seconds=600]

import fc from "fast-check";
import { Listener } from "../../src/connection.ts";
import { answer, challenge, greet, type Handshake, LONGEST, serve } from "../../src/connection/handshake.ts";
import { AuthenticationError } from "../../src/errors.ts";
import { PATIENCE, within } from "../support/helpers.ts";
import { bytesOf, concat } from "../support/bytes.ts";
import { framed, RawPeer } from "../support/raw_peer.ts";

const KEY = bytesOf("a key that nobody can guess");
/** Connections at a time. */
const BATCH = 16;
/** Bytes of memory that may be kept at the end: most of it is garbage that V8 has not collected yet. */
const SLACK = 256 * 2 ** 20;

/** What came of it. */
export interface Findings {
  readonly runs: number;
  readonly violations: string[];
}

const FRAGMENTS = [
  "#CHALLENGE#",
  "#WELCOME#",
  "#FAILURE#",
  "{md5}",
  "{sha256}",
  "{sha384}",
  "{sha3_256}",
  "{",
  "}",
  "\0\0\0\x28",
];

/** Messages that look more or less like those of a handshake. */
const message: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ maxLength: LONGEST }),
  fc.array(
    fc.oneof(
      fc.constantFrom(...FRAGMENTS).map(bytesOf),
      fc.uint8Array({ maxLength: 40 }),
      fc.constantFrom(16, 20, 32, 40, 48).map((length) => new Uint8Array(length)),
    ),
    { maxLength: 5 },
  ).map((parts) => concat(...parts).subarray(0, LONGEST)),
);

const ROLES: [name: string, begin: (key: Uint8Array) => Handshake][] = [
  ["challenge", (key) => challenge(key)],
  ["answer", answer],
  ["serve", serve],
  ["greet", greet],
];

/** The verdict on one handshake whose peer says `said`; `null` if there is nothing to complain of. */
function judge(handshake: Handshake, said: readonly Uint8Array[]): string | null {
  let hasProved = true;
  try {
    const rest = [...said];
    let turn = handshake.next();
    while (!turn.done) {
      const asks = turn.value === null;
      if (asks && rest.length === 0) return null;
      if (!asks && turn.value!.length > LONGEST) return `sends ${turn.value!.length} bytes`;
      turn = handshake.next(asks ? rest.shift()! : new Uint8Array(0));
    }
  } catch (error) {
    hasProved = false;
    if (!(error instanceof AuthenticationError)) return `throws ${error}`;
  }
  return hasProved ? "lets a stranger through" : null;
}

/** A stream of bytes that is more or less made of messages. */
const stream = fc.array(fc.oneof(message.map(framed), fc.uint8Array({ maxLength: 300 })), { maxLength: 6 })
  .map((parts) => concat(...parts));

async function attack(listener: Listener, bytes: Uint8Array): Promise<string | null> {
  const accepting = listener.accept();
  const peer = await RawPeer.connect(listener.address);
  // What it sends may find the connection closed already.
  await peer.send(bytes).catch(() => {});
  peer[Symbol.dispose]();
  try {
    (await within(accepting)).close();
    return "lets a stranger through";
  } catch (error) {
    return error instanceof AuthenticationError ? null : `throws ${error}`;
  }
}

/** Attacks for so many seconds. */
export async function fuzz(seconds: number): Promise<Findings> {
  const until = performance.now() + seconds * 1000;
  const violations: string[] = [];
  let runs = 0;
  using listener = new Listener(["127.0.0.1", 0], { authkey: KEY, backlog: 2 * BATCH, handshakeTimeout: PATIENCE });
  await attack(listener, bytesOf("to warm up"));
  const before = Deno.memoryUsage().rss;
  while (performance.now() < until && violations.length === 0) {
    const seed = crypto.getRandomValues(new Int32Array(1))[0];
    for (const said of fc.sample(fc.array(message, { maxLength: 4 }), { seed, numRuns: 500 })) {
      for (const [role, begin] of ROLES) {
        // An answerer cannot tell who welcomes it: it proves itself, and is told nothing.
        const wantsProof = role !== "answer";
        const verdict = judge(begin(KEY), said);
        runs++;
        if (verdict !== null && (wantsProof || !verdict.startsWith("lets"))) {
          violations.push(`${role} ${verdict} (seed ${seed}): ${Deno.inspect(said)}`);
        }
      }
    }
    for (let batch = fc.sample(stream, { seed, numRuns: 8 * BATCH }); batch.length > 0; batch = batch.slice(BATCH)) {
      const verdicts = await Promise.all(batch.slice(0, BATCH).map((bytes) => attack(listener, bytes)));
      runs += verdicts.length;
      for (const verdict of verdicts) if (verdict !== null) violations.push(`the listener ${verdict} (seed ${seed})`);
    }
  }
  const grown = Deno.memoryUsage().rss - before;
  if (grown > SLACK + seconds * 2 ** 20) violations.push(`memory has grown by ${grown} bytes`);
  return { runs, violations };
}

if (import.meta.main) {
  const given = Deno.args.find((argument) => argument.startsWith("--seconds="));
  const { runs, violations } = await fuzz(Number(given?.slice("--seconds=".length) ?? 600));
  for (const violation of violations) console.log(violation);
  console.log(`${runs} attacks, ${violations.length} violations`);
  Deno.exit(violations.length === 0 ? 0 : 1);
}
