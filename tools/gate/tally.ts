// What the gate makes of what a test runner wrote: how many tests passed and failed, and what is to be said again.

import { stripVTControlCharacters } from "node:util";

/** How many tests passed and failed. */
export interface Tally {
  passed: number;
  failed: number;
}

/** The summary lines of `deno test`. */
export const DENO_SUMMARY = /^(?:ok|FAILED) \| (?<passed>\d+) passed.*? \| (?<failed>\d+) failed/gm;
/** The summary lines of `cargo test`. */
export const CARGO_SUMMARY = /^test result: .*? (?<passed>\d+) passed; (?<failed>\d+) failed;/gm;
/** What `cargo test` says at the end: how many programs of tests did not end well. */
const CARGO_PROGRAMS = /^error: (?<programs>\d+) targets? failed:/m;
/** The summary line of a program of cargo's tests in which a test failed. */
const CARGO_FAILED = /^test result: FAILED/gm;
/** What the runners write of the tests that failed: from the heading to the summary. */
const ACCOUNT = /^(?: ERRORS |failures:)$.*?(?=^(?:FAILED \||test result: FAILED))/gms;
/** How many lines of a runner's account are said again at the end. */
const ACCOUNT_LINES = 80;
/** The line that stands for those left out. */
export const SHORTENED = /^\[\d+ lines more, above\]$/m;
/** The line of a runner that a signal ended. */
export const KILLED = /^".*" was killed by SIG\w+$/m;

/** The sum of all summary lines in `output`, or `null` if there is none. */
export function tallyOf(output: string, summary: RegExp): Tally | null {
  const matches = [...stripVTControlCharacters(output).matchAll(summary)];
  if (matches.length === 0) return null;
  const sum = (group: keyof Tally) => matches.reduce((all, match) => all + Number(match.groups![group]), 0);
  return { passed: sum("passed"), failed: sum("failed") };
}

/** What the runner wrote of the tests that failed, so that the end of a long log tells it; empty if nothing did. */
export function accountOf(output: string): string {
  const account = (stripVTControlCharacters(output).match(ACCOUNT) ?? []).join("\n").trim().split("\n");
  const dropped = account.length - ACCOUNT_LINES;
  if (dropped > 0) account.splice(ACCOUNT_LINES / 2, dropped, `[${dropped} lines more, above]`);
  return account.join("\n");
}

/** How a runner ended, and what it wrote. */
export interface End {
  readonly isSuccess: boolean;
  /** Whether a signal ended it. */
  readonly isKilled?: boolean;
  readonly output: string;
  /** What it wrote to stderr. */
  readonly errors?: string;
}

/** How many programs of cargo's tests crashed: they have no summary, and nobody knows what failed in them. */
function crashesIn({ output, errors = "" }: End): number {
  const programs = stripVTControlCharacters(errors).match(CARGO_PROGRAMS)?.groups?.programs ?? 0;
  const told = stripVTControlCharacters(output).match(CARGO_FAILED)?.length ?? 0;
  return Math.max(Number(programs) - told, 0);
}

/**
 * What a step counts for, given how its runner ended. Without `summary`, the step is one check. What went wrong besides the
 * tests that the runner tells of counts as one more that failed: so it is never taken for one of these.
 */
export function judge(end: End, summary?: RegExp): Tally {
  const { isSuccess, isKilled = false, output } = end;
  if (summary === undefined) return { passed: Number(isSuccess), failed: Number(!isSuccess) };
  const tally = tallyOf(output, summary);
  if (tally === null) return { passed: 0, failed: 1 };
  if (isSuccess) return tally;
  return { ...tally, failed: Math.max(tally.failed + crashesIn(end) + Number(isKilled), 1) };
}
