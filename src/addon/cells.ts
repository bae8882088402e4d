// Cells: the small blocks, side by side in windows of the shared memory, which JavaScript reads and writes by itself.

import { native } from "./load.ts";
import { translated } from "./translate.ts";
import { Cell, Kind } from "./numbers.ts";

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
  const cellsInWindow = Cell.windowSize / Cell.size;
  const cell = translated(() => native().cellOf(block, kind));
  if (cell < 0) throw otherKind();
  const index = Math.trunc(cell / cellsInWindow);
  return { window: windows[index] ??= openWindow(index), byte: (cell % cellsInWindow) * Cell.size };
}

function otherKind(): RangeError {
  return new RangeError("Cannot restore a shared object: what the message names is another kind of object");
}

function openWindow(index: number): CellWindow {
  const buffer = native().window(index);
  return { words: new Int32Array(buffer), buffer };
}
