// Shared memory as buffers: where a value lies, and how views of a block become references and come back.
//
// A block of at most one cell is seen through the window over all cells, which never goes away (in a process with
// limited permissions: through a buffer over the bytes of the value): code that uses such a place looks first whether
// its handle is open. A window is an ordinary ArrayBuffer and shows others' cells, so it never reaches a user. Users
// have views of a SharedArrayBuffer over a whole block, which the buffer keeps alive.

import { bytesOf } from "../addon/cells.ts";
import { collecting } from "../addon/garbage.ts";
import { BlockHandle, type BlockReference } from "../addon/handles.ts";
import { bufferOf, byteOffsetOf, isGrowableMemory, lengthOf, viewName } from "../reduction/contents.ts";
import { type ViewConstructor, VIEWS } from "../reduction/format.ts";
import { isOf } from "../reduction/kinds.ts";
import { glance } from "../runtime/harmless.ts";
import { native } from "../addon/load.ts";
import { translated } from "../addon/translate.ts";
import { adopted, attach } from "../reduction/passage.ts";
import { setViewReducer } from "../reduction/registry.ts";
import { Cell, Kind } from "../addon/numbers.ts";

/** Where one value lies in shared memory. */
export interface Place {
  /** This process's share in the block; once closed, the place may not be touched. */
  readonly handle: BlockHandle;
  readonly buffer: ArrayBufferLike;
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

/**
 * The property of an ArrayBuffer that names its shared block, once that was asked for. A WeakMap would do as well, but
 * it keeps short-lived buffers alive until a full collection.
 */
const SHOWN = Symbol("shown");
/**
 * Buffers that have been in a message, by block. When the block comes back, its buffer is found here, so that one block
 * has one buffer. A buffer that was never sent is not listed: V8 collects objects known to a WeakRef or
 * FinalizationRegistry only in full collections, and a million short-lived arrays would fill the heap.
 */
const buffers = new Map<number, { generation: number; buffer: WeakRef<SharedArrayBuffer> }>();
const collected = new FinalizationRegistry<number>((block) => {
  if (buffers.get(block)?.buffer.deref() === undefined) buffers.delete(block);
});

/** The buffer over a block, if this thread has one. */
function existingBuffer([block, generation]: BlockReference): SharedArrayBuffer | undefined {
  const known = buffers.get(block);
  return known?.generation === generation ? known.buffer.deref() : undefined;
}

/** Has a buffer found by those that come back to the block that it shows. */
function remember(buffer: SharedArrayBuffer, reference: BlockReference): void {
  if (existingBuffer(reference) !== undefined) return;
  const [block, generation] = reference;
  buffers.set(block, { generation, buffer: new WeakRef(buffer) });
  collected.register(buffer, block);
}

/** A buffer knows its block. */
function marked(buffer: SharedArrayBuffer, reference: BlockReference): SharedArrayBuffer {
  return Object.defineProperty(buffer, SHOWN, { value: reference });
}

/** The block that a buffer shows, if it shows one. */
function shownBy(buffer: ArrayBufferLike & { readonly [SHOWN]?: BlockReference }): BlockReference | undefined {
  return buffer[SHOWN] ?? (buffer instanceof SharedArrayBuffer ? foundBlock(buffer) : undefined);
}

/** The block under a buffer that nobody has asked yet, or that another thread has posted, which brings no properties. */
function foundBlock(buffer: SharedArrayBuffer): BlockReference | undefined {
  if (!isOf("SharedArrayBuffer", buffer) || !isGrowableMemory(buffer)) return undefined;
  const found = native().viewFind(buffer, new Uint8Array(buffer, 0, 1));
  if (found === null) return undefined;
  marked(buffer, found);
  return found;
}

/** The buffer over a block that has arrived. */
function arrivedBuffer(handle: BlockHandle): SharedArrayBuffer {
  const reference = handle.reference();
  const existing = existingBuffer(reference);
  if (existing !== undefined) return existing;
  const buffer = marked(translated(() => collecting(() => native().viewOpen(reference[0]))), reference);
  remember(buffer, reference);
  return buffer;
}

/**
 * A new buffer of `size` zero bytes of shared memory. It has one byte where 0 are wanted, so that there is something
 * to tell it by.
 *
 * @throws {RangeError} If there is not as much memory.
 */
export function sharedBuffer(size: number): SharedArrayBuffer {
  return translated(() => collecting(() => native().viewCreate(size)));
}

/** Whether a buffer is a view of a whole block of shared memory. */
export function isShared(buffer: ArrayBufferLike): boolean {
  return shownBy(buffer) !== undefined;
}

/** A new place of zeroes. */
export function newPlace({ size, hasViews }: Demand): Place {
  if (!hasViews && size <= Cell.size) {
    return cellPlace(BlockHandle.create(Kind.bytes, Math.max(1, size)), 0);
  }
  const buffer = sharedBuffer(size);
  const reference = native().viewMade();
  return { handle: BlockHandle.adopt(reference), buffer: marked(buffer, reference), byteOffset: 0, within: 0 };
}

/** A new place of zeroes behind an RLock in the same cell; `undefined` if it does not fit there. */
export function newGuardedPlace({ size, hasViews }: Demand): Place | undefined {
  const { valueSize, valueOffset, size: cellSize } = Cell;
  if (hasViews || size > valueSize) return undefined;
  return cellPlace(BlockHandle.create(Kind.value, cellSize), valueOffset);
}

function cellPlace(handle: BlockHandle, within: number): Place {
  const { buffer, byte, first } = bytesOf(handle.block);
  // A write there would change the words of the lock.
  if (within < first) {
    throw new RangeError(`Cannot restore shared memory: byte ${within} of the block is not the value's`);
  }
  return { handle, buffer, byteOffset: byte + within, within };
}

/**
 * Gives up this process's share in a place at once, of which no user has a view. A buffer that nobody can know of any
 * more goes, too: otherwise the memory would stay until the next collection.
 */
export function closePlace({ handle, buffer }: Place, hasViews: boolean): void {
  if (!handle.closed && !hasViews && buffer instanceof SharedArrayBuffer) closeBuffer(buffer);
  handle.close();
}

/** Lets go of the memory of a buffer that was made here and has never travelled; zeroes are left. */
export function closeBuffer(buffer: SharedArrayBuffer): boolean {
  const reference = shownBy(buffer);
  if (reference === undefined || existingBuffer(reference) !== undefined) return false;
  translated(() => native().viewClose(new Uint8Array(buffer, 0, 1)));
  return true;
}

/** How a place travels; its block is attached to the message. */
export function placeReference({ handle, buffer, within }: Place): PlaceReference {
  attach(handle.block);
  const reference = handle.reference();
  if (buffer instanceof SharedArrayBuffer) remember(buffer, reference);
  return [...reference, within];
}

/**
 * The place that a message names.
 *
 * @throws {RangeError} If it is malformed, or `demand` does not fit there.
 * @throws {InvalidStateError} If the block is gone.
 */
export function restorePlace(data: unknown, { size, alignment, hasViews }: Demand): Place {
  const [block, generation, within] = integersOf(data, 3);
  const handle = adopted([block, generation]);
  const blockSize = native().sizeOf(block);
  if (within % alignment !== 0 || within + size > blockSize) {
    handle.close();
    throw new RangeError(
      `Cannot restore shared memory: ${size} bytes from byte ${within} on are wanted, the block has ${blockSize}`,
    );
  }
  if (!hasViews && blockSize <= Cell.size) return cellPlace(handle, within);
  return { handle, buffer: arrivedBuffer(handle), byteOffset: within, within };
}

/** The `count` integers, none negative, that a message brings. */
function integersOf(data: unknown, count: number): number[] {
  const isSound = Array.isArray(data) && data.length === count &&
    data.every((item) => Number.isSafeInteger(item) && item >= 0);
  if (isSound) return data;
  throw new RangeError(`Cannot restore shared memory: the reference is malformed: ${glance(data)}`);
}

/** The kinds of views that may arrive, by the names that they give themselves. */
const viewConstructors: ReadonlyMap<unknown, ViewConstructor> = new Map(
  [...VIEWS, Uint8Array].map((View) => [View.name, View]),
);

function reduceView(view: ArrayBufferView): unknown {
  const kind = viewName(view);
  const buffer = bufferOf(view, kind);
  const reference = shownBy(buffer);
  if (reference === undefined) return undefined;
  attach(reference[0]);
  remember(buffer as SharedArrayBuffer, reference);
  return [kind, ...reference, byteOffsetOf(view, kind), lengthOf(view, kind)];
}

type View = Uint8Array;

function restoreView(data: unknown): ArrayBufferView {
  const [kind, ...rest] = Array.isArray(data) ? data : [];
  const [block, generation, byteOffset, length] = integersOf(rest, 4);
  const View = viewConstructors.get(kind);
  if (View === undefined) {
    throw new RangeError(`Cannot restore a view of shared memory: ${glance(kind)} is no kind of view`);
  }
  using handle = adopted([block, generation]);
  const buffer = arrivedBuffer(handle);
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
