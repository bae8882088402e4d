/**
 * Restorers of arrays: those of Python's module `array`, and numpy's.
 *
 * @module
 */
import {
  type AnyTypedArray,
  classOf,
  type Dtype,
  dtypeOf,
  isTyped,
  nameOf,
  type TypedArrayClass,
  unitSize,
} from "../dtype.ts";
import { unreadable } from "../error.ts";
import { countOf, NdArray } from "../ndarray.ts";
import { Complex } from "../numbers.ts";
import { PythonName, PythonObject } from "../python_object.ts";
import { type Context, numberOf, type Restorer, UNMAPPED, wholeOf } from "../restorer.ts";
import { decodeText } from "../text.ts";

/** By `array`'s numbers of formats, of which each even one is little-endian, and the next one its twin. */
const FORMATS: readonly TypedArrayClass[] = [
  ...[Uint8Array, Int8Array, Uint16Array, Uint16Array, Int16Array, Int16Array, Uint32Array, Uint32Array, Int32Array],
  ...[Int32Array, BigUint64Array, BigUint64Array, BigInt64Array, BigInt64Array, Float32Array, Float32Array],
  ...[Float64Array, Float64Array],
];
/** By `array`'s letters, as they are on 64-bit systems. */
const LETTERS: Readonly<Record<string, TypedArrayClass>> = {
  ...{ b: Int8Array, B: Uint8Array, h: Int16Array, H: Uint16Array, i: Int32Array, I: Uint32Array },
  ...{ l: BigInt64Array, L: BigUint64Array, q: BigInt64Array, Q: BigUint64Array, f: Float32Array, d: Float64Array },
};

const DTYPE = "numpy.dtype";
const NUMPY_DTYPE = new PythonName("numpy", "dtype");
const NDARRAY = "numpy.ndarray";
/** The order of an array whose last index changes fastest. */
const C_ORDER = "C";

/** An array of a class over bytes, which are copied if they lie in between or are to stay as they are. */
function over(type: TypedArrayClass, bytes: Uint8Array, { budget }: Context, isOwn: boolean): AnyTypedArray {
  let source = bytes;
  if (!isOwn || bytes.byteOffset % type.BYTES_PER_ELEMENT !== 0) {
    budget.spend(bytes.length);
    source = bytes.slice();
  }
  return new type(source.buffer, source.byteOffset, source.length / type.BYTES_PER_ELEMENT);
}

/** Bytes with those of each unit the other way round. */
function swapped(bytes: Uint8Array, size: number, { budget }: Context): Uint8Array {
  budget.spend(bytes.length);
  const copy = bytes.slice();
  for (let at = 0; at < copy.length; at += size) copy.subarray(at, at + size).reverse();
  return copy;
}

/** What `array._array_reconstructor` makes: of a class, its letter, the number of a format, and bytes. */
function rebuiltArray(args: readonly unknown[], context: Context): unknown {
  const [type, , format, bytes] = args;
  if (!(type instanceof PythonName) || `${type}` !== "array.array" || !(bytes instanceof Uint8Array)) return UNMAPPED;
  const number = wholeOf(format, 0, FORMATS.length - 1);
  if (number === null) return UNMAPPED; // letters of texts
  const made = FORMATS[number];
  const size = made.BYTES_PER_ELEMENT;
  if (bytes.length % size !== 0) throw unreadable("an array in it ends within an element");
  if (number % 2 === 1 && size > 1) return over(made, swapped(bytes, size, context), context, true);
  return over(made, bytes, context, context.adopt(bytes));
}

/**
 * What `array.array` makes of a letter and a list, as protocol 2 has it, or of bytes, as a program sends it that has imported
 * Python's managers.
 */
function arrayOfItems(args: readonly unknown[], context: Context): unknown {
  const { budget } = context;
  const [letter, items = []] = args;
  if (typeof letter === "string" && Object.hasOwn(LETTERS, letter) && items instanceof Uint8Array) {
    const type = LETTERS[letter];
    if (items.length % type.BYTES_PER_ELEMENT !== 0) throw unreadable("an array in it ends within an element");
    return over(type, items, context, context.adopt(items));
  }
  if (typeof letter !== "string" || !Object.hasOwn(LETTERS, letter) || !Array.isArray(items)) return UNMAPPED;
  const type = LETTERS[letter];
  const size = type.BYTES_PER_ELEMENT;
  budget.spend(size * items.length);
  const array = new type(new ArrayBuffer(size * items.length), 0, items.length);
  const isBig = array instanceof BigInt64Array || array instanceof BigUint64Array;
  for (let i = 0; i < items.length; i++) {
    const value = isBig ? items[i] : numberOf(items[i]);
    if (typeof value !== "number" && typeof value !== "bigint" || isBig && !Number.isInteger(Number(value))) {
      throw unreadable("an item of an array in it is no number");
    }
    array[i] = isBig ? BigInt(value) : value;
  }
  return array;
}

/** The element type that a `numpy.dtype` says, and whether its bytes are in the other order; `null` if it is another. */
function typeOf(dtype: unknown): { type: Dtype; isSwapped: boolean } | null {
  if (!(dtype instanceof PythonObject) || `${dtype.type}` !== DTYPE) return null;
  const [code] = dtype.args;
  const state = dtype.state === undefined ? [] : dtype.state;
  if (typeof code !== "string" || !Array.isArray(state)) return null;
  const [, order = "<", base = null, names = null, fields = null, , , , metadata] = state;
  if (base !== null || names !== null || fields !== null) return null;
  const unit = /^[Mm]8$/.test(code) ? unitOf(metadata) : "";
  const type = unit === null ? null : dtypeOf(code + unit);
  return type && { type, isSwapped: order === ">" };
}

/** The unit of times, as a `numpy.dtype` says it: the last of its parts is of a name and how many of these. */
function unitOf(metadata: unknown): string | null {
  const parts = Array.isArray(metadata) ? metadata[1] : undefined;
  if (!Array.isArray(parts)) return "";
  const [given, count = 1] = parts;
  const name = given instanceof Uint8Array ? decodeText(given, 0, given.length) : given;
  const number = wholeOf(count, 1);
  if (typeof name !== "string" || number === null) return null;
  if (name === "generic") return "";
  return `[${number === 1 ? "" : number}${name}]`;
}

/** What is said of one of numpy's arrays. */
interface Parts {
  readonly dtype: unknown;
  readonly shape: unknown;
  readonly data: unknown;
  readonly fortran: boolean;
  /** Whether the data need not be copied. */
  readonly isOwn: boolean;
}

/** An array of numpy's, of what is known of it. */
function arrayOf({ dtype, shape, data, fortran, isOwn }: Parts, context: Context): unknown {
  const found = typeOf(dtype);
  if (found === null) return UNMAPPED;
  const { type, isSwapped } = found;
  const sizes = Array.isArray(shape) ? shape.map((it) => wholeOf(it, 0)) : [];
  const count = countOf(sizes);
  if (Number.isNaN(count)) throw unreadable("an array in it has no shape");
  if (type.kind === "O") {
    if (!Array.isArray(data) || data.length !== count) {
      throw unreadable("an array in it has more or less than its shape");
    }
    context.budget.spend(8 * count);
    return new NdArray("|O", sizes as number[], [...data], { fortran });
  }
  if (!(data instanceof Uint8Array) || data.length !== count * type.size) {
    throw unreadable("an array in it has more or less than its shape");
  }
  const isOther = isSwapped && unitSize(type) > 1;
  const bytes = isOther ? swapped(data, unitSize(type), context) : data;
  const elements = over(classOf(type), bytes, context, isOther || isOwn);
  if (sizes.length === 1 && isTyped(type)) return elements;
  return new NdArray(nameOf(type), sizes as number[], elements, { fortran });
}

/** The array that a state says: version, shape, type, order, elements. */
function arrayOfState(state: unknown, context: Context): unknown {
  if (!Array.isArray(state) || state.length !== 5) throw unreadable("an array in it was never completed");
  const [, shape, dtype, order, data] = state;
  const isOwn = data instanceof Uint8Array && context.adopt(data);
  return arrayOf({ dtype, shape, data, fortran: order === true || wholeOf(order) === 1, isOwn }, context);
}

/** What `_reconstruct` makes, once it has its state. */
const reconstruct: Restorer = {
  finish: ({ args, state }, context) => {
    if (!(args[0] instanceof PythonName) || `${args[0]}` !== NDARRAY) return UNMAPPED;
    return arrayOfState(state, context);
  },
};

/** What `numpy.ndarray` makes: of a shape, the name of a type, a buffer, where it begins, steps, and an order; or of a state. */
const ndarray: Restorer = {
  finish: ({ args, state }, context) => {
    if (state !== undefined) return arrayOfState(state, context);
    const [shape, code, data = new Uint8Array(0), offset = 0, steps = null, order = C_ORDER] = args;
    if (typeof code !== "string" || wholeOf(offset) !== 0 || steps !== null || args.length > 6) return UNMAPPED;
    const dtype = new PythonObject(NUMPY_DTYPE, [code.slice(1)], { state: [3, code[0]] });
    return arrayOf({ dtype, shape, data, fortran: order === "F", isOwn: true }, context);
  },
};

/** What `_frombuffer` makes: of a buffer, a type, a shape and an order. */
function fromBuffer(args: readonly unknown[], context: Context): unknown {
  const [data, dtype, shape, order = C_ORDER] = args;
  if (!(data instanceof Uint8Array) || order !== C_ORDER && order !== "F" || args.length > 4) return UNMAPPED;
  return arrayOf({ dtype, shape, data, fortran: order === "F", isOwn: true }, context);
}

/** What `scalar` makes: one element by itself. */
function scalarOf(args: readonly unknown[], context: Context): unknown {
  const [dtype, bytes] = args;
  const found = typeOf(dtype);
  if (found === null || !(bytes instanceof Uint8Array)) return UNMAPPED;
  const { type, isSwapped } = found;
  if (bytes.length !== type.size) throw unreadable("an element of an array in it has a wrong size");
  const ordered = isSwapped ? swapped(bytes, Math.max(1, unitSize(type)), context) : bytes;
  if (type.kind === "S") return over(Uint8Array, ordered, context, false);
  if (type.kind === "U") return lettersOf(ordered, context);
  const elements = over(classOf(type), ordered, context, false);
  if (type.kind === "b") return elements[0] !== 0;
  if (type.kind === "c" && elements.length === 2) return new Complex(Number(elements[0]), Number(elements[1]));
  if (!isTyped(type)) return new NdArray(nameOf(type), [], elements);
  return type.kind === "f" ? context.float(Number(elements[0])) : context.int(elements[0]);
}

/** The text of letters of four bytes each. */
function lettersOf(bytes: Uint8Array, { budget }: Context): string {
  budget.spend(bytes.length);
  const points = new Uint32Array(bytes.slice().buffer);
  let text = "";
  for (const point of points) text += String.fromCodePoint(point);
  return text.replace(/\0+$/, "");
}

/** By names of `array` and `numpy`. */
export const ARRAYS: readonly (readonly [string, Restorer])[] = [
  ["array._array_reconstructor", { make: rebuiltArray }],
  ["array.array", { make: arrayOfItems }],
  [DTYPE, { make: (args) => new PythonObject(NUMPY_DTYPE, args) }],
  [NDARRAY, ndarray],
  ["numpy._core.multiarray._reconstruct", reconstruct],
  ["numpy._core.multiarray.scalar", { make: scalarOf }],
  ["numpy._core.numeric._frombuffer", { make: fromBuffer }],
];
