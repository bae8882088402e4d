// Promises that the native reactor completes: tickets out, outcomes back.
//
// The event loop stays alive while, and only while, some promise of this thread waits.

import { native } from "./native.ts";

/** Outcome of a wait whose time has passed (`TIMED_OUT` in native/addon/src/port.rs). */
export const TIMED_OUT = -(2 ** 31);

/** Outcome of a wait that got what it waited for (`ACQUIRED` in native/core/src/reactor/operations.rs). */
export const ACQUIRED = 0;

/** Outcome of a wait whose object is gone (`FAILED` there). */
export const FAILED = -1;

/** Told the outcome of a ticket. */
type Listener = (outcome: number) => void;

const listeners = new Map<number, Listener>();
let isOpen = false;

function deliver(): void {
  const outcomes = native().takeOutcomes();
  for (let i = 0; i < outcomes.length; i += 2) {
    const ticket = outcomes[i] >>> 0;
    const listener = listeners.get(ticket);
    if (listener === undefined) continue; // aborted by another that was told before
    forget(ticket);
    listener(outcomes[i + 1]);
  }
}

function listen(ticket: number, listener: Listener): void {
  if (listeners.size === 0) native().keepAlive(true);
  listeners.set(ticket, listener);
}

function forget(ticket: number): void {
  listeners.delete(ticket);
  if (listeners.size === 0) native().keepAlive(false);
}

/** What {@linkcode wait} needs besides the ticket. */
export interface WaitHooks {
  /** Stops the wait when aborted. */
  signal?: AbortSignal;
  /** The wait must not just be forgotten: an abort ends its time, and the outcome then is the caller's to judge. */
  mustEnd?: boolean;
}

/**
 * The outcome of the wait that `submit` starts and names by a ticket.
 *
 * @throws What `signal` was aborted with, unless the wait `mustEnd`; then nothing is acquired.
 */
export function wait(submit: () => number, { signal, mustEnd = false }: WaitHooks = {}): Promise<number> {
  if (signal?.aborted) return Promise.reject(signal.reason);
  const addon = native();
  if (!isOpen) {
    addon.openPort(deliver);
    isOpen = true;
  }
  const ticket = submit();
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  if (signal === undefined) {
    listen(ticket, resolve);
    return promise;
  }
  const abort = () => {
    if (mustEnd) {
      addon.hasten(ticket);
      return;
    }
    // What it may have acquired by now, the addon gives back.
    addon.cancel(ticket);
    forget(ticket);
    reject(signal.reason);
  };
  signal.addEventListener("abort", abort, { once: true });
  listen(ticket, (outcome) => {
    signal.removeEventListener("abort", abort);
    resolve(outcome);
  });
  return promise;
}

/** What {@linkcode retry} needs besides the time. */
export interface RetryHooks {
  /** Stops the wait when aborted. */
  signal?: AbortSignal;
  /** The error to throw when the reactor says that it will never be. */
  never?: () => Error;
}

/** Outcome of a wait for what will never be (`NEVER` in native/core/src/reactor/operations.rs). */
const NEVER = 1;

/**
 * Tries until `attempt` gives something else than `undefined`, and waits with `submit` in between; `undefined` when
 * the time has passed. Nothing is lost by an abort: taking happens here, not in the reactor.
 */
export async function retry<T>(
  attempt: () => T | undefined,
  submit: (timeout: number) => number,
  timeout: number,
  { signal, never }: RetryHooks,
): Promise<T | undefined> {
  signal?.throwIfAborted();
  const until = performance.now() + timeout;
  for (;;) {
    const result = attempt();
    if (result !== undefined) return result;
    const left = until - performance.now();
    if (!(left > 0)) return undefined;
    const outcome = await wait(() => submit(left), { signal });
    if (outcome === NEVER && never !== undefined) throw never();
  }
}
