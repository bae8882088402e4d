// Calls of one client that wait for their answers, whichever way these come.

import { TimeoutError } from "../errors.ts";
import { performance } from "../runtime/timing.ts";
import { Watch } from "../waiting/limits.ts";
import { timeoutOf, type WaitOptions } from "../waiting/options.ts";
import { told } from "../waiting/turns.ts";

/** A call that has been sent. */
interface Call {
  readonly asked: string;
  resolve(value: unknown): void;
  reject(reason: unknown): void;
}

/** The answer to a call: what it gives, or why it gives nothing. */
export type Answer = { readonly value: unknown } | { readonly error: unknown };

/** The calls of a client, by their numbers. */
export class PendingCalls {
  readonly #calls = new Map<number, Call>();
  /** The number of the last call. */
  #last = 0;

  get size(): number {
    return this.#calls.size;
  }

  /** A number for the next call, of 32 bits. */
  next(): number {
    do this.#last = (this.#last + 1) >>> 0; while (this.#last === 0 || this.#calls.has(this.#last));
    return this.#last;
  }

  /**
   * The answer to a call that was sent.
   *
   * @param cancel Tells the server that nobody waits for it any more.
   * @param begin When its time has begun: it may have taken some to connect. Default: now.
   */
  wait(
    number: number,
    asked: string,
    options: WaitOptions | undefined,
    cancel: () => void,
    begin?: number,
  ): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    if (options === undefined) {
      this.#calls.set(number, { asked, resolve, reject });
      return promise;
    }
    const giveUp = (reason: unknown) => {
      if (!this.#calls.delete(number)) return;
      cancel();
      reject(reason);
    };
    const timeout = timeoutOf(options);
    if (timeout === 0) { // no answer comes in no time, as far as that is measured
      cancel();
      return told(Promise.reject(late(asked, timeout)));
    }
    const left = begin === undefined ? timeout : Math.max(0, begin + timeout - performance.now());
    const watch = new Watch({ timeout: left, signal: options.signal }, {
      late: () => giveUp(late(asked, timeout)),
      aborted: giveUp,
    });
    const ending = <T>(end: (value: T) => void) => (value: T) => {
      watch[Symbol.dispose]();
      end(value);
    };
    this.#calls.set(number, { asked, resolve: ending(resolve), reject: ending(reject) });
    return promise.finally(() => watch[Symbol.dispose]());
  }

  /** An answer has come; one that nobody waits for is let go. */
  settle(number: number, answer: Answer): void {
    const call = this.#calls.get(number);
    if (call === undefined) return;
    this.#calls.delete(number);
    if ("error" in answer) call.reject(answer.error);
    else call.resolve(answer.value);
  }

  /** The server has ended. */
  fail(reason: (asked: string) => unknown): void {
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    for (const { asked, reject } of calls) reject(reason(asked));
  }
}

/** The error of a call that took too long. */
export function late(asked: string, timeout: number): TimeoutError {
  return new TimeoutError(`Cannot call "${asked}": no answer came within ${timeout} ms`);
}
