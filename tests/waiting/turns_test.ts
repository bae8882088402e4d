// Calls that need not wait, in a loop: timers and other promises have their turn all the same.

import {
  BoundedSemaphore,
  type BytesView,
  Condition,
  Event,
  Full,
  type Guard,
  JoinableQueue,
  Lock,
  Manager,
  Pipe,
  Pool,
  Process,
  Queue,
  RLock,
  Semaphore,
  SimpleQueue,
  TimeoutError,
  Value,
} from "@parallel/multiprocessing";
import { wait } from "@parallel/multiprocessing/connection";
import { assert, assertEquals, assertRejects } from "@std/assert";

/** So many calls come in the time of some hundred turns. */
const MOST_CALLS = 1_000_000;

/** Calls until a timer has run three times, one after the other; fails if it does not. */
async function untilTimersRun(what: string, call: () => Promise<unknown>): Promise<void> {
  let runs = 0;
  const timer = setInterval(() => runs++, 0);
  try {
    for (let calls = 0; runs < 3; calls++) {
      assert(calls < MOST_CALLS, `no timer runs between calls of ${what}`);
      await call();
    }
  } finally {
    clearInterval(timer);
  }
}

Deno.test("a queue that always has a value and room leaves the event loop its turns", async () => {
  using queue = new Queue<unknown>();
  const ways: Record<string, () => Promise<unknown>> = {
    get: async () => (queue.putSync(1), await queue.get()),
    "get with a time limit": async () => (queue.putSync(1), await queue.get({ timeout: 1000 })),
    "get without waiting": async () => (queue.putSync(1), await queue.get({ block: false })),
    getMany: async () => (queue.putSync(1), await queue.getMany(10)),
    put: async () => (await queue.put(1), queue.getSync()),
    getView: async () => {
      queue.putSync(Uint8Array.of(1));
      using _ = await queue.getView();
    },
    "put of a loan": async () => {
      using loan = queue.loan(8);
      await loan.put();
      queue.getSync();
    },
    putMany: async () => (await queue.putMany([1, 2]), queue.getManySync(2)),
  };
  for (const [what, way] of Object.entries(ways)) await untilTimersRun(what, way);
  using simple = new SimpleQueue<number>();
  await untilTimersRun("get of a SimpleQueue", async () => (simple.putSync(1), await simple.get()));
  using joinable = new JoinableQueue<number>();
  await untilTimersRun("join", () => joinable.join());
  assert(queue.empty() && simple.empty());
});

Deno.test("a queue that is full leaves the event loop its turns while it is tried", async () => {
  using queue = new Queue<Uint8Array>(1);
  queue.putSync(Uint8Array.of(1));
  using loan = queue.loan(8);
  const atOnce = { timeout: 0 };
  const ways: Record<string, () => Promise<unknown>> = {
    put: () => queue.put(Uint8Array.of(2), atOnce),
    putMany: () => queue.putMany([Uint8Array.of(2)], atOnce),
    "put of a loan": () => loan.put(1, atOnce),
  };
  for (const [what, way] of Object.entries(ways)) {
    await untilTimersRun(what, () => assertRejects(way, Full));
  }
  assertEquals(queue.qsize(), 1);
});

Deno.test("an iteration over a backlog leaves the event loop its turns", async () => {
  using queue = new Queue<number>();
  queue.putSync(1);
  const values = queue[Symbol.asyncIterator]();
  await untilTimersRun("next", async () => {
    queue.putSync(1);
    await values.next();
  });
  await values.return?.();
});

Deno.test("gets that wait for the event loop's turn stay in their order", async () => {
  using queue = new Queue<number>();
  const got: number[] = [];
  for (let i = 0; i < 50_000; i++) {
    queue.putSync(2 * i);
    queue.putSync(2 * i + 1);
    const one = queue.get().then((value) => got.push(value));
    const other = queue.get().then((value) => got.push(value));
    await Promise.all([one, other]);
  }
  assertEquals(got, Array.from(got.keys()));
});

/** Repeats calls until timers have run some thirty times between them; each such time one call was told late. */
async function untilOftenLate(what: string, calls: () => Promise<void>): Promise<void> {
  for (let i = 0; i < 10; i++) await untilTimersRun(what, calls);
}

Deno.test("calls that wait for the event loop's turn, or do not, take values in the order of their calls", async () => {
  using queue = new Queue<unknown>();
  const [ours, theirs] = Pipe();
  const atOnce = { timeout: 0 };
  const bytesOf = (view: BytesView) => view.bytes[0];
  const ways: Record<string, () => [...Promise<unknown>[]]> = {
    get: () => [queue.get(), queue.get(atOnce), queue.get({ timeout: 1000 })],
    "get, and once without a promise": () => {
      const first = queue.get();
      return [first, Promise.resolve(queue.getNowait()), queue.get(atOnce)];
    },
    getMany: () => [queue.getMany(1), queue.getMany(1, atOnce), queue.getMany(1)].map((it) => it.then(([one]) => one)),
    getView: () => {
      for (let i = 0; i < 3; i++) queue.putSync(Uint8Array.of(queue.getSync() as number));
      return [queue.getView(), queue.getView(atOnce), queue.get()].map((it) =>
        it.then((one) => one instanceof Uint8Array ? one[0] : bytesOf(one as BytesView))
      );
    },
    "all kinds of get": () => [
      queue.getMany(1).then(([one]) => one),
      queue.get(atOnce),
      queue.getMany(1, atOnce).then(([one]) => one),
    ],
    put: () => {
      const values = queue.getManySync(3);
      const done = [queue.put(values[0]), queue.put(values[1], atOnce), queue.putMany([values[2]])];
      return done.map((it) => it.then(() => queue.getSync()));
    },
    recv: () => {
      for (const value of queue.getManySync(3)) theirs.sendSync(value);
      return [ours.recv(), ours.recv(), ours.recv()];
    },
  };
  for (const [what, way] of Object.entries(ways)) {
    await untilOftenLate(what, async () => {
      queue.putManySync([0, 1, 2]);
      assertEquals(await Promise.all(way()), [0, 1, 2], what);
    });
  }
  ours.close();
  theirs.close();
});

Deno.test("who called first for what is held has it first, also where the event loop's turn is due", async () => {
  for (const lock of [new Lock(), new RLock(), new Semaphore(), new BoundedSemaphore()]) {
    const isDeeper = lock instanceof RLock;
    await untilOftenLate(lock.constructor.name, async () => {
      const order: number[] = [];
      const noted = async (place: number, call: Promise<Guard | null>) => {
        const guard = await call;
        if (guard !== null) order.push(place);
        return guard;
      };
      const calls = [noted(0, lock.acquire()), noted(1, lock.acquire({ timeout: 0 }))];
      for (const guard of await Promise.all(calls)) guard?.release();
      assertEquals(order, isDeeper ? [0, 1] : [0], lock.constructor.name);
    });
    lock[Symbol.dispose]();
  }
});

Deno.test("calls that fail at once leave the event loop its turns", async () => {
  using queue = new Queue<number>(1);
  queue.shutdown();
  const [ours, theirs] = Pipe();
  theirs.close();
  const ways: Record<string, () => Promise<unknown>> = {
    "get of a queue that is shut down": () => queue.get(),
    "put into a queue that is shut down": () => queue.put(1),
    "putMany into a queue that is shut down": () => queue.putMany([1]),
    "getView of a queue that is shut down": () => queue.getView(),
    "recv of a connection whose other end is closed": () => ours.recv(),
    "send to a connection whose other end is closed": () => ours.send(1),
  };
  for (const [what, way] of Object.entries(ways)) await untilTimersRun(what, () => assertRejects(way));
  ours.close();
});

export function waitForEnd(queue: Queue<number>): void {
  queue.getSync();
}

Deno.test("who asks whether a process or a result is there, without waiting, leaves the event loop its turns", async () => {
  using end = new Queue<number>();
  const child = new Process({ target: waitForEnd, args: [end] });
  child.start();
  await untilTimersRun("join of a Process", () => child.join({ timeout: 0 }));
  await using pool = new Pool(1);
  const results = pool.imap(waitForEnd, [end]);
  await untilTimersRun("next of imap", () => assertRejects(() => results.next({ timeout: 0 }), TimeoutError));
  end.putManySync([1, 2]);
  await results.next();
  assert(await child.join());
});

Deno.test("a get whose signal is aborted in the event loop's turn takes nothing", async () => {
  using queue = new Queue<number>();
  const stop = new AbortController();
  setTimeout(() => stop.abort(new Error("stopped")));
  const untilStopped = async () => {
    for (let calls = 0; calls < MOST_CALLS; calls++) {
      queue.putSync(calls);
      assertEquals(await queue.get({ signal: stop.signal }), calls);
    }
  };
  await assertRejects(untilStopped, Error, "stopped");
  assertEquals(queue.qsize(), 1);
});

Deno.test("what is always free or set leaves the event loop its turns, and is not held meanwhile", async () => {
  for (const lock of [new Lock(), new RLock(), new Semaphore(), new BoundedSemaphore()]) {
    let wasHeld = false;
    const timer = setInterval(() => wasHeld ||= lock.locked(), 0);
    await untilTimersRun(`acquire of a ${lock.constructor.name}`, async () => (await lock.acquire()).release());
    clearInterval(timer);
    assert(!wasHeld, `${lock.constructor.name} was held while timers ran`);
    lock[Symbol.dispose]();
  }
  using condition = new Condition();
  await untilTimersRun("acquire of a Condition", async () => (await condition.acquire()).release());
  using event = new Event();
  event.set();
  await untilTimersRun("wait for an Event", () => event.wait());
  event.clear();
  await untilTimersRun("wait for an Event, without waiting", () => event.wait({ timeout: 0 }));
  const value = Value("i32", 0);
  await untilTimersRun("acquire of a Value's lock", async () => (await value.getLock().acquire()).release());
});

Deno.test("a connection that always has a message leaves the event loop its turns", async () => {
  const [ours, theirs] = Pipe();
  await untilTimersRun("recv", async () => (theirs.sendSync(1), await ours.recv()));
  await untilTimersRun("send", async () => (await ours.send(1), theirs.recvSync()));
  theirs.sendSync(1);
  await untilTimersRun("poll", () => ours.poll());
  await untilTimersRun("wait", () => wait([ours]));
  ours.close();
  theirs.close();
});

Deno.test("a manager that answers at once leaves the event loop its turns", async () => {
  await using manager = await Manager();
  const dict = await manager.dict([["key", 1]]);
  await untilTimersRun("get of a dict", () => dict.get("key"));
  const late = () => assertRejects(() => dict.with({ timeout: 0 }).get("key"), TimeoutError);
  await untilTimersRun("get of a dict within no time", late);
  assertEquals(await dict.get("key"), 1);
});
