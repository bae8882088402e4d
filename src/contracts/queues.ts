// The contracts of queues.

import type { NameOptions } from "../runtime/object_name.ts";
import type { AcquireOptions, AcquireSyncOptions, WaitOptions, WaitSyncOptions } from "../waiting/options.ts";

/** What can be done with a queue, whoever implements it: as {@linkcode Queue}, which is one implementation. */
export interface QueueLike<T = unknown> extends Disposable, AsyncIterable<T> {
  /** How many values are in it at the moment. */
  qsize(): number;
  /** Whether it holds nothing. */
  empty(): boolean;
  /** Whether it holds as much as it may. */
  full(): boolean;
  /** Puts a value, waiting for room without blocking the thread. */
  put(value: T, options?: AcquireOptions): Promise<void>;
  /** As {@linkcode put}, blocking the thread. */
  putSync(value: T, options?: AcquireSyncOptions): void;
  /** Puts a value if there is room at once. */
  putNowait(value: T): void;
  /** Takes the first value, waiting for one without blocking the thread. */
  get(options?: AcquireOptions): Promise<T>;
  /** As {@linkcode get}, blocking the thread. */
  getSync(options?: AcquireSyncOptions): T;
  /** Takes the first value if there is one at once. */
  getNowait(): T;
  /** Puts values in their order, waiting for room without blocking the thread; how many there were. */
  putMany(values: Iterable<T>, options?: AcquireOptions): Promise<number>;
  /** As {@linkcode putMany}, blocking the thread. */
  putManySync(values: Iterable<T>, options?: AcquireSyncOptions): number;
  /** Takes the values that are there, up to `max`, waiting for the first without blocking the thread. */
  getMany(max: number, options?: AcquireOptions): Promise<T[]>;
  /** As {@linkcode getMany}, blocking the thread. */
  getManySync(max: number, options?: AcquireSyncOptions): T[];
  /** Forbids putting, in all processes; with `immediate`, what is in the queue is thrown away. */
  shutdown(options?: { immediate?: boolean }): void;
  /** Forbids further use in this process. */
  close(): void;
  /** Waits until what this process put is in the queue. */
  joinThread(): Promise<void>;
  /** As {@linkcode joinThread}, blocking the thread. */
  joinThreadSync(): void;
  /** Lets this process end although what it put is not in the queue yet. */
  cancelJoinThread(): void;
}

/** A class of queues. */
export interface QueueConstructor {
  /** An empty queue for at most `maxsize` values; 0 or absent: for any number. */
  new <T = unknown>(maxsize?: number, options?: NameOptions): QueueLike<T>;
}

/** What can be done with a queue that counts its tasks: as {@linkcode JoinableQueue}, which is one implementation. */
export interface JoinableQueueLike<T = unknown> extends QueueLike<T> {
  /** Says that one value that was taken has been dealt with. */
  taskDone(): void;
  /** Waits, without blocking the thread, until every value put has been dealt with; `false` if not in time. */
  join(options?: WaitOptions): Promise<boolean>;
  /** As {@linkcode join}, blocking the thread. */
  joinSync(options?: WaitSyncOptions): boolean;
}

/** A class of queues that count their tasks. */
export interface JoinableQueueConstructor {
  /** An empty queue for at most `maxsize` values; 0 or absent: for any number. */
  new <T = unknown>(maxsize?: number, options?: NameOptions): JoinableQueueLike<T>;
}

/** What can be done with a simple queue: as {@linkcode SimpleQueue}, which is one implementation. */
export interface SimpleQueueLike<T = unknown> extends Disposable {
  /** Whether it holds nothing. */
  empty(): boolean;
  /** Puts a value. */
  put(value: T): Promise<void>;
  /** As {@linkcode put}, blocking the thread. */
  putSync(value: T): void;
  /** Takes the first value, waiting for one without blocking the thread. */
  get(): Promise<T>;
  /** As {@linkcode get}, blocking the thread. */
  getSync(): T;
  /** Puts values in their order; how many there were. */
  putMany(values: Iterable<T>): Promise<number>;
  /** As {@linkcode putMany}, blocking the thread. */
  putManySync(values: Iterable<T>): number;
  /** Takes the values that are there, up to `max`, waiting for the first without blocking the thread. */
  getMany(max: number): Promise<T[]>;
  /** As {@linkcode getMany}, blocking the thread. */
  getManySync(max: number): T[];
  /** Forbids further use in this process. */
  close(): void;
}

/** A class of simple queues. */
export interface SimpleQueueConstructor {
  /** An empty queue. */
  new <T = unknown>(options?: NameOptions): SimpleQueueLike<T>;
}
