// What a queue says of a put, a get or a join that comes to nothing.

import type { Parcel } from "../connection/arrival.ts";
import { Empty, EOFError, Full } from "../errors.ts";
import { native } from "../addon/load.ts";
import { Company, QueueState } from "../addon/numbers.ts";
import { leaveOutOwnFrames } from "../runtime/stack.ts";

/** Milliseconds from which on a wait is worth a look at which processes have the queue, for a hint. */
const WORTH_A_HINT = 200;

/**
 * The error of a put that has waited for `timeout` milliseconds; `block` gives the number of the queue's block, `label` is
 * its name as it stands behind "the queue".
 */
export function full(block: () => number, timeout: number, label: string): Full {
  return new Full(`Cannot put into the queue${label}: it is full${within(block, timeout)}`);
}

/** The error of a get that has waited for `timeout` milliseconds; `parcel` is the value that has not arrived as a whole. */
export function empty(block: () => number, timeout: number, parcel: Parcel | null, label: string): Empty {
  if (parcel === null) return new Empty(`Cannot get from the queue${label}: it is empty${within(block, timeout)}`);
  const forSoLong = timeout === 0 ? "" : `, and was for ${timeout} ms`;
  return new Empty(
    `Cannot get from the queue${label}: a connection in its next value is still with its sender ${parcel.sender}, which does ` +
      `not hand it over${forSoLong}; get it later, or end that process`,
  );
}

/** For how long it was as it is, and a hint at why. */
function within(block: () => number, timeout: number): string {
  if (timeout === 0) return "";
  const isAlone = timeout >= WORTH_A_HINT && native().queueCompany(block()) === Company.nobody;
  return `, and was for ${timeout} ms${isAlone ? "; nobody else has it" : ""}`;
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
  const error = new EOFError(
    `Cannot ${action} the queue${label}: ${what}, and nobody can ${act} any more; every other process that had it has ended ` +
      `or closed it, or waits for the queue itself${hint}`,
  );
  leaveOutOwnFrames(error);
  return error;
}
