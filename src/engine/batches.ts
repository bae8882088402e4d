// Promised puts of one turn of the event loop travel in one step, into queues without a limit, where a put never waits.
//
// They leave before any other step of this thread: the order of the calls is kept.

import { queueMicrotask } from "../runtime/timing.ts";
import type { Session } from "./session.ts";

/** How much one step has at most. */
const MOST_RECORDS = 256;
const MOST_BYTES = 256 * 1024;

/** Puts that leave in one step, and share what it comes to. */
interface Batch {
  readonly records: Uint8Array<ArrayBuffer>[];
  bytes: number;
  readonly outcome: Promise<Outcome>;
  resolve(outcome: Outcome | Promise<Outcome>): void;
}

/** Why all were refused, or `null`; or of each. */
type Outcome = string | null | readonly Promise<string | null>[];

/** The puts into one queue that are to leave. */
export class Batches {
  readonly #session: Session;
  readonly #queue: string;
  #batch: Batch | null = null;

  constructor(session: Session, queue: string) {
    this.#session = session;
    this.#queue = queue;
  }

  /** Puts a record; why it was refused, or `null`. */
  async put(record: Uint8Array<ArrayBuffer>): Promise<string | null> {
    const batch = this.#batch ?? this.#begin();
    const { records } = batch;
    const index = records.push(record) - 1;
    batch.bytes += record.length;
    if (records.length >= MOST_RECORDS || batch.bytes >= MOST_BYTES) this.leave();
    const outcome = await batch.outcome;
    return outcome === null || typeof outcome === "string" ? outcome : await outcome[index];
  }

  #begin(): Batch {
    const { promise: outcome, resolve } = Promise.withResolvers<Outcome>();
    const leave = () => this.leave();
    this.#session.before(leave);
    queueMicrotask(leave);
    return this.#batch = { records: [], bytes: 0, outcome, resolve };
  }

  /** Sends what there is. */
  leave(): void {
    const batch = this.#batch;
    if (batch === null) return;
    this.#batch = null;
    batch.resolve(this.#send(batch.records));
  }

  async #send(records: readonly Uint8Array[]): Promise<Outcome> {
    const { refusal } = await this.#session.send("putMany", this.#queue, ...records);
    const isOfAll = refusal === null || refusal === "shut" || refusal === "gone" || records.length === 1;
    if (isOfAll) return refusal;
    // One of them cannot be put; the others can.
    return records.map(async (record) => (await this.#session.send("put", this.#queue, 0, record)).refusal);
  }
}
