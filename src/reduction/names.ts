/**
 * Whether an array has properties with names, such as a match's `index` and `groups`. The language has no quick answer:
 * whatever lists the names lists the indices, too, and makes text of each.
 *
 * @module
 */

/** Up to so many items the keys are counted; beyond, the printed form of the array is quicker (measured). */
const FEW = 512;

/** Whether an array of that length has, or may have, enumerable properties besides its items. */
export function hasNames(array: readonly unknown[], length: number): boolean {
  if (length <= FEW) return Object.keys(array).length > length;
  // With no item printed, this takes the same few microseconds whatever the length, and runs no getter.
  return Deno.inspect(array, PRINTING) !== `[ ... ${length} more items ]`;
}

const PRINTING: Deno.InspectOptions = { iterableLimit: 0, depth: 0, colors: false };
