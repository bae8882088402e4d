// A computation of a given length.

/** So many steps that the compiler cannot leave out: a generator of pseudo-random numbers. */
export function compute(steps: number): number {
  let x = 1;
  for (let i = 0; i < steps; i++) x = (Math.imul(x, 1_103_515_245) + 12_345) & 0x7fffffff;
  return x;
}
