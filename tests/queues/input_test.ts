// What nobody should put, ask or say: an error that names it, and the queue is as it was.

import { InvalidStateError, JoinableQueue, Queue, SimpleQueue } from "@parallel/multiprocessing";
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { native } from "../../src/addon/load.ts";
import { begin } from "../support/children.ts";
import { FIXTURES, outputOf } from "../support/helpers.ts";

Deno.test.beforeAll(begin);

/** Arguments of the constructor that are refused. */
const BAD_MAXSIZES: Record<string, unknown> = {
  fractional: 2.5,
  "a little more than a whole number": 1 + Number.EPSILON,
  NaN,
  infinite: Infinity,
  "infinitely small": -Infinity,
  "one too large": 2 ** 31,
  huge: Number.MAX_SAFE_INTEGER,
  text: "10",
  "a bigint": 10n,
  null: null,
  "an object": {},
  "a boolean": true,
};

for (const [what, maxsize] of Object.entries(BAD_MAXSIZES)) {
  Deno.test(`a maxsize that is ${what} is refused and leaves nothing behind`, () => {
    const { blocks } = native().memoryUsage();
    for (const Kind of [Queue, JoinableQueue]) {
      const error = typeof maxsize === "number" ? RangeError : TypeError;
      assertThrows(() => new Kind(maxsize as number), error, `"maxsize" is ${Deno.inspect(maxsize)}`);
    }
    assert(native().memoryUsage().blocks <= blocks); // fewer, where something of another test is collected just now
  });
}

for (const maxsize of [0, -0, -1, -(2 ** 31), -(2 ** 53)]) {
  Deno.test(`a maxsize of ${Object.is(maxsize, -0) ? "-0" : maxsize} is no limit`, () => {
    using queue = new Queue<number>(maxsize);
    for (let i = 0; i < 1000; i++) queue.putNowait(i);
    assert(!queue.full());
    assertEquals(queue.qsize(), 1000);
  });
}

/** Values that can be put although they look as if they could not. */
const STRANGE: Record<string, unknown> = {
  "no bytes": new Uint8Array(0),
  "no characters": "",
  "no elements": [],
  "no properties": {},
  "a hole": [, 1],
  "an empty buffer": new ArrayBuffer(0),
  "an empty view of a long buffer": new Uint8Array(new ArrayBuffer(10_000), 5000, 0),
  undefined,
  "an object that looks like a message that could not be taken": { tag: 1, bytes: new Uint8Array(1), attachments: [1] },
};
for (const [what, value] of Object.entries(STRANGE)) {
  Deno.test(`${what} arrives`, async () => {
    using queue = new Queue<unknown>();
    queue.putSync(value);
    await queue.put(value);
    assertEquals(queue.qsize(), 2);
    assertEquals([queue.getSync(), await queue.get()], [value, value]);
  });
}

Deno.test("what refers to itself arrives as such", async () => {
  interface Node {
    self?: Node;
    list: unknown[];
    map: Map<unknown, unknown>;
  }
  using queue = new Queue<Node>();
  const node: Node = { list: [], map: new Map() };
  node.self = node;
  node.list.push(node.list, node);
  node.map.set(node.map, node);
  queue.putSync(node);
  const got = await queue.get();
  assertStrictEquals(got.self, got);
  assertStrictEquals(got.list[0], got.list);
  assertStrictEquals(got.map.get(got.map), got);
});

Deno.test("what is nested too deeply is refused, and the queue goes on", () => {
  using queue = new Queue<unknown>();
  let nested: unknown[] = [];
  for (let i = 0; i < 5000; i++) nested = [nested];
  assertThrows(() => queue.putSync(nested), RangeError);
  queue.putSync("next");
  assertEquals([queue.getNowait(), queue.qsize()], ["next", 0]);
});

Deno.test("256 MiB of bytes arrive, and their memory is returned", async () => {
  const size = 256 << 20;
  using queue = new Queue<Uint8Array | string>();
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i += 65_537) bytes[i] = i % 255 + 1;
  queue.putSync(bytes);
  const got = await queue.get() as Uint8Array;
  assertEquals(got.length, size);
  for (let i = 0; i < size; i += 65_537) if (got[i] !== bytes[i]) throw new Error(`byte ${i} is ${got[i]}`);
  assert(native().memoryUsage().resident < 64 << 20);
});

Deno.test("TestQueue.test_queue_feeder_on_queue_feeder_error: put itself tells what cannot be sent and where it stands", async () => {
  using queue = new Queue<unknown>(1);
  const thrown = new Error("from the getter");
  const values: [unknown, typeof Error, string][] = [
    [{ job: { run() {} } }, TypeError, "run"],
    [[1, Symbol("s")], TypeError, "Symbol(s)"],
    [
      {
        get broken() {
          throw thrown;
        },
      },
      Error,
      "from the getter",
    ],
  ];
  for (const [value, ErrorClass, message] of values) {
    assertThrows(() => queue.putSync(value), ErrorClass, message);
    await assertRejects(() => queue.put(value), ErrorClass, message);
    assertEquals(queue.qsize(), 0);
  }
  queue.putSync("next");
  assert(queue.full());
  assertEquals(queue.getSync(), "next");
});

Deno.test("taskDone too often, from the start and after all is done", async () => {
  using jobs = new JoinableQueue<number>();
  const tooOften = () => assertThrows(() => jobs.taskDone(), InvalidStateError, "task_done() called too many times");
  tooOften();
  jobs.putSync(1);
  await jobs.get();
  jobs.taskDone();
  tooOften();
  assert(jobs.joinSync());
  jobs.shutdown({ immediate: true });
  tooOften();
});

Deno.test("TestQueue.test_closed_queue_empty_exceptions: empty() of a closed queue fails, used before or not", async () => {
  for (const wasUsed of [false, true]) {
    const queue = new Queue();
    if (wasUsed) {
      queue.putSync("something");
      await queue.get();
    }
    queue.close();
    queue.joinThreadSync();
    await queue.joinThread();
    assertThrows(() => queue.empty(), InvalidStateError, "the Queue is closed");
  }
});

Deno.test("TestQueue.test_closed_queue_put_get_exceptions: put and get of a closed queue fail", async () => {
  for (const Kind of [Queue, JoinableQueue]) {
    const queue = new Kind<string>();
    queue.close();
    assertThrows(() => queue.putSync("foo"), InvalidStateError, "is closed");
    assertThrows(() => queue.getSync(), InvalidStateError, "is closed");
    await assertRejects(() => queue.put("foo"), InvalidStateError, "is closed");
    await assertRejects(() => queue.get(), InvalidStateError, "is closed");
  }
});

Deno.test("taskDone, join and shutdown of a closed queue are refused", async () => {
  const jobs = new JoinableQueue();
  jobs.putSync(1);
  jobs.close();
  for (const use of [() => jobs.taskDone(), () => jobs.joinSync(), () => jobs.shutdown()]) {
    assertThrows(use, InvalidStateError, "the JoinableQueue is closed");
  }
  await assertRejects(() => jobs.join(), InvalidStateError, "the JoinableQueue is closed");
});

Deno.test("a closed queue cannot be sent", () => {
  using post = new Queue();
  const closed = [new Queue(), new JoinableQueue(), new SimpleQueue()];
  for (const queue of closed) {
    queue.close();
    assertThrows(() => post.putSync(queue), InvalidStateError, "is closed");
  }
  assertEquals(post.qsize(), 0);
});

Deno.test("TestQueue.test_no_import_lock_contention: a queue works while a module is being evaluated", async () => {
  assertEquals(await outputOf(new URL("queues/queue_at_import.ts", FIXTURES)), "Empty\nfrom a child\n");
});
