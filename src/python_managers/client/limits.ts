// The limits of a call, and what is told when they are reached.

import { TimeoutError } from "../../errors.ts";
import { performance } from "../../runtime/timing.ts";
import { Watch } from "../../waiting/limits.ts";
import type { Answer } from "./ask.ts";

/** The limits of a call, as far as they are kept here. */
export interface Limits {
  /** For messages. */
  readonly asked: string;
  readonly until: number;
  readonly timeout: number;
  readonly signal: AbortSignal | undefined;
}

/** None. */
export const NO_LIMITS: Limits = { asked: "", until: Infinity, timeout: Infinity, signal: undefined };

/** Whether an error is that of a call whose limits were reached. */
export function isGivenUp(error: unknown, { signal, until }: Limits): boolean {
  return signal?.aborted === true || error instanceof TimeoutError && performance.now() >= until;
}

/** The error of a call that took too long. */
export function late(asked: string, timeout: number): TimeoutError {
  return new TimeoutError(`Cannot call "${asked}": no answer came within ${timeout} ms`);
}

/** What a promise comes to, within limits; what it comes to after these is given to `unused`. */
export async function within<T>(
  { asked, until, timeout, signal }: Limits,
  promise: Promise<T>,
  unused: (value: T) => void,
): Promise<T> {
  if (until === Infinity && signal === undefined) return await promise;
  const ending = Promise.withResolvers<never>();
  let isGivenUp = false;
  const giveUp = (reason: unknown) => {
    isGivenUp = true;
    ending.reject(reason);
  };
  promise.then((value) => isGivenUp && unused(value), () => {});
  const left = until === Infinity ? Infinity : Math.max(0, until - performance.now());
  using _ = new Watch({ timeout: left, signal }, { late: () => giveUp(late(asked, timeout)), aborted: giveUp });
  return await Promise.race([promise, ending.promise]);
}

/** What an answer gives, or throws. */
export function valueOf(answer: Answer): unknown {
  if ("error" in answer) throw answer.error;
  return answer.value;
}
