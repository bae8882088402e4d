// What values and arrays on an engine have in common: a cell, its lock, how both are made and travel.

import { partsOf } from "../addon/handles.ts";
import type { GuardedLike } from "../contracts/sharedctypes.ts";
import { showAsText } from "../runtime/shown.ts";
import { lockChoice } from "../sharedctypes/lock_option.ts";
import { type ScalarType, scalarType, type Stored, type TypeCode } from "../sharedctypes/types.ts";
import { Lockable } from "../synchronize/lockable.ts";
import { Cell } from "./cell.ts";
import { ObjectHandle, type ObjectReference } from "./handles.ts";
import { RemoteLock } from "./lock.ts";
import { RemoteRLock } from "./rlock.ts";
import type { Session } from "./session.ts";

/** Options of values and arrays of a context on an engine. */
export interface RemoteSharedOptions {
  /** The lock to use, one of this context. `true` or absent: a new RLock. `false`: none. */
  lock?: RemoteLock | RemoteRLock | boolean;
  /** The name of the new RLock; only where there is one. */
  name?: string;
}

/** Bytes of the largest text that Redis keeps. */
const LARGEST = 512 * 1024 * 1024;

/** How a value or an array travels. */
export type CellData = [
  code: TypeCode,
  size: number,
  reference: ObjectReference,
  lock: RemoteLock | RemoteRLock | null,
  isOwn: boolean,
];

/** A value or an array that exists: its type, its cell, and whether its lock was made for it. */
export interface OpenedCell {
  readonly type: ScalarType;
  /** How many elements there are. */
  readonly length: number;
  readonly cell: Cell;
  readonly isOwn: boolean;
}

function isLockOf(session: Session): (lock: unknown) => lock is RemoteLock | RemoteRLock {
  return (lock): lock is RemoteLock | RemoteRLock =>
    (lock instanceof RemoteLock || lock instanceof RemoteRLock) && lock.handle.session.tree === session.tree;
}

/** The lock that is asked for; `false` for none. */
export function lockFor(
  session: Session,
  options: object,
  action: string,
): { lock: RemoteLock | RemoteRLock | null; isOwn: boolean } {
  const { lock, name } = lockChoice(options, action, isLockOf(session));
  if (lock === false) return { lock: null, isOwn: false };
  if (lock !== true) return { lock, isOwn: false };
  return { lock: new RemoteRLock(session, name === "" ? {} : { name }), isOwn: true };
}

/** A new cell of as many elements, which begins with these; zeroes are behind them. */
export function makeCell(
  session: Session,
  what: string,
  type: ScalarType,
  length: number,
  elements: ArrayLike<Stored>,
  options: object,
): OpenedCell {
  const action = `create ${what === "array" ? "an Array" : "a Value"}`;
  const size = length * type.size;
  if (size > LARGEST) {
    throw new RangeError(`Cannot ${action}: it has ${size} bytes, an engine keeps ${LARGEST} at most`);
  }
  const { lock, isOwn } = lockFor(session, options, action);
  try {
    const id = lock === null ? "" : lock.handle.require("use", "lock");
    const handle = ObjectHandle.make(session, "value", "", type.code, size, bytesOf(type, elements), id, isOwn ? 1 : 0);
    return { type, length, cell: new Cell(handle, size, what, lock, isOwn), isOwn };
  } catch (error) {
    if (isOwn) lock?.[Symbol.dispose]();
    throw error;
  }
}

/** What is in memory for elements. */
export function bytesOf({ View, size }: ScalarType, elements: ArrayLike<Stored>): Uint8Array<ArrayBuffer> {
  const buffer = new ArrayBuffer(elements.length * size);
  const view = new View(buffer) as { set(elements: ArrayLike<Stored>): void };
  view.set(elements);
  return new Uint8Array(buffer);
}

/** The elements that are in memory: a typed array over bytes that are nobody else's. */
export function viewOf({ View }: ScalarType, bytes: Uint8Array<ArrayBuffer>): ArrayLike<Stored> & { at: unknown } {
  return new View(bytes.buffer, bytes.byteOffset, bytes.byteLength / View.BYTES_PER_ELEMENT) as never;
}

/** A value or an array on an engine, with its lock. */
export abstract class RemoteGuarded extends Lockable implements GuardedLike {
  static {
    showAsText(RemoteGuarded);
  }

  readonly #opened: OpenedCell;
  readonly #lock: RemoteLock | RemoteRLock;

  /** @ignore Made by a context. */
  protected constructor(opened: OpenedCell) {
    const lock = opened.cell.lock!;
    super(lock);
    this.#opened = opened;
    this.#lock = lock;
  }

  /** @ignore */
  protected get opened(): OpenedCell {
    return this.#opened;
  }

  /** The lock. */
  getLock(): RemoteLock | RemoteRLock {
    return this.#lock;
  }

  /**
   * Gives up this process's share in the value, and in its lock unless that was given to it; a second call does
   * nothing.
   */
  close(): void {
    const { isOwn, cell } = this.#opened;
    cell.handle.close();
    if (isOwn) this.#lock[Symbol.dispose]();
  }

  /** As {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/** What a message says of a cell and its lock. */
export function cellData({ type, length, cell, isOwn }: OpenedCell, what: string): CellData {
  return [type.code, length, cell.handle.reference(what), cell.lock, isOwn];
}

/** The cell that a message speaks of. */
export function restoreCell(data: unknown, what: string, isLocked: boolean): OpenedCell {
  const [code, length, reference, lock, isOwn] = partsOf(data, `a ${what}`);
  const type = scalarType(code);
  const isLock = lock instanceof RemoteLock || lock instanceof RemoteRLock;
  if (
    type === undefined || !Number.isSafeInteger(length) || (length as number) < 0 || isLock !== isLocked ||
    !isLock && lock !== null
  ) {
    throw new RangeError(`Cannot restore a ${what}: its description is malformed`);
  }
  const handle = ObjectHandle.adopt(reference);
  const own = isOwn === true;
  const cell = new Cell(handle, (length as number) * type.size, what, lock as RemoteLock | RemoteRLock | null, own);
  return { type, length: length as number, cell, isOwn: own };
}
