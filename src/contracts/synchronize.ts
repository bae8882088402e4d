// The contracts of locks, and of all that waits for others.

import type { NameOptions } from "../runtime/object_name.ts";
import type { BarrierOptions } from "../synchronize/barrier.ts";
import type { Guard } from "../synchronize/guard.ts";
import type { LockOptions } from "../synchronize/lock_base.ts";
import type { AcquireOptions, AcquireSyncOptions, WaitOptions, WaitSyncOptions } from "../waiting/options.ts";

/** What can be acquired: a lock, a semaphore, a condition, a value with a lock. */
export interface Acquirable {
  /** Acquires it, waiting without blocking the thread. */
  acquire(): Promise<Guard>;
  /** As above; `null` if it was not acquired in time. */
  acquire(options: AcquireOptions): Promise<Guard | null>;
  /** Acquires it, blocking the thread. */
  acquireSync(): Guard;
  /** As above; `null` if it was not acquired in time. */
  acquireSync(options: AcquireSyncOptions): Guard | null;
  /** Acquires it if that is possible at once; `null` if not. */
  tryAcquire(): Guard | null;
  /** Releases it. */
  release(): void;
}

/** What can be done with a lock, whoever implements it: as {@linkcode Lock} and {@linkcode RLock}. */
export interface LockLike extends Acquirable, Disposable {
  /** Whether somebody holds it. */
  locked(): boolean;
}

/** A class of locks. */
export interface LockConstructor {
  /** A lock that is free. */
  new (options?: LockOptions): LockLike;
}

/** What can be done with a semaphore, whoever implements it: as {@linkcode Semaphore}. */
export interface SemaphoreLike extends Acquirable, Disposable {
  /** Releases it `n` times; absent: once. */
  release(n?: number): void;
  /** How often it can be acquired without waiting. */
  getValue(): number;
  /** Whether it cannot be acquired without waiting. */
  locked(): boolean;
}

/** A class of semaphores. */
export interface SemaphoreConstructor {
  /** A semaphore that can be acquired `value` times; absent: once. */
  new (value?: number, options?: NameOptions): SemaphoreLike;
}

/** What can be done with a condition, whoever implements it: as {@linkcode Condition}. */
export interface ConditionLike extends Acquirable, Disposable {
  /** Waits for a notification without blocking the thread; `false` if none came in time. */
  wait(options?: WaitOptions): Promise<boolean>;
  /** As {@linkcode wait}, blocking the thread. */
  waitSync(options?: WaitSyncOptions): boolean;
  /** Waits until `predicate` gives something true; what it last gave. */
  waitFor<T>(predicate: () => T | PromiseLike<T>, options?: WaitOptions): Promise<T>;
  /** As {@linkcode waitFor}, blocking the thread. */
  waitForSync<T>(predicate: () => T, options?: WaitSyncOptions): T;
  /** Wakes `n` of those that wait; absent: one. */
  notify(n?: number): void;
  /** Wakes all that wait. */
  notifyAll(): void;
}

/**
 * What {@linkcode ConditionConstructor} is the type of. There is no such value. A class, since TypeScript does not insist
 * that the constructor of another takes as much: a context's conditions take the locks of that context alone.
 */
export declare class ConditionTemplate {
  /** A condition with a lock of the same context; absent: a recursive one of its own. */
  constructor(lock?: LockLike, options?: NameOptions);
}

/** See {@linkcode ConditionTemplate}. */
export interface ConditionTemplate extends ConditionLike {}

/** A class of conditions. */
export type ConditionConstructor = typeof ConditionTemplate;

/** What can be done with an event, whoever implements it: as {@linkcode Event}. */
export interface EventLike extends Disposable {
  /** Whether the flag is set. */
  isSet(): boolean;
  /** Sets the flag, and releases all that wait for it. */
  set(): void;
  /** Clears the flag. */
  clear(): void;
  /** Waits for the flag without blocking the thread; whether it was set in time. */
  wait(options?: WaitOptions): Promise<boolean>;
  /** As {@linkcode wait}, blocking the thread. */
  waitSync(options?: WaitSyncOptions): boolean;
}

/** A class of events. */
export interface EventConstructor {
  /** An event whose flag is not set. */
  new (options?: NameOptions): EventLike;
}

/** What can be done with a barrier, whoever implements it: as {@linkcode Barrier}. */
export interface BarrierLike extends Disposable {
  /** How many must arrive. */
  readonly parties: number;
  /** How many have arrived and wait for the others. */
  readonly nWaiting: number;
  /** Whether every wait fails until {@linkcode reset}. */
  readonly broken: boolean;
  /** Waits, without blocking the thread, until all have arrived; as what number this one did. */
  wait(options?: WaitOptions): Promise<number>;
  /** As {@linkcode wait}, blocking the thread. */
  waitSync(options?: WaitSyncOptions): number;
  /** Breaks it for all. */
  abort(): void;
  /** Makes it as new. */
  reset(): void;
}

/** A class of barriers. */
export interface BarrierConstructor {
  /** A barrier for so many parties. */
  new (parties: number, options?: BarrierOptions): BarrierLike;
}
