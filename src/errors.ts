/**
 * Every error class that this package throws. {@linkcode ProcessError} is the base of all of them.
 *
 * Errors about an argument are the language's own `RangeError` and `TypeError`; errors of the operating system are
 * the matching `Deno.errors.*`.
 *
 * The class name sits on each prototype, so that it survives minification and is not an own property that would be
 * copied or printed twice.
 *
 * @module
 */

/**
 * The base of every error of this package.
 *
 * @example Catch whatever the package itself reports
 * ```ts
 * import { Empty, ProcessError } from "@parallel/multiprocessing";
 * import { assertInstanceOf } from "@std/assert";
 *
 * assertInstanceOf(new Empty("Cannot get from the queue: it is empty"), ProcessError);
 * ```
 */
export class ProcessError extends Error {
  static {
    this.prototype.name = "ProcessError";
  }
}

/** Options of {@linkcode BufferTooShort}. */
export interface BufferTooShortOptions extends ErrorOptions {
  /** The whole message that did not fit. */
  bytes: Uint8Array;
}

/**
 * A message is longer than the buffer it was to be received into. Nothing is lost: the error carries the message.
 *
 * @example Take the message from the error
 * ```ts
 * import { BufferTooShort } from "@parallel/multiprocessing";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new BufferTooShort("Cannot receive 3 bytes into a buffer of 2", {
 *   bytes: new Uint8Array([1, 2, 3]),
 * });
 * assertEquals(error.bytes, new Uint8Array([1, 2, 3]));
 * ```
 */
export class BufferTooShort extends ProcessError {
  static {
    this.prototype.name = "BufferTooShort";
  }

  /** The whole message that did not fit. */
  readonly bytes: Uint8Array;

  /** An error for `options.bytes`, the message that did not fit. */
  constructor(message: string, options: BufferTooShortOptions) {
    super(message, options);
    this.bytes = options.bytes;
  }
}

/**
 * The other end of a connection does not know the key.
 *
 * @example Tell a wrong key from other failures
 * ```ts
 * import { AuthenticationError } from "@parallel/multiprocessing";
 * import { assertEquals } from "@std/assert";
 *
 * const error: unknown = new AuthenticationError("Cannot accept the connection: the digest sent was wrong");
 * assertEquals(error instanceof AuthenticationError, true);
 * ```
 */
export class AuthenticationError extends ProcessError {
  static {
    this.prototype.name = "AuthenticationError";
  }
}

/**
 * A result was not there in the time given. Not to be confused with the `DOMException` that `AbortSignal.timeout()`
 * makes, whose `name` is the same.
 *
 * @example Tell it from an abort
 * ```ts
 * import { TimeoutError } from "@parallel/multiprocessing";
 * import { assertEquals } from "@std/assert";
 *
 * const error: unknown = new TimeoutError("Cannot get the result: it was not ready within 50 ms");
 * assertEquals(error instanceof TimeoutError, true);
 * assertEquals(error instanceof DOMException, false);
 * ```
 */
export class TimeoutError extends ProcessError {
  static {
    this.prototype.name = "TimeoutError";
  }
}

/**
 * A queue had nothing to give, at once or in the time given.
 *
 * @example Tell an empty queue from one that was shut down
 * ```ts
 * import { Empty, ShutDown } from "@parallel/multiprocessing";
 * import { assertEquals } from "@std/assert";
 *
 * const error: unknown = new Empty("Cannot get from the queue: it is empty");
 * assertEquals(error instanceof Empty, true);
 * assertEquals(error instanceof ShutDown, false);
 * ```
 */
export class Empty extends ProcessError {
  static {
    this.prototype.name = "Empty";
  }
}

/**
 * A queue had no free slot, at once or in the time given; or as many calls of a pool wait as its `maxQueue` lets.
 *
 * @example Tell a full queue from other failures
 * ```ts
 * import { Full } from "@parallel/multiprocessing";
 * import { assertEquals } from "@std/assert";
 *
 * const error: unknown = new Full("Cannot put into the queue: it holds 8 of 8 objects");
 * assertEquals(error instanceof Full, true);
 * ```
 */
export class Full extends ProcessError {
  static {
    this.prototype.name = "Full";
  }

  /** Of `putMany`: how many values, the first ones, are in the queue. */
  declare readonly put?: number;
}

/**
 * A queue was shut down: nothing more can be put, and nothing is left to get.
 *
 * @example End a worker when its queue is shut down
 * ```ts
 * import { ShutDown } from "@parallel/multiprocessing";
 * import { assertEquals } from "@std/assert";
 *
 * const error: unknown = new ShutDown("Cannot put into the queue: it was shut down");
 * assertEquals(error instanceof ShutDown, true);
 * ```
 */
export class ShutDown extends ProcessError {
  static {
    this.prototype.name = "ShutDown";
  }

  /** Of `putMany`: how many values, the first ones, are in the queue. */
  declare readonly put?: number;
}

/**
 * A barrier was reset, aborted, timed out or lost a waiting party to death.
 *
 * @example Recognise it by class or by name
 * ```ts
 * import { BrokenBarrierError } from "@parallel/multiprocessing";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new BrokenBarrierError("Cannot wait at the barrier: it is broken");
 * assertEquals(error.name, "BrokenBarrierError");
 * ```
 */
export class BrokenBarrierError extends ProcessError {
  static {
    this.prototype.name = "BrokenBarrierError";
  }
}

/** Options of {@linkcode RemoteError}. */
export interface RemoteErrorOptions extends ErrorOptions {
  /** The error as it was printed there, with its stack, causes and properties. Default: nothing. */
  remoteStack?: string;
  /** The place of the item that failed among those of its call, from 0 on. Default: `null`. */
  index?: number | null;
  /** The item, or the arguments, as text. Default: `null`. */
  argument?: string | null;
  /** The process id of the other process. Default: `null`. */
  pid?: number | null;
  /** The name of the other process. Default: `null`. */
  processName?: string | null;
}

/** The own property of a {@linkcode RemoteError} that it travels with; not enumerable, so that it is not printed. */
const REMOTE = "remote";

/**
 * Something failed in another process. It is the last `cause` of an error that came from there, and says where it comes
 * from; `remoteStack` has the whole of what the other process would have printed. It comes alone if the error itself
 * could not be brought over.
 *
 * @example Read what the other process would have printed
 * ```ts
 * import { RemoteError } from "@parallel/multiprocessing";
 * import { assertEquals, assertStringIncludes } from "@std/assert";
 *
 * const error = new RemoteError("item 2 of pool.map, { n: 3 }, failed in PoolWorker-1 (pid 42)", {
 *   remoteStack: "RangeError: out of stock\n    at order (file:///shop.ts:3:9)",
 *   index: 2,
 * });
 * assertStringIncludes(error.remoteStack, "shop.ts:3:9");
 * assertEquals(error.index, 2);
 * ```
 */
export class RemoteError extends ProcessError {
  static {
    this.prototype.name = "RemoteError";
  }

  /** An error of another process, which `options` describe. */
  constructor(message: string, options: RemoteErrorOptions = {}) {
    super(message, options);
    const { remoteStack, index, argument, pid, processName } = options;
    const value = { remoteStack, index, argument, pid, processName };
    Object.defineProperty(this, REMOTE, { value, writable: true, configurable: true });
  }

  /** The error as it was printed there, with its stack, causes and properties; `""` if that is not known. */
  get remoteStack(): string {
    return textIn(this, "remoteStack") ?? "";
  }

  /** The place of the item that failed among those of its call, from 0 on; `null` if it is about no item. */
  get index(): number | null {
    return numberIn(this, "index");
  }

  /** The item that failed, or the arguments of the call, as text of one line; `null` if it is about none. */
  get argument(): string | null {
    return textIn(this, "argument");
  }

  /** The process id of the other process; `null` if that is not known. */
  get pid(): number | null {
    return numberIn(this, "pid");
  }

  /** The name of the other process; `null` if that is not known. */
  get processName(): string | null {
    return textIn(this, "processName");
  }
}

/** What a {@linkcode RemoteError} travels with. Others may have sent anything in its place. */
function remoteOf(error: RemoteError): Record<string, unknown> {
  const remote: unknown = Reflect.get(error, REMOTE);
  return typeof remote === "object" && remote !== null ? remote as Record<string, unknown> : {};
}

function textIn(error: RemoteError, name: string): string | null {
  const part = remoteOf(error)[name];
  return typeof part === "string" ? part : null;
}

function numberIn(error: RemoteError, name: string): number | null {
  const part = remoteOf(error)[name];
  return typeof part === "number" ? part : null;
}

/**
 * A task ran, but its result cannot be sent back. As in Python it holds printed forms, since the result itself is
 * what could not travel.
 *
 * @example Read what could not be sent, and why
 * ```ts
 * import { MaybeEncodingError } from "@parallel/multiprocessing";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new MaybeEncodingError("functions cannot be copied", "[Function: f]");
 * assertEquals(error.message, "Error sending result: '[Function: f]'. Reason: 'functions cannot be copied'");
 * assertEquals(error.value, "[Function: f]");
 * ```
 */
export class MaybeEncodingError extends ProcessError {
  static {
    this.prototype.name = "MaybeEncodingError";
  }

  /** The printed form of the error that serialising raised. */
  readonly exc: string;
  /** The printed form of the result. */
  readonly value: string;

  /** An error for the result printed as `value`, which `exc` prevented from being sent. */
  constructor(exc: string, value: string, options?: ErrorOptions) {
    super(`Error sending result: '${value}'. Reason: '${exc}'`, options);
    this.exc = exc;
    this.value = value;
  }
}

/**
 * The other end was closed and nothing is left to receive.
 *
 * @example End a loop of receives
 * ```ts
 * import { EOFError } from "@parallel/multiprocessing";
 * import { assertEquals } from "@std/assert";
 *
 * const error: unknown = new EOFError("Cannot receive: the other end is closed");
 * assertEquals(error instanceof EOFError, true);
 * ```
 */
export class EOFError extends ProcessError {
  static {
    this.prototype.name = "EOFError";
  }

  /** Of `putMany`: how many values, the first ones, are in the queue. */
  declare readonly put?: number;
}

/**
 * An object is not in a state that allows the call: closed, not started, started twice, not owned by the caller.
 *
 * @example Recognise a call at the wrong time
 * ```ts
 * import { InvalidStateError } from "@parallel/multiprocessing";
 * import { assertEquals } from "@std/assert";
 *
 * const error: unknown = new InvalidStateError('Cannot join process "Process-1": it was not started');
 * assertEquals(error instanceof InvalidStateError, true);
 * ```
 */
export class InvalidStateError extends ProcessError {
  static {
    this.prototype.name = "InvalidStateError";
  }
}

/** Options of {@linkcode OwnerDiedError}. */
export interface OwnerDiedErrorOptions extends ErrorOptions {
  /** The process id the holder had. */
  pid: number;
  /** The name of the holder's process, `null` if it is not known any more. */
  processName: string | null;
  /**
   * How the holder's process ended, as `Process.exitcode`: n after `Deno.exit(n)`, −N when ended by signal N; `null` if that
   * is not known, or if only a Worker of it has ended. Default: `null`.
   */
  exitcode?: number | null;
  /** The host that the holder ran on, in a tree on several machines. Default: `null`. */
  host?: string | null;
}

/**
 * The process that held a lock died. The data that the lock guards may be half written; the lock is free again.
 *
 * @example Read who it was
 * ```ts
 * import { OwnerDiedError } from "@parallel/multiprocessing";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new OwnerDiedError('Cannot acquire the lock: its holder "Process-1" (pid 42) died', {
 *   pid: 42,
 *   processName: "Process-1",
 * });
 * assertEquals([error.pid, error.processName], [42, "Process-1"]);
 * ```
 */
export class OwnerDiedError extends ProcessError {
  static {
    this.prototype.name = "OwnerDiedError";
  }

  /** The process id the holder had. */
  readonly pid: number;
  /** The name of the holder's process, `null` if it is not known any more. */
  readonly processName: string | null;
  /** How the holder's process ended, as `Process.exitcode`; `null` if it is not known, or only a Worker of it has ended. */
  readonly exitcode: number | null;
  /** The host that the holder ran on, in a tree on several machines; else `null`. */
  readonly host: string | null;

  /** An error for the holder that `options` name. */
  constructor(message: string, options: OwnerDiedErrorOptions) {
    super(message, options);
    this.pid = options.pid;
    this.processName = options.processName;
    this.exitcode = options.exitcode ?? null;
    this.host = options.host ?? null;
  }
}

/** Options of {@linkcode WorkerLostError}. */
export interface WorkerLostErrorOptions extends ErrorOptions {
  /** As `Process.exitcode`: n after `Deno.exit(n)`, −N when ended by signal N. */
  exitcode: number | null;
  /** The signal that ended the worker, such as `"SIGKILL"`; `null` if none did. */
  signal: string | null;
  /** The process id the worker had. */
  pid: number;
  /** The last that it wrote to its standard error. Default: nothing. */
  stderr?: string;
  /** The place of the item that it was working on among those of the call, from 0 on. Default: `null`. */
  index?: number | null;
  /** The host that it ran on, in a tree on several machines. Default: `null`. */
  host?: string | null;
}

/**
 * A worker process ended while it ran a task. Only that task is lost.
 *
 * @example Read how it ended
 * ```ts
 * import { WorkerLostError } from "@parallel/multiprocessing";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new WorkerLostError("Cannot finish the task: worker 42 was ended by SIGKILL", {
 *   exitcode: -9,
 *   signal: "SIGKILL",
 *   pid: 42,
 * });
 * assertEquals([error.exitcode, error.signal, error.pid], [-9, "SIGKILL", 42]);
 * ```
 */
export class WorkerLostError extends ProcessError {
  static {
    this.prototype.name = "WorkerLostError";
  }

  /** As `Process.exitcode`: n after `Deno.exit(n)`, −N when ended by signal N. */
  readonly exitcode: number | null;
  /** The signal that ended the worker, such as `"SIGKILL"`; `null` if none did. */
  readonly signal: string | null;
  /** The process id the worker had. */
  readonly pid: number;
  /** The last that it wrote to its standard error, as far as the pool has seen it; up to 4 KiB. */
  readonly stderr: string;
  /** The place of the item that is lost among those of its call, from 0 on; `null` for `apply`, or if several are lost. */
  readonly index: number | null;
  /** The host that it ran on, in a tree on several machines; else `null`. */
  readonly host: string | null;

  /** An error for the worker that `options` describe. */
  constructor(message: string, options: WorkerLostErrorOptions) {
    super(message, options);
    this.exitcode = options.exitcode;
    this.signal = options.signal;
    this.pid = options.pid;
    this.stderr = options.stderr ?? "";
    this.index = options.index ?? null;
    this.host = options.host ?? null;
  }
}

/**
 * The engine of a tree on several machines did not answer as long as the context's `patience` lasts. Whether the step was
 * done is not known.
 *
 * @example Tell it from a wait that was too short
 * ```ts
 * import { EngineUnavailableError, TimeoutError } from "@parallel/multiprocessing";
 * import { assertEquals } from "@std/assert";
 *
 * const error: unknown = new EngineUnavailableError("Cannot reach the engine at db.example:6379 for 60000 ms");
 * assertEquals(error instanceof EngineUnavailableError, true);
 * assertEquals(error instanceof TimeoutError, false);
 * ```
 */
export class EngineUnavailableError extends ProcessError {
  static {
    this.prototype.name = "EngineUnavailableError";
  }
}

/**
 * This process was declared dead in its tree on several machines, since its host was not heard of for the length of the
 * lease. Others have what it held by now, so that each of its calls is refused.
 *
 * @example End at once: nothing can be mended
 * ```ts
 * import { FencedError } from "@parallel/multiprocessing";
 * import { assertEquals } from "@std/assert";
 *
 * const error: unknown = new FencedError("Cannot put into the queue: this process was declared dead: host lost");
 * assertEquals(error instanceof FencedError, true);
 * ```
 */
export class FencedError extends ProcessError {
  static {
    this.prototype.name = "FencedError";
  }
}

/**
 * The engine of a tree on several machines has forgotten something that it had acknowledged: it was restarted without what
 * it had, or a replica without the last steps took its place. The whole tree ends with this error.
 *
 * @example Begin again from what is known elsewhere
 * ```ts
 * import { StateLostError } from "@parallel/multiprocessing";
 * import { assertEquals } from "@std/assert";
 *
 * const error: unknown = new StateLostError("Cannot acquire the lock: the engine has lost the state of the tree");
 * assertEquals(error instanceof StateLostError, true);
 * ```
 */
export class StateLostError extends ProcessError {
  static {
    this.prototype.name = "StateLostError";
  }
}

/** What an exception of Python's was. */
export interface PythonErrorOptions extends ErrorOptions {
  /** The name of its class; of one that is none of Python's builtins with its module, `shop.SoldOut`. */
  type: string;
  /** What it was raised with. Default: nothing. */
  args?: readonly unknown[];
  /** What was added to it by `add_note`. Default: nothing. */
  notes?: readonly unknown[];
}

/**
 * A method of a Python's manager has raised an exception that no class of JavaScript's is near: `RuntimeError`, or a class of
 * the program there. Others are the class that fits, such as a `RangeError` for a `KeyError`, with the same properties.
 *
 * @example Look at what was raised
 * ```ts
 * import { PythonError } from "@parallel/multiprocessing";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new PythonError("none left of 'tea'", { type: "shop.SoldOut", args: ["tea", 0] });
 * assertEquals([error.type, error.args, error.notes], ["shop.SoldOut", ["tea", 0], []]);
 * ```
 */
export class PythonError extends ProcessError {
  static {
    this.prototype.name = "PythonError";
  }

  /** The name of its class; of one that is none of Python's builtins with its module. */
  readonly type: string;
  /** What it was raised with. */
  readonly args: readonly unknown[];
  /** What was added to it by `add_note`. */
  readonly notes: readonly unknown[];

  /** An error for an exception of that class. */
  constructor(message: string, options: PythonErrorOptions) {
    super(message, options);
    const { type, args = [], notes = [] } = options;
    this.type = type;
    this.args = args;
    this.notes = notes;
  }
}
