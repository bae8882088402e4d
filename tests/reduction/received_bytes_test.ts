// Bytes that were received are the receiver's alone: whatever is done with their buffer touches nothing else.

import { assert, assertEquals, assertNotStrictEquals } from "@std/assert";
import { getContext, JoinableQueue, Pipe, Pool, Queue, SimpleQueue, type StartMethod } from "@parallel/multiprocessing";
import { dumps, loads } from "../../src/reduction/serialise.ts";
import { useUp, useUpAll } from "../fixtures/reduction/reduction_targets.ts";
import { within } from "../support/helpers.ts";

const LENGTHS = [0, 1, 8, 63, 64, 65, 1000, 4095, 4096, 4097, 70_000];

const filled = (length: number, value: number) => new Uint8Array(length).fill(value);

function detach(view: ArrayBufferView<ArrayBuffer>): void {
  structuredClone(view.buffer, { transfer: [view.buffer] });
}

/** Asserts that a view has a buffer of its own, exactly as long, which nobody else has. */
function assertAlone(view: ArrayBufferView, others: ReadonlySet<unknown>): void {
  assertEquals([view.byteOffset, view.buffer.byteLength], [0, view.byteLength]);
  assert(!others.has(view.buffer), "its buffer is another's, too");
}

Deno.test("received bytes: every view and buffer of a message stands alone", () => {
  const views = LENGTHS.flatMap((length) => [
    filled(length, 1),
    new DataView(filled(length, 2).buffer),
    new Float64Array(length),
    new BigInt64Array(length).subarray(length >> 1),
    new Uint8ClampedArray(length),
  ]);
  const seen = new Set<unknown>();
  for (let i = 0; i < 3; i++) {
    for (const view of loads(dumps(views).bytes) as ArrayBufferView[]) {
      assertAlone(view, seen);
      seen.add(view.buffer);
    }
    const [buffer, again] = loads(dumps([filled(5, 1).buffer, filled(5, 2).buffer]).bytes) as ArrayBuffer[];
    assert(!seen.has(buffer) && !seen.has(again) && buffer !== again);
  }
});

Deno.test("received bytes: two views of one buffer arrive with a buffer each", () => {
  const buffer = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]).buffer;
  const [a, b, whole] = loads(
    dumps([new Uint8Array(buffer, 0, 4), new Uint16Array(buffer, 2, 2), buffer]).bytes,
  ) as [Uint8Array<ArrayBuffer>, Uint16Array, ArrayBuffer];
  assertNotStrictEquals(a.buffer, b.buffer);
  detach(a);
  assertEquals([b, new Uint8Array(whole)], [
    new Uint16Array([0x0403, 0x0605]),
    new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]),
  ]);
});

Deno.test("received bytes: messages that dumps made have memory of their own", () => {
  const messages = [1, 2, 3].map((value) => dumps({ value, bytes: filled(20, value) }).bytes);
  detach(messages[0]);
  assertEquals(loads(messages[1]), { value: 2, bytes: filled(20, 2) });
  assertEquals(loads(dumps({ value: 4 }).bytes), { value: 4 });
  detach(messages[1]);
  assertEquals(loads(messages[2]), { value: 3, bytes: filled(20, 3) });
});

type Way = [name: string, send: (value: Uint8Array) => unknown, receive: () => unknown];

Deno.test("received bytes: by no way does one that is used up harm the others", async () => {
  using queue = new Queue<unknown>();
  using joinable = new JoinableQueue<unknown>();
  using simple = new SimpleQueue<unknown>();
  const [reader, writer] = Pipe();
  using _ = reader;
  using __ = writer;
  const inner = (got: unknown) => (got as { it: Uint8Array }).it;
  const ways: Way[] = [
    ["putSync, getSync", (it) => queue.putSync(it), () => queue.getSync()],
    ["put, get", (it) => queue.put({ it }), async () => inner(await queue.get())],
    ["JoinableQueue", (it) => joinable.putSync([it]), async () => (await joinable.get() as unknown[])[0]],
    ["SimpleQueue", (it) => simple.putSync({ it }), () => inner(simple.getSync())],
    ["sendSync, recvSync", (it) => writer.sendSync({ it }), () => inner(reader.recvSync())],
    ["send, recv", (it) => writer.send(it), () => reader.recv()],
    ["sendBytesSync, recvBytesSync", (it) => writer.sendBytesSync(it), () => reader.recvBytesSync()],
    ["sendBytes, recvBytes", (it) => writer.sendBytes(it), () => reader.recvBytes()],
  ];
  const seen = new Set<unknown>();
  const kept: [Uint8Array, number, number][] = [];
  for (const [name, send, receive] of ways) {
    for (const length of LENGTHS.slice(1, -1)) {
      const got: Uint8Array<ArrayBuffer>[] = [];
      for (const value of [1, 2, 3]) await send(filled(length, value));
      for (const value of [1, 2, 3]) {
        const bytes = await receive() as Uint8Array<ArrayBuffer>;
        assertAlone(bytes, seen);
        seen.add(bytes.buffer);
        assertEquals(bytes, filled(length, value), `${name}, ${length} bytes`);
        if (value === 2) kept.push([bytes, length, value]);
        else got.push(bytes);
        if (value === 1) detach(bytes);
      }
      got[1].fill(99);
    }
  }
  for (const [bytes, length, value] of kept) assertEquals(bytes, filled(length, value));
});

for (const method of ["spawn", "forkserver"] as StartMethod[]) {
  Deno.test(`received bytes: a process may use up what it gets (${method})`, async () => {
    const context = getContext(method);
    using queue = new context.Queue<unknown>();
    using replies = new context.Queue<number[]>();
    const [reader, writer] = context.Pipe();
    using process = Object.assign(
      new context.Process({ target: useUpAll, args: [filled(7, 7), queue, reader, replies] }),
      {
        [Symbol.dispose]: () => reader.close(),
      },
    );
    process.start();
    for (let i = 0; i < 3; i++) {
      queue.putSync({ a: filled(10, 1), b: filled(20, 2) });
      writer.sendBytesSync(filled(30, 3));
      writer.sendSync([filled(40, 4)]);
    }
    assertEquals(await within(replies.get()), [7, ...[1, 2, 3].flatMap(() => [10, 40, 20, 30, 40])]);
    assertEquals(await within(process.join()), true);
    writer.close();

    await using pool = new Pool(1, { context });
    assertEquals(await within(pool.map(useUp, [1, 64, 65, 5000].map((length) => filled(length, 1)))), [
      1,
      64,
      65,
      5000,
    ]);
    assertEquals(await within(pool.starmap(useUp, [[filled(9, 1)], [filled(4096, 2)], [filled(3, 3)]])), [9, 4096, 3]);
  });
}
