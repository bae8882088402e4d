// The contracts of values and arrays that processes share.

import type { ValueInit } from "../sharedctypes/factories.ts";
import type { Codes, Elements, TypeCode } from "../sharedctypes/types.ts";
import type { Acquirable, LockLike } from "./synchronize.ts";

/** A value that processes share, without a lock. */
export interface ScalarLike<T> extends Disposable {
  /** The value. */
  value: T;
  /** Gives up this process's share. */
  close(): void;
}

/** What values and arrays with a lock have in common. */
export interface GuardedLike extends Acquirable, Disposable {
  /** The lock. */
  getLock(): LockLike;
  /** Gives up this process's share in the memory, and in the lock if that was made for it. */
  close(): void;
}

/** A value that processes share, with a lock: as {@linkcode Synchronized}, which is one implementation. */
export interface SynchronizedLike<T> extends GuardedLike {
  /** The value; getting and setting it take the lock. */
  value: T;
  /** Replaces the value by what `change` makes of it, with the lock held all the while; the value then. */
  update(change: (value: T) => T): T;
  /** What is guarded, for use while the lock is held. */
  getObj(): ScalarLike<T>;
}

/** An array that processes share, with a lock: as {@linkcode SynchronizedArray}, which is one implementation. */
export interface SynchronizedArrayLike<T, S = unknown> extends GuardedLike, Iterable<T> {
  /** The number of elements. */
  readonly length: number;
  /** The element at an index. */
  get(index: number): T;
  /** As {@linkcode get}; a negative index counts from the end. */
  at(index: number): T;
  /** Sets the element at an index. */
  set(index: number, value: T): void;
  /** A copy of the elements from `start` to before `end`, taken at one moment. */
  slice(start?: number, end?: number): S;
  /** Sets the elements from `start` on, at one moment. */
  setSlice(start: number, values: Iterable<T> | S): void;
}

/** `T`, if it is that of a typecode, as here it always is: the package's own functions take structures, too. */
export type IfCode<C, T> = C extends TypeCode ? T : unknown;

/** The functions of a context that make values and arrays of numbers. */
export interface SharedDataFactories {
  /** A value with a lock: one of the context's, or by default a new one. */
  Value<C extends Codes[TypeCode]>(
    type: C,
    init?: Elements[C],
    options?: { lock?: LockLike | true },
  ): IfCode<C, SynchronizedLike<Elements[C]>>;
  /** A value without a lock. */
  Value<C extends Codes[TypeCode]>(
    type: C,
    init: Elements[C] | undefined,
    options: { lock: false },
  ): IfCode<C, ScalarLike<Elements[C]>>;
  /** A value without a lock. */
  RawValue<C extends Codes[TypeCode]>(type: C, init?: ValueInit<C>): IfCode<C, ScalarLike<Elements[C]>>;
  /** An array with a lock: one of the context's, or by default a new one. */
  Array<C extends Codes[TypeCode]>(
    type: C,
    sizeOrInit: number | Iterable<Elements[C]>,
    options?: { lock?: LockLike | true },
  ): SynchronizedArrayLike<Elements[C]>;
  /** As above, of the characters or bytes of a text. */
  Array<C extends "c" | "u">(
    type: C,
    text: string,
    options?: { lock?: LockLike | true },
  ): SynchronizedArrayLike<Elements[C]>;
}
