// Semaphore and BoundedSemaphore of an engine. Their state is in the engine (library/semaphore.lua).

import { closedError, partsOf } from "../addon/handles.ts";
import { SemaphoreWord } from "../addon/numbers.ts";
import type { SemaphoreLike } from "../contracts/synchronize.ts";
import { register } from "../reduction/registry.ts";
import { nameField, type NameOptions } from "../runtime/object_name.ts";
import { showAsText } from "../runtime/shown.ts";
import type { Guard } from "../synchronize/guard.ts";
import { overReleased, semaphoreName } from "../synchronize/semaphore.ts";
import { requireCount } from "../waiting/count.ts";
import { ACQUIRE, ACQUIRE_SYNC, type AcquireOptions, type AcquireSyncOptions, timeoutOf } from "../waiting/options.ts";
import { Afterwards, type Insisting, InsistingGuard } from "./guard.ts";
import { ObjectHandle, type ObjectReference } from "./handles.ts";
import type { Answer, Session } from "./session.ts";
import { giveBack, goneError, waitFor } from "./object_waits.ts";

/** As `Semaphore`, for the processes of a tree on several machines. */
export class RemoteSemaphore implements SemaphoreLike {
  static {
    showAsText(RemoteSemaphore);
    register(RemoteSemaphore, {
      name: "engine.Semaphore",
      reduce: (semaphore) => semaphore.data(),
      restore: (data) => new RemoteSemaphore(ObjectHandle.adopt(partsOf(data, "a Semaphore"))),
    });
  }

  readonly #handle: ObjectHandle;

  /**
   * A semaphore whose value is `value`. Default: 1.
   *
   * @throws {TypeError} If `value` is not a number, or an option of the wrong type or unknown.
   * @throws {RangeError} If it is not a whole number from 0 to 2147483647.
   */
  constructor(session: Session, value?: number, options?: NameOptions);
  /** @ignore The semaphore that a message names. */
  constructor(handle: ObjectHandle);
  constructor(first: Session | ObjectHandle, value = 1, options: NameOptions = {}) {
    this.#handle = first instanceof ObjectHandle
      ? first
      : create(first, "Semaphore", value, SemaphoreWord.mask, options);
  }

  /**
   * Takes one from the value, waiting without blocking the thread until it is above 0. The guard releases it again.
   *
   * @throws {InvalidStateError} If the semaphore is, or is being, closed; then nothing is taken.
   * @throws What `signal` was aborted with; then nothing is taken.
   */
  acquire(): Promise<Guard>;
  /** As above; `null` if the value was 0 for `timeout` milliseconds. */
  acquire(options: AcquireOptions): Promise<Guard | null>;
  async acquire(options?: AcquireOptions): Promise<Guard | null> {
    const timeout = timeoutOf(options, ACQUIRE);
    const signal = options?.signal;
    signal?.throwIfAborted();
    const id = this.#require("acquire");
    using _ = this.#handle.share();
    const giveBack = this.#givingBack(id);
    const closed = () => closedError(`acquire the ${this.#described}`, this.kindName);
    const step = timeout === 0 ? "semaphore_try" : "semaphore_acquire";
    return this.#guard(await waitFor(this.#handle, step, [id], { timeout, signal, closed, giveBack }));
  }

  /**
   * Takes one from the value, blocking the thread until it is above 0. The guard releases it again.
   *
   * @throws {InvalidStateError} If the semaphore is closed.
   */
  acquireSync(): Guard;
  /** As above; `null` if the value was 0 for `timeout` milliseconds. */
  acquireSync(options: AcquireSyncOptions): Guard | null;
  acquireSync(options?: AcquireSyncOptions): Guard | null {
    const timeout = timeoutOf(options, ACQUIRE_SYNC);
    if (timeout === 0) return this.tryAcquire();
    return this.#waited("semaphore_acquire", timeout);
  }

  /**
   * Takes one from the value if it is above 0; `null` if not.
   *
   * @throws {InvalidStateError} If the semaphore is closed.
   */
  tryAcquire(): Guard | null {
    return this.#waited("semaphore_try", 0);
  }

  /**
   * Adds `n` to the value, at once: of several releases and acquisitions none is seen halfway. Default: 1.
   *
   * @throws {TypeError} If `n` is not a number.
   * @throws {RangeError} If it is not a whole number from 1 to 2147483647.
   * @throws {InvalidStateError} If the value would exceed its bound; then nothing is added.
   * @throws {EngineUnavailableError} If the engine is away: it may be added yet. What a guard releases is added in any case.
   */
  release(n = 1): void {
    requireCount(`release the ${this.#described}`, "n", n, { least: 1, most: SemaphoreWord.mask });
    this.#requireReleased(this.#handle.session.step("semaphore_release", this.#require("release"), n), n);
  }

  #requireReleased(answer: Answer, n: number): void {
    if (answer.refusal === "full") throw overReleased(this.#described, answer.number(0), n, answer.number(1));
    if (answer.refusal !== null) throw goneError("release", this.#described);
  }

  /** The value: how many acquisitions would succeed at once. It may have changed when you look at it. */
  getValue(): number {
    return this.#look()[0];
  }

  /** Whether the value is 0. */
  locked(): boolean {
    return this.getValue() === 0;
  }

  /**
   * Gives up this process's handle, and ends the waits begun with it. The semaphore itself goes with the last handle of all
   * processes.
   */
  [Symbol.dispose](): void {
    this.#handle.close();
  }

  /** As CPython shows it: `<Semaphore(value=1)>`. */
  toString(): string {
    return this.text((value) => `value=${value}`);
  }

  /** The name that it was given; `undefined` if none. */
  get name(): string | undefined {
    return this.#handle.name || undefined;
  }

  /** @ignore What `toString` gives, with the name at the end. */
  protected text(state: (value: number, max: number) => string): string {
    return `<${this.kindName}(${this.#state(state)}${nameField(this.#handle.name)})>`;
  }

  #state(state: (value: number, max: number) => string): string {
    if (this.#handle.closed) return "closed";
    try {
      return state(...this.#look());
    } catch {
      return "out of reach"; // whoever prints it wants no error
    }
  }

  /** @ignore */
  protected get kindName(): string {
    return "Semaphore";
  }

  get #described(): string {
    return `${this.kindName}${this.#handle.label}`;
  }

  /** @ignore How it travels. */
  protected data(): readonly [...ObjectReference, name?: string] {
    return this.#handle.named(this.#handle.reference(this.kindName));
  }

  #require(action: string): string {
    return this.#handle.require(action, this.kindName);
  }

  #look(): [value: number, max: number] {
    const answer = this.#handle.session.step("semaphore_look", this.#require("look at"));
    if (answer.refusal !== null) throw goneError("look at", this.#described);
    return [answer.number(0), answer.number(1)];
  }

  /** Does a step, which blocks; it is done later, and given back, where the engine is away for too long. */
  #waited(step: string, timeout: number): Guard | null {
    const id = this.#require("acquire");
    const giveBack = this.#givingBack(id);
    return this.#guard(this.#handle.session.waitSync(step, [id], { timeout, giveBack }));
  }

  /** Gives back what was taken though nobody waits for it any more. */
  #givingBack(id: string): (answer: Answer) => void {
    const { session } = this.#handle;
    return (answer) => {
      if (answer.refusal === null) giveBack(session, "semaphore_release", id, 1);
    };
  }

  #guard(answer: Answer | null): Guard | null {
    if (answer === null || answer.refusal === "taken") return null;
    if (answer.refusal !== null) throw goneError("acquire", this.#described);
    const released = new Afterwards();
    const { session } = this.#handle;
    const one: Insisting = {
      release: () => {
        this.#requireReleased(session.insist("semaphore_release", [this.#require("release"), 1], released), 1);
      },
      confirm: () => {
        session.settle();
        const answer = released.answer();
        if (answer !== null) this.#requireReleased(answer, 1);
      },
      toString: () => `${this}`,
    };
    return new InsistingGuard(one, false);
  }
}

/** As `BoundedSemaphore`, for the processes of a tree on several machines. */
export class RemoteBoundedSemaphore extends RemoteSemaphore {
  static {
    register(RemoteBoundedSemaphore, {
      name: "engine.BoundedSemaphore",
      reduce: (semaphore) => semaphore.data(),
      restore: (data) => new RemoteBoundedSemaphore(ObjectHandle.adopt(partsOf(data, "a BoundedSemaphore"))),
    });
  }

  /**
   * A semaphore whose value is `value`, and at most that. Default: 1.
   *
   * @throws {TypeError} If `value` is not a number, or an option of the wrong type or unknown.
   * @throws {RangeError} If it is not a whole number from 0 to 2147483647.
   */
  constructor(session: Session, value?: number, options?: NameOptions);
  /** @ignore The semaphore that a message names. */
  constructor(handle: ObjectHandle);
  constructor(first: Session | ObjectHandle, value = 1, options: NameOptions = {}) {
    super(first instanceof ObjectHandle ? first : create(first, "BoundedSemaphore", value, value, options));
  }

  /** As CPython shows it: `<BoundedSemaphore(value=1, maxvalue=1)>`. */
  override toString(): string {
    return this.text((value, max) => `value=${value}, maxvalue=${max}`);
  }

  /** @ignore */
  protected override get kindName(): string {
    return "BoundedSemaphore";
  }
}

function create(session: Session, kindName: string, value: number, max: number, options: NameOptions): ObjectHandle {
  const name = semaphoreName(kindName, value, options);
  return ObjectHandle.make(session, "semaphore", name, value, max);
}
