/**
 * Python's numbers that JavaScript has none of: floats without a fraction, complex numbers, decimals.
 *
 * @module
 */
import { quoted } from "../runtime/harmless.ts";

/** What Python's `decimal` reads, but for underscores and digits of other scripts. */
const DECIMAL = /^[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?|inf(?:inity)?|s?nan\d*)$/i;

/**
 * A number that is a float for Python even if it has no fraction. JavaScript's 2 and 2.0 are the same number, which is
 * written as an int.
 *
 * @example Send 2.0
 * ```ts
 * import { dumps, Float, loads } from "@parallel/multiprocessing/pickle";
 * import { assertEquals, assertInstanceOf } from "@std/assert";
 *
 * const pickle = dumps(new Float(2));
 * assertEquals(loads(pickle), 2);
 * assertInstanceOf(loads(pickle, { floats: "keep" }), Float);
 * ```
 */
export class Float {
  /** The number. */
  readonly value: number;

  /** A float of that value. */
  constructor(value: number) {
    if (typeof value !== "number") throw new TypeError(`Cannot make a float: wanted a number, got ${typeof value}`);
    this.value = value;
  }

  /** The number. */
  valueOf(): number {
    return this.value;
  }

  /** As Python writes it: `2.0`. */
  toString(): string {
    return pythonFloat(this.value);
  }
}

/**
 * A number that Python gets as a float: `float(2)` is its 2.0.
 *
 * @example Send 2.0
 * ```ts
 * import { dumps, float, loads } from "@parallel/multiprocessing/pickle";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(loads(dumps(float(2))), 2);
 * assertEquals(String(float(2)), "2.0");
 * ```
 */
export function float(value: number): Float {
  return new Float(value);
}

/**
 * A complex number.
 *
 * @example Send one
 * ```ts
 * import { Complex, dumps, loads } from "@parallel/multiprocessing/pickle";
 * import { assertEquals } from "@std/assert";
 *
 * const copy = loads(dumps(new Complex(1, -2))) as Complex;
 * assertEquals([copy.re, copy.im, String(copy)], [1, -2, "(1-2j)"]);
 * ```
 */
export class Complex {
  /** The real part. */
  readonly re: number;
  /** The imaginary part. */
  readonly im: number;

  /** The number `re + im·i`. */
  constructor(re: number, im: number) {
    if (typeof re !== "number" || typeof im !== "number") {
      throw new TypeError(`Cannot make a complex number: wanted two numbers, got ${typeof re} and ${typeof im}`);
    }
    this.re = re;
    this.im = im;
  }

  /** As Python writes it, or nearly so: `(1-2j)`. */
  toString(): string {
    const sign = this.im < 0 || Object.is(this.im, -0) ? "-" : "+";
    return `(${this.re}${sign}${Math.abs(this.im)}j)`;
  }
}

/**
 * A decimal number, as Python's `decimal.Decimal` has it: a text, since JavaScript cannot calculate with it.
 *
 * @example Send a price
 * ```ts
 * import { Decimal, dumps, loads } from "@parallel/multiprocessing/pickle";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(String(loads(dumps(new Decimal("12.50")))), "12.50");
 * ```
 */
export class Decimal {
  /** The number in digits. */
  readonly text: string;

  /**
   * The number that a text says: `"12.50"`, `"-1E+3"`, `"NaN"`, `"Infinity"`.
   *
   * @throws {RangeError} If it says none.
   */
  constructor(text: string) {
    if (typeof text !== "string") throw new TypeError(`Cannot make a decimal: wanted a text, got ${typeof text}`);
    if (!DECIMAL.test(text)) {
      throw new RangeError(`Cannot make a decimal of ${quoted(text)}: wanted digits such as "12.50"`);
    }
    this.text = text;
  }

  /** The number in digits. */
  toString(): string {
    return this.text;
  }

  /** The number in digits, since JSON's numbers are floats. */
  toJSON(): string {
    return this.text;
  }
}

/** A float as Python writes it, or nearly so. */
export function pythonFloat(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value < 0 ? "-inf" : "inf";
  const text = Object.is(value, -0) ? "-0" : String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}
