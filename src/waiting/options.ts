// Options of everything that waits, read once: milliseconds, null for ever, negative is 0.

/** Options of what may wait in a promise. */
export interface WaitOptions {
  /** Milliseconds to wait at most. Absent or `null`: for ever. Negative: 0. */
  timeout?: number | null;
  /** Rejects the promise with `signal.reason` when aborted; nothing is then acquired or taken. */
  signal?: AbortSignal;
}

/** Options of what blocks the thread. */
export interface WaitSyncOptions {
  /** Milliseconds to wait at most. Absent or `null`: for ever. Negative: 0. */
  timeout?: number | null;
}

/** Options of what acquires, puts or gets. */
export interface AcquireOptions extends WaitOptions {
  /** `false`: do not wait at all, whatever `timeout` says. Default: `true`. */
  block?: boolean;
}

/** As {@linkcode AcquireOptions}, for what blocks the thread. */
export interface AcquireSyncOptions extends WaitSyncOptions {
  /** `false`: do not wait at all, whatever `timeout` says. Default: `true`. */
  block?: boolean;
}

/**
 * Refuses options that are no object.
 *
 * @param action What is to be done, for the message: "listen".
 * @throws {TypeError} If so.
 */
export function requireOptions(options: unknown, action: string): void {
  if (typeof options === "object" && options !== null) return;
  throw new TypeError(`Cannot ${action}: the options are ${Deno.inspect(options)}, wanted an object`);
}

/**
 * Refuses options that there are not: a misspelt one would be taken for none.
 *
 * @throws {TypeError} If so, or if they are no object.
 */
export function requireKnown(action: string, options: unknown, known: readonly string[]): void {
  requireOptions(options, action);
  for (const name of Object.keys(options as object)) {
    if (known.includes(name)) continue;
    const meant = known.find((it) => isNear(name, it));
    const hint = meant === undefined ? "" : `; did you mean "${meant}"?`;
    throw new TypeError(`Cannot ${action}: "${name}" is no option, wanted ${known.join(", ")}${hint}`);
  }
}

/** Whether one letter more, less, another or exchanged, or only capitals, make one name of the other. */
function isNear(given: string, name: string): boolean {
  const [a, b] = [given.toLowerCase().replace(/[_-]/g, ""), name.toLowerCase()];
  let begin = 0;
  while (begin < a.length && a[begin] === b[begin]) begin++;
  let end = 0;
  while (end < Math.min(a.length, b.length) - begin && a.at(-1 - end) === b.at(-1 - end)) end++;
  const [left, right] = [a.slice(begin, a.length - end), b.slice(begin, b.length - end)];
  return Math.max(left.length, right.length) <= 1 || (left.length === 2 && left === `${right[1]}${right[0]}`);
}

/**
 * Milliseconds to wait; `Infinity` for ever.
 *
 * @throws {TypeError} If `timeout` is not a number, `block` not a boolean, or `signal` not an AbortSignal.
 * @throws {RangeError} If it is NaN.
 */
export function timeoutOf(options: AcquireOptions | undefined): number {
  if (options === undefined) return Infinity;
  if (typeof options !== "object" || options === null) {
    throw new TypeError(
      `Cannot wait: the options are ${Deno.inspect(options)}, wanted an object such as { timeout: 1000 }`,
    );
  }
  const { timeout, block, signal } = options;
  if (block !== undefined && typeof block !== "boolean") {
    throw new TypeError(`Cannot wait: "block" is ${Deno.inspect(block)}, wanted true or false`);
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new TypeError(`Cannot wait: "signal" is ${Deno.inspect(signal)}, wanted an AbortSignal`);
  }
  if (block === false) return 0;
  if (timeout === undefined || timeout === null) return Infinity;
  if (typeof timeout !== "number") {
    throw new TypeError(`Cannot wait: "timeout" is ${Deno.inspect(timeout)}, wanted a number of milliseconds or null`);
  }
  if (Number.isNaN(timeout)) throw new RangeError(`Cannot wait: "timeout" is NaN, wanted milliseconds or null`);
  return Math.max(0, timeout);
}
