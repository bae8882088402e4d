/**
 * numpy's arrays.
 *
 * @module
 */
import { glance, quoted } from "../runtime/harmless.ts";
import { requireKnown } from "../waiting/options.ts";
import { type AnyTypedArray, dtypeOf, nameOf } from "./dtype.ts";

/** Options of {@linkcode NdArray}. */
export interface NdArrayOptions {
  /** Whether the first index is the one that changes fastest. Default: `false`. */
  fortran?: boolean;
}

/**
 * An array of numpy's: its elements behind each other, and how they are arranged. An array of one dimension whose
 * elements a typed array can have is read as that; what is more, or of another type, as one of these.
 *
 * @example Send a matrix
 * ```ts
 * import { dumps, loads, NdArray } from "@parallel/multiprocessing/pickle";
 * import { assertEquals } from "@std/assert";
 *
 * const matrix = new NdArray("<f8", [2, 3], new Float64Array([1, 2, 3, 4, 5, 6]));
 * const copy = loads(dumps(matrix)) as NdArray;
 * assertEquals([copy.dtype, copy.shape], ["<f8", [2, 3]]);
 * assertEquals(copy.data, matrix.data);
 * ```
 */
export class NdArray {
  /** numpy's name of the element type, `<f8` for instance. The order of bytes is little-endian. */
  readonly dtype: string;
  /** How many elements there are in each dimension. */
  readonly shape: readonly number[];
  /**
   * The elements: a typed array; of complex numbers the parts in turn; of booleans, texts and what JavaScript has no
   * array for, bytes; of objects, `|O`, an Array.
   */
  readonly data: AnyTypedArray | unknown[];
  /** Whether the first index is the one that changes fastest. */
  readonly fortran: boolean;

  /**
   * An array of these elements, which it does not copy.
   *
   * @throws {RangeError} If the type is not known, or there are more or less elements than the shape says.
   */
  constructor(
    dtype: string,
    shape: readonly number[],
    data: AnyTypedArray | unknown[],
    options: NdArrayOptions = {},
  ) {
    requireKnown("make an array", options, ["fortran"]);
    const type = typeof dtype === "string" ? dtypeOf(dtype) : null;
    if (type === null) {
      throw new RangeError(`Cannot make an array of type ${quoted(String(dtype))}: wanted one such as "<f8"`);
    }
    const count = countOf(shape);
    const isWhole = type.kind === "O"
      ? Array.isArray(data) && data.length === count
      : ArrayBuffer.isView(data) && data.byteLength === count * type.size;
    if (!isWhole) {
      const wanted = type.kind === "O" ? `an Array of ${count}` : `a typed array of ${count * type.size} bytes`;
      throw new RangeError(`Cannot make an array of shape ${glance(shape)} and type "${dtype}": wanted ${wanted}`);
    }
    this.dtype = nameOf(type);
    this.shape = [...shape];
    this.data = data;
    this.fortran = options.fortran ?? false;
  }
}

/** How many elements a shape has; NaN if it is none. */
export function countOf(shape: readonly unknown[]): number {
  if (!Array.isArray(shape)) return NaN;
  let count = 1;
  for (const length of shape) {
    if (!Number.isSafeInteger(length) || length < 0) return NaN;
    count *= length;
  }
  return Number.isSafeInteger(count) ? count : NaN;
}
