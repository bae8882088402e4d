// Makes shared values and arrays: the functions under Python's names, and the types of their arguments and results.

import { elementsOf, sizeOf } from "./elements.ts";
import { lockInCell, type Protection } from "./guarded.ts";
import { type Demand, isShared, newGuardedPlace, newPlace, type Place, sharedBuffer } from "./memory.ts";
import { demandOf, Scalar } from "./scalar.ts";
import { StructureArray } from "./sequence.ts";
import { type Fields, type Snapshot, type Structured, type StructureInit, StructureType } from "./structure.ts";
import { StructureInstance } from "./structure_instance.ts";
import { type SynchronizedArray, synchronizedArray, type SynchronizedString } from "./synchronized_array.ts";
import { type SynchronizedStructure, synchronizedStructure } from "./synchronized_structure.ts";
import { Synchronized } from "./synchronized_value.ts";
import {
  badType,
  type Copies,
  type Elements,
  type ScalarType,
  scalarType,
  scalarTypeOfView,
  type TypeCode,
  type View,
  type ViewConstructor,
  type Views,
} from "./types.ts";
import { Lock } from "../synchronize/lock.ts";
import { RLock } from "../synchronize/rlock.ts";

/** Options of {@linkcode Value} and {@linkcode Array}. */
export interface SharedOptions {
  /** The lock to use. `true` or absent: a new RLock. `false`: none. */
  lock?: Lock | RLock | boolean;
}

/** Options that ask for a lock. */
export interface LockedOptions {
  /** The lock to use. `true` or absent: a new RLock. */
  lock?: Lock | RLock | true;
}

/** Options that ask for no lock. */
export interface UnlockedOptions {
  /** No lock. */
  lock: false;
}

/** The source of an array of `C`: its length, or its elements; a string if they are characters. */
export type ArrayInit<C extends TypeCode> = number | Iterable<Elements[C]> | (C extends "c" | "u" ? string : never);

/** A copy of a part of an array of `C`. */
export type Slice<C extends TypeCode> = C extends "u" ? string : Copies[C];

/** An array of `C` with a lock. */
export type LockedArray<C extends TypeCode> = C extends "c" | "u" ? SynchronizedString<Elements[C], Views[C], Slice<C>>
  : SynchronizedArray<Elements[C], Views[C], Slice<C>>;

/** An array of structures with a lock. */
export type LockedStructureArray<F extends Fields> = SynchronizedArray<Structured<F>, StructureArray<F>, Snapshot<F>[]>;

/**
 * A value or structure in shared memory, with a lock.
 *
 * Getting and setting it take the lock each. An operation that needs both, such as `+=`, needs the lock around it.
 *
 * @param type The type of the value: a typecode or a {@linkcode Structure}.
 * @param init What it begins as; 0 if absent.
 * @throws {TypeError} If `type` is no type, `init` is not of the right kind, or `lock` is no lock.
 * @throws {RangeError} If the type cannot hold `init`, or there is no memory left.
 *
 * @example Count
 * ```ts
 * import { Value } from "@parallel/multiprocessing";
 * import { assertEquals } from "@std/assert";
 *
 * using counter = Value("i32", 41);
 * {
 *   using _guard = counter.getLock().acquireSync();
 *   counter.value += 1;
 * }
 * assertEquals(counter.value, 42);
 * ```
 */
export function Value<C extends TypeCode>(
  type: C,
  init?: Elements[C],
  options?: LockedOptions,
): Synchronized<Elements[C]>;
/** As above, without a lock. */
export function Value<C extends TypeCode>(
  type: C,
  init: Elements[C] | undefined,
  options: UnlockedOptions,
): Scalar<Elements[C]>;
/** A structure in shared memory, with a lock: its fields are properties, which take the lock each. */
export function Value<F extends Fields>(
  type: StructureType<F>,
  init?: StructureInit<F>,
  options?: LockedOptions,
): SynchronizedStructure<F>;
/** A structure in shared memory, without a lock: its fields are properties. */
export function Value<F extends Fields>(
  type: StructureType<F>,
  init: StructureInit<F> | undefined,
  options: UnlockedOptions,
): Structured<F>;
export function Value(
  type: TypeCode | StructureType<Fields>,
  init?: unknown,
  { lock = true }: SharedOptions = {},
): unknown {
  requireLock(lock, "create a Value");
  if (lock === false) return rawValue(type, init, "create a Value");
  let isInCell = false;
  const raw = rawValue(type, init, "create a Value", (demand) => {
    const cell = lock === true ? newGuardedPlace(demand) : undefined;
    isInCell = cell !== undefined;
    return cell ?? newPlace(demand);
  });
  return guarded(raw, isInCell ? lockInCell(placeOf(raw).handle) : protectionOf(lock));
}

/**
 * A value or structure in shared memory, without a lock.
 *
 * @param type The type of the value: a typecode or a {@linkcode Structure}.
 * @param init What it begins as; 0 if absent.
 * @throws {TypeError} If `type` is no type, or `init` is not of the right kind.
 * @throws {RangeError} If the type cannot hold `init`, or there is no memory left.
 *
 * @example What only one process writes needs no lock
 * ```ts
 * import { RawValue } from "@parallel/multiprocessing";
 * import { assertEquals } from "@std/assert";
 *
 * using progress = RawValue("f64");
 * progress.value = 0.5;
 * assertEquals(progress.value, 0.5);
 * ```
 */
export function RawValue<C extends TypeCode>(type: C, init?: Elements[C]): Scalar<Elements[C]>;
/** A structure in shared memory, without a lock: its fields are properties. */
export function RawValue<F extends Fields>(type: StructureType<F>, init?: StructureInit<F>): Structured<F>;
export function RawValue(type: TypeCode | StructureType<Fields>, init?: unknown): unknown {
  return rawValue(type, init, "create a RawValue");
}

/** A value at the place that `reserve` gives, once `init` has been checked. */
function rawValue(
  type: TypeCode | StructureType<Fields>,
  init: unknown,
  action: string,
  reserve: (demand: Demand) => Place = newPlace,
): Scalar<unknown> | StructureInstance {
  if (type instanceof StructureType) {
    const prepared = init === undefined ? undefined : type.prepare(init);
    const raw = type.instance(reserve(type));
    if (prepared !== undefined) StructureInstance.write(raw, prepared);
    return raw;
  }
  const scalar = knownType(type, action);
  if (init !== undefined) scalar.store(init);
  const raw = new Scalar(scalar, reserve(demandOf(scalar)));
  if (init !== undefined) raw.value = init;
  return raw;
}

/**
 * An array in shared memory, with a lock. Each access takes the lock; for several accesses at full speed, acquire it
 * and use `getObj()`, the typed array itself.
 *
 * @param type The type of the elements: a typecode or a {@linkcode Structure}.
 * @param sizeOrInit The length, and the elements are 0; or what the elements begin as. Bytes (`"c"`) and characters
 * (`"u"`) may be given as a string, bytes then are its UTF-8.
 * @throws {TypeError} If `type` is no type, `sizeOrInit` or one of its elements is not of the right kind, or `lock` is
 * no lock.
 * @throws {RangeError} If the size is negative or not an integer, the type cannot hold an element, or there is not as
 * much memory.
 *
 * @example Double each element
 * ```ts
 * import { Array } from "@parallel/multiprocessing";
 * import { assertEquals } from "@std/assert";
 *
 * using numbers = Array("f64", [1, 2, 3]);
 * {
 *   using _guard = numbers.getLock().acquireSync();
 *   const raw = numbers.getObj();
 *   for (let i = 0; i < raw.length; i++) raw[i] *= 2;
 * }
 * assertEquals([...numbers], [2, 4, 6]);
 * ```
 */
export function Array<C extends TypeCode>(
  type: C,
  sizeOrInit: ArrayInit<C>,
  options?: LockedOptions,
): LockedArray<C>;
/** As above, without a lock: a real typed array. */
export function Array<C extends TypeCode>(type: C, sizeOrInit: ArrayInit<C>, options: UnlockedOptions): Views[C];
/** An array of structures in shared memory, with a lock. */
export function Array<F extends Fields>(
  type: StructureType<F>,
  sizeOrInit: number | Iterable<StructureInit<F>>,
  options?: LockedOptions,
): LockedStructureArray<F>;
/** An array of structures in shared memory, without a lock. */
export function Array<F extends Fields>(
  type: StructureType<F>,
  sizeOrInit: number | Iterable<StructureInit<F>>,
  options: UnlockedOptions,
): StructureArray<F>;
export function Array(
  type: TypeCode | StructureType<Fields>,
  sizeOrInit: unknown,
  { lock = true }: SharedOptions = {},
): unknown {
  requireLock(lock, "create an Array");
  const raw = rawArray(type, sizeOrInit, "create an Array");
  if (lock === false) return raw;
  return synchronizedArray(raw, typeof type === "string" ? type : null, protectionOf(lock), true);
}

/**
 * An array in shared memory, without a lock: a real typed array, as fast as any other, which `Atomics` takes, too. Its
 * buffer is a SharedArrayBuffer, since others may write it at any time: what refuses those, such as
 * `crypto.subtle.digest` or a body of `Response`, takes a copy, made with `slice()`. A Worker that it is posted to
 * shares the memory.
 *
 * It travels as a view of the same memory, and so do its `subarray`s and all other views of its buffer. The memory is
 * returned when no process has views of it any more.
 *
 * As all typed arrays it wraps what is stored, so that 256 becomes 0 in an array of bytes; only `sizeOrInit` is
 * checked.
 *
 * @param type The type of the elements: a typecode or a {@linkcode Structure}.
 * @param sizeOrInit The length, and the elements are 0; or what the elements begin as.
 * @throws {TypeError} If `type` is no type, or `sizeOrInit` or one of its elements is not of the right kind.
 * @throws {RangeError} If the size is negative or not an integer, the type cannot hold an element, or there is not as
 * much memory.
 *
 * @example A view travels as a view
 * ```ts
 * import { RawArray } from "@parallel/multiprocessing";
 * import { dumps, loads } from "@parallel/multiprocessing/reduction";
 * import { assertEquals } from "@std/assert";
 *
 * const numbers = RawArray("i32", [1, 2, 3, 4]);
 * const arrived = loads(dumps(numbers.subarray(1, 3)).bytes) as Int32Array;
 * arrived[0] = 20;
 * assertEquals([...numbers], [1, 20, 3, 4]);
 * ```
 */
export function RawArray<C extends TypeCode>(type: C, sizeOrInit: ArrayInit<C>): Views[C];
/** An array of structures in shared memory, without a lock. */
export function RawArray<F extends Fields>(
  type: StructureType<F>,
  sizeOrInit: number | Iterable<StructureInit<F>>,
): StructureArray<F>;
export function RawArray(type: TypeCode | StructureType<Fields>, sizeOrInit: unknown): unknown {
  return rawArray(type, sizeOrInit, "create a RawArray");
}

function rawArray(
  type: TypeCode | StructureType<Fields>,
  sizeOrInit: unknown,
  action: string,
): View | StructureArray<Fields> {
  const size = sizeOf(sizeOrInit, action);
  if (type instanceof StructureType) {
    if (size !== undefined) return new StructureArray(type, size);
    return StructureArray.of(type, sizeOrInit, action);
  }
  const scalar = knownType(type, action);
  if (size !== undefined) return newView(scalar.View, size);
  const elements = elementsOf(scalar, sizeOrInit, action);
  const view = newView(scalar.View, elements.length);
  view.set(elements as ArrayLike<never>);
  return view;
}

function newView(View: ViewConstructor, length: number): View {
  return new View(sharedBuffer(length * View.BYTES_PER_ELEMENT), 0, length);
}

/**
 * A copy in new shared memory, without a lock.
 *
 * @throws {TypeError} If `obj` is not what {@linkcode RawValue} or {@linkcode RawArray} makes.
 *
 * @example Keep what was
 * ```ts
 * import { copy, RawArray } from "@parallel/multiprocessing/sharedctypes";
 * import { assertEquals } from "@std/assert";
 *
 * const numbers = RawArray("i32", [1, 2, 3]);
 * const before = copy(numbers);
 * numbers[0] = 10;
 * assertEquals([...before], [1, 2, 3]);
 * ```
 */
export function copy<T extends Scalar<unknown> | StructureInstance | StructureArray<Fields> | View>(obj: T): T;
export function copy(obj: unknown): unknown {
  if (obj instanceof Scalar) return rawValue(obj.type.code, obj.value, "copy the value");
  if (obj instanceof StructureInstance) return StructureInstance.copyOf(obj, newPlace);
  if (obj instanceof StructureArray) return StructureArray.copyOf(obj);
  const type = scalarTypeOfView(obj);
  if (type === undefined) throw notRaw("copy", obj);
  const view = newView(type.View, (obj as View).length);
  view.set(obj as ArrayLike<never>);
  return view;
}

/**
 * Gives a lock to what has none.
 *
 * @param obj What {@linkcode RawValue} or {@linkcode RawArray} has made.
 * @param lock The lock to use; a new RLock if absent.
 * @throws {TypeError} If `obj` is something else, or `lock` is no lock.
 *
 * @example One lock for two values
 * ```ts
 * import { RawValue, synchronized } from "@parallel/multiprocessing/sharedctypes";
 * import { assertStrictEquals } from "@std/assert";
 *
 * using width = synchronized(RawValue("i32", 4));
 * using height = synchronized(RawValue("i32", 3), width.getLock());
 * assertStrictEquals(height.getLock(), width.getLock());
 * ```
 */
export function synchronized<T>(obj: Scalar<T>, lock?: Lock | RLock): Synchronized<T>;
/** Gives a lock to a structure: its fields are properties, which take the lock each. */
export function synchronized<F extends Fields>(obj: Structured<F>, lock?: Lock | RLock): SynchronizedStructure<F>;
/** Gives a lock to an array of structures. */
export function synchronized<F extends Fields>(obj: StructureArray<F>, lock?: Lock | RLock): LockedStructureArray<F>;
/** Gives a lock to a typed array over shared memory, or to a part of one. */
export function synchronized<V extends View>(
  obj: V,
  lock?: Lock | RLock,
): SynchronizedArray<V extends BigInt64Array | BigUint64Array ? bigint : number, V, V>;
export function synchronized(obj: unknown, lock: Lock | RLock | true = true): unknown {
  requireLock(lock, "synchronize the object");
  if (obj instanceof Scalar || obj instanceof StructureInstance) return guarded(obj, protectionOf(lock));
  if (obj instanceof StructureArray) return synchronizedArray(obj, null, protectionOf(lock));
  const type = scalarTypeOfView(obj);
  if (type === undefined || !isShared((obj as View).buffer)) throw notRaw("synchronize", obj);
  return synchronizedArray(obj as View, type.code, protectionOf(lock));
}

function guarded(raw: Scalar<unknown> | StructureInstance, protection: Protection): unknown {
  if (raw instanceof Scalar) return new Synchronized(raw, protection);
  return synchronizedStructure(raw as Structured<Fields>, protection);
}

function placeOf(raw: Scalar<unknown> | StructureInstance): Place {
  return raw instanceof Scalar ? Scalar.placeOf(raw) : StructureInstance.partsOf(raw).place;
}

function protectionOf(lock: Lock | RLock | true): Protection {
  return lock === true ? { lock: new RLock(), isOwn: true } : { lock, isOwn: false };
}

function requireLock(lock: unknown, action: string): void {
  if (typeof lock === "boolean" || lock instanceof Lock || lock instanceof RLock) return;
  throw new TypeError(`Cannot ${action}: "lock" is ${Deno.inspect(lock)}, wanted a Lock, an RLock, true or false`);
}

function knownType(code: unknown, action: string): ScalarType {
  const type = scalarType(code);
  if (type === undefined) throw badType(action, code);
  return type;
}

function notRaw(action: string, given: unknown): TypeError {
  return new TypeError(
    `Cannot ${action} ${Deno.inspect(given)}: wanted what RawValue or RawArray returns, or a view of its memory`,
  );
}
