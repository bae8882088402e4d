// Lock. It has no owner as far as releasing goes; what it shares with RLock is lock_base.ts.

import { type BlockHandle, partsOf } from "../addon/handles.ts";
import { InvalidStateError } from "../errors.ts";
import { adopted } from "../reduction/passage.ts";
import { register } from "../reduction/registry.ts";
import { LockBase, type LockOptions, NO_WORDS, openLock } from "./lock_base.ts";
import { Kind, LockWord } from "../addon/numbers.ts";

/**
 * A lock for the processes of a tree. It has no owner as far as releasing goes: any process may release it. As
 * `multiprocessing.Lock`, but robust: when its holder is killed, the next to acquire learns it.
 *
 * @example Count in turn
 * ```ts
 * import { Lock } from "@parallel/multiprocessing";
 * import { assert, assertEquals } from "@std/assert";
 *
 * using lock = new Lock();
 * {
 *   using _guard = await lock.acquire();
 *   assert(lock.locked());
 *   assertEquals(lock.tryAcquire(), null);
 * }
 * assert(!lock.locked());
 * ```
 */
export class Lock extends LockBase {
  static {
    register(Lock, {
      reduce: (lock) => lock.data(),
      restore(data) {
        const [block, generation, throws, name] = partsOf(data, "a Lock");
        return new Lock(adopted([block, generation, name]), throws === true);
      },
    });
  }

  /** @ignore How messages call it. */
  protected readonly kindName = "Lock";
  /** As the base class has them. */
  #words: Int32Array;

  /** A lock that is free. */
  constructor(options?: LockOptions);
  /** @ignore The lock in a block that exists. */
  constructor(handle: BlockHandle, throws: boolean);
  constructor(first: LockOptions | BlockHandle = {}, throws = true) {
    const opened = openLock(Kind.lock, first, throws);
    super(opened);
    this.#words = opened.words;
  }

  /** @ignore */
  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    this.#words = NO_WORDS;
  }

  /**
   * Releases the lock, whoever holds it.
   *
   * @throws {InvalidStateError} If nobody does.
   */
  override release(): void {
    const was = Atomics.exchange(this.#words, this.index, LockWord.free);
    if (was !== this.token) this.#released(was);
  }

  /** The rest of a release that was not of our own lock without sleepers. */
  #released(was: number): void {
    const { free, waiters } = LockWord;
    if (this.#words === NO_WORDS) {
      NO_WORDS[0] = waiters;
      return this.releaseSlowly();
    }
    if (was === free) throw this.notHeld();
    if ((was & waiters) !== 0) this.wake();
  }

  /** @ignore Transition T1. */
  protected override take(): boolean {
    return Atomics.compareExchange(this.#words, this.index, LockWord.free, this.token) === LockWord.free;
  }

  /** @ignore See {@linkcode LockInside}. */
  protected override levels(): number {
    return 1;
  }

  /** @ignore The error of a release without a hold. */
  protected override notHeld(): Error {
    return new InvalidStateError(
      `Cannot release the ${this.described}: it is not held; semaphore or lock released too many times`,
    );
  }

  /** As CPython shows it: `<Lock(owner=None)>`, or the name of the process that holds it; or `<Lock(closed)>`. A name
   * stands at the end: `<Lock(owner=None, name='db')>`. */
  override toString(): string {
    return this.text(this.closed ? "" : `owner=${this.ownerName()}`);
  }
}
