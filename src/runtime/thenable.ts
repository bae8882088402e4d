// What gives its result at once or in a promise, whichever the user's function does.

/** Whether it has to be awaited. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}

/** Does something, and `end` once that is done: at once, or if it gives a promise, behind that. */
export function endingWith(end: () => void, act: () => unknown): unknown {
  let result: unknown;
  try {
    result = act();
  } catch (error) {
    end();
    throw error;
  }
  if (isThenable(result)) return Promise.resolve(result).finally(end);
  end();
  return result;
}
