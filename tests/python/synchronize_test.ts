// Locks, semaphores, events, conditions and barriers that a Deno program and a process of Python share: arguments, results
// and exceptions are CPython's there, and what one does the other sees.

import {
  Barrier,
  BoundedSemaphore,
  BrokenBarrierError,
  Condition,
  Event,
  Lock,
  OwnerDiedError,
  Process,
  Queue,
  RLock,
  Semaphore,
  Value,
} from "@parallel/multiprocessing";
import { assert, assertEquals, assertInstanceOf, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { hold } from "../fixtures/targets.ts";
import { blocked, TARGETS, until, within } from "../support/helpers.ts";
import { bounds, each, Player } from "./players.ts";

const TOO_MANY = /semaphore or lock released too many times/;

each("a lock is held by one at a time, and has CPython's arguments", async (python) => {
  using lock = new Lock({ name: "db" });
  await using player = new Player(python, { lock });
  assertEquals(await player.ask("call", "lock", "acquire"), true);
  assertEquals(lock.tryAcquire(), null);
  assertEquals(await player.ask("show", "lock"), `<Lock(owner=${player.process.name}, name='db')>`);
  assertEquals(await player.ask("call", "lock", "acquire", false), false);
  assertEquals(await player.ask("call", "lock", "acquire", true, 0.01), false);
  assertEquals(await player.ask("call", "lock", "acquire", true, -5), false);
  assertEquals(await player.ask("call_by_name", "lock", "acquire", { block: true, timeout: 0 }), false);
  assertEquals(await player.ask("call", "lock", "locked"), true);
  await player.ask("call", "lock", "release");
  await within(lock.acquire());
  assertEquals(await player.ask("show", "lock"), "<Lock(owner=SomeOtherProcess, name='db')>");
  await player.ask("call", "lock", "release"); // whoever holds it
  const { raised, message } = await player.error("call", "lock", "release");
  assertEquals(raised, "ValueError");
  assertMatch(message, TOO_MANY);
});

each("a recursive lock is its thread's, and free when it has been released as often", async (python) => {
  using lock = new RLock();
  await using player = new Player(python, { lock });
  for (let depth = 0; depth < 3; depth++) assertEquals(await player.ask("call", "lock", "acquire"), true);
  assertEquals(await player.ask("show", "lock"), `<RLock(${player.process.name}, 3)>`);
  for (let depth = 0; depth < 3; depth++) {
    assertEquals(lock.tryAcquire(), null);
    await player.ask("call", "lock", "release");
  }
  using _guard = await within(lock.acquire());
  const { raised, message } = await player.error("call", "lock", "release");
  assertEquals(raised, "AssertionError");
  assertMatch(message, /attempt to release recursive lock not owned by thread/);
  assertEquals(await player.ask("show", "lock"), "<RLock(SomeOtherProcess, nonzero)>");
});

each("a waiter gets the lock when the other side releases it, from both sides", async (python) => {
  using lock = new Lock();
  await using player = new Player(python, { lock });
  lock.acquireSync();
  player.tell("say_and_call", "lock", "acquire");
  assertEquals(await player.result(), "about to");
  await blocked(player.pid);
  lock.release();
  assertEquals(await player.result(), true);
  const waiting = lock.acquire();
  await player.ask("call", "lock", "release");
  (await within(waiting)).release();
});

each("increments under a lock of both sides sum up exactly, and those of several threads", async (python) => {
  using lock = new Lock();
  using counter = Value("i32", 0, { lock: false });
  await using player = new Player(python, { lock, counter });
  player.tell("increment", "lock", "counter", 20_000);
  for (let i = 0; i < 20_000; i++) {
    using _guard = lock.acquireSync();
    counter.value++;
  }
  await player.result();
  assertEquals(counter.value, 40_000);
  await player.ask("increment_in_threads", "lock", "counter", 4, 500);
  assertEquals(counter.value, 42_000);
});

for (const [kind, make] of [["Lock", () => new Lock()], ["RLock", () => new RLock()]] as const) {
  each(`who acquires a ${kind} after its holder was killed is told so, on both sides`, async (python) => {
    using lock = make();
    const victim = new Player(python, { lock });
    await using heir = new Player(python, { lock });
    assertEquals(await victim.ask("hold_for_ever", "lock", kind === "RLock" ? 2 : 1), "held");
    heir.tell("say_and_call", "lock", "acquire");
    await heir.result();
    await blocked(heir.pid);
    const { pid, process: { name } } = victim;
    await victim.kill();
    const told = await heir.raised();
    assertEquals({ ...told, message: "" }, {
      ...{ raised: "OwnerDiedError", message: "", pid },
      ...{ process_name: name, exitcode: -9 },
    });
    assertMatch(told.message, /ended by SIGKILL while it held it, .* it is free again$/);
    await victim[Symbol.asyncDispose]();
    assertEquals(await heir.ask("call", "lock", "acquire", false), true); // once
    await heir.ask("call", "lock", "release");

    const next = new Player(python, { lock });
    await next.ask("hold_for_ever", "lock", 1);
    const waiting = assertRejects(() => within(lock.acquire()), OwnerDiedError, "ended by SIGKILL");
    await next.kill();
    assertInstanceOf(await waiting, OwnerDiedError);
    await next[Symbol.asyncDispose]();
    lock.acquireSync().release();
  }, bounds.slice(-1));
}

each("a lock that is to recover is had after a death, and says so", async (python) => {
  using lock = new Lock({ onOwnerDeath: "recover" });
  const victim = new Player(python, { lock });
  await using heir = new Player(python, { lock });
  await victim.ask("hold_for_ever", "lock", 1);
  await victim.kill();
  await victim[Symbol.asyncDispose]();
  assertEquals(await heir.ask("call", "lock", "acquire"), true);
  assertEquals(await heir.ask("get", "lock", "owner_died"), true);
  await heir.ask("call", "lock", "release");
  assertEquals(await heir.ask("call", "lock", "acquire"), true);
  assertEquals(await heir.ask("get", "lock", "owner_died"), false);
  await heir.ask("call", "lock", "release");
}, bounds.slice(-1));

each(
  "a lock whose holder was a Deno process is inherited in Python, and one whose thread has ended",
  async (python) => {
    using lock = new Lock();
    using said = new Queue();
    using orders = new Queue();
    await using player = new Player(python, { lock });
    const holder = new Process({ target: hold, args: [[lock], said, orders] });
    holder.start();
    await within(said.get());
    player.tell("say_and_call", "lock", "acquire");
    await player.result();
    await blocked(player.pid);
    holder.kill();
    await within(holder.join());
    const told = await player.raised();
    assertEquals([told.raised, told.pid, told.process_name], ["OwnerDiedError", holder.pid, holder.name]);

    await player.ask("acquire_in_thread", "lock");
    const error = assertThrows(() => lock.acquireSync(), OwnerDiedError, "a Worker or another thread of");
    assertEquals(error.pid, player.pid);
  },
  bounds.slice(-1),
);

each("a semaphore counts on both sides, and refuses a release too many", async (python) => {
  using semaphore = new Semaphore(2);
  using bounded = new BoundedSemaphore(1);
  await using player = new Player(python, { semaphore, bounded });
  assertEquals(await player.ask("call", "semaphore", "acquire"), true);
  assertEquals(await player.ask("call", "semaphore", "get_value"), 1);
  semaphore.acquireSync();
  assertEquals(await player.ask("call", "semaphore", "acquire", false), false);
  assertEquals(await player.ask("call", "semaphore", "acquire", true, 0.01), false);
  assertEquals(await player.ask("show", "semaphore"), "<Semaphore(value=0)>");
  player.tell("say_and_call", "semaphore", "acquire");
  await player.result();
  await blocked(player.pid);
  semaphore.release();
  assertEquals(await player.result(), true);
  await player.ask("call", "semaphore", "release", 2);
  assertEquals(semaphore.getValue(), 2);
  assertEquals((await player.error("call", "semaphore", "release", 0)).raised, "ValueError");

  assertEquals(await player.ask("show", "bounded"), "<BoundedSemaphore(value=1, maxvalue=1)>");
  const { raised, message } = await player.error("call", "bounded", "release");
  assertEquals(raised, "ValueError");
  assertMatch(message, TOO_MANY);
  assertEquals(bounded.getValue(), 1);
});

each("an event releases who waits on the other side, even if it is cleared at once", async (python) => {
  using event = new Event();
  await using player = new Player(python, { event });
  assertEquals(await player.ask("call", "event", "wait", 0.01), false);
  assertEquals(await player.ask("call", "event", "wait", -1), false);
  player.tell("say_and_call", "event", "wait");
  await player.result();
  await blocked(player.pid);
  event.set();
  event.clear();
  assertEquals(await player.result(), true);
  assertEquals(await player.ask("call", "event", "is_set"), false);
  const waiting = event.wait();
  await player.ask("call", "event", "set");
  assertEquals(await within(waiting), true);
  assertEquals(await player.ask("call", "event", "wait"), true);
  assertMatch(String(await player.ask("show", "event")), /^<Event at 0x[0-9a-f]+ set>$/);
});

each("a wait in Python lets its other threads run", async (python) => {
  using event = new Event();
  using barrier = new Barrier(3);
  await using player = new Player(python, { event, barrier });
  assertEquals(await player.ask("wait_while_others_run", "event"), true);
  assertEquals(await player.ask("pass_in_threads", "barrier", 3, 20), 60);
});

each("a condition is waited for and notified across the two", async (python) => {
  using condition = new Condition();
  using value = Value("i32", 0, { lock: false });
  await using player = new Player(python, { condition, value });
  assertEquals((await player.error("call", "condition", "wait")).message.split("; ").at(-1), NO_WAIT);
  const notify = await player.error("call", "condition", "notify");
  assertEquals([notify.raised, notify.message.split("; ").at(-1)], ["AssertionError", "lock is not owned"]);
  assertEquals(await player.ask("wait_for_value", "condition", "value", 0, null), "held");
  assertEquals(await player.result(), true);

  assertEquals(await player.ask("wait_for_value", "condition", "value", 7, 0.02), "held");
  assertEquals(await player.result(), false);

  assertEquals(await player.ask("wait_for_value", "condition", "value", 7, null), "held");
  for (const number of [3, 7]) {
    using _guard = await within(condition.acquire());
    value.value = number;
    condition.notifyAll();
  }
  assertEquals(await player.result(), true);

  const waiting = (async () => {
    using _guard = await condition.acquire();
    return await condition.waitFor(() => value.value === 9);
  })();
  assertEquals(await player.ask("set_under_condition", "condition", "value", 9), true);
  assertEquals(await within(waiting), true);
  assertEquals(await player.ask("show", "condition"), "<Condition(<RLock(None, 0)>, 0)>");
});

const NO_WAIT = "must acquire() condition before using wait()";

each("a notification whose waiter was killed is another's, on either side", async (python) => {
  using condition = new Condition(new Lock());
  const victim = new Player(python, { condition });
  await using waiter = new Player(python, { condition });
  for (const player of [victim, waiter]) {
    player.tell("within", "condition", "condition", "wait");
    assertEquals(await player.result(), "held");
    (await within(condition.acquire())).release(); // it waits: it has the lock no more
  }
  {
    // Notified, it cannot have the lock again before it dies.
    using _guard = await within(condition.acquire());
    condition.notify();
    await victim.kill();
    await victim[Symbol.asyncDispose]();
  }
  assertEquals(await waiter.result(), true);
}, bounds.slice(-1));

each("a barrier has parties of both, and CPython's exception when it breaks", async (python) => {
  using barrier = new Barrier(2);
  await using player = new Player(python, { barrier });
  for (let round = 0; round < 3; round++) {
    player.tell("call", "barrier", "wait");
    const [mine, theirs] = await Promise.all([within(barrier.wait()), player.result()]);
    assertEquals([mine, theirs].sort(), [0, 1]);
  }
  assertEquals([await player.ask("get", "barrier", "parties"), await player.ask("get", "barrier", "n_waiting")], [
    2,
    0,
  ]);
  const late = await player.error("call", "barrier", "wait", 0.01);
  assertEquals(late.raised, "BrokenBarrierError");
  await assertRejects(() => within(barrier.wait()), BrokenBarrierError);
  assertEquals(await player.ask("get", "barrier", "broken"), true);
  await player.ask("call", "barrier", "reset");
  assertEquals(barrier.broken, false);
  player.tell("say_and_call", "barrier", "wait");
  await player.result();
  await blocked(player.pid);
  barrier.abort();
  assertEquals((await player.raised()).raised, "BrokenBarrierError");
});

each("a party that is killed breaks the barrier for the others", async (python) => {
  using barrier = new Barrier(3);
  const victim = new Player(python, { barrier });
  await using player = new Player(python, { barrier });
  for (const party of [victim, player]) {
    party.tell("say_and_call", "barrier", "wait");
    await party.result();
  }
  await until("both at the barrier", () => barrier.nWaiting === 2);
  await victim.kill();
  const told = await player.raised();
  assertEquals(told.raised, "BrokenBarrierError");
  assertMatch(
    told.message,
    new RegExp(`because "${victim.process.name}" \\(pid ${victim.pid}\\) was ended by SIGKILL`),
  );
  await victim[Symbol.asyncDispose]();
  await assertRejects(() => within(barrier.wait()), BrokenBarrierError, victim.process.name);
}, bounds.slice(-1));

each("a barrier with an action of Deno's says that Python cannot run it", async (python) => {
  using barrier = new Barrier(2, { action: { module: TARGETS, name: "nothing" } });
  await using player = new Player(python, { barrier });
  const { raised, message } = await player.error("call", "barrier", "wait");
  assertEquals(raised, "RuntimeError");
  assertMatch(message, /its action is a function of Deno's/);
  assertEquals([barrier.broken, barrier.nWaiting], [false, 0]);
}, bounds.slice(-1));

each("KeyboardInterrupt ends a wait, and leaves the object to the others", async (python) => {
  using lock = new Lock();
  using event = new Event();
  using semaphore = new Semaphore(0);
  using condition = new Condition(new Lock());
  using barrier = new Barrier(2);
  lock.acquireSync();
  await using player = new Player(python, { lock, event, semaphore, condition, barrier });
  const interrupted = async () => {
    await blocked(player.pid);
    Deno.kill(player.pid, "SIGINT");
    assertEquals((await player.raised()).raised, "KeyboardInterrupt");
  };
  for (const [thing, method] of [["lock", "acquire"], ["event", "wait"], ["semaphore", "acquire"]]) {
    player.tell("say_and_call", thing, method);
    await player.result();
    await interrupted();
  }
  player.tell("call", "barrier", "wait");
  await until("a party", () => barrier.nWaiting === 1);
  await interrupted();
  assert(barrier.broken);
  player.tell("within", "condition", "condition", "wait");
  await player.result();
  await interrupted();
  lock.release();
  semaphore.release();
  assertEquals(await player.ask("call", "semaphore", "acquire", false), true);
  (await within(condition.acquire())).release(); // it had the lock again, and released it
  assertEquals(String(condition), "<Condition(<Lock(owner=None)>, 0)>");
});

each("KeyboardInterrupt comes out of a condition's wait with the lock, however often it comes", async (python) => {
  using condition = new Condition(new Lock());
  await using player = new Player(python, { condition });
  player.tell("within", "condition", "condition", "wait");
  await player.result();
  const guard = await within(condition.acquire());
  for (let i = 0; i < 3; i++) {
    await blocked(player.pid);
    Deno.kill(player.pid, "SIGINT");
  }
  await blocked(player.pid);
  guard.release(); // nobody else has released it
  assertEquals((await player.raised()).raised, "KeyboardInterrupt");
  (await within(condition.acquire())).release();
}, bounds.slice(-1));

each("a handler that raises nothing lets the wait go on for the rest of its time", async (python) => {
  using event = new Event();
  using lock = new Lock();
  lock.acquireSync();
  await using player = new Player(python, { event, lock });
  assertEquals(await player.ask("wait_with_alarm", "event", "wait", 0.3), [false, 1, true]);
  assertEquals(await player.ask("wait_with_alarm", "lock", "acquire", 0.3), [false, 1, true]);
}, bounds.slice(-1));

each("a forked child is told that it has no part in it", async (python) => {
  using lock = new Lock();
  using event = new Event();
  await using player = new Player(python, { lock, event });
  for (const [thing, method] of [["lock", "acquire"], ["event", "set"]]) {
    assertMatch(String(await player.ask("use_in_fork", thing, method)), /^RuntimeError: .*forked/);
  }
  assertEquals([lock.locked(), event.isSet()], [false, false]);
}, bounds.slice(-1));

each("what arrives in Python is sent on, and is the same object", async (python) => {
  const things = {
    lock: new Lock({ name: "named" }),
    rlock: new RLock(),
    semaphore: new Semaphore(3),
    bounded: new BoundedSemaphore(2),
    event: new Event(),
    condition: new Condition(),
    barrier: new Barrier(2, { timeout: 1500 }),
  };
  await using player = new Player(python, things);
  for (const [name, thing] of Object.entries(things)) {
    const back = await player.ask("hand_on", name);
    assertEquals([Object.getPrototypeOf(back), String(back)], [Object.getPrototypeOf(thing), String(thing)]);
    assertEquals(await player.ask("exchange", name, back), null);
    (back as Disposable)[Symbol.dispose]();
    thing[Symbol.dispose]();
  }
  assertEquals(await player.ask("call", "lock", "acquire"), true); // Python's own handle keeps it
});

each("objects that Python has made work in Deno", async (python) => {
  await using player = new Player(python, {});
  using lock = await player.ask("make", "lock", "Lock") as Lock;
  assertEquals(await player.ask("call", "lock", "acquire"), true);
  assertEquals(lock.tryAcquire(), null);
  lock.release();
  using rlock = await player.ask("make", "rlock", "RLock") as RLock;
  assertInstanceOf(rlock, RLock);
  using semaphore = await player.ask("make", "semaphore", "Semaphore", 5) as Semaphore;
  assertEquals(semaphore.getValue(), 5);
  using bounded = await player.ask("make", "bounded", "BoundedSemaphore", 4) as BoundedSemaphore;
  assertEquals(String(bounded), "<BoundedSemaphore(value=4, maxvalue=4)>");
  using event = await player.ask("make", "event", "Event") as Event;
  event.set();
  assertEquals(await player.ask("call", "event", "is_set"), true);
  using condition = await player.ask("make", "condition", "Condition") as Condition;
  player.tell("within", "condition", "condition", "wait");
  await player.result();
  {
    using _guard = await within(condition.acquire());
    condition.notify();
  }
  assertEquals(await player.result(), true);
  using barrier = await player.ask("make", "barrier", "Barrier", 2) as Barrier;
  player.tell("call", "barrier", "wait");
  assertEquals([await within(barrier.wait()), await player.result()].sort(), [0, 1]);
  for (const [kind, given, wanted] of REFUSED) {
    assertEquals((await player.error("make", "bad", kind, ...given)).raised, wanted, `${kind}(${given})`);
  }
});

const REFUSED: [kind: string, given: unknown[], raised: string][] = [
  ["Semaphore", [-1], "ValueError"],
  ["Semaphore", ["1"], "TypeError"],
  ["BoundedSemaphore", [2 ** 31], "ValueError"],
  ["Barrier", [0], "ValueError"],
  ["Condition", [5], "TypeError"],
];
