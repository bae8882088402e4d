/**
 * Values and arrays in shared memory, after Python's `multiprocessing.sharedctypes`.
 *
 * | | with a lock | without |
 * | --- | --- | --- |
 * | one value or structure | {@linkcode Value} | {@linkcode RawValue} |
 * | several | {@linkcode Array} | {@linkcode RawArray}, a real typed array |
 *
 * All of them can be part of any message; the receiver gets a handle to, or a view of, the same memory. Memory begins
 * as zeroes, and is returned when the last process has closed it, collected it as garbage, or ended.
 *
 * @module
 */

import "./runtime/requirement.ts";

export {
  type FieldInit,
  type Fields,
  type FieldType,
  type FieldValue,
  type FieldValues,
  type Snapshot,
  Structure,
  type Structured,
  type StructureInit,
  type StructureType,
} from "./sharedctypes/structure.ts";
export type { Codes, Copies, Elements, TypeCode, View, Views, ViewsOver } from "./sharedctypes/types.ts";
export type { Guarded } from "./sharedctypes/guarded.ts";
export type { SynchronizedStructureBase } from "./sharedctypes/synchronized_structure.ts";
export {
  Array,
  type ArrayInit,
  copy,
  type Raw,
  RawArray,
  RawValue,
  type SharedOptions,
  type Slice,
  synchronized,
  type SynchronizedOf,
  Value,
  type ValueInit,
  type WithLock,
} from "./sharedctypes/factories.ts";
export type { Scalar } from "./sharedctypes/scalar.ts";
export type { StructureArray } from "./sharedctypes/sequence.ts";
export type { StructureInstance } from "./sharedctypes/structure_instance.ts";
export type { SynchronizedArray, SynchronizedString } from "./sharedctypes/synchronized_array.ts";
export type { SynchronizedStructure } from "./sharedctypes/synchronized_structure.ts";
export type { Synchronized } from "./sharedctypes/synchronized_value.ts";
