/**
 * Options of `dumps` and `loads`, read once.
 *
 * @module
 */
import { inOneLine } from "../runtime/harmless.ts";
import { withUsersFrames } from "../runtime/stack.ts";
import { requireKnown } from "../waiting/options.ts";

/** Options of {@linkcode dumps}. */
export interface DumpsOptions {
  /** The protocol: every Python since 3.4 reads 4, every one since 3.8 reads 5. Default: 5. */
  protocol?: 4 | 5;
  /**
   * What Python gets for typed arrays other than Uint8Array, which is bytes: `array.array`; `numpy.ndarray`; or bytes. A
   * Float16Array, which `array` has no type for, is numpy's in the first case, too. Default: `"array"`.
   */
  typedArrays?: "array" | "numpy" | "bytes";
  /**
   * Is given the memory of each of numpy's arrays, which is then left out of the pickle, unless it returns `true`: the
   * receiver is to have it in another way, and gives it to `loads` as `buffers`, in this order. Protocol 5 only.
   */
  bufferCallback?: (buffer: Uint8Array) => boolean | void;
}

/** Options of {@linkcode loads}. */
export interface LoadsOptions {
  /** `"bigint"`: every int is a bigint. Default: a number up to ±(2⁵³ − 1), a bigint beyond. */
  ints?: "number" | "bigint";
  /** `"keep"`: a float without a fraction is a `Float`, which is sent back as a float. Default: a number. */
  floats?: "number" | "keep";
  /** `"tuple"`: a tuple is a `Tuple`, which is sent back as a tuple. Default: an Array. */
  tuples?: "array" | "tuple";
  /**
   * `"map"`: every dict is a Map. `"object"`: every dict is a plain object, and one with a key that is no str is refused.
   * Default, `"auto"`: a plain object if all its keys are strs, else a Map, decided for each dict.
   */
  dicts?: "auto" | "map" | "object";
  /** What becomes of objects of unknown classes: they are refused, or an inert `PythonObject`. Default: `"refuse"`. */
  unknown?: "refuse" | "object";
  /** The memory that was left out of the pickle, in its order. It is used as it is, without a copy. */
  buffers?: Iterable<Uint8Array | ArrayBuffer>;
}

/** Options with what they are if they do not say. */
export type Dumping = Required<Omit<DumpsOptions, "bufferCallback">> & Pick<DumpsOptions, "bufferCallback">;
/** Options with what they are if they do not say. */
export type Loading = Required<Omit<LoadsOptions, "buffers">> & { readonly buffers: readonly Uint8Array[] };

const WORDS = {
  typedArrays: ["array", "numpy", "bytes"],
  ints: ["number", "bigint"],
  floats: ["number", "keep"],
  tuples: ["array", "tuple"],
  dicts: ["auto", "map", "object"],
  unknown: ["refuse", "object"],
};

const DUMP = "dump a pickle";
const LOAD = "load a pickle";
const NO_BUFFERS: readonly Uint8Array[] = [];
const DUMPING: Dumping = { protocol: 5, typedArrays: "array", bufferCallback: undefined };
const LOADING: Loading = {
  ints: "number",
  floats: "number",
  tuples: "array",
  dicts: "auto",
  unknown: "refuse",
  buffers: NO_BUFFERS,
};

/** The options of `dumps`, checked. @throws {TypeError} If one is none, or not what it may be. */
export function dumping(options: DumpsOptions | undefined): Dumping {
  if (options === undefined) return DUMPING;
  requireKnown(DUMP, options, ["protocol", "typedArrays", "bufferCallback"]);
  const { protocol = 5, bufferCallback } = options;
  if (protocol !== 4 && protocol !== 5) throw refused(DUMP, "protocol", protocol, "4 or 5");
  if (bufferCallback !== undefined && typeof bufferCallback !== "function") {
    throw refused(DUMP, "bufferCallback", bufferCallback, "a function");
  }
  if (bufferCallback !== undefined && protocol < 5) {
    throw refused(DUMP, "protocol", protocol, '5 with "bufferCallback"');
  }
  return { protocol, typedArrays: word(DUMP, "typedArrays", options.typedArrays, "array"), bufferCallback };
}

/** The options of `loads`, checked. @throws {TypeError} If one is none, or not what it may be. */
export function loading(options: LoadsOptions | undefined): Loading {
  if (options === undefined) return LOADING;
  requireKnown(LOAD, options, ["ints", "floats", "tuples", "dicts", "unknown", "buffers"]);
  return {
    ints: word(LOAD, "ints", options.ints, "number"),
    floats: word(LOAD, "floats", options.floats, "number"),
    tuples: word(LOAD, "tuples", options.tuples, "array"),
    dicts: word(LOAD, "dicts", options.dicts, "auto"),
    unknown: word(LOAD, "unknown", options.unknown, "refuse"),
    buffers: options.buffers === undefined ? NO_BUFFERS : buffersOf(options.buffers),
  };
}

function word<W extends string>(action: string, name: keyof typeof WORDS, given: W | undefined, otherwise: W): W {
  if (given === undefined) return otherwise;
  const known: readonly string[] = WORDS[name];
  if (known.includes(given)) return given;
  throw refused(action, name, given, known.map((it) => `"${it}"`).join(" or "));
}

function buffersOf(given: Iterable<Uint8Array | ArrayBuffer>): Uint8Array[] {
  if (typeof given?.[Symbol.iterator] !== "function") throw refused(LOAD, "buffers", given, "an iterable of buffers");
  return Array.from(given, (buffer) => bytesOf(buffer, "buffers"));
}

/** The bytes of what was given to `loads`, as a plain Uint8Array. @throws {TypeError} If it has none. */
export function bytesOf(given: unknown, what = "bytes"): Uint8Array {
  if (ArrayBuffer.isView(given)) return new Uint8Array(given.buffer, given.byteOffset, given.byteLength);
  if (given instanceof ArrayBuffer || given instanceof SharedArrayBuffer) return new Uint8Array(given);
  throw refused(LOAD, what, given, "a Uint8Array or an ArrayBuffer");
}

function refused(action: string, name: string, given: unknown, wanted: string): TypeError {
  return withUsersFrames(new TypeError(`Cannot ${action}: "${name}" is ${inOneLine(given)}, wanted ${wanted}`));
}
