// What goes wrong with a task, as its call is told: errors on their way from a worker to the pool, packed here and unpacked
// there; and the loss of the worker itself.

import { RemoteError, type RemoteErrorOptions, WorkerLostError } from "../errors.ts";
import { signalName } from "../runtime/signals.ts";
import { harmless, inspected, shownName } from "../runtime/harmless.ts";
import type { FunctionReference } from "../callable/types.ts";
import { dumps, read } from "../reduction/serialise.ts";
import { findClasses } from "../reduction/error_lookup.ts";
import { type Incoming, plain, plainNoting } from "../reduction/passage.ts";
import { discard } from "../reduction/registry.ts";
import { headOf, isError, setStack, usersFrames } from "../runtime/stack.ts";
import { type Failure, Flag } from "./messages.ts";
import type { Task } from "./calls/call.ts";
import { framesOf, nameOf, noteLack, tellRefusal, tellWhere, type Where, whereOf } from "./where.ts";
import type { WorkerHandle } from "./worker_handle.ts";

/** How deep the printed form of an error goes. */
const DEPTH = 4;

/** The printed form of anything, for people. */
export function printed(value: unknown): string {
  return inspected(value, { depth: DEPTH, colors: false });
}

/** What an error says; the printed form of whatever else was thrown. */
export function wordsOf(thrown: unknown): string {
  try {
    if (isError(thrown)) return `${thrown.message}`;
  } catch {
    // A getter of the user's throws, or the message is no text.
  }
  return printed(thrown);
}

/** An error, or whatever was thrown, as a message can take it, and at which item of a task it was. */
export function pack(error: unknown, place: number | null = null): Failure {
  const bytes = bytesOf(error) ?? bytesOf(Remnant.of(error));
  return place === null ? [printed(error), bytes] : [printed(error), bytes, place];
}

/** A message of its own; `null` if it cannot be one. */
function bytesOf(value: unknown): Uint8Array | null {
  try {
    const { bytes, attachments } = dumps(value);
    discard(attachments); // only the bytes are sent
    return attachments.length === 0 ? bytes.slice() : null;
  } catch {
    return null;
  }
}

/** So many levels of errors inside of an error are looked at; a loop may have wrapped what it caught again and again. */
const MOST_LEVELS = 100;
/** So many errors inside of one are tried in vain as they are. */
const MOST_ATTEMPTS = 100;

/** In the place of what cannot be sent; nor can it. */
const NOTHING = Symbol("nothing");

/** A property of an error; `items` if it is the array of errors that the error is made of. */
interface Part {
  readonly key: string;
  readonly value: unknown;
  readonly items: readonly unknown[] | null;
  readonly enumerable: boolean | undefined;
}

/**
 * What can be sent of an error that cannot be sent as it is: a copy without the properties that cannot, as of the errors
 * inside of it, of which those stay as they are that can. An error is looked at once, wherever it is, so this takes no longer
 * than the error is large.
 */
class Remnant {
  /** What was read of the errors; those that are not here are too deep inside. */
  readonly #parts = new Map<Error, readonly Part[]>();
  /** Whether something that was looked at certainly cannot be sent as it is. */
  readonly #isBad = new Map<unknown, boolean>();
  readonly #copies = new Map<Error, unknown>();
  #attempts = MOST_ATTEMPTS;

  /** What can be sent of a value that is known not to be sent as it is. */
  static of(value: unknown): unknown {
    if (!isError(value)) return NOTHING;
    const remnant = new Remnant();
    remnant.#look(value, 0);
    remnant.#isBad.set(value, true);
    return remnant.#kept(value);
  }

  #look(value: unknown, level: number): boolean {
    const known = this.#isBad.get(value);
    if (known !== undefined) return known;
    if (level > MOST_LEVELS && isError(value)) return true;
    this.#isBad.set(value, false); // a circle comes back here
    const isBad = isError(value) ? this.#hasBad(value, level) : bytesOf(value) === null;
    this.#isBad.set(value, isBad);
    return isBad;
  }

  #hasBad(error: Error, level: number): boolean {
    const parts = partsOf(error);
    this.#parts.set(error, parts);
    let hasBad = false;
    for (const { value, items } of parts) {
      for (const it of items ?? [value]) hasBad = this.#look(it, level + 1) || hasBad;
    }
    return hasBad;
  }

  #kept(value: unknown): unknown {
    if (!isError(value)) return this.#isBad.get(value) === true ? NOTHING : value;
    const parts = this.#parts.get(value);
    if (parts === undefined) return NOTHING;
    const known = this.#copies.get(value);
    if (known !== undefined) return known;
    this.#copies.set(value, NOTHING); // inside of itself it is left out
    const kept = this.#canBeSent(value) ? value : this.#copyOf(value, parts);
    this.#copies.set(value, kept);
    return kept;
  }

  #canBeSent(error: Error): boolean {
    if (this.#isBad.get(error) === true || this.#attempts === 0) return false;
    const canBeSent = bytesOf(error) !== null;
    if (!canBeSent) this.#attempts--;
    return canBeSent;
  }

  #copyOf(error: Error, parts: readonly Part[]): unknown {
    const copy: Error = Object.create(Object.getPrototypeOf(error));
    for (const { key, value, items, enumerable } of parts) {
      const kept = items === null
        ? this.#kept(value)
        : items.map((it) => this.#kept(it)).filter((it) => it !== NOTHING);
      if (kept !== NOTHING) Object.defineProperty(copy, key, { value: kept, enumerable });
    }
    return copy;
  }
}

/** The properties of an error, but for those that throw when they are asked for. */
function partsOf(error: Error): Part[] {
  const parts: Part[] = [];
  try {
    for (const key of Object.getOwnPropertyNames(error)) {
      const part = partOf(error, key);
      if (part !== null) parts.push(part);
    }
  } catch {
    // A proxy, whose traps throw.
  }
  return parts;
}

function partOf(error: Error, key: string): Part | null {
  try {
    const value: unknown = Reflect.get(error, key);
    const items = key === "errors" && Array.isArray(value) ? [...value] : null;
    return { key, value, items, enumerable: Object.getOwnPropertyDescriptor(error, key)?.enumerable };
  } catch {
    return null;
  }
}

/**
 * The error that a worker, or a manager's server, has sent; its last cause is a {@linkcode RemoteError} with its text
 * there. Where it failed, it says if that is known.
 */
export function unpack([text, bytes]: Failure, message = plain(), where: Where | null = null): unknown {
  if (bytes === null) return remoteError(text, where, {});
  let error: unknown;
  try {
    error = read(bytes, 0, bytes.length, message);
  } catch (cause) {
    return remoteError(text, where, { cause });
  }
  try {
    if (isError(error)) addCause(error, () => remoteCause(text, where));
  } catch {
    // The class of the user does not let it be added.
  }
  return where === null ? error : tellWhere(error, where);
}

/** What has become of some failures, and where each was. */
export interface Unpacking {
  readonly failures: readonly Failure[];
  /** Where the failure of that place was. */
  whereOf?(i: number): Where;
}

/** Unpacks errors and hands them to `receive`: at once, or once their classes have been looked for. */
export function unpackAll({ failures, whereOf }: Unpacking, receive: (errors: unknown[]) => void): void {
  const missing: FunctionReference[] = [];
  const all = (message: () => Incoming) => failures.map((it, i) => unpack(it, message(), whereOf?.(i) ?? null));
  const errors = all(() => plainNoting(missing));
  if (missing.length === 0) return receive(errors);
  void findClasses(missing).then(() => receive(all(plain)));
}

/** In the place of an error that cannot be sent, or read. */
function remoteError(text: string, where: Where | null, options: ErrorOptions): RemoteError {
  const words = text.split(/\n\s+at /, 1)[0];
  const error = new RemoteError(words, { ...options, ...partsOfRemote(text, where) });
  setStack(error, headOf(error), [...framesIn(text), ...where === null ? [] : framesOf(where)]);
  return where === null ? error : noteLack(error, where.site);
}

/** The last cause of an error that was sent: what the error itself does not say, and where that is. */
function remoteCause(text: string, where: Where | null): RemoteError {
  const worker = where?.worker ?? null;
  const place = worker === null ? "a manager's server" : nameOf(worker);
  const words = where === null
    ? `thrown in ${place}`
    : `${where.what}${where.index === null ? "" : ","} failed in ${place}`;
  const error = new RemoteError(words, partsOfRemote(text, where));
  // Without a frame, Deno would print one of this package.
  setStack(error, headOf(error), (where?.site?.frames ?? framesIn(text)).slice(0, 1));
  return error;
}

/** What a {@linkcode RemoteError} has besides its message. */
function partsOfRemote(remoteStack: string, where: Where | null): RemoteErrorOptions {
  const { index, argument, worker } = where ?? { index: null, argument: null, worker: null };
  return { remoteStack, index, argument, pid: worker?.pid ?? null, processName: worker?.name ?? null };
}

/** The user's frames in the printed form of an error, down to the first line that is none. */
function framesIn(text: string): string[] {
  const lines = text.split("\n");
  const first = lines.findIndex((line) => /^\s+at /.test(line));
  if (first < 0) return [];
  const end = lines.findIndex((line, i) => i > first && !/^\s+at /.test(line));
  return usersFrames(lines.slice(first, end < 0 ? undefined : end).map((line) => line.replace(/ \{$/, "")));
}

/** Puts a cause behind the causes that an error has, unless the last of them came from another process before. */
function addCause(error: Error, causeOf: () => Error): void {
  const seen = new Set<Error>();
  let last = error;
  while (isError(last.cause) && !seen.has(last)) {
    seen.add(last);
    last = last.cause;
  }
  if (last instanceof RemoteError) return;
  if (last.cause !== undefined) return; // something else, which is not ours to replace; or a circle
  Object.defineProperty(last, "cause", { value: causeOf(), writable: true, configurable: true });
}

/** How a worker ended: `was ended by SIGKILL`, `ended with exit code 3`. */
export function howItEnded(exitcode: number | null): string {
  if (exitcode === null) return "ended";
  const signal = signalName(exitcode);
  return signal !== null ? `was ended by ${signal}` : `ended with exit code ${exitcode}`;
}

/** The error of the task that a worker was running when it died. */
export function lost(task: Task, worker: WorkerHandle): WorkerLostError {
  const { process: { exitcode, name }, pid, lastWords } = worker;
  const where = whereOf(task, null, worker);
  const isOfItems = (task.call.flags & Flag.each) !== 0;
  const how = howItEnded(exitcode);
  const said = lastWords === "" ? "" : `; the last of its standard error:\n${harmless(lastWords, { multiline: true })}`;
  const message = `Cannot finish "${task.call.fn.given.label}"${isOfItems ? `, ${where.what}` : ""}: ` +
    `its worker "${shownName(name)}" (pid ${pid}) ${how}`;
  const options = { exitcode, signal: signalName(exitcode), pid, stderr: lastWords, index: where.index };
  const error = new WorkerLostError(message + said, options);
  // What prints a stack prints the property with the words, too.
  setStack(error, `${error.name}: ${message}`, isOfItems ? where.site?.frames ?? [] : framesOf(where));
  return noteLack(error, where.site);
}

/** Why a value cannot be sent, in a box, since its class may throw anything; `null` if it can. */
export function whyUnsendable(value: unknown): { readonly error: unknown } | null {
  try {
    discard(dumps(value).attachments);
    return null;
  } catch (error) {
    return { error };
  }
}

/** The error of a task that cannot be sent to a worker. */
export function unsendable(task: Task, error: unknown): unknown {
  const { list, call: { flags } } = task;
  const place = (flags & Flag.each) === 0 ? -1 : list.findIndex((item) => whyUnsendable(item) !== null);
  const where = whereOf(task, place < 0 ? null : place, null);
  const told = tellRefusal(error, framesOf(where));
  return isError(told) ? noteLack(told, where.site) : told;
}
