// What programs may expect of a context, whoever implements it: the objects' interfaces (`…Like`), those of the classes
// that make them (`…Constructor`), and here the context's own. local.ts is one implementation. Another one, say with its
// queues on a server, extends `BaseContext` (base.ts), and TypeScript names what it lacks.

import type { PipeOptions } from "../connection/pipe.ts";
import type { ConnectionLike } from "../contracts/connection.ts";
import type { PoolConstructor } from "../contracts/pool.ts";
import type { ProcessConstructor, ProcessLike } from "../contracts/process.ts";
import type { JoinableQueueConstructor, QueueConstructor, SimpleQueueConstructor } from "../contracts/queues.ts";
import type { SharedDataFactories } from "../contracts/sharedctypes.ts";
import type {
  BarrierConstructor,
  ConditionConstructor,
  EventConstructor,
  LockConstructor,
  SemaphoreConstructor,
} from "../contracts/synchronize.ts";

export type * from "../contracts/connection.ts";
export type * from "../contracts/pool.ts";
export type * from "../contracts/process.ts";
export type * from "../contracts/queues.ts";
export type * from "../contracts/sharedctypes.ts";
export type * from "../contracts/synchronize.ts";

/** Options of `getStartMethod`. */
export interface GetStartMethodOptions {
  /** Whether a method that nobody has chosen or used is `null`, instead of being chosen by the question. */
  allowNone?: boolean;
}

/** Options of `setStartMethod`. */
export interface SetStartMethodOptions {
  /** Whether a method that was chosen or used before is replaced. */
  force?: boolean;
}

/**
 * Processes, and what they share, as members: `new context.Process(…)`, `new context.Queue()`, `context.Value(…)`. A
 * program that takes one works with every implementation. Objects of one implementation are for its own processes and
 * classes: its conditions take its locks, its processes take its queues.
 *
 * @example A program for any context
 * ```ts
 * import { getContext } from "@parallel/multiprocessing";
 * import type { Context } from "@parallel/multiprocessing/context";
 * import { assertEquals } from "@std/assert";
 *
 * function countTo(n: number, context: Context): number[] {
 *   using queue = new context.Queue<number>();
 *   for (let i = 1; i <= n; i++) queue.putSync(i);
 *   return Array.from({ length: n }, () => queue.getSync());
 * }
 *
 * assertEquals(countTo(3, getContext("spawn")), [1, 2, 3]);
 * ```
 */
export interface Context extends SharedDataFactories {
  /** The class of its processes. */
  readonly Process: ProcessConstructor;
  /** The class of its pools. */
  readonly Pool: PoolConstructor;
  /** The class of its queues. */
  readonly Queue: QueueConstructor;
  /** The class of its queues that count their tasks. */
  readonly JoinableQueue: JoinableQueueConstructor;
  /** The class of its simple queues. */
  readonly SimpleQueue: SimpleQueueConstructor;
  /** The class of its locks. */
  readonly Lock: LockConstructor;
  /** The class of its recursive locks. */
  readonly RLock: LockConstructor;
  /** The class of its semaphores. */
  readonly Semaphore: SemaphoreConstructor;
  /** The class of its semaphores that are not released more often than acquired. */
  readonly BoundedSemaphore: SemaphoreConstructor;
  /** The class of its conditions. */
  readonly Condition: ConditionConstructor;
  /** The class of its events. */
  readonly Event: EventConstructor;
  /** The class of its barriers. */
  readonly Barrier: BarrierConstructor;
  /** Two connections, each of which receives what the other sends. */
  Pipe<Sent = unknown, Received = Sent>(
    options?: PipeOptions,
  ): [ConnectionLike<Sent, Received>, ConnectionLike<Received, Sent>];
  /** Its processes that were started here and are running. */
  activeChildren(): ProcessLike[];
  /** How its processes are started. */
  getStartMethod(options?: GetStartMethodOptions): string | null;
  /** Chooses how they are started, where that is possible. */
  setStartMethod(method: string | null, options?: SetStartMethodOptions): void;
  /** All ways to start them, the default first. */
  getAllStartMethods(): string[];
  /** The context of a start method; without one, this context. */
  getContext(method?: string | null): Context;
}
