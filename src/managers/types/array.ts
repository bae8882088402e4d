// Array of a manager.

import { Array as SharedArray, type ArrayInit, type Slice } from "../../sharedctypes/factories.ts";
import { SynchronizedArray, synchronizedArray } from "../../sharedctypes/synchronized_array.ts";
import type { Elements, TypeCode, View } from "../../sharedctypes/types.ts";
import { Lock } from "../../synchronize/lock.ts";
import { RLock } from "../../synchronize/rlock.ts";
import type { Caller } from "../objects.ts";
import { defineBuiltIn } from "../proxy_classes.ts";
import { AcquirableProxy, type RemoteAcquisition, SyncAcquirable } from "./acquirable.ts";
import { arrivedOptions, copied, direct, directType, letGo, remote, remoteSync } from "./direct.ts";
import { LockDesk, told } from "./stranger_locks.ts";
import { dropGuarded, lockFor, type ManagedValueOptions } from "./value.ts";

const EXPOSED = ["get", "set", "slice", "setSlice", ".length", "acquire", "release"];

/** An array with a lock, of elements of whatever type: a copy of a part of it is an `S`. */
export type AnySynchronizedArray<T, S> = SynchronizedArray<T, unknown, S>;

/** The elements of an array of a type, and what a part of it is copied as. */
export type ArrayProxyOf<C extends TypeCode> = ArrayProxy<Elements[C], Slice<C>>;

/**
 * Stands for an array in shared memory that a manager has, with a lock, as {@linkcode Array}. `T` is its elements, `S` a
 * copy of a part of it. Each access takes the lock.
 *
 * @example
 * ```ts
 * import { Manager } from "@parallel/multiprocessing/managers";
 * import { assertEquals } from "@std/assert";
 *
 * await using manager = await Manager();
 * const numbers = await manager.Array("f64", [1, 2, 3]);
 * await numbers.set(1, 20);
 * assertEquals([...numbers.sync], [1, 20, 3]);
 * assertEquals(await numbers.slice(1), Float64Array.of(20, 3));
 * ```
 */
export class ArrayProxy<T = unknown, S = unknown> extends AcquirableProxy<AnySynchronizedArray<T, S>>
  implements AsyncIterable<T> {
  /** The same, blocking the thread. */
  override get sync(): SyncArray<T, S> {
    return super.sync as SyncArray<T, S>;
  }

  /** @ignore */
  override [copied](object: AnySynchronizedArray<T, S>): S {
    return object.slice();
  }

  /** @ignore */
  override [letGo](object: AnySynchronizedArray<T, S>): void {
    dropGuarded(object);
  }

  /** A copy of all elements. */
  override getvalue(): Promise<S> {
    return this.slice();
  }

  /** The number of elements. */
  get length(): Promise<number> {
    return this.#length();
  }

  async #length(): Promise<number> {
    const object = this[direct]();
    return object === null ? await this[remote](".length", []) as number : object.length;
  }

  /**
   * The element at an index.
   *
   * @throws {RangeError} If the index is not an integer from 0 to `length` - 1.
   * @throws {OwnerDiedError} If the holder of the lock has ended.
   */
  async get(index: number): Promise<T> {
    const object = this[direct]();
    return object === null ? await this[remote]("get", [index]) as T : object.get(index);
  }

  /**
   * Sets the element at an index.
   *
   * @throws {RangeError} If the index is not an integer from 0 to `length` - 1, or the type cannot hold the value.
   * @throws {TypeError} If the value is not of the right kind.
   * @throws {OwnerDiedError} If the holder of the lock has ended.
   */
  async set(index: number, value: T): Promise<void> {
    const object = this[direct]();
    if (object !== null) object.set(index, value);
    else await this[remote]("set", [index, value]);
  }

  /** A copy of the elements from `start` to before `end`; negative indices count from the end. */
  async slice(start?: number, end?: number): Promise<S> {
    const object = this[direct]();
    return object === null ? await this[remote]("slice", [start, end]) as S : object.slice(start, end);
  }

  /**
   * Sets the elements from `start` on, all or none of them.
   *
   * @throws {RangeError} If they are more than there is room for, or the type cannot hold one.
   * @throws {TypeError} If one is not of the right kind.
   */
  async setSlice(start: number, values: Iterable<T> | S): Promise<void> {
    const object = this[direct]();
    if (object !== null) object.setSlice(start, values);
    else await this[remote]("setSlice", [start, values]);
  }

  /** The elements in their order, each as it is when it is asked for. */
  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    const length = await this.length;
    for (let i = 0; i < length; i++) yield await this.get(i);
  }
}

/** As {@linkcode ArrayProxy}, blocking the thread. */
export class SyncArray<T = unknown, S = unknown> extends SyncAcquirable<AnySynchronizedArray<T, S>>
  implements Iterable<T> {
  /** The number of elements. */
  get length(): number {
    const object = this.proxy[direct]();
    return object === null ? this.proxy[remoteSync](".length", []) as number : object.length;
  }

  /** The element at an index: see {@linkcode ArrayProxy.get}. */
  get(index: number): T {
    const object = this.proxy[direct]();
    return object === null ? this.proxy[remoteSync]("get", [index]) as T : object.get(index);
  }

  /** Sets the element at an index: see {@linkcode ArrayProxy.set}. */
  set(index: number, value: T): void {
    const object = this.proxy[direct]();
    if (object !== null) object.set(index, value);
    else this.proxy[remoteSync]("set", [index, value]);
  }

  /** A copy of the elements from `start` to before `end`; negative indices count from the end. */
  slice(start?: number, end?: number): S {
    const object = this.proxy[direct]();
    return object === null ? this.proxy[remoteSync]("slice", [start, end]) as S : object.slice(start, end);
  }

  /** Sets the elements from `start` on: see {@linkcode ArrayProxy.setSlice}. */
  setSlice(start: number, values: Iterable<T> | S): void {
    const object = this.proxy[direct]();
    if (object !== null) object.setSlice(start, values);
    else this.proxy[remoteSync]("setSlice", [start, values]);
  }

  /** The elements in their order, each as it is when it is asked for. */
  *[Symbol.iterator](): Generator<T, void, unknown> {
    const { length } = this;
    for (let i = 0; i < length; i++) yield this.get(i);
  }
}

/** For arrays whose lock is no RLock: the same elements with one that nobody else has, for who has the lock already. */
const unguarded = new WeakMap<AnySynchronizedArray<unknown, unknown>, AnySynchronizedArray<unknown, unknown>>();

/** What a stranger uses in the place of an array. */
class StrangerArray {
  readonly #array: AnySynchronizedArray<unknown, unknown>;
  readonly #caller: Caller;

  constructor(array: AnySynchronizedArray<unknown, unknown>, caller: Caller) {
    this.#array = array;
    this.#caller = caller;
  }

  get #desk(): LockDesk {
    return LockDesk.of(this.#array.getLock());
  }

  #within<R>(act: (array: AnySynchronizedArray<unknown, unknown>) => R): Promise<R> {
    return this.#desk.within(this.#caller, () => act(unguarded.get(this.#array) ?? this.#array));
  }

  get length(): number {
    return this.#array.length;
  }

  async acquire(options?: unknown): Promise<RemoteAcquisition | null> {
    return told(await this.#desk.acquire(this.#caller, arrivedOptions(options)));
  }

  release(): void {
    this.#desk.release(this.#caller);
  }

  get(index: number): Promise<unknown> {
    return this.#within((array) => array.get(index));
  }

  set(index: number, value: unknown): Promise<void> {
    return this.#within((array) => array.set(index, value));
  }

  slice(start?: number, end?: number): Promise<unknown> {
    return this.#within((array) => array.slice(start, end));
  }

  setSlice(start: number, values: Iterable<unknown>): Promise<void> {
    return this.#within((array) => array.setSlice(start, values));
  }
}

defineBuiltIn("Array", EXPOSED, ArrayProxy, SyncArray, (value) => value instanceof SynchronizedArray);

function make(
  type: TypeCode,
  sizeOrInit: ArrayInit<TypeCode>,
  options?: ManagedValueOptions,
): AnySynchronizedArray<unknown, unknown> {
  const lock = lockFor("create an Array", options);
  if (typeof type !== "string") {
    throw new TypeError(`Cannot create an Array: the type is ${Deno.inspect(type, { depth: 0 })}, wanted a typecode`);
  }
  const array = SharedArray(type, sizeOrInit, { lock }) as AnySynchronizedArray<unknown, unknown>;
  if (lock instanceof Lock) {
    const protection = { lock: new RLock(), isOwn: true };
    unguarded.set(
      array,
      synchronizedArray(array.getObj() as View, type, protection) as AnySynchronizedArray<unknown, unknown>,
    );
  }
  return array;
}

/** The type of arrays. */
export const ARRAY = directType(
  "Array",
  EXPOSED,
  make,
  (array, caller) => new StrangerArray(array, caller),
  {
    copy: (array: AnySynchronizedArray<unknown, unknown>) => (array.getObj() as View).slice(),
    drop: (array: AnySynchronizedArray<unknown, unknown>) => {
      unguarded.get(array)?.close();
      dropGuarded(array);
    },
  },
);
