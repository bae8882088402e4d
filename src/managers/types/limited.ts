// Methods that are made of several calls, or of calls and a function of the user's: the limits that `with` has given a proxy
// are for the whole of one.

import { TimeoutError } from "../../errors.ts";
import { performance } from "../../runtime/timing.ts";
import { Watch } from "../../waiting/limits.ts";
import { timeoutOf } from "../../waiting/options.ts";
import { type BaseProxy, insideOf, optionsOf, type SyncProxy } from "../proxy.ts";

/**
 * Does what a method does, within the limits of the proxy. `act` calls the server by the proxy that it is given, which
 * makes no call any more once the limits are reached, and asks `requireTime` before it does something else.
 *
 * @param asked The method, for messages.
 * @throws {TimeoutError} If it took longer than the time given to `with`.
 * @throws What the signal was aborted with.
 */
export async function limited<P extends BaseProxy, T>(
  proxy: P,
  asked: string,
  act: (proxy: P, requireTime: () => void) => Promise<T>,
): Promise<T> {
  const options = proxy[optionsOf]();
  if (options === undefined) return await act(proxy, () => {});
  options.signal?.throwIfAborted();
  const timeout = timeoutOf(options);
  const ending = new AbortController();
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => {});
  const end = (reason: unknown) => {
    ending.abort(reason);
    reject(reason);
  };
  using _ = new Watch({ timeout, signal: options.signal }, { late: () => end(late(asked, timeout)), aborted: end });
  const { signal } = ending;
  return await Promise.race([act(proxy.with({ timeout: null, signal }), () => signal.throwIfAborted()), promise]);
}

/** As {@linkcode limited}, blocking the thread: `act` gets what calls the server within what is left of the time. */
export function limitedSync<T>(
  sync: SyncProxy,
  asked: string,
  act: (call: (name: string, args: readonly unknown[]) => unknown, requireTime: () => void) => T,
): T {
  const proxy = sync[insideOf]();
  const options = proxy[optionsOf]();
  const timeout = timeoutOf(options);
  if (timeout === Infinity) {
    return act((name, args) => sync.callmethod(name, args), () => options?.signal?.throwIfAborted());
  }
  const until = performance.now() + timeout;
  const requireTime = () => {
    options?.signal?.throwIfAborted();
    if (performance.now() >= until) throw late(asked, timeout);
  };
  return act((name, args) => {
    requireTime();
    try {
      return proxy.with({ timeout: until - performance.now() }).callmethodSync(name, args);
    } catch (error) {
      throw error instanceof TimeoutError ? late(asked, timeout) : error;
    }
  }, requireTime);
}

function late(asked: string, timeout: number): TimeoutError {
  return new TimeoutError(`Cannot call "${asked}": it was not done within ${timeout} ms`);
}
