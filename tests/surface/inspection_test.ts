// `console.log`, `node:util` and JSON show of the package's objects what toString() says, and never their memory: each
// class open, closed, and as it arrives in another process.

import { inspect } from "node:util";
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import * as mp from "@parallel/multiprocessing";
import { getContext } from "@parallel/multiprocessing/context";
import { Manager, Namespace, SyncManager } from "@parallel/multiprocessing/managers";
import { FIXTURES, TARGETS } from "../support/helpers.ts";
import { lookAtTask } from "../fixtures/surface/inspected.ts";

const INSPECTED = new URL("surface/inspected.ts", FIXTURES).href;
const NAPPING = new URL("synchronize/owner_targets.ts", FIXTURES).href;
const NOTHING = { module: TARGETS, name: "nothing" };
const Point = mp.Structure({ x: "f64", n: "i32" });

/** A class of objects: how one is made, and how it looks. */
interface Row {
  make(): object;
  readonly open: RegExp;
  /** How it looks once it is closed; absent where nothing can be. */
  readonly closed?: RegExp;
  /** How it looks elsewhere, if otherwise; `null` if it does not travel. */
  readonly there?: RegExp | null;
}

const pipe = () => mp.Pipe({ duplex: false });

/** What travels, which one process takes all of. */
const TRAVELLING: Record<string, Row> = {
  Lock: { make: () => new mp.Lock(), open: /^<Lock\(owner=None\)>$/, closed: /^<Lock\(closed\)>$/ },
  RLock: { make: () => new mp.RLock(), open: /^<RLock\(None, 0\)>$/, closed: /^<RLock\(closed\)>$/ },
  Semaphore: { make: () => new mp.Semaphore(3), open: /^<Semaphore\(value=3\)>$/, closed: /^<Semaphore\(closed\)>$/ },
  BoundedSemaphore: {
    make: () => new mp.BoundedSemaphore(2),
    open: /^<BoundedSemaphore\(value=2, maxvalue=2\)>$/,
    closed: /^<BoundedSemaphore\(closed\)>$/,
  },
  Condition: {
    make: () => new mp.Condition(),
    open: /^<Condition\(<RLock\(None, 0\)>, 0\)>$/,
    closed: /^<Condition\(closed\)>$/,
  },
  Event: { make: () => new mp.Event(), open: /^<Event at 0x[0-9a-f]+ unset>$/, closed: /^<Event\(closed\)>$/ },
  Barrier: {
    make: () => new mp.Barrier(2),
    open: /^<multiprocessing\.synchronize\.Barrier at 0x[0-9a-f]+: waiters=0\/2>$/,
    closed: /^<multiprocessing\.synchronize\.Barrier\(closed\)>$/,
  },
  Queue: { make: () => new mp.Queue(5), open: /^<Queue \d+ \(0 of 5 values\)>$/, closed: /^<Queue \(closed\)>$/ },
  JoinableQueue: {
    make: () => new mp.JoinableQueue(),
    open: /^<JoinableQueue \d+ \(0 values\)>$/,
    closed: /^<JoinableQueue \(closed\)>$/,
  },
  SimpleQueue: {
    make: () => new mp.SimpleQueue(),
    open: /^<SimpleQueue \d+ \(0 values\)>$/,
    closed: /^<SimpleQueue \(closed\)>$/,
  },
  Connection: { make: () => pipe()[0], open: /^<Connection\(read-only\)>$/, closed: /^<Connection\(closed\)>$/ },
  Value: {
    make: () => mp.Value("i32", 7),
    open: /^<Synchronized\(<RawValue\("i32", 7\)>, <RLock\(None, 0\)>\)>$/,
    closed: /^<Synchronized\(<RawValue\("i32", closed\)>, <RLock\(closed\)>\)>$/,
  },
  "Value of a structure": {
    make: () => mp.Value(Point, { x: 1 }),
    open: /^<Synchronized\(<Structure\(\{ x: 1, n: 0 \}\)>, <RLock\(None, 0\)>\)>$/,
    closed: /^<Synchronized\(<Structure\(closed\)>, <RLock\(closed\)>\)>$/,
  },
  Array: {
    make: () => mp.Array("f64", 1000),
    open: /^<SynchronizedArray\(Float64Array\(1000\) \[ (0, ){32}\.\.\. 968 more items \], <RLock\(None, 0\)>\)>$/,
    closed: /^<SynchronizedArray\(closed, <RLock\(closed\)>\)>$/,
  },
  RawValue: {
    make: () => mp.RawValue("f64", 1.5),
    open: /^<RawValue\("f64", 1\.5\)>$/,
    closed: /^<RawValue\("f64", closed\)>$/,
  },
  Structure: {
    make: () => mp.RawValue(Point, { n: 2 }),
    open: /^<Structure\(\{ x: 0, n: 2 \}\)>$/,
    closed: /^<Structure\(closed\)>$/,
  },
  StructureArray: {
    make: () => mp.RawArray(Point, 2),
    open: /^<StructureArray\(length=2\)>$/,
    closed: /^<StructureArray\(closed\)>$/,
  },
  StructureType: { make: () => Point, open: /^Structure\(\{ x: "f64", n: "i32" \}\)$/ },
};

/** What stays where it is. */
const AT_HOME: Record<string, Row> = {
  Guard: {
    make: () => new mp.Lock().acquireSync(),
    open: /^<Guard\(of <Lock\(owner=.+\)>\)>$/,
    closed: /^<Guard\(released\)>$/,
  },
  Listener: {
    make: () => new mp.Listener(["127.0.0.1", 0]),
    open: /^<Listener\(.*127\.0\.0\.1.*\)>$/,
    closed: /^<Listener\(closed\)>$/,
  },
  Process: {
    make: () => new mp.Process({ name: "shown" }),
    open: /^<Process name='shown' parent=\d+ initial>$/,
    closed: /^<Process name='shown' parent=\d+ closed>$/,
  },
  currentProcess: {
    make: () => mp.currentProcess(),
    open: /^<Process name='MainProcess' pid=\d+ parent=null started>$/,
  },
  "a subclass of Process": {
    make: () =>
      new (class Mine extends mp.Process {
        readonly jobs = [1, 2, 3];
      })({ name: "own" }),
    open: /^<Mine name='own' parent=\d+ initial>$/,
  },
  "a subclass of Queue": {
    make: () =>
      new (class Mine extends mp.Queue {
        readonly jobs = [1, 2, 3];
      })(),
    open: /^<Mine \d+ \(0 values\)>$/,
  },
  Loan: {
    make: () => new mp.Queue().loan(3),
    open: /^<Loan\(length=3\)>$/,
    closed: /^<Loan\(length=3, given back\)>$/,
  },
  BytesView: {
    make() {
      const queue = new mp.Queue();
      queue.putSync(Uint8Array.of(1, 2));
      return queue.getViewSync();
    },
    open: /^<BytesView\(length=2\)>$/,
    closed: /^<BytesView\(given back\)>$/,
  },
  spawn: { make: () => getContext("spawn"), open: /^<SpawnContext\(spawn\)>$/ },
  Logger: { make: () => mp.getLogger(), open: /^<Logger multiprocessing \([A-Z]+\)>$/ },
  SyncManager: { make: () => new SyncManager(), open: /^<SyncManager \(.+\)>$/ },
  AuthenticationString: { make: () => mp.currentProcess().authkey, open: /^AuthenticationString\(\d+\)$/ },
  Namespace: { make: () => new Namespace({ x: 1 }), open: /^Namespace\(x=1\)$/ },
};

/** Fails unless the object looks the same in every way, and as it should. */
function assertShown(kind: string, it: object, wanted: RegExp): void {
  const text = String(it);
  assertMatch(text, wanted, kind);
  assertEquals(text.includes("\n"), false, kind);
  const colours = { colors: true };
  const coloured = `\x1b[36m${text}\x1b[39m`; // that of `<pending>` and `[class X]`
  const one = { breakLength: Infinity, compact: true };
  assertEquals(Deno.inspect(it), text, kind);
  assertEquals(inspect(it), text, kind);
  assertEquals(Deno.inspect(it, colours), coloured, kind);
  assertEquals(inspect(it, colours), coloured, kind);
  assertEquals(Deno.inspect(it, { depth: 0, compact: false }), text, kind);
  assertEquals(Deno.inspect([{ it }], one), `[ { it: ${text} } ]`, kind);
  assertEquals(inspect([{ it }], one), `[ { it: ${text} } ]`, kind);
  assertEquals(Deno.inspect(new Map([[it, it]]), one), `Map(1) { ${text} => ${text} }`, kind);
  assertEquals(Deno.inspect([it], { ...one, ...colours }), `[ ${coloured} ]`, kind);
}

/** Fails unless JSON has the text; what has a rule of its own is left out. */
function assertInJson(kind: string, it: object): void {
  if (kind === "AuthenticationString" || kind === "Namespace") return;
  assertEquals(JSON.stringify({ it }), JSON.stringify({ it: String(it) }), kind);
}

function close(it: object): void {
  if ("close" in it && typeof it.close === "function") it.close();
  else if (Symbol.dispose in it) (it as Disposable)[Symbol.dispose]();
}

for (const [group, rows] of Object.entries({ TRAVELLING, AT_HOME })) {
  for (const [kind, { make, open, closed }] of Object.entries(rows)) {
    Deno.test(`inspection (${group}): ${kind} is shown as toString() has it, open and closed`, () => {
      const it = make();
      assertShown(kind, it, open);
      assertInJson(kind, it);
      if (closed === undefined) return;
      close(it);
      assertShown(kind, it, closed);
      assertInJson(kind, it);
    });
  }
}

for (const method of ["spawn", "forkserver"] as const) {
  Deno.test(`inspection (${method}): what has arrived in another process is shown there as here`, async () => {
    using said = new mp.Queue<Record<string, string>>();
    const objects = Object.fromEntries(Object.entries(TRAVELLING).map(([kind, { make }]) => [kind, make()]));
    const { Process } = getContext(method);
    const child = new Process({ target: { module: INSPECTED, name: "look" }, args: [said, objects] });
    child.start();
    const seen = await said.get();
    await child.join();
    assertEquals(Object.keys(seen), Object.keys(TRAVELLING));
    for (const [kind, { open }] of Object.entries(TRAVELLING)) assertMatch(seen[kind], open, kind);
    for (const it of Object.values(objects)) if (it !== Point) close(it);
  });
}

Deno.test("inspection: a process that runs and has ended, and its sentinel", async () => {
  using go = new mp.Event();
  const child = new mp.Process({ target: { module: NAPPING, name: "nap" }, args: [go], name: "C" });
  child.start();
  const sentinel = child.sentinel;
  assertShown("Process", child, /^<Process name='C' pid=\d+ parent=\d+ started>$/);
  assertShown("Sentinel", sentinel, /^<Sentinel\(waiting\)>$/);
  go.set();
  await child.join();
  assertShown("Process", child, /^<Process name='C' pid=\d+ parent=\d+ stopped exitcode=0>$/);
  assertShown("Sentinel", sentinel, /^<Sentinel\(ready\)>$/);
  assertInJson("Sentinel", sentinel);
});

Deno.test("inspection: a pool, its results, iterators and streams, and the task in a worker", async () => {
  const pool = new mp.Pool(1, { name: "P\n1" });
  assertShown("Pool", pool, /^<multiprocessing\.pool\.Pool state=RUN pool_size=1 name='P\\u000a1'>$/);
  const result = pool.applyAsync(NOTHING);
  assertShown("AsyncResult", result, /^<AsyncResult\(pending\)>$/);
  await result;
  assertShown("AsyncResult", result, /^<AsyncResult\(fulfilled\)>$/);
  const results = pool.imap(NOTHING, [1, 2]);
  assertShown("ImapIterator", results, /^<ImapIterator\(results=0\)>$/);
  await results.next();
  assertShown("ImapIterator", results, /^<ImapIterator\(results=1\)>$/);
  await results.return();
  const stream = pool.toTransformStream(NOTHING);
  assertShown("PoolTransform", stream, /^<PoolTransform\(open, items=0, results=0\)>$/);
  const [text, shown, json] = await pool.apply(lookAtTask);
  assertEquals([text, shown], ['<CurrentTask("lookAtTask", attempt=0)>', `{ task: ${text} }`]);
  assertEquals(json, JSON.stringify(text));
  await stream.writable.close();
  await pool.terminate();
  assertShown("Pool", pool, / state=TERMINATE /);
  for (const it of [pool, result, results, stream]) assertInJson("of a pool", it);
});

Deno.test("inspection: a manager, and its proxies and their blocking forms, of which none asks the server", async () => {
  const manager = await Manager();
  const objects = [await manager.dict({ a: 1 }), await manager.Lock(), await manager.Namespace({ x: 1 })];
  assertShown("SyncManager", manager, /^<SyncManager \(started\)>$/);
  const syncs = objects.map((it) => it.sync);
  for (const [i, proxy] of objects.entries()) {
    const name = proxy.constructor.name;
    assertShown(name, proxy, new RegExp(`^<${name} object, typeid '\\w+' at 0x[0-9a-f]+>$`));
    assertShown(name, syncs[i], new RegExp(`^<Sync\\w+ of <${name} object, typeid '\\w+' at 0x[0-9a-f]+>>$`));
  }
  await manager.shutdown();
  for (const it of [manager, ...objects, ...syncs]) assertInJson("of a manager", it);
});

Deno.test("inspection: a prototype says that it is one, and what only inherits from it harms nobody", () => {
  for (const Class of [mp.Lock, mp.Queue, mp.Pool, mp.Listener, mp.Semaphore, mp.Process]) {
    assertEquals(Deno.inspect(Class.prototype), `<${Class.name}.prototype>`);
    assertEquals(Deno.inspect(Object.create(Class.prototype)), `<${Class.name}(no instance)>`);
    assertEquals(typeof JSON.stringify(Object.create(Class.prototype)), "string");
  }
});

Deno.test("inspection: a key is in no JSON, a Namespace has its attributes there, and a RawArray is a typed array", () => {
  assertThrows(() => JSON.stringify(mp.currentProcess().authkey), TypeError, "it is a secret");
  assertEquals(JSON.stringify(new Namespace({ x: 1 })), '{"x":1}');
  const array = mp.RawArray("i32", [1, 2]);
  assertEquals([Deno.inspect(array), JSON.stringify(array)], ["Int32Array(2) [ 1, 2 ]", '{"0":1,"1":2}']);
  assert(!Object.hasOwn(Object.getPrototypeOf(array), "toJSON"));
});
