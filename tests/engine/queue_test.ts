// Queues in an engine: what one process sees of them.

import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { RemoteJoinableQueue } from "../../src/engine/joinable_queue.ts";
import { RemoteLock } from "../../src/engine/lock.ts";
import { RemoteQueue } from "../../src/engine/queue.ts";
import { inside, type RemoteQueueOptions } from "../../src/engine/queue_kinds.ts";
import { RemoteSimpleQueue } from "../../src/engine/simple_queue.ts";
import type { Session } from "../../src/engine/session.ts";
import {
  Empty,
  EOFError,
  Full,
  InvalidStateError,
  Lock,
  OwnerDiedError,
  Queue,
  RawArray,
  ShutDown,
} from "../../mod.ts";
import { register } from "../../src/reduction/registry.ts";
import { type Engine, engineTest } from "../support/engine.ts";
import { assertAllReject, PATIENCE, until, within } from "../support/helpers.ts";
import { stageTest } from "../support/remote.ts";
import { bury, rootOf, visitorOf } from "../support/sessions.ts";

function queueTest(name: string, run: (session: Session, engine: Engine) => Promise<void> | void): void {
  engineTest(`queue on an engine: ${name}`, async (engine) => {
    const session = rootOf(engine);
    try {
      await run(session, engine);
    } finally {
      session.close();
    }
  });
}

queueTest("values come out as they went in, in their order, by promises and in threads that block", async (session) => {
  using queue = new RemoteQueue<unknown>(session);
  const values = [undefined, null, 1, "text", { deep: [new Map([[1, 2n]])] }, new Uint8Array([1, 2, 3]), new Date(0)];
  for (const value of values) await queue.put(value);
  assertEquals(queue.qsize(), values.length);
  for (const value of values) assertEquals(await queue.get(), value);
  for (const value of values) queue.putSync(value);
  for (const value of values) assertEquals(queue.getSync(), value);
  assert(queue.empty());
  assertThrows(() => queue.getNowait(), Empty, "Cannot get from the queue: it is empty");
  await assertRejects(() => queue.get({ timeout: 20 }), Empty, "it is empty, and was for 20 ms");
});

/** Arrives as an error. */
class Unreadable {
  static {
    register(Unreadable, {
      name: "queue_test.Unreadable",
      reduce: () => "unread",
      restore(): Unreadable {
        throw new RangeError("cannot be read");
      },
    });
  }
}

queueTest("many values at once, of every length, and more than one step takes", async (session) => {
  using queue = new RemoteQueue<unknown>(session);
  const values = ["a", "b".repeat(70_000), ...Array.from({ length: 600 }, (_, i) => i), new Uint8Array(200_000)];
  assertEquals([await queue.putMany(values), queue.putManySync(values)], [603, 603]);
  const got: unknown[] = [];
  while (got.length < 603) got.push(...await queue.getMany(603 - got.length));
  assertEquals(got, values);
  while (got.length < 1206) got.push(...queue.getManySync(1206 - got.length));
  assertEquals(got.slice(603), values);
  assert(queue.empty());
});

for (const onConsumerDeath of ["lose", "redeliver"] as const) {
  queueTest(`many values of which one cannot be read cost no other, "${onConsumerDeath}"`, async (session) => {
    using queue = new RemoteQueue<unknown>(session, 0, { onConsumerDeath });
    await queue.putMany([1, 2, new Unreadable(), 4, 5, new Unreadable(), 7]);
    assertEquals(await queue.getMany(9), [1, 2]);
    await assertRejects(() => queue.getMany(9), RangeError, "cannot be read");
    assertEquals(queue.getManySync(9), [4, 5]);
    assertThrows(() => queue.getManySync(9), RangeError, "cannot be read");
    assertEquals([await queue.getMany(9), queue.qsize()], [[7], 0]);
  });
}

queueTest("what is put of many says so when it is aborted, late or shut down, and objects go back", async (session) => {
  using queue = new RemoteQueue<unknown>(session, 2);
  using lock = new RemoteLock(session);
  const reason = new RangeError("enough");
  const abortion = new AbortController();
  const putting = queue.putMany([1, lock, lock, 4], { signal: abortion.signal }).catch((error) => error);
  await until("two values in the queue", () => queue.qsize() === 2);
  abortion.abort(reason);
  const error = await putting;
  assert(error instanceof Full && error.cause === reason && error.put === 2);
  assertEquals((await assertRejects(() => queue.putMany([5], { timeout: 5 }), Full)).put, 0);
  assertEquals(assertThrows(() => queue.putManySync([5], { timeout: 5 }), Full).put, 0);
  const shut = queue.putMany([5]).catch((error) => error);
  queue.shutdown();
  assert(await shut instanceof ShutDown);
  const [one, again] = await queue.getMany(2) as [number, RemoteLock];
  assertEquals([one, again.locked()], [1, false]);
  again[Symbol.dispose]();
});

queueTest("an abort between the steps of one call ends it", async (session) => {
  using queue = new RemoteQueue<number>(session, 2);
  const putter = new AbortController();
  const putting = queue.putMany([1, 2, 3], { signal: putter.signal });
  assertEquals(queue.qsize(), 1); // the first is put, and this thread has not heard of it
  putter.abort(new RangeError("enough"));
  assertEquals((await assertRejects(() => within(putting), Full)).put, 1);
  assertEquals(queue.getSync(), 1);
  const getter = new AbortController();
  const getting = queue.get({ signal: getter.signal });
  assertEquals(queue.qsize(), 0); // it was answered that nobody else has the queue, and is about to wait nevertheless
  getter.abort(new RangeError("enough"));
  await assertRejects(() => within(getting), RangeError, "enough");
});

queueTest("promised puts of one turn leave together, before anything else of the thread", async (session) => {
  using queue = new RemoteQueue<number>(session);
  using other = new RemoteQueue<string>(session);
  const puts = Array.from({ length: 1000 }, (_, i) => queue.put(i));
  const word = other.put("after them");
  assertEquals(queue.qsize(), 1000); // which blocks, and so comes after them
  await Promise.all([...puts, word]);
  const got: number[] = [];
  for (let i = 0; i < 1000; i++) got.push(await queue.get());
  assertEquals(got, Array.from({ length: 1000 }, (_, i) => i));
  assertEquals(other.getSync(), "after them");
});

queueTest(
  "what comes after promised gets does not overtake them, though there is too little for these",
  async (session) => {
    using queue = new RemoteQueue<number>(session);
    queue.putSync(0);
    const gets = [queue.get(), queue.get(), queue.get()];
    const last = queue.get({ timeout: PATIENCE });
    queue.putSync(1); // all of it in one turn: nothing that was promised is heard of yet
    queue.putSync(2);
    assertThrows(() => queue.getNowait(), Empty);
    queue.putSync(3);
    assertEquals(await Promise.all([...gets, last]), [0, 1, 2, 3]);
    const late = [queue.get(), queue.get()];
    queue.close();
    await assertAllReject(late, InvalidStateError, "the Queue is closed");
  },
);

queueTest("a full queue has its putters wait, in their order", async (session) => {
  using queue = new RemoteQueue<number>(session, 2);
  queue.putSync(0);
  queue.putNowait(1);
  assert(queue.full());
  assertThrows(() => queue.putNowait(9), Full, "Cannot put into the queue: it is full");
  assertThrows(() => queue.putSync(9, { timeout: 10 }), Full, "it is full, and was for 10 ms");
  await assertRejects(() => queue.put(9, { timeout: 10 }), Full);
  const abort = new AbortController();
  const aborted = queue.put(9, { signal: abort.signal });
  const waiting = [2, 3, 4].map((value) => queue.put(value));
  abort.abort(new Error("never mind"));
  await assertRejects(() => aborted, Error, "never mind");
  const got = [];
  for (let i = 0; i < 5; i++) got.push(await queue.get());
  assertEquals(got, [0, 1, 2, 3, 4]);
  await Promise.all(waiting);
  assert(queue.empty());
});

queueTest("what an aborted get has got all the same goes back", async (session) => {
  using queue = new RemoteQueue<number>(session);
  for (let i = 0; i < 50; i++) {
    const abort = new AbortController();
    const got = queue.get({ signal: abort.signal });
    queue.putSync(i);
    abort.abort(new Error("too late"));
    const value = await got.catch(() => null) ?? await queue.get();
    assertEquals(value, i);
    assertEquals(queue.qsize(), 0);
  }
});

queueTest("shutdown ends an iteration when everything was taken", async (session) => {
  using queue = new RemoteQueue<number>(session, 0, { name: "jobs" });
  for (let i = 0; i < 500; i++) queue.put(i);
  queue.shutdown();
  assertEquals(await Array.fromAsync(queue), Array.from({ length: 500 }, (_, i) => i));
  await assertRejects(() => queue.get(), ShutDown, `Cannot get from the queue "jobs": it is empty and shut down`);
  await assertRejects(() => queue.put(1), ShutDown, `Cannot put into the queue "jobs": it is shut down`);
  assertThrows(() => queue.putSync(1), ShutDown);
});

queueTest("what an iteration has taken ahead goes back when it ends", async (session) => {
  using queue = new RemoteQueue<number>(session);
  for (let i = 0; i < 200; i++) queue.put(i);
  const seen: number[] = [];
  for await (const value of queue) {
    seen.push(value);
    if (value === 100) break;
  }
  while (queue.qsize() > 0) seen.push(await queue.get());
  assertEquals(seen, Array.from({ length: 200 }, (_, i) => i));
});

for (
  const [what, make] of [
    ["with a limit", (session: Session) => new RemoteQueue<number>(session, 20)],
    [
      "whose values are delivered again",
      (session: Session) => new RemoteQueue<number>(session, 0, { onConsumerDeath: "redeliver" }),
    ],
    [
      "of tasks",
      (session: Session) => new RemoteJoinableQueue<number>(session, 0, { onConsumerDeath: "lose" }),
    ],
  ] as const
) {
  queueTest(`an iteration of a queue ${what} takes nothing ahead`, async (session) => {
    using queue = make(session);
    for (let i = 0; i < 20; i++) queue.putSync(i);
    const waiting = queue.put(20);
    let taken = 0;
    for await (const value of queue) {
      assertEquals(value, taken++);
      assertEquals(queue.qsize(), Math.min(20, 21 - taken));
      if (taken === 21) break;
    }
    await waiting;
  });
}

queueTest("long values travel in pieces, and nothing of them is left", async (session, engine) => {
  using queue = new RemoteQueue<Uint8Array>(session, 1);
  for (const length of [65_000, 65_536, 2 ** 20, 3 * 2 ** 20 + 1]) {
    const value = new Uint8Array(length).map((_, i) => i * 7);
    queue.putSync(value);
    assertThrows(() => queue.putNowait(value), Full);
    assertEquals(queue.getSync(), value);
    await queue.put(value);
    await assertRejects(() => queue.put(value, { timeout: 5 }), Full);
    assertEquals(await queue.get(), value);
  }
  await assertRejects(() => queue.get({ timeout: 1 }), Empty); // says that all have arrived
  assertEquals((await engine.treeKeys()).filter((key) => /o:\d+:[^d]/.test(key)), []);
});

engineTest("queue on an engine: a value beyond maxMessage is refused with a hint", (engine) => {
  const session = rootOf(engine, { maxMessage: 1000 });
  const queue = new RemoteQueue<string>(session);
  assertThrows(
    () => queue.putSync("x".repeat(1000)),
    RangeError,
    "the context's maxMessage is 1000; put large data where",
  );
  queue.close();
  session.close();
});

queueTest("objects of the engine travel, and objects of this machine do not", async (session) => {
  using queue = new RemoteQueue<unknown>(session);
  using lock = new RemoteLock(session, { name: "gate" });
  await queue.put({ lock, twice: [lock] });
  const arrived = await queue.get() as { lock: RemoteLock; twice: RemoteLock[] };
  assertStrictEquals(arrived.lock, arrived.twice[0]);
  lock.acquireSync();
  assertEquals(arrived.lock.locked(), true);
  arrived.lock[Symbol.dispose]();
  lock.release();

  using local = new Lock({ name: "here" });
  await assertRejects(
    () => queue.put({ deep: local }),
    TypeError,
    `Cannot serialise an object of class "Lock" at value.deep: it, "here", is in the memory of this machine`,
  );
  assertThrows(() => queue.putSync(RawArray("i32", 2)), TypeError, "is in the memory of this machine");
  using here = new Queue<unknown>();
  assertThrows(() => queue.putSync(here), TypeError, "Make it by the context of the engine");
  assertThrows(
    () => here.putSync(lock),
    TypeError,
    `it, "gate", is in an engine, and this message stays on this machine`,
  );
  assert(queue.empty() && here.empty());
});

queueTest("an object that is sent and closed lives on in its message", async (session, engine) => {
  using queue = new RemoteQueue<RemoteQueue<number>>(session);
  const inner = new RemoteQueue<number>(session);
  inner.putSync(7);
  await queue.put(inner);
  inner.close();
  using arrived = await queue.get();
  assertEquals(arrived.getSync(), 7);
  arrived.close();
  await assertRejects(() => queue.get({ timeout: 1 }), Empty);
  await queue.put(new RemoteQueue<number>(session));
  queue.shutdown({ immediate: true });
  session.step("make", "event", "");
  assert((await engine.treeKeys()).length > 0);
});

queueTest("closing ends the waits", async (session) => {
  const queue = new RemoteQueue<number>(session, 1);
  queue.putSync(1);
  const put = queue.put(2);
  const other = new RemoteQueue<number>(session);
  const get = other.get();
  queue.close();
  other.close();
  await Promise.all([put, get].map((it) => assertRejects(() => it, InvalidStateError, "the Queue is closed")));
  assertThrows(() => queue.qsize(), InvalidStateError, "Cannot look at the queue: the Queue is closed");
  await queue.joinThread();
  queue.joinThreadSync();
  assertEquals(String(queue), "<Queue (closed)>");
});

queueTest("a thread that would wait for ever is told so", (session) => {
  using queue = new RemoteQueue<number>(session, 1);
  assertThrows(() => queue.getSync(), EOFError, "nobody can put any more");
  queue.putSync(1);
  assertThrows(() => queue.putSync(2), EOFError, "nobody can take any more");
});

queueTest("tasks are counted, and a dead process's are told of", async (session, engine) => {
  using jobs = new RemoteJoinableQueue<string>(session, 0, { name: "jobs" });
  assertEquals(await jobs.join(), true);
  assertThrows(() => jobs.taskDone(), InvalidStateError, "task_done() called too many times");
  jobs.putSync("a.txt");
  jobs.putSync("b.txt");
  assertEquals(await jobs.join({ timeout: 5 }), false);
  assertEquals(jobs.joinSync({ timeout: 5 }), false);
  const visitor = visitorOf(engine, session);
  const id = jobs[inside]().id("look at");
  visitor.step("adopt", id);
  const joined = jobs.join();
  const taken = visitor.step("get", id, 0, 1, 0);
  assertEquals(visitor.step("get", id, 0, 1, 0, taken.text(0)).length, 2); // the first has arrived, the second has not
  bury(session, visitor.member);
  visitor.close();
  const error = await assertRejects(() => joined, OwnerDiedError, `Cannot join the queue "jobs": "visitor"`);
  assertEquals([error.exitcode, error.host], [-9, "elsewhere"]);
  jobs.taskDone();
  assertEquals(jobs.qsize(), 1);
  while (!jobs.empty()) {
    jobs.getSync();
    jobs.taskDone();
  }
  assertEquals(await jobs.join(), true);
});

queueTest("a simple queue has neither limits nor options", async (session) => {
  using queue = new RemoteSimpleQueue<number>(session, { name: "s" });
  await queue.put(1);
  queue.putSync(2);
  assertEquals([await queue.get(), queue.getSync(), queue.empty()], [1, 2, true]);
  assertThrows(() => Reflect.apply(queue.getSync, queue, [{ timeout: 1 }]), TypeError, "it takes no options");
  assert(/^<SimpleQueue \d+ \(0 values, name='s'\)>$/.test(String(queue)), String(queue));
});

queueTest("what a queue is made with is checked", (session) => {
  const make = (maxsize: unknown, options: unknown = {}) => () =>
    new RemoteQueue(session, maxsize as number, options as RemoteQueueOptions);
  assertThrows(make("1"), TypeError, `Cannot create a queue: "maxsize" is "1"`);
  assertThrows(make(1.5), RangeError);
  assertThrows(make(2 ** 31), RangeError);
  assertThrows(make(0, { nome: "x" }), TypeError, `did you mean "name"?`);
  assertThrows(
    make(0, { onConsumerDeath: "throw" }),
    TypeError,
    `"onConsumerDeath" is "throw", wanted "lose" or "redeliver"`,
  );
  assertThrows(make(0, { maxDeliveries: 0 }), RangeError, `"maxDeliveries" is 0, wanted a whole number from 1 to 255`);
});

for (const when of ["loading", "running"]) {
  engineTest(
    `queue on an engine: who waits for nobody is told so when nothing else is to be done (${when})`,
    async (engine) => {
      const program = new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "-A",
          "--quiet",
          new URL("../fixtures/engine/queue_alone.ts", import.meta.url).href,
          engine.url,
          when,
        ],
        env: { NO_COLOR: "1" },
        stdin: "null",
        stderr: "inherit",
      });
      const { stdout, success } = await within(program.output());
      assertEquals(new TextDecoder().decode(stdout).split("\n"), [
        "got 1 although it was alone",
        "EOFError: Cannot get from the queue: it is empty, and nobody can put any more",
        "EOFError: Cannot join the queue: not every value has been acknowledged, and nobody can take or acknowledge any more",
        "",
      ]);
      assertEquals(success, true);
    },
  );
}

stageTest(
  "queue on an engine: a lost value that cannot be opened takes no other with it",
  async ({ engine, session }) => {
    for (
      const look of [(it: RemoteQueue<string>) => it.lost(), async (it: RemoteQueue<string>) => await it.lostSync()]
    ) {
      using queue = new RemoteQueue<string>(session, 0, { onConsumerDeath: "redeliver" });
      for (const text of ["first", "broken", "last"]) await queue.put(text);
      const ready = (await engine.treeKeys()).find((key) => key.endsWith(":r"))!;
      const lost = ready.replace(/:r$/, ":lost");
      const breaking = 'redis.call("RENAME", KEYS[1], KEYS[2]) ' +
        'redis.call("LSET", KEYS[2], 1, redis.call("LINDEX", KEYS[2], 1):sub(1, -2))';
      await engine.command("EVAL", breaking, 2, ready, lost);
      await assertRejects(() => look(queue));
      assertEquals(await look(queue), ["first", "last"]);
      assertEquals(await look(queue), []);
    }
  },
);
