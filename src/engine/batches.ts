// Promised puts of one turn of the event loop travel in one step, into queues without a limit, where a put never waits.
//
// They leave before any other step of this thread: the order of the calls is kept.

import { queueMicrotask } from "../runtime/timing.ts";
import type { Answer, Session } from "./session.ts";

/** How much one step has at most. */
const MOST_RECORDS = 256;
const MOST_BYTES = 256 * 1024;

interface Put {
  readonly record: Uint8Array<ArrayBuffer>;
  resolve(refusal: string | null): void;
  reject(error: unknown): void;
}

/** The puts into one queue that are to leave. */
export class Batches {
  readonly #session: Session;
  readonly #queue: string;
  #puts: Put[] = [];
  #bytes = 0;

  constructor(session: Session, queue: string) {
    this.#session = session;
    this.#queue = queue;
  }

  /** Puts a record; why it was refused, or `null`. */
  put(record: Uint8Array<ArrayBuffer>): Promise<string | null> {
    const { promise, resolve, reject } = Promise.withResolvers<string | null>();
    this.#puts.push({ record, resolve, reject });
    this.#bytes += record.length;
    if (this.#puts.length === 1) {
      const leave = () => this.leave();
      this.#session.before(leave);
      queueMicrotask(leave);
    } else if (this.#puts.length >= MOST_RECORDS || this.#bytes >= MOST_BYTES) {
      this.leave();
    }
    return promise;
  }

  /** Sends what there is. */
  leave(): void {
    const puts = this.#puts;
    if (puts.length === 0) return;
    this.#puts = [];
    this.#bytes = 0;
    const records = puts.map(({ record }) => record);
    this.#session.send("putMany", this.#queue, ...records).then(
      (answer) => this.#answered(puts, answer),
      (error) => puts.forEach(({ reject }) => reject(error)),
    );
  }

  #answered(puts: readonly Put[], { refusal }: Answer): void {
    const isOfAll = refusal === null || refusal === "shut" || refusal === "gone" || puts.length === 1;
    if (isOfAll) return puts.forEach(({ resolve }) => resolve(refusal));
    // One of them cannot be put; the others can.
    for (const { record, resolve, reject } of puts) {
      this.#session.send("put", this.#queue, 0, record).then((answer) => resolve(answer.refusal), reject);
    }
  }
}
