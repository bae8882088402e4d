// The types of single values: C's, by Python's typecodes and by names that say their size, as on 64-bit Linux.

import { glance } from "../runtime/harmless.ts";

/**
 * The name of a type of single values: one that says its size, or one of Python's typecodes. `"c"` is a byte, `"u"` a
 * character.
 */
export type TypeCode =
  | ("i8" | "u8" | "i16" | "u16" | "i32" | "u32" | "i64" | "u64" | "f32" | "f64")
  | ("c" | "b" | "B" | "u" | "h" | "H" | "i" | "I" | "l" | "L" | "q" | "Q" | "f" | "d");

/** The codes by themselves: for `Codes[TypeCode]` the compiler shows the list of them, and not its name. */
export type Codes = { readonly [C in TypeCode]: C };

/** The JavaScript type of a value of each type. */
export interface Elements {
  /** `char`: a byte. */
  c: number;
  /** `signed char`. */
  b: number;
  /** `unsigned char`. */
  B: number;
  /** `wchar_t`: one character, of 32 bits. */
  u: string;
  /** `short`. */
  h: number;
  /** `unsigned short`. */
  H: number;
  /** `int`. */
  i: number;
  /** `unsigned int`. */
  I: number;
  /** `long`, of 64 bits. */
  l: bigint;
  /** `unsigned long`, of 64 bits. */
  L: bigint;
  /** `long long`. */
  q: bigint;
  /** `unsigned long long`. */
  Q: bigint;
  /** `float`. */
  f: number;
  /** `double`. */
  d: number;
  /** Signed, 8 bits. */
  i8: number;
  /** Unsigned, 8 bits. */
  u8: number;
  /** Signed, 16 bits. */
  i16: number;
  /** Unsigned, 16 bits. */
  u16: number;
  /** Signed, 32 bits. */
  i32: number;
  /** Unsigned, 32 bits. */
  u32: number;
  /** Signed, 64 bits. */
  i64: bigint;
  /** Unsigned, 64 bits. */
  u64: bigint;
  /** Floating point, 32 bits. */
  f32: number;
  /** Floating point, 64 bits. */
  f64: number;
}

/** The typed array that holds values of each type, over memory of kind `B`. */
export interface ViewsOver<B extends ArrayBufferLike> {
  /** `char`. */
  c: Uint8Array<B>;
  /** `signed char`. */
  b: Int8Array<B>;
  /** `unsigned char`. */
  B: Uint8Array<B>;
  /** `wchar_t`, as code points. */
  u: Uint32Array<B>;
  /** `short`. */
  h: Int16Array<B>;
  /** `unsigned short`. */
  H: Uint16Array<B>;
  /** `int`. */
  i: Int32Array<B>;
  /** `unsigned int`. */
  I: Uint32Array<B>;
  /** `long`. */
  l: BigInt64Array<B>;
  /** `unsigned long`. */
  L: BigUint64Array<B>;
  /** `long long`. */
  q: BigInt64Array<B>;
  /** `unsigned long long`. */
  Q: BigUint64Array<B>;
  /** `float`. */
  f: Float32Array<B>;
  /** `double`. */
  d: Float64Array<B>;
  /** Signed, 8 bits. */
  i8: Int8Array<B>;
  /** Unsigned, 8 bits. */
  u8: Uint8Array<B>;
  /** Signed, 16 bits. */
  i16: Int16Array<B>;
  /** Unsigned, 16 bits. */
  u16: Uint16Array<B>;
  /** Signed, 32 bits. */
  i32: Int32Array<B>;
  /** Unsigned, 32 bits. */
  u32: Uint32Array<B>;
  /** Signed, 64 bits. */
  i64: BigInt64Array<B>;
  /** Unsigned, 64 bits. */
  u64: BigUint64Array<B>;
  /** Floating point, 32 bits. */
  f32: Float32Array<B>;
  /** Floating point, 64 bits. */
  f64: Float64Array<B>;
}

/**
 * The typed array over shared memory that holds values of each type. Others may write it at any time, so its buffer is
 * a SharedArrayBuffer.
 */
export type Views = ViewsOver<SharedArrayBuffer>;

/** The typed array of copies of values of each type, in memory of this thread alone. */
export type Copies = ViewsOver<ArrayBuffer>;

/** Any of the typed arrays. */
export type View = Views[TypeCode];

/** Constructs a typed array. */
export interface ViewConstructor<V extends View = View> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset?: number, length?: number): V;
}

/** The element of a typed array that holds a value. */
export type Stored = number | bigint;

/** How values of one type lie in memory. */
export interface ScalarType<T = unknown> {
  readonly code: TypeCode;
  readonly size: number;
  readonly View: ViewConstructor;
  /**
   * What is stored for a value.
   *
   * @throws {TypeError} If it is not of the right kind.
   * @throws {RangeError} If the type cannot hold it.
   */
  readonly store: (value: unknown) => Stored;
  /** The value for what is stored; `null` if it is the same. */
  readonly load: ((stored: Stored) => T) | null;
}

function refuse(value: unknown, code: string, wanted: string, ErrorClass: typeof TypeError | typeof RangeError): Error {
  return new ErrorClass(`Cannot store ${Deno.inspect(value)} as "${code}": wanted ${wanted}`);
}

function integer(code: string, min: number, max: number): (value: unknown) => number {
  return (value) => {
    if (typeof value === "number" && value >= min && value <= max && Number.isInteger(value)) return value;
    throw refuse(value, code, `an integer from ${min} to ${max}`, typeof value === "number" ? RangeError : TypeError);
  };
}

function bigInteger(code: string, min: bigint, max: bigint): (value: unknown) => bigint {
  return (value) => {
    if (typeof value === "bigint" && value >= min && value <= max) return value;
    throw refuse(value, code, `a bigint from ${min}n to ${max}n`, typeof value === "bigint" ? RangeError : TypeError);
  };
}

function float64(code: string): (value: unknown) => number {
  return (value) => {
    if (typeof value === "number") return value;
    throw refuse(value, code, "a number", TypeError);
  };
}

function float32(code: string): (value: unknown) => number {
  return (value) => {
    if (typeof value !== "number") throw refuse(value, code, "a number", TypeError);
    if (Number.isFinite(value) && !Number.isFinite(Math.fround(value))) {
      throw refuse(value, code, "a number that 32 bits can hold, up to about 3.4e38", RangeError);
    }
    return value;
  };
}

/** The code point of a string of one character. */
function storeCharacter(value: unknown): number {
  const point = typeof value === "string" ? value.codePointAt(0) : undefined;
  if (point === undefined || value !== String.fromCodePoint(point)) {
    throw refuse(value, "u", "a string of one character", typeof value === "string" ? RangeError : TypeError);
  }
  return point;
}

/** U+FFFD stands for what is no code point: the memory may have been written as anything. */
function loadCharacter(stored: Stored): string {
  return String.fromCodePoint(Number(stored) <= 0x10_ffff ? Number(stored) : 0xfffd);
}

function define(
  codes: readonly TypeCode[],
  View: ViewConstructor,
  store: (code: string) => (value: unknown) => Stored,
  load: ((stored: Stored) => unknown) | null = null,
): [TypeCode, ScalarType][] {
  return codes.map((code) => [code, { code, size: View.BYTES_PER_ELEMENT, View, store: store(code), load }]);
}

const signed = (bits: number) => (code: string) => integer(code, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1);
const unsigned = (bits: number) => (code: string) => integer(code, 0, 2 ** bits - 1);

let made: ReadonlyMap<unknown, ScalarType> | undefined;

/** The types by their codes. Made at the first need, not at every process's start. */
function types(): ReadonlyMap<unknown, ScalarType> {
  return made ??= new Map([
    ...define(["i8", "b"], Int8Array, signed(8)),
    ...define(["u8", "B", "c"], Uint8Array, unsigned(8)),
    ...define(["i16", "h"], Int16Array, signed(16)),
    ...define(["u16", "H"], Uint16Array, unsigned(16)),
    ...define(["i32", "i"], Int32Array, signed(32)),
    ...define(["u32", "I"], Uint32Array, unsigned(32)),
    ...define(["i64", "l", "q"], BigInt64Array, (code) => bigInteger(code, -(2n ** 63n), 2n ** 63n - 1n)),
    ...define(["u64", "L", "Q"], BigUint64Array, (code) => bigInteger(code, 0n, 2n ** 64n - 1n)),
    ...define(["f32", "f"], Float32Array, float32),
    ...define(["f64", "d"], Float64Array, float64),
    ...define(["u"], Uint32Array, () => storeCharacter, loadCharacter),
  ]);
}

/** The type of that code, if there is one. */
export function scalarType(code: unknown): ScalarType | undefined {
  return types().get(code);
}

/** The error for what is no type. */
export function badType(action: string, given: unknown): TypeError {
  const codes = [...types().keys()].map((code) => `"${code}"`).join(", ");
  return new TypeError(`Cannot ${action}: bad typecode ${glance(given)}, wanted ${codes} or a Structure`);
}

/** The type whose values a typed array holds, by its kind only; `undefined` for other objects. */
export function scalarTypeOfView(view: unknown): ScalarType | undefined {
  for (const type of types().values()) {
    if (view instanceof type.View) return type;
  }
  return undefined;
}
