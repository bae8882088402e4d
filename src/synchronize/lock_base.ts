// What Lock (lock.ts) and RLock (rlock.ts) have in common. Without contention an acquisition and a release are one
// `Atomics` operation each; the words and what they mean are native/core/src/sync/lock.rs. Everything else is in the
// addon; and all of it is in a process with limited permissions, which could otherwise write that somebody else holds the
// lock.

import { attach } from "../reduction/passage.ts";
import { cellWords } from "../addon/cells.ts";
import { BlockHandle, type BlockReference, closedError } from "../addon/handles.ts";
import type { OwnerDiedError } from "../errors.ts";
import type { Owner } from "../addon/binding.ts";
import { native } from "../addon/load.ts";
import { translated } from "../addon/translate.ts";
import {
  ACQUIRE,
  ACQUIRE_SYNC,
  type AcquireOptions,
  type AcquireSyncOptions,
  requireKnown,
  timeoutOf,
} from "../waiting/options.ts";
import { wait } from "../addon/waits.ts";
import { turnIfDue } from "../waiting/turns.ts";
import { Cell, LockWord, Outcome } from "../addon/numbers.ts";
import { AcquiredGuard, type Guard } from "./guard.ts";
import { ownerDied } from "./owner_died.ts";
import { nameField, type NameOptions, objectName } from "../runtime/object_name.ts";
import { showAsText } from "../runtime/shown.ts";

/** Options of {@linkcode Lock} and {@linkcode RLock}. */
export interface LockOptions extends NameOptions {
  /**
   * What the next to acquire gets when the holder was killed: `"throw"`, an {@linkcode OwnerDiedError}, after which
   * the lock is free again; or `"recover"`, the lock, with `ownerDied` set on the guard. Default: `"throw"`.
   */
  onOwnerDeath?: "throw" | "recover";
}

/** How a lock travels: its block, whether its deaths are thrown, and its name. */
type LockData = readonly [...BlockReference, throws: boolean, name?: string];

/**
 * Stands for a lock's words where there are none to see: the handle is closed, or the process has limited permissions.
 * Between two calls its only word is `LockWord.waiters`, which neither is free nor has an owner, so that no acquisition and
 * no release succeeds here and the addon is asked. A release writes to it before it finds that out, and then restores it.
 */
export const NO_WORDS: Int32Array = new Int32Array(1);

/** Looks at a held lock before the addon waits for it; none if no other CPU could release it meanwhile. */
const SHORT_SPIN = navigator.hardwareConcurrency > 1 ? 100 : 0;

/** The token by which this thread is known in lock words. */
let ownToken = 0;

/**
 * Names the method that acquires a lock for a section that ends in the same call of the package, without making a guard:
 * whether it must be released afterwards, which is not so if this thread has a recursive lock already.
 */
export const enter: unique symbol = Symbol("enter");

/** What a Condition must know of its lock. */
export interface LockInside {
  /** The number of its block. */
  readonly block: number;
  /** How often it would have to be released, if this thread holds it. */
  readonly levels: number;
  /** Its own handle. */
  readonly handle: BlockHandle;
  /** Another handle of it, for a wait to keep. */
  share(): BlockHandle;
  /** Whether its own handle was closed. */
  isClosed(): boolean;
  /** The error if it was. */
  closedError(): Error;
  /** The error of a wait that inherited the lock from a dead owner; `null` if that is to pass in silence. */
  inherited(token: number): OwnerDiedError | null;
  /** The guard of an acquisition that the addon has done with that outcome; `null` if it had none. */
  acquired(outcome: number): Guard | null;
}

/** Names the method that looks into a lock, to do something with it. */
export const inside: unique symbol = Symbol("inside");

/** A lock that exists or was made just now, for the constructors of its classes. */
export interface OpenedLock {
  readonly handle: BlockHandle;
  /** Whether its next holder gets an error when its holder has died. */
  readonly throws: boolean;
  /** The words of the window in which it lies. They are others' cells, too, so users must not reach them. */
  readonly words: Int32Array;
  /** The index of its own word among them. */
  readonly index: number;
}

/** @ignore What {@linkcode Lock} and {@linkcode RLock} have in common. */
export abstract class LockBase implements Disposable {
  static {
    showAsText(LockBase);
  }

  readonly #handle: BlockHandle;
  readonly #throws: boolean;
  /** See {@linkcode OpenedLock.words}. */
  #words: Int32Array;
  protected index: number;
  /** This thread's token. */
  protected readonly token: number;
  protected abstract readonly kindName: string;

  protected constructor({ handle, throws, words, index }: OpenedLock) {
    NO_WORDS[0] = LockWord.waiters;
    this.#handle = handle;
    this.#throws = throws;
    this.#words = words;
    this.index = index;
    this.token = ownToken ||= native().threadToken();
  }

  /**
   * Acquires the lock, waiting for it without blocking the thread.
   *
   * @throws {OwnerDiedError} If the holder was killed, unless `onOwnerDeath` is `"recover"`.
   * @throws {InvalidStateError} If this object is, or is being, closed; the lock is then not acquired.
   * @throws What `signal` was aborted with; the lock is then not acquired.
   */
  acquire(): Promise<Guard>;
  /** As above; `null` if the lock was not acquired in time. */
  acquire(options: AcquireOptions): Promise<Guard | null>;
  async acquire(options?: AcquireOptions): Promise<Guard | null> {
    const timeout = timeoutOf(options, ACQUIRE);
    const signal = options?.signal;
    const turn = turnIfDue();
    if (turn !== undefined) await turn; // before it is held
    signal?.throwIfAborted();
    const guard = this.tryAcquire();
    // The addon waits until the lock is free, whoever holds it: going deeper was tried just now.
    if (guard !== null || timeout === 0) return guard;
    using kept = this.#handle.share();
    const submit = () => translated(() => native().lockAcquireAsync(kept.block, timeout));
    const closed = () => closedError(`acquire the ${this.described}`, this.kindName);
    const outcome = await wait(submit, { signal, handle: this.#handle, closed });
    if (this.#handle.closed && outcome >= Outcome.ready) native().lockGiveBack(kept.block, outcome);
    this.#open("acquire"); // throws if the lock was disposed of meanwhile
    return this.#guard(outcome);
  }

  /**
   * Acquires the lock, blocking the thread until it is free.
   *
   * @throws {OwnerDiedError} If the holder was killed, unless `onOwnerDeath` is `"recover"`.
   */
  acquireSync(): Guard;
  /** As above; `null` if the lock was not acquired in time. */
  acquireSync(options: AcquireSyncOptions): Guard | null;
  acquireSync(options?: AcquireSyncOptions): Guard | null {
    const timeout = options === undefined ? Infinity : timeoutOf(options, ACQUIRE_SYNC);
    if (this.take() || (timeout > 0 && this.#takeSoon())) return new AcquiredGuard(this, false);
    return this.#guard(translated(() => native().lockAcquire(this.#open("acquire"), timeout)));
  }

  /** Takes the lock if it becomes free within the time that a call of the addon would take. */
  #takeSoon(): boolean {
    if (this.#words === NO_WORDS) return false;
    for (let i = 0; i < SHORT_SPIN; i++) {
      if (this.#words[this.index] === LockWord.free && this.take()) return true;
    }
    return false;
  }

  /** Acquires the lock if that is possible at once; `null` if not. */
  tryAcquire(): Guard | null {
    if (this.take()) return new AcquiredGuard(this, false);
    return this.#attempt();
  }

  /**
   * Releases the lock.
   *
   * @throws {InvalidStateError} If it is not held, or (RLock) not by this thread.
   */
  abstract release(): void;

  /** Whether somebody holds the lock. */
  locked(): boolean {
    this.#open("look at");
    return this.word() !== LockWord.free;
  }

  /**
   * Gives up this process's handle, and ends the waits begun with it. The lock itself goes with the last handle of all
   * processes.
   */
  [Symbol.dispose](): void {
    this.#words = NO_WORDS;
    this.index = 0;
    this.#handle.close();
  }

  /** Takes the lock if it is free: transition T1. */
  protected abstract take(): boolean;

  /** See {@linkcode LockInside}. */
  protected abstract levels(): number;

  /** @ignore See {@linkcode enter}. */
  [enter](): boolean {
    return this.enter();
  }

  /** Does that. A method with a name of its own, for what overrides it calls it: V8 has no fast way to `super[symbol]`. */
  protected enter(): boolean {
    if (!this.take() && !this.#takeSoon()) {
      this.#guard(translated(() => native().lockAcquire(this.#open("acquire"), Infinity)));
    }
    return true;
  }

  /** @ignore What a Condition must know, to do `action` with the lock. */
  [inside](action: string): LockInside {
    return {
      block: this.#open(action),
      levels: this.levels(),
      handle: this.#handle,
      share: () => this.#handle.share(),
      isClosed: () => this.#handle.closed,
      closedError: () => closedError(`${action} the ${this.described}`, this.kindName),
      inherited: (token) =>
        this.#throws ? ownerDied(`wait with the ${this.described}`, token, "it is held again") : null,
      acquired: (outcome) => this.#guard(outcome),
    };
  }

  /** The owner's token, with or without the bit that says that somebody sleeps. */
  protected word(): number {
    if (this.#words === NO_WORDS) return native().lockOwner(this.#open("look at"));
    return Atomics.load(this.#words, this.index);
  }

  /** Has the addon release the lock, where one exchange was not enough. */
  protected releaseSlowly(): void {
    const block = this.#open("release");
    if (translated(() => native().lockRelease(block)) === 0) throw this.notHeld();
  }

  /** Has the addon wake a sleeper of the lock that was just released. */
  protected wake(): void {
    native().lockWake(this.#open("release"));
  }

  protected abstract notHeld(): Error;

  /** The holder, if there is one and it is still known. */
  protected owner(): Owner | null {
    const token = this.word() & ~LockWord.waiters;
    return token === LockWord.free ? null : native().ownerOf(token);
  }

  protected get closed(): boolean {
    return this.#handle.closed;
  }

  /** The name that it was given; `undefined` if none. */
  get name(): string | undefined {
    return this.#handle.name || undefined;
  }

  /** What it is, and its name, for sentences. */
  protected get described(): string {
    return `${this.kindName}${this.#handle.label}`;
  }

  /** What `toString` gives, with the name at the end. */
  protected text(state: string): string {
    return `<${this.kindName}(${this.closed ? "closed" : state}${nameField(this.#handle.name)})>`;
  }

  /** How CPython's repr names the holder. */
  protected ownerName(): string {
    if (this.word() === LockWord.free) return "None";
    const owner = this.owner();
    if (owner === null || !owner.isThisProcess) return "SomeOtherProcess";
    return owner.threadId === native().threadId() ? owner.processName : "SomeOtherThread";
  }

  /** The number of the block that the lock is in. */
  protected block(): number {
    return this.#open("use");
  }

  protected data(): LockData {
    attach(this.#open("send"));
    return this.#handle.named([...this.#handle.reference(), this.#throws]);
  }

  #open(action: string): number {
    if (this.#handle.closed) throw closedError(`${action} the ${this.described}`, this.kindName);
    return this.#handle.block;
  }

  #attempt(): Guard | null {
    return this.#guard(translated(() => native().lockAcquire(this.#open("acquire"), 0)));
  }

  #guard(outcome: number): Guard | null {
    if (outcome === Outcome.ready) return new AcquiredGuard(this, false);
    if (outcome === Outcome.notAcquired || outcome === Outcome.timedOut) return null;
    if (!this.#throws) return new AcquiredGuard(this, true);
    const error = ownerDied(`acquire the ${this.described}`, outcome, "it is free again");
    this.release();
    throw error;
  }
}

/** Opens the lock in a block that exists, or makes one with these options. */
export function openLock(kind: number, first: LockOptions | BlockHandle, throws: boolean): OpenedLock {
  if (first instanceof BlockHandle) return opened(kind, first, throws);
  const wanted = throwsOnDeath(first);
  return opened(kind, BlockHandle.create(kind, Cell.size, objectName("create a lock", first)), wanted);
}

function opened(kind: number, handle: BlockHandle, throws: boolean): OpenedLock {
  const cell = cellWords(handle.block, kind);
  if (cell === null) return { handle, throws, words: NO_WORDS, index: 0 };
  return { handle, throws, words: cell.words, index: cell.word + LockWord.place };
}

/**
 * Whether the next holder gets an error when the holder has died, by the options of a lock.
 *
 * @throws {TypeError} If an option is of the wrong type, or unknown.
 */
export function throwsOnDeath(options: LockOptions): boolean {
  requireKnown("create a lock", options, ["onOwnerDeath", "name"]);
  const { onOwnerDeath = "throw" } = options;
  if (onOwnerDeath !== "throw" && onOwnerDeath !== "recover") {
    throw new TypeError(
      `Cannot create a lock: "onOwnerDeath" is ${Deno.inspect(onOwnerDeath)}, wanted "throw" or "recover"`,
    );
  }
  return onOwnerDeath === "throw";
}
