// Value += 1 under its own lock by two processes, time of the slower over all
// increments. Variants: acquire (explicit acquire and release), with (the
// guard and `using`, as Python's `with`) and update (what Python needs `with` for).

import { type Synchronized, Value } from "@parallel/multiprocessing";
import { iterations, race, report, type StartLine, timeLane, variant } from "./start_line.ts";

const INCREMENT = { acquire: incrementAcquire, with: incrementWith, update: incrementUpdate };

function incrementAcquire(counter: Synchronized<number>, n: number): void {
  const lock = counter.getLock();
  for (let i = 0; i < n; i++) {
    lock.acquireSync();
    counter.value += 1;
    lock.release();
  }
}

function incrementWith(counter: Synchronized<number>, n: number): void {
  const lock = counter.getLock();
  for (let i = 0; i < n; i++) {
    using _ = lock.acquireSync();
    counter.value += 1;
  }
}

function incrementUpdate(counter: Synchronized<number>, n: number): void {
  for (let i = 0; i < n; i++) counter.update((count) => count + 1);
}

export function contender(
  line: StartLine,
  lane: number,
  counter: Synchronized<number>,
  kind: keyof typeof INCREMENT,
  n: number,
): void {
  const increment = INCREMENT[kind];
  increment(counter, n / 10);
  timeLane(line, lane, () => increment(counter, n));
}

if (import.meta.main) {
  const n = iterations();
  const kind = variant(INCREMENT);
  const counter = Value("i", 0);
  const lanes = race(contender, 2, counter, kind, n);
  if (counter.value !== 2 * (n + n / 10)) {
    throw new Error(`Cannot measure: ${counter.value} increments counted`);
  }
  report(`value_increment ${kind}`, Math.max(...lanes) / (2 * n), lanes);
}
