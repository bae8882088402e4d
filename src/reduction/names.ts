/**
 * Finds out whether an array has properties with names, such as a match's `index` and `groups`. The language has no
 * quick answer: each function that lists the names lists the indices, too, and makes text of each.
 *
 * @module
 */

/** Up to so many items they are listed; beyond, the printed form of the array is quicker (measured). */
const FEW = 1500;

/**
 * What is to be read for the items of an array of that length: a list of all values that it has, the names' behind the
 * items; or the array itself, if it is long and has no names; `null` if it is long and has, or may have, names.
 *
 * The list is a quarter as dear as that of the keys. Getters have run then, and are not to be run again.
 */
export function itemsOf(array: readonly unknown[], length: number): readonly unknown[] | null {
  if (length <= FEW) return Object.values(array);
  // With no item printed, this takes the same few microseconds whatever the length, and runs no getter.
  return Deno.inspect(array, PRINTING) === `[ ... ${length} more items ]` ? array : null;
}

const PRINTING: Deno.InspectOptions = { iterableLimit: 0, depth: 0, colors: false };
