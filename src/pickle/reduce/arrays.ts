/**
 * Typed arrays and numpy's arrays.
 *
 * @module
 */
import { dtypeOfArray } from "../dtype.ts";
import type { NdArray } from "../ndarray.ts";
import type { Dumping } from "../options.ts";
import { PythonName, PythonObject } from "../python_object.ts";
import { Buffer, type Call, type Reduction } from "../reduction.ts";
import { tuple, tupleOf } from "../tuple.ts";

const NDARRAY = new PythonName("numpy", "ndarray");
const DTYPE = new PythonName("numpy", "dtype");
const RECONSTRUCTOR = new PythonName("array", "_array_reconstructor");
const ARRAY = new PythonName("array", "array");

/** `array`'s letters and numbers of formats, all little-endian, by numpy's names of the types. */
const FORMATS: Readonly<Record<string, readonly [letter: string, format: number]>> = {
  "|i1": ["b", 1],
  "|u1": ["B", 0],
  "<i2": ["h", 4],
  "<u2": ["H", 2],
  "<i4": ["i", 8],
  "<u4": ["I", 6],
  "<i8": ["q", 12],
  "<u8": ["Q", 10],
  "<f4": ["f", 14],
  "<f8": ["d", 16],
};

/** What becomes of a typed array or a DataView. */
export function reducedView(view: ArrayBufferView, { typedArrays }: Dumping): Reduction {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  const dtype = dtypeOfArray(view);
  if (dtype === undefined || typedArrays === "bytes") return bytes;
  if (typedArrays === "numpy" || !Object.hasOwn(FORMATS, dtype)) {
    return arrayCall([(view as unknown as ArrayLike<unknown>).length], dtype, bytes, false);
  }
  const [letter, format] = FORMATS[dtype];
  return { name: RECONSTRUCTOR, args: [ARRAY, letter, format, bytes] };
}

/** What becomes of one of numpy's arrays. */
export function reducedArray({ dtype, shape, data, fortran }: NdArray): Reduction {
  if (Array.isArray(data)) return arrayOfObjects(shape, data, fortran);
  return arrayCall(shape, dtype, new Uint8Array(data.buffer, data.byteOffset, data.byteLength), fortran);
}

/** A call of the public class over memory that may change: every numpy knows it. */
function arrayCall(shape: readonly number[], dtype: string, bytes: Uint8Array, fortran: boolean): Call {
  const args = [tupleOf(shape), dtype, ...bytes.length > 0 ? [new Buffer(bytes)] : []];
  return { name: NDARRAY, args: fortran && bytes.length > 0 ? [...args, 0, null, "F"] : args };
}

/** Objects are in no memory: they come as the state, as numpy itself writes them. */
function arrayOfObjects(shape: readonly number[], items: readonly unknown[], fortran: boolean): Call {
  const dtype = new PythonObject(DTYPE, ["O"]);
  return { name: NDARRAY, args: [tuple(0), "|O"], state: tuple(1, tupleOf(shape), dtype, fortran, items) };
}
