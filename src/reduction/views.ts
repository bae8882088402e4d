/**
 * Checks whether a view may travel by its bytes, and whose bytes those are that a function is given.
 *
 * @module
 */
import { glance } from "../runtime/harmless.ts";
import { bufferOf, byteLengthOf, byteOffsetOf, isDetached, isOutside, sizeOfBytes, viewName } from "./contents.ts";
import { DETACHED, OUT_OF_BOUNDS, Refusal, SHARED_BUFFER } from "./refusal.ts";

/**
 * How many bytes a view has whose built-in class is called `name`.
 *
 * @throws {Refusal} If the threads of this process share them, or they are gone.
 */
export function sizeOfView(view: ArrayBufferView, name: string): number {
  const buffer = bufferOf(view, name);
  if (name === "DataView") return sizeOfDataView(view, buffer);
  const size = byteLengthOf(view, name);
  if (size > 0 && buffer instanceof ArrayBuffer) return size;
  requireOrdinary(view, buffer);
  if (size === 0 && isOutside(view)) throw new Refusal(view, OUT_OF_BOUNDS);
  return size;
}

/** As {@linkcode sizeOfView}; a DataView whose memory is gone throws if it is asked. */
function sizeOfDataView(view: ArrayBufferView, buffer: ArrayBufferLike): number {
  requireOrdinary(view, buffer);
  try {
    return byteLengthOf(view, "DataView");
  } catch {
    throw new Refusal(view, OUT_OF_BOUNDS);
  }
}

/** Refuses memory that the threads of this process share, and what was transferred; that of another realm is as good. */
function requireOrdinary(view: ArrayBufferView, buffer: ArrayBufferLike): void {
  let isGone: boolean;
  try {
    isGone = isDetached(buffer);
  } catch {
    throw new Refusal(view, SHARED_BUFFER);
  }
  if (isGone) throw new Refusal(view, DETACHED);
}

/** The bytes of a view that {@linkcode sizeOfView} has found `size` in. */
export function bytesOfView(view: ArrayBufferView, name: string, size: number): Uint8Array {
  return new Uint8Array(bufferOf(view, name), byteOffsetOf(view, name), size);
}

/** The bytes that a view shows, as an array without a class or properties of the user's. */
export function plainBytes(view: ArrayBufferView): Uint8Array {
  const name = viewName(view);
  return bytesOfView(view, name, byteLengthOf(view, name));
}

/**
 * The bytes that a function was given: a subclass such as node's Buffer slices without copying, and another may say that
 * it is longer than it is.
 *
 * @throws {TypeError} If it is no Uint8Array.
 */
export function requireBytes(action: string, bytes: Uint8Array): Uint8Array {
  if (!isBytes(bytes)) {
    throw new TypeError(`Cannot ${action}: ${glance(bytes)} was given, wanted a Uint8Array`);
  }
  const isPlain = bytes.constructor === Uint8Array && bytes.length === sizeOfBytes(bytes);
  return isPlain ? bytes : plainBytes(bytes);
}

/** What a byte array calls itself inside. */
const ARRAY = "Uint8Array";

/** Whether something is a Uint8Array inside, whatever class extends it. */
export function isBytes(value: unknown): value is Uint8Array {
  return ArrayBuffer.isView(value) && viewName(value) === ARRAY;
}

/**
 * Whether something is a Uint8Array, of no class that extends it, and has at least `least` bytes of ordinary memory. It
 * may have properties of its own, so `length` and `slice` are not to be asked of it.
 */
export function isLongArray(value: unknown, least: number): value is Uint8Array<ArrayBuffer> {
  return isBytes(value) && sizeOfBytes(value) >= least && Object.getPrototypeOf(value) === Uint8Array.prototype &&
    bufferOf(value, ARRAY) instanceof ArrayBuffer;
}
