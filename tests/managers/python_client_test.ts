// Managers as clients of CPython's servers: each of our proxies, what a Python user would register, what goes wrong.

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  AuthenticationError,
  BrokenBarrierError,
  Empty,
  EOFError,
  Full,
  InvalidStateError,
  PythonError,
  RemoteError,
  TimeoutError,
} from "@parallel/multiprocessing";
import { Listener } from "@parallel/multiprocessing/connection";
import {
  BaseManager,
  type BaseProxy,
  DictProxy,
  type KeywordArguments,
  kwargs,
  LockProxy,
  Namespace,
  type Proxied,
  QueueProxy,
  SyncManager,
} from "@parallel/multiprocessing/managers";
import { dumps, float, PythonName, PythonObject, tuple } from "@parallel/multiprocessing/pickle";
import { dumps as reduce } from "@parallel/multiprocessing/reduction";
import { ShareableList, SharedMemory, SharedMemoryManager } from "@parallel/multiprocessing/shared_memory";
import { pythons } from "../support/python.ts";
import { PythonServer, type ServerAddress } from "../support/python_server.ts";
import { FIXTURES, startProgram, until, within } from "../support/helpers.ts";

const KEY = "a key of the tests";
const authkey = new TextEncoder().encode(KEY);
const serializer = "pickle";

/** What Python has registered. */
interface Maths {
  add(x: number, y: number): number;
  scale(x: number, times?: number | KeywordArguments<{ times: number }>): number;
  kinds(...args: unknown[]): [string[], Record<string, string>];
  fail(kind: string): void;
  sleep(seconds: number): string;
  total(mapping: unknown): number;
  threads(): number;
}

const folder = Deno.makeTempDirSync();
addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

/** One of every version, by TCP or by a UNIX socket. They end with this process. */
const servers = await Promise.all(
  pythons.map((python, i) =>
    PythonServer.start(python, i % 2 === 0 ? ["127.0.0.1", 0] : `${folder}/${python.version.join(".")}`, KEY)
  ),
);

class Manager extends SyncManager {}
const Registered = Manager
  .register("get_jobs", null, { proxytype: QueueProxy })
  .register("get_lock", null, { proxytype: LockProxy })
  .register("get_table", null, { proxytype: DictProxy });

/** A manager that is connected, of the types that the server has. */
async function connected(address: ServerAddress) {
  const manager = new Registered({ address, authkey, serializer });
  await manager.connect();
  return manager;
}

type Connected = Awaited<ReturnType<typeof connected>>;

/** Runs a test against every version, all at the same time. Nothing is left in the servers. */
function everywhere(name: string, test: (manager: Connected, server: PythonServer) => Promise<void>): void {
  Deno.test(`python client: ${name}`, async () => {
    await Promise.all(servers.map(async (server) => {
      const version = server.python.version.join(".");
      const before = await server.objects();
      try {
        {
          await using manager = await within(connected(server.address));
          await within(test(manager, server));
        }
        assertEquals(await server.objects(), before, "objects are left in the server");
      } catch (error) {
        throw new Error(`CPython ${version}: ${error instanceof Error ? error.message : error}`, { cause: error });
      }
    }));
  });
}

everywhere("dict", async (manager) => {
  const dict = await manager.dict<unknown, unknown>({ ann: 41 });
  assertInstanceOf(dict, DictProxy);
  await dict.set("bob", [1, 2.5, null]);
  await dict.set(7, "seven");
  assertEquals([await dict.get("ann"), await dict.get("nobody"), await dict.get("nobody", 0)], [41, undefined, 0]);
  assertEquals([await dict.has(7), await dict.has(8), await dict.size], [true, false, 3]);
  assertEquals(await dict.items(), [["ann", 41], ["bob", [1, 2.5, null]], [7, "seven"]]);
  assertEquals(await Array.fromAsync(dict.keys()), ["ann", "bob", 7]);
  assertEquals((await Array.fromAsync(dict)).length, 3);
  assertEquals([await dict.delete("bob"), await dict.delete("bob")], [true, false]);
  assertEquals(await dict.pop(7), "seven");
  assertEquals(await dict.pop(7, "none"), "none");
  const error = await assertRejects(() => dict.pop(7), RangeError);
  assertEquals([(error as unknown as PythonError).type, (error as unknown as PythonError).args], ["KeyError", [7]]);
  assertEquals(await dict.setdefault("cy", 1), 1);
  await dict.update([["ann", 1]]);
  const other = await manager.dict<unknown, unknown>({ dan: 5 });
  await dict.update(other);
  assertEquals(await dict.copy(), new Map<unknown, unknown>([["ann", 1], ["cy", 1], ["dan", 5]]));
  assertEquals(
    await dict.merged({ eve: 1 }),
    new Map<unknown, unknown>([["ann", 1], ["cy", 1], ["dan", 5], ["eve", 1]]),
  );
  assertEquals(await dict.describe(), "{'ann': 1, 'cy': 1, 'dan': 5}");
  assertEquals(await dict.popitem(), ["dan", 5]);
  const { sync } = dict;
  sync.set("x", 1).set("y", 2);
  assertEquals([sync.get("x"), sync.size, [...sync.keys()]], [1, 4, ["ann", "cy", "x", "y"]]);
  assertEquals(sync.getvalue().get("y"), 2);
  await assertRejects(() => dict.modify("x", () => 1), RemoteError, "containers do not say");
  await dict.clear();
  assertEquals(await dict.size, 0);
  // Keys that Python can hash, others are its own error.
  await dict.set([1, "a"] as never, 1);
  assertEquals(await dict.get([1, "a"] as never), 1);
});

everywhere("list", async (manager) => {
  const list = await manager.list([10, 9, 1]);
  assertEquals(await list.push(2, 3), 5);
  await list.sort();
  assertEquals(await list.getvalue(), [1, 2, 3, 9, 10]);
  await list.sort({ reverse: true });
  assertEquals([await list.get(0), await list.get(-1), await list.at(99)], [10, 1, undefined]);
  await assertRejects(() => list.get(99), RangeError, "list index out of range");
  await list.set(0, 11);
  assertEquals([await list.length, await list.indexOf(9), await list.indexOf(77), await list.includes(3)], [
    5,
    1,
    -1,
    true,
  ]);
  assertEquals(await list.slice(1, -1), [9, 3, 2]);
  assertEquals(await list.splice(1, 2, 7, 8, 9), [9, 3]);
  assertEquals(await list.copy(), [11, 7, 8, 9, 2, 1]);
  assertEquals([await list.pop(), await list.shift(), await list.unshift(5, 6)], [1, 11, 6]);
  assertEquals(await list.concat([1], await manager.list([2])), [5, 6, 7, 8, 9, 2, 1, 2]);
  await list.remove(7);
  await assertRejects(() => list.remove(7), RangeError);
  await list.insert(1, 4);
  await list.reverse();
  await list.extend(new Set([0]));
  await list.multiply(2);
  assertEquals(await list.join(""), "298645".slice(0) + "0" + "2986450");
  await list.fill(1, 2);
  assertEquals(await list.toSorted(), [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 9]);
  assertEquals(await list.count(1), 12);
  assertEquals(await list.lastIndexOf(9), 1);
  await list.clear();
  assertEquals([await list.pop(), await list.shift(), await list.length], [undefined, undefined, 0]);
  await list.append(1);
  assertEquals(await Array.fromAsync(list.entries()), [[0, 1]]);
  assertEquals([...list.sync], [1]);
  assertEquals([...list.sync.reversed()], [1]);
});

everywhere("Namespace, Value and Array", async (manager) => {
  const settings = await manager.Namespace({ depth: 3, name: "first" });
  await settings.set("name", "second");
  settings.sync.depth += 1;
  assertEquals([await settings.get("depth"), await settings.has("name"), await settings.has("none")], [4, true, false]);
  assertEquals(await settings.getvalue(), new Namespace({ depth: 4, name: "second" }) as never);
  assertEquals([await settings.delete("name"), await settings.delete("name"), await settings.names()], [
    true,
    false,
    ["depth"],
  ]);
  const counter = await manager.Value("i32", 40);
  await counter.set(41);
  counter.sync.value += 1;
  assertEquals([await counter.get(), await counter.value, await counter.getvalue()], [42, 42, 42]);
  await assertRejects(() => counter.acquire(), RemoteError, "has no lock");
  const numbers = await manager.Array("f64", [1, 2, 3]);
  await numbers.set(1, 20.5);
  assertEquals([await numbers.length, await numbers.get(1), [...numbers.sync]], [3, 20.5, [1, 20.5, 3]]);
  assertEquals(await numbers.slice(1), Float64Array.of(20.5, 3));
  await numbers.setSlice(1, [8, 9]);
  assertEquals(await numbers.getvalue(), Float64Array.of(1, 8, 9));
});

everywhere("Queue: what is put, got, waited for and dealt with", async (manager) => {
  const queue = await manager.JoinableQueue<unknown>(2);
  await queue.put("a");
  queue.sync.put({ b: 1 });
  assertEquals([await queue.qsize(), await queue.full(), await queue.empty()], [2, true, false]);
  await assertRejects(() => queue.put("c", { timeout: 1 }), Full);
  await assertRejects(() => queue.putNowait("c"), Full);
  assertEquals([await queue.get(), queue.sync.get()], ["a", { b: 1 }]);
  await assertRejects(() => queue.get({ timeout: 1 }), Empty);
  await assertRejects(() => queue.getNowait(), Empty);
  assertThrows(() => queue.sync.get({ timeout: 1 }), Empty);
  assertEquals(await queue.join({ timeout: 1 }), false);
  await queue.taskDone();
  await queue.taskDone();
  assertEquals(await queue.join(), true);
  await assertRejects(() => queue.taskDone(), InvalidStateError, "task_done() called too many times");
  const got = queue.get();
  await queue.put("later");
  assertEquals(await got, "later");
  assertEquals(await queue.putMany([1, 2]), 2);
  assertEquals(await queue.getMany(5), [1, 2]);
  // One that is registered by a program has the same class, if that is asked for.
  const jobs = await manager.get_jobs();
  assertInstanceOf(jobs, QueueProxy);
  await jobs.put(1);
  assertEquals(await jobs.get({ timeout: 1000 }), 1);
  const plain = await manager.create<{ put(it: unknown): void; get_nowait(): unknown }>("get_jobs");
  assertEquals(plain.constructor, jobs.constructor);
});

everywhere("Queue: a wait that is given up takes nothing", async (manager) => {
  const queue = await manager.Queue<number>();
  const controller = new AbortController();
  const waits = [queue.get({ signal: controller.signal }), queue.with({ signal: controller.signal }).get()];
  const rejected = Promise.all(waits.map((wait) => assertRejects(() => wait, DOMException)));
  await until("both to wait", () => true);
  controller.abort();
  await rejected;
  await queue.put(7);
  // Those that were given up may have it for a moment, and put it back.
  assertEquals(await queue.get(), 7);
  assertEquals(await queue.qsize(), 0);
});

everywhere("locks", async (manager) => {
  const lock = await manager.Lock();
  {
    using guard = await lock.acquire();
    assertEquals(guard?.ownerDied, false);
    assertEquals(await lock.acquire({ timeout: 1 }), null);
    assertEquals(lock.sync.acquire({ block: false }), null);
    const aborted = AbortSignal.abort("enough");
    assertEquals(await lock.acquire({ signal: aborted }).catch((it) => it), "enough");
    const controller = new AbortController();
    const waiting = lock.acquire({ signal: controller.signal });
    controller.abort("later");
    assertEquals(await waiting.catch((it) => it), "later");
  }
  // Who had given up has given back what it may have got.
  using again = await lock.acquire();
  assert(again !== null);
  again!.release();
  await assertRejects(() => lock.release(), InvalidStateError, "release unlocked lock");

  const rlock = await manager.RLock();
  using outer = await rlock.acquire();
  using inner = rlock.sync.acquire();
  assert(outer !== null && inner !== null);
  inner!.release();
  const waiting = connected(manager.address as ServerAddress).then(async (other) => {
    await other.shutdown();
  });
  await waiting;
  outer!.release();
  await assertRejects(() => rlock.release(), InvalidStateError);

  const semaphore = await manager.BoundedSemaphore(2);
  await semaphore.acquire();
  await semaphore.acquire();
  assertEquals(await semaphore.tryAcquire(), null);
  await semaphore.release();
  await semaphore.release();
  await assertRejects(() => semaphore.release(), InvalidStateError, "released too many times");
});

everywhere("Condition: two callers of one process have it in turn", async (manager) => {
  const condition = await manager.Condition();
  const stock: number[] = [];
  async function take() {
    using _guard = await condition.acquire();
    await condition.waitFor(() => stock.length > 0);
    return stock.pop();
  }
  async function fill() {
    using _guard = await condition.acquire();
    stock.push(3);
    await condition.notify();
  }
  const [taken] = await Promise.all([take(), fill()]);
  assertEquals(taken, 3);
  using _guard = await condition.acquire();
  assertEquals(await condition.wait({ timeout: 1 }), false);
  assertEquals(condition.sync.wait({ timeout: 1 }), false);
  _guard!.release();
  await assertRejects(() => condition.notify(), InvalidStateError);
});

everywhere("Event and Barrier", async (manager) => {
  const event = await manager.Event();
  assertEquals([await event.isSet(), await event.wait({ timeout: 1 })], [false, false]);
  const waiting = event.wait();
  await event.set();
  assertEquals([await waiting, event.sync.isSet(), event.sync.wait()], [true, true, true]);
  await event.clear();
  const barrier = await manager.Barrier(2);
  assertEquals([await barrier.parties, await barrier.broken], [2, false]);
  assertEquals((await Promise.all([barrier.wait(), barrier.wait()])).sort(), [0, 1]);
  await assertRejects(() => barrier.wait({ timeout: 1 }), BrokenBarrierError);
  assertEquals([await barrier.broken, barrier.sync.nWaiting], [true, 0]);
  await barrier.reset();
  // Who gives up breaks it, so that nobody counts on it.
  const controller = new AbortController();
  const given = barrier.wait({ signal: controller.signal });
  await until("the party", async () => await barrier.nWaiting === 1);
  controller.abort("gone");
  assertEquals(await given.catch((it) => it), "gone");
  await until("the end of the barrier", () => barrier.broken);
});

everywhere("Pool: functions of Python's by their names", async (manager) => {
  await using pool = await manager.Pool(1);
  const sqrt = { module: "math", name: "sqrt" };
  assertEquals(await pool.map(sqrt, [4, 9]), [2, 3]);
  assertEquals(await pool.apply({ module: "math", name: "gcd" }, [12, 18]), 6);
  const result = await pool.applyAsync({ module: "math", name: "factorial" }, [5]);
  assertEquals([await result.get(), await result.wait({ timeout: 1 }), await result.successful()], [120, true, true]);
  assertEquals(await Array.fromAsync(pool.imap(sqrt, [1, 4, 9])), [1, 2, 3]);
  await assertRejects(() => pool.apply(sqrt, [-1]), RangeError);
  await assertRejects(() => Array.fromAsync(pool.imap(sqrt, [1, 4, 9, -1, 16])), RangeError);
  assertEquals(pool.sync.starmap({ module: "math", name: "gcd" }, [[4, 6]]), [2]);
});

everywhere(
  "a class of a program: names as Python has them, arguments by name, attributes kept apart",
  async (manager) => {
    const maths = await manager.create<Maths>("Maths", 10, kwargs({ factor: 2 }));
    assertEquals([await maths.add(1, 2), await maths.scale(3), await maths.scale(3, 2)], [13, 6, 12]);
    assertEquals(await maths.scale(3, kwargs({ times: 5 })), 30);
    assertEquals(maths.sync.add(0, 0), 10);
    assertEquals(await maths.kinds(1, float(1), "s", [], tuple(), new Map(), kwargs({ b: new Uint8Array(1) })), [
      ["int", "float", "str", "list", "tuple", "dict"],
      { b: "bytes" },
    ]);
    assertMatch(String(maths), /^<AutoProxy\[Maths\] object, typeid 'Maths' at 0x[0-9a-f]+>$/);
    assertMatch(await maths.describe(), /^<__main__\.Maths object at/);
    await assertRejects(() => maths.callmethod("_secret"), RemoteError, "is not in exposed=");
    await assertRejects(() => manager.create("Nothing"), RemoteError, "KeyError: 'Nothing'");
    assertThrows(() => kwargs(3 as never), TypeError);
  },
);

everywhere("exceptions: the class that fits, or PythonError", async (manager, { python }) => {
  const maths = await manager.create<Maths>("Maths");
  const raised = async (kind: string) => {
    const error = await maths.fail(kind).catch((it: unknown) => it);
    assertInstanceOf(error, Error);
    return error as PythonError;
  };
  const key = await raised("KeyError");
  assertEquals([key.constructor, key.type, key.args, key.message], [
    RangeError,
    "KeyError",
    ["it is KeyError"],
    "'it is KeyError'",
  ]);
  assertEquals((await raised("TypeError")).constructor, TypeError);
  assertEquals((await raised("FileNotFoundError")).constructor, Deno.errors.NotFound);
  const runtime = await raised("RuntimeError");
  assertEquals([runtime.constructor, runtime.type, runtime.message], [
    PythonError,
    "RuntimeError",
    "it is RuntimeError",
  ]);
  const own = await raised("own");
  assertEquals([own.constructor, own.type, own.args], [PythonError, "__main__.SoldOut", ["tea", 0]]);
  if (python.version[1] >= 11) assertEquals(own.notes, ["ask again tomorrow"]);
  const lost = await raised("unpicklable");
  assertInstanceOf(lost, RemoteError);
  assertStringIncludes(lost.message, "Unserializable message");
  assertStringIncludes(runtime.stack!, "python_client_test.ts");
});

everywhere("iterators", async (manager) => {
  const three = await manager.create("countdown", 300) as BaseProxy & AsyncIterable<number>;
  assertEquals(await Array.fromAsync(three), Array.from({ length: 300 }, (_, i) => 300 - i));
  const begun = await manager.create("countdown", 5) as BaseProxy & AsyncIterable<number>;
  for await (const n of begun) {
    if (n === 4) break;
  }
  // Items are fetched ahead, but what is raised behind them is not lost.
  for (const n of [0, 1, 2, 3, 5, 8, 40]) {
    const failing = await manager.create("failing", n) as BaseProxy & AsyncIterable<number>;
    const got: number[] = [];
    const all = async () => {
      for await (const item of failing) got.push(item);
    };
    await assertRejects(all, RangeError, `after ${n}`);
    assertEquals(got, Array.from({ length: n }, (_, i) => i));
  }
  const dict = await manager.dict({ a: 1, b: 2 });
  const iterator = await dict.callmethod("__iter__") as BaseProxy & AsyncIterable<string>;
  assertEquals(await Array.fromAsync(iterator), ["a", "b"]);
  const more = await dict.callmethod("__iter__") as BaseProxy;
  assertEquals([...more.sync as unknown as Iterable<string>], ["a", "b"]);
  // What a method's result has become.
  const operator = await manager.create<{ maths(): unknown }>("operator");
  const maths = await operator.callmethod("maths") as Proxied<Maths>;
  assertEquals(await maths.add(1, 1), 102);
});

everywhere("proxies inside of proxies, in both directions", async (manager, server) => {
  const before = await server.objects();
  const outer = await manager.dict<string, unknown>();
  {
    using inner = await manager.list([1]);
    await outer.set("inner", inner);
    await outer.set("twice", [inner, { deep: inner }]);
  }
  await until("the inner list to be the outer dict's alone", async () => await server.objects() === before + 1);
  const inner = await outer.get("inner") as { push(n: number): Promise<number> } & BaseProxy;
  assertEquals(await inner.push(2), 2);
  const [first, { deep }] = await outer.get("twice") as [BaseProxy, { deep: BaseProxy }];
  assertEquals([await first.getvalue(), await deep.getvalue()], [[1, 2], [1, 2]]);
  const names = await manager.dict<string, number>({ x: 1, y: 2 });
  const maths = await manager.create<Maths>("Maths");
  assertEquals(await maths.total(names), 3);
  const sync = outer.sync.get("inner") as BaseProxy;
  assertEquals(sync.sync.getvalue(), [1, 2]);
  // A shared one, of the program there.
  const table = await manager.get_table();
  assertEquals(await (table as unknown as DictProxy).get("kept"), "here");
  // Objects of unknown classes stay what they are.
  const third = new PythonObject(new PythonName("fractions", "Fraction"), [1, 3]);
  await outer.set("third", third);
  const back = await outer.get("third") as PythonObject;
  assertEquals(`${back.type}`, "fractions.Fraction");
});

everywhere("calls in flight, slow ones among them", async (manager) => {
  const dict = await manager.dict<number, number>();
  await Promise.all(Array.from({ length: 200 }, (_, i) => dict.set(i, i * i)));
  const values = await Promise.all(Array.from({ length: 200 }, (_, i) => dict.get(i)));
  assertEquals(values, Array.from({ length: 200 }, (_, i) => i * i));
  const maths = await manager.create<Maths>("Maths");
  const order: string[] = [];
  await Promise.all([
    maths.sleep(0.05).then(() => order.push("slow")),
    maths.sleep(0.05).then(() => order.push("slow")),
    dict.get(1).then(() => order.push("quick")),
  ]);
  assertEquals(order, ["quick", "slow", "slow"]);
  await assertRejects(() => maths.with({ timeout: 1 }).sleep(0.05), TimeoutError, 'Cannot call "sleep"');
  assertThrows(() => maths.with({ timeout: 1 }).sync.sleep(0.05), TimeoutError);
  assertEquals(await maths.sleep(0), "slept");
  assertEquals(await dict.with({ timeout: 60_000 }).get(2), 4);
});

everywhere("what a proxy keeps goes with it", async (manager, server) => {
  const before = await server.objects();
  const dict = await manager.dict();
  const other = await manager.list();
  assertEquals(await server.objects(), before + 2);
  assertEquals(await manager.numberOfObjects(), before + 2);
  assertStringIncludes(await manager.debugInfo(), "refcount=1");
  dict.close();
  await until("the dict's end", async () => await server.objects() === before + 1);
  await assertRejects(() => dict.size, InvalidStateError);
  await manager.shutdown();
  assertEquals(await server.objects(), before);
  await assertRejects(() => other.length, EOFError);
  await assertRejects(() => manager.dict(), InvalidStateError);
});

everywhere("many proxies at once", async (manager) => {
  const list = await manager.list<BaseProxy>();
  await list.extend(await Promise.all(Array.from({ length: 40 }, () => manager.dict())));
  const all = await list.getvalue();
  assertEquals(all.length, 40);
  assertEquals(await Promise.all(all.map((proxy) => proxy.getvalue())), all.map(() => new Map()));
  for (const proxy of all) proxy.close();
});

const newest = pythons.at(-1);
const oldest = pythons[0];

/** A server of its own, which may be killed. */
async function alone(): Promise<[PythonServer, Connected]> {
  const server = await PythonServer.start(oldest, ["127.0.0.1", 0], KEY);
  return [server, await connected(server.address)];
}

Deno.test({
  name: "python client: a server that is killed is told to all that wait, and to who calls later",
  ignore: newest === undefined,
  async fn() {
    const [server, manager] = await alone();
    await using _ = server;
    const queue = await manager.Queue();
    const dict = await manager.dict();
    const undone = await manager.Queue();
    await undone.put(1);
    const waits = [queue.get(), queue.get({ timeout: 60_000 }), undone.join(), manager.create("Maths")];
    const outcomes = Promise.allSettled([...waits.slice(0, 3), dict.size.then(() => undone.join())]);
    await Promise.all([waits[3], dict.size]);
    server.kill();
    for (const outcome of await within(outcomes)) {
      assertInstanceOf((outcome as PromiseRejectedResult).reason, EOFError);
    }
    await assertRejects(() => within(dict.size), EOFError, "it has ended");
    await assertRejects(() => within(manager.list()), EOFError, "it has ended");
    assertThrows(() => dict.sync.size, EOFError, "it has ended");
    await manager.shutdown();
  },
});

Deno.test({
  name: "python client: wrong keys, none, and what is no manager's server",
  ignore: newest === undefined,
  async fn() {
    const { address } = servers[0];
    const other = new TextEncoder().encode("another key");
    const connect = async (options: object) => {
      const manager = new SyncManager({ address, authkey, serializer, ...options });
      await within(manager.connect());
    };
    await assertRejects(() => connect({ authkey: other }), AuthenticationError);
    await assertRejects(() => connect({ authkey: null }), AuthenticationError, "asks for an authkey");
    assertThrows(() => new SyncManager({ address, authkey: other, serializer }).connectSync(), AuthenticationError);
    await assertRejects(() => connect({ address: `${folder}/nobody` }), Deno.errors.NotFound);
    await assertRejects(() => new SyncManager({ serializer }).connect(), InvalidStateError, "it has no address");
    const blocking = new SyncManager({ address, authkey, serializer });
    blocking.connectSync();
    await blocking.shutdown();
  },
});

/** A server that answers what it is told to. */
async function hostile(answers: (request: number) => Uint8Array | null): Promise<[Listener, Promise<void>]> {
  const listener = new Listener(null, { authkey });
  let n = 0;
  const serving = (async () => {
    for (;;) {
      const connection = await listener.accept();
      void (async () => {
        try {
          for (;;) {
            await connection.recvBytes();
            const answer = answers(n++);
            if (answer === null) break;
            await connection.sendBytes(answer);
          }
        } catch {
          // It has gone.
        }
        connection.close();
      })();
    }
  })().catch(() => {});
  await Promise.resolve();
  return [listener, serving];
}

Deno.test("python client: hostile answers are errors of their calls, and no more", async () => {
  const fine = dumps(tuple("#RETURN", null));
  const made = dumps(
    tuple("#RETURN", tuple("1f", tuple("put", "get", "then", "constructor", "__proto__", "*x", "a b"))),
  );
  let next: Uint8Array | null = fine;
  const [listener, serving] = await hostile((request) => request === 0 ? fine : next);
  const manager = new BaseManager({ address: listener.address, authkey, serializer });
  await within(manager.connect());
  for (
    const bytes of [
      new Uint8Array(0),
      new Uint8Array([1, 2, 3]),
      dumps(7),
      dumps(tuple("#RETURN")),
      dumps(tuple("#NOTHING", 1)),
      dumps(tuple("#PROXY", 1)),
      dumps(tuple("#RETURN", tuple(1, 2))),
      dumps(tuple("#RETURN", tuple("1f", 7))),
      dumps(
        tuple("#PROXY", tuple(tuple("a"), new PythonObject(new PythonName("multiprocessing.managers", "Token"), [1]))),
      ),
    ]
  ) {
    next = bytes;
    await assertRejects(() => within(manager.create("x")), Error);
  }
  next = null;
  await assertRejects(() => within(manager.create("x")), EOFError);
  next = made;
  const proxy = await within(manager.create("x"));
  assertEquals(Object.getOwnPropertyNames(Object.getPrototypeOf(proxy)).sort(), ["constructor", "get", "put"]);
  assert(!("then" in proxy));
  next = dumps(tuple("#ERROR", new PythonObject(new PythonName("os", "system"), ["true"])));
  const error = await within((proxy as unknown as { get(): Promise<void> }).get()).catch((it) => it);
  assertInstanceOf(error, Error);
  next = fine;
  await manager.shutdown();
  listener.close();
  await serving;
});

Deno.test({
  name: "python client: who is killed while it waits takes nothing, neither an item nor a lock",
  ignore: newest === undefined,
  async fn() {
    const [server, manager] = await alone();
    await using _ = server;
    const jobs = await manager.get_jobs();
    const lock = await manager.get_lock();
    const maths = await manager.create<Maths>("Maths");
    const guard = await lock.acquire();
    const before = await maths.threads();
    const waiters = ["queue", "lock"].map((what) =>
      startProgram(new URL("managers/python_waiter.ts", FIXTURES), {
        args: [JSON.stringify(server.address), KEY, what],
        flags: ["-A", "--no-check"],
      })
    );
    for (const waiter of waiters) await waiter.said("waits");
    await until("both to wait in the server", async () => await maths.threads() >= before + 2);
    for (const waiter of waiters) waiter.kill("SIGKILL");
    for (const waiter of waiters) await waiter.outcome();
    // Their threads in the server end when the wait is to be renewed.
    await until("nobody to wait in the server", async () => await maths.threads() <= before);
    await jobs.put("a job");
    guard!.release();
    assertEquals(await jobs.get({ timeout: 60_000 }), "a job");
    const again = await lock.acquire({ timeout: 60_000 });
    assert(again !== null);
    again!.release();
    await manager.shutdown();
  },
});

Deno.test({
  name: "python client: a server that does not answer holds up nobody's end",
  ignore: newest === undefined,
  async fn() {
    const [server, manager] = await alone();
    await using _ = server;
    const dict = await manager.dict();
    await manager.list();
    server.stop();
    await assertRejects(() => dict.with({ timeout: 10 }).size, TimeoutError);
    await within(manager.shutdown());
    const other = new SyncManager({ address: server.address, authkey, serializer });
    await assertRejects(() => within(other.connect({ timeout: 10 })), TimeoutError);
  },
});

Deno.test({
  name: "python client: blocks of shared memory belong to the server of a SharedMemoryManager",
  ignore: newest === undefined,
  async fn() {
    const server = await PythonServer.start(newest!, ["127.0.0.1", 0], KEY, "python_shared_server.py");
    await using _ = server;
    const manager = new SharedMemoryManager({ address: server.address, authkey, serializer });
    await manager.connect();
    const memory = await manager.SharedMemory(64);
    memory.buf[0] = 7;
    const list = await manager.ShareableList([1, "two"]);
    assertEquals([...new ShareableList(null, { name: list.shm.name })], [1, "two"]);
    await manager.shutdown();
    {
      using same = new SharedMemory({ name: memory.name }); // the manager was only connected
      assertEquals(same.buf[0], 7);
    }
    await server.end();
    assertEquals(await server.line(), "ended");
    assertThrows(() => new SharedMemory({ name: memory.name }), Deno.errors.NotFound);
    assertThrows(() => new SharedMemory({ name: list.shm.name }), Deno.errors.NotFound);
  },
});

Deno.test({
  name: "python client: a proxy of Python's is used where it was made; one of ours is nothing for Python",
  ignore: newest === undefined,
  async fn() {
    const manager = await connected(servers[0].address);
    using list = await manager.list([1]);
    assertThrows(() => reduce(list), TypeError, "connect a manager there");
    await manager.shutdown();
  },
});

Deno.test("python client: arguments by name are for Python alone", () => {
  assertThrows(() => reduce(kwargs({ a: 1 })), TypeError, "arguments by name are for methods");
});
