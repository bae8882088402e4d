// The option `retries` of a call: what it may be, and what it says of a task that has failed.

import { LONGEST } from "../waiting/limits.ts";
import { isOptions, requireKnown } from "../waiting/options.ts";
import { requireCount } from "../waiting/count.ts";
import { MaybeEncodingError } from "../errors.ts";
import { isThenable } from "../runtime/thenable.ts";

/** Which failures of a task let it be begun anew: see {@linkcode Retries.on}. */
export type RetryOn = "lost" | "error" | ((error: unknown) => boolean);

/** How a call deals with tasks that fail. */
export interface Retries {
  /** How often a task is begun anew. After that, its last failure counts. */
  count: number;
  /**
   * After which failures. `"lost"`: its worker died. `"error"`: also the function threw, or `taskTimeout` has passed. A
   * function is asked for each failure, with the error that the call would fail with; it alone is also asked about a
   * result that cannot be sent (`MaybeEncodingError`). Default: `"lost"`.
   */
  on?: RetryOn;
  /** Milliseconds that pass before; or a function that says so for the attempt to come, which is 1 for the first that is
   * begun anew. Other tasks go on meanwhile. Default: 0. */
  delay?: number | ((attempt: number) => number);
}

/** The option, checked. */
export interface RetryRule extends Readonly<Required<Retries>> {
  /** Whether it may let a task be begun anew whose worker has not died. */
  readonly isOfErrors: boolean;
}

/** What has become of a task: its worker died; its function threw, or nearly so; its time has passed. */
export type FailureKind = "lost" | "error" | "late";

/** No task is begun anew. */
export const NO_RETRIES: RetryRule = { count: 0, on: "lost", delay: 0, isOfErrors: false };

const KNOWN = ["count", "on", "delay"];

/**
 * The rule of a call.
 *
 * @throws {TypeError} If the option, or a part of it, is of the wrong type, or there is no such part.
 * @throws {RangeError} If a number is out of its range.
 */
export function retriesOf(action: string, given: number | Retries | null | undefined): RetryRule {
  if (given === undefined || given === null) return NO_RETRIES;
  if (typeof given !== "object") {
    requireCount(action, "retries", given);
    return given === 0 ? NO_RETRIES : { ...NO_RETRIES, count: given };
  }
  if (!isOptions(given)) {
    throw new TypeError(
      `Cannot ${action}: "retries" is ${shown(given)}, wanted a whole number from 0 on, or { count, on, delay }`,
    );
  }
  requireKnown(`${action} with "retries"`, given, KNOWN);
  const { count, on = "lost", delay = 0 } = given;
  requireCount(action, "retries.count", count);
  if (on !== "lost" && on !== "error" && typeof on !== "function") {
    throw new TypeError(`Cannot ${action}: "retries.on" is ${shown(on)}, wanted "lost", "error" or a function`);
  }
  if (typeof delay !== "function") requireDelay(`Cannot ${action}: "retries.delay" is`, delay);
  return { count, on, delay, isOfErrors: count > 0 && on !== "lost" };
}

/** Whether a task that has failed in this way is to be begun anew; throws what the user's function throws. */
export function isToBeBegunAnew({ on }: RetryRule, error: unknown, kind: FailureKind): boolean {
  if (on === "lost") return kind === "lost";
  if (on === "error") return !(error instanceof MaybeEncodingError);
  const answer: unknown = on(error);
  if (typeof answer === "boolean") return answer;
  if (isThenable(answer)) Promise.resolve(answer).catch(() => {}); // what it may fail with is told in other words
  throw new TypeError(`Cannot tell whether to begin a task anew: "retries.on" gave ${shown(answer)}, wanted a boolean`);
}

/** Milliseconds until the attempt begins; throws what the user's function throws. */
export function delayOf({ delay }: RetryRule, attempt: number): number {
  if (typeof delay !== "function") return delay;
  const given = delay(attempt);
  requireDelay('Cannot begin a task anew: "retries.delay" gave', given);
  return given;
}

function requireDelay(complaint: string, given: unknown): asserts given is number {
  if (typeof given === "number" && given >= 0 && given <= LONGEST) return;
  const Refusal = typeof given === "number" ? RangeError : TypeError;
  throw new Refusal(`${complaint} ${shown(given)}, wanted milliseconds from 0 to ${LONGEST}`);
}

function shown(value: unknown): string {
  return Deno.inspect(value, { depth: 0 });
}
