// Loan: memory of a queue, to be filled and put.

import { InvalidStateError } from "../errors.ts";
import { register } from "../reduction/registry.ts";
import { showAsText } from "../runtime/shown.ts";
import { withUsersFrames } from "../runtime/stack.ts";
import { requireCount } from "../waiting/count.ts";
import type { AcquireOptions, AcquireSyncOptions } from "../waiting/options.ts";
import { messageOf, type Slot, type Slots } from "./slots.ts";
import type { Message } from "./transport.ts";

/** What a loan needs of its queue. */
export interface Lender {
  readonly slots: Slots;
  /** The queue's name as it stands behind "the queue". */
  readonly label: string;
  put(message: Message, options?: AcquireOptions): Promise<void>;
  putSync(message: Message, options?: AcquireSyncOptions): void;
}

/** Where a loan is; what it says of itself when it is there. */
type State = "lent" | "being put" | "put" | "given back";

/** Gives back what was dropped without a word. */
const collected = new FinalizationRegistry<{ slots: Slots; slot: Slot }>(({ slots, slot }) => slots.takeBack(slot));

/** The loans of arrays: who has only the array still writes into memory that nobody else is lent. */
const loans = new WeakMap<Uint8Array, Loan>();

/**
 * Memory of a queue, to be filled and put without a copy: see {@linkcode Queue.loan}. What is not put is given back at the
 * end of its block by `using`, or by {@linkcode Loan.close | close}; garbage collection does it, too, some time after
 * nobody has the loan or its array any more.
 *
 * @example Read a file straight into the queue
 * ```ts
 * import { Queue } from "@parallel/multiprocessing";
 * import { assertEquals } from "@std/assert";
 *
 * const path = await Deno.makeTempFile();
 * await Deno.writeTextFile(path, "what is in the file");
 * using queue = new Queue<Uint8Array>();
 * using file = await Deno.open(path);
 * using slot = queue.loan(1 << 20);
 * const length = file.readSync(slot.bytes) ?? 0;
 * await slot.put(length);
 * using view = await queue.getView();
 * assertEquals(view.bytes.length, length);
 * await Deno.remove(path);
 * ```
 */
export class Loan implements Disposable {
  static {
    register(Loan, { refuse: "a Loan belongs to the thread that has borrowed; put it, or send a copy of its bytes" });
    showAsText(Loan);
  }

  readonly #lender: Lender;
  readonly #slot: Slot;
  readonly #bytes: Uint8Array<SharedArrayBuffer>;
  #state: State = "lent";
  /** Whether it was closed while it is being put. */
  #isUnwanted = false;

  /** @ignore Made by queues. */
  constructor(lender: Lender, size: number) {
    this.#lender = lender;
    this.#slot = lender.slots.lend(size);
    this.#bytes = new Uint8Array(this.#slot.buffer, 0, size);
    loans.set(this.#bytes, this);
    collected.register(this, { slots: lender.slots, slot: this.#slot }, this);
  }

  /**
   * The memory, as many bytes as were asked for. It is shared memory, a view of a `SharedArrayBuffer`, and may have anything
   * in it. An array that is kept until after {@linkcode put} shows what its receiver sees, and later what is lent next.
   *
   * @throws {InvalidStateError} If it is being put, was put, or given back.
   */
  get bytes(): Uint8Array<SharedArrayBuffer> {
    this.#require("use");
    return this.#bytes;
  }

  /**
   * Puts the first `length` bytes, all of them if that is absent, waiting for room without blocking the thread. They must not
   * be written any more, from the call on. If it fails, the loan is as it was before, and can be put again.
   *
   * @throws {TypeError} If `length` is not a number, or an option of the wrong type or unknown.
   * @throws {RangeError} If it is not a whole one from 0 to the size of the loan.
   * @throws {InvalidStateError} If the loan was put or given back, or the queue is closed.
   * @throws What {@linkcode Queue.put} throws.
   */
  async put(length: number = this.#bytes.length, options?: AcquireOptions): Promise<void> {
    const message = this.#message(length);
    try {
      await this.#lender.put(message, options);
    } catch (error) {
      this.#notPut();
      throw error;
    }
    this.#wasPut();
  }

  /** As {@linkcode put}, blocking the thread until there is room. */
  putSync(length: number = this.#bytes.length, options?: AcquireSyncOptions): void {
    const message = this.#message(length);
    try {
      this.#lender.putSync(message, options);
    } catch (error) {
      this.#notPut();
      throw error;
    }
    this.#wasPut();
  }

  /** The message, which is being put from here on: the options may have getters, which may do anything. */
  #message(length: number): Message {
    requireCount("put the loan", "length", length, { most: this.#bytes.length });
    this.#require("put");
    const message = messageOf(this.#slot, length);
    this.#state = "being put";
    return message;
  }

  #wasPut(): void {
    this.#state = "put";
    collected.unregister(this);
    this.#lender.slots.putAway(this.#slot);
  }

  #notPut(): void {
    this.#state = "lent";
    if (this.#isUnwanted) this.close();
  }

  /** Where it is: a queue that is closed takes back what it has lent. */
  get #where(): State {
    return this.#slot.isClosed && this.#state === "lent" ? "given back" : this.#state;
  }

  #require(action: string): void {
    const state = this.#where;
    if (state === "lent") return;
    const why = this.#state === "lent" ? ", as the queue was closed" : "";
    const what = state === "being put" ? "it is being put" : `it was ${state}${why}`;
    throw withUsersFrames(
      new InvalidStateError(`Cannot ${action} the loan of the queue${this.#lender.label}: ${what}`),
    );
  }

  /**
   * Gives the memory back, if it was not put. While it is being put: as soon as that has failed. Again: nothing happens.
   */
  close(): void {
    if (this.#state === "being put") this.#isUnwanted = true;
    if (this.#state !== "lent") return;
    this.#state = "given back";
    collected.unregister(this);
    this.#lender.slots.takeBack(this.#slot);
  }

  /** As {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** For messages: `<Loan(length=100)>`, and where it is if it is not here. */
  toString(): string {
    return `<Loan(length=${this.#bytes.length}${this.#where === "lent" ? "" : `, ${this.#where}`})>`;
  }
}
