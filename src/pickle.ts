/**
 * Pickles of plain data, as Python writes and reads them, by code that executes nothing.
 *
 * {@linkcode dumps} makes of a value what `pickle.loads` of any Python since 3.8 reads; {@linkcode loads} reads what
 * `pickle.dumps` writes with protocol 2 to 5. What becomes of what, and what is lost on the way there and back, stands in
 * docs/python.md.
 *
 * @module
 */

import "./runtime/requirement.ts";

export type { AnyTypedArray } from "./pickle/dtype.ts";
export { dumps } from "./pickle/dumps.ts";
export { PickleError } from "./pickle/error.ts";
export type { PythonException } from "./pickle/exceptions.ts";
export { FrozenSet } from "./pickle/frozen_set.ts";
export { loads } from "./pickle/loads.ts";
export { NdArray, type NdArrayOptions } from "./pickle/ndarray.ts";
export { Complex, Decimal, Float, float } from "./pickle/numbers.ts";
export type { DumpsOptions, LoadsOptions } from "./pickle/options.ts";
export { PythonName, PythonObject, type PythonObjectParts } from "./pickle/python_object.ts";
export { type PickledClass, type PickleReducer, type Reduced, register } from "./pickle/registry.ts";
export type { Described } from "./pickle/restorer.ts";
export { Tuple, tuple } from "./pickle/tuple.ts";
export { Uuid } from "./pickle/uuid.ts";
