// What a process of this host writes, as its agent sends it on: in whole lines to the root's terminal, or byte for byte into a pipe
// of the engine's.

import type { PipedOutput } from "../process/output.ts";
import { clearTimeout, performance, setTimeout } from "../runtime/timing.ts";
import type { Session } from "./session.ts";
import { bytesOf } from "./text.ts";

/** A portion for the root's terminal has at most so many bytes, unless a line is longer, and is sent so often, in milliseconds. */
const PORTION = 64 * 1024;
const INTERVAL = 100;
/** What a process may write to the root's terminal in a second. */
const RATE = 1024 * 1024;
const NEWLINE = 10;
/** How many chunks, of what a pipe holds at most, are sent before others have their turn. */
const MOST_CHUNKS = 16;

/** Where the output goes. */
export interface Sink {
  /** Whether {@linkcode write} waits for a reader. */
  readonly isPatient: boolean;
  /** Takes bytes; who writes waits for it. `false`: nobody wants more. */
  write(bytes: Uint8Array): Promise<boolean> | boolean;
  /** Sends what is left. */
  flush(): Promise<void>;
  /** Nothing more comes. */
  end(): Promise<void>;
}

/** Sends on one output of a process. */
export class Forwarding {
  readonly #output: PipedOutput;
  readonly #sink: Sink;
  #turn: Promise<boolean> = Promise.resolve(false);

  constructor(output: PipedOutput, sink: Sink) {
    this.#output = output;
    this.#sink = sink;
    this.#run().catch(() => this.#giveUp());
  }

  /** Nothing more can be sent: who writes is told by the pipe, and who reads, where there is somebody, by the end. */
  async #giveUp(): Promise<void> {
    this.#output.shut();
    await this.#sink.end().catch(() => {}); // the tree is lost
  }

  async #run(): Promise<void> {
    while (!await this.#next()) await this.#output.changed();
  }

  /** Sends what is there; whether that was the end. */
  #next(): Promise<boolean> {
    return this.#turn = this.#turn.then((isOver) => isOver || this.#send());
  }

  async #send(): Promise<boolean> {
    for (let chunks = 0; chunks < MOST_CHUNKS; chunks++) {
      const bytes = this.#output.take();
      if (bytes === null) return false;
      if (bytes.length > 0 && await this.#sink.write(bytes)) continue;
      this.#output.shut();
      await this.#sink.end();
      return true;
    }
    return false;
  }

  /**
   * The process has ended: what it has written to the root's terminal is sent. Its own children may go on writing; and the end
   * of a process does not wait for who reads its pipe.
   */
  async drained(): Promise<void> {
    if (this.#sink.isPatient) return;
    await this.#next().catch(() => true);
    await this.#sink.flush().catch(() => {});
  }
}

/** The root's terminal. */
export class TerminalSink implements Sink {
  readonly isPatient = false;
  readonly #session: Session;
  readonly #who: string;
  readonly #number: 1 | 2;
  /** What is not sent yet. */
  #waiting: Uint8Array[] = [];
  #size = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #sent = -Infinity;
  #sending: Promise<unknown> = Promise.resolve();
  /** The second that is reckoned, what came in it, and what was left out. */
  #second = -Infinity;
  #came = 0;
  #left = 0;

  /** `who` writes, to standard output 1 or error 2. */
  constructor(session: Session, who: string, number: 1 | 2) {
    this.#session = session;
    this.#who = who;
    this.#number = number;
  }

  write(bytes: Uint8Array): boolean {
    const now = performance.now();
    if (now - this.#second >= 1000) {
      this.#tellLeft();
      this.#second = now;
      this.#came = 0;
    }
    this.#came += bytes.length;
    if (this.#came > RATE) {
      this.#left += bytes.length;
      this.#timer ??= setTimeout(() => this.#send(false), 1000);
      return true;
    }
    this.#add(bytes);
    if (this.#size >= PORTION || now - this.#sent >= INTERVAL) this.#send(false);
    else this.#timer ??= setTimeout(() => this.#send(false), INTERVAL);
    return true;
  }

  #add(bytes: Uint8Array): void {
    this.#waiting.push(bytes);
    this.#size += bytes.length;
  }

  #tellLeft(): void {
    if (this.#left === 0) return;
    const text = `[${this.#left} bytes are left out here: a process may write 1 MiB/s to the root's terminal]\n`;
    const isAtStart = this.#waiting.length === 0 || this.#waiting.at(-1)!.at(-1) === NEWLINE;
    this.#left = 0;
    this.#add(bytesOf(isAtStart ? text : `\n${text}`));
  }

  /** Sends the whole lines that there are; `isLast`: and what is left. */
  #send(isLast: boolean): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (isLast || performance.now() - this.#second >= 1000) this.#tellLeft();
    const bytes = joined(this.#waiting, this.#size);
    const end = isLast || bytes.length >= 16 * PORTION ? bytes.length : bytes.lastIndexOf(NEWLINE) + 1;
    this.#waiting = end === bytes.length ? [] : [bytes.subarray(end)];
    this.#size = bytes.length - end;
    if (this.#left > 0) this.#timer = setTimeout(() => this.#send(false), 1000);
    if (end === 0) return;
    this.#sent = performance.now();
    for (const portion of portionsOf(bytes.subarray(0, end))) {
      const sent = this.#session.send("out", this.#who, this.#number, portion);
      this.#sending = sent.catch(() => {}); // the engine is full, or the tree is lost
    }
  }

  async flush(): Promise<void> {
    this.#send(true);
    await this.#sending;
  }

  async end(): Promise<void> {
    await this.flush();
  }
}

/** Whole lines, as many as fit a portion; a longer line is one of its own. */
function* portionsOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length;) {
    let end = Math.min(at + PORTION, bytes.length);
    if (end < bytes.length) {
      const line = bytes.lastIndexOf(NEWLINE, end - 1) + 1;
      const next = bytes.indexOf(NEWLINE, end) + 1;
      end = line > at ? line : next > 0 ? next : bytes.length;
    }
    yield bytes.subarray(at, end);
    at = end;
  }
}

function joined(parts: readonly Uint8Array[], size: number): Uint8Array {
  if (parts.length === 1) return parts[0];
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** A pipe of the engine's. Its reader decides how fast the process may write. */
export class PipeSink implements Sink {
  readonly isPatient = true;
  readonly #session: Session;
  readonly #pipe: string;
  readonly #opened: Promise<unknown>;

  constructor(session: Session, pipe: string) {
    this.#session = session;
    this.#pipe = pipe;
    this.#opened = session.send("pipeOpen", pipe);
    this.#opened.catch(() => {}); // whoever writes is told
  }

  async write(bytes: Uint8Array): Promise<boolean> {
    await this.#opened;
    const answer = await this.#session.wait("pipeWrite", [this.#pipe, bytes], { timeout: Infinity });
    return answer?.refusal === null;
  }

  async flush(): Promise<void> {}

  async end(): Promise<void> {
    await this.#session.send("pipeEnd", this.#pipe);
  }
}
