// Handles of blocks of shared memory: adopted when they arrive, released when closed or collected.
//
// H1. The number of a block is valid while this thread has a handle of it that is not closed. Afterwards the number may be
//     another object's.
// H2. So a number is asked of its handle (`require`) at each use, and is not kept over an `await`: meanwhile the user's
//     code may close the handle. A wait keeps a handle of its own (`share`).

import { InvalidStateError } from "../errors.ts";
import type { Native } from "./binding.ts";
import { isObjectName, labelOf } from "../runtime/object_name.ts";
import { withUsersFrames } from "../runtime/stack.ts";
import { collecting } from "./garbage.ts";
import { native } from "./load.ts";
import { translated } from "./translate.ts";

/** How a block is named in a message to another process. */
export type BlockReference = [block: number, generation: number];

/** Last resort for handles that nobody closed. */
const collected = new FinalizationRegistry<{ block: number; ref?: WeakRef<BlockHandle> }>(({ block, ref }) => {
  if (ref !== undefined) named.delete(ref);
  native().collectBlock(block);
});

/** The handles of objects that have names. */
const named = new Set<WeakRef<BlockHandle>>();

/** This process's share in a block of shared memory. */
export class BlockHandle implements Disposable {
  /** The number of the block; 0 once closed. */
  #block: number;
  /** What {@linkcode onClose} was told, if it ever was. */
  #closers: Set<() => void> | undefined;
  /** The name that the user gave the object; empty for none. */
  readonly name: string;
  #ref: WeakRef<BlockHandle> | undefined;

  private constructor(block: number, name: string) {
    this.#block = block;
    this.name = name;
    if (name !== "") named.add(this.#ref = new WeakRef(this));
    collected.register(this, { block, ref: this.#ref }, this);
  }

  /** A new block of zeroes. */
  static create(kind: number, size: number, name = ""): BlockHandle {
    return BlockHandle.of((addon) => addon.createBlock(kind, size), name);
  }

  /** The handle of a block that `make` has made. */
  static of(make: (addon: Native) => number, name = ""): BlockHandle {
    const block = translated(() => collecting(() => make(native())));
    if (name !== "") native().nameBlock(block, name);
    return new BlockHandle(block, name);
  }

  /**
   * Another handle of the block that a reference names. A reference in a message is adopted by `adopted()` of
   * reduction/passage.ts, which knows whether the message may name shared memory.
   *
   * @throws {RangeError} If it is no reference.
   * @throws {InvalidStateError} If the block is gone.
   */
  static adopt(reference: unknown): BlockHandle {
    const [block, generation, name, ...rest] = partsOf(reference, "a shared object");
    const isNamed = name === undefined || isObjectName(name);
    if (!isNumberOfBlock(block) || !isNumberOfBlock(generation) || !isNamed || rest.length > 0) {
      throw new RangeError("Cannot restore a shared object: its reference is malformed");
    }
    translated(() => native().adoptBlock(block, generation));
    return new BlockHandle(block, name ?? "");
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
    if (this.#block === 0) throw closedError(`${action} the ${what}${this.label}`, what);
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

  /** What a message describes the object by, with its name at the end, if it has one. */
  named<P extends readonly unknown[]>(parts: P): readonly [...P, name?: string] {
    return (this.name === "" ? parts : [...parts, this.name]) as readonly [...P, name?: string];
  }

  /** The name as it follows the kind of the object in a sentence. */
  get label(): string {
    return labelOf(this.name);
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
    if (this.#ref !== undefined) named.delete(this.#ref);
    for (const closer of [...this.#closers ?? []]) closer();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** The name of the object in a block, where this thread has a handle of it that knows; else empty. */
export function nameOfBlock(block: number): string {
  for (const ref of named) {
    const handle = ref.deref();
    if (handle?.block === block) return handle.name;
  }
  return "";
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
  return withUsersFrames(new InvalidStateError(`Cannot ${action}: the ${what} is closed`));
}
