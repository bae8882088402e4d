// Iterator: the items of a generator, or of what a pool gives one by one. Python has one call for each item; where they come
// quickly, several are asked for at once.

import { performance } from "../../../runtime/timing.ts";
import { type Answer, ask, isOf, type Translations } from "../ask.ts";

/** If fetching took longer, the next item is asked for alone: who reads should not wait for the one behind it. */
const QUICK = 5;
const GROWTH = 4;

/** The methods of one iterator, which has a pace of its own. */
export function iterator(): Translations {
  let size = 1;
  /** Answers from an error on: a generator is at its end then, but of a pool's results others follow. */
  let kept: Answer[] = [];
  return {
    *fetch([most]) {
      let answers = kept;
      kept = [];
      if (answers.length === 0) {
        const begin = performance.now();
        const times = Math.min(size, most as number);
        answers = (yield { method: "__next__", args: [], isSlow: true, times }) as Answer[];
        size = performance.now() - begin < QUICK ? times * GROWTH : 1;
      }
      const items: unknown[] = [];
      for (const [i, answer] of answers.entries()) {
        if ("value" in answer) items.push(answer.value);
        else if (isOf(answer.error, "StopIteration")) return [items, true];
        else if (items.length > 0) {
          kept = answers.slice(i); // it is thrown when what came before it is used up
          return [items, false];
        } else {
          kept = answers.slice(i + 1);
          throw answer.error;
        }
      }
      return [items, false];
    },
    *__next__(args) {
      const next = kept.shift();
      if (next === undefined) return yield* ask("__next__", args, { isSlow: true });
      if ("value" in next) return next.value;
      throw next.error;
    },
    send: (args) => ask("send", args, { isSlow: true }),
    throw: (args) => ask("throw", args, { isSlow: true }),
    *close() {
      kept = [];
      yield* ask("close", [], { isSlow: true });
    },
  };
}
