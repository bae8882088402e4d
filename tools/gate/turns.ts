// Which steps of the gate run side by side.

/** What is to run, and beside what it may. */
export interface Turn {
  /** Of those that need the same, one runs at a time. */
  readonly needs?: string;
}

/**
 * Runs all, at most `width` at a time: whenever one has ended, the first that may begin does. `run` is called for each, and
 * must not reject.
 */
export async function inTurns<T extends Turn>(
  turns: readonly T[],
  width: number,
  run: (turn: T) => Promise<void>,
): Promise<void> {
  const waiting = [...turns];
  const running = new Map<T, Promise<void>>();
  const mayBegin = ({ needs }: T) => needs === undefined || running.keys().every((other) => other.needs !== needs);
  while (waiting.length + running.size > 0) {
    const next = running.size < width ? waiting.findIndex(mayBegin) : -1;
    if (next < 0) {
      await Promise.race(running.values());
      continue;
    }
    const [turn] = waiting.splice(next, 1);
    running.set(turn, run(turn).finally(() => running.delete(turn)));
  }
}
