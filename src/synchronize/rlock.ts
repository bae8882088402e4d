// RLock: its word, as that of a Lock, and how deep it is held. What it shares with Lock is lock_base.ts.

import { type BlockHandle, partsOf } from "../addon/handles.ts";
import { native } from "../addon/load.ts";
import { InvalidStateError } from "../errors.ts";
import { adopted } from "../reduction/passage.ts";
import { register } from "../reduction/registry.ts";
import { Kind, LockWord } from "../addon/numbers.ts";
import { LockBase, type LockOptions, NO_WORDS, openLock } from "./lock_base.ts";

/**
 * A lock that the thread that holds it may acquire again; it is free when it has been released as often. A thread is
 * a process, or a Worker in it. As `multiprocessing.RLock`.
 *
 * Promises of one thread share an RLock: {@linkcode RLock.acquire} goes deeper into one that another of them holds. But
 * of several that wait for it at once, while another process holds it, the second waits until the first has released
 * it. Where several promises of one thread use one lock, use a {@linkcode Lock}.
 *
 * @example Acquire twice
 * ```ts
 * import { RLock } from "@parallel/multiprocessing";
 * import { assert } from "@std/assert";
 *
 * using lock = new RLock();
 * const outer = lock.acquireSync();
 * const inner = lock.acquireSync();
 * inner.release();
 * assert(lock.locked());
 * outer.release();
 * assert(!lock.locked());
 * ```
 */
export class RLock extends LockBase {
  static {
    register(RLock, {
      reduce: (lock) => lock.data(),
      restore(data) {
        const [block, generation, throws, name] = partsOf(data, "a RLock");
        return new RLock(adopted([block, generation, name]), throws === true);
      },
    });
  }

  /** @ignore How messages call it. */
  protected readonly kindName = "RLock";
  /** As the base class has them. */
  #words: Int32Array;
  /** From the lock's word to its depth. */
  readonly #toDepth: number;

  /** A lock that is free. */
  constructor(options?: LockOptions);
  /** @ignore The lock in a block that exists. */
  constructor(handle: BlockHandle, throws: boolean);
  constructor(first: LockOptions | BlockHandle = {}, throws = true) {
    const opened = openLock(Kind.rlock, first, throws);
    super(opened);
    this.#words = opened.words;
    this.#toDepth = LockWord.depthPlace - LockWord.place;
  }

  /** @ignore */
  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    this.#words = NO_WORDS;
  }

  /**
   * Releases one level.
   *
   * @throws {InvalidStateError} If this thread does not hold it.
   */
  override release(): void {
    const { index, token } = this;
    const words = this.#words;
    // Nobody but us writes our token. The depth is changed by single additions only: a Condition's wait that ends may
    // restore it from the reactor's thread.
    if ((words[index] & LockWord.token) !== token || words === NO_WORDS) return this.releaseSlowly();
    const depth = index + this.#toDepth;
    if (Atomics.load(words, depth) !== 0) {
      Atomics.sub(words, depth, 1);
    } else if (Atomics.exchange(words, index, LockWord.free) !== token) {
      this.wake();
    }
  }

  /** @ignore Transition T1. */
  protected override take(): boolean {
    const { index, token } = this;
    const words = this.#words;
    if (Atomics.compareExchange(words, index, LockWord.free, token) === LockWord.free) return true;
    if ((words[index] & LockWord.token) !== token || words === NO_WORDS) return false;
    Atomics.add(words, index + this.#toDepth, 1);
    return true;
  }

  /** @ignore See {@linkcode LockBase.enter}. */
  protected override enter(): boolean {
    return (this.#words[this.index] & LockWord.token) !== this.token && super.enter();
  }

  /** @ignore See {@linkcode LockInside}. */
  protected override levels(): number {
    if (this.#words === NO_WORDS) return native().lockDepth(this.block()) + 1;
    return this.#words[this.index + this.#toDepth] + 1;
  }

  /** @ignore The error of a release without a hold. */
  protected override notHeld(): Error {
    return new InvalidStateError(
      `Cannot release the ${this.described}: attempt to release recursive lock not owned by thread`,
    );
  }

  /** As CPython shows it: `<RLock(owner, depth)>`, depth `nonzero` if somebody else holds it; or `<RLock(closed)>`. */
  override toString(): string {
    if (this.closed) return this.text("");
    const owner = this.ownerName();
    const mine = (this.word() & LockWord.token) === this.token;
    const depth = owner === "None" ? 0 : mine ? this.levels() : "nonzero";
    return this.text(`${owner}, ${depth}`);
  }
}
