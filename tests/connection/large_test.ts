// Long messages: where their bytes go, and how much memory they take.

import { BufferTooShort, type Connection, Pipe, Process } from "@parallel/multiprocessing";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { sendZeros } from "../fixtures/connection/connection_targets.ts";
import { within } from "../support/helpers.ts";

const MIB = 1 << 20;

/** Megabytes of a line of a file below /proc. */
function megabytes(path: string, name: string): number {
  const found = Deno.readTextFileSync(path).match(new RegExp(`^${name}:\\s*(\\d+) kB$`, "m"));
  return Number(found?.[1]) / 1024;
}

/** Two ends; what `a` receives is sent by a child. */
async function fromChild(size: number, use: (reader: Connection) => Promise<void>): Promise<void> {
  const [reader, writer] = Pipe();
  await using child = new Process({ target: sendZeros, args: [writer, size] });
  child.start();
  writer.close();
  await use(reader);
  await within(child.join());
  assertEquals(child.exitcode, 0);
  reader.close();
}

const WAYS = {
  recvBytesSync: (reader: Connection) => Promise.resolve(reader.recvBytesSync().length),
  recvBytesIntoSync: (reader: Connection, size: number) =>
    Promise.resolve(reader.recvBytesIntoSync(new Uint8Array(size))),
  recvBytes: async (reader: Connection) => (await reader.recvBytes()).length,
};

for (const [way, receive] of Object.entries(WAYS)) {
  Deno.test({
    name: `a message of 256 MiB takes no more than twice its memory (${way})`,
    ignore: megabytes("/proc/meminfo", "MemAvailable") < 2048,
    fn: () =>
      fromChild(256 * MIB, async (reader) => {
        Deno.writeTextFileSync("/proc/self/clear_refs", "5"); // VmHWM counts from here
        const before = megabytes("/proc/self/status", "VmRSS");
        assertEquals(await within(receive(reader, 256 * MIB)), 256 * MIB);
        const grown = megabytes("/proc/self/status", "VmHWM") - before;
        // What arrives without being waited for is copied once: the reactor has no memory of JavaScript's.
        const wanted = way === "recvBytes" ? 2.25 * 256 : 1.25 * 256;
        assert(grown < wanted, `${grown} MiB`);
      }),
  });
}

Deno.test("a loop that receives long messages uses their memory again", () => {
  const [a, b] = Pipe();
  const bytes = new Uint8Array(MIB / 8).fill(7);
  const receive = () => {
    a.sendBytesSync(bytes);
    assertEquals(b.recvBytesSync()[MIB / 8 - 1], 7);
  };
  for (let i = 0; i < 800; i++) receive();
  const before = megabytes("/proc/self/status", "VmRSS");
  for (let i = 0; i < 4000; i++) receive(); // 500 MiB
  const grown = megabytes("/proc/self/status", "VmRSS") - before;
  assert(grown < 250, `${grown} MiB`);
  a.close();
  b.close();
});

for (const size of [65_535, 65_536, 65_537, MIB / 8]) {
  Deno.test(`${size} bytes go where recvBytesIntoSync is told, and nowhere else`, () => {
    const [a, b] = Pipe();
    const bytes = Uint8Array.from({ length: size }, (_, i) => i % 251);
    for (const buffer of [new ArrayBuffer(size + 7), new SharedArrayBuffer(size + 7)]) {
      const whole = new Uint8Array(buffer).fill(255);
      a.sendBytesSync(bytes);
      assertEquals(b.recvBytesIntoSync(whole, { offset: 3 }), size);
      assertEquals(whole.slice(3, -4), bytes);
      assertEquals([...whole.slice(0, 3), ...whole.slice(-4)], Array(7).fill(255));
    }
    a.sendBytesSync(bytes);
    const error = assertThrows(() => b.recvBytesIntoSync(new Uint8Array(size - 1)), BufferTooShort);
    assertEquals((error as BufferTooShort).bytes, bytes);
    a.sendSync("next");
    assertEquals(b.recvSync(), "next");
    a.close();
    b.close();
  });
}
