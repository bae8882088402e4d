// BytesView: the bytes of a message where they lie.

import { InvalidStateError } from "../errors.ts";
import { register } from "../reduction/registry.ts";
import { showAsText } from "../runtime/shown.ts";
import { withUsersFrames } from "../runtime/stack.ts";

/** Gives back what was not closed. */
const collected = new FinalizationRegistry<() => void>((giveBack) => giveBack());
/** The views of arrays: who has only the array still sees what was put, not what is put there next. */
const views = new WeakMap<Uint8Array, BytesView>();

/**
 * The bytes of one message of a queue, where they lie: see {@linkcode Queue.getView}. It is given back at the end of its
 * block by `using`, or by {@linkcode BytesView.close | close}; garbage collection does it, too, some time after nobody has
 * the view or its array any more.
 *
 * @example Read without a copy
 * ```ts
 * import { Queue } from "@parallel/multiprocessing";
 * import { assertEquals } from "@std/assert";
 *
 * using queue = new Queue<Uint8Array>();
 * using slot = queue.loan(100);
 * const { written } = new TextEncoder().encodeInto("in place", slot.bytes);
 * await slot.put(written);
 * using view = await queue.getView();
 * assertEquals(new TextDecoder().decode(view.bytes), "in place");
 * ```
 */
export class BytesView implements Disposable {
  static {
    register(BytesView, {
      refuse: "a view belongs to the thread that has it; send a copy of its bytes made with slice()",
    });
    showAsText(BytesView);
  }

  #bytes: Uint8Array | null;
  readonly #giveBack: () => void;

  /** @ignore Made by queues. */
  constructor(bytes: Uint8Array, giveBack: () => void) {
    this.#bytes = bytes;
    this.#giveBack = giveBack;
    collected.register(this, giveBack, this);
    views.set(bytes, this);
  }

  /**
   * The bytes. Those of a {@linkcode Loan} are shared memory: a view of a `SharedArrayBuffer`, of which `slice()` makes an
   * ordinary copy. An array that was kept until after the end of the view shows what is put there next, or zeroes.
   *
   * @throws {InvalidStateError} If the view was given back.
   */
  get bytes(): Uint8Array {
    if (this.#bytes !== null) return this.#bytes;
    throw withUsersFrames(new InvalidStateError("Cannot use the bytes of a view: it was given back"));
  }

  /** Gives the memory back, for the next loan. Again: nothing happens. */
  close(): void {
    if (this.#bytes === null) return;
    this.#bytes = null;
    collected.unregister(this);
    this.#giveBack();
  }

  /** As {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** For messages: `<BytesView(length=100)>`. */
  toString(): string {
    return `<BytesView(${this.#bytes === null ? "given back" : `length=${this.#bytes.length}`})>`;
  }
}
