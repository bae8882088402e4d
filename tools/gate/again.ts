// Tests that failed are run once more, by themselves.
//
// Of some thousands of tests that start and kill processes beside each other, one fails now and then for what the machine
// did just then. It is run again with nothing beside it. Where it passes, it counts as passed, and the gate tells its name
// and what it had said: an unsteady test is to be mended, not to be run until it passes. Where more tests failed than chance
// explains, or where it cannot be told which, none is run again. A check that failed besides stays failed, and changes
// nothing for the tests.

import type { Page } from "./screen.ts";
import { type Result, resultOf } from "./runner.ts";
import type { Step } from "./steps.ts";
import { CARGO_SUMMARY, DENO_SUMMARY } from "./tally.ts";

/** So many tests may have failed by chance. */
export const MOST_BY_CHANCE = 3;

/** A step in which tests failed. */
export interface Trouble {
  readonly step: Step;
  readonly result: Result;
}

/** A test that is run again. */
export interface Attempt {
  readonly trouble: Trouble;
  readonly name: string;
  readonly step: Step;
}

/** The names in the list that a runner ends its account with. */
function namesIn(account: string, summary: RegExp): string[] {
  if (summary === DENO_SUMMARY) {
    const list = account.split(/^ FAILURES $/m)[1] ?? "";
    return [...list.matchAll(/^(.+) => \S+:\d+:\d+$/gm)].map(([, name]) => name);
  }
  // Each program of tests has two headings of that kind: one before what was said, one before the names.
  return [...account.matchAll(/^failures:\n((?: {4}\S+\n?)+)/gm)].flatMap(([, list]) => list.trim().split(/\s+/));
}

/** The names of the tests of that step that failed; `null` where the runner's account does not tell all of them. */
export function failuresIn({ step: { summary }, result: { account, failed } }: Trouble): string[] | null {
  const names = summary === undefined ? [] : namesIn(account, summary);
  return names.length === failed ? names : null;
}

/** The step with one of its tests alone. */
function alone(step: Step, name: string): Step {
  const [command, test, ...args] = step.command;
  const isCargo = step.summary === CARGO_SUMMARY;
  const filtered = isCargo
    ? [command, test, ...args, "--", "--exact", name]
    : [command, test, `--filter=/^${RegExp.escape(name)}$/`, ...args];
  return { name: `again, by itself: ${name}`, command: filtered, env: step.env, summary: step.summary };
}

/** The tests to be run again; none if there is more to it than chance. */
export function attemptsAt(troubles: readonly Trouble[]): Attempt[] {
  const found: Attempt[] = [];
  for (const trouble of troubles.filter(({ step }) => step.summary !== undefined)) {
    const names = failuresIn(trouble);
    if (names === null) return [];
    found.push(...names.map((name) => ({ trouble, name, step: alone(trouble.step, name) })));
  }
  return found.length > MOST_BY_CHANCE ? [] : found;
}

/** Those that pass now, one after the other. */
export async function passing(attempts: readonly Attempt[], page: () => Page): Promise<Attempt[]> {
  const found: Attempt[] = [];
  for (const attempt of attempts) {
    const own = page();
    const { passed, failed } = await resultOf(attempt.step, own);
    own.end();
    if (passed > 0 && failed === 0) found.push(attempt);
  }
  return found;
}
