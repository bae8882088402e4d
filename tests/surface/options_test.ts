// Unknown options: everything public that takes options refuses a name that there is not, and says which one was meant.
// The documentation of the package tells what takes options, so what is new is missed here.

import * as mp from "@parallel/multiprocessing";
import { ForkServerProcess, getContext, PythonProcess, SpawnProcess } from "@parallel/multiprocessing/context";
import { BaseManager, SyncManager } from "@parallel/multiprocessing/managers";
import { ShareableList, SharedMemory, SharedMemoryManager } from "@parallel/multiprocessing/shared_memory";
import { dumps, loads, NdArray } from "@parallel/multiprocessing/pickle";
import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { joinParent } from "../fixtures/surface/option_targets.ts";
import { nearest } from "../../src/waiting/nearest.ts";

const ROOT = new URL("../../", import.meta.url);
const square = { module: "data:text/javascript,export function square(x) { return x * x }", name: "square" };
const key = new Uint8Array(4);

/** What is called with a slip in place of the option that is meant. */
type Call = (options: never) => unknown;
type Row = readonly [slip: string, meant: string, call: Call];

/** Rows of a method in a promise, and of its twin that blocks. A signal is no option of the twin. */
function waits(name: string, call: Call, sync: Call): Record<string, Row> {
  return {
    [name]: ["timeOut", "timeout", call],
    [`${name}Sync`]: ["timeot", "timeout", sync],
    [`${name}Sync with a signal`]: ["signal", "", sync],
  };
}

/** What needs no pool and no manager; the objects go with the stack. */
function plainRows(stack: DisposableStack): Record<string, Row> {
  const lock = stack.use(new mp.Lock());
  const semaphore = stack.use(new mp.Semaphore());
  const condition = stack.use(new mp.Condition());
  const [event, barrier] = [stack.use(new mp.Event()), stack.use(new mp.Barrier(2))];
  const [queue, joinable] = [stack.use(new mp.Queue()), stack.use(new mp.JoinableQueue())];
  const loan = stack.use(queue.loan(1));
  const [value, listener] = [stack.use(mp.Value("i32")), stack.use(new mp.Listener())];
  const [end] = mp.Pipe().map((it) => stack.use(it));
  return {
    ...waits("Lock.acquire", (o) => lock.acquire(o), (o) => lock.acquireSync(o)),
    ...waits("Semaphore.acquire", (o) => semaphore.acquire(o), (o) => semaphore.acquireSync(o)),
    ...waits("Lockable.acquire", (o) => condition.acquire(o), (o) => condition.acquireSync(o)),
    ...waits("Condition.wait", (o) => condition.wait(o), (o) => condition.waitSync(o)),
    ...waits("Condition.waitFor", (o) => condition.waitFor(() => 1, o), (o) => condition.waitForSync(() => 1, o)),
    ...waits("Event.wait", (o) => event.wait(o), (o) => event.waitSync(o)),
    ...waits("Barrier.wait", (o) => barrier.wait(o), (o) => barrier.waitSync(o)),
    ...waits("Lockable.acquire", (o) => value.acquire(o), (o) => value.acquireSync(o)),
    ...waits("Queue.put", (o) => queue.put(1, o), (o) => queue.putSync(1, o)),
    ...waits("Queue.get", (o) => queue.get(o), (o) => queue.getSync(o)),
    ...waits("Queue.putMany", (o) => queue.putMany([1], o), (o) => queue.putManySync([1], o)),
    ...waits("Queue.getMany", (o) => queue.getMany(1, o), (o) => queue.getManySync(1, o)),
    ...waits("Queue.getView", (o) => queue.getView(o), (o) => queue.getViewSync(o)),
    ...waits("Loan.put", (o) => loan.put(1, o), (o) => loan.putSync(1, o)),
    ...waits("JoinableQueue.join", (o) => joinable.join(o), (o) => joinable.joinSync(o)),
    ...waits("Connection.poll", (o) => end.poll(o), (o) => end.pollSync(o)),
    ...waits("Listener.accept", (o) => listener.accept(o), (o) => listener.acceptSync(o)),
    ...waits("wait", (o) => mp.wait([end], o), (o) => mp.waitSync([end], o)),
    ...waits("Client", (o) => mp.Client("/nowhere", o), (o) => mp.ClientSync("/nowhere", o)),
    ...waits("deliverChallenge", (o) => mp.deliverChallenge(end, key, o), (o) => mp.deliverChallengeSync(end, key, o)),
    ...waits("answerChallenge", (o) => mp.answerChallenge(end, key, o), (o) => mp.answerChallengeSync(end, key, o)),
    "new SharedMemory": ["naem", "name", (o) => new SharedMemory(o)],
    "new ShareableList": ["Name", "name", (o) => new ShareableList([1], o)],
    "new SharedMemoryManager": ["adress", "address", (o) => new SharedMemoryManager(o)],
    "Queue.shutdown": ["imediate", "immediate", (o) => queue.shutdown(o)],
    "Connection.send": ["signl", "signal", (o) => end.send(1, o)],
    "Connection.recv": ["Signal", "signal", (o) => end.recv(o)],
    "Connection.sendBytes": ["ofset", "offset", (o) => end.sendBytes(key, o)],
    "Connection.sendBytesSync": ["sise", "size", (o) => end.sendBytesSync(key, o)],
    "Connection.recvBytes": ["maxLength", "maxlength", (o) => end.recvBytes(o)],
    "Connection.recvBytesSync": ["max_length", "maxlength", (o) => end.recvBytesSync(o)],
    "Connection.recvBytesInto": ["off", "offset", (o) => end.recvBytesInto(key, o)],
    "Connection.recvBytesIntoSync": ["offest", "offset", (o) => end.recvBytesIntoSync(key, o)],
    "new Lock": ["on_owner_death", "onOwnerDeath", (o) => new mp.Lock(o)],
    "new RLock": ["onDeath", "onOwnerDeath", (o) => new mp.RLock(o)],
    "new Semaphore": ["nane", "name", (o) => new mp.Semaphore(1, o)],
    "new BoundedSemaphore": ["nmae", "name", (o) => new mp.BoundedSemaphore(1, o)],
    "new Condition": ["Name", "name", (o) => new mp.Condition(lock, o)],
    "new Event": ["nam", "name", (o) => new mp.Event(o)],
    "new Barrier": ["acton", "action", (o) => new mp.Barrier(2, o)],
    "new Queue": ["names", "name", (o) => new mp.Queue(1, o)],
    "new JoinableQueue": ["named", "name", (o) => new mp.JoinableQueue(1, o)],
    "new SimpleQueue": ["NAME", "name", (o) => new mp.SimpleQueue(o)],
    "new Listener": ["auth_key", "authkey", (o) => new mp.Listener(null, o)],
    "new Process": ["max_shared_memory", "maxSharedMemory", (o) => new mp.Process(o)],
    "new SpawnProcess": ["stdOut", "stdout", (o) => new SpawnProcess(o)],
    "new PythonProcess": ["stdErr", "stderr", (o) => new PythonProcess(o)],
    "new ForkServerProcess": ["deamon", "daemon", (o) => new ForkServerProcess(o)],
    "new Pool": ["max_tasks_per_child", "maxtasksperchild", (o) => new mp.Pool(1, o)],
    "new Pool of a context": ["initialiser", "initializer", (o) => new (mp.getContext("spawn").Pool)(1, o)],
    Value: ["Lock", "lock", (o) => mp.Value("i32", 1, o)],
    Array: ["lcok", "lock", (o) => mp.Array("i32", 1, o)],
    Pipe: ["dupelx", "duplex", (o) => mp.Pipe(o)],
    Manager: ["shutdown_timeout", "shutdownTimeout", (o) => mp.Manager(o)],
    "LocalContext.Manager": ["auth", "authkey", (o) => mp.getContext("spawn").Manager(o)],
    python: ["executible", "executable", (o) => mp.python("sys", "exit", o)],
    getStartMethod: ["allow_none", "allowNone", (o) => mp.getStartMethod(o)],
    setStartMethod: ["forced", "force", (o) => mp.setStartMethod("spawn", o)],
    "SpawnContext.getStartMethod": ["allownone", "allowNone", (o) => getContext("spawn").getStartMethod(o)],
    "PythonContext.getStartMethod": ["allow", "", (o) => getContext("python").getStartMethod(o)],
    "ForkServerContext.getStartMethod": ["alowNone", "allowNone", (o) => getContext("forkserver").getStartMethod(o)],
    dumps: ["typedArray", "typedArrays", (o) => dumps(1, o)],
    loads: ["tuple", "tuples", (o) => loads(dumps(1), o)],
    "new NdArray": ["fortan", "fortran", (o) => new NdArray("|u1", [0], new Uint8Array(0), o)],
    "new BaseManager": ["adress", "address", (o) => new BaseManager(o)],
    "new SyncManager": ["serialiser", "serializer", (o) => new SyncManager(o)],
    "BaseManager.register": ["proxyType", "proxytype", (o) => BaseManager.register("never", Object as never, o)],
    "BaseManager.connect": ["timeOut", "timeout", (o) => new BaseManager({ address: "/nowhere" }).connect(o)],
    "BaseManager.connectSync": ["time", "timeout", (o) => new BaseManager({ address: "/nowhere" }).connectSync(o)],
  };
}

/** What a pool has, and whatever else has the same methods. */
function poolRows(of: string, pool: mp.Pool, isProxy = false): Record<string, Row> {
  const rows: Record<string, Row> = {
    [`${of}.apply`]: ["task_timeout", "taskTimeout", (o) => pool.apply(square, [1], o)],
    [`${of}.map`]: ["chunk_size", "chunksize", (o) => pool.map(square, [1], o)],
    [`${of}.starmap`]: ["chunkSize", "chunksize", (o) => pool.starmap(square, [[1]], o)],
    [`${of}.imap`]: ["bufferSize", "buffersize", (o) => pool.imap(square, [1], o).next()],
    [`${of}.imapUnordered`]: ["retry", "retries", (o) => pool.imapUnordered(square, [1], o).next()],
    [`${of}.join`]: ["timeOut", "timeout", (o) => pool.join(o)],
    [`${of}.idle`]: ["timeOut", "timeout", (o) => pool.idle(o)],
    [`${of}.mapAsync`]: ["setled", "settled", (o) => pool.mapAsync(square, [1], o)],
    [`${of}.starmapAsync`]: ["progres", "progress", (o) => pool.starmapAsync(square, [[1]], o)],
    [`${of}.applyAsync`]: ["kwarg", "kwargs", (o) => pool.applyAsync(square, [1], o)],
  };
  if (isProxy) return rows;
  return {
    ...rows,
    [`${of}.applyAsync with a callback`]: ["error_callback", "errorCallback", (o) => pool.applyAsync(square, [1], o)],
    [`${of}.mapAsync with a callback`]: ["errback", "errorCallback", (o) => pool.mapAsync(square, [1], o)],
    [`${of}.toTransformStream`]: ["order", "ordered", (o) => pool.toTransformStream(square, o)],
    "AsyncResult.get": ["timeOut", "timeout", (o) => pool.applyAsync(square, [1]).get(o)],
    "AsyncResult.wait": ["time_out", "timeout", (o) => pool.applyAsync(square, [1]).wait(o)],
    "ImapIterator.next": ["tiemout", "timeout", (o) => pool.imap(square, [1]).next(o)],
  };
}

/** What a process has. */
function processRows(child: mp.Process): Record<string, Row> {
  return waits("Process.join", (o) => child.join(o), (o) => child.joinSync(o));
}

/** What makes objects in a manager. */
function managerRows(manager: SyncManager): Record<string, Row> {
  return {
    "BaseManager.join": ["timeOut", "timeout", (o) => manager.join(o)],
    "SyncManager.Lock": ["onOwnersDeath", "onOwnerDeath", (o) => manager.Lock(o)],
    "SyncManager.RLock": ["nme", "name", (o) => manager.RLock(o)],
    "SyncManager.Semaphore": ["nmae", "name", (o) => manager.Semaphore(1, o)],
    "SyncManager.BoundedSemaphore": ["nmae", "name", (o) => manager.BoundedSemaphore(1, o)],
    "SyncManager.Condition": ["nmae", "name", (o) => manager.Condition(undefined, o)],
    "SyncManager.Event": ["nmae", "name", (o) => manager.Event(o)],
    "SyncManager.Barrier": ["timeOut", "timeout", (o) => manager.Barrier(2, o)],
    "SyncManager.Queue": ["nmae", "name", (o) => manager.Queue(1, o)],
    "SyncManager.JoinableQueue": ["nmae", "name", (o) => manager.JoinableQueue(1, o)],
    "SyncManager.Value": ["lok", "lock", (o) => manager.Value("i32", 1, o)],
    "SyncManager.Array": ["lok", "lock", (o) => manager.Array("i32", 1, o)],
    "SyncManager.Pool": ["max_memory", "maxMemory", (o) => manager.Pool(1, o)],
    "SyncManager.dict": ["freze", "freeze", (o) => manager.dict({}, o)],
    "SyncManager.list": ["freez", "freeze", (o) => manager.list([], o)],
    "SyncManager.set": ["Freeze", "freeze", (o) => manager.set([], o)],
    "SyncManager.Namespace": ["freezes", "freeze", (o) => manager.Namespace({}, o)],
  };
}

/** What a manager's objects have: their proxies in promises, and blocking. */
async function proxyRows(manager: SyncManager): Promise<Record<string, Row>> {
  const [lock, condition, event] = [await manager.Lock(), await manager.Condition(), await manager.Event()];
  const [barrier, queue, list] = [await manager.Barrier(2), await manager.JoinableQueue(), await manager.list([1])];
  const pool = await manager.Pool(1);
  const result = await pool.applyAsync(square, [2]);
  const rows: Record<string, Row> = {};
  const both = (names: readonly [string, string], call: Call, sync: Call) => {
    rows[names[0]] = ["timeOut", "timeout", call];
    rows[names[1]] = ["timeOut", "timeout", sync];
    rows[`${names[1]} with a signal`] = ["signal", "", sync];
  };
  both(["AcquirableProxy.acquire", "SyncAcquirable.acquire"], (o) => lock.acquire(o), (o) => lock.sync.acquire(o));
  both(["ConditionProxy.wait", "SyncCondition.wait"], (o) => condition.wait(o), (o) => condition.sync.wait(o));
  const always = () => true;
  both(
    ["ConditionProxy.waitFor", "SyncCondition.waitFor"],
    (o) => condition.waitFor(always, o),
    (o) => condition.sync.waitFor(always, o),
  );
  both(["EventProxy.wait", "SyncEvent.wait"], (o) => event.wait(o), (o) => event.sync.wait(o));
  both(["BarrierProxy.wait", "SyncBarrier.wait"], (o) => barrier.wait(o), (o) => barrier.sync.wait(o));
  both(["QueueProxy.put", "SyncQueue.put"], (o) => queue.put(1, o), (o) => queue.sync.put(1, o));
  both(["QueueProxy.get", "SyncQueue.get"], (o) => queue.get(o), (o) => queue.sync.get(o));
  both(["QueueProxy.putMany", "SyncQueue.putMany"], (o) => queue.putMany([1], o), (o) => queue.sync.putMany([1], o));
  both(["QueueProxy.getMany", "SyncQueue.getMany"], (o) => queue.getMany(1, o), (o) => queue.sync.getMany(1, o));
  both(["QueueProxy.join", "SyncQueue.join"], (o) => queue.join(o), (o) => queue.sync.join(o));
  both(["AsyncResultProxy.get", "SyncAsyncResult.get"], (o) => result.get(o), (o) => result.sync.get(o));
  both(["AsyncResultProxy.wait", "SyncAsyncResult.wait"], (o) => result.wait(o), (o) => result.sync.wait(o));
  both(["PoolProxy.map", "SyncPool.map"], (o) => pool.map(square, [1], o), (o) => pool.sync.map(square, [1], o));
  return {
    ...rows,
    ...poolRows("PoolProxy", pool as unknown as mp.Pool, true),
    ...poolRows("SyncPool", pool.sync as unknown as mp.Pool, true),
    "QueueProxy.shutdown": ["imediate", "immediate", (o) => queue.shutdown(o)],
    "SyncQueue.shutdown": ["imediate", "immediate", (o) => queue.sync.shutdown(o)],
    "ListProxy.sort": ["reversed", "reverse", (o) => list.sort(o)],
    "ListProxy.toSorted": ["compere", "compare", (o) => list.toSorted(o)],
    "SyncList.sort": ["Reverse", "reverse", (o) => list.sync.sort(o)],
    "SyncList.toSorted": ["comp", "compare", (o) => list.sync.toSorted(o)],
    "BaseProxy.with": ["timeOut", "timeout", (o) => list.with(o)],
  };
}

/** What is taken for options that say nothing, if nobody looks. */
const NO_BAGS: readonly unknown[] = [
  ...[[], [5], new Uint8Array(1), new Map([["timeout", 5]]), new Number(5), new Date(), new AbortController()],
  ...[() => {}, 5, "5"],
  Object.create(new Set()),
];

/** What takes options, and is not in a table: why. */
const ELSEWHERE: Record<string, string> = {
  "BaseContext.Pipe": "abstract",
  "BaseContext.getStartMethod": "abstract",
  "BaseContext.setStartMethod": "refuses everything",
  "DefaultContext.getStartMethod": "is getStartMethod",
  "DefaultContext.setStartMethod": "is setStartMethod",
  "LocalContext.getStartMethod": "abstract",
  "new ConditionTemplate": "a type",
  "new ParentProcess": "made by parentProcess",
  "ParentProcess.join": "only in a child: below",
  "ParentProcess.joinSync": "only in a child: below",
  "new BufferTooShort": "an error, which takes what JavaScript's take",
  "new MaybeEncodingError": "an error",
  "new OwnerDiedError": "an error",
  "RemoteContext.Manager": "needs an engine: tests/engine/managers_test.ts",
  "RemoteContext.getStartMethod": "needs an engine: tests/engine/context_test.ts",
  getContext: "of an engine: tests/engine/address_test.ts",
  "new PythonError": "an error",
  "new RemoteError": "an error",
  "new WorkerLostError": "an error",
};

interface Parameter {
  readonly kind: string;
  readonly name?: string;
  readonly left?: Parameter;
  readonly arg?: Parameter;
}

/** Whether a function takes options: a parameter of that name, or one that is taken apart. */
function takesOptions(params: readonly Parameter[]): boolean {
  const names = params.map((it) => it.name ?? it.left?.name ?? it.arg?.name ?? "options");
  return names.some((name) => /options$/i.test(name)) || params.some((it) => JSON.stringify(it).includes('Options"'));
}

/** The public functions, constructors and methods that take options, by the documentation. */
async function documented(): Promise<string[]> {
  const { exports } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  const files = Object.values(exports as Record<string, string>).map((path) => new URL(path, ROOT).href);
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["doc", "--json", ...files] }).output();
  const { nodes } = JSON.parse(new TextDecoder().decode(stdout));
  const found = new Set<string>();
  for (
    const { name, declarations } of Object.values<{ symbols: [] }>(nodes).flatMap(({ symbols }) => symbols) as Symbols
  ) {
    for (const { kind, def } of declarations) {
      if (kind === "function" && takesOptions(def.params!)) found.add(name);
      if (kind !== "class") continue;
      if (def.constructors?.some(({ params }) => takesOptions(params))) found.add(`new ${name}`);
      for (const method of def.methods ?? []) {
        if (takesOptions(method.functionDef.params)) found.add(`${name}.${method.name}`);
      }
    }
  }
  return [...found];
}

type Symbols = readonly {
  readonly name: string;
  readonly declarations: readonly {
    readonly kind: string;
    readonly def: {
      readonly params?: readonly Parameter[];
      readonly constructors?: readonly { readonly params: readonly Parameter[] }[];
      readonly methods?: readonly {
        readonly name: string;
        readonly functionDef: { readonly params: readonly Parameter[] };
      }[];
    };
  }[];
}[];

Deno.test("an unknown option is refused by name, and the nearest one is named", async () => {
  await using pool = new mp.Pool(1);
  // The server has the module by its initializer: where a process of the tree is caged, no message makes it import one.
  await using manager = new SyncManager();
  await manager.start(square);
  using stack = new DisposableStack();
  const said = stack.use(new mp.Queue<string[]>());
  await using child = new mp.Process({ target: joinParent, args: [said] });
  child.start();
  const rows = {
    ...{ ...plainRows(stack), ...processRows(child), ...poolRows("Pool", pool) },
    ...{ ...managerRows(manager), ...await proxyRows(manager) },
  };
  for (const [name, [slip, meant, call]] of Object.entries(rows)) {
    const error = await assertRejects(async () => await call({ [slip]: 1 } as never), TypeError, undefined, name);
    assertStringIncludes(error.message, `"${slip}" is no option, wanted `, name);
    if (meant !== "") assertStringIncludes(error.message, `; did you mean "${meant}"?`, name);
  }
  /** Options as a program may keep them. */
  class Given {
    constructor(slip: string) {
      Object.assign(this, { [slip]: 1 });
    }
  }
  for (const [name, [slip, , call]] of Object.entries(rows)) {
    const error = await assertRejects(async () => await call(new Given(slip) as never), TypeError, undefined, name);
    assertStringIncludes(error.message, `"${slip}" is no option, wanted `, name);
    for (const bag of NO_BAGS) {
      if (typeof bag === "function" && /sort/i.test(name)) continue; // which takes one
      const error = await assertRejects(async () => await call(bag as never), TypeError, undefined, name);
      // What a manager's object is made with goes in a message, which some of these cannot.
      const isSaid = error.message.includes("wanted an object") ||
        name.startsWith("SyncManager.") && error.message.includes("Cannot serialise");
      assert(isSaid, `${error.message}: ${name}, bag ${NO_BAGS.indexOf(bag)}`);
    }
  }
  const ofParent = 'Cannot wait: "timeOut" is no option, wanted timeout';
  assertEquals(await said.get(), [
    `${ofParent}, signal; did you mean "timeout"?`,
    `${ofParent}; did you mean "timeout"?`,
  ]);
  const missed = (await documented()).filter((name) => !(name in rows) && !(name in ELSEWHERE));
  assertEquals(missed, [], "takes options, and is not in the tables here");
  assert(Object.keys(rows).length > 150);
});

Deno.test("an unknown option is refused wherever it comes from, but for what somebody has given to all objects", () => {
  using queue = new mp.Queue<number>();
  const inherits = (defaults: object) => Object.create(defaults) as { timeout: number };
  assertThrows(() => queue.getSync(inherits({ timeOut: 1 })), TypeError, 'did you mean "timeout"?');
  assertThrows(() => queue.getSync(inherits({ timeout: 0 })), mp.Empty);
  assertThrows(() => queue.getSync(Object.assign(Object.create(null), { timeout: 0 })), mp.Empty);
  assertThrows(() => queue.getSync(new Proxy({ timeout: 0 }, {})), mp.Empty);
  const { proxy, revoke } = Proxy.revocable({ timeout: 0 }, {});
  revoke();
  assertThrows(() => queue.getSync(proxy), TypeError, "Cannot wait: the options are [object], wanted an object");
  Object.defineProperty(Object.prototype, "timeOut", { value: 1, enumerable: true, configurable: true });
  try {
    assertThrows(() => queue.getSync({ timeout: 0 }), mp.Empty);
  } finally {
    delete (Object.prototype as { timeOut?: number }).timeOut;
  }
});

Deno.test("options are refused where there are none", async () => {
  using stack = new DisposableStack();
  const queue = stack.use(new mp.SimpleQueue<number>());
  const [near, far] = mp.Pipe<number>().map((it) => stack.use(it));
  const calls: Record<string, (options: unknown) => unknown> = {
    "SimpleQueue.put": (o) => Reflect.apply(queue.put, queue, [1, o]),
    "SimpleQueue.putSync": (o) => Reflect.apply(queue.putSync, queue, [1, o]),
    "SimpleQueue.get": (o) => Reflect.apply(queue.get, queue, [o]),
    "SimpleQueue.getSync": (o) => Reflect.apply(queue.getSync, queue, [o]),
    "SimpleQueue.putMany": (o) => Reflect.apply(queue.putMany, queue, [[1], o]),
    "SimpleQueue.putManySync": (o) => Reflect.apply(queue.putManySync, queue, [[1], o]),
    "SimpleQueue.getMany": (o) => Reflect.apply(queue.getMany, queue, [1, o]),
    "SimpleQueue.getManySync": (o) => Reflect.apply(queue.getManySync, queue, [1, o]),
    "Connection.sendSync": (o) => Reflect.apply(near.sendSync, near, [1, o]),
    "Connection.recvSync": (o) => Reflect.apply(far.recvSync, far, [o]),
    RawValue: (o) => Reflect.apply(mp.RawValue, undefined, ["i32", 1, o]),
    RawArray: (o) => Reflect.apply(mp.RawArray, undefined, ["i32", 1, o]),
  };
  for (const [name, call] of Object.entries(calls)) {
    await assertRejects(async () => await call({ timeout: 5 }), TypeError, "it takes no options", name);
    assert(queue.empty() && !far.pollSync(), name);
  }
  [1, 2].forEach((n, i) => Reflect.apply(queue.putSync, queue, [n, i])); // such as the index of an item: no options
  assertEquals([queue.getSync(), queue.getSync()], [1, 2]);
});

Deno.test("which name was meant", () => {
  const names = ["maxsize", "timeout", "chunksize", "errorCallback", "callback", "maxtasksperchild", "initializer"];
  const slips: Record<string, string | undefined> = {
    ...{ max_size: "maxsize", maxSize: "maxsize", timeOut: "timeout", time_out: "timeout", timeut: "timeout" },
    ...{ chunkSize: "chunksize", chunk_size: "chunksize", chunksizes: "chunksize", chunk: "chunksize" },
    ...{ errback: "errorCallback", error_callback: "errorCallback", onError: undefined, callbak: "callback" },
    ...{ max_tasks_per_child: "maxtasksperchild", maxTasksPerChild: "maxtasksperchild", init: "initializer" },
    ...{ initialiser: "initializer", x: undefined, workers: undefined, "": undefined },
  };
  for (const [slip, meant] of Object.entries(slips)) assertEquals([slip, nearest(slip, names)], [slip, meant]);
});
