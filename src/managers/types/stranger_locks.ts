// Locks as strangers have them: clients in other programs, which are no threads of the tree. The server holds the lock in
// shared memory in its own name, and keeps here for whom.
//
// | state of a desk | the lock in shared memory | goes on to |
// | --- | --- | --- |
// | nobody's | anybody's, or free | held (T1) |
// | held by an owner, so many levels deep | the server's | nobody's (T2, T3), waiting (T4) |
// | waiting: its owner waits with a condition | anybody's, or free | held (T5), nobody's (T6) |
//
// T1. `acquire`. T2. `release`, at the last level; or somebody has released a Lock that is another's. T3. The owner's
// connection has ended: the lock is left as one whose owner has died, so that the next one hears of it, whoever that is.
// T4. `suspend`. T5. `resume`. T6. The owner has ended meanwhile: it is released.

import { native } from "../../addon/load.ts";
import { translated } from "../../addon/translate.ts";
import { wait } from "../../addon/waits.ts";
import { InvalidStateError } from "../../errors.ts";
import { dumps, loads } from "../../reduction/serialise.ts";
import type { Guard } from "../../synchronize/guard.ts";
import { Lock } from "../../synchronize/lock.ts";
import { inside, type LockInside } from "../../synchronize/lock_base.ts";
import { RLock } from "../../synchronize/rlock.ts";
import { ACQUIRE, type AcquireOptions, timeoutOf } from "../../waiting/options.ts";
import type { Caller } from "../objects.ts";
import type { RemoteAcquisition } from "./acquirable.ts";
import { arrivedOptions } from "./direct.ts";

/** Who owns locks in the place of a thread: one of a client's callers. */
class StrangerOwner {
  /** For who inherits its locks. */
  readonly name: string;
  readonly ended: AbortSignal;
  /** What it has. */
  readonly held = new Set<LockDesk>();

  constructor({ name, ended }: Caller) {
    this.name = name;
    this.ended = ended;
    ended.addEventListener("abort", () => {
      for (const desk of [...this.held]) desk.abandon(this);
    }, { once: true });
  }
}

/** The owners of each connection, by what it calls them. */
const owners = new WeakMap<AbortSignal, Map<number, StrangerOwner>>();

function ownerOf(caller: Caller): StrangerOwner {
  let all = owners.get(caller.ended);
  if (all === undefined) owners.set(caller.ended, all = new Map());
  let owner = all.get(caller.logical);
  if (owner === undefined) all.set(caller.logical, owner = new StrangerOwner(caller));
  return owner;
}

/**
 * The same lock with a handle of its own, which goes on when the other object is dropped.
 *
 * @throws {TypeError} If it is no lock.
 */
export function anotherHandle(lock: unknown, action = "use a lock"): Lock | RLock {
  if (lock instanceof Lock || lock instanceof RLock) return loads(dumps(lock).bytes) as Lock | RLock;
  throw new TypeError(
    `Cannot ${action}: "lock" is ${Deno.inspect(lock, { depth: 0 })}, wanted a lock or a proxy of one`,
  );
}

/** The locks that strangers have, or wait for, by the numbers of their blocks. */
const desks = new Map<number, LockDesk>();

/** How many there are: for tests. */
export function deskCount(): number {
  return desks.size;
}

/** A lock while strangers have to do with it. */
export class LockDesk {
  /** That of a lock. */
  static of(lock: Lock | RLock): LockDesk {
    const { block } = lock[inside]("use");
    let desk = desks.get(block);
    if (desk === undefined) desks.set(block, desk = new LockDesk(anotherHandle(lock), block));
    return desk;
  }

  /** With a handle of its own: the object that it was of may be dropped before. */
  readonly #lock: Lock | RLock;
  readonly #isRecursive: boolean;
  readonly #block: number;
  readonly #inside: LockInside;
  #holder: { readonly owner: StrangerOwner; depth: number } | null = null;
  /** Calls under way. */
  #users = 0;

  private constructor(lock: Lock | RLock, block: number) {
    this.#inside = lock[inside]("use");
    this.#lock = lock;
    this.#isRecursive = !(lock instanceof Lock);
    this.#block = block;
  }

  /** Forgets the lock when no stranger has to do with it any more. */
  #tidy(): void {
    if (this.#users > 0 || this.#holder !== null || desks.get(this.#block) !== this) return;
    desks.delete(this.#block);
    this.#lock[Symbol.dispose]();
  }

  /** Whether a caller has it. */
  isOf(caller: Caller): boolean {
    return this.#holder?.owner === ownerOf(caller);
  }

  /**
   * T1; `null` if it was not acquired in time.
   *
   * @throws {OwnerDiedError} If the last holder has ended, unless the lock's `onOwnerDeath` is `"recover"`.
   * @throws What the call was cancelled with; then nothing is acquired.
   */
  async acquire(caller: Caller, options?: AcquireOptions): Promise<Guard | null> {
    const owner = ownerOf(caller);
    const { cancelled } = caller;
    this.#users++;
    try {
      cancelled.throwIfAborted();
      const timeout = timeoutOf(options, ACQUIRE);
      if (this.#isRecursive && this.#holder?.owner === owner) {
        this.#holder.depth++;
        return REGULAR;
      }
      const guard = this.#acquireAtOnce() ?? await this.#acquireLater(timeout, cancelled);
      if (guard !== null) this.#hold(owner, 1);
      return guard;
    } finally {
      this.#users--;
      this.#tidy();
    }
  }

  /** T1, if that is possible at once; else `null`. As {@linkcode acquire}, without a promise. */
  tryAcquire(caller: Caller): Guard | null {
    const owner = ownerOf(caller);
    try {
      caller.ended.throwIfAborted();
      if (this.#isRecursive && this.#holder?.owner === owner) {
        this.#holder.depth++;
        return REGULAR;
      }
      const guard = this.#acquireAtOnce();
      if (guard !== null) this.#hold(owner, 1);
      return guard;
    } finally {
      this.#tidy();
    }
  }

  /** Takes the lock if it is free. */
  #acquireAtOnce(): Guard | null {
    if (this.#lock.locked()) return null;
    const guard = this.#lock.tryAcquire();
    if (guard === null || !this.#isRecursive || this.#lock[inside]("use").levels === 1) return guard;
    guard.release(); // it has just been acquired for another stranger, who will be told next, and this went deeper
    return null;
  }

  /** Waits until it is free, whoever of this thread has it. */
  async #acquireLater(timeout: number, signal: AbortSignal): Promise<Guard | null> {
    const outcome = await wait(() => translated(() => native().lockAcquireAsync(this.#block, timeout)), { signal });
    if (!signal.aborted) return this.#inside.acquired(outcome);
    native().lockGiveBack(this.#block, outcome);
    throw signal.reason;
  }

  #hold(owner: StrangerOwner, depth: number): void {
    // A Lock may have been released by somebody who is no stranger.
    this.#holder?.owner.held.delete(this);
    this.#holder = { owner, depth };
    owner.held.add(this);
    if (owner.ended.aborted) this.abandon(owner);
  }

  #letGo(): void {
    this.#holder?.owner.held.delete(this);
    this.#holder = null;
  }

  /**
   * T2.
   *
   * @throws {InvalidStateError} If nobody has it, or another has it where that matters.
   */
  release(caller: Caller): void {
    try {
      const holder = this.#holder;
      if (this.#isRecursive) {
        if (holder === null || holder.owner !== ownerOf(caller)) {
          throw new InvalidStateError(
            "Cannot release the RLock: attempt to release recursive lock not owned by the client",
          );
        }
        if (--holder.depth > 0) return;
      }
      this.#lock.release();
      this.#letGo();
    } finally {
      this.#tidy();
    }
  }

  /** T3. */
  abandon(owner: StrangerOwner): void {
    if (this.#holder?.owner !== owner) return;
    this.#letGo();
    native().lockAbandon(this.#block, owner.name);
    this.#tidy();
  }

  /**
   * T4: the owner is about to wait with a condition; how deep it has the lock.
   *
   * @throws {InvalidStateError} If the caller does not have it.
   */
  suspend(caller: Caller, action: string): number {
    const holder = this.#holder;
    if (holder === null || holder.owner !== ownerOf(caller)) {
      this.#tidy();
      throw new InvalidStateError(`Cannot ${action}: the client does not hold the Condition's lock; lock is not owned`);
    }
    this.#users++;
    this.#letGo();
    return holder.depth;
  }

  /** T5 or T6: the wait has ended, and the server has the lock again. */
  resume(caller: Caller, depth: number): void {
    this.#users--;
    if (caller.ended.aborted) this.#lock.release();
    else this.#hold(ownerOf(caller), depth);
    this.#tidy();
  }

  /** Does something while the caller has the lock. */
  async within<T>(caller: Caller, act: () => T): Promise<T> {
    if (this.isOf(caller)) return act();
    await this.acquire(caller);
    try {
      return act();
    } finally {
      this.release(caller);
    }
  }
}

/** What has nothing to tell but that it was acquired. */
const REGULAR: Guard = { ownerDied: false, release() {}, [Symbol.dispose]() {} };

/** How a stranger is told of an acquisition. */
export function told(guard: Guard | null): RemoteAcquisition | null {
  return guard === null ? null : { ownerDied: guard.ownerDied };
}

/** What a stranger uses in the place of a lock. */
export class StrangerLock {
  readonly #lock: Lock | RLock;
  readonly #caller: Caller;

  constructor(lock: Lock | RLock, caller: Caller) {
    this.#lock = lock;
    this.#caller = caller;
  }

  async acquire(options?: unknown): Promise<RemoteAcquisition | null> {
    return told(await LockDesk.of(this.#lock).acquire(this.#caller, arrivedOptions(options)));
  }

  tryAcquire(): RemoteAcquisition | null {
    return told(LockDesk.of(this.#lock).tryAcquire(this.#caller));
  }

  release(): void {
    LockDesk.of(this.#lock).release(this.#caller);
  }

  locked(): boolean {
    return this.#lock.locked();
  }
}
