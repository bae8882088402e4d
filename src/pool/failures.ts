// Errors on their way from a worker to its pool: packed here, unpacked there.

import { RemoteError } from "../errors.ts";
import { dumps, loads } from "../reduction.ts";
import { findClasses, noteMissing } from "../reduction/error_exports.ts";
import { discard } from "../reduction/registry.ts";
import type { Failure } from "./messages.ts";

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
  const text = printed(error);
  try {
    const { bytes, attachments } = dumps(error);
    discard(attachments); // only the bytes are sent
    return [text, attachments.length === 0 ? bytes.slice() : null];
  } catch {
    return [text, null];
  }
}

/** The error that a worker has sent; its last cause is a {@linkcode RemoteError} with its text there. */
export function unpack([text, bytes]: Failure): unknown {
  if (bytes === null) return new RemoteError(text);
  let error: unknown;
  try {
    error = loads(bytes);
  } catch (cause) {
    return new RemoteError(text, { cause });
  }
  if (error instanceof Error) addCause(error, new RemoteError(text));
  return error;
}

/** Unpacks errors and hands them to `receive`: at once, or once their classes have been looked for. */
export function unpackAll(failures: readonly Failure[], receive: (errors: unknown[]) => void): void {
  const { value: errors, missing } = noteMissing(() => failures.map(unpack));
  if (missing.length === 0) return receive(errors);
  void findClasses(missing).then(() => receive(failures.map(unpack)));
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
