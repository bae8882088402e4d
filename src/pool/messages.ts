// The messages between a pool (engine.ts, worker_handle.ts) and its workers (worker_main.ts): the types that both
// halves share.

import type { TravellingReference } from "../callable/late.ts";
import type { Event } from "../synchronize/event.ts";
import type { Channel } from "../queues/channel.ts";

/** What a frame is. */
export const Kind = {
  /** To whichever worker takes it: run a function. `fn` is the number of the function; the list is what it is run with;
   * `begun` is how often it was begun before. */
  task: 1,
  /** By a worker's bell: end yourself. */
  stop: 2,
  /** From a worker: the initializer has run. The list is the {@linkcode Setting} of its clock. */
  ready: 3,
  /** From a worker: the initializer has thrown. The list is a {@linkcode Failure}. */
  startFailed: 4,
  /** From a worker: a task is done. The list holds the results; `duration` is how long it took. */
  done: 5,
  /** From a worker: a task has thrown. The list is a {@linkcode Failure}. */
  failed: 6,
  /** From a worker: some items of a task have thrown. The list is {@linkcode Mixed}. */
  mixed: 7,
  /** To a worker, in a channel of its own: which function is meant by the number `fn`. The list is its reference. */
  function: 8,
  /** By a worker's bell: look for tasks; `task` says for how many. */
  call: 9,
  /** From a worker: it begins a task that has the flag `timed`. */
  begun: 10,
  /** From a worker: it was told to stop, and runs the finalizer. */
  finalizing: 11,
  /** From a worker that runs some tasks: it may run more, and one waits. */
  room: 12,
  /** By a worker's bell: answer the task of that number, although it goes on. */
  giveUp: 13,
  /** From a worker: what a task reports, for the item in the place `fn` of the task. The list holds the value. */
  report: 14,
} as const;

/** How the list of a task is to be read; of an answer, `left` alone. */
export const Flag = {
  /** Each item is the one argument of a call; otherwise the list is the arguments of the only call. */
  each: 1,
  /** With `each`: an item is an array of arguments. */
  star: 2,
  /** With `each`: an item that throws does not end the task. */
  lenient: 4,
  /** The worker is to say when it begins the task. */
  timed: 8,
  /** Somebody listens to what the task reports. */
  heard: 16,
  /** Of a task for a worker of Python: the last of the arguments is an object of those that have names. */
  named: 32,
  /** The task was answered before its function has ended, which may go on. */
  left: 128,
} as const;

/** An error on its way: as text, which can always be read, and as a message of its own, `null` if it cannot be one; and the
 * place in its task of the item that it was thrown for, if that is known. */
export type Failure = [text: string, error: Uint8Array | null, place?: number];

/** Results, with `null` in the place of those whose items have thrown, and which these are. */
export type Mixed = [results: unknown[], places: number[], failures: Failure[]];

/** What a pool and one worker share. */
export interface Desk {
  /** To all workers; each takes the first task there is. The pool may take back a task that none has taken. */
  readonly tasks: Channel;
  /** To the worker alone: what wakes it. */
  readonly bell: Channel;
  /** To the worker: functions, each before the first task that needs it. */
  readonly functions: Channel;
  /** From the worker. */
  readonly results: Channel;
  /** Set when a `Slot.cancelled` has changed. */
  readonly cancel: Event;
  /** Set when `Cell.heard` has come to `Cell.awaited`. */
  readonly heard: Event;
  /** See {@linkcode Cell}. */
  readonly cells: Int32Array;
  /** One word of all workers: the process that lingers at the tasks, 0 if none does. */
  readonly lingerer: Int32Array;
}

/** What a worker is started with, besides its desk. */
export interface WorkerSettings {
  readonly initializer: TravellingReference | null;
  readonly initargs: readonly unknown[];
  readonly finalizer: TravellingReference | null;
  /** How many tasks it runs at a time. */
  readonly concurrency: number;
  /** Whether it may have children. */
  readonly mayHaveChildren: boolean;
  /** Milliseconds from one look at its memory to the next, after a task. */
  readonly memoryEvery: number;
  /** Tasks after which it takes no more; `Infinity` for never. */
  readonly maxtasksperchild: number;
  /** Bytes of memory beyond which it takes no more tasks; `Infinity` for never. */
  readonly maxMemory: number;
}

/**
 * The words that a pool and one worker share, 32 bits each.
 *
 * | word | written by | meaning |
 * | --- | --- | --- |
 * | `mode` | both | one of {@linkcode Mode} |
 * | `memory` | the worker | its resident memory in KiB, as of its last look |
 * | `asks` | both | 1: it has said that it has room, and the pool has yet to read that |
 * | `heard` | the pool | how many reports it has read, in 32 bits |
 * | `awaited` | both | the worker waits until `heard` has come to this; 0: it does not |
 * | `slots` | both | from here on, {@linkcode Slot} for each task that it may run at a time |
 */
export const Cell = { mode: 0, memory: 1, asks: 2, heard: 3, awaited: 4, slots: 5 } as const;

/**
 * The words of each task that a worker may run at a time.
 *
 * | word | written by | meaning |
 * | --- | --- | --- |
 * | `begun` | the worker | the number of the task that runs here, or ran here last |
 * | `cancelled` | the pool | the number of the task here that is not wanted any more |
 * | `reason` | the pool, before `cancelled` | why, one of {@linkcode CancelReason} |
 * | `items` | the worker; 0 before `begun` | how many items of a lenient task of several it has begun |
 */
export const Slot = { begun: 0, cancelled: 1, reason: 2, items: 3, words: 4 } as const;

/**
 * What a worker does between its tasks.
 *
 * | mode | meaning | goes on to |
 * | --- | --- | --- |
 * | `away` | it takes no more tasks: it boots, or has had as many as it may, or is to stop | `searching` |
 * | `lingering` | it has just ended a task and waits a moment where the next is put, or has taken one and not noted which | `running`, `resting` |
 * | `searching` | it looks for a task, or has taken one and not noted which | `running`, `lingering`, `resting` |
 * | `resting` | it has found none, and looks once more | `running`, `asleep`, `called` |
 * | `asleep` | it has found none, and waits for its bell | `called` |
 * | `called` | the pool has made it so, and rings its bell | `searching`, `running` |
 * | `running` | `begun` says what it runs, and it has no slot left | `searching`, `away` |
 *
 * A worker that runs some tasks and may run more is `asleep`, unless it looks for them: see slots.ts.
 *
 * The pool puts a task before it looks who rests; a worker rests before it looks for the last time: so no task waits
 * while a worker sleeps, and nobody is woken in vain. A worker that lingers is woken by the task itself, and needs no
 * bell.
 */
export const Mode = { away: 0, searching: 1, resting: 2, asleep: 3, called: 4, running: 5, lingering: 6 } as const;

/** Words of a cache line: no two workers write to the same. */
const LINE = 16;

/** How many words a worker has that runs so many tasks at a time. */
export function cellsFor(concurrency: number): number {
  return LINE * Math.ceil((Cell.slots + concurrency * Slot.words) / LINE);
}

/** Why a task is not wanted any more. */
export const CancelReason = { aborted: 0, timedOut: 1 } as const;
