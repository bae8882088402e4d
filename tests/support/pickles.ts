// What a value is that was read of a pickle, in the form in which tests/fixtures/pickle/corpus.py says what Python has.

import {
  Complex,
  Decimal,
  Float,
  FrozenSet,
  NdArray,
  type PythonException,
  PythonName,
  PythonObject,
  Tuple,
  Uuid,
} from "../../src/pickle.ts";
import { dtypeOfArray } from "../../src/pickle/dtype.ts";

/** Fails unless a value is of a class; the compiler knows it from then on. */
export function assertIs<T>(
  value: unknown,
  type: abstract new (...args: never[]) => T,
  message = "",
): asserts value is T {
  if (!(value instanceof type)) throw new Error(`${Deno.inspect(value)} is no ${type.name} ${message}`);
}

/** A description: a kind, and what there is to say of it. */
export type Said = readonly unknown[];

/** Describes values that were read with `tuples: "tuple"`, `floats: "keep"` and `unknown: "object"`. */
export class Describer {
  readonly #seen = new Map<object, number>();
  readonly #isNumbered: boolean;

  /** `isNumbered`: tuples and frozensets that occur again are told as such. */
  constructor(isNumbered = true) {
    this.#isNumbered = isNumbered;
  }

  of = (value: unknown): Said => {
    const simple = simpleOf(value);
    if (simple !== null) return simple;
    const object = value as object;
    const known = this.#seen.get(object);
    if (known !== undefined) return ["ref", known];
    const isPlain = object instanceof Tuple || object instanceof FrozenSet;
    const isNumbered = isPlain ? this.#isNumbered && !(Array.isArray(object) && object.length === 0) : true;
    if (isNumbered) this.#seen.set(object, this.#seen.size);
    return this.#compound(object);
  };

  #compound(value: object): Said {
    const { of } = this;
    if (value instanceof Tuple) return ["tuple", Array.from(value, of)];
    if (Array.isArray(value)) return ["list", value.map(of)];
    if (value instanceof Set) return [value instanceof FrozenSet ? "frozenset" : "set", inOrder(value)];
    if (value instanceof Map) return ["Map", pairs([...value]).map(([key, it]) => [of(key), of(it)])];
    if (value instanceof Error) return this.#error(value as PythonException);
    if (value instanceof PythonObject) return this.#object(value);
    if (Object.getPrototypeOf(value) !== Object.prototype) throw new Error(`Cannot describe ${Deno.inspect(value)}`);
    return ["object", pairs(Object.entries(value)).map(([key, it]) => [of(key), of(it)])];
  }

  #error({ type, args, notes, state }: PythonException): Said {
    const said = args.map(this.of);
    const told = this.of(notes ?? null);
    const others = state instanceof Map ? pairs([...state]) : [];
    return ["error", type, said, [told, others.map(([key, it]) => [key, this.of(it)])]];
  }

  #object({ type, isCalled, args, kwargs, items, entries, state }: PythonObject): Said {
    const { of } = this;
    return [
      ...["object", of(type), isCalled, args.map(of), kwargs === undefined ? null : of(kwargs)],
      items === undefined ? null : items.map(of),
      entries === undefined ? null : entries.map(([key, it]) => [of(key), of(it)]),
      state === undefined ? null : of(state),
    ];
  }
}

/** The items of a set, whose order is nobody's. */
function inOrder(set: ReadonlySet<unknown>): Said[] {
  const items = Array.from(set, (it) => new Describer(false).of(it));
  const texts = new Map(items.map((it) => [it, JSON.stringify(it).replace(/[\x7f-\uffff]/g, escaped)]));
  return items.sort((a, b) => texts.get(a)! < texts.get(b)! ? -1 : 1);
}

/** A letter as Python's `json` writes it. */
function escaped(letter: string): string {
  return `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** Keys in an order that both languages have, where there is one. */
function pairs(entries: [unknown, unknown][]): [unknown, unknown][] {
  const areTexts = entries.every(([key]) => typeof key === "string");
  return areTexts ? entries.toSorted(([a], [b]) => a as string < (b as string) ? -1 : 1) : entries;
}

function hexed(value: number): string {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return new Uint8Array(view.buffer).toHex();
}

function bytesOf(view: ArrayBufferView): string {
  return new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset, view.byteLength).toHex();
}

function simpleOf(value: unknown): Said | null {
  if (value === null) return ["None"];
  if (typeof value === "boolean") return [value ? "True" : "False"];
  if (typeof value === "number") return Number.isInteger(value) ? ["int", `${value}`] : ["float", hexed(value)];
  if (typeof value === "bigint") return ["int", textOf(value)];
  if (typeof value === "string") return ["str", value];
  if (value instanceof Float) return ["float", hexed(value.value)];
  if (value instanceof Uint8Array) return ["bytes", bytesOf(value)];
  if (ArrayBuffer.isView(value)) return ["array", dtypeOfArray(value), bytesOf(value)];
  if (value instanceof Complex) return ["complex", hexed(value.re), hexed(value.im)];
  if (value instanceof Decimal) return ["Decimal", value.text];
  if (value instanceof Uuid) return ["UUID", value.text];
  if (value instanceof PythonName) return ["name", `${value}`];
  if (value instanceof NdArray) return arrayOf(value);
  return timeOf(value);
}

/** As Python's `str`, or, of very long ones, its `hex`. */
function textOf(value: bigint): string {
  const size = value < 0n ? -value : value;
  return size < 10n ** 1000n ? `${value}` : `${value < 0n ? "-" : ""}0x${size.toString(16)}`;
}

function arrayOf({ dtype, shape, data, fortran }: NdArray): Said {
  const items = Array.isArray(data) ? data.map((it) => new Describer().of(it)) : bytesOf(data);
  return ["ndarray", dtype, shape, fortran, items];
}

function timeOf(value: unknown): Said | null {
  const micros = (time: Temporal.PlainTime | Temporal.PlainDateTime) => 1000 * time.millisecond + time.microsecond;
  const parts = (it: Temporal.PlainDateTime) => [it.year, it.month, it.day, it.hour, it.minute, it.second, micros(it)];
  if (value instanceof Temporal.PlainDateTime) return ["datetime", parts(value)];
  if (value instanceof Temporal.ZonedDateTime) {
    return ["datetime", parts(value.toPlainDateTime()), value.timeZoneId, `${value.epochNanoseconds / 1000n}`];
  }
  if (value instanceof Temporal.PlainDate) return ["date", value.toString()];
  if (value instanceof Temporal.PlainTime) return ["time", [value.hour, value.minute, value.second, micros(value)]];
  if (!(value instanceof Temporal.Duration)) return null;
  const { days, seconds, microseconds } = value;
  return ["timedelta", `${(BigInt(days) * 86_400n + BigInt(seconds)) * 1_000_000n + BigInt(microseconds)}`];
}
