// What classes of a context on an engine offer besides what every context's do.

import type { AnyFunction } from "../callable/arguments.ts";
import type { JoinableQueueLike, QueueLike } from "../contracts/queues.ts";
import type { ProcessOptions } from "../process/options.ts";
import type { Process } from "../process/process.ts";
import type { RemoteJoinableQueueOptions } from "./joinable_queue.ts";
import type { RemoteQueueOptions } from "./queue_kinds.ts";

export type { RemoteJoinableQueueOptions } from "./joinable_queue.ts";
export type { RemoteQueueOptions } from "./queue_kinds.ts";

/**
 * What a process on a host says besides.
 *
 * @example Where it runs
 * ```ts ignore
 * import { type EngineUrl, getContext } from "@parallel/multiprocessing";
 *
 * const mp = getContext(Deno.env.get("MULTIPROCESSING_URL") as EngineUrl, { authkey: Deno.readFileSync("mp.key") });
 *
 * export function nothing(): void {}
 *
 * if (import.meta.main) {
 *   const process = new mp.Process({ target: nothing });
 *   console.log(process.host); // null
 *   process.start();
 *   console.log(typeof process.host); // string
 *   await process.join();
 *   console.log(process.lostHost, process.exitcode); // false 0
 * }
 * ```
 */
export interface OnHost {
  /** The name of the host that it runs on; `null` before the start. */
  readonly host: string | null;
  /** Whether it has ended because its host was lost; its exit code is −9 then. */
  readonly lostHost: boolean;
}

/** A class of processes that run on hosts. */
export interface RemoteProcessConstructor {
  /** A process that has yet to be started. */
  new <
    A extends readonly unknown[] = [],
    F extends AnyFunction = (...args: A) => unknown,
    K extends void = undefined,
  >(options?: ProcessOptions<A, F, K>): Process<A, F, K> & OnHost;
}

/**
 * What a queue on an engine knows of values that nobody could deal with.
 *
 * @example What kills whoever takes it is put aside
 * ```ts ignore
 * import { type EngineUrl, getContext } from "@parallel/multiprocessing";
 *
 * const mp = getContext(Deno.env.get("MULTIPROCESSING_URL") as EngineUrl, { authkey: Deno.readFileSync("mp.key") });
 *
 * export async function take(queue: InstanceType<typeof mp.Queue<string>>): Promise<void> {
 *   await queue.get();
 *   Deno.kill(Deno.pid, "SIGKILL");
 * }
 *
 * if (import.meta.main) {
 *   const queue = new mp.Queue<string>(0, { onConsumerDeath: "redeliver", maxDeliveries: 1 });
 *   await queue.put("a job");
 *   const process = new mp.Process({ target: take, args: [queue] });
 *   process.start();
 *   await process.join();
 *   console.log(queue.empty(), await queue.lost()); // true [ "a job" ]
 * }
 * ```
 */
export interface LostValues<T> {
  /** The values that were given to consumers that died as often as they may be. They are in the queue no more. */
  lost(): Promise<T[]>;
  /** As {@linkcode lost}, blocking the thread. */
  lostSync(): T[];
}

/** A class of queues on an engine. */
export interface RemoteQueueConstructor {
  /** An empty queue for at most `maxsize` values; 0 or absent: for any number. */
  new <T = unknown>(maxsize?: number, options?: RemoteQueueOptions): QueueLike<T> & LostValues<T>;
}

/** A class of queues on an engine that count their tasks. */
export interface RemoteJoinableQueueConstructor {
  /** An empty queue for at most `maxsize` values; 0 or absent: for any number. */
  new <T = unknown>(
    maxsize?: number,
    options?: RemoteJoinableQueueOptions,
  ): JoinableQueueLike<T> & LostValues<T>;
}
