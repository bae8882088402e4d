// Condition. Its waits are noted in its block (native/core/src/sync/condition.rs); all of it is in the addon.

import { BlockHandle, type BlockReference, closedError, partsOf } from "../addon/handles.ts";
import { nameField, type NameOptions, objectName } from "../runtime/object_name.ts";
import { showAsText } from "../runtime/shown.ts";
import { InvalidStateError } from "../errors.ts";
import { native } from "../addon/load.ts";
import { translated } from "../addon/translate.ts";
import { requireKnown, timeoutOf, WAIT_SYNC, type WaitOptions, type WaitSyncOptions } from "../waiting/options.ts";
import { adopted, attach } from "../reduction/passage.ts";
import { register } from "../reduction/registry.ts";
import { wait } from "../addon/waits.ts";
import { requireCount } from "../waiting/count.ts";
import { untilTrue, untilTrueSync } from "../waiting/predicate.ts";
import { Lock } from "./lock.ts";
import { Lockable } from "./lockable.ts";
import { inside } from "./lock_base.ts";
import { RLock } from "./rlock.ts";
import { ConditionOutcome, Outcome } from "../addon/numbers.ts";

/** How a condition travels: its block, its lock, whether the lock was made for it, and its name. */
type ConditionData = readonly [...BlockReference, lock: Lock | RLock, ownsLock: boolean, name?: string];

/** As many as there are. */
export const ALL = 2 ** 32 - 1;

/**
 * A lock, and threads that wait with it for something to change. As `multiprocessing.Condition`, but `notify` waits for
 * nobody: a waiter that was killed, or is stopped, holds up no one, and what a waiter that was killed had been notified
 * of goes to another that was waiting then.
 *
 * The lock is held by a thread: a process, or a Worker in one. A wait releases the lock of its thread, all its levels,
 * and has it again when it ends, however it ends. Promises of one thread share an RLock, and so would release each
 * other's hold: where several of them use one condition, give it a {@linkcode Lock}, which keeps them apart.
 *
 * @example Wait until another changes what you look at
 * ```ts
 * import { Condition, Lock, RawValue } from "@parallel/multiprocessing";
 * import { assertEquals } from "@std/assert";
 *
 * using condition = new Condition(new Lock());
 * const stock = RawValue("i32", 0);
 * async function take() {
 *   using _guard = await condition.acquire();
 *   await condition.waitFor(() => stock.value > 0);
 *   return stock.value--;
 * }
 * async function fill() {
 *   using _guard = await condition.acquire();
 *   stock.value = 3;
 *   condition.notify();
 * }
 * const [taken] = await Promise.all([take(), fill()]);
 * assertEquals(taken, 3);
 * ```
 */
export class Condition extends Lockable implements Disposable {
  static {
    showAsText(Condition);
    register(Condition, {
      reduce: (condition) => condition.#data(),
      restore(data) {
        const [block, generation, lock, ownsLock, name] = partsOf(data, "a Condition");
        if (!isLock(lock)) throw new RangeError("Cannot restore a Condition: it has no lock");
        return new Condition(lock, adopted([block, generation, name]), ownsLock === true);
      },
    });
  }

  readonly #handle: BlockHandle;
  readonly #lock: Lock | RLock;
  readonly #ownsLock: boolean;

  /**
   * A condition on `lock`, which others may use too. Default: an {@linkcode RLock} of its own, with its name.
   *
   * @throws {TypeError} If `lock` is neither a Lock nor an RLock, or an option is of the wrong type, or unknown.
   * @throws {InvalidStateError} If it is closed.
   */
  constructor(lock?: Lock | RLock, options?: NameOptions);
  /** @ignore The condition in a block that exists, or whose lock goes with it. */
  constructor(lock: Lock | RLock, second: NameOptions | BlockHandle | undefined, ownsLock: boolean);
  constructor(
    given?: Lock | RLock,
    second: NameOptions | BlockHandle = {},
    ownsLock = given === undefined,
  ) {
    const name = nameIn(second);
    const lock = given ?? new RLock(name === "" ? {} : { name });
    if (!isLock(lock) || given === null) {
      throw new TypeError(`Cannot create a Condition: "lock" is ${Deno.inspect(given)}, wanted a Lock or an RLock`);
    }
    const { block } = lock[inside]("create a Condition with");
    super(lock);
    this.#handle = second instanceof BlockHandle
      ? second
      : BlockHandle.of((addon) => addon.conditionCreate(block), name);
    this.#lock = lock;
    this.#ownsLock = ownsLock;
  }

  /**
   * Releases the lock, waits without blocking the thread until it is notified, and acquires the lock again, however
   * long that takes: `true`; or `false` if `timeout` milliseconds passed before the notification.
   *
   * An abort that comes after the notification comes too late.
   *
   * @throws {InvalidStateError} If this thread does not hold the lock, or the condition is, or is being, closed: once
   * the lock is held again. If the lock is closed during the wait: at once, and it is not held afterwards.
   * @throws {OwnerDiedError} If the lock came back because its holder was killed, unless the lock's `onOwnerDeath` is
   * `"recover"`; it is held again nevertheless.
   * @throws What `signal` was aborted with, once the lock is held again.
   */
  async wait(options?: WaitOptions): Promise<boolean> {
    const timeout = timeoutOf(options);
    const signal = options?.signal;
    signal?.throwIfAborted();
    this.#block("wait for");
    const lock = this.#lock[inside]("wait with");
    using kept = this.#handle.share();
    using keptLock = lock.share();
    const begin = () => this.#owned(translated(() => native().conditionAwait(kept.block, timeout)));
    const closed = () => this.#handle.closed ? this.#closedError() : lock.closedError();
    const hooks = { signal, handle: this.#handle, needed: lock.handle, closed, mustEnd: true };
    const outcome = await wait(begin, hooks);
    if (lock.isClosed()) giveBack(keptLock.block, lock.levels, outcome);
    // These throw if one was disposed of meanwhile.
    this.#block("wait for");
    this.#lock[inside]("wait with");
    const notified = this.#notified(outcome);
    if (!notified) signal?.throwIfAborted();
    return notified;
  }

  /**
   * As {@linkcode wait}, blocking the thread.
   *
   * @throws {InvalidStateError} If this thread does not hold the lock, or the condition is closed.
   * @throws {OwnerDiedError} If the lock came back because its holder was killed; it is held again nevertheless.
   */
  waitSync(options?: WaitSyncOptions): boolean {
    const timeout = timeoutOf(options, WAIT_SYNC);
    const block = this.#block("wait for");
    return this.#notified(this.#owned(translated(() => native().conditionWait(block, timeout))));
  }

  /**
   * Waits until `predicate`, called with the lock held at the beginning and after each notification, returns something
   * truthy; `timeout` milliseconds in all. A promise that it returns is awaited.
   *
   * @returns What `predicate` returned last.
   * @throws As {@linkcode wait}; and what `predicate` throws.
   *
   * @example The last value is returned, in time or not
   * ```ts
   * import { Condition } from "@parallel/multiprocessing";
   * import { assertEquals } from "@std/assert";
   *
   * using condition = new Condition();
   * using _guard = await condition.acquire();
   * assertEquals(await condition.waitFor(() => "ready"), "ready");
   * assertEquals(await condition.waitFor(() => 0, { timeout: 5 }), 0);
   * ```
   */
  async waitFor<T>(predicate: () => T | PromiseLike<T>, options?: WaitOptions): Promise<T> {
    this.#block("wait for");
    const timeout = timeoutOf(options);
    const signal = options?.signal;
    signal?.throwIfAborted();
    return await untilTrue(predicate, timeout, (timeout) => this.wait({ timeout, signal }));
  }

  /**
   * As {@linkcode waitFor}, blocking the thread.
   *
   * @returns What `predicate` returned last.
   * @throws {TypeError} If `predicate` returns a promise, which is not awaited.
   * @throws As {@linkcode waitSync}; and what `predicate` throws.
   */
  waitForSync<T>(predicate: () => T, options?: WaitSyncOptions): T {
    this.#block("wait for");
    const timeout = timeoutOf(options, WAIT_SYNC);
    return untilTrueSync(predicate, timeout, this.#described, (timeout) => this.waitSync({ timeout }));
  }

  /**
   * Ends the waits of those `n` that have waited longest, or of all if there are fewer. It waits for nobody: they go on
   * one after the other, when the lock is released. Default: 1.
   *
   * @throws {TypeError} If `n` is not a number.
   * @throws {RangeError} If it is not a whole number, or negative.
   * @throws {InvalidStateError} If this thread does not hold the lock, or the condition is closed.
   */
  notify(n = 1): void {
    requireCount("notify", "n", n, { most: ALL });
    const block = this.#block("notify");
    if (translated(() => native().conditionNotify(block, n)) === ConditionOutcome.notOwner) {
      throw new InvalidStateError(
        `Cannot notify the ${this.#described}: this thread does not hold its lock; lock is not owned`,
      );
    }
  }

  /**
   * Ends the waits of all who wait; see {@linkcode notify}.
   *
   * @throws {InvalidStateError} If this thread does not hold the lock, or the condition is closed.
   */
  notifyAll(): void {
    this.notify(ALL);
  }

  /**
   * Gives up this process's handle, and that of the lock unless it was given to the constructor, and ends the waits
   * begun with it. The condition itself goes with the last handle of all processes.
   */
  [Symbol.dispose](): void {
    this.#handle.close();
    if (this.#ownsLock) this.#lock[Symbol.dispose]();
  }

  /** As CPython shows it: `<Condition(<RLock(None, 0)>, 2)>`, with the number of those who wait. */
  override toString(): string {
    const { block, closed, name } = this.#handle;
    const state = closed ? "closed" : `${this.#lock}, ${translated(() => native().conditionWaiters(block))}`;
    return `<Condition(${state}${nameField(name)})>`;
  }

  /** The name that it was given; `undefined` if none. */
  get name(): string | undefined {
    return this.#handle.name || undefined;
  }

  get #described(): string {
    return `Condition${this.#handle.label}`;
  }

  #closedError(): InvalidStateError {
    return closedError(`wait for the ${this.#described}`, "Condition");
  }

  #data(): ConditionData {
    attach(this.#block("send"));
    return this.#handle.named([...this.#handle.reference(), this.#lock, this.#ownsLock]);
  }

  #block(action: string): number {
    return this.#handle.require(action, "Condition");
  }

  /** The number that the addon gave, unless this thread does not have the lock. */
  #owned(number: number): number {
    if (number !== ConditionOutcome.notOwner) return number;
    const shared = this.#lock instanceof RLock
      ? " (another promise may have: promises of a thread share an RLock)"
      : "";
    throw new InvalidStateError(
      `Cannot wait for the ${this.#described}: this thread does not hold its lock, or has released it${shared}; ` +
        "must acquire() condition before using wait()",
    );
  }

  /** Whether a wait with that outcome was notified; a token says, with its sign, that the lock's last owner died. */
  #notified(outcome: number): boolean {
    if (outcome === Outcome.failed) throw this.#closedError();
    if (isRegular(outcome)) return outcome === Outcome.ready;
    const error = this.#lock[inside]("wait with").inherited(Math.abs(outcome));
    if (error !== null) throw error;
    return outcome > 0;
  }
}

/** The name among options, if those were given; empty for none. */
function nameIn(second: NameOptions | BlockHandle): string {
  if (second instanceof BlockHandle) return "";
  requireKnown("create a Condition", second, ["name"]);
  return objectName("create a Condition", second);
}

/** Whether the lock of a wait with that outcome came back without a death. */
function isRegular(outcome: number): boolean {
  return outcome === Outcome.ready || outcome === ConditionOutcome.notNotified;
}

/** Lets go of a lock that a wait got back, where no guard can any more: it is closed. */
function giveBack(lock: number, levels: number, outcome: number): void {
  if (outcome === Outcome.failed) return;
  if (!isRegular(outcome)) {
    native().lockGiveBack(lock, Math.abs(outcome));
    return;
  }
  // Not until it is free: somebody else may have it as soon as we do not.
  for (let level = 0; level < levels; level++) native().lockRelease(lock);
}

function isLock(lock: unknown): lock is Lock | RLock {
  return lock instanceof Lock || lock instanceof RLock;
}
