// Condition of an engine. Who waits for it is noted in the engine (library/condition.lua).

import { closedError, partsOf } from "../addon/handles.ts";
import type { ConditionLike } from "../contracts/synchronize.ts";
import { InvalidStateError } from "../errors.ts";
import { register } from "../reduction/registry.ts";
import { nameField, type NameOptions, objectName } from "../runtime/object_name.ts";
import { showAsText } from "../runtime/shown.ts";
import { ALL } from "../synchronize/condition.ts";
import { Lockable } from "../synchronize/lockable.ts";
import { requireCount } from "../waiting/count.ts";
import { requireKnown, timeoutOf, WAIT_SYNC, type WaitOptions, type WaitSyncOptions } from "../waiting/options.ts";
import { untilTrue, untilTrueSync } from "../waiting/predicate.ts";
import { ObjectHandle, type ObjectReference } from "./handles.ts";
import { RemoteLock } from "./lock.ts";
import type { Suspended } from "./lock_base.ts";
import { RemoteRLock } from "./rlock.ts";
import type { Answer, Session } from "./session.ts";
import { goneError, waitToEnd } from "./object_waits.ts";

/** How a condition travels: its object, its lock, whether the lock was made for it, and its name. */
type ConditionData = readonly [...ObjectReference, lock: RemoteLock | RemoteRLock, ownsLock: boolean, name?: string];

/** As `Condition`, for the processes of a tree on several machines. */
export class RemoteCondition extends Lockable implements ConditionLike {
  static {
    showAsText(RemoteCondition);
    register(RemoteCondition, {
      name: "engine.Condition",
      reduce: (condition) => condition.#data(),
      restore(data) {
        const [id, lock, ownsLock, name] = partsOf(data, "a Condition");
        if (!isLock(lock)) throw new RangeError("Cannot restore a Condition: it has no lock");
        const handle = ObjectHandle.adopt(name === undefined ? [id] : [id, name]);
        return new RemoteCondition(handle, lock, {}, ownsLock === true);
      },
    });
  }

  readonly #handle: ObjectHandle;
  readonly #lock: RemoteLock | RemoteRLock;
  readonly #ownsLock: boolean;

  /**
   * A condition on `lock`, which others may use too. Default: an RLock of its own, with its name.
   *
   * @throws {TypeError} If `lock` is neither a Lock nor an RLock of this tree, or an option is of the wrong type, or
   * unknown.
   * @throws {InvalidStateError} If it is closed.
   */
  constructor(session: Session, lock?: RemoteLock | RemoteRLock, options?: NameOptions);
  /** @ignore The condition that a message names. */
  constructor(handle: ObjectHandle, lock: RemoteLock | RemoteRLock, options: NameOptions, ownsLock: boolean);
  constructor(
    first: Session | ObjectHandle,
    given?: RemoteLock | RemoteRLock,
    options: NameOptions = {},
    ownsLock = given === undefined,
  ) {
    const { handle, lock } = first instanceof ObjectHandle
      ? { handle: first, lock: given! }
      : made(first, given, options);
    super(lock);
    this.#handle = handle;
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
    const id = this.#require("wait for");
    const lock = this.#lock;
    lock.handle.require("wait with", lock.kindName);
    using _ = this.#handle.share();
    using keptLock = lock.handle.share();
    const keptId = keptLock.id;
    const held = lock.suspend();
    const step = [id, ...held.words];
    const giveBack = (answer: Answer) => lock.abandon(keptId, held, answer);
    const ended = waitToEnd(this.#handle, "condition_wait", step, { timeout, signal, giveBack });
    const answer = await this.#unlessClosed(ended, keptId, held);
    this.#resume(held, answer);
    this.#require("wait for"); // throws if it was closed meanwhile
    const notified = this.#notified(answer);
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
    const id = this.#require("wait for");
    const lock = this.#lock;
    const lockId = lock.handle.require("wait with", lock.kindName);
    const held = lock.suspend();
    const step = [id, ...held.words];
    const giveBack = (answer: Answer) => lock.abandon(lockId, held, answer);
    const unbegun = () => lock.resume(held, null, 1);
    const wait = { timeout, giveBack, overdue: "unknown", unbegun } as const;
    const answer = this.#handle.session.waitSync("condition_wait", step, wait);
    this.#resume(held, answer);
    return this.#notified(answer);
  }

  /**
   * Waits until `predicate`, called with the lock held at the beginning and after each notification, returns something
   * truthy; `timeout` milliseconds in all. A promise that it returns is awaited.
   *
   * @returns What `predicate` returned last.
   * @throws As {@linkcode wait}; and what `predicate` throws.
   */
  async waitFor<T>(predicate: () => T | PromiseLike<T>, options?: WaitOptions): Promise<T> {
    this.#require("wait for");
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
    this.#require("wait for");
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
    const id = this.#require("notify");
    const { refusal } = this.#handle.session.step("condition_notify", id, this.#lock.thread, n);
    if (refusal === "owner") {
      throw new InvalidStateError(
        `Cannot notify the ${this.#described}: this thread does not hold its lock; lock is not owned`,
      );
    }
    if (refusal !== null) throw goneError("notify", this.#described);
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
    return `<Condition(${this.#state()}${nameField(this.#handle.name)})>`;
  }

  /** The name that it was given; `undefined` if none. */
  get name(): string | undefined {
    return this.#handle.name || undefined;
  }

  #state(): string {
    if (this.#handle.closed) return "closed";
    try {
      return `${this.#lock}, ${this.#handle.session.step("condition_look", this.#handle.id).number(0)}`;
    } catch {
      return "out of reach"; // whoever prints it wants no error
    }
  }

  get #described(): string {
    return `Condition${this.#handle.label}`;
  }

  #data(): ConditionData {
    return this.#handle.named([...this.#handle.reference("Condition"), this.#lock, this.#ownsLock]);
  }

  #require(action: string): string {
    return this.#handle.require(action, "Condition");
  }

  /** What a wait has come to; where the lock is closed meanwhile, nobody waits for that, and it is given back. */
  async #unlessClosed(ended: Promise<Answer | null>, lock: string, held: Suspended): Promise<Answer | null> {
    const { promise, reject } = Promise.withResolvers<never>();
    const forget = this.#lock.handle.onClose(() => {
      reject(
        this.#handle.closed
          ? closedError(`wait for the ${this.#described}`, "Condition")
          : this.#lock.closedError("wait with"),
      );
      ended.then((answer) => answer !== null && this.#lock.abandon(lock, held, answer)).catch(() => {});
    });
    try {
      return await Promise.race([ended, promise]);
    } finally {
      forget();
    }
  }

  /** This thread has the lock again, unless it never had it. */
  #resume(held: Suspended, answer: Answer | null): void {
    this.#lock.resume(held, answer?.refusal === null ? answer : null, 1);
  }

  /** Whether a wait was notified. */
  #notified(answer: Answer | null): boolean {
    if (answer?.refusal === "owner") {
      const shared = this.#lock instanceof RemoteRLock
        ? " (another promise may have: promises of a thread share an RLock)"
        : "";
      throw new InvalidStateError(
        `Cannot wait for the ${this.#described}: this thread does not hold its lock, or has released it${shared}; ` +
          "must acquire() condition before using wait()",
      );
    }
    if (answer === null || answer.refusal !== null) throw goneError("wait for", this.#described);
    const error = this.#lock.inherited(answer, 2);
    if (error !== null) throw error;
    return answer.text(0) === "1";
  }
}

function isLock(lock: unknown): lock is RemoteLock | RemoteRLock {
  return lock instanceof RemoteLock || lock instanceof RemoteRLock;
}

/** A new condition, and its lock: `given`, or one of its own. */
function made(
  session: Session,
  given: RemoteLock | RemoteRLock | undefined,
  options: NameOptions,
): { handle: ObjectHandle; lock: RemoteLock | RemoteRLock } {
  requireKnown("create a Condition", options, ["name"]);
  const name = objectName("create a Condition", options);
  const lock = given ?? new RemoteRLock(session, name === "" ? {} : { name });
  if (!isLock(lock) || given === null) {
    throw new TypeError(`Cannot create a Condition: "lock" is ${Deno.inspect(given)}, wanted a Lock or an RLock`);
  }
  if (lock.handle.session.tree !== session.tree) {
    throw new TypeError(`Cannot create a Condition: "lock" is ${lock}, which belongs to another tree`);
  }
  const id = lock.handle.require("create a Condition with", lock.kindName);
  return { handle: ObjectHandle.make(session, "condition", name, id), lock };
}
