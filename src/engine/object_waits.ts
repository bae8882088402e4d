// Waits for objects of an engine that end, too, when the handle is closed with which they were begun.

import type { ObjectHandle } from "./handles.ts";
import { InvalidStateError } from "../errors.ts";
import { native } from "../addon/load.ts";
import type { Answer, Session, StepArgument, StepWait } from "./session.ts";

/** What a wait needs besides its step. */
export interface ObjectWait {
  /** Milliseconds; `Infinity` for as long as it takes. */
  readonly timeout: number;
  readonly signal?: AbortSignal;
  /** What is thrown when the handle is closed. */
  readonly closed: () => Error;
  /** Gives back what the wait has got in spite of having been stopped. */
  readonly giveBack?: (answer: Answer) => void;
  /** Whether one that was aborted ends when its outcome is known, with that, or `null`; it does not throw by itself then. */
  readonly mustEnd?: boolean;
}

/**
 * The answer to a step that may have to wait; `null` if none came in time.
 *
 * @param handle Ends the wait when it is closed.
 * @throws What `signal` was aborted with; or that the handle is `closed`. Nothing is then acquired.
 */
export async function waitFor(
  handle: ObjectHandle,
  name: string,
  args: StepArgument[],
  { timeout, signal, closed, giveBack, mustEnd }: ObjectWait,
): Promise<Answer | null> {
  using stop = new Stop(handle, signal, closed);
  const wait = { timeout, signal: stop.signal, giveBack, mustEnd, overdue: "nothing" } as const;
  const answer = await handle.session.wait(name, args, wait);
  if (!handle.closed) return answer;
  if (answer !== null) giveBack?.(answer);
  throw closed();
}

/**
 * As {@linkcode waitFor}, of a step whose wait changes something when it ends: what stops it ends its time, and its answer
 * is awaited nevertheless. Given back is then only what comes after the engine was away for too long, which is thrown.
 */
export async function waitToEnd(
  handle: ObjectHandle,
  name: string,
  args: StepArgument[],
  { signal, ...wait }:
    & Pick<ObjectWait, "timeout" | "signal" | "giveBack">
    & Pick<StepWait, "inBackground" | "overdue">,
): Promise<Answer | null> {
  using stop = new Stop(handle, signal, () => undefined);
  return await handle.session.wait(name, args, { ...wait, signal: stop.signal, mustEnd: true });
}

/** Aborts when a signal does, at once where it has been; or when a handle is closed. */
class Stop implements Disposable {
  readonly #controller = new AbortController();
  readonly #given: AbortSignal | undefined;
  readonly #forgetHandle: () => void;
  readonly #abort = () => this.#controller.abort(this.#given?.reason);

  constructor(handle: ObjectHandle, given: AbortSignal | undefined, closed: () => unknown) {
    this.#given = given;
    // Of several steps one after the other, the first may have been answered when it was aborted.
    if (given?.aborted) this.#abort();
    else given?.addEventListener("abort", this.#abort, { once: true });
    this.#forgetHandle = handle.onClose(() => this.#controller.abort(closed()));
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    this.#given?.removeEventListener("abort", this.#abort);
    this.#forgetHandle();
  }
}

/**
 * Gives back what nobody waits for any more, or tells what others wait for. That is done, too, where the engine is away for
 * longer than a step is waited for. Where the tree is lost, or this process buried, nothing is held.
 */
export function giveBack(session: Session, name: string, ...args: StepArgument[]): void {
  session.wait(name, args, { timeout: Infinity, inBackground: true }).catch(() => {});
}

/** The error of a step whose object is not there, which nobody does who has a handle. */
export function goneError(action: string, what: string): InvalidStateError {
  return new InvalidStateError(`Cannot ${action} the ${what}: it is not there any more`);
}

/** The number of this thread within its process, which locks know their owners by. */
export function ownThread(): number {
  return native().threadId();
}
