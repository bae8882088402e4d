// What a pool is made of, by the options that it is given: checked, and with the defaults filled in.

import type { Given } from "../callable/reference.ts";
import type { Callable, ModuleExport } from "../callable/types.ts";
import { CallSite } from "../runtime/stack.ts";
import { desksOf } from "./desk.ts";
import type { EngineOptions } from "./engine.ts";
import type { WorkerHooks } from "./hooks.ts";
import { LocalDesks } from "./local_desk.ts";
import {
  countOf,
  type PoolOptions,
  type PoolSettings,
  requireCallback,
  requirePoolOptions,
  taskTimeoutOf,
  wholeOf,
} from "./options.ts";
import { Process } from "../process/process.ts";
import { givenTo, pythonWorkersOf, type Workers } from "./python.ts";
import { type PoolSize, sizeOf } from "./size.ts";

/** Milliseconds that a cancelled task has, if the pool says nothing else. */
const GRACE = 1000;
/** Milliseconds between two looks of a worker at its memory: for statistics, and where there is a limit. */
const MEMORY_EVERY = { usually: 250, limited: 5 } as const;

/** Tasks that a worker may run at a time; each has words in shared memory. */
const MOST_AT_A_TIME = 1024;

let pools = 0;

/**
 * What the engine of a pool is made with.
 *
 * @throws {RangeError} If a number is not in its range.
 * @throws {TypeError} If an option is of the wrong type, or the initializer is not a function that a module exports.
 */
export function engineOptionsOf<I extends readonly unknown[]>(
  processes: number | PoolSize | null | undefined,
  options: PoolOptions<I>,
): EngineOptions {
  const action = "create a pool";
  requirePoolOptions(action, options);
  const { initializer, initargs, maxtasksperchild, maxMemory, grace, daemon = true } = options;
  const size = sizeOf(action, processes, options.idleTimeout);
  if (initargs !== undefined && !Array.isArray(initargs)) {
    throw new TypeError(`Cannot ${action}: "initargs" is ${Deno.inspect(initargs)}, wanted an array`);
  }
  const { stderr = "piped" } = options;
  if (stderr !== "piped" && stderr !== "inherit") {
    throw new TypeError(`Cannot ${action}: "stderr" is ${Deno.inspect(stderr)}, wanted "piped" or "inherit"`);
  }
  const concurrency = wholeOf(action, "concurrency", options.concurrency, {
    least: 1,
    most: MOST_AT_A_TIME,
    fallback: 1,
  });
  const isLimited = typeof maxMemory === "number";
  const workers = { name: options.name ?? `Pool-${++pools}`, python: pythonWorkersOf(action, options) };
  return {
    ...workers,
    size,
    ProcessClass: options.context?.Process ?? Process,
    stderr,
    grace: wholeOf(action, "grace", grace, { least: 0, fallback: GRACE }),
    maxQueue: wholeOf(action, "maxQueue", options.maxQueue, { least: 0, fallback: Infinity }),
    taskTimeout: taskTimeoutOf(action, options.taskTimeout, Infinity),
    // Read at once: what V8 has captured would keep the pool from being collected.
    site: { frames: new CallSite(engineOptionsOf).frames },
    hooks: hooksOf(action, options),
    initializer: functionOf(workers, initializer as Callable | ModuleExport | null | undefined),
    finalizer: functionOf(workers, options.finalizer),
    settings: {
      concurrency,
      initargs: initargs ?? [],
      mayHaveChildren: !daemon,
      memoryEvery: isLimited ? MEMORY_EVERY.limited : MEMORY_EVERY.usually,
      maxtasksperchild: countOf(action, "maxtasksperchild", maxtasksperchild, Infinity),
      maxMemory: countOf(action, "maxMemory", maxMemory, Infinity),
    },
    // The last: they are made, and nothing is refused behind them.
    desks: desksOf(options.context)?.({ concurrency }) ?? new LocalDesks({ concurrency }, workers.python),
  };
}

/** The initializer or finalizer, as workers find it. */
function functionOf(workers: Workers, fn: Callable | ModuleExport | null | undefined): Given | null {
  if (fn === undefined || fn === null) return null;
  const given = givenTo(workers, fn);
  given.prove();
  return given;
}

function hooksOf(action: string, { onWorkerStart, onWorkerExit }: PoolSettings): WorkerHooks {
  requireCallback(action, "onWorkerStart", onWorkerStart);
  requireCallback(action, "onWorkerExit", onWorkerExit);
  return { onWorkerStart: onWorkerStart ?? null, onWorkerExit: onWorkerExit ?? null };
}
