// What is sent over one end of a pipe in an engine: in the order of the calls, and not more at a time than is of use. Its
// states are in library/pipe.lua.

import { closedError } from "../addon/handles.ts";
import { isSending, readOnly } from "../connection/outcomes.ts";
import { EngineUnavailableError, InvalidStateError } from "../errors.ts";
import { Watch } from "../waiting/limits.ts";
import { Turnstile } from "../waiting/turnstile.ts";
import type { ObjectHandle } from "./handles.ts";
import { goneError, waitToEnd } from "./object_waits.ts";
import { layDown, layDownSync, type Outgoing, takeUp } from "./records.ts";
import type { Answer } from "./session.ts";

/** So many bytes that are not sent yet may be with the engine; other promised sends wait here. */
const AHEAD = 256 * 1024;

/** The sends of one connection. */
export class Sends {
  readonly #handle: ObjectHandle;
  /** The other end: pieces of long messages are laid down there. */
  readonly #peer: string;
  readonly #turns = new Turnstile();
  /** What the engine has not answered. */
  #bytes = 0;
  /** Told when that has become less, or the connection was closed. */
  #freed: (() => void) | null = null;

  constructor(handle: ObjectHandle, peer: string) {
    this.#handle = handle;
    this.#peer = peer;
    handle.onClose(() => this.#freed?.());
  }

  /** Sends a message, behind those that wait. */
  async send(message: Outgoing, signal: AbortSignal | undefined): Promise<void> {
    const size = message.record.length + (message.blob?.bytes.length ?? 0);
    if (!this.#turns.occupied && this.#fits(size)) return await this.#start(message, size, signal);
    let sent: Promise<void>;
    try {
      await this.#turns.enter(Infinity, signal);
      try {
        for (;;) {
          signal?.throwIfAborted();
          this.#requireOpen();
          if (this.#fits(size)) break;
          await this.#less(signal);
        }
        sent = this.#start(message, size, signal);
      } finally {
        this.#turns.leave();
      }
    } catch (error) {
      message.letGo();
      throw error;
    }
    await sent;
  }

  #fits(size: number): boolean {
    return this.#bytes === 0 || this.#bytes + size <= AHEAD;
  }

  /** Waits until the engine has answered something. */
  async #less(signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    using _ = new Watch({ timeout: Infinity, signal }, { late: resolve, aborted: reject });
    this.#freed = resolve;
    await promise;
  }

  /** Sends it now; its step is on the way when this gives its promise. */
  async #start(message: Outgoing, size: number, signal: AbortSignal | undefined): Promise<void> {
    const handle = this.#handle;
    this.#bytes += size;
    try {
      const laid = layDown(handle.session, this.#peer, message);
      const giveBack = this.#takingUp(message);
      const wait = { timeout: Infinity, signal, giveBack, overdue: "unknown" } as const;
      const sent = waitToEnd(handle, "pipe_send", [handle.id, message.record], wait);
      const [answer] = await Promise.all([sent, laid]);
      if (answer?.refusal === null) return;
      signal?.throwIfAborted();
      this.#requireOpen();
      throw this.#refused(answer?.refusal ?? "gone");
    } catch (error) {
      // One that is given up may be done all the same.
      if (!(error instanceof EngineUnavailableError)) takeUp(handle.session, this.#peer, message);
      throw error;
    } finally {
      message.letGo();
      this.#bytes -= size;
      this.#freed?.();
      this.#freed = null;
    }
  }

  /** Sends a message, blocking the thread. */
  sendSync(message: Outgoing): void {
    const { session, id } = this.#handle;
    try {
      if (this.#turns.occupied) throw isSending();
      layDownSync(session, this.#peer, message);
      const giveBack = this.#takingUp(message);
      const answer = session.waitSync("pipe_send", [id, message.record], { timeout: Infinity, giveBack });
      if (answer!.refusal !== null) throw this.#refused(answer!.refusal);
    } catch (error) {
      if (!(error instanceof EngineUnavailableError)) takeUp(session, this.#peer, message);
      throw error;
    } finally {
      message.letGo();
    }
  }

  /** Takes up what was laid down for a message, once it is refused after it was given up. */
  #takingUp(message: Outgoing): (answer: Answer) => void {
    const { session } = this.#handle;
    return ({ refusal }) => {
      if (refusal !== null) takeUp(session, this.#peer, message);
    };
  }

  #requireOpen(): void {
    if (this.#handle.closed) throw closedError("use the connection", "connection");
  }

  #refused(refusal: string): Error {
    switch (refusal) {
      case "broken":
        return new Deno.errors.BrokenPipe("Cannot send: the other end is closed");
      case "way":
        return readOnly();
      case "lacks":
        return new InvalidStateError("Cannot send a value: an object of the engine in it was closed meanwhile");
      default:
        return goneError("send over", "connection");
    }
  }
}
