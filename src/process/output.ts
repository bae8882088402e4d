// The piped output of a child, as a stream. Nothing is read before somebody asks for it: what is unread stays in the
// pipe, keeps no program alive, and makes a child that writes more than the pipe holds wait.

import type { OutputKind } from "../addon/binding.ts";
import { native } from "../addon/load.ts";
import { translated } from "../addon/translate.ts";
import { wait, type WaitHooks } from "../addon/waits.ts";

/** How many chunks, of what a pipe holds at most, are told in one turn of the event loop. */
const MOST_CHUNKS = 16;

/** Closes the pipes that nobody can read any more. */
const collected = new FinalizationRegistry<number>((pipe) => native().outputClose(pipe));

/** The reading end of a pipe. To the addon it is a number: what comes after the end of everything finds it closed. */
class OutputPipe {
  readonly #number: number;

  constructor(number: number) {
    this.#number = number;
    collected.register(this, number, this);
  }

  /** The next bytes; none at the end, or once it is closed; `null` if there are none yet. */
  read(): Uint8Array<ArrayBuffer> | null {
    return translated(() => native().outputRead(this.#number));
  }

  /** Waits until there is something to read. */
  async wait(hooks: WaitHooks): Promise<void> {
    await wait(() => translated(() => native().outputWait(this.#number)), hooks);
  }

  isFull(): boolean {
    return native().outputIsFull(this.#number) !== 0;
  }

  close(): void {
    collected.unregister(this);
    native().outputClose(this.#number);
  }
}

/** An output that somebody may hear of in the background. */
export interface FollowedOutput {
  /** Has `told` called with what comes, in the background: the event loop need not stay alive for it. */
  follow(told: (chunk: Uint8Array) => void): Promise<void>;
  /** Tells the follower what is there, when the process has ended. */
  tellRest(): boolean | Promise<void>;
}

/** The standard output or error of one child, which is read once. */
export class PipedOutput {
  readonly #pipe: OutputPipe | null;
  #stream: ReadableStream<Uint8Array<ArrayBuffer>> | null = null;
  /** The follower, if somebody {@linkcode follow | follows}. */
  #told: ((chunk: Uint8Array) => void) | null = null;
  #isOver = false;
  #isDiscarded = false;

  /** Of the child that was just started, its output 1 or 2. */
  constructor(pid: number, number: 1 | 2) {
    const pipe = native().childOutput(pid, number);
    this.#pipe = pipe === null ? null : new OutputPipe(pipe);
  }

  /** The stream, always the same. */
  get stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#stream ??= this.#pipe === null ? ReadableStream.from([]) : streamOf(this.#pipe);
  }

  /** Whether the child may be waiting for somebody to read. */
  get isFull(): boolean {
    return this.#pipe?.isFull() ?? false;
  }

  /** Whether somebody is about to read it. */
  get isRead(): boolean {
    return this.#told !== null || (this.#stream?.locked ?? false);
  }

  /** Closes the pipe. */
  shut(): void {
    this.#pipe?.close();
  }

  /** Closes the pipe if nobody has asked for the stream. */
  discard(): void {
    if (this.#stream !== null || this.#told !== null) return;
    this.#isDiscarded = true;
    this.#pipe?.close();
  }

  /** Whether the pipe was closed before anybody asked for the stream. */
  get isDiscarded(): boolean {
    return this.#isDiscarded;
  }

  /** The next bytes, for a reader that has no stream of it; none at the end; `null` if there are none yet. */
  take(): Uint8Array<ArrayBuffer> | null {
    if (this.#pipe === null || this.#isOver) return new Uint8Array();
    const chunk = this.#pipe.read();
    if (chunk?.length === 0) {
      this.#isOver = true;
      this.#pipe.close();
    }
    return chunk;
  }

  /** Waits until there may be something to {@linkcode take}. */
  async changed(): Promise<void> {
    if (this.#pipe !== null && !this.#isOver) await this.#pipe.wait({});
  }

  /** Has `told` called with what comes, in the background: the event loop need not stay alive for it. */
  async follow(told: (chunk: Uint8Array) => void): Promise<void> {
    const pipe = this.#pipe;
    if (pipe === null || this.#stream !== null) return;
    this.#told = told;
    while (!this.tellRest()) await pipe.wait({ inBackground: true });
  }

  /**
   * Tells the follower what is there; whether that was the end. A child that writes ever more does not keep the thread.
   */
  tellRest(): boolean {
    const pipe = this.#pipe;
    for (let chunks = 0; !this.#isOver && pipe !== null; chunks++) {
      if (chunks === MOST_CHUNKS) return false;
      const chunk = pipe.read();
      if (chunk === null) return false;
      if (chunk.length > 0) this.#told?.(chunk);
      else {
        this.#isOver = true;
        pipe.close();
      }
    }
    return true;
  }
}

/** The outputs of one child: those that are piped. */
export class Outputs {
  readonly stdout: PipedOutput | null;
  readonly stderr: PipedOutput | null;
  /** Whether nobody can see what the child says on its standard error. */
  readonly isErrorHidden: boolean;

  /** Of the child that was just started. */
  constructor(pid: number, { stdout, stderr }: { stdout: OutputKind; stderr: OutputKind }) {
    this.stdout = stdout === "piped" ? new PipedOutput(pid, 1) : null;
    this.stderr = stderr === "piped" ? new PipedOutput(pid, 2) : null;
    this.isErrorHidden = stderr === "null";
  }

  /** Which of them the child may be waiting for somebody to read. */
  get full(): "stdout" | "stderr" | null {
    return this.stdout?.isFull ? "stdout" : this.stderr?.isFull ? "stderr" : null;
  }

  /** Closes the pipes that nobody has asked for. */
  discard(): void {
    this.stdout?.discard();
    this.stderr?.discard();
  }

  /** Closes the pipes. */
  shut(): void {
    this.stdout?.shut();
    this.stderr?.shut();
  }
}

/** The piped standard error of processes that have been started here, for those who follow it. */
export const pipedErrors = new WeakMap<object, FollowedOutput>();

function streamOf(pipe: OutputPipe): ReadableStream<Uint8Array<ArrayBuffer>> {
  const cancelled = new AbortController();
  const { signal } = cancelled;
  const source: UnderlyingByteSource = {
    type: "bytes",
    async pull(controller) {
      let chunk = pipe.read();
      while (chunk === null) {
        await pipe.wait({ signal });
        chunk = pipe.read();
      }
      if (chunk.length > 0) return controller.enqueue(chunk);
      pipe.close();
      controller.close();
      controller.byobRequest?.respond(0);
    },
    cancel(reason) {
      cancelled.abort(reason);
      pipe.close();
    },
  };
  return new ReadableStream(source, { highWaterMark: 0 });
}
