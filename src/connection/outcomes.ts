// What connections say of sends and receives that cannot be done, and how what comes ends, whoever implements them.

import { BufferTooShort, EOFError, InvalidStateError } from "../errors.ts";

/** The error of a receive where nothing is left and nobody can send any more. */
export function ended(): EOFError {
  return new EOFError("Cannot receive: the other end is closed");
}

/** The error of a send over an end that only receives. */
export function readOnly(): InvalidStateError {
  return new InvalidStateError("Cannot send: connection is read-only");
}

/** The error of a receive from an end that only sends. */
export function writeOnly(): InvalidStateError {
  return new InvalidStateError("Cannot receive: connection is write-only");
}

/** The error of a send that would overtake others. */
export function isSending(): InvalidStateError {
  return new InvalidStateError("Cannot send: an asynchronous send is not finished");
}

/** The error of a receive that would overtake others. */
export function isReceiving(): InvalidStateError {
  return new InvalidStateError("Cannot receive: an asynchronous receive is not finished");
}

/** The error of a message that does not fit into the buffer; it has the bytes. */
export function tooShort(bytes: Uint8Array<ArrayBuffer>, room: number): BufferTooShort {
  return new BufferTooShort(
    `Cannot receive ${bytes.length} bytes: the buffer has room for ${room}; the error's "bytes" has them`,
    { bytes },
  );
}

/** What a connection is for messages: `duplex`, or what else it can do. */
export function connectionState(
  { closed, readable, writable }: { readonly closed: boolean; readonly readable: boolean; readonly writable: boolean },
): string {
  if (closed) return "closed";
  if (readable) return writable ? "duplex" : "read-only";
  return writable ? "write-only" : "unusable";
}

/** What comes over a connection, value after value, until the other end is closed. */
export async function* valuesFrom<T>(connection: { recv(): Promise<T> }): AsyncGenerator<T, void, undefined> {
  for (;;) {
    let value: T;
    try {
      value = await connection.recv();
    } catch (error) {
      if (error instanceof EOFError) return;
      throw error;
    }
    yield value;
  }
}
