/**
 * What a pickle may refer back to, by its number.
 *
 * @module
 */
import { unreadable } from "./error.ts";

/** The objects of one pickle by their numbers: those in a row in an array, the others by themselves. */
export class Memo {
  readonly #row: unknown[] = [];
  #others: Map<number, unknown> | null = null;

  /** Remembers an object by the next number; that number. */
  add(value: unknown): number {
    if (this.#others === null) return this.#row.push(value) - 1;
    const index = this.#row.length + this.#others.size;
    this.set(index, value);
    return index;
  }

  /** Remembers an object by a number. Numbers far beyond the others take no memory of those between. */
  set(index: number, value: unknown): void {
    if (index === this.#row.length && !this.#others?.has(index)) this.#row.push(value);
    else if (index < this.#row.length) this.#row[index] = value;
    else (this.#others ??= new Map()).set(index, value);
  }

  /** The object of that number. */
  get(index: number): unknown {
    const value = index < this.#row.length ? this.#row[index] : this.#others?.get(index);
    if (value === undefined) throw unreadable(`it refers to object ${index}, which did not come yet`);
    return value;
  }

  /** Whether the object has that number. */
  has(index: number, value: unknown): boolean {
    return (index < this.#row.length ? this.#row[index] : this.#others?.get(index)) === value;
  }
}
