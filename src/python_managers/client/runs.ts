// Runs a translation: each ask that it yields is performed, until it has its result.

import type { Ask, Asking } from "./ask.ts";

/** In promises. */
export async function run(asking: Asking, perform: (ask: Ask) => Promise<unknown>): Promise<unknown> {
  let step = asking.next();
  while (!step.done) {
    let value: unknown;
    try {
      value = await perform(step.value);
    } catch (error) {
      step = asking.throw(error);
      continue;
    }
    step = asking.next(value);
  }
  return step.value;
}

/** With the thread blocked. */
export function runSync(asking: Asking, perform: (ask: Ask) => unknown): unknown {
  let step = asking.next();
  while (!step.done) {
    let value: unknown;
    try {
      value = perform(step.value);
    } catch (error) {
      step = asking.throw(error);
      continue;
    }
    step = asking.next(value);
  }
  return step.value;
}
