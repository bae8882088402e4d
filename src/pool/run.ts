// What a task comes to in its worker: its function is called with the arguments, or for each item; and what of the results
// cannot be sent.

import { MaybeEncodingError } from "../errors.ts";
import { isThenable } from "../runtime/thenable.ts";
import { pack, whyUnsendable, wordsOf } from "./failures.ts";
import { inOneLine } from "../runtime/harmless.ts";
import { type Failure, Flag, Kind, type Mixed } from "./messages.ts";

/** A function that tasks are run with. */
export type Fn = (...args: unknown[]) => unknown;

/** What a task has come to, as it is answered: {@linkcode Kind}, and what belongs to that. */
export type Outcome = [kind: number, list: unknown[]];

/** Is told how many items of a task have been begun. */
export interface ItemNotes {
  note(items: number): void;
}

/** What a function is run with, besides its arguments or items. */
export interface RunOptions {
  readonly label: string;
  readonly flags: number;
  readonly notes: ItemNotes;
  /** What each item is called in, if they are told apart. */
  readonly at?: At;
}

/** Calls a function for the item in that place. */
export type At = (place: number, act: () => unknown) => unknown;

/** Calls a function for each item, as the flags say. */
export async function runEach(fn: Fn, list: unknown[], { label, flags, notes, at }: RunOptions): Promise<Outcome> {
  const isStar = (flags & Flag.star) !== 0;
  const one = isStar ? (item: unknown) => fn(...argumentsOf(item, label)) : fn;
  let place = 0;
  const call = at === undefined ? one : (item: unknown) => at(place++, () => one(item));
  if ((flags & Flag.lenient) !== 0) return await runLeniently(call, list, notes);
  let i = 0;
  try {
    // The results take the places of the items.
    for (; i < list.length; i++) {
      const result = call(list[i]);
      list[i] = isThenable(result) ? await result : result;
    }
  } catch (error) {
    return [Kind.failed, pack(error, i)];
  }
  return [Kind.done, list];
}

/** Calls the function for each item, whatever becomes of the others. */
async function runLeniently(fn: Fn, list: unknown[], notes: ItemNotes): Promise<Outcome> {
  const places: number[] = [];
  const failures: Failure[] = [];
  for (let i = 0; i < list.length; i++) {
    notes.note(i + 1);
    try {
      const result = fn(list[i]);
      list[i] = isThenable(result) ? await result : result;
    } catch (error) {
      list[i] = null;
      places.push(i);
      failures.push(pack(error));
    }
  }
  if (places.length === 0) return [Kind.done, list];
  const mixed: Mixed = [list, places, failures];
  return [Kind.mixed, mixed];
}

/** The arguments that an item of `starmap` is. */
function argumentsOf(item: unknown, name: string): Iterable<unknown> {
  if (typeof (item as Partial<Iterable<unknown>> | null | undefined)?.[Symbol.iterator] === "function") {
    return item as Iterable<unknown>;
  }
  throw new TypeError(`Cannot call "${name}" with the item ${inOneLine(item)}: wanted an array of its arguments`);
}

function encodingError(value: unknown, reason: unknown, place?: number): Failure {
  const exc = wordsOf(reason);
  return pack(new MaybeEncodingError(exc, inOneLine(value)), place);
}

/** The failure of a task whose results cannot be sent: the first that is to blame is named. */
export function unsendable(list: readonly unknown[], reason: unknown): Failure {
  for (let i = 0; i < list.length; i++) {
    const why = whyUnsendable(list[i]);
    if (why !== null) return encodingError(list[i], why.error, i);
  }
  return encodingError(list, reason);
}

/** The results of a lenient task, with failures for those that cannot be sent. */
export function withoutUnsendable(kind: number, list: unknown[]): Mixed {
  const [results, places, failures] = kind === Kind.mixed ? list as Mixed : [list, [], []] as Mixed;
  for (let i = 0; i < results.length; i++) {
    const why = whyUnsendable(results[i]);
    if (why === null) continue;
    places.push(i);
    failures.push(encodingError(results[i], why.error));
    results[i] = null;
  }
  return [results, places, failures];
}
