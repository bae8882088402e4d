// What the items of a ShareableList are in JavaScript, and their bytes.

import { Float } from "../pickle/numbers.ts";
import { inOneLine } from "../runtime/harmless.ts";
import { Code, type Kind, slotFor, type Stored, textLength, WORD } from "./layout.ts";

/**
 * What a {@linkcode ShareableList} can hold, and what Python has for it: `number` is an int if it is a safe integer,
 * else a float; `Float` of `./pickle` a float, also if it is a whole number; `bigint` an int of 64 bits; `Uint8Array`
 * bytes; `null` and `undefined` None.
 */
export type Shareable = number | bigint | boolean | string | Uint8Array | null | undefined | Float;

/** What is read of one: an int is a number if it is a safe integer, else a bigint. */
export type Shared = number | bigint | boolean | string | Uint8Array<ArrayBuffer> | null;

/** The ints of Python that a slot holds. */
const [LEAST, MOST] = [-(2n ** 63n), 2n ** 63n - 1n];

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * An item as it is stored.
 *
 * @throws {TypeError} If it is of a type that a list cannot hold.
 * @throws {RangeError} If it is an int of more than 64 bits, a text with half a character in it, or too long.
 */
export function stored(item: unknown): Stored {
  switch (typeof item) {
    case "number":
      return Number.isSafeInteger(item) && !Object.is(item, -0) ? int(BigInt(item)) : float(item);
    case "bigint":
      return int(item);
    case "boolean":
      return word("xxxxxxx?", Code.asIs, (view) => view.setUint8(7, Number(item)));
    case "undefined":
      return NONE;
    case "string":
      if (item.isWellFormed()) return text(encoder.encode(item), Code.text);
      throw new RangeError(`Cannot store ${inOneLine(item)} in a list: there is half a character in it`);
    case "object":
      if (item === null) return NONE;
      if (isBytes(item)) return text(new Uint8Array(item), Code.bytes);
      if (item instanceof Float) return float(item.value);
  }
  throw new TypeError(
    `Cannot store ${inOneLine(item)} in a list: wanted a number, bigint, boolean, string, Uint8Array or null`,
  );
}

function isBytes(item: object): item is Uint8Array {
  return ArrayBuffer.isView(item) && Object.prototype.toString.call(item) === "[object Uint8Array]";
}

function word(format: string, code: number, write: (view: DataView) => void): Stored {
  const bytes = new Uint8Array(WORD);
  write(new DataView(bytes.buffer));
  return { format, code, bytes, slot: WORD };
}

const NONE = word("xxxxxx?x", Code.none, () => {});

function int(value: bigint): Stored {
  if (value >= LEAST && value <= MOST) return word("q", Code.asIs, (view) => view.setBigInt64(0, value, true));
  throw new RangeError(`Cannot store ${value} in a list: it has room for ints of 64 bits`);
}

function float(value: number): Stored {
  return word("d", Code.asIs, (view) => view.setFloat64(0, value, true));
}

function text(bytes: Uint8Array, code: number): Stored {
  const slot = slotFor(bytes.length);
  return { format: `${slot}s`, code, bytes, slot };
}

/** How many bytes of its slot an item of that format has; `undefined` if there is no such format. */
export function lengthOf(format: string): number | undefined {
  return ["q", "d", "xxxxxxx?", "xxxxxx?x"].includes(format) ? WORD : textLength(format);
}

/**
 * The item that these bytes of a slot are, which are as many as the format says.
 *
 * @throws {RangeError} If they are none.
 */
export function itemOf({ format, code }: Kind, bytes: Uint8Array<ArrayBuffer>): Shared {
  const isKnown = format.endsWith("s") ? code <= Code.none : code === Code.asIs || code === Code.none;
  if (!isKnown || code < 0) throw new RangeError(`there is no item of format "${format}" and code ${code}`);
  if (code === Code.none) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (format) {
    case "q":
      return shortest(view.getBigInt64(0, true));
    case "d":
      return view.getFloat64(0, true);
    case "xxxxxxx?":
      return bytes[7] !== 0;
    case "xxxxxx?x":
      return bytes[6] !== 0;
  }
  if (code === Code.asIs) return bytes;
  // As in CPython, NULs at the end are taken for what fills the slot up.
  const used = bytes.slice(0, bytes.findLastIndex((byte) => byte !== 0) + 1);
  if (code === Code.bytes) return used;
  try {
    return decoder.decode(used);
  } catch (cause) {
    throw new RangeError("its bytes are no text in UTF-8", { cause });
  }
}

function shortest(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** Whether two items are equal: numbers by what they are, bytes by what is in them. */
export function areEqual(one: Shared, other: unknown): boolean {
  if (one instanceof Uint8Array) {
    return other instanceof Uint8Array && one.length === other.length && one.every((byte, at) => byte === other[at]);
  }
  if (other instanceof Float) return areEqual(one, other.value);
  const isNumber = (it: unknown) => typeof it === "number" || typeof it === "bigint";
  // deno-lint-ignore eqeqeq -- 5 and 5n are one number
  if (isNumber(one) && isNumber(other)) return one == other;
  return one === (other ?? null);
}
