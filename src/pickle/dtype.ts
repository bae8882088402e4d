/**
 * numpy's names of element types, such as `<f8`: of which classes their arrays are here, and how large an element is.
 *
 * @module
 */

/** A typed array, whatever its elements. */
export type AnyTypedArray =
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Float16Array
  | Float32Array
  | Float64Array;

/** A class of typed arrays. */
export interface TypedArrayClass {
  readonly BYTES_PER_ELEMENT: number;
  readonly name: string;
  new (buffer: ArrayBufferLike, at: number, length: number): AnyTypedArray;
}

/** An element type. */
export interface Dtype {
  /** numpy's letter: `b` for booleans, `i` and `u` for ints, `f`, `c` for complex, `M`, `m`, `U`, `S`, `V`, `O`. */
  readonly kind: string;
  /** Bytes of an element; of objects, which have none, 0. */
  readonly size: number;
  /** Of times, what one is: `[ns]`; otherwise `""`. */
  readonly unit: string;
}

/** Of each kind and size, the class whose elements are its own, or what an element is made of. */
const CLASSES: Readonly<Record<string, TypedArrayClass>> = {
  b1: Uint8Array,
  i1: Int8Array,
  u1: Uint8Array,
  i2: Int16Array,
  u2: Uint16Array,
  i4: Int32Array,
  u4: Uint32Array,
  i8: BigInt64Array,
  u8: BigUint64Array,
  f2: Float16Array,
  f4: Float32Array,
  f8: Float64Array,
  c8: Float32Array,
  c16: Float64Array,
  M8: BigInt64Array,
  m8: BigInt64Array,
};

/** By the class of a typed array, its element type. */
const DTYPES: Readonly<Record<string, string>> = {
  Int8Array: "|i1",
  Uint8Array: "|u1",
  Uint8ClampedArray: "|u1",
  Int16Array: "<i2",
  Uint16Array: "<u2",
  Int32Array: "<i4",
  Uint32Array: "<u4",
  BigInt64Array: "<i8",
  BigUint64Array: "<u8",
  Float16Array: "<f2",
  Float32Array: "<f4",
  Float64Array: "<f8",
};

/** The largest element, of texts and raw bytes. */
const LARGEST = 2 ** 31 - 1;

/** The element type that a name says; `null` if there is none such, or its bytes are in the other order. */
export function dtypeOf(name: string): Dtype | null {
  const match = name.match(/^[<|=]?([biufcMmUSVO])(\d{1,10})?((?<=[Mm]8)\[\d{0,9}[a-zA-Zμ]{1,2}\])?$/);
  if (match === null) return null;
  const [, kind, digits, unit = ""] = match;
  if (kind === "O") return { kind, size: 0, unit };
  const count = Number(digits ?? NaN);
  const size = kind === "U" ? 4 * count : count;
  const isKnown = `${kind}${count}` in CLASSES || "USV".includes(kind) ||
    /^(?:f(?:12|16)|c(?:24|32))$/.test(kind + count);
  return isKnown && size <= LARGEST ? { kind, size, unit } : null;
}

/** The name of an element type, as numpy's `dtype.str` says it. */
export function nameOf({ kind, size, unit }: Dtype): string {
  const count = kind === "U" ? size / 4 : size;
  const order = size === 1 || "SVOb".includes(kind) ? "|" : "<";
  return `${order}${kind}${kind === "O" ? "" : count}${unit}`;
}

/** The class of arrays of that type, or of what an element is made of; of texts and of what JavaScript cannot hold, bytes. */
export function classOf({ kind, size }: Dtype): TypedArrayClass {
  return CLASSES[kind + size] ?? Uint8Array;
}

/** Whether an array of that type is exactly a typed array. */
export function isTyped({ kind, size }: Dtype): boolean {
  return "iuf".includes(kind) && `${kind}${size}` in CLASSES;
}

/** Bytes that are in one order: those of a number, of half a complex number, of a letter. */
export function unitSize({ kind, size }: Dtype): number {
  if (kind === "U") return 4;
  if (kind === "S" || kind === "V") return 1;
  return kind === "c" ? size / 2 : size;
}

/** The element type of a typed array; `undefined` if it is none. */
export function dtypeOfArray(array: ArrayBufferView): string | undefined {
  const name = (array as { readonly [Symbol.toStringTag]?: string })[Symbol.toStringTag] ?? "";
  return Object.hasOwn(DTYPES, name) ? DTYPES[name] : undefined;
}
