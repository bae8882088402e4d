// Lock and RLock. Without contention an acquisition and a release are one `Atomics` operation each; the words and
// what they mean are native/core/src/sync/lock.rs. Everything else is in the addon; and all of it is in a process with
// limited permissions, which could otherwise write that somebody else holds the lock.

import { cellWords, layout } from "../addon/cells.ts";
import { BlockHandle, type BlockReference, closedError, Kind, partsOf } from "../addon/handles.ts";
import { InvalidStateError, type OwnerDiedError } from "../errors.ts";
import type { Owner } from "../addon/binding.ts";
import { native } from "../addon/load.ts";
import { translated } from "../addon/translate.ts";
import { type AcquireOptions, type AcquireSyncOptions, timeoutOf } from "../waiting/options.ts";
import { attach, register } from "../reduction/registry.ts";
import { ACQUIRED, TIMED_OUT, wait } from "../addon/waits.ts";
import { AcquiredGuard, type Guard } from "./guard.ts";
import { ownerDied } from "./owner_died.ts";
import { showAsText } from "../runtime/shown.ts";

/** Options of {@linkcode Lock} and {@linkcode RLock}. */
export interface LockOptions {
  /**
   * What the next to acquire gets when the holder was killed: `"throw"`, an {@linkcode OwnerDiedError}, after which
   * the lock is free again; or `"recover"`, the lock, with `ownerDied` set on the guard. Default: `"throw"`.
   */
  onOwnerDeath?: "throw" | "recover";
}

/** How a lock travels: its block, and whether its deaths are thrown. */
type LockData = [...BlockReference, throws: boolean];

/** Outcome of an acquisition in the addon; a positive number is the token of a dead owner. */
const NOT_ACQUIRED = -1;

/**
 * Stands for a lock's words where there are none to see: the handle is closed, or the process has limited permissions.
 * Nothing in it is ever free, so that the addon is asked.
 */
const NO_WORDS = new Int32Array(1);

/** Looks at a held lock before the addon waits for it; none if no other CPU could release it meanwhile. */
const SHORT_SPIN = navigator.hardwareConcurrency > 1 ? 100 : 0;

/** The token by which this thread is known in lock words. */
let ownToken = 0;

/**
 * Acquires a lock for a section that neither waits nor calls user code, without making a guard: whether it must be
 * released afterwards, which is not so if this thread has a recursive lock already.
 */
export let enter: (lock: Lock | RLock) => boolean;

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
}

/** Looks into a lock, to do `action` with it. */
export let inside: (lock: Lock | RLock, action: string) => LockInside;

/** The words of the window in which a lock lies. It shows others' cells, so users must not reach it. */
let wordsOf: (lock: LockBase) => Int32Array;

/** @ignore What {@linkcode Lock} and {@linkcode RLock} have in common. */
export abstract class LockBase implements Disposable {
  static {
    showAsText(LockBase);
    enter = (lock: LockBase) => lock.enter();
    wordsOf = (lock) => lock.#words;
    inside = (lock: LockBase, action) => ({
      block: lock.#open(action),
      levels: lock.levels(),
      handle: lock.#handle,
      share: () => lock.#handle.share(),
      isClosed: () => lock.#handle.closed,
      closedError: () => closedError(`${action} the ${lock.kindName}`, lock.kindName),
      inherited: (token) =>
        lock.#throws ? ownerDied(`wait with the ${lock.kindName}`, token, "it is held again") : null,
    });
  }

  readonly #handle: BlockHandle;
  readonly #throws: boolean;
  /** The words of the window in which the lock lies, and the index of its own. */
  #words: Int32Array;
  protected index: number;
  /** This thread's token. */
  protected readonly token: number;
  protected abstract readonly kindName: string;

  protected constructor(handle: BlockHandle, throws: boolean, kind: number) {
    const cell = cellWords(handle.block, kind);
    NO_WORDS[0] = layout().waiters;
    this.#handle = handle;
    this.#throws = throws;
    this.#words = cell === null ? NO_WORDS : cell.words;
    this.index = cell === null ? 0 : cell.word + layout().lockWord;
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
    const timeout = timeoutOf(options);
    const signal = options?.signal;
    signal?.throwIfAborted();
    const guard = this.tryAcquire();
    // The addon waits until the lock is free, whoever holds it: going deeper was tried just now.
    if (guard !== null || timeout === 0) return guard;
    using kept = this.#handle.share();
    const submit = () => translated(() => native().lockAcquireAsync(kept.block, timeout));
    const closed = () => closedError(`acquire the ${this.kindName}`, this.kindName);
    const outcome = await wait(submit, { signal, handle: this.#handle, closed });
    if (this.#handle.closed && outcome >= ACQUIRED) native().lockGiveBack(kept.block, outcome);
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
    const timeout = options === undefined ? Infinity : timeoutOf(options);
    if (this.take() || (timeout > 0 && this.#takeSoon())) return new AcquiredGuard(this, false);
    return this.#guard(translated(() => native().lockAcquire(this.#open("acquire"), timeout)));
  }

  /** Takes the lock if it becomes free within the time that a call of the addon would take. */
  #takeSoon(): boolean {
    if (this.#words === NO_WORDS) return false;
    for (let i = 0; i < SHORT_SPIN; i++) {
      if (this.#words[this.index] === 0 && this.take()) return true;
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
    return this.word() !== layout().free;
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

  /** See {@linkcode enter}. */
  protected enter(): boolean {
    if (!this.take() && !this.#takeSoon()) {
      this.#guard(translated(() => native().lockAcquire(this.#open("acquire"), Infinity)));
    }
    return true;
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
    const token = this.word() & ~layout().waiters;
    return token === layout().free ? null : native().ownerOf(token);
  }

  protected get closed(): boolean {
    return this.#handle.closed;
  }

  /** How CPython's repr names the holder. */
  protected ownerName(): string {
    if (this.word() === layout().free) return "None";
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
    return [...this.#handle.reference(), this.#throws];
  }

  #open(action: string): number {
    if (this.#handle.closed) throw closedError(`${action} the ${this.kindName}`, this.kindName);
    return this.#handle.block;
  }

  #attempt(): Guard | null {
    return this.#guard(translated(() => native().lockAcquire(this.#open("acquire"), 0)));
  }

  #guard(outcome: number): Guard | null {
    if (outcome === ACQUIRED) return new AcquiredGuard(this, false);
    if (outcome === NOT_ACQUIRED || outcome === TIMED_OUT) return null;
    if (!this.#throws) return new AcquiredGuard(this, true);
    const error = ownerDied(`acquire the ${this.kindName}`, outcome, "it is free again");
    this.release();
    throw error;
  }
}

/**
 * A lock for the processes of a tree. It has no owner as far as releasing goes: any process may release it. As
 * `multiprocessing.Lock`, but robust: when its holder is killed, the next to acquire learns it.
 *
 * @example Count in turn
 * ```ts
 * import { Lock } from "@parallel/multiprocessing";
 * import { assert, assertEquals } from "@std/assert";
 *
 * using lock = new Lock();
 * {
 *   using _guard = await lock.acquire();
 *   assert(lock.locked());
 *   assertEquals(lock.tryAcquire(), null);
 * }
 * assert(!lock.locked());
 * ```
 */
export class Lock extends LockBase {
  static {
    register(Lock, {
      reduce: (lock) => lock.data(),
      restore(data) {
        const [block, generation, throws] = partsOf(data, "a Lock");
        return new Lock(BlockHandle.adopt([block, generation]), throws === true);
      },
    });
  }

  /** @ignore How messages call it. */
  protected readonly kindName = "Lock";
  /** As the base class has them. */
  #words: Int32Array;

  /** A lock that is free. */
  constructor(options?: LockOptions);
  /** @ignore The lock in a block that exists. */
  constructor(handle: BlockHandle, throws: boolean);
  constructor(first: LockOptions | BlockHandle = {}, throws = true) {
    super(...openOrCreate(Kind.lock, first, throws));
    this.#words = wordsOf(this);
  }

  /** @ignore */
  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    this.#words = NO_WORDS;
  }

  /**
   * Releases the lock, whoever holds it.
   *
   * @throws {InvalidStateError} If nobody does.
   */
  override release(): void {
    const was = Atomics.exchange(this.#words, this.index, 0);
    if (was !== this.token) this.#released(was);
  }

  /** The rest of a release that was not of our own lock without sleepers. */
  #released(was: number): void {
    const { free, waiters } = layout();
    if (this.#words === NO_WORDS) {
      NO_WORDS[0] = waiters;
      return this.releaseSlowly();
    }
    if (was === free) throw this.notHeld();
    if ((was & waiters) !== 0) this.wake();
  }

  /** @ignore Transition T1. */
  protected override take(): boolean {
    return Atomics.compareExchange(this.#words, this.index, 0, this.token) === 0;
  }

  /** @ignore See {@linkcode LockInside}. */
  protected override levels(): number {
    return 1;
  }

  /** @ignore The error of a release without a hold. */
  protected override notHeld(): Error {
    return new InvalidStateError("Cannot release the Lock: it is not held; semaphore or lock released too many times");
  }

  /** As CPython shows it: `<Lock(owner=None)>`, or the name of the process that holds it; or `<Lock(closed)>`. */
  override toString(): string {
    return this.closed ? "<Lock(closed)>" : `<Lock(owner=${this.ownerName()})>`;
  }
}

/**
 * A lock that the thread that holds it may acquire again; it is free when it has been released as often. A thread is
 * a process, or a Worker in it. As `multiprocessing.RLock`.
 *
 * Promises of one thread share an RLock: {@linkcode RLock.acquire} goes deeper into one that another of them holds. But
 * of several that wait for it at once, while another process holds it, the second waits until the first has released
 * it. Where several promises of one thread use one lock, use a {@linkcode Lock}.
 *
 * @example Acquire twice
 * ```ts
 * import { RLock } from "@parallel/multiprocessing";
 * import { assert } from "@std/assert";
 *
 * using lock = new RLock();
 * const outer = lock.acquireSync();
 * const inner = lock.acquireSync();
 * inner.release();
 * assert(lock.locked());
 * outer.release();
 * assert(!lock.locked());
 * ```
 */
export class RLock extends LockBase {
  static {
    register(RLock, {
      reduce: (lock) => lock.data(),
      restore(data) {
        const [block, generation, throws] = partsOf(data, "a RLock");
        return new RLock(BlockHandle.adopt([block, generation]), throws === true);
      },
    });
  }

  /** @ignore How messages call it. */
  protected readonly kindName = "RLock";
  /** As the base class has them. */
  #words: Int32Array;
  /** From the lock's word to its depth. */
  readonly #toDepth: number;

  /** A lock that is free. */
  constructor(options?: LockOptions);
  /** @ignore The lock in a block that exists. */
  constructor(handle: BlockHandle, throws: boolean);
  constructor(first: LockOptions | BlockHandle = {}, throws = true) {
    super(...openOrCreate(Kind.rlock, first, throws));
    this.#words = wordsOf(this);
    this.#toDepth = layout().depthWord - layout().lockWord;
  }

  /** @ignore */
  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    this.#words = NO_WORDS;
  }

  /**
   * Releases one level.
   *
   * @throws {InvalidStateError} If this thread does not hold it.
   */
  override release(): void {
    const { index, token } = this;
    const words = this.#words;
    // Nobody but us writes our token. The depth is changed by single additions only: a Condition's wait that ends may
    // restore it from the reactor's thread.
    if ((words[index] & 0x7fff_ffff) !== token || words === NO_WORDS) return this.releaseSlowly();
    const depth = index + this.#toDepth;
    if (Atomics.load(words, depth) !== 0) {
      Atomics.sub(words, depth, 1);
    } else if (Atomics.exchange(words, index, 0) !== token) {
      this.wake();
    }
  }

  /** @ignore Transition T1. */
  protected override take(): boolean {
    const { index, token } = this;
    const words = this.#words;
    if (Atomics.compareExchange(words, index, 0, token) === 0) return true;
    if ((words[index] & 0x7fff_ffff) !== token || words === NO_WORDS) return false;
    Atomics.add(words, index + this.#toDepth, 1);
    return true;
  }

  /** @ignore See {@linkcode enter}. */
  protected override enter(): boolean {
    return (this.#words[this.index] & 0x7fff_ffff) !== this.token && super.enter();
  }

  /** @ignore See {@linkcode LockInside}. */
  protected override levels(): number {
    if (this.#words === NO_WORDS) return native().lockDepth(this.block()) + 1;
    return this.#words[this.index + this.#toDepth] + 1;
  }

  /** @ignore The error of a release without a hold. */
  protected override notHeld(): Error {
    return new InvalidStateError(
      "Cannot release the RLock: attempt to release recursive lock not owned by thread",
    );
  }

  /** As CPython shows it: `<RLock(owner, depth)>`, depth `nonzero` if somebody else holds it; or `<RLock(closed)>`. */
  override toString(): string {
    if (this.closed) return "<RLock(closed)>";
    const owner = this.ownerName();
    const mine = (this.word() & 0x7fff_ffff) === this.token;
    const depth = owner === "None" ? 0 : mine ? this.levels() : "nonzero";
    return `<RLock(${owner}, ${depth})>`;
  }
}

/** The block of a lock that exists or is made now, whether it throws, and its kind. */
function openOrCreate(kind: number, first: LockOptions | BlockHandle, throws: boolean): [BlockHandle, boolean, number] {
  if (first instanceof BlockHandle) return [first, throws, kind];
  if (typeof first !== "object" || first === null) {
    throw new TypeError(`Cannot create a lock: "options" is ${Deno.inspect(first)}, wanted an object`);
  }
  const wanted = throwsOnDeath(first);
  return [BlockHandle.create(kind, layout().cellSize), wanted, kind];
}

function throwsOnDeath({ onOwnerDeath = "throw" }: LockOptions): boolean {
  if (onOwnerDeath !== "throw" && onOwnerDeath !== "recover") {
    throw new TypeError(
      `Cannot create a lock: "onOwnerDeath" is ${Deno.inspect(onOwnerDeath)}, wanted "throw" or "recover"`,
    );
  }
  return onOwnerDeath === "throw";
}
