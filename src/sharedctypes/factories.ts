// The functions under Python's names that make shared values and arrays, and the types of what they take and give, which
// have the same names. How they make them is make.ts.

import { array, copied, rawArray, rawValue, value, withLock } from "./make.ts";
import type { Scalar } from "./scalar.ts";
import type { StructureArray } from "./sequence.ts";
import type { Fields, Snapshot, Structured, StructureInit, StructureType } from "./structure.ts";
import type { StructureInstance } from "./structure_instance.ts";
import type { SynchronizedArray, SynchronizedString } from "./synchronized_array.ts";
import type { SynchronizedStructure } from "./synchronized_structure.ts";
import type { Synchronized } from "./synchronized_value.ts";
import type { Codes, Copies, Elements, TypeCode, View, Views } from "./types.ts";
import type { Lock } from "../synchronize/lock.ts";
import type { RLock } from "../synchronize/rlock.ts";
import { refuseOptions } from "../waiting/options.ts";

/** What has no lock: what {@linkcode RawValue} and {@linkcode RawArray} make. */
export type Raw = Scalar<unknown> | StructureInstance | StructureArray<Fields> | View;

/** Options of {@linkcode Value} and {@linkcode Array}. */
export interface SharedOptions<L extends Lock | RLock | boolean = Lock | RLock | boolean> {
  /** The lock to use. `true` or absent: a new RLock. `false`: none. */
  lock?: L;
  /** The name of the new RLock, as of that class; only where there is one. */
  name?: string;
}

/** What is made with that lock: `Raw` without one. */
export type WithLock<L, Guarded, Raw> = L extends false ? Raw : Guarded;

/** What a value of a type may begin as. */
export type ValueInit<T> = T extends TypeCode ? Elements[T]
  : T extends StructureType<infer F> ? StructureInit<F>
  : never;

/** The source of an array of a type: its length, or its elements; a string if they are characters. */
export type ArrayInit<T> =
  | number
  | readonly ValueInit<T>[]
  | Iterable<ValueInit<T>>
  | (T extends "c" | "u" ? string : never);

/** A copy of a part of an array of `C`. */
export type Slice<C extends TypeCode> = C extends "u" ? string : Copies[C];

/**
 * What {@linkcode Value} makes of a type, with a lock: `Value<"f64">`, or `Value<typeof Point>` of a structure.
 *
 * @example A function that takes one
 * ```ts
 * import { Value } from "@parallel/multiprocessing";
 * import { assertEquals } from "@std/assert";
 *
 * function increment(counter: Value<"i32">) {
 *   using _guard = counter.getLock().acquireSync();
 *   counter.value += 1;
 * }
 * using counter = Value("i32");
 * increment(counter);
 * assertEquals(counter.value, 1);
 * ```
 */
export type Value<T extends Codes[TypeCode] | StructureType<Fields>> = T extends TypeCode ? Synchronized<Elements[T]>
  : T extends StructureType<infer F> ? SynchronizedStructure<F>
  : never;

/**
 * What {@linkcode RawValue} makes of a type, without a lock: `RawValue<"f64">`, or `RawValue<typeof Point>` of a structure.
 *
 * @example A function that takes one
 * ```ts
 * import { RawValue } from "@parallel/multiprocessing";
 * import { assertEquals } from "@std/assert";
 *
 * const advance = (progress: RawValue<"f64">, by: number) => progress.value += by;
 * using progress = RawValue("f64");
 * advance(progress, 0.5);
 * assertEquals(progress.value, 0.5);
 * ```
 */
export type RawValue<T extends Codes[TypeCode] | StructureType<Fields>> = T extends TypeCode ? Scalar<Elements[T]>
  : T extends StructureType<infer F> ? Structured<F>
  : never;

/**
 * What {@linkcode Array} makes of a type, with a lock: `Array<"f64">`, or `Array<typeof Point>` of structures. Where it is
 * imported by this name, JavaScript's own type is written `T[]`.
 *
 * @example A function that takes one
 * ```ts
 * import * as mp from "@parallel/multiprocessing";
 * import { assertEquals } from "@std/assert";
 *
 * const first = (numbers: mp.Array<"f64">) => numbers.get(0);
 * using numbers = mp.Array("f64", [1, 2]);
 * assertEquals(first(numbers), 1);
 * ```
 */
export type Array<T extends Codes[TypeCode] | StructureType<Fields>> = T extends "c"
  ? SynchronizedString<number, Views["c"], Slice<"c">>
  : T extends "u" ? SynchronizedString<string, Views["u"], Slice<"u">>
  : T extends TypeCode ? SynchronizedArray<Elements[T], Views[T], Slice<T>>
  : T extends StructureType<infer F> ? SynchronizedArray<Structured<F>, StructureArray<F>, Snapshot<F>[]>
  : never;

/**
 * What {@linkcode RawArray} makes of a type: `RawArray<"f64">` is a `Float64Array<SharedArrayBuffer>`, and
 * `RawArray<typeof Point>` an array of structures.
 *
 * @example A function that takes one
 * ```ts
 * import { RawArray } from "@parallel/multiprocessing";
 * import { assertEquals } from "@std/assert";
 *
 * const sum = (numbers: RawArray<"f64">) => numbers.reduce((a, b) => a + b);
 * assertEquals(sum(RawArray("f64", [1, 2, 3])), 6);
 * ```
 */
export type RawArray<T extends Codes[TypeCode] | StructureType<Fields>> = T extends TypeCode ? Views[T]
  : T extends StructureType<infer F> ? StructureArray<F>
  : never;

/** What {@linkcode synchronized} makes of something without a lock. */
export type SynchronizedOf<T> = T extends Scalar<infer V> ? Synchronized<V>
  : T extends Structured<infer F extends Fields> ? SynchronizedStructure<F>
  : T extends StructureArray<infer F> ? SynchronizedArray<Structured<F>, StructureArray<F>, Snapshot<F>[]>
  : T extends View ? SynchronizedArray<T extends BigInt64Array | BigUint64Array ? bigint : number, T, T>
  : never;

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
export function Value<T extends Codes[TypeCode] | StructureType<Fields>, L extends Lock | RLock | boolean = true>(
  type: T,
  init?: ValueInit<T>,
  options: SharedOptions<L> = {},
): WithLock<L, Value<T>, RawValue<T>> {
  return value(type, init, options) as WithLock<L, Value<T>, RawValue<T>>;
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
export function RawValue<T extends Codes[TypeCode] | StructureType<Fields>>(type: T, init?: ValueInit<T>): RawValue<T> {
  if (arguments.length > 2) refuseOptions("create a RawValue", arguments[2]);
  return rawValue(type, init, "create a RawValue") as RawValue<T>;
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
export function Array<T extends Codes[TypeCode] | StructureType<Fields>, L extends Lock | RLock | boolean = true>(
  type: T,
  sizeOrInit: ArrayInit<T>,
  options: SharedOptions<L> = {},
): WithLock<L, Array<T>, RawArray<T>> {
  return array(type, sizeOrInit, options) as WithLock<L, Array<T>, RawArray<T>>;
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
export function RawArray<T extends Codes[TypeCode] | StructureType<Fields>>(
  type: T,
  sizeOrInit: ArrayInit<T>,
): RawArray<T> {
  if (arguments.length > 2) refuseOptions("create a RawArray", arguments[2]);
  return rawArray(type, sizeOrInit, "create a RawArray") as RawArray<T>;
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
export function copy<T extends Raw>(obj: T): T {
  return copied(obj) as T;
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
export function synchronized<T extends Raw>(obj: T, lock?: Lock | RLock): SynchronizedOf<T> {
  return withLock(obj, lock) as SynchronizedOf<T>;
}
