// What the types say of contexts: the package's own are as precise as its classes, and another implementation fits. The
// check is the test: each line that is to be refused is marked so, and a mark without an error is an error itself.

import * as mp from "@parallel/multiprocessing";
import {
  type AsyncResultLike,
  type BarrierLike,
  BaseContext,
  type ConditionLike,
  type ConnectionLike,
  type Context,
  type EventLike,
  type JoinableQueueLike,
  type LockLike,
  type PoolLike,
  type ProcessLike,
  type QueueLike,
  type ScalarLike,
  type SemaphoreLike,
  type SimpleQueueLike,
  type SynchronizedArrayLike,
  type SynchronizedLike,
} from "@parallel/multiprocessing/context";
import { assertEquals, assertInstanceOf, assertThrows } from "@std/assert";

/** Fails to be checked unless both types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;
const same = <A, B>(_: Same<A, B>) => {};

declare function walk(path: string, options: { depth: number }): string;
declare function overloaded(a: string): string;
declare function overloaded(a: number, b: number): number;

// An implementation of somebody else's: its classes are not the package's, and have private members of their own.

declare class ToyLock implements LockLike {
  #toy: true;
  acquire(): Promise<mp.Guard>;
  acquire(options: mp.AcquireOptions): Promise<mp.Guard | null>;
  acquireSync(): mp.Guard;
  acquireSync(options: mp.AcquireSyncOptions): mp.Guard | null;
  tryAcquire(): mp.Guard | null;
  release(): void;
  locked(): boolean;
  [Symbol.dispose](): void;
}

declare class ToySemaphore extends ToyLock implements SemaphoreLike {
  constructor(value?: number);
  override release(n?: number): void;
  getValue(): number;
}

declare class ToyCondition extends ToyLock implements ConditionLike {
  /** It takes the locks of its own implementation alone. */
  constructor(lock?: ToyLock);
  wait(options?: mp.WaitOptions): Promise<boolean>;
  waitSync(options?: mp.WaitSyncOptions): boolean;
  waitFor<T>(predicate: () => T | PromiseLike<T>, options?: mp.WaitOptions): Promise<T>;
  waitForSync<T>(predicate: () => T, options?: mp.WaitSyncOptions): T;
  notify(n?: number): void;
  notifyAll(): void;
}

declare class ToyEvent implements EventLike {
  #toy: true;
  isSet(): boolean;
  set(): void;
  clear(): void;
  wait(options?: mp.WaitOptions): Promise<boolean>;
  waitSync(options?: mp.WaitSyncOptions): boolean;
  [Symbol.dispose](): void;
}

declare class ToyBarrier implements BarrierLike {
  #toy: true;
  constructor(parties: number, options?: mp.BarrierOptions);
  readonly parties: number;
  readonly nWaiting: number;
  readonly broken: boolean;
  wait(options?: mp.WaitOptions): Promise<number>;
  waitSync(options?: mp.WaitSyncOptions): number;
  abort(): void;
  reset(): void;
  [Symbol.dispose](): void;
}

declare class ToyValue<T> extends ToyLock implements SynchronizedLike<T> {
  value: T;
  update(change: (value: T) => T): T;
  getLock(): ToyLock;
  getObj(): ScalarLike<T>;
  close(): void;
}

declare class ToyArray<T> extends ToyLock implements SynchronizedArrayLike<T, T[]> {
  readonly length: number;
  get(index: number): T;
  at(index: number): T;
  set(index: number, value: T): void;
  slice(start?: number, end?: number): T[];
  setSlice(start: number, values: Iterable<T>): void;
  getLock(): ToyLock;
  close(): void;
  [Symbol.iterator](): Iterator<T>;
}

declare class ToyProcess implements ProcessLike {
  #toy: true;
  constructor(options?: mp.ProcessSettings);
  name: string;
  daemon: boolean;
  authkey: Uint8Array;
  readonly pid: number | null;
  readonly ident: number | null;
  readonly sentinel: mp.Waitable;
  readonly exitcode: number | null;
  readonly stdout: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly stderr: ReadableStream<Uint8Array<ArrayBuffer>>;
  run(): Promise<void>;
  start(): void;
  join(options?: mp.WaitOptions): Promise<boolean>;
  joinSync(options?: mp.WaitSyncOptions): boolean;
  isAlive(): boolean;
  terminate(): void;
  kill(): void;
  interrupt(): void;
  close(): void;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A queue for this thread alone. */
class ToyQueue<T = unknown> implements QueueLike<T> {
  readonly #values: T[] = [];
  #isShutDown = false;

  constructor(readonly maxsize = 0) {}

  qsize(): number {
    return this.#values.length;
  }
  empty(): boolean {
    return this.#values.length === 0;
  }
  full(): boolean {
    return this.maxsize > 0 && this.#values.length >= this.maxsize;
  }
  put(value: T): Promise<void> {
    return Promise.try(() => this.putNowait(value));
  }
  putSync(value: T): void {
    this.putNowait(value);
  }
  putNowait(value: T): void {
    if (this.full()) throw new mp.Full("Cannot put: it is full");
    this.#values.push(value);
  }
  get(): Promise<T> {
    return Promise.try(() => this.getNowait());
  }
  getSync(): T {
    return this.getNowait();
  }
  getNowait(): T {
    if (this.empty()) throw new (this.#isShutDown ? mp.ShutDown : mp.Empty)("Cannot get: it is empty");
    return this.#values.shift()!;
  }
  putMany(values: Iterable<T>): Promise<number> {
    return Promise.try(() => this.putManySync(values));
  }
  putManySync(values: Iterable<T>): number {
    return [...values].map((value) => this.putNowait(value)).length;
  }
  getMany(max: number): Promise<T[]> {
    return Promise.try(() => this.getManySync(max));
  }
  getManySync(max: number): T[] {
    return [this.getNowait(), ...this.#values.splice(0, max - 1)];
  }
  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    while (!this.empty()) yield await this.get();
  }
  shutdown({ immediate = false }: { immediate?: boolean } = {}): void {
    this.#isShutDown = true;
    if (immediate) this.#values.length = 0;
  }
  close(): void {}
  joinThread(): Promise<void> {
    return Promise.resolve();
  }
  joinThreadSync(): void {}
  cancelJoinThread(): void {}
  [Symbol.dispose](): void {
    this.close();
  }
}

declare class ToyJoinableQueue<T = unknown> extends ToyQueue<T> implements JoinableQueueLike<T> {
  taskDone(): void;
  join(options?: mp.WaitOptions): Promise<boolean>;
  joinSync(options?: mp.WaitSyncOptions): boolean;
}

declare class ToyContext extends BaseContext {
  readonly Process: typeof ToyProcess;
  readonly Pool: new (processes?: number | null) => PoolLike;
  readonly Queue: typeof ToyQueue;
  readonly JoinableQueue: typeof ToyJoinableQueue;
  readonly SimpleQueue: new <T>() => SimpleQueueLike<T>;
  readonly Lock: typeof ToyLock;
  readonly RLock: typeof ToyLock;
  readonly Semaphore: typeof ToySemaphore;
  readonly BoundedSemaphore: typeof ToySemaphore;
  readonly Condition: typeof ToyCondition;
  readonly Event: typeof ToyEvent;
  readonly Barrier: typeof ToyBarrier;
  readonly Value: Context["Value"];
  readonly RawValue: Context["RawValue"];
  readonly Array: Context["Array"];
  Pipe<S = unknown, R = S>(options?: mp.PipeOptions): [ConnectionLike<S, R>, ConnectionLike<R, S>];
  activeChildren(): ToyProcess[];
  getStartMethod(): string;
  getAllStartMethods(): string[];
  getContext(method?: string | null): ToyContext;
}

/** A program for any context. */
function program(context: Context): void {
  const queue = new context.Queue<number>(3);
  same<typeof queue, QueueLike<number>>(true);
  const lock = new context.RLock();
  new context.Condition(lock).notify();
  const value = context.Value("i64", 1n, { lock });
  same<typeof value, SynchronizedLike<bigint>>(true);
  const raw = context.Value("i32", 1, { lock: false });
  same<typeof raw, ScalarLike<number>>(true);
  const process = new context.Process({ target: walk, args: ["a"], kwargs: { depth: 1 } });
  same<typeof process, ProcessLike>(true);
  const result = new context.Pool(1).applyAsync(overloaded, ["a"]);
  same<typeof result, AsyncResultLike<string | number>>(true);
  class Mine extends context.Queue<string> {}
  new Mine().putSync("a");
}

const right = [
  () => program(mp.getContext()),
  (toy: ToyContext) => program(toy),
  (context: Context) => new context.Process({ target: overloaded, args: ["a"] }),
  (context: Context) => new context.Process({ target: overloaded, args: [1, 2] }),
  (toy: ToyContext) => new toy.Condition(new toy.Lock()),
  (): BaseContext[] => [mp.getContext("spawn")],
  (queue: mp.Queue<number>): QueueLike<number> => queue,
];
const wrong = [
  // @ts-expect-error: a value of the wrong type
  (context: Context) => new context.Queue<number>().putSync("1"),
  // @ts-expect-error: an event is no lock
  (context: Context) => new context.Condition(new context.Event()),
  // @ts-expect-error: a lock of another implementation
  (toy: ToyContext) => new toy.Condition(new mp.Lock()),
  // @ts-expect-error: and the other way round
  (toy: ToyContext) => new mp.Condition(new toy.Lock()),
  // @ts-expect-error: an argument is missing
  (context: Context) => new context.Process({ target: walk, args: ["a"], kwargs: {} }),
  // @ts-expect-error: there is no such option
  (context: Context) => new context.Process({ nmae: "x" }),
  // @ts-expect-error: what a program expects of a queue of any kind is less than what the package's own can do
  (queue: QueueLike<number>): mp.Queue<number> => queue,
  // @ts-expect-error: most is missing
  (): Context => ({ Queue: mp.Queue }),
];

Deno.test("any implementation of the contracts is a context for a program, and its parts are its own", () => {
  assertEquals([right.length, wrong.length], [7, 8]);
});

Deno.test("the package's own contexts are as precise as its classes", () => {
  const context = mp.getContext("spawn");
  using queue = new context.Queue<number>();
  same<typeof queue, mp.Queue<number>>(true);
  using lock = new context.Lock();
  same<typeof lock, mp.Lock>(true);
  using value = context.Value("i64");
  same<typeof value, mp.Synchronized<bigint>>(true);
  const numbers = context.RawArray("i32", 1);
  same<typeof numbers, Int32Array<SharedArrayBuffer>>(true);
  const process = new context.Process();
  same<typeof process.authkey, mp.AuthenticationString>(true);
  const pipe = context.Pipe();
  same<typeof pipe, [mp.Connection, mp.Connection]>(true);
  for (const end of pipe) end.close();
  assertInstanceOf(queue, mp.Queue);
});

Deno.test("a context may take some of its parts from another one", () => {
  const local = mp.getContext("spawn");
  class Mixed extends BaseContext {
    readonly Queue = ToyQueue;
    readonly Process = local.Process;
    readonly Pool = local.Pool;
    readonly JoinableQueue = local.JoinableQueue;
    readonly SimpleQueue = local.SimpleQueue;
    readonly Lock = local.Lock;
    readonly RLock = local.RLock;
    readonly Semaphore = local.Semaphore;
    readonly BoundedSemaphore = local.BoundedSemaphore;
    readonly Condition = local.Condition;
    readonly Event = local.Event;
    readonly Barrier = local.Barrier;
    readonly Value = local.Value;
    readonly RawValue = local.RawValue;
    readonly Array = local.Array;
    readonly Pipe = local.Pipe;
    readonly activeChildren = local.activeChildren;
    getStartMethod = () => "thread";
    getAllStartMethods = () => ["thread"];
    getContext = () => this;
  }
  const mixed: Context = new Mixed();
  using queue = new mixed.Queue<string>(1);
  queue.putSync("here");
  assertThrows(() => queue.putSync("there"), mp.Full);
  assertEquals([queue.getSync(), queue instanceof mp.Queue], ["here", false]);
  using condition = new mixed.Condition(new mixed.Lock());
  assertEquals([condition.tryAcquire()?.ownerDied, mixed.getContext().getStartMethod()], [false, "thread"]);
  assertThrows(() => mixed.setStartMethod("spawn"), mp.InvalidStateError, "concrete context");
});
