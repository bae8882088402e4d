// Waiting for any of many objects, as Python's `multiprocessing.connection.wait` does.

import { Watch } from "../waiting/limits.ts";
import { native } from "../addon/load.ts";
import { translated } from "../addon/translate.ts";
import { timeoutOf, WAIT_SYNC, type WaitOptions, type WaitSyncOptions } from "../waiting/options.ts";
import { turnIfDue } from "../waiting/turns.ts";
import { descriptorOf, type Waitable } from "../waiting/waitable.ts";
import { wait as waitForTicket } from "../addon/waits.ts";
import { performance } from "../runtime/timing.ts";

/**
 * Waits, without blocking the thread, until one of the objects is ready: a connection with something to receive or at
 * its end, a listener with somebody to accept, the sentinel of a process that has ended.
 *
 * An object that is given twice counts once. With an empty list the time just passes.
 *
 * @returns All that are ready, in the order given; none if the time has passed first.
 * @throws {TypeError} If one of the objects cannot be waited for.
 * @throws {RangeError} If there are no objects and no timeout: that would be for ever.
 * @throws {InvalidStateError} If one of them is closed.
 * @throws What `signal` was aborted with.
 *
 * @example Of two connections, the one with a message
 * ```ts
 * import { Pipe, wait } from "@parallel/multiprocessing/connection";
 * import { assertEquals, assertStrictEquals } from "@std/assert";
 *
 * const [a, toA] = Pipe({ duplex: false });
 * const [b, toB] = Pipe({ duplex: false });
 * toB.sendSync("hi");
 * const [ready] = await wait([a, b]);
 * assertStrictEquals(ready, b);
 * assertEquals(await wait([a], { timeout: 0 }), []);
 * for (const end of [a, toA, b, toB]) end.close();
 * ```
 */
export async function wait<T extends Waitable>(objects: Iterable<T>, options?: WaitOptions): Promise<T[]> {
  const timeout = timeoutOf(options);
  const until = performance.now() + timeout;
  const turn = turnIfDue();
  if (turn !== undefined) await turn;
  options?.signal?.throwIfAborted();
  const distinct = distinctOf(objects, timeout);
  for (;;) {
    const ready = readyOf(distinct, 0);
    const left = until - performance.now();
    if (ready.length > 0 || !(left > 0)) return ready;
    await changed(distinct, left, options?.signal);
  }
}

/** In the place of a reason to stop: look again. */
const LOOK_AGAIN: unique symbol = Symbol("look again");

/** What ends the waits for an object that is being closed: its descriptor would never be ready. */
const waits = new WeakMap<Waitable, Set<() => void>>();

/** Lets those who wait for an object find that it was closed. */
export function endWaits(object: Waitable): void {
  waits.get(object)?.forEach((end) => end());
}

/** Waits until an object may have become ready or closed, or so many milliseconds have passed. */
async function changed(objects: readonly Waitable[], left: number, signal: AbortSignal | undefined): Promise<void> {
  const stop = new AbortController();
  const lookAgain = () => stop.abort(LOOK_AGAIN);
  using _ = new Watch({ timeout: Math.ceil(left), signal }, {
    late: lookAgain,
    aborted: (reason) => stop.abort(reason),
  });
  for (const object of objects) {
    const known = waits.get(object);
    if (known === undefined) waits.set(object, new Set([lookAgain]));
    else known.add(lookAgain);
  }
  try {
    const submit = () => translated(() => native().descriptorsAwait(descriptorsOf(objects)));
    await waitForTicket(submit, { signal: stop.signal });
  } catch (error) {
    if (error !== LOOK_AGAIN) throw error;
  } finally {
    for (const object of objects) waits.get(object)?.delete(lookAgain);
  }
}

/** As {@linkcode wait}, blocking the thread. */
export function waitSync<T extends Waitable>(objects: Iterable<T>, options?: WaitSyncOptions): T[] {
  const timeout = timeoutOf(options, WAIT_SYNC);
  return readyOf(distinctOf(objects, timeout), timeout);
}

function distinctOf<T extends Waitable>(objects: Iterable<T>, timeout: number): T[] {
  // A Set takes null and undefined for an empty list.
  if (typeof objects?.[Symbol.iterator] !== "function") {
    throw new TypeError(`Cannot wait for ${Deno.inspect(objects)}: wanted a list of objects`);
  }
  const distinct = [...new Set(objects)];
  for (const object of distinct) {
    if (typeof object?.[descriptorOf] !== "function") {
      throw new TypeError(
        `Cannot wait for ${Deno.inspect(object)}: wanted connections, listeners and sentinels of processes`,
      );
    }
  }
  if (distinct.length === 0 && timeout === Infinity) {
    throw new RangeError("Cannot wait: there are no objects and no timeout, so it would be for ever");
  }
  return distinct;
}

/** Those that are ready; waits for the first up to `timeout` milliseconds. */
function readyOf<T extends Waitable>(objects: readonly T[], timeout: number): T[] {
  const pending: number[] = [];
  const descriptors: number[] = [];
  const ready = new Set<number>();
  objects.forEach((object, place) => {
    const descriptor = object[descriptorOf]();
    if (descriptor === null) return ready.add(place);
    pending.push(place);
    descriptors.push(descriptor);
  });
  const limit = ready.size > 0 ? 0 : timeout;
  for (const index of translated(() => native().descriptorsPoll(descriptors, limit))) ready.add(pending[index]);
  return objects.filter((_, place) => ready.has(place));
}

function descriptorsOf(objects: readonly Waitable[]): number[] {
  return objects.map((object) => object[descriptorOf]()).filter((descriptor) => descriptor !== null);
}
