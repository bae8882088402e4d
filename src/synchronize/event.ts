// Event. Setting, clearing and looking are one `Atomics` operation each; the word and what it means are
// native/core/src/sync/event.rs. Everything else is in the addon; and all of it is in a process with limited permissions,
// which could otherwise write anything there.

import { cellWords } from "../addon/cells.ts";
import { BlockHandle, type BlockReference, closedError } from "../addon/handles.ts";
import { native } from "../addon/load.ts";
import { translated } from "../addon/translate.ts";
import { requireKnown, timeoutOf, WAIT_SYNC, type WaitOptions, type WaitSyncOptions } from "../waiting/options.ts";
import { adopted, attach } from "../reduction/passage.ts";
import { register } from "../reduction/registry.ts";
import { wait } from "../addon/waits.ts";
import { turnIfDue } from "../waiting/turns.ts";
import { nameField, type NameOptions, objectName } from "../runtime/object_name.ts";
import { showAsText } from "../runtime/shown.ts";
import { EventWord, Kind, Outcome } from "../addon/numbers.ts";

/** What takes the place of an event's words in a process with limited permissions. */
const NO_WORDS = new Int32Array(1);

/**
 * A flag that processes wait for. As `multiprocessing.Event`. {@linkcode Event.set | set} releases everybody who waits
 * at that moment, even if the flag is cleared at once, and it waits for nobody: a killed waiter costs nothing.
 *
 * @example Set once, passed by all
 * ```ts
 * import { Event } from "@parallel/multiprocessing";
 * import { assert, assertEquals } from "@std/assert";
 *
 * using event = new Event();
 * assertEquals(event.waitSync({ timeout: 0 }), false);
 * const waiting = event.wait();
 * event.set();
 * assertEquals(await waiting, true);
 * assert(event.isSet());
 * event.clear();
 * assert(!event.isSet());
 * ```
 */
export class Event implements Disposable {
  static {
    showAsText(Event);
    register(Event, {
      reduce: (event) => event.#data(),
      restore: (data) => new Event(adopted(data)),
    });
  }

  readonly #handle: BlockHandle;
  /** The words of the window in which the event lies, {@linkcode NO_WORDS} if there is none, and the index of its own. */
  readonly #words: Int32Array;
  readonly #index: number;

  /**
   * An event that is not set.
   *
   * @throws {TypeError} If an option is of the wrong type, or unknown.
   */
  constructor(options?: NameOptions);
  /** @ignore The event in a block that exists. */
  constructor(handle: BlockHandle);
  constructor(first: NameOptions | BlockHandle = {}) {
    this.#handle = first instanceof BlockHandle ? first : create(first);
    const cell = cellWords(this.#handle.block, Kind.event);
    this.#words = cell === null ? NO_WORDS : cell.words;
    this.#index = cell === null ? 0 : cell.word + EventWord.place;
  }

  /** The name that it was given; `undefined` if none. */
  get name(): string | undefined {
    return this.#handle.name || undefined;
  }

  /**
   * Whether the flag is set.
   *
   * @throws {InvalidStateError} If the event is closed.
   */
  isSet(): boolean {
    const block = this.#block("look at");
    if (this.#words === NO_WORDS) return native().eventIsSet(block) !== 0;
    return (Atomics.load(this.#words, this.#index) & EventWord.set) !== 0;
  }

  /**
   * Sets the flag and releases all who wait. Nothing happens if it is set.
   *
   * @throws {InvalidStateError} If the event is closed.
   */
  set(): void {
    const block = this.#block("set");
    const { set, waiters, count } = EventWord;
    const words = this.#words;
    const index = this.#index;
    if (words === NO_WORDS) {
      native().eventSet(block);
      return;
    }
    let word = Atomics.load(words, index);
    for (;;) {
      if ((word & set) !== 0) return;
      const next = ((word + count) | set) & ~waiters;
      const seen = Atomics.compareExchange(words, index, word, next); // T1
      if (seen === word) break;
      word = seen;
    }
    if ((word & waiters) !== 0) native().eventWake(block);
  }

  /**
   * Clears the flag. Nothing happens if it is not set.
   *
   * @throws {InvalidStateError} If the event is closed.
   */
  clear(): void {
    const block = this.#block("clear");
    if (this.#words === NO_WORDS) native().eventClear(block);
    else Atomics.and(this.#words, this.#index, ~EventWord.set); // T2
  }

  /**
   * Waits without blocking the thread until the flag is set: `true`, also if it was set and cleared again meanwhile;
   * `false` if `timeout` milliseconds have passed first.
   *
   * @throws {InvalidStateError} If the event is, or is being, closed.
   * @throws What `signal` was aborted with.
   */
  async wait(options?: WaitOptions): Promise<boolean> {
    const timeout = timeoutOf(options);
    const signal = options?.signal;
    signal?.throwIfAborted();
    const isSet = this.isSet();
    if (isSet || timeout === 0) {
      const turn = turnIfDue();
      if (turn !== undefined) await turn;
      return isSet;
    }
    const block = this.#block("wait for");
    const closed = () => closedError(`wait for the Event${this.#handle.label}`, "Event");
    const submit = () => translated(() => native().eventAwait(block, timeout));
    const outcome = await wait(submit, { signal, handle: this.#handle, closed });
    if (outcome === Outcome.failed) throw closed();
    return outcome === Outcome.ready;
  }

  /**
   * As {@linkcode wait}, blocking the thread.
   *
   * @throws {InvalidStateError} If the event is closed.
   */
  waitSync(options?: WaitSyncOptions): boolean {
    const timeout = timeoutOf(options, WAIT_SYNC);
    if (this.isSet()) return true;
    const block = this.#block("wait for");
    return timeout !== 0 && translated(() => native().eventWait(block, timeout)) !== 0;
  }

  /**
   * Gives up this process's handle, and ends the waits begun with it. The event itself goes with the last handle of all
   * processes.
   */
  [Symbol.dispose](): void {
    this.#handle.close();
  }

  /** As CPython shows it, `<Event at 0x1f set>` or `… unset>`, with a number that is the same in all processes. */
  toString(): string {
    const { block, closed, name } = this.#handle;
    if (closed) return `<Event(closed${nameField(name)})>`;
    return `<Event at 0x${block.toString(16)} ${this.isSet() ? "set" : "unset"}${nameField(name, " ")}>`;
  }

  #data(): readonly [...BlockReference, name?: string] {
    attach(this.#block("send"));
    return this.#handle.named(this.#handle.reference());
  }

  #block(action: string): number {
    return this.#handle.require(action, "Event");
  }
}

function create(options: NameOptions): BlockHandle {
  requireKnown("create an Event", options, ["name"]);
  return BlockHandle.of((addon) => addon.eventCreate(), objectName("create an Event", options));
}
