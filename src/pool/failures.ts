// What goes wrong with a task, as its call is told: errors on their way from a worker to the pool, packed here and unpacked
// there; and the loss of the worker itself.

import { RemoteError, WorkerLostError } from "../errors.ts";
import { signalName } from "../runtime/signals.ts";
import { harmless, shownName } from "../runtime/harmless.ts";
import type { FunctionReference } from "../callable/types.ts";
import { dumps, read } from "../reduction/serialise.ts";
import { findClasses } from "../reduction/error_lookup.ts";
import { plain, plainNoting } from "../reduction/passage.ts";
import { discard } from "../reduction/registry.ts";
import type { Failure } from "./messages.ts";
import type { WorkerHandle } from "./worker_handle.ts";

/** How deep the printed form of an error goes. */
const DEPTH = 4;

/** The printed form of anything, for people. */
export function printed(value: unknown): string {
  try {
    return Deno.inspect(value, { depth: DEPTH, colors: false });
  } catch {
    return Object.prototype.toString.call(value); // its own way of being printed throws
  }
}

/** An error, or whatever was thrown, as a message can take it. */
export function pack(error: unknown): Failure {
  return [printed(error), bytesOf(error) ?? bytesOf(sendable(error))];
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

/** The same, if it can be sent; an error without those of its own properties that cannot; `NOTHING` for anything else. */
function sendable(value: unknown, outer: readonly unknown[] = []): unknown {
  if (bytesOf(value) !== null) return value;
  if (!(value instanceof Error) || outer.includes(value)) return NOTHING;
  const around = [...outer, value];
  const copy: Error = Object.create(Object.getPrototypeOf(value));
  for (const key of Object.getOwnPropertyNames(value)) {
    const kept = sendableProperty(value, key, around);
    if (kept === NOTHING) continue;
    const { enumerable } = Object.getOwnPropertyDescriptor(value, key)!;
    Object.defineProperty(copy, key, { value: kept, enumerable });
  }
  return copy;
}

function sendableProperty(error: Error, key: string, around: readonly unknown[]): unknown {
  try {
    const value: unknown = Reflect.get(error, key);
    if (key !== "errors" || !Array.isArray(value)) return sendable(value, around);
    return value.map((it) => sendable(it, around)).filter((it) => it !== NOTHING);
  } catch {
    return NOTHING; // whatever it is, it throws when it is asked for
  }
}

/** In the place of what cannot be sent; nor can it. */
const NOTHING = Symbol("nothing");

/** The error that a worker has sent; its last cause is a {@linkcode RemoteError} with its text there. */
export function unpack([text, bytes]: Failure, message = plain()): unknown {
  if (bytes === null) return new RemoteError(text);
  let error: unknown;
  try {
    error = read(bytes, 0, bytes.length, message);
  } catch (cause) {
    return new RemoteError(text, { cause });
  }
  try {
    if (error instanceof Error) addCause(error, new RemoteError(text));
  } catch {
    // The class of the user does not let it be added.
  }
  return error;
}

/** Unpacks errors and hands them to `receive`: at once, or once their classes have been looked for. */
export function unpackAll(failures: readonly Failure[], receive: (errors: unknown[]) => void): void {
  const missing: FunctionReference[] = [];
  const errors = failures.map((failure) => unpack(failure, plainNoting(missing)));
  if (missing.length === 0) return receive(errors);
  void findClasses(missing).then(() => receive(failures.map((failure) => unpack(failure))));
}

/** Puts a cause behind the causes that an error has. */
function addCause(error: Error, cause: Error): void {
  const seen = new Set<Error>();
  let last = error;
  while (last.cause instanceof Error && !seen.has(last)) {
    seen.add(last);
    last = last.cause;
  }
  if (last.cause !== undefined) return; // something else, which is not ours to replace; or a circle
  Object.defineProperty(last, "cause", { value: cause, writable: true, configurable: true });
}

/** How a worker ended: `was ended by SIGKILL`, `ended with exit code 3`. */
export function howItEnded(exitcode: number | null): string {
  if (exitcode === null) return "ended";
  const signal = signalName(exitcode);
  return signal !== null ? `was ended by ${signal}` : `ended with exit code ${exitcode}`;
}

/** The error of the task that a worker was running when it died. */
export function lost(fn: string, { process, pid, lastWords }: WorkerHandle): WorkerLostError {
  const { exitcode } = process;
  const said = lastWords === "" ? "" : `; the last of its standard error:\n${harmless(lastWords, { multiline: true })}`;
  const message = `Cannot finish "${fn}": its worker "${shownName(process.name)}" (pid ${pid}) ${
    howItEnded(exitcode)
  }${said}`;
  return new WorkerLostError(message, { exitcode, signal: signalName(exitcode), pid, stderr: lastWords });
}
