// Handles of blocks of shared memory: adopted when they arrive, released when closed or collected.

import { InvalidStateError } from "../errors.ts";
import { type Layout, type Native, native, translated } from "./binding.ts";

/** What a block is used as. See `Kind` in native/core/src/memory/heap/blocks.rs. */
export const Kind = {
  lock: 1,
  rlock: 2,
  semaphore: 3,
  event: 4,
  value: 7,
  bytes: 8,
  pipe: 14,
  view: 17,
} as const;

/** How a block is named in a message to another process. */
export type BlockReference = [block: number, generation: number];

/** Last resort for handles that nobody closed. */
const collected = new FinalizationRegistry<number>((block) => native().collectBlock(block));

/** Whether what is being restored came from outside of the tree. */
let isFromOutside = false;

/** Restores a message of a process outside the tree, which must not name our shared memory. */
export function restoringFromOutside<T>(restore: () => T): T {
  const outer = isFromOutside;
  isFromOutside = true;
  try {
    return restore();
  } finally {
    isFromOutside = outer;
  }
}

/** Whether {@linkcode restoringFromOutside} is running. */
export function isRestoringFromOutside(): boolean {
  return isFromOutside;
}

/**
 * What `make` makes. Where no memory is left, garbage is collected first: arrays that nobody has any more may have it,
 * and V8 does not know how little there is.
 */
export function collecting<T>(make: () => T): T {
  for (const pause of PAUSES) {
    try {
      return make();
    } catch (error) {
      if ((error as { code?: unknown }).code !== "EXHAUSTED") throw error;
    }
    native().collectGarbage();
    makeGarbage();
    Atomics.wait(sleeper ??= new Int32Array(new SharedArrayBuffer(4)), 0, 0, pause);
  }
  collectEverything();
  Atomics.wait(sleeper!, 0, 0, PAUSES.at(-1));
  native().viewLookAgain();
  return make();
}

/** What Node's modules offer for it; they take 15 ms to load, so this is the last resort. */
interface NodeProcess {
  getBuiltinModule(name: "node:v8"): { setFlagsFromString(flags: string): void };
  getBuiltinModule(name: "node:vm"): { runInNewContext(code: string): unknown };
}

/** A full collection, which nothing else in Deno gives at once. */
function collectEverything(): void {
  const { process } = globalThis as unknown as { process: NodeProcess };
  process.getBuiltinModule("node:v8").setFlagsFromString("--expose-gc");
  (process.getBuiltinModule("node:vm").runInNewContext("gc") as () => void)();
}

/** 24 MB of it: V8 collects the young several times, and comes to the end of what {@linkcode collecting} has begun. */
function makeGarbage(): void {
  for (let i = 0; i < 3_000; i++) garbage = new Array(1_000).fill(i);
  garbage = [];
}

/** Keeps V8 from leaving out what nobody reads. */
export let garbage: number[] = [];

/** How long to wait, in milliseconds, for the thread in which V8 unmaps what it has collected. */
const PAUSES = [1, 10, 100];
let sleeper: Int32Array | undefined;

/** This process's share in a block of shared memory. */
export class BlockHandle implements Disposable {
  /** The number of the block; 0 once closed. */
  #block: number;
  /** What {@linkcode onClose} was told, if it ever was. */
  #closers: Set<() => void> | undefined;

  private constructor(block: number) {
    this.#block = block;
    collected.register(this, block, this);
  }

  /** A new block of zeroes. */
  static create(kind: number, size: number): BlockHandle {
    return new BlockHandle(translated(() => collecting(() => native().createBlock(kind, size))));
  }

  /** The handle of a block that `make` has made. */
  static of(make: (addon: Native) => number): BlockHandle {
    return new BlockHandle(translated(() => collecting(() => make(native()))));
  }

  /**
   * A handle of the block that a message names.
   *
   * @throws {TypeError} If the message came from outside of the tree.
   * @throws {RangeError} If it is no reference.
   * @throws {InvalidStateError} If the block is gone.
   */
  static adopt(reference: unknown): BlockHandle {
    if (isFromOutside) {
      throw new TypeError("Cannot receive a shared object: the message came from outside of this process tree");
    }
    const [block, generation, ...rest] = partsOf(reference, "a shared object");
    if (!isNumberOfBlock(block) || !isNumberOfBlock(generation) || rest.length > 0) {
      throw new RangeError("Cannot restore a shared object: its reference is malformed");
    }
    translated(() => native().adoptBlock(block, generation));
    return new BlockHandle(block);
  }

  /** The number of the block; 0 once closed. */
  get block(): number {
    return this.#block;
  }

  get closed(): boolean {
    return this.#block === 0;
  }

  /**
   * The number of the block, to do `action` with it.
   *
   * @throws {InvalidStateError} If the handle is closed.
   */
  require(action: string, what: string): number {
    if (this.#block === 0) throw closedError(`${action} the ${what}`, what);
    return this.#block;
  }

  /**
   * Another handle, for a wait to keep the block with, whoever closes this one: the number of a block that was returned
   * may be another object's at any time.
   */
  share(): BlockHandle {
    return BlockHandle.adopt(this.reference());
  }

  /** How a message names the block. */
  reference(): BlockReference {
    return [this.#block, translated(() => native().generationOf(this.#block))];
  }

  /** Has `closer` called when this very handle is closed; what it gives takes that back. */
  onClose(closer: () => void): () => void {
    const closers = this.#closers ??= new Set();
    closers.add(closer);
    return () => closers.delete(closer);
  }

  /** Gives up the share; the last one returns the memory. Again: nothing happens. */
  close(): void {
    if (this.#block === 0) return;
    collected.unregister(this);
    native().releaseBlock(this.#block);
    this.#block = 0;
    for (const closer of [...this.#closers ?? []]) closer();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function isNumberOfBlock(value: unknown): value is number {
  return typeof value === "number" && value >>> 0 === value;
}

/**
 * What a message describes an object by, which must be a list.
 *
 * @throws {RangeError} If it is none.
 */
export function partsOf(data: unknown, what: string): readonly unknown[] {
  if (Array.isArray(data)) return data;
  throw new RangeError(`Cannot restore ${what}: its description is malformed`);
}

/** The error for the use of an object that was closed. */
export function closedError(action: string, what: string): InvalidStateError {
  return new InvalidStateError(`Cannot ${action}: the ${what} is closed`);
}

/** Views of memory in which cells lie. */
interface CellWindow {
  readonly words: Int32Array;
  readonly buffer: ArrayBuffer;
}

/** The words of a cell. */
export interface CellWords {
  readonly words: Int32Array;
  /** Index of its first 32-bit word. */
  readonly word: number;
}

/** The bytes in a cell that are a value's. */
export interface CellBytes {
  readonly buffer: ArrayBuffer;
  /** Where the cell begins in `buffer`; before it, if only a part of the cell is shown. */
  readonly byte: number;
  /** Where in the cell the bytes of the value begin: behind the words of its lock, if it has one there. */
  readonly first: number;
}

const windows: CellWindow[] = [];
let isCaged: boolean | undefined;
let knownLayout: Layout | undefined;

/** Where things are in cells. */
export function layout(): Layout {
  return knownLayout ??= native().layout();
}

/**
 * The words of the block's state machine, for JavaScript to change by itself. `null` in a process with limited
 * permissions: it could write there that somebody else holds a lock; the addon changes them on its behalf.
 *
 * @throws {RangeError} If the block is of another kind, as a hostile message may have it.
 */
export function cellWords(block: number, kind: number): CellWords | null {
  isCaged ??= native().isCaged();
  if (isCaged) return null;
  const { window, byte } = cellOf(block, kind);
  return { words: window.words, word: byte / 4 };
}

/**
 * The bytes of the value in a block.
 *
 * @throws {RangeError} If the block is of another kind, as a hostile message may have it.
 */
export function bytesOf(block: number): CellBytes {
  isCaged ??= native().isCaged();
  const first = translated(() => native().valueBegins(block));
  if (first < 0) throw otherKind();
  if (isCaged) return { buffer: translated(() => native().valueBytes(block)), byte: -first, first };
  const { window, byte } = cellOf(block, Kind.value);
  return { buffer: window.buffer, byte, first };
}

/** Where a block that is used as `kind` lies. */
function cellOf(block: number, kind: number): { window: CellWindow; byte: number } {
  const { windowSize, cellSize } = layout();
  const cellsInWindow = windowSize / cellSize;
  const cell = translated(() => native().cellOf(block, kind));
  if (cell < 0) throw otherKind();
  const index = Math.trunc(cell / cellsInWindow);
  return { window: windows[index] ??= openWindow(index), byte: (cell % cellsInWindow) * cellSize };
}

function otherKind(): RangeError {
  return new RangeError("Cannot restore a shared object: what the message names is another kind of object");
}

function openWindow(index: number): CellWindow {
  const buffer = native().window(index);
  return { words: new Int32Array(buffer), buffer };
}
