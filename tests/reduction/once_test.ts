// reduce() and getters run once for each message, whatever becomes of it.

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { getContext, JoinableQueue, Lock, Pipe, Pool, Queue, SimpleQueue } from "@parallel/multiprocessing";
import { dumpInto, dumps, loads } from "../../src/reduction/serialise.ts";
import { counted, countedResult, counts, mirror } from "../fixtures/reduction/reduction_targets.ts";
import { within } from "../support/helpers.ts";

/** What makes a message long, or speak of shared memory, or both. */
function messages(lock: Lock): [what: string, message: unknown][] {
  const long = "x".repeat(100_000);
  return [
    ["a short one", counted()],
    ["one of 15 bytes more than the scratch buffer has", counted("x".repeat(2 ** 16))],
    ["a long one", counted(long)],
    ["what is long comes first", [long, counted()]],
    ["a lock", counted(lock)],
    ["a lock at the end", [counted(), lock]],
    ["long, with a lock", [long, counted(), lock]],
    ["long bytes", counted(new Uint8Array(200_000))],
  ];
}

Deno.test("reduce: once by every way of sending", async () => {
  using lock = new Lock();
  using queue = new Queue<unknown>();
  using joinable = new JoinableQueue<unknown>();
  using simple = new SimpleQueue<unknown>();
  const [reader, writer] = Pipe();
  using _ = reader;
  using __ = writer;
  const ways: Record<string, (message: unknown) => unknown> = {
    "putSync": (message) => (queue.putSync(message), queue.getSync()),
    "put": async (message) => (await queue.put(message), await queue.get()),
    "JoinableQueue.put": async (message) => (await joinable.put(message), await joinable.get()),
    "SimpleQueue.putSync": (message) => (simple.putSync(message), simple.getSync()),
    "send": async (message) => await Promise.all([writer.send(message), reader.recv()]),
    "dumps": (message) => void dumps(message),
    "dumpInto": (message) => void dumpInto(message, new Uint8Array(64), 0),
  };
  counts();
  for (const [way, send] of Object.entries(ways)) {
    for (const [what, message] of messages(lock)) {
      await within(Promise.resolve(send(message)), way);
      assertEquals(counts(), [1, 1], `${way}: ${what}`);
    }
  }
});

Deno.test("reduce: once where the message has to wait for room, and where it never gets any", async () => {
  using lock = new Lock();
  using queue = new Queue<unknown>(1);
  queue.putSync("in the way");
  counts();
  for (const [what, message] of messages(lock)) {
    assertThrows(() => queue.putSync(message, { timeout: 1 }), Error, "full");
    assertEquals(counts(), [1, 1], `putSync: ${what}`);
    await assertRejects(() => queue.put(message, { timeout: 1 }), Error, "full");
    assertEquals(counts(), [1, 1], `put in vain: ${what}`);
    const waiting = queue.put(message);
    const behind = queue.put(message);
    queue.getSync();
    await within(waiting);
    queue.getSync();
    await within(behind);
    assertEquals(counts(), [2, 2], `two that waited: ${what}`);
  }
});

Deno.test("reduce: once where the message is refused, whatever stands behind", () => {
  counts();
  for (const culprit of [() => {}, Symbol("s"), Promise.resolve(), new WeakMap()]) {
    const error = assertThrows(() => dumps({ a: [counted(), { culprit }] }), TypeError) as Error;
    assertEquals([counts(), / at value\.a\[1\]\.culprit: /.test(error.message)], [[1, 1], true], error.message);
    using queue = new Queue<unknown>();
    assertThrows(() => queue.putSync(["x".repeat(70_000), counted(), culprit]), TypeError, " at value[2]: ");
    assertEquals([counts(), queue.qsize()], [[1, 1], 0]);
  }
});

for (const method of ["spawn", "forkserver"] as const) {
  Deno.test(`reduce: once for the arguments of a process, and for tasks and their results (${method})`, async () => {
    const context = getContext(method);
    using lock = new context.Lock();
    using requests = new context.Queue<unknown>();
    using replies = new context.Queue<unknown>();
    counts();
    const args: Parameters<typeof mirror> = [requests, replies, ...counted(lock), "x".repeat(70_000)];
    const process = new context.Process({ target: mirror, args });
    process.start();
    assertEquals(counts(), [1, 1]);
    requests.putSync(counted(lock));
    assertEquals((await within(replies.get()) as unknown[]).length, 2);
    assertEquals(counts(), [1, 1]);
    requests.putSync(null);
    await within(process.join());

    await using pool = new Pool(1, { context });
    for (const size of [1, 5000, 100_000]) {
      assertEquals(counts(), [0, 0]);
      const result = await within(pool.apply(countedResult, [size, lock])) as [unknown, { it: number }];
      assertEquals([await pool.apply(counts), result[1].it], [[1, 1], 1], `a result of ${size} bytes`);
      for (const [what, message] of messages(lock)) {
        await within(pool.apply(counts, [message] as never));
        assertEquals(counts(), [1, 1], `an argument: ${what}`);
      }
    }
  });
}

Deno.test("getters of arrays: once for each message", () => {
  let runs = 0;
  const counting = (array: unknown[], key: string | number) =>
    Object.defineProperty(array, key, { get: () => ++runs, enumerable: true, configurable: true });
  const long = Array.from({ length: 5000 }, (_, i) => i);
  const arrays: [what: string, array: unknown[], wanted: unknown[]][] = [
    ["an item", counting([0, 7], 0), [1, 7]],
    ["a name", counting([0, 7], "label"), Object.assign([0, 7], { label: 1 })],
    ["as many names as holes", counting([1, , 3], "label"), Object.assign([1, , 3], { label: 1 })],
    ["behind a Proxy", new Proxy(counting([1, 2], "label"), {}), Object.assign([1, 2], { label: 1 })],
    ["a long one", counting(long.slice(), 0), [1, ...long.slice(1)]],
    ["a long one with a name", counting(long.slice(), "label"), Object.assign(long.slice(), { label: 1 })],
  ];
  for (const [what, array, wanted] of arrays) {
    runs = 0;
    const copy = loads(dumps(array).bytes) as unknown[];
    assertEquals(runs, 1, what);
    assertEquals([copy.length, Object.entries(copy)], [wanted.length, Object.entries(wanted)], what);
  }
});
