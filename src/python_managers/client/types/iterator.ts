// Iterator: the items of a generator, or of what a pool gives one by one. Python has one call for each item; where they come
// quickly, several are asked for at once.

import { performance } from "../../../runtime/timing.ts";
import { type Answer, ask, isOf, same, type Translations } from "../ask.ts";

/** If fetching took longer, the next item is asked for alone: who reads should not wait for the one behind it. */
const QUICK = 5;
const GROWTH = 4;

/** The methods of one iterator, which has a pace of its own. */
export function iterator(): Translations {
  let size = 1;
  return {
    *fetch([most]) {
      const begin = performance.now();
      const times = Math.min(size, most as number);
      const answers = (yield { method: "__next__", args: [], isSlow: true, times }) as Answer[];
      size = performance.now() - begin < QUICK ? times * GROWTH : 1;
      const items: unknown[] = [];
      for (const answer of answers) {
        if ("value" in answer) items.push(answer.value);
        else if (isOf(answer.error, "StopIteration")) return [items, true];
        else if (items.length === 0) throw answer.error;
        else return [items, false]; // it is raised again, or the iterator is at its end
      }
      return [items, false];
    },
    __next__: same("__next__"),
    send: (args) => ask("send", args, { isSlow: true }),
    throw: (args) => ask("throw", args, { isSlow: true }),
    close: same("close"),
  };
}
