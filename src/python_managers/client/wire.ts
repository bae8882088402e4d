// One connection with a server of Python's. Requests are sent one behind the other, and answered in that order.

import { native } from "../../addon/load.ts";
import { Patience } from "../../addon/numbers.ts";
import { translated } from "../../addon/translate.ts";
import { wait } from "../../addon/waits.ts";
import type { Address } from "../../connection/address.ts";
import { Client, ClientSync, type ClientSyncOptions } from "../../connection/client.ts";
import { allSent, type Connection, receiveAtOnce, sendAtOnce } from "../../connection/connection.ts";
import { dumps } from "../../pickle/dumps.ts";
import { tuple } from "../../pickle/tuple.ts";
import { performance, queueMicrotask } from "../../runtime/timing.ts";
import { Glances } from "../../waiting/glance.ts";
import { turnIfDue, yieldToLoop } from "../../waiting/turns.ts";

/** The most bytes that one message may have. */
const MOST_BYTES = 2 ** 31;
/** Milliseconds that a server has for the handshake. */
const GREETING = 10_000;
/** Milliseconds for which answers are taken before the event loop has its turn. */
const TURN = 20;
/** Milliseconds for which the system waits at most. */
const LONGEST = 2 ** 30;

/** Asks what the server itself is: every one of Python's has an object "0", which is nothing. */
const NUDGE = dumps(tuple("0", "__str__", tuple(), {}));

/** Where a server is, and what it asks for. */
export interface Place {
  readonly address: Address;
  readonly authkey: Uint8Array | null;
}

function optionsOf({ authkey }: Place, until: number): ClientSyncOptions {
  const left = Math.max(0, until - performance.now());
  const handshakeTimeout = Math.min(GREETING, left);
  return { authkey: authkey ?? undefined, handshakeTimeout, ...(left !== Infinity && { timeout: left }) };
}

/** Who waits for an answer. */
export interface Waiter {
  /** The bytes of the answer. */
  take(bytes: Uint8Array): void;
  /** The connection has ended. */
  fail(): void;
}

/** One connection. */
export class Wire {
  readonly #connection: Connection;
  readonly #waiting: Waiter[] = [];
  readonly #ending = new AbortController();
  readonly #glances = new Glances();
  /** Whether the other end's system may hold answers back until it hears of us: that of TCP does, for those behind one. */
  readonly #isHeldBack: boolean;
  /** Of who waits, those that only make us be heard of. */
  #nudges = 0;
  #hasHeard = false;
  #isListening = false;
  #isClogged = false;
  #isMoreKept = false;
  #isOver = false;

  private constructor(connection: Connection, { address }: Place) {
    this.#connection = connection;
    this.#isHeldBack = typeof address !== "string";
  }

  /** Connects, and proves that both know the key, all until that time. */
  static async open(place: Place, until: number, signal?: AbortSignal): Promise<Wire> {
    return new Wire(await Client(place.address, { ...optionsOf(place, until), signal }), place);
  }

  /** As {@linkcode open}, blocking the thread. */
  static openSync(place: Place, until: number): Wire {
    return new Wire(ClientSync(place.address, optionsOf(place, until)), place);
  }

  /** Whether it has ended. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether somebody waits for an answer. */
  get isBusy(): boolean {
    return this.#waiting.length > 0;
  }

  /** Sends a request. The waiter is told once; at once if the connection has ended. */
  send(bytes: Uint8Array, waiter: Waiter): void {
    if (this.#isOver) return waiter.fail();
    this.#waiting.push(waiter);
    this.#hasHeard = false;
    try {
      if (!this.#connection[sendAtOnce](bytes)) void this.#unclog();
    } catch {
      return this.close();
    }
    this.#listenSoon();
  }

  async #unclog(): Promise<void> {
    this.#isMoreKept = true;
    if (this.#isClogged) return;
    this.#isClogged = true;
    try {
      while (this.#isMoreKept) {
        this.#isMoreKept = false;
        await this.#connection[allSent](false);
      }
      this.#isClogged = false;
    } catch {
      this.close();
    }
  }

  /** Takes answers with the thread blocked, until `isDone` or that time; whether it is done, or has ended. */
  waitSync(isDone: () => boolean, until: number): boolean {
    // The reactor may have sent what it was told of, and no promise can tell it of the rest while the thread is blocked.
    if (this.#isClogged && !this.#isOver) void this.#connection[allSent](false).catch(() => {});
    while (!isDone() && !this.#isOver) {
      const left = until === Infinity ? Infinity : until - performance.now();
      if (left < 0) return false;
      this.#receive(left);
    }
    return true;
  }

  /** Takes one answer, waiting for it with the thread blocked. */
  #receive(timeout: number): void {
    try {
      if (timeout === Infinity && this.#waiting.length === 1) {
        return this.#attend(this.#connection.recvBytesSync({ maxlength: MOST_BYTES }));
      }
      const bytes = this.#connection[receiveAtOnce](MOST_BYTES);
      if (bytes !== undefined) this.#attend(bytes);
      else {
        this.#nudge();
        translated(() => native().descriptorsPoll([this.#connection.fileno()], Math.min(timeout, LONGEST)));
      }
    } catch {
      this.close();
    }
  }

  #takeOne(patience?: number): boolean {
    let bytes: Uint8Array | undefined;
    try {
      bytes = this.#connection[receiveAtOnce](MOST_BYTES, patience);
    } catch {
      this.close();
      return true;
    }
    if (bytes === undefined) return false;
    this.#attend(bytes);
    return true;
  }

  #attend(bytes: Uint8Array): void {
    const waiter = this.#waiting.shift();
    if (waiter === undefined) return this.close(); // nobody has asked
    this.#hasHeard = true;
    waiter.take(bytes);
  }

  /**
   * Has the other end hear of us. Its system sends the first of several short answers at once, and the others when it hears
   * that this has arrived; ours says so with the next message, or after 40 ms. So one more is sent, which costs nothing.
   */
  #nudge(): void {
    if (!this.#isHeldBack || !this.#hasHeard || this.#waiting.length <= this.#nudges) return;
    this.#nudges++;
    const over = () => void this.#nudges--;
    this.send(NUDGE, { take: over, fail: over });
  }

  /** Begins to listen once this thread has sent all that it is about to send. */
  #listenSoon(): void {
    if (this.#isListening) return;
    this.#isListening = true;
    const begin = performance.now();
    queueMicrotask(() => void this.#listen(begin));
  }

  async #listen(begin: number): Promise<void> {
    try {
      const due = turnIfDue();
      if (due !== undefined) {
        await due;
        begin = performance.now();
      }
      if (this.#waiting.length === 1 && !this.#isOver && this.#glances.begin() > 0) {
        this.#glances.end(this.#takeOne(Patience.microseconds));
      }
      let turn = performance.now();
      while (this.#waiting.length > 0 && !this.#isOver) {
        if (this.#takeOne()) {
          if (performance.now() - turn > TURN) {
            await yieldToLoop();
            turn = performance.now();
          }
          continue;
        }
        this.#nudge();
        const submit = () => translated(() => native().descriptorsAwait([this.#connection.fileno()]));
        await wait(submit, { signal: this.#ending.signal });
        turn = performance.now();
        this.#glances.waited(turn - begin);
      }
    } catch {
      this.close();
    } finally {
      this.#isListening = false;
    }
  }

  /** Ends it: who waits is told. Again: nothing happens. */
  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#ending.abort();
    this.#connection.close();
    for (const waiter of this.#waiting.splice(0)) waiter.fail();
  }
}
