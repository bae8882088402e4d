// Many values for a queue of an engine: all are written before the first is put, and go in few steps.

import { withIndex } from "../queues/outcomes.ts";
import { performance } from "../runtime/timing.ts";
import { type Outgoing, writeRecord } from "./records.ts";
import type { Session } from "./session.ts";

/** How much one step has at most; as many records as the engine takes. */
const MOST_RECORDS = 256;
const MOST_BYTES = 256 * 1024;

/**
 * The records of values.
 *
 * @throws {TypeError} If one cannot be sent: the message says which. What the iterable throws passes unchanged.
 * @throws {RangeError} If one is longer than the context allows, likewise.
 */
export function writeRecords(session: Session, values: Iterable<unknown>): Outgoing[] {
  const messages: Outgoing[] = [];
  try {
    for (const value of values) messages.push(written(session, value, messages.length));
  } catch (error) {
    for (const message of messages) message.letGo();
    throw error;
  }
  return messages;
}

function written(session: Session, value: unknown, index: number): Outgoing {
  try {
    return writeRecord(session, value, "put");
  } catch (error) {
    throw withIndex(error, index);
  }
}

/** One step, and the milliseconds that are left for it. */
interface Put {
  readonly some: Outgoing[];
  readonly left: number;
}

/** The steps of one `putMany`, each of which lets go of what it has. */
export class Puts {
  readonly #messages: readonly Outgoing[];
  readonly #maxsize: number;
  readonly #timeout: number;
  readonly #until: number;
  #begun = 0;
  #put = 0;

  constructor(messages: readonly Outgoing[], maxsize: number, timeout: number) {
    this.#messages = messages;
    this.#maxsize = maxsize;
    this.#timeout = timeout;
    this.#until = performance.now() + timeout;
  }

  /** How many messages were put by the steps that are done. */
  get put(): number {
    return this.#put;
  }

  /** The steps one by one: the one before is done when the next is asked for. */
  *[Symbol.iterator](): Iterator<Put> {
    while (this.#begun < this.#messages.length) {
      const left = this.#timeout === 0 ? 0 : Math.max(1, Math.ceil(this.#until - performance.now()));
      const some = this.#next();
      this.#begun += some.length;
      yield { some, left };
      this.#put += some.length;
    }
  }

  /** Lets go of what no step was begun for. */
  letGo(): void {
    for (const message of this.#messages.slice(this.#begun)) message.letGo();
  }

  /**
   * What goes in the next step. Into a queue with a limit each message goes in its own, and so does one that has pieces: it
   * is put in its turn, when there is room.
   */
  #next(): Outgoing[] {
    const isAlone = ({ blob }: Outgoing) => this.#maxsize > 0 || blob !== null;
    const some = [this.#messages[this.#begun]];
    let bytes = 0;
    for (;;) {
      const next = this.#messages[this.#begun + some.length];
      bytes += some[some.length - 1].record.length;
      if (next === undefined || some.length >= MOST_RECORDS || bytes >= MOST_BYTES) return some;
      if (isAlone(some[0]) || isAlone(next)) return some;
      some.push(next);
    }
  }
}
