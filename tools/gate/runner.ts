// One step of the gate: its command, run to its end, and what it counts for.

import type { Page } from "./screen.ts";
import { ROOT, type Step } from "./steps.ts";
import { accountOf, judge, type Tally } from "./tally.ts";

/** No step may take longer: a runner that hangs is stopped, and counts as failed. */
const STEP_LIMIT_MS = 20 * 60_000;
/** How long the output of an ended runner may stay open: something it started has then been left running. */
const LEFTOVER_LIMIT_MS = 5_000;

/** What a step counts for, and what its runner wrote of the failures. */
export interface Result extends Tally {
  readonly account: string;
}

/** Writes a line. */
export function say(page: Page, line: string): void {
  page.write(new TextEncoder().encode(`${line}\n`));
}

async function isInstalled([command, ...args]: readonly string[]): Promise<boolean> {
  try {
    return (await new Deno.Command(command, { args, stdout: "null", stderr: "null" }).output()).success;
  } catch {
    return false;
  }
}

/** Copies a stream to the page; its text. */
async function copied(stream: ReadableStream<Uint8Array>, page: Page): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of stream) {
    page.write(bytes);
    text += decoder.decode(bytes, { stream: true });
  }
  return text;
}

/** Whether the promise is kept within so many milliseconds. */
async function isKept(promise: Promise<unknown>, ms: number): Promise<boolean> {
  const late = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => late.resolve(false), ms);
  const kept = await Promise.race([promise.then(() => true), late.promise]);
  clearTimeout(timer);
  return kept;
}

/** Runs the step's command; the page shows its output as it comes. */
async function run({ command: [command, ...args], env, summary }: Step, page: Page): Promise<Result> {
  const signal = AbortSignal.timeout(STEP_LIMIT_MS);
  const options = { args, env, cwd: ROOT, stdin: "null", stdout: "piped", stderr: "piped", signal } as const;
  const child = new Deno.Command(command, options).spawn();
  const texts = Promise.all([copied(child.stdout, page), copied(child.stderr, page)]);
  const { success, signal: killer } = await child.status;
  const ended = killer === null ? "" : `"${command}" was killed by ${killer}\n`;
  if (killer !== null) say(page, ended.trim());
  if (!await isKept(texts, LEFTOVER_LIMIT_MS)) {
    const account = `"${command}" has ended, but something it started still runs`;
    say(page, account);
    return { passed: 0, failed: 1, account };
  }
  const [output, errors] = await texts;
  const tally = judge({ isSuccess: success, isKilled: killer !== null, output, errors }, summary);
  return { ...tally, account: `${ended}${accountOf(output)}` };
}

/** Runs the step, and shows how it went. A tool that is not installed counts for nothing. */
export async function resultOf(step: Step, page: Page): Promise<Result> {
  if (step.probe !== undefined && !await isInstalled(step.probe)) {
    say(page, `\n== ${step.name}: not installed, left out`);
    return { passed: 0, failed: 0, account: "" };
  }
  say(page, `\n== ${step.name}`);
  const start = performance.now();
  const result = await run(step, page).catch((error: Error) => {
    say(page, error.message);
    return { passed: 0, failed: 1, account: error.message };
  });
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  say(page, `-- ${step.name}: ${result.passed} passed, ${result.failed} failed (${seconds} s)`);
  return result;
}
