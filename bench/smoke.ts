// `--smoke`: a run that only shows that everything which is measured still runs. Its figures are of a few operations each,
// and nothing is judged by them.

/** Whether this is such a run. Processes that it starts have its arguments, and so know it, too. */
export const isSmoke: boolean = Deno.args.includes("--smoke");

/** In such a run, so many things are done at once. */
const AT_ONCE = 2;

/** Does the work with each item, one after the other; in a smoke run, which measures nothing, with several at once. */
export async function withEach<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const lane = async () => {
    while (next < items.length) {
      const index = next++;
      results[index] = await work(items[index]);
    }
  };
  await Promise.all(Array.from({ length: isSmoke ? AT_ONCE : 1 }, lane));
  return results;
}

/** `count`; in such a run `few`. */
export function many(count: number, few: number): number {
  return isSmoke ? few : count;
}
