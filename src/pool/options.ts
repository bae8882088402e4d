// The options of pools and their calls, and what is wrong with them.

import { Process, type Target } from "../process.ts";
import type { Callbacks } from "./async_result.ts";

/** Says of which class the workers are, and so how they are started. */
export interface PoolContext {
  /** The class of the context's processes. */
  readonly Process: typeof Process;
}

/** Options of {@linkcode Pool}. */
export interface PoolOptions<I extends readonly unknown[] = readonly unknown[]> {
  /** Run by each worker before its first task. */
  initializer?: Target<I>;
  /** What the initializer is called with. */
  initargs?: I;
  /** After so many tasks (calls of `apply`, or chunks of items) a worker is replaced by a new one. Default: never. */
  maxtasksperchild?: number | null;
  /** A worker whose resident memory is more than so many bytes after a task is replaced by a new one. Default: never. */
  maxMemory?: number | null;
  /** Milliseconds that a cancelled task has to end by itself, before its worker is killed. Default: 1000. */
  grace?: number;
  /** For messages. Default: `Pool-1` and so on. */
  name?: string;
  /** `false`: the workers may have child processes, other pools among them. They end when this process does even so.
   * Default: `true`. */
  daemon?: boolean;
  /** Where the standard error of the workers goes. `"piped"`: to this process, which passes it on, and adds the last of it
   * to the error when a worker dies; while this process blocks its thread, a worker that writes more than 64 KiB waits.
   * `"inherit"`: straight to where this process's own goes. Default: `"piped"`. */
  stderr?: "piped" | "inherit";
  /** How the workers are started, of `getContext`. Default: as processes are by default. */
  context?: PoolContext;
}

/** Options of every call of a pool. */
export interface CallOptions {
  /** Ends the call when aborted: it fails with `signal.reason`, tasks that have not begun are dropped, running ones are
   * told (`currentTask`), and killed with their worker if they do not end within the pool's `grace`. */
  signal?: AbortSignal;
  /** Milliseconds after which the call is ended in the same way, with a `TimeoutError`. Default: never. */
  timeout?: number | null;
  /** How often a task whose worker dies is begun anew; only for functions that may run more than once. Default: 0. */
  retries?: number;
}

/** Options of {@linkcode Pool.apply}. */
export interface ApplyOptions extends CallOptions {
  /** Given to the function as one last argument. */
  kwargs?: Record<string, unknown>;
}

/** Options of {@linkcode Pool.map} and {@linkcode Pool.starmap}. */
export interface MapOptions extends CallOptions {
  /** How many items are one task. Default: a 4 × `processes`th of the items, less towards the end. */
  chunksize?: number | null;
  /** Draws a bar on standard error, if that is a terminal. Default: `false`. */
  progress?: boolean;
}

/** Options of {@linkcode Pool.imap} and {@linkcode Pool.imapUnordered}. */
export interface ImapOptions extends CallOptions {
  /** How many items are one task; of an async input they are waited for, so a slow one is better off with 1. Default:
   * 1. */
  chunksize?: number;
  /** How many items may have been taken from the input without their results being handed out. Default: 16 chunks for
   * each worker, and up to 256 if one takes less than about 0.3 ms. */
  buffersize?: number;
  /** Draws a bar on standard error, if that is a terminal. Default: `false`. */
  progress?: boolean;
}

/** Options of {@linkcode Pool.applyAsync}. */
export interface ApplyAsyncOptions<T> extends ApplyOptions, Callbacks<T> {}

/** Options of {@linkcode Pool.mapAsync} and {@linkcode Pool.starmapAsync}. */
export interface MapAsyncOptions<T> extends MapOptions, Callbacks<T[]> {}

/** Options of {@linkcode Pool.toTransformStream}. */
export interface TransformOptions extends ImapOptions {
  /** Whether the results come in the order of their items. Default: `true`. */
  ordered?: boolean;
}

/** A whole number from 1 on, `fallback` if there is none. */
export function countOf<T>(action: string, name: string, given: number | null | undefined, fallback: T): number | T {
  return wholeOf(action, name, given, { least: 1, fallback });
}

/** A whole number from `least` on, `fallback` if there is none. */
export function wholeOf<T>(
  action: string,
  name: string,
  given: number | null | undefined,
  { least, fallback }: { least: number; fallback: T },
): number | T {
  if (given === undefined || given === null) return fallback;
  const wanted = `wanted a whole number from ${least} on`;
  const message = `Cannot ${action}: "${name}" is ${Deno.inspect(given)}, ${wanted}`;
  if (typeof given !== "number") throw new TypeError(message);
  if (!Number.isInteger(given) || given < least) throw new RangeError(message);
  return given;
}

/** Options of pools, and a context of getContext or the like. */
export function requirePoolOptions(action: string, given: unknown): asserts given is PoolOptions {
  if (typeof given !== "object" || given === null) {
    throw new TypeError(`Cannot ${action}: the options are ${Deno.inspect(given, { depth: 0 })}, wanted an object`);
  }
  const { context } = given as PoolOptions;
  if (context === undefined || context === null) return;
  const { Process: Class } = context;
  if (typeof Class === "function" && (Class === Process || Class.prototype instanceof Process)) return;
  throw new TypeError(
    `Cannot ${action}: "context" is ${Deno.inspect(context, { depth: 0 })}, wanted a context of getContext(), or ` +
      "{ Process: a subclass of Process }",
  );
}

/** A function, or nothing. */
export function requireCallback(action: string, name: string, given: unknown): void {
  if (given === undefined || given === null || typeof given === "function") return;
  throw new TypeError(`Cannot ${action}: "${name}" is ${Deno.inspect(given)}, wanted a function`);
}
