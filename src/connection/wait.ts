// Waiting for any of many objects: what Python's `multiprocessing.connection.wait` does.

import { native, translated } from "../native.ts";
import { timeoutOf, type WaitOptions, type WaitSyncOptions } from "../options.ts";
import { descriptorOf, type Waitable } from "../waitable.ts";
import { wait as waitForTicket } from "../waits.ts";

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
  const signal = options?.signal;
  signal?.throwIfAborted();
  const distinct = distinctOf(objects, timeout);
  const until = performance.now() + timeout;
  for (;;) {
    const ready = readyOf(distinct, 0);
    const left = until - performance.now();
    if (ready.length > 0 || !(left > 0)) return ready;
    const limit = left < 2 ** 31 ? AbortSignal.timeout(Math.ceil(left)) : undefined;
    const both = limit && signal ? AbortSignal.any([limit, signal]) : limit ?? signal;
    try {
      await waitForTicket(() => translated(() => native().descriptorsAwait(descriptorsOf(distinct))), { signal: both });
    } catch (error) {
      if (signal?.aborted || !limit?.aborted) throw error;
    }
  }
}

/** As {@linkcode wait}, blocking the thread. */
export function waitSync<T extends Waitable>(objects: Iterable<T>, options?: WaitSyncOptions): T[] {
  const timeout = timeoutOf(options);
  return readyOf(distinctOf(objects, timeout), timeout);
}

function distinctOf<T extends Waitable>(objects: Iterable<T>, timeout: number): T[] {
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
