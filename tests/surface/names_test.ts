// The `name` of objects that processes share: it travels with the object, toString() has it, and so has every message
// about the object.

import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import * as mp from "@parallel/multiprocessing";
import { getContext } from "@parallel/multiprocessing/context";
import { Manager } from "@parallel/multiprocessing/managers";
import { dumps, loads } from "@parallel/multiprocessing/reduction";
import { FIXTURES, within } from "../support/helpers.ts";

const INSPECTED = new URL("surface/inspected.ts", FIXTURES).href;
const OWNERS = new URL("synchronize/owner_targets.ts", FIXTURES).href;

interface Named extends Disposable {
  readonly name: string | undefined;
}

/** A class of objects that take a name. */
interface Row {
  make(options?: mp.NameOptions): Named;
  /** Uses it, which throws once it is closed. */
  use(it: Named): unknown;
  /** What it is called in sentences. */
  readonly called: string;
}

const ROWS: Record<string, Row> = {
  Lock: { make: (o) => new mp.Lock(o), use: (it) => (it as mp.Lock).tryAcquire(), called: "Lock" },
  RLock: { make: (o) => new mp.RLock(o), use: (it) => (it as mp.RLock).tryAcquire(), called: "RLock" },
  Semaphore: { make: (o) => new mp.Semaphore(1, o), use: (it) => (it as mp.Semaphore).getValue(), called: "Semaphore" },
  BoundedSemaphore: {
    make: (o) => new mp.BoundedSemaphore(1, o),
    use: (it) => (it as mp.BoundedSemaphore).getValue(),
    called: "BoundedSemaphore",
  },
  Condition: {
    make: (o) => new mp.Condition(undefined, o),
    use: (it) => (it as mp.Condition).notify(),
    called: "Condition",
  },
  Event: { make: (o) => new mp.Event(o), use: (it) => (it as mp.Event).isSet(), called: "Event" },
  Barrier: { make: (o) => new mp.Barrier(2, o), use: (it) => (it as mp.Barrier).parties, called: "Barrier" },
  Queue: { make: (o) => new mp.Queue(0, o), use: (it) => (it as mp.Queue).qsize(), called: "queue" },
  JoinableQueue: {
    make: (o) => new mp.JoinableQueue(0, o),
    use: (it) => (it as mp.JoinableQueue).qsize(),
    called: "queue",
  },
  SimpleQueue: { make: (o) => new mp.SimpleQueue(o), use: (it) => (it as mp.SimpleQueue).empty(), called: "queue" },
};

for (const [kind, { make, use, called }] of Object.entries(ROWS)) {
  Deno.test(`name: ${kind} has it in its text and in the error of a closed one; without, neither has`, () => {
    for (const name of ["db", undefined]) {
      const it = make(name === undefined ? undefined : { name });
      const field = name === undefined ? "" : "name='db'";
      assertEquals(it.name, name);
      assertEquals(String(it).includes("name="), name !== undefined);
      assert(String(it).includes(field));
      it[Symbol.dispose]();
      assertEquals(it.name, name);
      assertMatch(String(it), name === undefined ? /closed\)>$/ : /\(closed, name='db'\)>$/);
      const error = assertThrows(() => use(it), mp.InvalidStateError);
      assertMatch(error.message, new RegExp(`^Cannot [a-z ]+ the ${called}${name === undefined ? "" : ' "db"'}: the `));
    }
  });

  Deno.test(`name: ${kind} refuses what is none, and options that it has not`, () => {
    for (const name of [5, null, "", "a\0b", "é".repeat(128), {}] as unknown as string[]) {
      assertThrows(() => make({ name }), TypeError, "wanted a string of 1 to 255 bytes without NUL");
    }
    assertThrows(() => make({ nmae: "db" } as object), TypeError, 'did you mean "name"?');
    assertThrows(() => make(5 as unknown as object), TypeError, "wanted an object");
    using longest = make({ name: "é".repeat(127) });
    assertEquals(longest.name, "é".repeat(127));
    using hostile = make({ name: "\x1b[31m\n" });
    assert(String(hostile).includes("name='\\u001b[31m\\u000a'"), String(hostile));
  });
}

for (const method of ["spawn", "forkserver"] as const) {
  Deno.test(`name (${method}): it is known in every process that the object reaches`, async () => {
    using said = new mp.Queue<Record<string, string>>();
    const objects = Object.fromEntries(
      Object.entries(ROWS).map(([kind, { make }]) => [kind, make({ name: `a ${kind}` })]),
    );
    const { Process } = getContext(method);
    const child = new Process({ target: { module: INSPECTED, name: "look" }, args: [said, objects] });
    child.start();
    const seen = await said.get();
    await child.join();
    for (const kind of Object.keys(ROWS)) assert(seen[kind].includes(`name='a ${kind}'`), seen[kind]);
    for (const it of Object.values(objects)) it[Symbol.dispose]();
  });
}

Deno.test("name: errors of queues", async () => {
  const named = (error: Error) => assertMatch(error.message, /^Cannot [a-z ]+ the queue "jobs": /);
  using queue = new mp.JoinableQueue<number>(1, { name: "jobs" });
  named(assertThrows(() => queue.getNowait(), mp.Empty));
  named(await assertRejects(() => queue.get({ timeout: 1 }), mp.Empty));
  named(assertThrows(() => queue.getSync(), mp.EOFError));
  named(assertThrows(() => queue.taskDone(), mp.InvalidStateError));
  queue.putSync(1);
  named(assertThrows(() => queue.putNowait(2), mp.Full));
  named(assertThrows(() => queue.putSync(2), mp.EOFError));
  named(assertThrows(() => queue.joinSync(), mp.EOFError));
  named(assertThrows(() => queue.joinThreadSync(), mp.InvalidStateError));
  queue.shutdown({ immediate: true });
  named(assertThrows(() => queue.putNowait(2), mp.ShutDown));
  named(assertThrows(() => queue.getNowait(), mp.ShutDown));

  using lost = new mp.JoinableQueue<number>(0, { name: "jobs" });
  lost.putSync(1);
  const taker = new mp.Process({ target: { module: OWNERS, name: "takeAndEnd" }, args: [lost] });
  taker.start();
  named(await within(assertRejects(() => lost.join(), mp.OwnerDiedError)));
  await taker.join();
});

Deno.test("name: errors of locks and of whatever else is waited for", async () => {
  const named = (error: Error) => assertMatch(error.message, /^Cannot [a-z ]+ the \w+ "db": /);
  for (const Kind of [mp.Lock, mp.RLock]) {
    using lock = new Kind({ name: "db" });
    named(assertThrows(() => lock.release(), mp.InvalidStateError));
    const owner = new mp.Process({ target: { module: OWNERS, name: "acquireAndEnd" }, args: [lock, "SIGKILL"] });
    owner.start();
    await owner.join();
    named(assertThrows(() => lock.acquireSync(), mp.OwnerDiedError));
  }
  using semaphore = new mp.BoundedSemaphore(1, { name: "db" });
  named(assertThrows(() => semaphore.release(), mp.InvalidStateError));
  using condition = new mp.Condition(undefined, { name: "db" });
  named(assertThrows(() => condition.notify(), mp.InvalidStateError));
  named(assertThrows(() => condition.waitSync(), mp.InvalidStateError));
  named(assertThrows(() => condition.release(), mp.InvalidStateError)); // of the lock that was made for it
  using barrier = new mp.Barrier(2, { name: "db" });
  barrier.abort();
  named(assertThrows(() => barrier.waitSync(), mp.BrokenBarrierError));
  named(await assertRejects(() => barrier.wait(), mp.BrokenBarrierError));
});

Deno.test("name: promises that wait while the object is closed", async () => {
  const queue = new mp.Queue<number>(0, { name: "db" });
  const event = new mp.Event({ name: "db" });
  const lock = new mp.Lock({ name: "db" });
  lock.acquireSync();
  const waits = [queue.get(), event.wait(), lock.acquire()];
  for (const it of [queue, event, lock]) it[Symbol.dispose]();
  for (const wait of waits) {
    const error: Error = await within(assertRejects(() => wait, mp.InvalidStateError));
    assertMatch(error.message, /^Cannot [a-z ]+ the \w+ "db": the \w+ is closed$/);
  }
});

Deno.test("name: that of a Value or an Array is its lock's, which nobody else has named", () => {
  const Point = mp.Structure({ x: "f64" });
  const name = "db";
  for (
    const make of [
      (options: object) => mp.Value("i32", 7, options),
      (options: object) => mp.Value(Point, { x: 1 }, options),
      (options: object) => mp.Array("i32", 2, options),
      (options: object) => mp.Array(Point, 2, options),
    ]
  ) {
    using made = make({ name }) as mp.Synchronized<number>;
    assertEquals(made.getLock().name, name);
    const arrived = loads(dumps(made).bytes) as typeof made;
    assertEquals(arrived.getLock().name, name);
    assertEquals(String(arrived), String(made));
    arrived[Symbol.dispose]();
    assertEquals(made.getLock().locked(), false);
    using lock = new mp.Lock();
    for (const bad of [{ name, lock: false }, { name, lock }]) assertThrows(() => make(bad), TypeError, '"name" names');
    assertThrows(() => make({ name: "" }), TypeError, "wanted a string of 1 to 255 bytes");
  }
});

Deno.test("name: contexts and managers make objects with names", async () => {
  const context = getContext("spawn");
  using ours = new context.Queue<number>(0, { name: "ours" });
  assertEquals(ours.name, "ours");
  await using manager = await Manager();
  const name = "db";
  const made = [
    await manager.Lock({ name }),
    await manager.RLock({ name }),
    await manager.Semaphore(2, { name }),
    await manager.BoundedSemaphore(undefined, { name }),
    await manager.Condition(undefined, { name }),
    await manager.Event({ name }),
    await manager.Barrier(2, { name }),
    await manager.Queue(0, { name }),
    await manager.JoinableQueue(undefined, { name }),
  ];
  for (const proxy of made) assert((await proxy.describe()).includes("name='db'"), await proxy.describe());
  await assertRejects(() => manager.Event({ nmae: name } as object), TypeError, 'did you mean "name"?');
  const [value, array] = [await manager.Value("i", 1, { name }), await manager.Array("i", 2, { name })];
  for (const proxy of [value, array]) {
    assertMatch((await assertRejects(() => proxy.release(), mp.InvalidStateError)).message, / the RLock "db": /);
  }
  const lock = await manager.Lock();
  await assertRejects(() => manager.Value("i", 1, { name, lock }), TypeError, '"name" names the lock');
  const queue = await manager.Queue(1, { name });
  assertMatch((await assertRejects(() => queue.getNowait(), mp.Empty)).message, /^Cannot get from the queue "db": /);
});

Deno.test("name: one that a message has and that nobody could have given is refused, and the handle is not taken", () => {
  using lock = new mp.Lock({ name: "db" });
  const { bytes } = dumps(lock);
  const at = new TextDecoder("latin1").decode(bytes).indexOf("db");
  assert(at > 0);
  bytes[at] = 0;
  assertThrows(() => loads(bytes), RangeError, "its reference is malformed");
});

Deno.test("name: an object without one is described by as much as before", () => {
  for (const [kind, { make }] of Object.entries(ROWS)) {
    using plain = make();
    using named = make({ name: "db" });
    // Not the lengths: the number of a block takes one byte or more.
    const [without, withName] = [plain, named].map((it) => new TextDecoder().decode(dumps(it).bytes));
    assert(withName.includes("db"), kind);
    assertEquals(without.includes("name"), false, kind);
  }
});
