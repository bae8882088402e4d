// How long a start may take. Whoever starts a process waits for `startTimeout`, and its thread with it. A pool starts its
// workers by the thread that reads their results: it waits for the first, and then so long that a host which is there has
// answered, and longer each time that none has; a host that has not is avoided (library/hosts.lua).

/** Milliseconds that a pool waits for a start at first, once it has seen one. */
const BRIEFLY = 1_000;
/** How often they are doubled, at most. */
const MOST_DOUBLINGS = 10;

/** How long the starts of a class of processes may take. */
export interface StartLimits {
  /** Milliseconds, of those that the context gives. */
  limit(startTimeout: number): number;
  /** A start was answered; or was not in time. */
  note(isAnswered: boolean): void;
}

/** All that the context gives. */
export const PATIENT: StartLimits = { limit: (startTimeout) => startTimeout, note: () => {} };

/** Those of a pool's workers. */
export class BriefStarts implements StartLimits {
  /** How many in a row were not answered; `null` before the first was. */
  #unanswered: number | null = null;

  limit(startTimeout: number): number {
    if (this.#unanswered === null) return startTimeout;
    return Math.min(startTimeout, BRIEFLY * 2 ** Math.min(this.#unanswered, MOST_DOUBLINGS));
  }

  note(isAnswered: boolean): void {
    if (isAnswered) this.#unanswered = 0;
    else if (this.#unanswered !== null) this.#unanswered++;
  }
}
