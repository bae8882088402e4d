// Calls that are ended before they have their results: their tasks are dropped if no worker has begun them; those that run
// are told, and their workers killed if that does not help.

import type { Call } from "./calls/call.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { WorkerHandle } from "./worker_handle.ts";
import { queueMicrotask, setTimeout, unrefTimer } from "../runtime/timing.ts";

/** What withdrawals need of their pool. */
export interface WithdrawalsOptions {
  readonly workers: Iterable<WorkerHandle>;
  readonly dispatcher: Dispatcher;
  /** Milliseconds that a task has to end after it was told, before its worker is killed. */
  readonly grace: number;
  /** There is room for other tasks. */
  readonly dispatch: () => void;
}

/** How the tasks of a call are to end. */
export interface Withdrawal {
  /** Whether the call's time has passed; otherwise it was aborted. */
  readonly timedOut: boolean;
  /** Whether their workers are killed in the end. */
  readonly kill: boolean;
}

/** Milliseconds until tasks are looked for again that workers have just taken, and not noted yet; twice as many after
 * each look. Noting takes microseconds, unless a worker has been stopped. */
const LOCATE_AGAIN = 1;
/** The most that they become. */
const LOCATE_AGAIN_AT_MOST = 100;

/** The withdrawals of one pool. */
export class Withdrawals {
  readonly #options: WithdrawalsOptions;

  constructor(options: WithdrawalsOptions) {
    this.#options = options;
  }

  /** Ends the tasks of a call that is over. */
  begin(call: Call, how: Withdrawal, again = LOCATE_AGAIN): void {
    const { dispatcher, workers, grace, dispatch } = this.#options;
    // If the user's code has aborted the call while its task is being serialised, or a result is being read, wait for
    // that to end.
    const isBusy = dispatcher.isWriting || Iterator.from(workers).some((worker) => worker.isBusy);
    if (isBusy) return queueMicrotask(() => this.begin(call, how));
    if (dispatcher.numbersOf(call).length === 0) return;
    dispatcher.takeBack();
    let areAllFound = true;
    for (const number of dispatcher.numbersOf(call)) {
      const runner = Iterator.from(workers).find((worker) => worker.cancel(number, how.timedOut));
      if (runner === undefined) {
        areAllFound = false; // somebody has just taken it, or its answer is yet to be read
        continue;
      }
      if (how.kill) runner.killUnlessDone(number, grace);
    }
    if (!areAllFound) {
      // One timer for all of them, however many there are.
      unrefTimer(setTimeout(() => this.begin(call, how, Math.min(LOCATE_AGAIN_AT_MOST, 2 * again)), again));
    }
    dispatch();
  }
}
