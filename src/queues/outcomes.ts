// What a queue says of a put, a get or a join that comes to nothing, wherever it is.

import type { Parcel } from "../connection/arrival.ts";
import { Empty, EOFError, Full, InvalidStateError, OwnerDiedError, ShutDown } from "../errors.ts";
import { QueueState } from "../addon/numbers.ts";
import { withUsersFrames } from "../runtime/stack.ts";
import { requireCount } from "../waiting/count.ts";

/** Milliseconds from which on a wait is worth a look at which processes have the queue, for a hint. */
const WORTH_A_HINT = 200;

/** A put or a get that has waited in vain. */
export interface Vain {
  /** For how many milliseconds. */
  readonly timeout: number;
  /** The queue's name as it stands behind "the queue". */
  readonly label: string;
  /** Whether nobody else has the queue. */
  readonly isAlone: () => boolean;
}

/** The error of a put that has waited. */
export function full({ label, ...vain }: Vain): Full {
  return new Full(`Cannot put into the queue${label}: it is full${within(vain)}`);
}

/**
 * The error of a put of many values that came to an end when so many were put: it says so. What a signal was aborted with is
 * the caller's, and so it is the `cause` of an error that can.
 */
export function partly(error: unknown, put: number, label: string, signal?: AbortSignal): unknown {
  if (signal?.aborted && error === signal.reason) {
    if (put === 0) return error;
    error = new Full(`Cannot put into the queue${label}: it was full when the signal was aborted`, { cause: error });
  }
  // The one error that a queue's close ends its waits with is for all of them.
  if (error instanceof InvalidStateError) error = new InvalidStateError(error.message, { cause: error.cause });
  return error instanceof Error ? Object.assign(error, { put }) : error;
}

/** The error of a value that cannot be put, with its place among the others. */
export function withIndex(error: unknown, index: number): unknown {
  const isOfOurs = error instanceof TypeError || error instanceof RangeError;
  if (!isOfOurs || !error.message.startsWith("Cannot ")) return error;
  const message = `Cannot put the value at index ${index}: ${error.message}`;
  return new (error instanceof TypeError ? TypeError : RangeError)(message, { cause: error });
}

/** Refuses a number of values to get. */
export function requireMax(max: unknown): void {
  requireCount("get from the queue", "max", max, { least: 1, most: Number.MAX_SAFE_INTEGER });
}

/** The error of a get that has waited; `parcel` is the value that has not arrived as a whole. */
export function empty({ label, ...vain }: Vain, parcel: Parcel | null = null): Empty {
  if (parcel === null) return new Empty(`Cannot get from the queue${label}: it is empty${within(vain)}`);
  const forSoLong = vain.timeout === 0 ? "" : `, and was for ${vain.timeout} ms`;
  return new Empty(
    `Cannot get from the queue${label}: a connection in its next value is still with its sender ${parcel.sender}, which does ` +
      `not hand it over${forSoLong}; get it later, or end that process`,
  );
}

/** The error of a view of what is not bytes. */
export function notBytes(label: string): TypeError {
  return withUsersFrames(
    new TypeError(
      `Cannot view the next value of the queue${label}: it is not a Uint8Array; it stays the next one, and get() takes it`,
    ),
  );
}

/** For how long it was as it is, and a hint at why. */
function within({ timeout, isAlone }: Omit<Vain, "label">): string {
  if (timeout === 0) return "";
  const hint = timeout >= WORTH_A_HINT && isAlone() ? "; nobody else has it" : "";
  return `, and was for ${timeout} ms${hint}`;
}

/** The error of a put into a queue that is shut down. */
export function shutForPuts(label: string): ShutDown {
  return new ShutDown(`Cannot put into the queue${label}: it is shut down`);
}

/** The error of a get from one that is, and is empty. */
export function shutForGets(label: string): ShutDown {
  return new ShutDown(`Cannot get from the queue${label}: it is empty and shut down`);
}

/** The error of a `taskDone` too many. */
export function allDone(label: string): InvalidStateError {
  return new InvalidStateError(
    `Cannot acknowledge a task of the queue${label}: task_done() called too many times`,
  );
}

/** Who took values, has ended, and did not acknowledge them: what is `told` of it, and what the error says. */
export type Abandoner = { readonly told: string } & ConstructorParameters<typeof OwnerDiedError>[1];

/** The error of a join that will never be done. */
export function abandoned(label: string, { told, ...owner }: Abandoner, count: number): OwnerDiedError {
  const values = count === 1 ? "1 value" : `${count} values`;
  return new OwnerDiedError(
    `Cannot join the queue${label}: ${told} after it took ${values} that it did not acknowledge; call taskDone() once for ` +
      "each when they have been dealt with",
    owner,
  );
}

/** What is wrong when a queue never gets into a state any more, and what that state is waited for. */
function partsOfDesertion(state: number): [action: string, state: string, act: string] {
  if (state === QueueState.filled) return ["get from", "it is empty", "put"];
  if (state === QueueState.drained) return ["put into", "it is full", "take"];
  return ["join", "not every value has been acknowledged", "take or acknowledge"];
}

/** The error for a wait that nobody is left to end. */
export function deserted(state: number, label: string): EOFError {
  const [action, what, act] = partsOfDesertion(state);
  const hint = state === QueueState.filled ? "; shutdown() after the last put ends a loop over the queue in order" : "";
  return withUsersFrames(
    new EOFError(
      `Cannot ${action} the queue${label}: ${what}, and nobody can ${act} any more; every other process that had it has ended ` +
        `or closed it, or waits for the queue itself${hint}`,
    ),
  );
}
