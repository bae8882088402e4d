/**
 * Python's UUIDs.
 *
 * @module
 */
import { quoted } from "../runtime/harmless.ts";

const UUID = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i;
/** How many digits stand before each dash. */
const DASHES = [8, 12, 16, 20];

/**
 * A UUID, which Python gets as `uuid.UUID`.
 *
 * @example Send one
 * ```ts
 * import { dumps, loads, Uuid } from "@parallel/multiprocessing/pickle";
 * import { assertEquals } from "@std/assert";
 *
 * const id = new Uuid(crypto.randomUUID());
 * assertEquals(String(loads(dumps(id))), String(id));
 * ```
 */
export class Uuid {
  /** The UUID in small letters, with its dashes. */
  readonly text: string;

  /**
   * The UUID that a text with dashes says.
   *
   * @throws {RangeError} If it says none.
   */
  constructor(text: string) {
    if (typeof text !== "string" || !UUID.test(text)) {
      throw new RangeError(`Cannot make a UUID of ${quoted(String(text))}: wanted 32 hexadecimal digits with dashes`);
    }
    this.text = text.toLowerCase();
  }

  /** The UUID in small letters, with its dashes. */
  toString(): string {
    return this.text;
  }

  /** The UUID in small letters, with its dashes. */
  toJSON(): string {
    return this.text;
  }
}

/** The UUID of a number of 128 bits. */
export function uuidOf(value: bigint): Uuid {
  const digits = value.toString(16).padStart(32, "0");
  return new Uuid([0, ...DASHES].map((from, i) => digits.slice(from, DASHES[i])).join("-"));
}

/** The number of a UUID. */
export function numberOf({ text }: Uuid): bigint {
  return BigInt(`0x${text.replaceAll("-", "")}`);
}
