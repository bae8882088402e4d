// Array of a context on an engine.

import type { SynchronizedArrayLike } from "../contracts/sharedctypes.ts";
import { register, registerAlias } from "../reduction/registry.ts";
import { shownValue } from "../runtime/shown.ts";
import { checkBound, checkIndex, checkRange, elementsOf, sizeOf } from "../sharedctypes/elements.ts";
import { knownType } from "../sharedctypes/lock_option.ts";
import type { Stored } from "../sharedctypes/types.ts";
import {
  bytesOf,
  cellData,
  makeCell,
  type OpenedCell,
  RemoteGuarded,
  type RemoteSharedOptions,
  restoreCell,
  viewOf,
} from "./guarded.ts";
import { refusal } from "./refusals.ts";
import type { Session } from "./session.ts";

const REGISTERED_NAME = "engine.Array";

/**
 * An array on an engine, with a lock. Made by the `Array` of a context. `T` is its elements, `S` a copy of a part of it.
 *
 * Each access takes the lock, and a step of the engine: several elements are best got and set as slices, or while the
 * lock is held, with which up to 1024 bytes of elements travel.
 */
export class RemoteArray<T, S = unknown> extends RemoteGuarded implements SynchronizedArrayLike<T, S> {
  static {
    register(RemoteArray, {
      name: REGISTERED_NAME,
      reduce: (array: RemoteArray<unknown>) => cellData(array.opened, "array"),
      restore: (data) => arrayOf(restoreCell(data, "array", true)),
    });
  }

  /** The number of elements. */
  readonly length: number;

  /** @ignore Made by a context. */
  constructor(opened: OpenedCell) {
    super(opened);
    this.length = opened.length;
  }

  /**
   * The element at an index.
   *
   * @throws {RangeError} If the index is not an integer from 0 to `length` - 1.
   * @throws {InvalidStateError} If the array is closed.
   * @throws {OwnerDiedError} If the holder of the lock was killed.
   */
  get(index: number): T {
    const { type, cell } = this.open("get an element");
    checkIndex(index, this.length, "get an element");
    const stored = viewOf(type, cell.read(index * type.size, type.size, "get an element"))[0];
    return (type.load === null ? stored : type.load(stored)) as T;
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
    const { type, cell } = this.open("set an element");
    checkIndex(index, this.length, "set an element");
    cell.write(index * type.size, bytesOf(type, [type.store(value)]), "set an element");
  }

  /**
   * A copy of the elements from `start` to before `end`, taken at one moment; negative indices count from the end.
   * Bytes and numbers come as a typed array, characters as a string.
   *
   * @throws {TypeError} If an index is not a number.
   * @throws {InvalidStateError} If the array is closed.
   * @throws {OwnerDiedError} If the holder of the lock was killed.
   */
  slice(start?: number, end?: number): S {
    const { type, cell } = this.open("get a slice");
    checkBound(start, "get a slice");
    checkBound(end, "get a slice");
    const from = placeOf(start ?? 0, this.length);
    const count = Math.max(0, placeOf(end ?? this.length, this.length) - from);
    const copy = viewOf(type, cell.read(from * type.size, count * type.size, "get a slice"));
    const { load } = type;
    return (load === null ? copy : Array.from(copy, load).join("")) as S;
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
    const { type } = this.open("set the slice");
    const elements = elementsOf(type, values, "set the slice");
    checkRange(start, elements.length, this.length, "set the slice");
    this.write(start, elements, "set the slice");
  }

  /** The elements in their order. Others may change them meanwhile, unless the lock is held. */
  *[Symbol.iterator](): Generator<T, void, unknown> {
    for (let i = 0; i < this.length; i++) yield this.get(i);
  }

  /**
   * What is guarded is no memory of this machine.
   *
   * @throws {Deno.errors.NotSupported} Always; use {@linkcode slice} and {@linkcode setSlice}.
   */
  getObj(): never {
    throw refusal("RawArray");
  }

  /** The elements and the lock. */
  override toString(): string {
    const { type, cell } = this.opened;
    if (cell.handle.closed) return `<SynchronizedArray(closed, ${this.getLock()})>`;
    const elements = viewOf(type, cell.readRaw(0, this.length * type.size, "show the elements"));
    return `<SynchronizedArray(${shownValue(elements)}, ${this.getLock()})>`;
  }

  /** @ignore */
  protected open(action: string): OpenedCell {
    this.opened.cell.requireOpen(action);
    return this.opened;
  }

  /** @ignore */
  protected write(start: number, elements: ArrayLike<Stored>, action: string): void {
    const { type, cell } = this.opened;
    if (elements.length > 0) cell.write(start * type.size, bytesOf(type, elements), action);
  }
}

/** An array of characters on an engine, with a lock; `S` is `Uint8Array` for bytes, `string` for characters. */
export class RemoteString<T, S extends Uint8Array | string> extends RemoteArray<T, S> {
  static {
    registerAlias(RemoteString, REGISTERED_NAME);
  }

  /**
   * What is before the first NUL. Setting it writes a NUL behind, where there is room.
   *
   * @throws {RangeError} When set, if it is longer than the array.
   * @throws {InvalidStateError} If the array is closed.
   * @throws {OwnerDiedError} If the holder of the lock was killed.
   */
  get value(): S {
    const { type } = this.open("get the value");
    const all = this.slice();
    const end = (all as Uint8Array).indexOf((type.load === null ? 0 : "\0") as never);
    return (end < 0 ? all : all.slice(0, end)) as S;
  }

  set value(value: S | string) {
    const elements = this.#elements(value, "set the value");
    const isShorter = elements.length < this.length;
    this.write(0, isShorter ? [...Array.from(elements), 0] : elements, "set the value");
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
    this.write(0, this.#elements(value, "set the bytes"), "set the bytes");
  }

  #elements(value: unknown, action: string): ArrayLike<Stored> {
    const elements = elementsOf(this.open(action).type, value, action);
    checkRange(0, elements.length, this.length, action);
    return elements;
  }
}

/** Where a slice begins or ends: as `slice` of arrays has it. */
function placeOf(index: number, length: number): number {
  const whole = Math.trunc(index) || 0;
  return whole < 0 ? Math.max(0, whole + length) : Math.min(whole, length);
}

function arrayOf(opened: OpenedCell): RemoteArray<unknown> {
  const { code } = opened.type;
  return code === "c" || code === "u" ? new RemoteString<unknown, string>(opened) : new RemoteArray(opened);
}

/**
 * An array on an engine, with a lock.
 *
 * @throws {TypeError} If `type` is no typecode, `sizeOrInit` or one of its elements is not of the right kind, or `lock` is no
 * lock of this context.
 * @throws {RangeError} If the size is negative or no integer, or the type cannot hold an element.
 * @throws {Deno.errors.NotSupported} If it is to have no lock: then it would be memory that all share.
 */
export function remoteArray(
  session: Session,
  code: unknown,
  sizeOrInit: unknown,
  options: RemoteSharedOptions = {},
): RemoteArray<unknown> {
  const action = "create an Array";
  const type = knownType(code, action);
  if (options?.lock === false) throw refusal("RawArray");
  const size = sizeOf(sizeOrInit, action);
  const elements = size === undefined ? elementsOf(type, sizeOrInit, action) : [];
  return arrayOf(makeCell(session, "array", type, size ?? elements.length, elements, options));
}
