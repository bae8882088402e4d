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
import { CARGO_SUMMARY, DENO_SUMMARY, KILLED, SHORTENED } from "./tally.ts";

/** So many tests, or files, may have failed by chance: one in a thousand. */
export const MOST_BY_CHANCE = 4;

/** A step in which tests failed. */
export interface Trouble {
  readonly step: Step;
  readonly result: Result;
}

/** A test that is run again, or a file. */
export interface Attempt {
  readonly trouble: Trouble;
  readonly name: string;
  readonly step: Step;
  /** For how many that failed it stands. */
  readonly count: number;
}

/** What failed in a step. */
export interface Failures {
  readonly names: readonly string[];
  /** The files that an error ended which was caught by no test. */
  readonly files: readonly string[];
}

/** The list that Deno's account ends with. */
function listIn(account: string): string {
  return account.split(/^ FAILURES $/m)[1] ?? "";
}

/** The names in the list that a runner ends its account with. */
function namesIn(account: string, summary: RegExp): string[] {
  if (summary === DENO_SUMMARY) {
    return [...listIn(account).matchAll(/^(.+) => \S+:\d+:\d+$/gm)].map(([, name]) => name);
  }
  // Each program of tests has two headings of that kind: one before what was said, one before the names.
  return [...account.matchAll(/^failures:\n((?: {4}\S+\n?)+)/gm)].flatMap(([, list]) => list.trim().split(/\s+/));
}

/** What failed in that step; `null` where the runner's account does not tell all of it. */
export function failuresIn({ step: { summary }, result: { account, failed } }: Trouble): Failures | null {
  const names = summary === undefined ? [] : namesIn(account, summary);
  const ended = summary === DENO_SUMMARY ? listIn(account).matchAll(/^(\S+_test\.ts) \(uncaught error\)$/gm) : [];
  const files = [...ended].map(([, file]) => file);
  // The tests of such a file that were not run any more count as failed, and have no names in the list.
  const isWhole = !SHORTENED.test(listIn(account)) && !KILLED.test(account);
  const unnamed = failed - names.length;
  const isTold = files.length === 0 ? unnamed === 0 : unnamed >= files.length && isWhole;
  return isTold ? { names, files } : null;
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

/** The step with one of its files alone. */
function fileAlone(step: Step, file: string): Step {
  const [command, test, ...args] = step.command;
  const flags = args.filter((it) => it.startsWith("-"));
  return {
    name: `again, by itself: ${file}`,
    command: [command, test, ...flags, file],
    env: step.env,
    summary: step.summary,
  };
}

/** What is to be run again; nothing if there is more to it than chance. */
export function attemptsAt(troubles: readonly Trouble[]): Attempt[] {
  const found: Attempt[] = [];
  for (const trouble of troubles.filter(({ step }) => step.summary !== undefined)) {
    const failures = failuresIn(trouble);
    if (failures === null) return [];
    const { names, files } = failures;
    const { step } = trouble;
    found.push(...names.map((name) => ({ trouble, name, step: alone(step, name), count: 1 })));
    // All that have no name are counted with the first file: each file must pass for the gate to be green.
    const unnamed = trouble.result.failed - names.length - files.length;
    const countOf = (index: number) => index === 0 ? 1 + unnamed : 1;
    found.push(...files.map((name, i) => ({ trouble, name, step: fileAlone(step, name), count: countOf(i) })));
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
