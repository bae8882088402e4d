// Arguments of a connection's methods besides the value: options, buffers, and the checks of both.

import { isBytes, plainBytes } from "../reduction/views.ts";
import { requireCount } from "../waiting/count.ts";
import { requireKnown, timeoutOf, WAIT, type WaitOptions } from "../waiting/options.ts";

/** Bytes in any form: a buffer, or the part of one that a view shows. */
export type Bytes = ArrayBufferLike | ArrayBufferView;

/** Options of what sends or receives in a promise. */
export interface TransferOptions {
  /** Rejects the promise with `signal.reason` when aborted. */
  signal?: AbortSignal;
}

/** Which part of the bytes to send. */
export interface SendBytesSyncOptions {
  /** The first byte. Default: 0. */
  offset?: number;
  /** How many bytes. Default: all from `offset` on. */
  size?: number;
}

/** As {@linkcode SendBytesSyncOptions}, in a promise. */
export interface SendBytesOptions extends SendBytesSyncOptions, TransferOptions {}

/** How long a message may be. */
export interface RecvBytesSyncOptions {
  /** A longer message is an error, after which nothing more can be received. Default: any length. */
  maxlength?: number;
}

/** As {@linkcode RecvBytesSyncOptions}, in a promise. */
export interface RecvBytesOptions extends RecvBytesSyncOptions, TransferOptions {}

/** Where in the buffer to put what is received. */
export interface RecvBytesIntoSyncOptions {
  /** The first byte to write to. Default: 0. */
  offset?: number;
}

/** As {@linkcode RecvBytesIntoSyncOptions}, in a promise. */
export interface RecvBytesIntoOptions extends RecvBytesIntoSyncOptions, TransferOptions {}

const TRANSFER = ["signal"];
const SEND_BYTES = ["offset", "size", "signal"];
const RECV_BYTES = ["maxlength", "signal"];
const RECV_BYTES_INTO = ["offset", "signal"];

/** Which method options are for: one that blocks the thread takes no signal. */
export interface Form {
  readonly isSync: boolean;
}

/** The signal of the options of `send` or `recv`; throws if it is aborted or none. */
export function transferSignal(options: TransferOptions | undefined): AbortSignal | undefined {
  checkOptions(options, TRANSFER, { isSync: false });
  return signalOf(options);
}

/** The signal of options that are checked otherwise; throws if it is aborted or none. */
export function signalOf(options: TransferOptions | undefined): AbortSignal | undefined {
  if (options === undefined) return undefined;
  timeoutOf({ signal: options.signal });
  options.signal?.throwIfAborted();
  return options.signal;
}

function checkOptions(options: object | undefined, known: readonly string[], { isSync }: Form): void {
  if (options === undefined) return;
  requireKnown("use a connection", options, isSync ? known.filter((name) => name !== "signal") : known);
}

/** The longest message; `Infinity` without a limit. */
export function limitOf(options: RecvBytesSyncOptions | undefined, form: Form): number {
  checkOptions(options, RECV_BYTES, form);
  const maxlength = options?.maxlength;
  if (maxlength === undefined) return Infinity;
  requireCount("receive", "maxlength", maxlength);
  return maxlength;
}

/** The bytes of a buffer or view. */
function bytesOf(action: string, bytes: Bytes): Uint8Array {
  if (ArrayBuffer.isView(bytes)) return plainBytes(bytes);
  if (bytes instanceof ArrayBuffer || bytes instanceof SharedArrayBuffer) return new Uint8Array(bytes);
  throw new TypeError(`Cannot ${action}: ${Deno.inspect(bytes)} was given, wanted a buffer or a view of one`);
}

/** The bytes to send, which may say anything of themselves. */
export function partOf(bytes: Bytes, options: SendBytesSyncOptions | undefined, form: Form): Uint8Array {
  checkOptions(options, SEND_BYTES, form);
  const isWhole = options?.offset === undefined && options?.size === undefined;
  if (isWhole && isBytes(bytes)) return bytes;
  const whole = bytesOf("send bytes", bytes);
  if (isWhole) return whole;
  const { offset = 0 } = options;
  requireCount("send bytes", "offset", offset);
  if (offset > whole.length) {
    throw new RangeError(`Cannot send bytes: buffer length < offset: there are ${whole.length}, "offset" is ${offset}`);
  }
  const { size = whole.length - offset } = options;
  requireCount("send bytes", "size", size);
  if (offset + size > whole.length) {
    throw new RangeError(
      `Cannot send bytes: buffer length < offset + size: there are ${whole.length}, wanted ${size} from ${offset} on`,
    );
  }
  return whole.subarray(offset, offset + size);
}

/** Where the bytes go that are received. */
export function roomOf(target: Bytes, options: RecvBytesIntoSyncOptions | undefined, form: Form): Uint8Array {
  const whole = bytesOf("receive", target);
  checkOptions(options, RECV_BYTES_INTO, form);
  const offset = options?.offset ?? 0;
  requireCount("receive", "offset", offset);
  if (offset > whole.length) {
    throw new RangeError(
      `Cannot receive: offset too large: the buffer has ${whole.length} bytes, "offset" is ${offset}`,
    );
  }
  return offset === 0 ? whole : whole.subarray(offset);
}

/**
 * Milliseconds that a poll waits, of options with these names: without a `timeout` none, unlike elsewhere.
 *
 * @throws As {@linkcode timeoutOf}.
 */
export function pollLimit(options: WaitOptions, known: readonly string[] = WAIT): number {
  const limit = timeoutOf(options, known);
  return options.timeout === undefined ? 0 : limit;
}
