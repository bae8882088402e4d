/**
 * Which plain objects of a message have the names of an earlier one, in the same order: the rows of a table, say. The
 * names are told with the second of them, and each later one is its values alone.
 *
 * @module
 */

/** Objects with fewer names, or more, always tell them: a shape would save nothing, or is unlikely to come again. */
const FEWEST = 3;
const MOST = 64;
/** Shapes of which a message may tell: their numbers have one byte. */
const MOST_TOLD = 256;
/** Shapes that are looked for at a time; a power of two. */
const PLACES = 64;

/** An array of so many items may be a table; objects that are in none are written as if each were the only one. */
export const ROWS = 8;

/** The object tells its names. */
export const ALONE = -1;
/** Its shape came before, and is to be told now: it gets the next number. */
export const AGAIN = -2;

const NO_NAMES: readonly string[] = [];

/** The shapes of one message at a time. */
export class Shapes {
  /** The names at each place, and the number of the shape, or `ALONE` before it was told. */
  readonly #names: (readonly string[])[] = new Array(PLACES).fill(NO_NAMES);
  readonly #numbers: number[] = new Array(PLACES).fill(ALONE);
  #told = 0;
  #isEmpty = true;

  /** What is to be written for an object with these names: the number of its shape, `AGAIN` or `ALONE`. */
  numberOf(names: readonly string[]): number {
    const count = names.length;
    if (count < FEWEST || count > MOST) return ALONE;
    const last = names[count - 1];
    let place = (names[0].charCodeAt(0) * 7 + last.charCodeAt(0) * 31 + last.length * 13 + count * 5) & (PLACES - 1);
    if (!areSame(this.#names[place], names)) {
      const other = place ^ 1;
      if (!areSame(this.#names[other], names)) return this.#keep(names, place, other);
      place = other;
    }
    const number = this.#numbers[place];
    if (number !== ALONE) return number;
    if (this.#told === MOST_TOLD) return ALONE;
    this.#numbers[place] = this.#told++;
    return AGAIN;
  }

  /** Keeps a shape that is new; what was at its place goes to the other one, and what was there is forgotten. */
  #keep(names: readonly string[], place: number, other: number): number {
    this.#isEmpty = false;
    this.#names[other] = this.#names[place];
    this.#numbers[other] = this.#numbers[place];
    this.#names[place] = names;
    return this.#numbers[place] = ALONE;
  }

  /** The number of the shape that was told last. */
  get latest(): number {
    return this.#told - 1;
  }

  /** The next object is the first of another message. */
  forget(): void {
    if (this.#isEmpty) return;
    this.#names.fill(NO_NAMES);
    this.#told = 0;
    this.#isEmpty = true;
  }
}

function areSame(names: readonly string[], others: readonly string[]): boolean {
  if (names.length !== others.length) return false;
  for (let i = 0; i < names.length; i++) if (names[i] !== others[i]) return false;
  return true;
}
