/**
 * Which object of a message is which: the encoder numbers them in the order in which they start, so that one that comes
 * again is written as a reference to the first time.
 *
 * @module
 */

/** Objects of one message that are looked up one by one before a Map is worth its making. */
const FEW = 8;

/** The numbers of the objects of one message at a time. */
export class ObjectNumbers {
  /** How many objects came so far; an object's number is its place among them. */
  #count = 0;
  readonly #few: (object | null)[] = new Array(FEW).fill(null);
  #many: Map<object, number> | null = null;

  /** The number of an object that came before, or -1 for a new one, which is counted. */
  numberOf(value: object): number {
    const count = this.#count;
    const few = this.#few;
    if (count < FEW) {
      for (let i = 0; i < count; i++) {
        if (few[i] === value) return i;
      }
      few[count] = value;
      this.#count = count + 1;
      return -1;
    }
    this.#many ??= new Map(few.map((object, index) => [object as object, index]));
    const number = this.#many.get(value);
    if (number !== undefined) return number;
    this.#many.set(value, count);
    this.#count = count + 1;
    return -1;
  }

  /** Lets go of the objects: the next is the first of another message. */
  forget(): void {
    for (let i = 0; i < FEW && i < this.#count; i++) this.#few[i] = null;
    if (this.#many !== null) this.#many = null;
    this.#count = 0;
  }
}
