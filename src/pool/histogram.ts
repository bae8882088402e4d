// How often values of which size have come: buckets whose width grows with the value, so that any percentile is known to a
// share of itself, in memory that never grows. A bucket's place is taken from the bits of the number: its exponent, and
// the first bits of its mantissa. Widely known from HdrHistogram.

/** Buckets are divided so often between a power of two and the next: 2^5. */
const MANTISSA_BITS = 5;
/** The mantissa has so many bits in the upper half of a number. */
const UPPER_MANTISSA = 20;
/** What a number's exponent is stored with. */
const BIAS = 1023;
/** The powers of two of the least and the greatest value, in milliseconds: a microsecond, and half a year. */
const POWERS = { least: -10, greatest: 34 } as const;

const BASE = (BIAS + POWERS.least) << MANTISSA_BITS;
const BUCKETS = (POWERS.greatest - POWERS.least) << MANTISSA_BITS;

/** A number, and its upper half: the systems that this package is for are all little-endian. */
const number = new Float64Array(1);
const halves = new Uint32Array(number.buffer);

/** Percentiles of some times, in milliseconds. */
export interface Percentiles {
  /** Half of them took at most so long. */
  readonly p50: number;
  /** Nine of ten did. */
  readonly p90: number;
  /** 99 of 100 did. */
  readonly p99: number;
  /** The longest. */
  readonly max: number;
}

/** The distribution of some times in milliseconds. */
export class Histogram {
  readonly #counts = new Float64Array(BUCKETS);
  #total = 0;
  #max = 0;

  /** Counts one. */
  add(value: number): void {
    number[0] = value;
    const bucket = (halves[1] >>> (UPPER_MANTISSA - MANTISSA_BITS)) - BASE;
    this.#counts[bucket < 0 ? 0 : bucket >= BUCKETS ? BUCKETS - 1 : bucket]++;
    this.#total++;
    if (value > this.#max) this.#max = value;
  }

  /** The value that the given share of all does not exceed; 0 if there is none. */
  at(share: number): number {
    let rank = Math.ceil(share * this.#total);
    for (let bucket = 0; rank > 0; bucket++) {
      rank -= this.#counts[bucket];
      if (rank <= 0) return Math.min(middleOf(bucket), this.#max);
    }
    return 0;
  }

  get percentiles(): Percentiles {
    return { p50: this.at(0.5), p90: this.at(0.9), p99: this.at(0.99), max: this.#max };
  }
}

/** The value in the middle of a bucket. */
function middleOf(bucket: number): number {
  number[0] = 0;
  halves[1] = ((bucket + BASE) << (UPPER_MANTISSA - MANTISSA_BITS)) | (1 << (UPPER_MANTISSA - MANTISSA_BITS - 1));
  return number[0];
}
