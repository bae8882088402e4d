// The bytes of a value or an array in the engine (library/value.lua), as this thread uses them.
//
// | the lock | reading and writing take |
// | --- | --- |
// | is free | one step, which looks at the lock itself (`peek`, `poke`) |
// | is held by another | the lock, a step, and its release |
// | is a recursive one that this thread has, and was made for the cell | nothing: the bytes have come with the lock, and go with its release |
// | is another recursive one that this thread has | one step |
// | is none | one step |
//
// C1. While this thread has the lock, nobody else changes the bytes, so what came with the lock is true. What is written
//     here goes when the lock is released; if this process dies before, nothing was written. A release that is given up,
//     since the engine is away, is done when it is back, with what was written (owed.ts).
// C2. Several objects of this thread may be of one lock: what came with it is theirs together (held_bytes.ts).

import { closedError } from "../addon/handles.ts";
import { InvalidStateError } from "../errors.ts";
import { enter } from "../synchronize/lock_base.ts";
import type { ObjectHandle } from "./handles.ts";
import type { RemoteLock } from "./lock.ts";
import { RemoteRLock } from "./rlock.ts";
import { HeldBytes } from "./held_bytes.ts";
import type { Answer, StepArgument } from "./session.ts";

/** Cells of at most so many bytes travel with the lock that was made for them (library/cells.lua). */
export const TRAVELLING = 1024;

/** The bytes of a value or an array. */
export class Cell {
  readonly handle: ObjectHandle;
  readonly lock: RemoteLock | RemoteRLock | null;
  /** What it is, for messages. */
  readonly #what: string;
  readonly #held: HeldBytes | null;

  /** `isOwn`: the lock was made for it. */
  constructor(handle: ObjectHandle, size: number, what: string, lock: RemoteLock | RemoteRLock | null, isOwn: boolean) {
    this.handle = handle;
    this.lock = lock;
    this.#what = what;
    this.#held = isOwn && lock instanceof RemoteRLock && size <= TRAVELLING ? HeldBytes.of(lock.handle) : null;
    if (this.#held !== null) lock!.cell = this.#held;
  }

  /** @throws {InvalidStateError} If it is closed. */
  requireOpen(action: string): void {
    if (this.handle.closed) throw closedError(action, this.#what);
  }

  /** Reads with the lock; a copy. */
  read(offset: number, size: number, action: string): Uint8Array<ArrayBuffer> {
    if (this.#hasLock) return this.readRaw(offset, size, action);
    const answer = this.#step("peek", action, [offset, size]);
    if (!isLocked(answer)) return this.#done(answer, action).bytes(0).slice();
    return this.#locked(() => this.readRaw(offset, size, action));
  }

  /** Writes with the lock. */
  write(offset: number, bytes: Uint8Array, action: string): void {
    if (this.#hasLock) return this.writeRaw(offset, bytes, action);
    const answer = this.#step("poke", action, [offset, bytes]);
    if (!isLocked(answer)) return void this.#done(answer, action);
    this.#locked(() => this.writeRaw(offset, bytes, action));
  }

  /** Reads whoever has the lock; a copy. */
  readRaw(offset: number, size: number, action: string): Uint8Array<ArrayBuffer> {
    this.requireOpen(action);
    const bytes = this.#bytes;
    if (bytes !== null) return bytes.slice(offset, offset + size);
    return this.#done(this.#step("read", action, [offset, size]), action).bytes(0).slice();
  }

  /** Writes whoever has the lock. */
  writeRaw(offset: number, bytes: Uint8Array, action: string): void {
    this.requireOpen(action);
    if (this.#bytes !== null) return this.#held!.write(offset, bytes);
    this.#done(this.#step("write", action, [offset, bytes]), action);
  }

  /** What has come with the lock, if this thread has it. */
  get #bytes(): Uint8Array<ArrayBuffer> | null {
    return this.#held !== null && this.#hasLock ? this.#held.at(this.lock!.token) : null;
  }

  /** Whether this thread need not wait for the lock: of a lock that is not recursive, it waits as everybody does. */
  get #hasLock(): boolean {
    return this.lock === null || this.lock instanceof RemoteRLock && this.lock.heldHere();
  }

  /** Does something with the lock. */
  #locked<T>(use: () => T): T {
    const entered = this.lock![enter]();
    try {
      return use();
    } finally {
      if (entered) this.lock!.release();
    }
  }

  #step(name: string, action: string, args: StepArgument[]): Answer {
    this.requireOpen(action);
    return this.handle.session.step(name, this.handle.id, ...args);
  }

  #done(answer: Answer, action: string): Answer {
    if (answer.refusal === null) return answer;
    const why = answer.refusal === "gone" ? "the engine has it no more" : `the engine says "${answer.refusal}"`;
    throw new InvalidStateError(`Cannot ${action}: ${why}`);
  }
}

/** Whether the lock is to be acquired first: it is held, or its holder has died, which is told to who acquires it. */
function isLocked({ refusal }: Answer): boolean {
  return refusal === "held" || refusal === "died";
}
