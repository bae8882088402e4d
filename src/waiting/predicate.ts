// Waits until a predicate holds, as conditions do: it is called with the lock held, at the beginning and after each wait.

import { performance } from "../runtime/timing.ts";

/**
 * What `predicate` has returned last: something true, unless `timeout` milliseconds have passed.
 *
 * @param wait Waits for so many milliseconds at most for something to change.
 */
export async function untilTrue<T>(
  predicate: () => T | PromiseLike<T>,
  timeout: number,
  wait: (timeout: number) => Promise<unknown>,
): Promise<T> {
  const until = performance.now() + timeout;
  for (;;) {
    const result = await predicate();
    const left = until - performance.now();
    if (result || left <= 0) return result;
    await wait(left);
  }
}

/**
 * As {@linkcode untilTrue}, for waits that block the thread.
 *
 * @param described What is waited for, for the message.
 * @throws {TypeError} If `predicate` returns a promise, which is not awaited.
 */
export function untilTrueSync<T>(
  predicate: () => T,
  timeout: number,
  described: string,
  wait: (timeout: number) => unknown,
): T {
  const until = performance.now() + timeout;
  for (;;) {
    const result = predicate();
    if (result instanceof Promise) {
      throw new TypeError(
        `Cannot wait for the ${described}: the predicate returned a promise; await waitFor() instead`,
      );
    }
    const left = until - performance.now();
    if (result || left <= 0) return result;
    wait(left);
  }
}
