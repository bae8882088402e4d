// Values into a native queue and out of it, by the shortest way.
//
// Short messages pass through a scratch buffer that this thread shares with the addon, so that a call carries only
// numbers. Long byte arrays bypass the serialiser: one copy in, one copy out.

import { type Native, native, translated } from "../native.ts";
import { type Dumped, dumpInto, dumps, loads } from "../reduction.ts";
import { currentViewReducer, reduceInto } from "../reduction/registry.ts";
import { keepingScratch, openScratch, type Scratch } from "../scratch.ts";

/** A serialised value, ready to be put. */
export interface Message extends Dumped {
  readonly tag: number;
}

/** In the place of a value, which may be anything: none came in time. */
export const NOTHING: unique symbol = Symbol("nothing");
/** In the place of a value: the queue is empty and shut down. */
export const SHUT_DOWN: unique symbol = Symbol("shut down");
/** In the place of a value: the queue is empty and no other process has it any more. */
export const ORPHANED: unique symbol = Symbol("orphaned");

/** What came of a put (`queue_put` in native/addon/src/queues.rs). */
export const PutStatus = { done: 0, full: 1, shutDown: 2 } as const;

/** How the bytes of a message are to be read; travels beside them. */
const Tag = {
  /** A message of reduction.ts. */
  value: 0,
  /** A Uint8Array, as it is. */
  bytes: 1,
} as const;

/** What `queueGet` returns instead of a length. */
const NO_VALUE: Readonly<Record<number, symbol>> = { [-1]: NOTHING, [-2]: SHUT_DOWN, [-3]: ORPHANED };
/** What it adds to the length: the tag in units of this … */
export const TAG_UNIT = 2 ** 32;
/** … this if the message speaks of shared objects … */
export const ATTACHED = 2 ** 40;
/** … and this if the message does not fit into the scratch buffer, and is still in the queue. */
export const TOO_LONG = 2 ** 41;

/** Byte arrays of at least this length bypass the serialiser. */
const LONG_BYTES = 4096;

const NO_ATTACHMENTS: number[] = [];

/** Moves values between one native queue and this thread. */
export class Transport {
  readonly #addon: Native = native();
  readonly #scratch: Scratch = openScratch();
  /** Whether nothing has been put here, so that the queue is of no use once no other process has it. */
  #lonely = true;

  /** Whether this process is a mere consumer of the queue, as far as this handle knows. */
  get lonely(): boolean {
    return this.#lonely;
  }

  /** Puts a value, blocking up to `timeout` milliseconds; a {@linkcode PutStatus}. */
  put(queue: number, value: unknown, timeout: number): number {
    this.#lonely = false;
    if (this.#scratch.busy || isLongBytes(value)) return this.putMessage(queue, serialise(value), timeout);
    this.#scratch.busy = true;
    try {
      const end = dumpInto(value, this.#scratch.bytes, 0);
      if (end >= 0) return this.#addon.queuePut(queue, end, timeout);
    } finally {
      this.#scratch.busy = false;
    }
    return this.putMessage(queue, serialise(value), timeout);
  }

  /** Puts what {@linkcode serialise} made. */
  putMessage(queue: number, { tag, bytes, attachments }: Message, timeout: number): number {
    this.#lonely = false;
    const holds = attachments.length === 0 ? NO_ATTACHMENTS : [...attachments];
    return translated(() => this.#addon.queuePutBytes(queue, tag, bytes, holds, timeout));
  }

  /**
   * Takes a value, blocking up to `timeout` milliseconds; else {@linkcode NOTHING}, {@linkcode SHUT_DOWN} or
   * {@linkcode ORPHANED}.
   */
  get(queue: number, timeout: number): unknown {
    // A `restore` function that itself gets would overwrite what is being read.
    if (this.#scratch.busy) return keepingScratch(this.#scratch, () => this.#get(queue, timeout));
    return this.#get(queue, timeout);
  }

  #get(queue: number, timeout: number): unknown {
    const begin = timeout > 0 && timeout < Infinity ? performance.now() : 0;
    const got = this.#addon.queueGet(queue, timeout, this.#lonely ? 1 : 0);
    if (got < 0) return NO_VALUE[got];
    if (got < TAG_UNIT) return this.#value(this.#scratch.bytes, got);
    if (got < TOO_LONG) return this.#special(this.#scratch.bytes, got);
    // Memory of V8's own, which the copy goes to straight from the queue, and which V8 soon uses again.
    const bytes = new Uint8Array(got - TOO_LONG);
    const taken = translated(() => this.#addon.queueGetInto(queue, bytes));
    if (taken >= 0 && taken < TOO_LONG) return this.#special(bytes, taken);
    // Another consumer was quicker.
    return this.#get(queue, begin === 0 ? timeout : Math.max(0, timeout - (performance.now() - begin)));
  }

  /** The value in the first `length` bytes. */
  #value(bytes: Uint8Array, length: number): unknown {
    const wasBusy = this.#scratch.busy;
    this.#scratch.busy = true;
    try {
      return loads(bytes, 0, length);
    } finally {
      this.#scratch.busy = wasBusy;
    }
  }

  /** The value of a message that is long, or has a tag or attachments. */
  #special(bytes: Uint8Array<ArrayBuffer>, got: number): unknown {
    const attachments = got >= ATTACHED ? this.#addon.takenAttachments() : NO_ATTACHMENTS;
    const length = got % TAG_UNIT;
    try {
      if (Math.floor(got % ATTACHED / TAG_UNIT) !== Tag.bytes) return this.#value(bytes, length);
      return bytes === this.#scratch.bytes || length < bytes.length ? bytes.slice(0, length) : bytes;
    } finally {
      // By now whatever the message speaks of has been adopted, or is not wanted.
      if (attachments.length > 0) this.#addon.unpin(attachments);
    }
  }
}

/** The message for a value; a long byte array is not copied. */
export function serialise(value: unknown): Message {
  if (isLongBytes(value)) return { tag: Tag.bytes, bytes: value, attachments: NO_ATTACHMENTS };
  return { tag: Tag.value, ...dumps(value) };
}

/** A message that shares no memory with the value, which may change from here on. */
export function serialiseCopy(value: unknown): Message {
  const message = serialise(value);
  return message.bytes === value ? { ...message, bytes: message.bytes.slice() } : message;
}

/** Whether a value is a byte array that is better not copied by the serialiser. */
export function isLongBytes(value: unknown): value is Uint8Array<ArrayBuffer> {
  return value instanceof Uint8Array && value.length >= LONG_BYTES && value.constructor === Uint8Array &&
    value.buffer instanceof ArrayBuffer && !isShared(value);
}

/** Whether a view is of shared memory, and so travels as a reference. */
function isShared(view: Uint8Array): boolean {
  const reducer = currentViewReducer();
  return reducer !== null && reduceInto([], reducer, view) !== undefined;
}
