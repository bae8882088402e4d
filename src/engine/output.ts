// The piped output of a process on a host, as its parent reads it: an object of the engine, in which the writer waits where
// nobody reads.

import { EngineUnavailableError } from "../errors.ts";
import type { FollowedOutput } from "../process/output.ts";
import type { StartedOutput, StartedOutputs } from "../process/started.ts";
import { ObjectHandle } from "./handles.ts";
import type { Answer, Session } from "./session.ts";

/** One of its outputs. */
export class RemoteOutput implements StartedOutput, FollowedOutput {
  readonly #pipe: ObjectHandle;
  #stream: ReadableStream<Uint8Array<ArrayBuffer>> | null = null;
  #isDiscarded = false;
  #following: Promise<void> | null = null;

  /** Of a process that is to be started. */
  constructor(session: Session) {
    this.#pipe = ObjectHandle.make(session, "pipe", "");
  }

  /** What the engine calls the pipe. */
  get id(): string {
    return this.#pipe.id;
  }

  get stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#stream ??= streamOf(this.#pipe);
  }

  get isDiscarded(): boolean {
    return this.#isDiscarded;
  }

  discard(): void {
    if (this.#stream !== null || this.#following !== null || this.#isDiscarded) return;
    this.#isDiscarded = true;
    shut(this.#pipe);
  }

  follow(told: (chunk: Uint8Array) => void): Promise<void> {
    return this.#following ??= this.#follow(told);
  }

  /** Waits until the follower has all: the writer tells the end of it before that of the process. */
  tellRest(): Promise<void> {
    return this.#following ?? Promise.resolve();
  }

  async #follow(told: (chunk: Uint8Array) => void): Promise<void> {
    const { session, id } = this.#pipe;
    const giveBack = (answer: Answer) => told(answer.bytes(0));
    for (let isOver = false; !isOver;) {
      try {
        const answer = await session.wait("pipeRead", [id], { timeout: Infinity, inBackground: true, giveBack });
        const chunk = answer!.bytes(0);
        if (chunk.length > 0) told(chunk);
        else isOver = true;
      } catch (error) {
        // Each attempt waits for as long as the engine may be away.
        isOver = !(error instanceof EngineUnavailableError) || session.closed;
      }
    }
    shut(this.#pipe);
  }
}

/** Nobody reads any more. */
function shut(pipe: ObjectHandle): void {
  if (pipe.closed) return;
  pipe.session.send("pipeClose", pipe.id).catch(() => {});
  pipe.close();
}

function streamOf(pipe: ObjectHandle): ReadableStream<Uint8Array<ArrayBuffer>> {
  const cancelled = new AbortController();
  const source: UnderlyingByteSource = {
    type: "bytes",
    async pull(controller) {
      const { session, id } = pipe;
      const enqueue = (bytes: Uint8Array) => controller.enqueue(Uint8Array.from(bytes));
      const giveBack = (answer: Answer) => {
        const bytes = answer.bytes(0);
        if (bytes.length > 0 && !cancelled.signal.aborted) enqueue(bytes);
      };
      const wait = { timeout: Infinity, signal: cancelled.signal, giveBack };
      let answer: Answer | null = null;
      while (answer === null) {
        try {
          answer = await session.wait("pipeRead", [id], wait);
        } catch (error) {
          // The writer waits for a reader. Each attempt waits for as long as the engine may be away.
          if (error instanceof EngineUnavailableError && !session.closed) continue;
          throw error;
        }
      }
      const bytes = answer.bytes(0);
      if (bytes.length > 0) return enqueue(bytes);
      pipe.close();
      controller.close();
      controller.byobRequest?.respond(0);
    },
    cancel(reason) {
      cancelled.abort(reason);
      shut(pipe);
    },
  };
  return new ReadableStream(source, { highWaterMark: 0 });
}

/** The outputs of one process: those that are piped. */
export class RemoteOutputs implements StartedOutputs {
  readonly stdout: RemoteOutput | null;
  readonly stderr: RemoteOutput | null;

  constructor(session: Session, { stdout, stderr }: { stdout: string; stderr: string }) {
    this.stdout = stdout === "piped" ? new RemoteOutput(session) : null;
    this.stderr = stderr === "piped" ? new RemoteOutput(session) : null;
  }

  discard(): void {
    this.stdout?.discard();
    this.stderr?.discard();
  }
}
