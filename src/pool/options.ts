// The options of pools and their calls, and the checks of them.

import type { Target } from "../callable/arguments.ts";
import type { NamedProcessOptions } from "../process/options.ts";
import { Process } from "../process/process.ts";
import { desksOf } from "./desk.ts";
import type { ModuleExport } from "../callable/types.ts";
import { objectName } from "../runtime/object_name.ts";
import { requireCount } from "../waiting/count.ts";
import { LONGEST } from "../waiting/limits.ts";
import { requireFlag, requireKnown, timeoutIn, WAIT, type WaitOptions } from "../waiting/options.ts";
import type { Callbacks } from "./async_result.ts";
import type { WorkerExit, WorkerStart } from "./hooks.ts";
import type { Retries } from "./retries.ts";
import type { ProgressListener } from "./progress.ts";
import type { ItemResult } from "./signatures.ts";

/** Says of which class the workers are, and so how they are started. */
export interface PoolContext {
  /** The class of the context's processes. */
  readonly Process: ProcessClass;
}

/** `Process`, or a class that extends it. */
export type ProcessClass = new (options: NamedProcessOptions) => Process;

/** What each worker runs before its first task, and what with. */
export type PoolInitializer<I extends readonly unknown[]> =
  | { initializer?: null; initargs?: readonly [] }
  | { initializer: ModuleExport; initargs?: readonly unknown[] }
  | { initializer: (() => unknown) | ModuleExport; initargs?: readonly [] }
  | { initializer: Target<I>; initargs: Readonly<I> };

/** Options of {@linkcode Pool}. */
export type PoolOptions<I extends readonly unknown[] = readonly unknown[]> = PoolSettings & PoolInitializer<I>;

/** Options of {@linkcode Pool} that do not depend on the initializer. */
export interface PoolSettings {
  /** Run by each worker before its first task. */
  initializer?: unknown;
  /** What the initializer is called with. */
  initargs?: readonly unknown[];
  /**
   * How many tasks a worker runs at a time: for async functions, whose waits it fills with other tasks. At most 1024. A
   * task goes to the worker that runs the fewest. A worker that dies costs those that it has begun. Default: 1.
   */
  concurrency?: number;
  /** Run by each worker that ends in an orderly way, when it has done its tasks: after `close()`, or when it had as many
   * tasks, or as much memory, as it may. It gets no arguments, and may be async. It is not run after `terminate()`, nor
   * when a worker is killed or could not start. What it throws is printed on standard error, and the exit code is 1 then.
   * After the pool's `grace` the worker is killed. */
  finalizer?: (() => unknown) | ModuleExport | null;
  /** After so many tasks (calls of `apply`, or chunks of items) a worker is replaced by a new one. Default: never. */
  maxtasksperchild?: number | null;
  /** A worker whose resident memory is more than so many bytes after a task is replaced by a new one. Default: never. */
  maxMemory?: number | null;
  /** Milliseconds that a worker of a pool of `{ min, max }` is idle before it ends; with one number for `processes` it is
   * refused. `null`: idle workers stay. Default: 10 000. */
  idleTimeout?: number | null;
  /** Milliseconds that a cancelled task, or the finalizer, has to end by itself, before its worker is killed. Default:
   * 1000. */
  grace?: number;
  /**
   * How many calls may wait. A call waits until a worker has begun a task of it: one of `map` or `imap` counts once, and no
   * more when its first items are worked on. Calls beyond that fail at once with `Full`, as all do that cannot begin.
   * 0: a call needs a free worker, which need not have started yet. Default: any number.
   */
  maxQueue?: number | null;
  /** The `taskTimeout` of calls that have none of their own. Default: any time. */
  taskTimeout?: number | null;
  /** For messages. Default: `Pool-1` and so on. */
  name?: string;
  /** `false`: the workers may have child processes, other pools among them. They end when this process does even so.
   * Default: `true`. */
  daemon?: boolean;
  /** Where the standard error of the workers goes. `"piped"`: to this process, which passes it on, and adds the last of it
   * to the error when a worker dies; while this process blocks its thread, a worker that writes more than 64 KiB waits.
   * `"inherit"`: straight to where this process's own goes. Default: `"piped"`. */
  stderr?: "piped" | "inherit";
  /** Called in this process, soon after a worker was started: its process exists, and has yet to boot and to run the
   * initializer. An error of it is reported as one that nobody has caught. It may use the pool. */
  onWorkerStart?: (worker: WorkerStart) => void;
  /** Called in this process, soon after a worker has ended, however that was, and before `join` or `terminate` is
   * resolved; not for workers that end with this process. Otherwise as `onWorkerStart`. */
  onWorkerExit?: (worker: WorkerExit) => void;
  /**
   * The workers run Python, and the functions are those of `python()`. `true`: the Python that `python()` takes by default.
   * A path, a `file:` URL or a name in `PATH`: that one; `"./.venv/bin/python"` is relative to the calling module. Each
   * worker runs one task at a time, so `concurrency` is refused; `kwargs` are keyword arguments. Default: the workers run
   * Deno.
   */
  python?: boolean | string | URL;
  /** How the workers are started, of `getContext`. Default: as processes are by default. */
  context?: PoolContext;
}

/** Who reports something. */
export interface TaskReport {
  /** The place of the item among those of the call; 0 of `apply`. */
  readonly index: number;
  /** As `currentTask().attempt`. */
  readonly attempt: number;
  /** The worker's process id. */
  readonly pid: number;
}

/** What is told of reports. Its parameter may be of the type that the function reports. */
export type ReportListener = { listen(value: unknown, report: TaskReport): void }["listen"];

/** Options of every call of a pool. */
export interface CallOptions {
  /** Ends the call when aborted: it fails with `signal.reason`, tasks that have not begun are dropped, running ones are
   * told (`currentTask`), and killed with their worker if they do not end within the pool's `grace`. */
  signal?: AbortSignal;
  /** Milliseconds after which the call is ended in the same way, with a `TimeoutError`; at once if 0 or less. Default: never. */
  timeout?: number | null;
  /**
   * Milliseconds that one task may take, from its beginning in a worker on, whereas `timeout` counts from the call on. Then
   * this task fails with a `TimeoutError`, and the others go on; it is told (`currentTask`), and killed with its worker if
   * it does not end within the pool's `grace`. A result that has come before that counts. A task is one item, unless
   * `chunksize` says otherwise; then the time is that of the whole chunk. `null`: any time. Default: the pool's.
   */
  taskTimeout?: number | null;
  /**
   * How often a task whose worker dies is begun anew; only for functions that may run more than once. {@linkcode Retries}
   * say more: after which errors, and when. What of a chunk of items was answered is not done again: with errors among
   * the reasons, only the items that failed, and when a worker dies, only those that it had begun; otherwise its whole
   * chunk. Default: 0.
   */
  retries?: number | Retries;
  /** Tasks of a call with a higher one begin before those of a lower one, also before those that wait already. A task
   * that has begun is not interrupted. Any finite number. Default: 0. */
  priority?: number;
  /**
   * Called with each value that a function of this call gives to `currentTask().report`, in the order of each task, and
   * before its result is told; also if the worker was killed after that. Not after the call is over. What it throws ends
   * the call, as an abort with that reason. A promise that it returns is not waited for, and ends the call in the same way
   * if it is rejected.
   */
  onReport?: ReportListener;
}

/** Options of {@linkcode Pool.apply}; `K` is the type of the `kwargs`, if there are any. */
export interface ApplyOptions<K = undefined> extends CallOptions {
  /** Given to the function as one last argument. */
  kwargs?: K;
}

/** Options of {@linkcode Pool.applyAsync}. */
export interface ApplyAsyncOptions<T, K = undefined> extends ApplyOptions<K>, Callbacks<T> {}

/** The option `settled`. */
export interface SettledOptions<S extends boolean> {
  /** `true`: an item that fails does not end the call. The result of each item is a `PromiseSettledResult` with its
   * `index`; see {@linkcode SettledItem}. Errors of the input, an abort and the like are the call's even so. Default:
   * `false`. */
  settled?: S;
}

/** Options of {@linkcode Pool.map} and {@linkcode Pool.starmap}. */
export interface MapOptions<S extends boolean = false> extends CallOptions, SettledOptions<S> {
  /** How many items are one task. Default: a 4 × `processes`th of the items, less towards the end. */
  chunksize?: number | null;
  /** `true`: a bar on standard error; lines every few seconds, if that is no terminal. A function is called when a task
   * has ended, every 100 ms at most, and once more when the call is over, just before that is told; what it throws is
   * told on standard error and harms nothing. Default: `false`. */
  progress?: boolean | ProgressListener;
}

/** Options of {@linkcode Pool.mapAsync} and {@linkcode Pool.starmapAsync}. */
export interface MapAsyncOptions<T, S extends boolean = false> extends MapOptions<S>, Callbacks<ItemResult<T, S>[]> {}

/** Options of {@linkcode Pool.imap} and {@linkcode Pool.imapUnordered}. */
export interface ImapOptions<S extends boolean = false> extends StreamOptions, SettledOptions<S> {}

/** Options of everything that takes items and gives results one by one. */
export interface StreamOptions extends CallOptions {
  /** How many items are one task; of an async input they are waited for, so a slow one is better off with 1. Default:
   * 1. */
  chunksize?: number;
  /** How many items may have been taken from the input without their results being handed out. Default: 16 chunks for
   * each worker, and up to 256 if one takes less than about 0.3 ms. */
  buffersize?: number;
  /** `true`: a bar on standard error; lines every few seconds, if that is no terminal. A function is called when a task
   * has ended, every 100 ms at most, and once more when the call is over, just before that is told; what it throws is
   * told on standard error and harms nothing. Default: `false`. */
  progress?: boolean | ProgressListener;
}

/** Options of {@linkcode Pool.toTransformStream}. */
export interface TransformOptions extends StreamOptions {
  /** Whether the results come in the order of their items. Default: `true`. */
  ordered?: boolean;
}

/** A whole number from 1 on, `fallback` if there is none. */
export function countOf<T>(action: string, name: string, given: number | null | undefined, fallback: T): number | T {
  return wholeOf(action, name, given, { least: 1, fallback });
}

/** A whole number from `least` to `most`, `fallback` if there is none. */
export function wholeOf<T>(
  action: string,
  name: string,
  given: number | null | undefined,
  { least, most, fallback }: { least: number; most?: number; fallback: T },
): number | T {
  if (given === undefined || given === null) return fallback;
  requireCount(action, name, given, { least, most });
  return given;
}

/** Milliseconds that a task may take; `Infinity` for any time. */
export function taskTimeoutOf(action: string, given: number | null | undefined, fallback: number): number {
  if (given === undefined) return fallback;
  if (given === null) return Infinity;
  if (typeof given === "number" && given > 0) return given <= LONGEST ? given : Infinity;
  const Refusal = typeof given === "number" ? RangeError : TypeError;
  throw new Refusal(
    `Cannot ${action}: "taskTimeout" is ${Deno.inspect(given, { depth: 0 })}, wanted more than 0 ms, or null`,
  );
}

/** The priority of a call. */
export function priorityOf(action: string, given: number | null | undefined): number {
  if (given === undefined || given === null) return 0;
  if (typeof given === "number" && Number.isFinite(given)) return given;
  const Refusal = typeof given === "number" ? RangeError : TypeError;
  throw new Refusal(`Cannot ${action}: "priority" is ${Deno.inspect(given, { depth: 0 })}, wanted a finite number`);
}

/** Options of pools, and a context of getContext or the like. */
export function requirePoolOptions(action: string, given: unknown): asserts given is PoolSettings {
  requireKnown(action, given, KNOWN.pool);
  const { context, name, daemon } = given as Partial<Record<string, unknown>>;
  objectName(action, { name: name as string | undefined });
  requireFlag(action, "daemon", daemon);
  if (context === undefined || context === null) return;
  if (desksOf(context) !== null) return;
  const { Process: Class } = context as PoolContext;
  if (typeof Class === "function" && ((Class as unknown) === Process || Class.prototype instanceof Process)) return;
  throw new TypeError(
    `Cannot ${action}: "context" is ${Deno.inspect(context, { depth: 0 })}, wanted a context of getContext(), or ` +
      "{ Process: a subclass of Process }",
  );
}

/** Options of one of a pool's calls; `isSync`: the call blocks the thread, so no signal ends it. */
export function requireCallOptions(
  call: Exclude<keyof typeof KNOWN, "pool">,
  given: object,
  { isSync = false } = {},
): void {
  if (given === NO_OPTIONS) return;
  const known: readonly string[] = KNOWN[call];
  requireKnown(call, given, isSync ? known.filter((name) => name !== "signal") : known);
  const { progress, settled, kwargs } = given as MapOptions & ApplyOptions<unknown>;
  if (typeof progress !== "function") requireKind(call, { progress }, "boolean", "true, false or a function");
  requireCallback(call, "onReport", (given as CallOptions).onReport);
  requireFlag(call, "settled", settled);
  requireFlag(call, "ordered", (given as { ordered?: unknown }).ordered);
  requireKind(call, { kwargs }, "object", "an object");
}

/** Milliseconds to wait for what a pool does; `Infinity` for ever. */
export function patienceOf(action: string, options: WaitOptions | undefined): number {
  if (options === undefined) return Infinity;
  requireKnown(action, options, WAIT);
  return timeoutIn(options);
}

/** An option that is of that type, or absent. */
function requireKind(action: string, option: Record<string, unknown>, type: string, wanted: string): void {
  for (const [name, given] of Object.entries(option)) {
    if (given === undefined || (typeof given === type && given !== null)) continue;
    throw new TypeError(`Cannot ${action}: "${name}" is ${Deno.inspect(given, { depth: 0 })}, wanted ${wanted}`);
  }
}

/** What most calls are made with. */
export const NO_OPTIONS = Object.freeze({});

const CALL = ["signal", "timeout", "taskTimeout", "retries", "priority", "onReport"];
const CALLBACKS = ["callback", "errorCallback"];
const ITERATION = [...CALL, "chunksize", "buffersize", "progress"];

/** The names of the options there are. */
const KNOWN = {
  pool: [
    ...[
      "concurrency",
      "initializer",
      "initargs",
      "finalizer",
      "idleTimeout",
      "maxtasksperchild",
      "maxMemory",
      "grace",
      "maxQueue",
      "taskTimeout",
      "name",
      "daemon",
      "stderr",
      "onWorkerStart",
      "onWorkerExit",
      "python",
      "context",
    ],
  ],
  apply: [...CALL, "kwargs"],
  applyAsync: [...CALL, "kwargs", ...CALLBACKS],
  map: [...CALL, "chunksize", "progress", "settled"],
  mapAsync: [...CALL, "chunksize", "progress", "settled", ...CALLBACKS],
  starmap: [...CALL, "chunksize", "progress", "settled"],
  starmapAsync: [...CALL, "chunksize", "progress", "settled", ...CALLBACKS],
  imap: [...ITERATION, "settled"],
  imapUnordered: [...ITERATION, "settled"],
  toTransformStream: [...ITERATION, "ordered"],
} as const satisfies Record<string, readonly string[]>;

/** A function, or nothing. */
export function requireCallback(action: string, name: string, given: unknown): void {
  if (given === undefined || given === null || typeof given === "function") return;
  throw new TypeError(`Cannot ${action}: "${name}" is ${Deno.inspect(given)}, wanted a function`);
}
