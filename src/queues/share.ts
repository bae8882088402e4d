// What a process has of a queue, whichever end of it: its block, what is ended when it is closed, and whom waits tell.

import { type BlockHandle, type BlockReference, closedError } from "../addon/handles.ts";
import { native } from "../addon/load.ts";
import { translated } from "../addon/translate.ts";
import { Company, QueueState, QueueWatch } from "../addon/numbers.ts";
import { attach } from "../reduction/passage.ts";
import type { Wish } from "./company.ts";
import { deserted, type Vain } from "./outcomes.ts";
import { Transport } from "./transport.ts";

/** How a queue travels: its block and its name. */
export type QueueData = readonly [...BlockReference, name?: string];

/** One handle of a queue, as both ends of it use it. */
export class Share {
  readonly handle: BlockHandle;
  readonly transport: Transport = new Transport((action) => this.block(action));
  /** Whether it was ever taken from by this handle. */
  isConsumer = false;
  /** What the user knows it as. */
  readonly #kindName: string;
  /** Ends the waits when the queue is closed. */
  #closing: AbortController | undefined;

  constructor(handle: BlockHandle, kindName: string) {
    this.handle = handle;
    this.#kindName = kindName;
  }

  /** Its name as it follows "the queue" in a sentence. */
  get label(): string {
    return this.handle.label;
  }

  get described(): string {
    return `queue${this.label}`;
  }

  /** The number of its block, to do `action` with it; throws if it is closed. */
  block(action: string): number {
    if (this.handle.closed) throw closedError(`${action} the ${this.described}`, this.#kindName);
    return this.handle.block;
  }

  /** Ends a wait when the queue is closed, too. */
  orClosed(signal: AbortSignal | undefined): AbortSignal {
    const closing = (this.#closing ??= new AbortController()).signal;
    return signal === undefined ? closing : AbortSignal.any([signal, closing]);
  }

  close(): void {
    this.transport.close();
    this.#closing?.abort(closedError(`wait for the ${this.described}`, this.#kindName));
    this.handle.close();
  }

  /** How a message names it. */
  reference(): QueueData {
    const queue = this.block("send");
    attach(queue);
    native().queueMarkShared(queue);
    return this.handle.named(this.handle.reference());
  }

  /** Begins a wait of so many milliseconds until the queue is in a state. */
  awaiting(state: number): (timeout: number) => number {
    const { nothing } = QueueWatch;
    return (timeout) => translated(() => native().queueAwait(this.block("wait for"), state, timeout, nothing, false));
  }

  /** What `granted` needs for a wait until the queue is in a state, but for the attempt. */
  wish(state: number, signal: AbortSignal): Omit<Wish<never>, "attempt"> {
    return {
      state,
      signal,
      block: () => this.block("wait for"),
      deserted: () => deserted(state, this.label),
      isOneSided: () => state !== QueueState.filled && !this.isConsumer,
    };
  }

  /** What is said of a wait of `timeout` milliseconds that was in vain. */
  vain(timeout: number): Vain {
    const isAlone = () => native().queueCompany(this.block("wait for")) === Company.nobody;
    return { timeout, label: this.label, isAlone };
  }
}
