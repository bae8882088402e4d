// Long messages between relatives: they lie in memory of their pipe, and come back from there, whoever is killed.

import { type Connection, EOFError, Pipe, Process } from "@parallel/multiprocessing";
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { echo, receiveForEver, sendForEver } from "../fixtures/connection/connection_targets.ts";
import { native } from "../../src/addon/load.ts";
import { assertNoMoreBlocks, within } from "../support/helpers.ts";

const MIB = 1 << 20;
/** The socket of a pipe holds two messages of so many bytes while nobody reads. */
const LONG = MIB / 16;

const memory = () => native().memoryUsage();

function send(end: Connection, number: number, size = LONG): void {
  end.sendBytesSync(new Uint8Array(size).fill(number));
}

function receive(end: Connection, number: number, size = LONG): void {
  assertEquals(end.recvBytesSync(), new Uint8Array(size).fill(number));
}

Deno.test("long messages lie in memory of the pipe once one was received, until a descriptor's number is told", async () => {
  const before = memory();
  const [a, b] = Pipe();
  const lying = () => memory().blocks - before.blocks - 1;
  send(a, 1);
  assertEquals(lying(), 0);
  receive(b, 1);
  for (let k = 0; k < 6; k++) send(a, k);
  assertEquals(lying(), 4); // the others are in the socket, behind the frames of these
  for (let k = 0; k < 6; k++) receive(b, k);
  send(b, 7); // the other way
  receive(a, 7);
  assertEquals(lying(), 4); // for the next ones
  a.close();
  b.close();
  await assertNoMoreBlocks(before);

  const [c, d] = Pipe();
  send(c, 1);
  receive(d, 1);
  d.fileno();
  for (let k = 0; k < 2; k++) send(c, k);
  assertEquals(lying(), 0);
  for (let k = 0; k < 2; k++) receive(d, k);
  c.close();
  d.close();
});

Deno.test("what nobody has received comes back with the last end, and a receiver's limit is kept", async () => {
  const before = memory();
  const [a, b] = Pipe();
  send(a, 1);
  receive(b, 1);
  for (let k = 0; k < 3; k++) send(a, k);
  receive(b, 0);
  assertThrows(() => b.recvBytesSync({ maxlength: LONG - 1 }), Deno.errors.InvalidData, `${LONG} bytes`);
  assertEquals([a.readable, b.readable], [true, false]);
  await a.sendBytes(new Uint8Array(LONG));
  b.close();
  assertThrows(() => send(a, 4), Deno.errors.BrokenPipe);
  await assertRejects(() => a.sendBytes(new Uint8Array(LONG)), Deno.errors.BrokenPipe);
  a.close();
  await assertNoMoreBlocks(before);
});

Deno.test("messages of all lengths go to a child and come back", async () => {
  const before = memory();
  const [a, b] = Pipe();
  {
    await using child = new Process({ target: echo, args: [b, "bytes"] });
    child.start();
    b.close();
    for (const size of [LONG, 0, 65_535, 65_536, 65_537, 262_145, 4 * MIB, 4 * MIB + 1, MIB, MIB, 1, LONG]) {
      send(a, size, size);
      receive(a, size, size);
    }
    const target = new Uint8Array(MIB + 2);
    send(a, 5, MIB);
    assertEquals(await within(a.recvBytesInto(target, { offset: 1 })), MIB);
    assertEquals([target[0], target[1], target[MIB], target[MIB + 1]], [0, 5, 5, 0]);
    await Promise.all([1, 2, 3, 4, 5, 6].map((k) => a.sendBytes(new Uint8Array(MIB).fill(k))));
    for (let k = 1; k <= 6; k++) assertEquals((await within(a.recvBytes()))[MIB - 1], k);
    a.close();
    await within(child.join());
    assertEquals(child.exitcode, 0);
  }
  await assertNoMoreBlocks(before);
});

for (const duplex of [true, false]) {
  Deno.test(`a killed sender leaves whole messages, and nothing in memory (duplex is ${duplex})`, async () => {
    const before = memory();
    for (const received of [1, 4, 9]) {
      const [to, from] = Pipe({ duplex });
      await using child = new Process({ target: sendForEver, args: [from, LONG] });
      child.start();
      from.close();
      for (let k = 0; k < received; k++) receive(to, k);
      child.kill();
      await within(child.join());
      let next = received;
      const rest = () => {
        for (;; next++) receive(to, next);
      };
      const error = assertThrows(rest);
      if (!(error instanceof EOFError || error instanceof Deno.errors.UnexpectedEof)) throw error;
      to.close();
    }
    await assertNoMoreBlocks(before);
  });

  Deno.test(`a killed receiver leaves nothing in memory (duplex is ${duplex})`, async () => {
    const before = memory();
    for (const sent of [2, 5, 12]) {
      const [to, from] = Pipe({ duplex });
      await using child = new Process({ target: receiveForEver, args: [to] });
      child.start();
      to.close();
      for (let k = 0; k < sent; k++) send(from, k);
      child.kill();
      await within(child.join());
      const rest = () => {
        for (;;) send(from, sent);
      };
      const error = assertThrows(rest);
      // What it had not received says so otherwise.
      const { BrokenPipe, ConnectionReset } = Deno.errors;
      if (!(error instanceof BrokenPipe || error instanceof ConnectionReset)) throw error;
      from.close();
    }
    await assertNoMoreBlocks(before);
  });
}

Deno.test("an end that is passed on has the long messages that were sent before", async () => {
  const before = memory();
  const [a, b] = Pipe();
  send(a, 1);
  receive(b, 1);
  send(a, 2);
  send(a, 3);
  const [to, from] = Pipe();
  to.sendSync(b);
  b.close();
  const there = from.recvSync() as Connection;
  receive(there, 2);
  send(there, 4);
  receive(a, 4);
  receive(there, 3);
  for (const end of [a, there, to, from]) end.close();
  await assertNoMoreBlocks(before);
});
