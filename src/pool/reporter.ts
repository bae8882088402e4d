// The worker's half of `report`: sends what a task reports, and waits while the pool has much of it unread.
//
// Nothing is lost, and memory is bounded: while 1024 reports, or 8 MiB, are unread, the next one blocks the worker's thread.
// But no longer than 100 ms, since the program may wait in turn for something that this task does.

import type { Head } from "../queues/frame.ts";
import { Cell, type Desk } from "./messages.ts";

/** The most reports that are unread; a power of 2. */
const MOST = 1024;
/** The most bytes of them, unless it is one. */
const MOST_BYTES = 8 * 2 ** 20;
/** Milliseconds that a report waits for the pool, at most. */
const PATIENCE = 100;

/** Sends the reports of one worker. */
export class Reporter {
  readonly #desk: Desk;
  /** How many were sent, in 32 bits. */
  #sent = 0;
  #bytes = 0;
  /** How many bytes there were up to each of the last ones. */
  readonly #ends = new Float64Array(MOST);

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  /**
   * Sends what a task reports.
   *
   * @throws {TypeError} If the value cannot be serialised; then nothing is sent.
   */
  send(head: Head, value: unknown): void {
    if (!this.#hasRoom) this.#wait();
    this.#bytes += this.#desk.results.send(head, [value]);
    this.#ends[this.#sent & (MOST - 1)] = this.#bytes;
    this.#sent = (this.#sent + 1) | 0;
  }

  get #heard(): number {
    return Atomics.load(this.#desk.cells, Cell.heard);
  }

  get #hasRoom(): boolean {
    const heard = this.#heard;
    const unread = (this.#sent - heard) | 0;
    if (unread === 0) return true;
    if (unread >= MOST) return false;
    return this.#bytes - this.#ends[(heard - 1) & (MOST - 1)] <= MOST_BYTES;
  }

  /** Waits until half of what is unread has been read. */
  #wait(): void {
    const { cells, heard } = this.#desk;
    const unread = (this.#sent - this.#heard) | 0;
    heard.clear();
    Atomics.store(cells, Cell.awaited, ((this.#sent - (unread >> 1)) | 0) || 1);
    if (!this.#hasRoom) heard.waitSync({ timeout: PATIENCE });
    Atomics.store(cells, Cell.awaited, 0);
  }
}
