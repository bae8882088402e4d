// A client outside of the tree as the server sees it: its connection, whatever it speaks. Once the connection ends, so does
// what is done for the client.
//
// A client can do no more than its connection bears: while it does not read its answers, its requests are not read.

import { wait } from "../addon/waits.ts";
import { native } from "../addon/load.ts";
import { translated } from "../addon/translate.ts";
import { allSent, type Connection, peerProcess, receiveAtOnce } from "../connection/connection.ts";
import { performance } from "../runtime/timing.ts";
import { yieldToLoop } from "../waiting/turns.ts";

/** The most bytes that one message may have. */
const MOST_BYTES = 2 ** 31;
/** Milliseconds for which the requests of one client are done before the others have their turn. */
const TURN = 5;

/** Understands the messages of one client. */
export interface Speaker {
  /** Does what a message says. Whatever it throws, the connection ends. */
  attend(bytes: Uint8Array<ArrayBuffer>): void;
  /** The client has gone, or the server ends: once only. */
  end(): void;
}

/** A client outside of the tree. */
export class Visitor {
  /** When it said something last. */
  lastWord: number = performance.now();
  /** How many messages it has sent. */
  words = 0;
  /** For messages, in quotes. */
  readonly name: string;
  readonly #connection: Connection;
  readonly #heard: () => void;
  readonly #meet: (visitor: Visitor, first: Uint8Array) => Speaker;
  readonly #ending = new AbortController();
  /** Who understands it; `null` until it has said something. */
  #speaker: Speaker | null = null;
  /** While its requests are not read: answers are kept, or enough of them wait. */
  #pause: Promise<unknown> | null = null;
  /** Whether an answer was kept since the last wait for that began. */
  #isMoreKept = false;
  #isClearing = false;
  #pid: number | null = null;

  /**
   * `heard` is called when it has spoken, and the thread was not blocked for it; `meet` says by its first message who
   * understands it.
   */
  constructor(
    connection: Connection,
    name: string,
    { heard, meet }: { heard: () => void; meet: (visitor: Visitor, first: Uint8Array) => Speaker },
  ) {
    this.#connection = connection;
    this.name = name;
    this.#heard = heard;
    this.#meet = meet;
  }

  /** Says who understands it, before it has said anything. */
  meet(speaker: Speaker): void {
    this.#speaker = speaker;
  }

  /** Aborted when its connection has ended. */
  get ended(): AbortSignal {
    return this.#ending.signal;
  }

  /** Whether its connection has ended. */
  get isOver(): boolean {
    return this.#ending.signal.aborted;
  }

  /** The number of its connection's descriptor; -1 while its requests are not to be read. */
  get descriptor(): number {
    return this.isOver || this.#pause !== null ? -1 : this.#connection.fileno();
  }

  /** Which process is at the other end of its connection; 0 if that is not known. */
  get pid(): number {
    return this.#pid ??= this.isOver ? 0 : this.#connection[peerProcess]();
  }

  /** Serves it until it has gone, or the server closes it. */
  async serve(): Promise<void> {
    const { signal } = this.#ending;
    try {
      while (!this.isOver) {
        if (this.#pause !== null) await this.#pause;
        else if (this.serveAtOnce()) await yieldToLoop();
        else if (!this.isOver && this.#pause === null) {
          const submit = () => translated(() => native().descriptorsAwait([this.#connection.fileno()]));
          await wait(submit, { signal, inBackground: true });
          this.#heard();
        }
      }
    } catch {
      // It has gone, or was closed.
    } finally {
      this.close();
    }
  }

  /**
   * Does what has come so far; whether there may be more, but others are to have their turn. `patience` is one of those of
   * connections: whether to look out for the next message.
   */
  serveAtOnce(patience?: number): boolean {
    const begin = performance.now();
    for (let n = 1;; n++) {
      if (this.isOver || this.#pause !== null) return false;
      let bytes: Uint8Array<ArrayBuffer> | undefined;
      try {
        bytes = this.#connection[receiveAtOnce](MOST_BYTES, patience);
      } catch {
        this.close(); // the end, or nothing that could be the beginning of a message
        return false;
      }
      if (bytes === undefined) return false;
      this.lastWord = begin;
      this.words++;
      this.#attend(bytes);
      if (n % 8 === 0 && performance.now() - begin > TURN) return true;
    }
  }

  #attend(bytes: Uint8Array<ArrayBuffer>): void {
    try {
      this.#speaker ??= this.#meet(this, bytes);
      this.#speaker.attend(bytes);
    } catch {
      this.close(); // no client says that
    }
  }

  /**
   * Sends it something by `write`, which says whether nothing of it is kept. While something is, no request is read.
   *
   * @throws What `write` throws.
   */
  send(write: (connection: Connection) => boolean): void {
    if (this.isOver || write(this.#connection)) return;
    this.#isMoreKept = true;
    if (this.#isClearing) return;
    this.#isClearing = true;
    void this.pauseFor(this.#clear());
  }

  async #clear(): Promise<void> {
    try {
      while (this.#isMoreKept) {
        this.#isMoreKept = false;
        await this.#connection[allSent](true);
      }
    } catch {
      this.close(); // it has gone
    }
    this.#isClearing = false;
  }

  /** Reads no requests until a promise is fulfilled, which is never rejected. */
  async pauseFor(promise: Promise<unknown>): Promise<void> {
    const pause = this.#pause === null ? promise : Promise.all([this.#pause, promise]);
    this.#pause = pause;
    await pause;
    if (this.#pause === pause) this.#pause = null;
  }

  /** It has gone, or the server ends. Again: nothing happens. */
  close(): void {
    if (this.isOver) return;
    this.#ending.abort(new DOMException("The client has ended", "AbortError"));
    this.#speaker?.end();
    this.#connection.close();
  }
}
