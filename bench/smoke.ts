// `--smoke`: a run that only shows that everything which is measured still runs. Its figures are of a few operations each,
// and nothing is judged by them.

/** Whether this is such a run. Processes that it starts have its arguments, and so know it, too. */
export const isSmoke: boolean = Deno.args.includes("--smoke");

/** `count`; in such a run `few`. */
export function many(count: number, few: number): number {
  return isSmoke ? few : count;
}
