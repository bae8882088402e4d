// Semaphore and BoundedSemaphore. Without contention an acquisition and a release are one compare-exchange each; the
// words and what they mean are native/core/src/sync/semaphore.rs. Everything else is in the addon; and all of it is in a
// process with limited permissions, which could otherwise write anything there.

import { cellWords } from "../addon/cells.ts";
import { BlockHandle, type BlockReference, closedError } from "../addon/handles.ts";
import { InvalidStateError } from "../errors.ts";
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
import { adopted, attach } from "../reduction/passage.ts";
import { register } from "../reduction/registry.ts";
import { wait } from "../addon/waits.ts";
import { requireCount } from "../waiting/count.ts";
import { turnIfDue } from "../waiting/turns.ts";
import { AcquiredGuard, type Guard } from "./guard.ts";
import { nameField, type NameOptions, objectName } from "../runtime/object_name.ts";
import { showAsText } from "../runtime/shown.ts";
import { Kind, Outcome, SemaphoreWord } from "../addon/numbers.ts";

/**
 * What takes the place of a semaphore's words where there are none to see, because it is closed, or because the process
 * has limited permissions: its value and its bound are 0, so that the addon is asked.
 */
const NO_WORDS = new Int32Array(2);

/**
 * A counter that is never negative: {@linkcode Semaphore.acquire | acquire} takes one from it, waiting while it is 0,
 * and {@linkcode Semaphore.release | release} adds to it. As `multiprocessing.Semaphore`. It is not recorded
 * which process has acquired: any process may release, and the permits of a killed process stay taken.
 *
 * @example Two at a time
 * ```ts
 * import { Semaphore } from "@parallel/multiprocessing";
 * import { assertEquals } from "@std/assert";
 *
 * using semaphore = new Semaphore(2);
 * {
 *   using _first = await semaphore.acquire();
 *   using _second = semaphore.acquireSync();
 *   assertEquals(semaphore.tryAcquire(), null);
 * }
 * assertEquals(semaphore.getValue(), 2);
 * ```
 */
export class Semaphore implements Disposable {
  static {
    showAsText(Semaphore);
    register(Semaphore, {
      reduce: (semaphore) => semaphore.data(),
      restore: (data) => new Semaphore(adopted(data)),
    });
  }

  readonly #handle: BlockHandle;
  readonly #toMax: number;
  /** The bits of the word that are the value. */
  readonly #mask: number;
  /** The words of the window in which the semaphore lies, and the index of its value. */
  #words: Int32Array;
  #index: number;

  /**
   * A semaphore whose value is `value`. Default: 1.
   *
   * @throws {TypeError} If `value` is not a number, or an option of the wrong type or unknown.
   * @throws {RangeError} If it is not a whole number from 0 to 2147483647.
   */
  constructor(value?: number, options?: NameOptions);
  /** @ignore The semaphore in a block that exists. */
  constructor(handle: BlockHandle);
  constructor(first: number | BlockHandle = 1, options: NameOptions = {}) {
    this.#handle = first instanceof BlockHandle ? first : create("Semaphore", first, SemaphoreWord.mask, options);
    const cell = cellWords(this.#handle.block, Kind.semaphore);
    const { place, maxPlace, mask } = SemaphoreWord;
    this.#words = cell === null ? NO_WORDS : cell.words;
    this.#index = cell === null ? 0 : cell.word + place;
    this.#toMax = maxPlace - place;
    this.#mask = mask;
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
    const turn = turnIfDue();
    if (turn !== undefined) await turn; // before it is taken
    signal?.throwIfAborted();
    const guard = this.tryAcquire();
    if (guard !== null || timeout === 0) return guard;
    this.#block("acquire"); // throws if it is closed
    using kept = this.#handle.share();
    const submit = () => translated(() => native().semaphoreAcquireAsync(kept.block, timeout));
    const closed = () => closedError(`acquire the ${this.described}`, this.constructor.name);
    const outcome = await wait(submit, { signal, handle: this.#handle, closed });
    if (outcome === Outcome.ready && this.#handle.closed) native().semaphoreGiveBack(kept.block);
    if (outcome === Outcome.failed || this.#handle.closed) throw closed();
    return outcome === Outcome.ready ? new AcquiredGuard(this, false) : null;
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
    if (this.#take()) return new AcquiredGuard(this, false);
    const block = this.#block("acquire");
    if (timeout === 0 && this.#words !== NO_WORDS) return null;
    return translated(() => native().semaphoreAcquire(block, timeout)) === 0 ? null : new AcquiredGuard(this, false);
  }

  /**
   * Takes one from the value if it is above 0; `null` if not.
   *
   * @throws {InvalidStateError} If the semaphore is closed.
   */
  tryAcquire(): Guard | null {
    if (this.#take()) return new AcquiredGuard(this, false);
    const block = this.#block("acquire");
    if (this.#words !== NO_WORDS || native().semaphoreAcquire(block, 0) === 0) return null;
    return new AcquiredGuard(this, false);
  }

  /**
   * Adds `n` to the value, at once: of several releases and acquisitions none is seen halfway. Default: 1.
   *
   * @throws {TypeError} If `n` is not a number.
   * @throws {RangeError} If it is not a whole number from 1 to 2147483647.
   * @throws {InvalidStateError} If the value would exceed its bound; then nothing is added.
   */
  release(n = 1): void {
    if (n !== 1) requireCount(`release the ${this.described}`, "n", n, { least: 1, most: SemaphoreWord.mask });
    const words = this.#words;
    const index = this.#index;
    const max = words[index + this.#toMax];
    let word = Atomics.load(words, index);
    for (;;) {
      if ((word & this.#mask) + n > max) return this.#releaseSlowly(n);
      const seen = Atomics.compareExchange(words, index, word, word + n); // T3
      if (seen === word) break;
      word = seen;
    }
    // The sign bit says that somebody may sleep.
    if (word < 0) native().semaphoreWake(this.#block("release"), n);
  }

  /** The value: how many acquisitions would succeed at once. It may have changed when you look at it. */
  getValue(): number {
    const block = this.#block("look at");
    if (this.#words === NO_WORDS) return native().semaphoreValue(block);
    return Atomics.load(this.#words, this.#index) & this.#mask;
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
    this.#words = NO_WORDS;
    this.#index = 0;
    this.#handle.close();
  }

  /** As CPython shows it: `<Semaphore(value=1)>`. */
  toString(): string {
    return this.text(() => `value=${this.getValue()}`);
  }

  /** The name that it was given; `undefined` if none. */
  get name(): string | undefined {
    return this.#handle.name || undefined;
  }

  /** @ignore What it is, and its name, for sentences. */
  protected get described(): string {
    return `${this.constructor.name}${this.#handle.label}`;
  }

  /** @ignore What `toString` gives, with the name at the end. */
  protected text(state: () => string): string {
    const { closed, name } = this.#handle;
    return `<${this.kindName}(${closed ? "closed" : state()}${nameField(name)})>`;
  }

  /** @ignore */
  protected get kindName(): string {
    return "Semaphore";
  }

  /** @ignore How it travels. */
  protected data(): readonly [...BlockReference, name?: string] {
    attach(this.#block("send"));
    return this.#handle.named(this.#handle.reference());
  }

  /** @ignore The bound that {@linkcode release} keeps. */
  protected bound(): number {
    const block = this.#block("look at");
    if (this.#words === NO_WORDS) return native().semaphoreBound(block);
    return this.#words[this.#index + this.#toMax];
  }

  /** T1, if the value is above 0. */
  #take(): boolean {
    const words = this.#words;
    const index = this.#index;
    // A plain read is cheaper, but the compiler may have made it long ago: it does not count as a refusal.
    let word = words[index];
    if ((word & this.#mask) === 0) word = Atomics.load(words, index);
    while ((word & this.#mask) !== 0) {
      const seen = Atomics.compareExchange(words, index, word, word - 1);
      if (seen === word) return true;
      word = seen;
    }
    return false;
  }

  #block(action: string): number {
    return this.#handle.require(action, this.constructor.name);
  }

  /** A release that the words do not allow. */
  #releaseSlowly(n: number): void {
    const block = this.#block("release");
    if (this.#words === NO_WORDS && native().semaphoreRelease(block, n) !== 0) return;
    throw overReleased(this.described, this.getValue(), n, this.bound());
  }
}

/**
 * A semaphore whose value never exceeds the one it was made with: a release too many is an error. As
 * `multiprocessing.BoundedSemaphore`, whose check is not exact; this one is.
 *
 * @example A release too many
 * ```ts
 * import { BoundedSemaphore, InvalidStateError } from "@parallel/multiprocessing";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * using semaphore = new BoundedSemaphore(2);
 * semaphore.acquireSync();
 * semaphore.release();
 * assertThrows(() => semaphore.release(), InvalidStateError, "released too many times");
 * assertEquals(String(semaphore), "<BoundedSemaphore(value=2, maxvalue=2)>");
 * ```
 */
export class BoundedSemaphore extends Semaphore {
  static {
    register(BoundedSemaphore, {
      reduce: (semaphore) => semaphore.data(),
      restore: (data) => new BoundedSemaphore(adopted(data)),
    });
  }

  /**
   * A semaphore whose value is `value`, and at most that. Default: 1.
   *
   * @throws {TypeError} If `value` is not a number, or an option of the wrong type or unknown.
   * @throws {RangeError} If it is not a whole number from 0 to 2147483647.
   */
  constructor(value?: number, options?: NameOptions);
  /** @ignore The semaphore in a block that exists. */
  constructor(handle: BlockHandle);
  constructor(first: number | BlockHandle = 1, options: NameOptions = {}) {
    super(first instanceof BlockHandle ? first : create("BoundedSemaphore", first, first, options));
  }

  /** As CPython shows it: `<BoundedSemaphore(value=1, maxvalue=1)>`. */
  override toString(): string {
    return this.text(() => `value=${this.getValue()}, maxvalue=${this.bound()}`);
  }

  /** @ignore */
  protected override get kindName(): string {
    return "BoundedSemaphore";
  }
}

function create(kindName: string, value: number, max: number, options: NameOptions): BlockHandle {
  const name = semaphoreName(kindName, value, options);
  return BlockHandle.of((addon) => addon.semaphoreCreate(value, max), name);
}

/**
 * The name of a semaphore of that value.
 *
 * @throws {TypeError} If `value` is not a number, or an option of the wrong type or unknown.
 * @throws {RangeError} If it is not a whole number from 0 to 2147483647.
 */
export function semaphoreName(kindName: string, value: number, options: NameOptions): string {
  const action = `create a ${kindName}`;
  requireCount(action, "value", value, { most: SemaphoreWord.mask });
  requireKnown(action, options, ["name"]);
  return objectName(action, options);
}

/** The error of a release of `n` too many. */
export function overReleased(described: string, value: number, n: number, max: number): InvalidStateError {
  return new InvalidStateError(
    `Cannot release the ${described}: its value is ${value} and ${n} more would exceed ${max}; ` +
      "semaphore or lock released too many times",
  );
}
