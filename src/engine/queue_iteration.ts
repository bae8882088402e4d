// Iterations of queues in an engine: they take values ahead where they are many, and dealt with fast.

import { ShutDown } from "../errors.ts";
import { performance } from "../runtime/timing.ts";
import { Turn } from "../waiting/turns.ts";
import type { TakenRecord } from "./records.ts";

/** Milliseconds for which an iteration may keep the event loop to itself. */
const LONGEST_TURN = 20;
/** How many values an iteration takes ahead at most. */
export const MOST_AHEAD = 64;

/** What an iteration needs of its queue. */
export interface Iterated<T> {
  /** How many values it takes at most. */
  readonly most: number;
  /** Takes values, at least one and at most so many. */
  take(most: number): Promise<TakenRecord[]>;
  open(taken: TakenRecord): Promise<T>;
  /** What gives back records of the queue, as it is now. */
  givingBack(): (taken: readonly TakenRecord[]) => void;
}

/** The values of a queue until it is shut down and drained. */
export async function* valuesOf<T>(queue: Iterated<T>): AsyncGenerator<T> {
  const turn = new Turn(LONGEST_TURN);
  for (let most = 1;;) {
    let some: TakenRecord[];
    try {
      some = await queue.take(most);
    } catch (error) {
      if (error instanceof ShutDown) return;
      throw error;
    }
    const begin = performance.now();
    const giveBack = queue.givingBack();
    try {
      for (let next = some.shift(); next !== undefined; next = some.shift()) {
        if (turn.isOver()) await turn.next();
        yield await queue.open(next);
      }
    } finally {
      giveBack(some);
    }
    most = performance.now() - begin < LONGEST_TURN ? Math.min(most * 4, queue.most) : 1;
  }
}
