// What the workers of the pool's part run: squares, and a note in shared memory of each time that one was begun.

let begun: Int32Array;

/** An item: what is squared, for how many milliseconds, and where its beginnings are counted. */
export type Item = readonly [x: number, ms: number, slot: number];

/** The initializer. */
export function keep(words: Int32Array): void {
  begun = words;
}

/** Squares after having been busy. */
export function square([x, ms, slot]: Item): number {
  Atomics.add(begun, slot, 1);
  for (const end = performance.now() + ms; performance.now() < end;);
  return x * x;
}

/** Squares after having waited, with others meanwhile. */
export async function squareLater([x, ms, slot]: Item): Promise<number> {
  Atomics.add(begun, slot, 1);
  await new Promise((resolve) => setTimeout(resolve, ms));
  return x * x;
}
