// A single value with a lock.

import { partsOf } from "../addon/handles.ts";
import { register } from "../reduction/registry.ts";
import type { Lock } from "../synchronize/lock.ts";
import { enter } from "../synchronize/lock_base.ts";
import type { RLock } from "../synchronize/rlock.ts";
import { Guarded, type Protection, type ProtectionData, requireChange, restoreProtection } from "./guarded.ts";
import { Scalar } from "./scalar.ts";

/**
 * A single value in shared memory, with a lock. Made by `Value`.
 *
 * Getting and setting take the lock each; what needs both, such as `+=`, needs the lock around it, or `update`.
 */
export class Synchronized<T> extends Guarded<Scalar<T>> {
  static {
    register(Synchronized, {
      name: "multiprocessing.Synchronized",
      reduce: (value: Synchronized<unknown>): [Scalar<unknown>, ProtectionData] => [
        value.#raw,
        value.protectionData(),
      ],
      restore(parts) {
        const [raw, data] = partsOf(parts, "a Synchronized");
        if (!(raw instanceof Scalar)) throw new RangeError("Cannot restore a Synchronized: it has no value");
        return new Synchronized(raw, restoreProtection(data, Scalar.placeOf(raw).handle));
      },
    });
  }

  readonly #raw: Scalar<T>;
  readonly #lock: Lock | RLock;

  /** @ignore Made by `Value`. */
  constructor(raw: Scalar<T>, protection: Protection) {
    super(protection);
    this.#raw = raw;
    this.#lock = protection.lock;
  }

  /**
   * The value.
   *
   * @throws {InvalidStateError} If it is closed.
   * @throws {OwnerDiedError} If the holder of the lock was killed.
   * @throws {TypeError} When set, if it is not of the right kind.
   * @throws {RangeError} When set, if the type cannot hold it.
   */
  get value(): T {
    const raw = this.#raw;
    raw.requireOpen("get the value");
    const entered = this.#lock[enter]();
    try {
      return raw.value;
    } finally {
      if (entered) this.#lock.release();
    }
  }

  set value(value: T) {
    const raw = this.#raw;
    raw.requireOpen("set the value");
    const entered = this.#lock[enter]();
    try {
      raw.value = value;
    } finally {
      if (entered) this.#lock.release();
    }
  }

  /**
   * Replaces the value by what `change` makes of it, with the lock held all the while; blocks the thread until it is free.
   * Quicker than a guard around the two.
   *
   * @example A count of several processes
   * ```ts
   * import { Value } from "@parallel/multiprocessing";
   * import { assertEquals } from "@std/assert";
   *
   * using counter = Value("i32", 41);
   * assertEquals(counter.update((count) => count + 1), 42);
   * ```
   *
   * @param change Returns the new value. What it throws is thrown, and the value stays as it was.
   * @returns The value then.
   * @throws {InvalidStateError} If it is closed.
   * @throws {OwnerDiedError} If the holder of the lock was killed.
   * @throws {TypeError} If `change` is no function, or what it returns is not of the right kind, such as a promise.
   * @throws {RangeError} If the type cannot hold what it returns.
   */
  update(change: (value: T) => T): T {
    requireChange(change);
    const raw = this.#raw;
    raw.requireOpen("update the value");
    const entered = this.#lock[enter]();
    try {
      raw.value = change(raw.value);
      return raw.value;
    } finally {
      if (entered) this.#lock.release();
    }
  }

  /** What is guarded, for use without the lock or while it is held. */
  override getObj(): Scalar<T> {
    return this.#raw;
  }

  /** Gives up this process's share, also in a lock that was made for it; a second call does nothing. */
  override close(): void {
    super.close();
    this.#raw.close();
  }

  /** The type, the value and the lock. */
  override toString(): string {
    return `<Synchronized(${this.#raw}, ${this.#lock})>`;
  }
}
