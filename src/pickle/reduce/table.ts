/**
 * What becomes of values of classes that are known without anybody's having registered them.
 *
 * @module
 */
import { NdArray } from "../ndarray.ts";
import { Complex, Decimal } from "../numbers.ts";
import type { Dumping } from "../options.ts";
import { PythonName } from "../python_object.ts";
import type { Reduction } from "../reduction.ts";
import { numberOf, Uuid } from "../uuid.ts";
import { reducedArray, reducedView } from "./arrays.ts";
import { reducedError } from "./errors.ts";
import { reducedTime } from "./times.ts";

const COMPLEX = new PythonName("builtins", "complex");
const DECIMAL = new PythonName("decimal", "Decimal");
const UUID = new PythonName("uuid", "UUID");

/** What becomes of a value; `undefined` if its class is not known. */
export function reduced(value: object, options: Dumping): Reduction | undefined {
  if (ArrayBuffer.isView(value)) return reducedView(value, options);
  if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) return new Uint8Array(value);
  if (value instanceof Error) return reducedError(value);
  if (value instanceof NdArray) return reducedArray(value);
  if (value instanceof Complex) return { name: COMPLEX, args: [value.re, value.im] };
  if (value instanceof Decimal) return { name: DECIMAL, args: [value.text] };
  if (value instanceof Uuid) return { name: UUID, args: [], isCalled: false, state: { int: numberOf(value) } };
  return reducedTime(value);
}
