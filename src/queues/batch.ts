// The messages of one `putMany`: all are serialised before the first is put. Short ones lie behind each other as runs
// (native/core/src/queue/run.rs), so that the addon puts many of them in one call; the others go one by one.

import { MessageTag as Tag, PutStatus, RunLayout } from "../addon/numbers.ts";
import { openScratch } from "../addon/scratch.ts";
import { discard } from "../reduction/registry.ts";
import { writeInto } from "../reduction/serialise.ts";
import { performance } from "../runtime/timing.ts";
import { withIndex } from "./outcomes.ts";
import { isLongBytes, type Message, type Run, serialiseCopy, type Transport, WORD } from "./transport.ts";

/** A message of at least so many bytes goes by itself: its copy takes longer than the call. */
const LONG = 16 * 1024;

/** Memory for runs, kept between batches; `null` while in use. */
let idle: Uint32Array<ArrayBuffer> | null = null;

/** Messages in their order. It must be ended, whatever has come of it. */
export class Batch {
  readonly #pieces: (Run | Message)[] = [];
  /** The first piece that is not put as a whole. */
  #next = 0;
  #size = 0;
  #put = 0;
  /** So many messages of a run are offered at most: it is copied for that, and a queue with little room takes few. */
  #offered = Infinity;
  /** Where runs are written, and up to which byte; the words of their heads are in the same memory. */
  #words: Uint32Array<ArrayBuffer> | null = null;
  #bytes = new Uint8Array();
  #end = 0;
  /** The last piece, if it is a run that goes on. */
  #run: Run | null = null;

  /**
   * The messages for values.
   *
   * @throws {TypeError} If one cannot be serialised: the message says which. What the iterable throws passes unchanged.
   */
  static of(values: Iterable<unknown>): Batch {
    const batch = new Batch();
    try {
      for (const value of values) batch.#add(value);
    } catch (error) {
      batch.end();
      throw error;
    }
    return batch;
  }

  /** How many messages there are. */
  get size(): number {
    return this.#size;
  }

  /** How many of them were put. */
  get put(): number {
    return this.#put;
  }

  /** Puts what is not put yet, blocking up to `timeout` milliseconds for room; a {@linkcode PutStatus}. */
  putBy(transport: Transport, timeout: number): number {
    const isLimited = timeout > 0 && timeout < Infinity;
    const until = isLimited ? performance.now() + timeout : 0;
    for (let piece = this.#pieces[this.#next]; piece !== undefined; piece = this.#pieces[this.#next]) {
      const left = isLimited ? Math.max(0, until - performance.now()) : timeout;
      if (isRun(piece)) {
        const offer = beginningOf(piece, this.#offered);
        const count = transport.putRun(offer, left);
        if (count <= 0) return -count;
        this.#offered = 2 * (count < offer.count ? count : this.#offered);
        this.#putOf(piece, count);
      } else {
        const status = transport.putMessage(piece, left);
        if (status !== PutStatus.done) return status;
        this.#next++;
        this.#put++;
      }
    }
    return PutStatus.done;
  }

  /** Notes that the first so many messages of the next piece were put. */
  #putOf(run: Run, count: number): void {
    this.#put += count;
    run.count -= count;
    if (run.count === 0) return void this.#next++;
    run.begin = endAfter(run, count);
  }

  /** Lets go of its memory; what was not put is not going to be. */
  end(): void {
    for (const piece of this.#pieces.slice(this.#next)) if (!isRun(piece)) discard(piece.attachments);
    this.#next = this.#pieces.length;
    if (this.#words !== null) idle = this.#words;
    this.#words = null;
  }

  #add(value: unknown): void {
    try {
      if (isLongBytes(value)) this.#addPiece(serialiseCopy(value));
      else this.#write(value);
    } catch (error) {
      throw withIndex(error, this.#size);
    }
    this.#size++;
  }

  #addPiece(message: Message): void {
    this.#pieces.push(message);
    this.#run = null;
  }

  /** Writes a value where the last one ends. */
  #write(value: unknown): void {
    if (this.#words === null) this.#newRoom();
    const bytes = this.#bytes;
    const begin = this.#end + RunLayout.unit;
    // What does not fit is never written there, and no message is empty.
    const written = writeInto(value, bytes, Math.min(begin, bytes.length));
    if (typeof written === "number") {
      if (written - begin < LONG) this.#addToRun(written - begin);
      else this.#addPiece({ tag: Tag.value, bytes: bytes.slice(begin, written), attachments: [] });
    } else if (written.attachments.length > 0 || written.bytes.length >= LONG) {
      this.#addPiece({ tag: Tag.value, ...written });
    } else {
      this.#newRoom();
      this.#bytes.set(written.bytes, RunLayout.unit);
      this.#addToRun(written.bytes.length);
    }
  }

  /** Adds the message that was written behind the place of its head. */
  #addToRun(length: number): void {
    const words = this.#words!;
    if (this.#run === null) {
      this.#run = { bytes: this.#bytes, begin: this.#end, end: this.#end, count: 0 };
      this.#pieces.push(this.#run);
    }
    words[this.#end / WORD] = length;
    words[this.#end / WORD + 1] = Tag.value * RunLayout.tag;
    this.#end = this.#run.end = endOf(this.#end, length);
    this.#run.count++;
  }

  /** Memory for the next runs, as much as the scratch buffer has, through which they go. */
  #newRoom(): void {
    this.#words = idle ?? new Uint32Array(openScratch().bytes.length / WORD);
    idle = null;
    this.#bytes = new Uint8Array(this.#words.buffer);
    this.#run = null;
    this.#end = 0;
  }
}

function isRun(piece: Run | Message): piece is Run {
  return "count" in piece;
}

/** A run of the first so many messages of one. */
function beginningOf(run: Run, count: number): Run {
  return run.count <= count ? run : { ...run, end: endAfter(run, count), count };
}

/** Where the first so many messages of a run end. */
function endAfter({ bytes, begin }: Run, count: number): number {
  const heads = new Uint32Array(bytes.buffer);
  for (; count > 0; count--) begin = endOf(begin, heads[begin / WORD]);
  return begin;
}

/** Where a message of a run ends whose head is at `begin`. */
function endOf(begin: number, length: number): number {
  const { unit } = RunLayout;
  return begin + unit + Math.ceil(length / unit) * unit;
}
