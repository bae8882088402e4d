// The contract suite: what every context must do, whoever implements it. It knows a context by its interfaces alone.
// spawn_test.ts and forkserver_test.ts hand it the package's own; another implementation hands it its own.

import { Empty, Full, ShutDown } from "@parallel/multiprocessing";
import type { Context, ProcessLike } from "@parallel/multiprocessing/context";
import { assert, assertEquals, assertInstanceOf, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import * as targets from "../fixtures/context/contract_targets.ts";
import { PATIENCE, within } from "../support/helpers.ts";

const timeout = PATIENCE;

/** Registers the tests of a context. */
export function contract(name: string, context: Context): void {
  const test = (what: string, run: () => Promise<void> | void) =>
    Deno.test(`${what} (${name})`, () => within(Promise.try(run), "the test"));
  const suite = { context, test };
  contexts(suite);
  processes(suite);
  queues(suite);
  connections(suite);
  locks(suite);
  waits(suite);
  sharedData(suite);
  pools(suite);
}

/** What each part gets. */
interface Suite {
  context: Context;
  test(what: string, run: () => Promise<void> | void): void;
}

/** Starts a process, and sees to it that it ends well. */
async function run(process: ProcessLike, meanwhile: () => unknown = () => {}): Promise<void> {
  process.start();
  await meanwhile();
  assert(await process.join({ timeout }), `${process.name} has not ended`);
  assertEquals(process.exitcode, 0);
}

function contexts({ context, test }: Suite): void {
  test("a context knows its start method, which is one of all, and cannot be changed", () => {
    const method = context.getStartMethod();
    assert(method !== null && context.getAllStartMethods().includes(method), `${method}`);
    for (const other of [...context.getAllStartMethods(), null]) {
      assertThrows(() => context.setStartMethod(other, { force: true }), Error, "concrete context");
    }
    assertEquals(context.getStartMethod(), method);
  });

  test("a context is the one of its method, and finds those of the others", () => {
    assertStrictEquals(context.getContext(), context);
    assertStrictEquals(context.getContext(null), context);
    for (const method of context.getAllStartMethods()) {
      assertEquals(context.getContext(method).getStartMethod(), method);
    }
    assertStrictEquals(context.getContext(context.getStartMethod()), context);
    assertThrows(() => context.getContext("no such method"), RangeError, "no such method");
  });
}

function processes({ context, test }: Suite): void {
  test("a process runs its target, and its exit code is known", async () => {
    const process = new context.Process({ target: targets.exit, args: [7] });
    assertEquals([process.exitcode, process.pid, process.isAlive()], [null, null, false]);
    process.start();
    assert(await process.join({ timeout }));
    assertEquals([process.exitcode, process.isAlive()], [7, false]);
    assert(process.pid !== null && process.pid === process.ident);
    process.close();
  });

  test("a process gets its arguments, and one last argument of keywords", async () => {
    using said = new context.Queue<number>();
    await run(new context.Process({ target: targets.sum, args: [said, [1, 2, 3]] }));
    await run(new context.Process({ target: targets.sum, args: [said, [1, 2, 3]], kwargs: { times: 10 } }));
    assertEquals([await said.get({ timeout }), await said.get({ timeout })], [6, 60]);
  });

  test("a process can be terminated and killed, is active until then, and starts once", async () => {
    using said = new context.Queue<string>();
    using orders = new context.Queue();
    for (const end of ["terminate", "kill"] as const) {
      const process = new context.Process({ target: targets.waitForever, args: [said, orders], name: `for ${end}` });
      process.start();
      assertEquals(await said.get({ timeout }), "ready");
      assertThrows(() => process.start(), Error, "twice");
      assertEquals([process.isAlive(), await process.join({ timeout: 1 })], [true, false]);
      assert(context.activeChildren().some((it) => it.name === `for ${end}`));
      process[end]();
      assert(process.joinSync({ timeout }));
      assertEquals(process.exitcode, end === "kill" ? -9 : -15);
      assert(!context.activeChildren().some((it) => it.name === `for ${end}`));
    }
  });

  test("a class of processes may be extended", async () => {
    class Named extends context.Process {
      constructor(readonly given: string) {
        super({ name: `I am ${given}` });
      }
    }
    const process = new Named("Ada");
    assertEquals([process.name, process.given], ["I am Ada", "Ada"]);
    await run(process);
  });
}

function queues({ context, test }: Suite): void {
  test("a queue keeps the order of values across processes, and ends by shutdown", async () => {
    using numbers = new context.Queue<number>(2);
    using doubled = new context.Queue<number>();
    await run(new context.Process({ target: targets.double, args: [numbers, doubled] }), async () => {
      for (let i = 1; i <= 5; i++) await numbers.put(i, { timeout });
      numbers.shutdown();
      assertEquals(await Array.fromAsync(doubled), [2, 4, 6, 8, 10]);
    });
    await assertRejects(() => numbers.put(6), ShutDown);
    await assertRejects(() => doubled.get(), ShutDown);
  });

  test("a queue that is empty or full says so, at once or in time", async () => {
    using queue = new context.Queue<string>(1);
    assertEquals([queue.empty(), queue.full(), queue.qsize()], [true, false, 0]);
    assertThrows(() => queue.getNowait(), Empty);
    await assertRejects(() => queue.get({ timeout: 1 }), Empty);
    assertThrows(() => queue.getSync({ timeout: 1 }), Empty);
    queue.putNowait("only");
    assertEquals([queue.empty(), queue.full(), queue.qsize()], [false, true, 1]);
    assertThrows(() => queue.putNowait("more"), Full);
    await assertRejects(() => queue.put("more", { timeout: 1 }), Full);
    assertThrows(() => queue.putSync("more", { timeout: 1 }), Full);
    assertEquals(queue.getSync({ timeout }), "only");
    queue.close();
    assertThrows(() => queue.putNowait("more"), Error, "closed");
    await queue.joinThread();
  });

  test("a class of queues may be extended", async () => {
    class Counting extends context.Queue<number> {
      puts = 0;
      override putSync(value: number): void {
        this.puts++;
        super.putSync(value);
      }
    }
    using queue = new Counting();
    queue.putSync(5);
    assertEquals([await queue.get({ timeout }), queue.puts], [5, 1]);
    assertInstanceOf(queue, context.Queue);
  });

  test("a joinable queue is joined when every value is acknowledged", async () => {
    using jobs = new context.JoinableQueue<string | null>();
    for (const job of ["a", "b", null]) jobs.putSync(job);
    assertEquals([await jobs.join({ timeout: 1 }), jobs.joinSync({ timeout: 1 })], [false, false]);
    await run(new context.Process({ target: targets.acknowledge, args: [jobs] }), async () => {
      assert(await jobs.join({ timeout }));
    });
    assert(jobs.joinSync({ timeout: 0 }));
    assertThrows(() => jobs.taskDone(), Error, "too many times");
  });

  test("a simple queue takes and gives", async () => {
    using to = new context.SimpleQueue<string>();
    using from = new context.SimpleQueue<string>();
    assert(from.empty());
    await run(new context.Process({ target: targets.passOn, args: [to, from] }), async () => {
      await to.put("through");
      assertEquals(await from.get(), "through");
    });
    to.close();
    assertThrows(() => to.putSync("more"), Error, "closed");
  });
}

function connections({ context, test }: Suite): void {
  test("a pipe carries values and bytes both ways, and ends", async () => {
    const [mine, yours] = context.Pipe();
    using _ = mine;
    await run(new context.Process({ target: targets.answer, args: [yours] }), async () => {
      yours.close();
      await mine.send([1n, "two"]);
      assertEquals(await mine.recv(), { got: [1n, "two"] });
      await mine.sendBytes(new Uint8Array([1, 2, 3]));
      assert(await mine.poll({ timeout }));
      assertEquals(await mine.recvBytes(), new Uint8Array([3, 2, 1]));
    });
    assertEquals(await Array.fromAsync(mine), []);
    assertEquals([yours.closed, mine.closed], [true, false]);
  });

  test("a one-way pipe receives at its first end and sends at its second", async () => {
    const [reader, writer] = context.Pipe({ duplex: false });
    using _ = reader;
    using __ = writer;
    assertEquals([reader.readable, reader.writable, writer.readable, writer.writable], [true, false, false, true]);
    writer.sendSync("one way");
    assertEquals(await reader.recv(), "one way");
    assertThrows(() => reader.sendSync("back"), Error);
  });
}

function locks({ context, test }: Suite): void {
  test("a lock keeps processes apart", async () => {
    using lock = new context.Lock();
    using number = context.Value("i32", 0);
    const process = new context.Process({ target: targets.increment, args: [lock, number, 200] });
    await run(process, () => targets.increment(lock, number, 200));
    assertEquals(number.value, 400);
  });

  for (const kind of ["Lock", "RLock"] as const) {
    test(`a held ${kind} is not free for others, and free again when its guard ends`, async () => {
      using lock = new context[kind]();
      using said = new context.Queue<boolean>();
      const ask = async () => {
        await run(new context.Process({ target: targets.isFree, args: [lock, said] }));
        return await said.get({ timeout });
      };
      {
        using guard = await lock.acquire();
        assertEquals([lock.locked(), guard.ownerDied, await ask()], [true, false, false]);
        const again = lock.acquireSync({ timeout: 0 });
        assertEquals(again !== null, kind === "RLock");
        again?.release();
        assert(lock.locked());
      }
      assertEquals([lock.locked(), await ask()], [false, true]);
      assertThrows(() => lock.release(), Error, "Cannot release");
    });
  }

  test("a semaphore counts; a bounded one is not released more often than acquired", async () => {
    using semaphore = new context.Semaphore(1);
    semaphore.acquireSync();
    assertEquals([semaphore.getValue(), semaphore.locked(), semaphore.tryAcquire()], [0, true, null]);
    assertEquals(await semaphore.acquire({ timeout: 1 }), null);
    const process = new context.Process({ target: targets.release, args: [semaphore, 2] });
    await run(process, async () => assert(await semaphore.acquire({ timeout }) !== null));
    assertEquals(semaphore.getValue(), 1);
    using bounded = new context.BoundedSemaphore(2);
    assertThrows(() => bounded.release(), Error);
    assertEquals(bounded.getValue(), 2);
  });
}

function waits({ context, test }: Suite): void {
  for (const kind of ["Lock", "RLock"] as const) {
    test(`a condition with a ${kind} wakes who waits for it`, async () => {
      using lock = new context[kind]();
      using condition = new context.Condition(lock);
      using number = context.Value("i32", 0);
      using said = new context.Queue<number>();
      const process = new context.Process({ target: targets.waitForNumber, args: [condition, number, said] });
      await run(process, async () => {
        assertEquals(await said.get({ timeout }), 0);
        {
          using _ = await condition.acquire(); // not before the other waits
          number.value = 9;
          condition.notifyAll();
        }
        assertEquals(await said.get({ timeout }), 9);
      });
      using _ = await condition.acquire();
      assertEquals([await condition.wait({ timeout: 1 }), condition.waitSync({ timeout: 1 })], [false, false]);
    });
  }

  test("an event releases who waits for it", async () => {
    using first = new context.Event();
    using second = new context.Event();
    assertEquals([first.isSet(), await first.wait({ timeout: 1 })], [false, false]);
    await run(new context.Process({ target: targets.setWhenSet, args: [first, second] }), async () => {
      first.set();
      assert(await second.wait({ timeout }));
    });
    second.clear();
    assertEquals([first.isSet(), second.isSet(), second.waitSync({ timeout: 1 })], [true, false, false]);
  });

  test("a barrier lets go when all are there, and breaks for all", async () => {
    using barrier = new context.Barrier(2);
    using said = new context.Queue<number>();
    assertEquals([barrier.parties, barrier.nWaiting, barrier.broken], [2, 0, false]);
    await run(new context.Process({ target: targets.arrive, args: [barrier, said] }), async () => {
      const index = await barrier.wait({ timeout });
      assertEquals([index, await said.get({ timeout })].sort(), [0, 1]);
    });
    barrier.abort();
    assert(barrier.broken);
    await assertRejects(() => barrier.wait(), Error, "broken");
    barrier.reset();
    assert(!barrier.broken);
  });
}

function sharedData({ context, test }: Suite): void {
  test("values and arrays are shared, with a lock of the context's", async () => {
    using lock = new context.RLock();
    using value = context.Value("i32", 3, { lock });
    assertStrictEquals(value.getLock(), lock);
    using numbers = context.Array("f64", [1, 2, 3]);
    assertEquals([numbers.length, numbers.get(0), numbers.at(-1), [...numbers]], [3, 1, 3, [1, 2, 3]]);
    await run(new context.Process({ target: targets.fill, args: [numbers, 10] }));
    assertEquals([...numbers], [10, 11, 12]);
    numbers.setSlice(1, [0, 0]);
    assertEquals([...numbers], [10, 0, 0]);
    assertThrows(() => numbers.get(3), RangeError);
    using bare = context.Value("i64", 5n, { lock: false });
    bare.value *= 2n;
    using raw = context.RawValue("i64", bare.value);
    assertEquals([bare.value, raw.value], [10n, 10n]);
  });
}

function pools({ context, test }: Suite): void {
  test("a pool calls functions, hands over their errors, and ends", async () => {
    await using pool = new context.Pool(2);
    assertEquals(await pool.apply(targets.add, [1, 2]), 3);
    const later = pool.applyAsync(targets.square, [9]);
    assertEquals([await later.get({ timeout }), later.ready(), later.successful()], [81, true, true]);
    assertEquals(await pool.map(targets.square, [1, 2, 3]), [1, 4, 9]);
    assertEquals(await pool.starmap(targets.add, [[1, 2], [3, 4]]), [3, 7]);
    assertEquals(await Array.fromAsync(pool.imap(targets.square, [1, 2, 3])), [1, 4, 9]);
    assertEquals((await Array.fromAsync(pool.imapUnordered(targets.square, [1, 2, 3]))).sort(), [1, 4, 9]);
    await assertRejects(() => pool.apply(targets.refuse, ["this"]), RangeError, "Cannot take this");
    assertEquals(pool.stats().processes, 2);
    pool.close();
    assert(await pool.join({ timeout }));
    await assertRejects(() => pool.apply(targets.square, [1]), Error);
  });
}
