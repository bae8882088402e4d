// Arrays with a lock.

import { shownValue } from "../runtime/shown.ts";
import { closedError, partsOf } from "../addon/handles.ts";
import { glance } from "../runtime/harmless.ts";
import { register, registerAlias } from "../reduction/registry.ts";
import type { Lock } from "../synchronize/lock.ts";
import { enter } from "../synchronize/lock_base.ts";
import type { RLock } from "../synchronize/rlock.ts";
import { checkBound, checkIndex, checkRange, elementsOf } from "./elements.ts";
import { Guarded, type Protection, type ProtectionData, restoreProtection } from "./guarded.ts";
import { closeBuffer, isShared } from "./memory.ts";
import { type Sequence, StructureArray, ViewSequence } from "./sequence.ts";
import type { Fields } from "./structure.ts";
import { scalarType, type Stored, type TypeCode, type View } from "./types.ts";

/** How a synchronized array travels: its elements, the code of their type, its lock. */
type ArrayData = [raw: View | StructureArray<Fields>, code: TypeCode | null, protection: ProtectionData];

/** The name by which all synchronized arrays travel. */
const REGISTERED_NAME = "multiprocessing.SynchronizedArray";

/**
 * An array in shared memory, with a lock. Made by `Array`. `T` is its elements, `R` what it wraps, `S` a copy of a
 * part of it.
 *
 * Each access takes the lock; iterating takes it for each element anew.
 */
export class SynchronizedArray<T, R = unknown, S = unknown> extends Guarded<R> implements Iterable<T> {
  static {
    register(SynchronizedArray, {
      name: REGISTERED_NAME,
      reduce: (array: SynchronizedArray<unknown>): ArrayData => {
        const sequence = array.sequence("send the array");
        array.#ownsMemory = false;
        const code = sequence instanceof ViewSequence ? sequence.type.code : null;
        return [array.#raw as View | StructureArray<Fields>, code, array.protectionData()];
      },
      restore(data) {
        const [raw, code, protection] = partsOf(data, "a SynchronizedArray");
        return synchronizedArray(raw, code, restoreProtection(protection, null));
      },
    });
  }

  readonly #raw: R;
  readonly #lock: Lock | RLock;
  /** Whether nobody else can have views of the memory. */
  #ownsMemory: boolean;
  /** `null` once closed. */
  #sequence: Sequence<T, S> | null;

  /** The number of elements. */
  readonly length: number;

  /** @ignore Made by `Array`. */
  constructor(raw: R, sequence: Sequence<T, S>, protection: Protection, ownsMemory = false) {
    super(protection);
    this.#ownsMemory = ownsMemory;
    this.#raw = raw;
    this.#lock = protection.lock;
    this.#sequence = sequence;
    this.length = sequence.length;
  }

  /**
   * The element at an index.
   *
   * @throws {RangeError} If the index is not an integer from 0 to `length` - 1.
   * @throws {InvalidStateError} If the array is closed.
   * @throws {OwnerDiedError} If the holder of the lock was killed.
   */
  get(index: number): T {
    const sequence = this.sequence("get an element");
    checkIndex(index, this.length, "get an element");
    const entered = this.#lock[enter]();
    try {
      return sequence.read(index);
    } finally {
      if (entered) this.#lock.release();
    }
  }

  /** As {@linkcode get}; a negative index counts from the end, as in Python. */
  at(index: number): T {
    checkIndex(index < 0 ? index + this.length : index, this.length, "get an element");
    return this.get(index < 0 ? index + this.length : index);
  }

  /**
   * Sets the element at an index.
   *
   * @throws {RangeError} If the index is not an integer from 0 to `length` - 1, or the type cannot hold the value.
   * @throws {TypeError} If the value is not of the right kind.
   * @throws {InvalidStateError} If the array is closed.
   * @throws {OwnerDiedError} If the holder of the lock was killed.
   */
  set(index: number, value: T): void {
    const sequence = this.sequence("set an element");
    checkIndex(index, this.length, "set an element");
    const prepared = sequence.prepare(value);
    const entered = this.#lock[enter]();
    try {
      sequence.write(index, prepared);
    } finally {
      if (entered) this.#lock.release();
    }
  }

  /**
   * A copy of the elements from `start` to before `end`, taken at one moment; negative indices count from the end.
   * Bytes and numbers come as a typed array, characters as a string, structures as plain objects.
   *
   * @throws {TypeError} If an index is not a number.
   * @throws {InvalidStateError} If the array is closed.
   * @throws {OwnerDiedError} If the holder of the lock was killed.
   */
  slice(start?: number, end?: number): S {
    const sequence = this.sequence("get a slice");
    checkBound(start, "get a slice");
    checkBound(end, "get a slice");
    return this.locked(() => sequence.copy(start, end));
  }

  /**
   * Sets the elements from `start` on, all or none of them.
   *
   * @throws {RangeError} If they are more than there is room for, or the type cannot hold one.
   * @throws {TypeError} If one is not of the right kind.
   * @throws {InvalidStateError} If the array is closed.
   * @throws {OwnerDiedError} If the holder of the lock was killed.
   */
  setSlice(start: number, values: Iterable<T> | S): void {
    const sequence = this.sequence("set the slice");
    const prepared = sequence.prepareAll(values);
    checkRange(start, prepared.length, this.length, "set the slice");
    this.locked(() => sequence.writeAll(start, prepared));
  }

  /** The elements in their order. Others may change them meanwhile, unless the lock is held. */
  *[Symbol.iterator](): Generator<T, void, unknown> {
    for (let i = 0; i < this.length; i++) yield this.get(i);
  }

  /**
   * What is guarded, for use without the lock or while it is held. It can be used after `close`, too.
   *
   * @throws {InvalidStateError} If the array was closed before this was ever called.
   */
  override getObj(): R {
    if (this.#sequence === null && this.#ownsMemory) throw closedError("get the memory", "array");
    this.#ownsMemory = false;
    return this.#raw;
  }

  /** Gives up this process's share, also in a lock that was made for it; a second call does nothing. */
  override close(): void {
    super.close();
    if (this.#sequence === null) return;
    this.#sequence = null;
    if (this.#raw instanceof StructureArray) this.#raw.close();
    else if (this.#ownsMemory) this.#ownsMemory = closeBuffer((this.#raw as View).buffer);
  }

  /** The elements and the lock. */
  override toString(): string {
    const elements = this.#sequence === null ? "closed" : shownValue(this.#raw);
    return `<SynchronizedArray(${elements}, ${this.#lock})>`;
  }

  /** @ignore The elements, unless the array is closed. */
  protected sequence(action: string): Sequence<T, S> {
    if (this.#sequence === null) throw closedError(action, "array");
    return this.#sequence;
  }

  /** @ignore Runs with the lock held. */
  protected locked<U>(use: () => U): U {
    const entered = this.#lock[enter]();
    try {
      return use();
    } finally {
      if (entered) this.#lock.release();
    }
  }
}

/** An array of characters in shared memory, with a lock; `S` is `Uint8Array` for bytes, `string` for characters. */
export class SynchronizedString<T, R, S extends Uint8Array | string> extends SynchronizedArray<T, R, S> {
  static {
    registerAlias(SynchronizedString, REGISTERED_NAME);
  }

  /**
   * What is before the first NUL. Setting it writes a NUL behind, where there is room.
   *
   * @throws {RangeError} When set, if it is longer than the array.
   * @throws {InvalidStateError} If the array is closed.
   * @throws {OwnerDiedError} If the holder of the lock was killed.
   */
  get value(): S {
    const { view } = this.#views("get the value");
    return this.locked(() => {
      const end = view.indexOf(0 as never);
      return this.slice(0, end < 0 ? undefined : end);
    });
  }

  set value(value: S | string) {
    const { view, type } = this.#views("set the value");
    const elements = elementsOf(type, value, "set the value");
    this.#write(elements, "set the value", elements.length < view.length);
  }

  /**
   * All elements, also what is behind a NUL. Setting it leaves those that are not given as they are.
   *
   * @throws {RangeError} When set, if it is longer than the array.
   * @throws {InvalidStateError} If the array is closed.
   * @throws {OwnerDiedError} If the holder of the lock was killed.
   */
  get raw(): S {
    return this.slice();
  }

  set raw(value: S | string) {
    this.#write(elementsOf(this.#views("set the bytes").type, value, "set the bytes"), "set the bytes", false);
  }

  #write(elements: ArrayLike<Stored>, action: string, terminate: boolean): void {
    const { view } = this.#views(action);
    checkRange(0, elements.length, view.length, action);
    this.locked(() => {
      view.set(elements as ArrayLike<never>);
      if (terminate) (view as Uint8Array)[elements.length] = 0;
    });
  }

  #views(action: string): ViewSequence {
    return this.sequence(action) as unknown as ViewSequence;
  }
}

/**
 * The wrapper of a typed array whose elements are of type `code`, or of an array of structures. `ownsMemory` says that
 * nobody else has the array.
 */
export function synchronizedArray(
  raw: unknown,
  code: unknown,
  protection: Protection,
  ownsMemory = false,
): SynchronizedArray<unknown> {
  if (raw instanceof StructureArray) return new SynchronizedArray(raw, StructureArray.sequenceOf(raw), protection);
  const type = scalarType(code);
  if (type === undefined || !(raw instanceof type.View) || !isShared(raw.buffer)) {
    throw new RangeError(`Cannot synchronize the array: it is no shared memory of type ${glance(code)}`);
  }
  const sequence = new ViewSequence(type, raw);
  if (type.code !== "c" && type.code !== "u") {
    return new SynchronizedArray(raw, sequence, protection, ownsMemory);
  }
  return new SynchronizedString(raw, sequence as unknown as Sequence<unknown, string>, protection, ownsMemory);
}
