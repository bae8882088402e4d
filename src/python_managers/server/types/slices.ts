// Python's indices and slices.

import { PythonObject } from "../../../pickle/python_object.ts";
import { wholeNumber } from "../call.ts";
import { raised } from "../raised.ts";
import { typeNameOf } from "../words.ts";

/** Which items of a list a slice means: `count` of them from `start` on, each `step` after the other. */
export interface Slice {
  readonly start: number;
  readonly step: number;
  readonly count: number;
}

/** What a slice means in a list of so many items; `null` if it is none. */
export function sliceOf(value: unknown, length: number): Slice | null {
  if (!(value instanceof PythonObject) || `${value.type}` !== "builtins.slice") return null;
  const [first, last, by] = value.args;
  const step = by === null || by === undefined ? 1 : wholeNumber(by, "slice indices");
  if (step === 0) throw raised("ValueError", "slice step cannot be zero");
  const [lowest, highest] = step > 0 ? [0, length] : [-1, length - 1];
  const bound = (given: unknown, otherwise: number) => {
    if (given === null || given === undefined) return otherwise;
    const at = wholeNumber(given, "slice indices");
    return Math.min(highest, Math.max(lowest, at < 0 ? at + length : at));
  };
  const start = bound(first, step > 0 ? lowest : highest);
  const stop = bound(last, step > 0 ? highest : lowest);
  return { start, step, count: Math.max(0, Math.ceil((stop - start) / step)) };
}

/** The indices that it means. */
export function indicesOf({ start, step, count }: Slice): number[] {
  return Array.from({ length: count }, (_, i) => start + i * step);
}

/**
 * The place that an index means.
 *
 * @throws An IndexError of Python's if there is none, a TypeError if it is no index.
 */
export function placeOf(index: unknown, length: number, what: string, action = ""): number {
  const isWhole = typeof index === "boolean" || typeof index === "bigint" || Number.isInteger(index);
  if (!isWhole) throw raised("TypeError", `${what} indices must be integers or slices, not ${typeNameOf(index)}`);
  const at = Number(index) < 0 ? Number(index) + length : Number(index);
  if (at >= 0 && at < length) return at;
  throw raised("IndexError", `${what} ${action}index out of range`);
}
