// Promises that the native reactor completes: tickets out, outcomes back.
//
// The event loop stays alive while, and only while, a promise of this thread waits in the foreground, or `holdLoop`
// holds it. A wait in the background is, for example, that of a pool that has nothing to do.

import type { BlockHandle } from "./handles.ts";
import { native } from "./load.ts";
import { performance, timeoutSignal } from "../runtime/timing.ts";
import { QueueOutcome } from "./numbers.ts";

/** Told the outcome of a ticket. */
type Listener = (outcome: number) => void;

const listeners = new Map<number, Listener>();
/** The tickets among them that do not keep the event loop alive. */
const background = new Set<number>();
/** Those that do, but of which nothing is expected. */
const atRest = new Set<number>();
/** How many times the event loop is held otherwise. */
let holds = 0;
let isOpen = false;
let isKeptAlive = false;

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

function listen(ticket: number, listener: Listener, inBackground: boolean): void {
  listeners.set(ticket, listener);
  if (inBackground) background.add(ticket);
  else keepAlive();
}

function forget(ticket: number): void {
  listeners.delete(ticket);
  background.delete(ticket);
  atRest.delete(ticket);
  keepAlive();
}

/** Tells the addon, if the answer has changed, whether the event loop is to stay alive. */
function keepAlive(): void {
  const isWanted = holds > 0 || listeners.size > background.size;
  if (isWanted === isKeptAlive) return;
  isKeptAlive = isWanted;
  native().keepAlive(isWanted);
}

function open(): void {
  if (isOpen) return;
  native().openPort(deliver);
  isOpen = true;
}

/** Keeps the event loop alive until {@linkcode releaseLoop} has been called as often. */
export function holdLoop(): void {
  open();
  holds++;
  keepAlive();
}

/** How many reasons there are here for the event loop to stay alive, besides waits at rest. */
export function foregroundWaits(): number {
  return holds + listeners.size - background.size - atRest.size;
}

/** How many waits there are that keep the event loop alive though nothing is expected of them. */
export function restingWaits(): number {
  return atRest.size;
}

/** Undoes one {@linkcode holdLoop}. */
export function releaseLoop(): void {
  holds--;
  keepAlive();
}

/** What {@linkcode wait} needs besides the ticket. */
export interface WaitHooks {
  /** Stops the wait when aborted. */
  signal?: AbortSignal;
  /** Stops the wait when closed: the handle that the wait was begun with. */
  handle?: BlockHandle;
  /** Likewise, but the wait is then forgotten even if it `mustEnd`: what it needs to come to its end. */
  needed?: BlockHandle;
  /** What is then thrown. */
  closed?: () => Error;
  /**
   * On abort, or when the handle is closed, do not forget the wait: end its time, and resolve with its outcome. Needed
   * where the wait changes something when it ends (a condition's lock, a barrier).
   */
  mustEnd?: boolean;
  /** Whether the event loop may end meanwhile. Default: `false`. */
  inBackground?: boolean;
  /** Whether it is none of the {@linkcode foregroundWaits}: nothing is expected of it. */
  isAtRest?: boolean;
}

/**
 * The outcome of the wait that `submit` starts and names by a ticket.
 *
 * @throws What `signal` was aborted with, or the handle `closed`, unless the wait `mustEnd`; then nothing is acquired.
 */
export function wait(submit: () => number, hooks: WaitHooks = {}): Promise<number> {
  const { signal, handle, needed, closed, mustEnd = false, inBackground = false, isAtRest = false } = hooks;
  if (signal?.aborted) return Promise.reject(signal.reason);
  const addon = native();
  open();
  const ticket = submit();
  if (isAtRest && !inBackground) atRest.add(ticket);
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  if (signal === undefined && handle === undefined) {
    listen(ticket, resolve, inBackground);
    return promise;
  }
  const drop = (reason: unknown) => {
    // What it may have acquired by now, the addon gives back.
    addon.cancel(ticket);
    forget(ticket);
    disconnect();
    reject(reason);
  };
  const stop = (reason: () => unknown) => mustEnd ? void addon.hasten(ticket) : drop(reason());
  const abort = () => stop(() => signal!.reason);
  const kept = [handle?.onClose(() => stop(closed!)), needed?.onClose(() => drop(closed!()))];
  const disconnect = () => {
    signal?.removeEventListener("abort", abort);
    for (const letGo of kept) letGo?.();
  };
  signal?.addEventListener("abort", abort, { once: true });
  listen(ticket, (outcome) => {
    disconnect();
    resolve(outcome);
  }, inBackground);
  return promise;
}

/**
 * As {@linkcode wait}, for at most `timeout` milliseconds, for waits that the addon sets no time: whether the wait came
 * to its end is then to be seen at what was waited for.
 */
export async function waitWithin(timeout: number, submit: () => number, hooks: WaitHooks = {}): Promise<void> {
  const { signal } = hooks;
  const limit = timeout === Infinity ? undefined : timeoutSignal(Math.min(timeout, 2 ** 31 - 1));
  const both = limit && signal ? AbortSignal.any([limit, signal]) : limit ?? signal;
  try {
    await wait(submit, { ...hooks, signal: both });
  } catch (error) {
    if (signal?.aborted || !limit?.aborted) throw error;
  }
}

/** What {@linkcode retry} needs besides the time. */
export interface RetryHooks {
  /** Stops the wait when aborted. */
  signal?: AbortSignal;
  /** The error to throw when the reactor says that it will never be. */
  never?: () => Error;
  /** Another wait, of at most so many milliseconds, than that in the reactor; `undefined` if that is the one. */
  instead?: (timeout: number) => Promise<void> | undefined;
}

/**
 * Tries until `attempt` gives something else than `undefined`, and waits with `submit` in between; `undefined` when
 * the time has passed. Nothing is lost by an abort: taking happens here, not in the reactor.
 */
export async function retry<T>(
  attempt: () => T | undefined,
  submit: (timeout: number) => number,
  timeout: number,
  { signal, never, instead }: RetryHooks,
): Promise<T | undefined> {
  signal?.throwIfAborted();
  const until = performance.now() + timeout;
  for (;;) {
    const result = attempt();
    if (result !== undefined) return result;
    const left = until - performance.now();
    if (!(left > 0)) return undefined;
    const other = instead?.(left);
    if (other !== undefined) {
      await other;
      continue;
    }
    const outcome = await wait(() => submit(left), { signal });
    if (outcome === QueueOutcome.never && never !== undefined) throw never();
  }
}
