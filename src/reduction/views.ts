/**
 * Checks whether a view may travel by its bytes.
 *
 * @module
 */
import { isOf } from "./kinds.ts";
import { DETACHED, OUT_OF_BOUNDS, Refusal, SHARED_BUFFER } from "./refusal.ts";

/** The length of a view in bytes; 0 also for a DataView whose memory is gone, which throws if it is asked. */
export function lengthOf(view: ArrayBufferView): number {
  try {
    return view.byteLength;
  } catch {
    return 0;
  }
}

/** Refuses an empty view that is one because its memory was transferred, or has shrunk. */
export function requireMemory(view: ArrayBufferView): void {
  if ((view.buffer as ArrayBuffer).detached) throw new Refusal(view, DETACHED);
  try {
    if (view instanceof DataView) void view.byteLength;
    else Reflect.apply(typedArrayKeys, view, []);
  } catch {
    throw new Refusal(view, OUT_OF_BOUNDS);
  }
}

/** A method of all typed arrays that throws if the memory is not there. */
const typedArrayKeys = Uint8Array.prototype.keys;

/** Refuses memory that the threads of this process share; that of another realm is as good as any. */
export function requireOrdinary(buffer: object, view: ArrayBufferView): void {
  if (isOf("SharedArrayBuffer", buffer)) throw new Refusal(view, SHARED_BUFFER);
}
