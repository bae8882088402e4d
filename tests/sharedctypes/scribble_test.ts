// Arrays that another process writes all the time while they are received into, sent and put.

import { Event, Pipe, Process, Queue, RawArray } from "@parallel/multiprocessing";
import { assertEquals } from "@std/assert";
import { scribble, sendMany } from "../fixtures/sharedctypes/scribble_targets.ts";

/** Longer than the buffer for short messages, so that the bytes go straight to the array and from it. */
const SIZE = 300_000;
const MESSAGES = 40;

Deno.test("a RawArray that another process writes meanwhile is received into, sent and put", async () => {
  const array = RawArray("u8", SIZE);
  using begun = new Event();
  using stop = new Event();
  const scribbler = new Process({ target: scribble, args: [array, begun, stop] });
  scribbler.start();
  const [end, other] = Pipe({ duplex: false });
  using receiver = end;
  const sender = new Process({ target: sendMany, args: [other, SIZE, 2 * MESSAGES + 1] });
  sender.start();
  other.close(); // the sender has its own
  await begun.wait();
  for (let i = 0; i < MESSAGES; i++) {
    assertEquals(receiver.recvBytesIntoSync(array), SIZE);
    assertEquals(await receiver.recvBytesInto(array), SIZE);
  }
  // Every byte that leaves the array is one that was written there, whoever did.
  const isWritten = (bytes: Uint8Array) => bytes.length === SIZE && bytes.every((it) => it < 100 || it === 200);
  const [mine, theirs] = Pipe();
  using near = mine;
  using far = theirs;
  using queue = new Queue<Uint8Array>();
  for (let i = 0; i < MESSAGES; i++) {
    const sent = near.sendBytes(array);
    assertEquals(isWritten(await far.recvBytes()), true);
    await sent;
    queue.putSync(Uint8Array.from(array));
    assertEquals(isWritten(queue.getSync()), true);
  }
  stop.set();
  await scribbler.join();
  assertEquals(scribbler.exitcode, 0);
  // Nobody writes any more: what is received is there.
  assertEquals(receiver.recvBytesIntoSync(array), SIZE);
  assertEquals(array.every((it) => it === 200), true);
  await sender.join();
  assertEquals(sender.exitcode, 0);
});
