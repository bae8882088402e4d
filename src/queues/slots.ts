// Memory that a queue lends: a block is filled, put, viewed, and then lent again, so that neither a copy nor fresh pages
// are paid for each message.
//
// A slot is two blocks. The bytes stay mapped in each process that has seen them. The *receipt* is held by the message and
// then by its view, and by the process that has made the slot: when that finds itself alone with the receipt, nobody has the
// bytes any more, whoever was killed meanwhile, since what the dead held is let go for them.
//
// S1. A process lends no slots but those that it made: it never sees in one what others have put.
// S2. A buffer that shows a slot is never in a message: who received it would see what is lent next.

import { collecting } from "../addon/garbage.ts";
import { BlockHandle, type BlockReference } from "../addon/handles.ts";
import { native } from "../addon/load.ts";
import { Kind, MessageTag } from "../addon/numbers.ts";
import { translated } from "../addon/translate.ts";
import type { Message } from "./transport.ts";
import { BytesView } from "./bytes_view.ts";

/** Slots that are not lent or viewed are kept up to this number, and this many bytes. */
const KEPT = { slots: 64, bytes: 64 * 1024 * 1024 };
/**
 * How many slots that were put are looked at for each loan, more than come back meanwhile. Each time it is the turn of
 * others, so that those which are viewed for long do not hide those behind them.
 */
const ASKED_AT_ONCE = 8;
/** Slots have a multiple of this many bytes: no other block has a part of their last page. */
const WHOLE = 4096;

/** Memory that is lent. */
export interface Slot {
  readonly block: number;
  readonly generation: number;
  readonly receipt: BlockHandle;
  readonly buffer: SharedArrayBuffer;
  /** Whether its memory was let go; then the buffer shows zeroes. */
  isClosed: boolean;
}

/** The slots that one handle of a queue has made. */
export class Slots {
  readonly #lent = new Set<Slot>();
  /** Those that were put, in this order. */
  #away: Slot[] = [];
  /** Those that can be lent; the one that came back last is the last. */
  #idle: Slot[] = [];
  /** Bytes of those that are not lent. */
  #bytes = 0;
  #isClosed = false;

  /**
   * A slot of at least `size` bytes, which may have anything in them that this process or a receiver has written.
   *
   * @throws {RangeError} If there is not as much memory.
   */
  lend(size: number): Slot {
    this.#gather();
    const slot = this.#take(size) ?? made(WHOLE * Math.ceil(size / WHOLE));
    this.#lent.add(slot);
    return slot;
  }

  /** The smallest idle slot that is large enough, and not much too large. */
  #take(size: number): Slot | undefined {
    let best = -1;
    this.#idle.forEach(({ buffer: { byteLength } }, i) => {
      const fits = byteLength >= size && (byteLength <= 2 * size || byteLength <= 1 << 16);
      if (fits && (best === -1 || byteLength <= this.#idle[best].buffer.byteLength)) best = i;
    });
    if (best === -1) return undefined;
    const [slot] = this.#idle.splice(best, 1);
    this.#bytes -= slot.buffer.byteLength;
    return slot;
  }

  /** Takes a slot back that was not put. */
  takeBack(slot: Slot): void {
    if (this.#lent.delete(slot)) this.#keep(this.#idle, slot);
  }

  /** The slot was put: it comes back when nobody has its message or a view of it. */
  putAway(slot: Slot): void {
    if (this.#lent.delete(slot)) this.#keep(this.#away, slot);
  }

  /** Looks which of those that were put are back. */
  #gather(): void {
    for (const slot of this.#away.splice(0, ASKED_AT_ONCE)) {
      const isBack = native().blockIsLast(slot.receipt.block) !== 0;
      (isBack ? this.#idle : this.#away).push(slot);
    }
  }

  /** Adds a slot, and lets go of those that are too many then. One that was put stays with its message. */
  #keep(where: Slot[], slot: Slot): void {
    where.push(slot);
    this.#bytes += slot.buffer.byteLength;
    while (isTooMuch(this.#idle.length + this.#away.length, this.#bytes)) {
      const one = this.#idle.shift() ?? this.#away.pop()!;
      this.#bytes -= one.buffer.byteLength;
      letGo(one);
    }
  }

  /** Lets go of all of them: also of those that are lent. What was put stays with its message. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const slot of [...this.#lent, ...this.#away, ...this.#idle]) letGo(slot);
    this.#lent.clear();
    this.#away = [];
    this.#idle = [];
  }
}

/** Whether these are more than are kept; one is, however large it is. */
function isTooMuch(count: number, bytes: number): boolean {
  return count > KEPT.slots || bytes > KEPT.bytes && count > 1;
}

function made(size: number): Slot {
  const buffer = translated(() => collecting(() => native().loanCreate(size)));
  const [block, generation] = native().viewMade();
  try {
    return { block, generation, buffer, receipt: BlockHandle.create(Kind.bytes, 1), isClosed: false };
  } catch (error) {
    closeBuffer(buffer);
    throw error;
  }
}

function letGo(slot: Slot): void {
  slot.isClosed = true;
  slot.receipt.close();
  closeBuffer(slot.buffer);
}

/** Has a buffer show zeroes, and lets its block go. */
function closeBuffer(buffer: SharedArrayBuffer): void {
  translated(() => native().viewClose(new Uint8Array(buffer, 0, 1)));
}

/** The message that puts the first `length` bytes of a slot. */
export function messageOf({ block, generation, receipt }: Slot, length: number): Message {
  const numbers = Uint32Array.of(block, generation, ...receipt.reference(), length);
  return { tag: MessageTag.loan, bytes: new Uint8Array(numbers.buffer), attachments: [receipt.block, block] };
}

/** What a message says of a slot: any process may have written it. */
interface Told {
  readonly bytes: BlockReference;
  readonly receipt: BlockReference;
  readonly length: number;
}

function told(message: Uint8Array): Told {
  if (message.length !== 20) throw new RangeError("Cannot receive a loan of a queue: its description is malformed");
  const [block, generation, receipt, receiptGeneration, length] = new Uint32Array(message.slice().buffer);
  return { bytes: [block, generation], receipt: [receipt, receiptGeneration], length };
}

function requireLength(length: number, most: number): void {
  if (length <= most) return;
  throw new RangeError(`Cannot receive a loan of a queue: ${length} bytes are announced, there are ${most}`);
}

/** A copy of the bytes that a message is about. */
export function copyOf(message: Uint8Array): Uint8Array<ArrayBuffer> {
  const { bytes, length } = told(message);
  using handle = BlockHandle.adopt(bytes);
  requireLength(length, native().sizeOf(handle.block));
  const copy = new Uint8Array(length);
  translated(() => native().loanRead(handle.block, copy));
  return copy;
}

/** A slot as its receiver sees it. */
interface Sight {
  readonly block: number;
  readonly generation: number;
  readonly buffer: SharedArrayBuffer;
  /** How many views there are of it. */
  views: number;
}

/** The slots that one handle of a queue has seen. Their memory stays mapped: they come again. */
export class Sights {
  /** By the numbers of their blocks. */
  readonly #known = new Map<number, Sight>();
  /** Those of them that nobody views; what was given back last is the last. */
  readonly #idle = new Map<number, Sight>();
  /** Their bytes together. */
  #bytes = 0;
  #isClosed = false;

  /** A view of the bytes that a message is about. */
  view(message: Uint8Array): BytesView {
    const { bytes, receipt: [receipt, receiptGeneration], length } = told(message);
    // Without a handle of its own: what gives the view back, gives this back.
    translated(() => native().adoptBlock(receipt, receiptGeneration));
    try {
      const sight = this.#open(bytes);
      requireLength(length, sight.buffer.byteLength);
      if (sight.views++ === 0) this.#idle.delete(sight.block);
      const giveBack = () => {
        native().releaseBlock(receipt);
        if (--sight.views > 0) return;
        this.#idle.set(sight.block, sight);
        this.#trim();
      };
      return new BytesView(new Uint8Array(sight.buffer, 0, length), giveBack);
    } catch (error) {
      native().releaseBlock(receipt);
      throw error;
    }
  }

  #open([block, generation]: BlockReference): Sight {
    const known = this.#known.get(block);
    if (known?.generation === generation) return known;
    // Throws if the block is known by another generation: it is kept here, so that is its own.
    using handle = BlockHandle.adopt([block, generation]);
    this.#forgetLast();
    const buffer = translated(() => collecting(() => native().loanOpen(handle.block)));
    const sight: Sight = { block, generation, buffer, views: 0 };
    this.#known.set(block, sight);
    this.#idle.set(block, sight); // where its length is not what was announced, nobody views it
    this.#bytes += buffer.byteLength;
    return sight;
  }

  /** Lets go of what nobody else has any more: it does not come again. */
  #forgetLast(): void {
    for (const sight of this.#idle.values()) {
      if (native().blockIsLast(sight.block) !== 0) this.#forget(sight);
    }
  }

  /** Lets go of what was given back first, where there is too much; the last one stays. */
  #trim(): void {
    for (const sight of this.#idle.values()) {
      if (!this.#isClosed && !isTooMuch(this.#known.size, this.#bytes)) return;
      this.#forget(sight);
    }
  }

  #forget({ block, buffer }: Sight): void {
    this.#known.delete(block);
    this.#idle.delete(block);
    this.#bytes -= buffer.byteLength;
    closeBuffer(buffer);
  }

  /** Lets go of all that is not viewed now; the rest goes with its views. */
  close(): void {
    this.#isClosed = true;
    this.#trim();
  }
}
