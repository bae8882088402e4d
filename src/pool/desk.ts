// Where a pool and its workers meet. What goes over a desk is in messages.ts; a desk of shared memory is local_desk.ts and
// local_side.ts, and there may be others: a context whose pools have one of its own says so by `DESKS`.

import type { Given } from "../callable/reference.ts";
import type { ModuleExport } from "../callable/types.ts";
import type { TravellingReference } from "../callable/late.ts";
import type { Channel } from "../queues/channel.ts";
import type { Frame, Head } from "../queues/frame.ts";
import type { NamedProcessOptions } from "../process/options.ts";
import type { Process } from "../process/process.ts";
import type { PoolFunction } from "./calls/call.ts";

/** The process of a worker, as a pool uses it. */
export type WorkerProcess = Pick<Process, "name" | "pid" | "exitcode" | "start" | "terminate" | "kill" | "join">;

/** The class of a worker's process. */
export type WorkerProcessClass = new (options: NamedProcessOptions) => WorkerProcess;

/** How a context says that its pools have desks of another kind: {@linkcode DeskMaker}. */
export const DESKS: unique symbol = Symbol("desks");

/** Makes the desks of one pool. */
export type DeskMaker = (needs: DeskNeeds) => Desks;

/** What a pool needs of its desks. */
export interface DeskNeeds {
  /** How many tasks a worker runs at a time. */
  readonly concurrency: number;
}

/** What makes the desks of the pools of a context; `null` if they are the package's own. */
export function desksOf(context: unknown): DeskMaker | null {
  return (context as { readonly [DESKS]?: DeskMaker } | null | undefined)?.[DESKS] ?? null;
}

/** What all workers take their tasks from, as the pool has it: `receive` takes back what none has taken. */
export type TaskList = Pick<Channel, "isBusy" | "send" | "receive" | "close">;

/** The desks of one pool. */
export interface Desks {
  readonly tasks: TaskList;
  /** Whether {@linkcode WorkerProcess} may have its standard error piped. */
  readonly canPipe: boolean;
  /** How many workers may be starting at a time. */
  readonly breadth: number;
  /** Says whose the tasks are, to who looks from outside. */
  label(pool: string): void;
  /** Whether nothing can be said over them any more. */
  readonly isBroken: boolean;
  /** Has `act` called, once, when nothing can be said over them any more, with the reason. */
  whenBroken(act: (reason: Error) => void): void;
  /** A function as a worker's settings have it. */
  travel(given: Given): TravellingReference;
  /**
   * A desk for one more worker.
   *
   * @throws {Deno.errors.WouldBlock} If there is no place for its process just now.
   */
  open(): PoolSide;
}

/** The pool's side of a desk, with what the worker says of itself: see `Cell` and `Slot` in messages.ts. */
export interface PoolSide {
  /** What the worker is to run. */
  readonly target: ModuleExport;
  /** The worker's side of it, as an argument of the target. */
  readonly far: unknown;
  readonly memory: number;
  readonly begun: number[];
  readonly mode: number;
  /** Whether an answer is just being read, in which user code may run. */
  readonly isBusy: boolean;
  /** Says whose it is, to who looks from outside. */
  label(worker: string): void;
  itemsBegun(number: number): number;
  countBegun(numbers: ReadonlyMap<number, unknown>): number;
  /** Tells the worker of a function that it has not been told of. */
  introduce(fn: PoolFunction): void;
  /** Has it look for so many tasks, if it rests; whether it does. */
  call(tasks: number): boolean;
  /** Has it answer a task, although that goes on. */
  giveUp(task: number): void;
  /** Has it end itself when it has done its tasks. */
  stop(): void;
  /** Tells a task that it is not wanted any more; whether it runs, or has run last in its place. */
  cancel(number: number, timedOut: boolean): boolean;
  /** What it has said about its room has been read. */
  noteRoom(): void;
  /** A report has been read. */
  noteHeard(): void;
  /** The next frame, waiting up to `timeout` milliseconds; `null` if there is none. */
  receive(timeout: number): Frame | null;
  /** Calls `arrived` whenever there may be frames, until this is closed. */
  listen(arrived: () => void): void;
  /** Resolves when the process has ended, and all that it had said is there. */
  ended(process: WorkerProcess): Promise<void>;
  /** Nothing is said over it any more. `pid`: of the process that had the other side; `null` if there was none. */
  close(pid: number | null): void;
}

/** What the worker does with what comes over its side of a desk. */
export interface TaskServer {
  /** Runs a task in the place of that slot, and answers it; when that was done. */
  serve(frame: Frame, slot: number): Promise<number>;
  /** Answers the task of that number, if it runs, as if it had ended. */
  giveUp(number: number): void;
}

/** The worker's side of a desk. */
export interface WorkerSide {
  /** Whether a reference that has come over it may name any module to be imported. */
  trusts(reference: TravellingReference): boolean;
  /** Milliseconds on this clock, and of what the pool may compare with its own: see clock.ts. */
  readonly clock: readonly [time: number, wall: number];
  /** Runs tasks until it is told to stop: `true`; or the pool is gone. */
  work(server: TaskServer): Promise<boolean>;
  /** The function of that number; `null` if the pool has not told of it. */
  reference(fn: number): TravellingReference | null | Promise<TravellingReference | null>;
  /** A function of the settings. */
  arrived(reference: TravellingReference): TravellingReference | Promise<TravellingReference>;
  /**
   * Sends a frame to the pool.
   *
   * @throws {TypeError} If the list cannot be serialised; then nothing is sent.
   */
  send(head: Head, list: readonly unknown[]): void;
  /** As {@linkcode send}, what a task reports; waits a while if the pool has much of that unread. */
  report(head: Head, value: unknown): void;
  /** The resident memory of this process in KiB. */
  noteMemory(kib: number): void;
  /** So many items of the task in that slot have been begun. */
  noteItems(slot: number, items: number): void;
  /** Why the task in that slot is not wanted any more, one of `CancelReason`; `null` if it is. */
  cancelled(slot: number, number: number): number | null;
  /** Resolves when a task may have become unwanted. */
  cancellation(signal: AbortSignal): Promise<void>;
}
