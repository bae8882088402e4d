// `currentTask`: the questions that a function in a pool's worker may ask about its task.

import { TimeoutError } from "../errors.ts";

/** The task that a pool's worker is running. */
export interface CurrentTask {
  /** How often it has been begun before, whatever became of that. Only `retries` makes this more than 0. */
  readonly attempt: number;
  /** Aborted when nobody wants the result any more: the call was aborted, or its time has passed. The worker is killed
   * some time after that, unless the task has ended. */
  readonly signal: AbortSignal;
  /** Whether nobody wants the result any more. Unlike {@linkcode signal} it is up to date in a function that never
   * awaits. */
  readonly cancelled: boolean;
  /**
   * Tells the call's `onReport` a value, which is serialised at once, as results are. If nobody listens, or the task is
   * over or not wanted any more, nothing happens. While 1024 reports, or 8 MiB of them, are unread, it blocks the thread
   * for up to 100 ms: so no memory is filled, and a program that waits for this task itself does not wait for ever. A
   * value with a connection in it may be told later than the others.
   *
   * @throws {TypeError} If the value cannot be serialised.
   */
  report(value: unknown): void;
}

let find = (): CurrentTask | null => null;

/**
 * The task that the caller belongs to, in a function that a pool's worker runs and in all that it has begun, also after an
 * `await`; `null` elsewhere, and once the function has ended.
 *
 * @example A function that stops when nobody waits for it any more
 * ```ts
 * import { currentTask } from "@parallel/multiprocessing";
 * import { assertEquals } from "@std/assert";
 *
 * export async function download(url: string): Promise<string> {
 *   const response = await fetch(url, { signal: currentTask()?.signal });
 *   return await response.text();
 * }
 *
 * assertEquals(currentTask(), null); // this is no worker
 * assertEquals(await download("data:,hello"), "hello");
 * ```
 */
export function currentTask(): CurrentTask | null {
  return find();
}

/** Says how {@linkcode currentTask} finds the task of whoever asks. */
export function findCurrentTask(finder: () => CurrentTask | null): void {
  find = finder;
}

/** The reason with which the signal of a task is aborted. */
export function cancellation(timedOut: boolean): Error {
  return timedOut
    ? new TimeoutError("Cannot finish the task in time: its time, or that of its call, has passed")
    : new DOMException("The call that the task belongs to was aborted", "AbortError");
}
