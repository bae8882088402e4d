// Shared memory as buffers: where a value lies, and how views of a block become references and come back.
//
// A block of at most one cell is seen through the window over all cells, which never goes away: whoever uses such a
// place looks first whether its handle is open. A buffer over a whole block keeps the block by itself, so users may
// have views of it.

import { BlockHandle, type BlockReference, cellOf, Kind, layout } from "../blocks.ts";
import { native, translated } from "../native.ts";
import { attach, setViewReducer } from "../reduction.ts";

/** Where one value lies in shared memory. */
export interface Place {
  /** This process's share in the block; once closed, the place may not be touched. */
  readonly handle: BlockHandle;
  readonly buffer: ArrayBuffer;
  /** Where the value begins in `buffer`. */
  readonly byteOffset: number;
  /** Where it begins in the block. */
  readonly within: number;
}

/** How a place travels. */
export type PlaceReference = [...BlockReference, within: number];

/** What a place must offer. */
export interface Demand {
  readonly size: number;
  readonly alignment: number;
  /** Whether users get views of it, which must keep the block by themselves. */
  readonly hasViews: boolean;
}

/** The blocks that buffers show. */
const references = new WeakMap<ArrayBufferLike, BlockReference>();
/** The buffers by the blocks that they show, so that a block has one buffer for as long as somebody uses it. */
const buffers = new Map<number, { generation: number; buffer: WeakRef<ArrayBuffer> }>();
const collected = new FinalizationRegistry<number>((block) => {
  if (buffers.get(block)?.buffer.deref() === undefined) buffers.delete(block);
});

/** The buffer over a block, if this thread has one. */
function existingBuffer([block, generation]: BlockReference): ArrayBuffer | undefined {
  const known = buffers.get(block);
  return known?.generation === generation ? known.buffer.deref() : undefined;
}

/** The buffer over a block that this process holds; it goes on holding the block. */
function bufferOver(reference: BlockReference): ArrayBuffer {
  const existing = existingBuffer(reference);
  if (existing !== undefined) return existing;
  const [block, generation] = reference;
  const buffer = translated(() => native().bytes(block));
  references.set(buffer, reference);
  buffers.set(block, { generation, buffer: new WeakRef(buffer) });
  collected.register(buffer, block);
  return buffer;
}

/**
 * A new buffer of `size` zero bytes of shared memory. It has one byte where 0 are wanted: V8 does not keep the memory
 * of empty buffers.
 *
 * @throws {RangeError} If there is not as much memory.
 */
export function sharedBuffer(size: number): ArrayBuffer {
  return handOver(BlockHandle.create(Kind.bytes, Math.max(1, size)));
}

/** The buffer over the block of a handle, in place of the handle. */
function handOver(handle: BlockHandle): ArrayBuffer {
  try {
    return bufferOver(handle.reference());
  } finally {
    handle.close();
  }
}

/** Whether a buffer is a view of a whole block of shared memory. */
export function isShared(buffer: ArrayBufferLike): boolean {
  return references.has(buffer);
}

/** A new place of zeroes. */
export function newPlace({ size, hasViews }: Demand): Place {
  const handle = BlockHandle.create(Kind.bytes, Math.max(1, size));
  return hasViews || size > layout().cellSize ? bufferPlace(handle, 0) : cellPlace(handle, 0);
}

/** A new place of zeroes behind an RLock in the same cell; `undefined` if it does not fit there. */
export function newGuardedPlace({ size, hasViews }: Demand): Place | undefined {
  const { valueSize, valueOffset, cellSize } = layout();
  if (hasViews || size > valueSize) return undefined;
  return cellPlace(BlockHandle.create(Kind.value, cellSize), valueOffset);
}

function cellPlace(handle: BlockHandle, within: number): Place {
  const { window, byte } = cellOf(handle.block);
  return { handle, buffer: window.buffer, byteOffset: byte + within, within };
}

function bufferPlace(handle: BlockHandle, within: number): Place {
  return { handle, buffer: bufferOver(handle.reference()), byteOffset: within, within };
}

/** How a place travels; its block is attached to the message. */
export function placeReference({ handle, within }: Place): PlaceReference {
  attach(handle.block);
  return [...handle.reference(), within];
}

/**
 * The place that a message names.
 *
 * @throws {RangeError} If it is malformed, or `demand` does not fit there.
 * @throws {InvalidStateError} If the block is gone.
 */
export function restorePlace(data: unknown, { size, alignment, hasViews }: Demand): Place {
  const [block, generation, within] = integersOf(data, 3);
  const handle = BlockHandle.adopt([block, generation]);
  const blockSize = native().sizeOf(block);
  if (within % alignment !== 0 || within + size > blockSize) {
    handle.close();
    throw new RangeError(
      `Cannot restore shared memory: ${size} bytes from byte ${within} on are wanted, the block has ${blockSize}`,
    );
  }
  return hasViews || blockSize > layout().cellSize ? bufferPlace(handle, within) : cellPlace(handle, within);
}

/** The `count` integers, none negative, that a message brings. */
function integersOf(data: unknown, count: number): number[] {
  const isSound = Array.isArray(data) && data.length === count &&
    data.every((item) => Number.isSafeInteger(item) && item >= 0);
  if (isSound) return data;
  throw new RangeError(`Cannot restore shared memory: the reference is malformed: ${Deno.inspect(data)}`);
}

/** The kinds of views that may arrive, by the names that they give themselves. */
const viewConstructors: ReadonlyMap<unknown, new (buffer: ArrayBuffer, at: number, length: number) => ArrayBufferView> =
  new Map(
    [
      DataView,
      Int8Array,
      Uint8Array,
      Uint8ClampedArray,
      Int16Array,
      Uint16Array,
      Int32Array,
      Uint32Array,
      BigInt64Array,
      BigUint64Array,
      Float16Array,
      Float32Array,
      Float64Array,
    ].map((View) => [View.name, View]),
  );

function reduceView(view: ArrayBufferView): unknown {
  const reference = references.get(view.buffer);
  if (reference === undefined) return undefined;
  attach(reference[0]);
  // The tag is the built-in class's name in subclasses, too.
  const kind = (view as DataView | View)[Symbol.toStringTag];
  const length = view instanceof DataView ? view.byteLength : (view as View).length;
  return [kind, ...reference, view.byteOffset, length];
}

type View = Uint8Array;

function restoreView(data: unknown): ArrayBufferView {
  const [kind, ...rest] = Array.isArray(data) ? data : [];
  const [block, generation, byteOffset, length] = integersOf(rest, 4);
  const View = viewConstructors.get(kind);
  if (View === undefined) {
    throw new RangeError(`Cannot restore a view of shared memory: ${Deno.inspect(kind)} is no kind of view`);
  }
  const buffer = existingBuffer([block, generation]) ?? handOver(BlockHandle.adopt([block, generation]));
  try {
    return new View(buffer, byteOffset, length);
  } catch (cause) {
    throw new RangeError(
      `Cannot restore a view of shared memory: a ${kind} of length ${length} from byte ${byteOffset} on is wanted, ` +
        `the block has ${buffer.byteLength} bytes`,
      { cause },
    );
  }
}

setViewReducer({ reduce: reduceView, restore: restoreView });
