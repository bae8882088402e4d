// Waiting at a queue for other processes to put, take or acknowledge, and giving up when none can any more.
//
// A promise is given up when no other process has the queue (or all that have it wait for it as well, and do nothing
// else), and this program does not go on by itself: it might put, take, or start a process that does. While others have
// the queue, the wait keeps the event loop alive. Once none has, it does not: if Deno then dispatches `beforeunload`,
// nothing else is left, and it is time to give up. Where Deno does not do that (activity.ts), the wait goes on keeping
// the loop alive, and looks whether there is anything else.

import { native } from "../addon/load.ts";
import { translated } from "../addon/translate.ts";
import { wait } from "../addon/waits.ts";
import { Activity, activity, isToldOfEnd, isVisible } from "./activity.ts";
import { Company, Outcome, QueueOutcome, QueueWatch } from "../addon/numbers.ts";

/** Milliseconds between two looks; two must find nothing: one does not see work between two callbacks. */
const BETWEEN_LOOKS = 300;
const LOOKS = 2;
/** The most that these become while the program goes on. */
const MAX_BETWEEN_BUSY_LOOKS = 1000;
/** The most that they become while it does not, but others wait as well: it is told when they cease to be there. */
const MAX_BETWEEN_LOOKS = 5000;
/**
 * Milliseconds after which a wait that only another process could end is given up though timers run: they are more
 * likely there to end a program that hangs than to start that process.
 */
const PATIENCE = 5000;

/** A wait at a queue for as long as it takes. */
export interface Wish<T> {
  /** What it is for; `undefined` if that is not to be had yet. */
  attempt(): T | undefined;
  /** Another wait than that at the queue; `undefined` if that is the one. */
  instead?(timeout: number): Promise<void> | undefined;
  /** The number of the queue's block; throws when it is closed. */
  block(): number;
  /** One of `QueueState`. */
  readonly state: number;
  readonly signal: AbortSignal;
  /** The error to throw when the reactor knows by itself that it will never be. */
  never?(): Error;
  /** The error to throw when nobody is left. */
  deserted(): Error;
  /** Whether this thread has no part in what it waits for: it has never taken what it puts. */
  isOneSided(): boolean;
}

/** Why a wait ends when the event loop is empty. */
export const LOOP_IS_EMPTY: unique symbol = Symbol("the event loop is empty");

/** Ends the waits that do not keep the event loop alive. */
const alone = new Set<AbortController>();
let isListening = false;

function listen(): void {
  if (isListening) return;
  isListening = true;
  addEventListener("beforeunload", (event) => {
    if (alone.size === 0) return;
    event.preventDefault(); // so that they are heard
    for (const end of [...alone]) end.abort(LOOP_IS_EMPTY);
  });
}

/** Waits until a wish has come true. */
export async function granted<T>(wish: Wish<T>): Promise<T> {
  const watch = isVisible() ? QueueWatch.leaving : QueueWatch.nothing;
  for (;;) {
    wish.signal.throwIfAborted();
    const result = wish.attempt();
    if (result !== undefined) return result;
    const other = wish.instead?.(Infinity);
    if (other !== undefined) {
      await other;
      continue;
    }
    const outcome = await wait(() => submit(wish, Infinity, watch), { signal: wish.signal });
    if (outcome === QueueOutcome.never) throw wish.never?.() ?? wish.deserted();
    if (outcome !== QueueOutcome.left || !await new Desertion(wish).isFinal()) continue;
    // Once more: a process that is gone by now may have done something before.
    const last = wish.attempt();
    if (last === undefined) throw wish.deserted();
    return last;
  }
}

function submit<T>(wish: Wish<T>, timeout: number, watch: number, isIdle = false): number {
  return translated(() => native().queueAwait(wish.block(), wish.state, timeout, watch, isIdle));
}

/** The time of a wait in which no other process that has the queue is awake. */
class Desertion<T> {
  readonly #wish: Wish<T>;
  /** How many looks have found nothing, or something, one after the other. */
  #idle = 0;
  #busy = 0;
  /** Milliseconds for which they have found nothing but timers. */
  #quiet = 0;
  #isLoopEmpty = false;

  constructor(wish: Wish<T>) {
    this.#wish = wish;
  }

  /** Waits until it is clear that nobody is left; `false` when there may be something, or somebody, again. */
  async isFinal(): Promise<boolean> {
    for (;;) {
      const company = native().queueCompany(this.#wish.block());
      if (company === Company.awake) return false;
      const isAlone = company === Company.nobody;
      if (this.#isLoopEmpty) return isAlone;
      this.#look(isAlone);
      if (isAlone && this.#isOver()) return true;
      if (!await this.#goOn(isAlone)) return false;
    }
  }

  #look(isAlone: boolean): void {
    const found = activity();
    const isNothing = found === Activity.nothing;
    this.#idle = isNothing ? this.#idle + 1 : 0;
    this.#busy = isNothing ? 0 : this.#busy + 1;
    if (!isAlone || found === Activity.more) this.#quiet = 0;
  }

  /** Whether this program does not go on by itself. */
  #isOver(): boolean {
    if (this.#quiet >= PATIENCE && this.#wish.isOneSided()) return true;
    return this.#idle >= LOOKS && !isToldOfEnd();
  }

  /** Waits for a change until it is time for the next look; whether that is to be taken. */
  async #goOn(isAlone: boolean): Promise<boolean> {
    const isIdle = this.#idle >= LOOKS;
    const inBackground = isAlone && isToldOfEnd();
    // A process that is alone need not hear of others that leave.
    const watch = isIdle && !isAlone ? QueueWatch.both : QueueWatch.joining;
    const isOneSided = this.#wish.isOneSided();
    const between = inBackground && !isOneSided ? MAX_BETWEEN_LOOKS : this.#pause();
    const pause = isAlone && isOneSided ? Math.min(between, PATIENCE - this.#quiet) : between;
    using end = inBackground ? new LoopEnd() : undefined;
    const signal = end === undefined ? this.#wish.signal : AbortSignal.any([this.#wish.signal, end.signal]);
    try {
      const hooks = { signal, inBackground, isAtRest: true };
      const outcome = await wait(() => submit(this.#wish, pause, watch, isIdle), hooks);
      if (outcome === QueueOutcome.never) throw this.#wish.never?.() ?? this.#wish.deserted();
      if (outcome === Outcome.timedOut) this.#quiet += pause;
      return outcome === Outcome.timedOut || outcome === QueueOutcome.left;
    } catch (error) {
      if (error !== LOOP_IS_EMPTY) throw error;
      return this.#isLoopEmpty = true;
    }
  }

  /** Milliseconds until the next look: soon while it may be the deciding one. */
  #pause(): number {
    if (this.#idle < LOOKS) return Math.min(BETWEEN_LOOKS * Math.max(1, this.#busy), MAX_BETWEEN_BUSY_LOOKS);
    return Math.min(BETWEEN_LOOKS * this.#idle, MAX_BETWEEN_LOOKS);
  }
}

/** Ends a wait when nothing else is in the event loop: aborts with {@linkcode LOOP_IS_EMPTY}. */
export class LoopEnd implements Disposable {
  readonly #controller = new AbortController();

  constructor() {
    listen();
    alone.add(this.#controller);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    alone.delete(this.#controller);
  }
}
