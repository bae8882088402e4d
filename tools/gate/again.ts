// Tests that failed are run once more, by themselves.
//
// Of some thousands of tests that start and kill processes beside each other, one fails now and then for what the machine
// did just then. It is run again with nothing beside it. Where it passes, it counts as passed, and the gate tells its name
// and what it had said: an unsteady test is to be mended, not to be run until it passes. Where more failed than chance
// explains, or where it cannot be told which, none is run again.

import type { Page } from "./screen.ts";
import { type Result, resultOf } from "./runner.ts";
import type { Step } from "./steps.ts";
import { DENO_SUMMARY } from "./tally.ts";

/** So many tests may have failed by chance. */
export const MOST_BY_CHANCE = 3;

/** A step in which tests failed. */
export interface Trouble {
  readonly step: Step;
  readonly result: Result;
}

/** The names of the tests of Deno that failed; `null` where the runner's account does not tell all of them. */
export function failuresIn({ account, failed }: Result): string[] | null {
  const list = account.split(/^ FAILURES $/m)[1] ?? "";
  const names = [...list.matchAll(/^(.+) => \S+:\d+:\d+$/gm)].map(([, name]) => name);
  return names.length === failed ? names : null;
}

/** The tests to be run again, each as a step of its own; none if there is more to it than chance. */
export function stepsAgain(troubles: readonly Trouble[]): Step[] {
  const found: Step[] = [];
  for (const { step, result } of troubles) {
    const names = step.summary === DENO_SUMMARY ? failuresIn(result) : null;
    if (names === null) return [];
    for (const name of names) {
      const [command, test, ...args] = step.command;
      const filter = `--filter=/^${RegExp.escape(name)}$/`;
      found.push({
        name: `again, by itself: ${name}`,
        command: [command, test, filter, ...args],
        summary: step.summary,
      });
    }
  }
  return found.length > MOST_BY_CHANCE ? [] : found;
}

/** Whether all of these pass, one after the other. */
export async function doPass(steps: readonly Step[], page: () => Page): Promise<boolean> {
  let doAll = true;
  for (const step of steps) {
    const own = page();
    const { passed, failed } = await resultOf(step, own);
    own.end();
    doAll &&= passed > 0 && failed === 0;
  }
  return doAll;
}
