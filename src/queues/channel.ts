// One direction between a pool and its workers, or a manager and its clients: a queue of frames (frame.ts) in shared
// memory. Both halves use it. A frame is one message of the queue, so that whoever takes it has taken all of it.

import { BlockHandle, type BlockReference } from "../addon/handles.ts";
import { native } from "../addon/load.ts";
import { translated } from "../addon/translate.ts";
import { adopted, attach } from "../reduction/passage.ts";
import { discard, register } from "../reduction/registry.ts";
import type { Dumped } from "../reduction/encoder.ts";
import { sizeOfBytes } from "../reduction/contents.ts";
import { dumps, writeInto } from "../reduction/serialise.ts";
import { keepingScratch, openScratch, type Scratch } from "../addon/scratch.ts";
import { wait } from "../addon/waits.ts";
import {
  assemble,
  findRaws,
  type Frame,
  type Head,
  HEADER,
  isNumbers,
  NO_ATTACHMENTS,
  NUMBERS,
  ReceivedFrame,
  splitOf,
  without,
  writeHead,
} from "./frame.ts";
import { GetStatus, MessageUnit, PutStatus, QueueState, QueueWatch } from "../addon/numbers.ts";

/** The length from which a list of numbers bypasses the serialiser, which takes five times as long for them. */
const MANY_NUMBERS = 16;

/** A wait that is over at once. */
const NO_TIME = 0;

/** The end of what can be received: the other side is gone. */
export const ENDED: unique symbol = Symbol("ended");

/** A queue of frames. Several processes may receive: each frame goes to one of them. */
export class Channel implements Disposable {
  static {
    register(Channel, {
      name: "multiprocessing.queues.Channel",
      reduce: (channel) => channel.#reference(),
      restore: (data) => new Channel(adopted(data)),
    });
  }

  readonly #handle: BlockHandle;
  readonly #scratch: Scratch = openScratch();
  readonly #view = new DataView(this.#scratch.bytes.buffer);
  /** Where a list of numbers goes in the scratch buffer. */
  readonly #numbers = new Float64Array(this.#scratch.bytes.buffer, HEADER);
  /**
   * Whether this process has adopted the channel, and not created it: once it is the only one that has it, the other side
   * has gone, and there is nothing to wait for.
   */
  #isAdopted = true;

  /** A new one, or the one in a block that exists. */
  constructor(handle: BlockHandle = BlockHandle.of((addon) => addon.queueCreate(0, false))) {
    this.#handle = handle;
  }

  /** A new one, from which nobody can receive before a process says {@linkcode keep}, and then only that one. */
  static kept(): Channel {
    return new Channel(BlockHandle.of((addon) => addon.queueCreateKept()));
  }

  /** Says what it is for, to who looks at the tree from outside. */
  label(text: string): this {
    native().nameBlock(this.#handle.block, text);
    return this;
  }

  /**
   * Makes this process the only one that can receive and end the channel, of those that were made by {@linkcode kept}:
   * for all others it looks as if it had come to its end, and if one of them closes it, it gives up its own share alone.
   *
   * @throws {Error} If another process keeps it, or it was made otherwise.
   */
  keep(): this {
    translated(() => native().queueKeep(this.#handle.block));
    return this;
  }

  /** Whether it is one that {@linkcode kept} has made. */
  get isKept(): boolean {
    return !this.#handle.closed && native().queueIsKept(this.#handle.block) === 1;
  }

  /** Whether the thread is just writing or reading a frame, in which user code may run. */
  get isBusy(): boolean {
    return this.#scratch.busy;
  }

  /** Does `work`, which receives frames and reads them, also while another frame is being written or read. */
  amid<T>(work: () => T): T {
    return this.#scratch.busy ? keepingScratch(this.#scratch, work) : work();
  }

  /** Whether both are the same queue. */
  isSame(other: Channel): boolean {
    return !this.#handle.closed && this.#handle.block === other.#handle.block;
  }

  /** The number of its block, which is nothing else's while this is not closed. */
  get block(): number {
    return this.#handle.block;
  }

  get isClosed(): boolean {
    return this.#handle.closed;
  }

  /**
   * Marks this process as the creator. Until the other process has adopted the channel, being its only holder does not
   * mean that the other has gone.
   */
  own(): this {
    this.#isAdopted = false;
    return this;
  }

  /**
   * Sends a frame; its length in bytes.
   *
   * @throws {TypeError} If the list cannot be serialised; then nothing is sent.
   */
  send(head: Head, list: readonly unknown[]): number {
    if (this.#handle.closed) return 0;
    if (list.length >= MANY_NUMBERS && isNumbers(list)) return this.#sendNumbers(head, list);
    const scratch = this.#scratch;
    const raws = findRaws(list);
    if (raws === null && !scratch.busy) {
      scratch.busy = true;
      try {
        const end = writeInto(list, scratch.bytes, HEADER);
        if (typeof end !== "number") return this.#sendLong(head, list, [], end);
        writeHead(this.#view, head, 0, end - HEADER);
        native().queuePut(this.#handle.block, end, 0);
        return end;
      } finally {
        scratch.busy = false;
      }
    }
    return this.#sendLong(head, list, raws ?? [], dumps(without(list, raws ?? [])));
  }

  #sendNumbers(head: Head, list: readonly number[]): number {
    const length = 8 * list.length;
    if (HEADER + length > this.#scratch.bytes.length || this.#scratch.busy) {
      const bytes = new Uint8Array(Float64Array.from(list).buffer);
      return this.#put(assemble(head, bytes, list, NUMBERS), []);
    }
    writeHead(this.#view, head, NUMBERS, length);
    this.#numbers.set(list);
    native().queuePut(this.#handle.block, HEADER + length, 0);
    return HEADER + length;
  }

  #sendLong(head: Head, list: readonly unknown[], raws: readonly number[], { bytes, attachments }: Dumped): number {
    const frame = assemble(head, bytes, list, raws);
    // One raw, as most long frames have, is not copied before: it is put behind what comes before it.
    if (raws.length === 1) return this.#put(frame, [...attachments], list[raws[0]] as Uint8Array);
    return this.#put(frame, [...attachments]);
  }

  #put(frame: Uint8Array<ArrayBuffer>, attachments: number[], raw: Uint8Array | null = null): number {
    const { block } = this.#handle;
    let isPut = false;
    try {
      isPut = translated(() =>
        raw === null
          ? native().queuePutBytes(block, 0, frame, attachments, 0)
          : native().queuePutSplit(block, frame, raw, attachments, 0)
      ) === PutStatus.done;
    } finally {
      if (!isPut) discard(attachments);
    }
    return frame.length + (raw === null ? 0 : sizeOfBytes(raw));
  }

  /** The next frame, waiting for it up to `timeout` milliseconds; `null` if none came. */
  receive(timeout: number): Frame | null | typeof ENDED {
    if (this.#handle.closed) return ENDED;
    const got = native().queueGet(this.#handle.block, timeout, this.#isAdopted ? 1 : 0);
    if (got < 0) return got === GetStatus.empty ? null : ENDED;
    if (got < MessageUnit.tag) {
      return new ReceivedFrame(this.#scratch.bytes, got, NO_ATTACHMENTS, { view: this.#view, scratch: this.#scratch });
    }
    if (got < MessageUnit.tooLong) return this.#special(this.#scratch.bytes, got, this.#scratch);
    return this.#long(got - MessageUnit.tooLong);
  }

  /** A frame of `length` bytes, whose beginning is in the scratch buffer. */
  #long(length: number): Frame | null | typeof ENDED {
    const { block } = this.#handle;
    const split = splitOf(this.#view, length);
    // Memory of V8's own, which the copy goes to straight from the queue, and which V8 soon uses again.
    const bytes = new Uint8Array(split ?? length);
    const raw = split === null ? null : new Uint8Array(length - split);
    const taken = translated(() =>
      raw === null ? native().queueGetInto(block, bytes) : native().queueGetSplit(block, bytes, raw)
    );
    // Another has taken it meanwhile; there may be more.
    if (taken < 0 || taken >= MessageUnit.tooLong) return this.receive(0);
    if (raw === null) return this.#special(bytes, taken, null);
    const attachments = taken >= MessageUnit.attached ? native().takenAttachments() : NO_ATTACHMENTS;
    if (splitOf(new DataView(bytes.buffer), length) === split) {
      return new ReceivedFrame(bytes, bytes.length, attachments, { raw });
    }
    // It was, and another of the same length has come: it is not split there.
    const whole = new Uint8Array(length);
    whole.set(bytes);
    whole.set(raw, bytes.length);
    return new ReceivedFrame(whole, length, attachments);
  }

  /** A frame that is long, or speaks of shared objects. */
  #special(bytes: Uint8Array<ArrayBuffer>, got: number, scratch: Scratch | null): Frame {
    const attachments = got >= MessageUnit.attached ? native().takenAttachments() : NO_ATTACHMENTS;
    return new ReceivedFrame(bytes, got % MessageUnit.tag, attachments, { scratch });
  }

  /** The other side has adopted the channel: from here on being its only holder means that the other has gone. */
  share(): void {
    this.#isAdopted = true;
  }

  /** Whether there is nothing to receive. */
  get isEmpty(): boolean {
    return this.#handle.closed || native().queueSize(this.#handle.block) === 0;
  }

  /** Whether nobody but this process has it. */
  get isAlone(): boolean {
    return this.#handle.closed || native().blockIsLast(this.#handle.block) === 1;
  }

  /**
   * Waits in the reactor until there may be something to receive.
   *
   * @throws What `signal` was aborted with.
   */
  async filled({ inBackground, signal }: { inBackground: boolean; signal?: AbortSignal }): Promise<void> {
    if (this.#handle.closed) return;
    const { block } = this.#handle;
    const watch = this.#isAdopted ? QueueWatch.never : QueueWatch.nothing;
    const submit = () => translated(() => native().queueAwait(block, QueueState.filled, Infinity, watch, false));
    await wait(submit, { inBackground, signal });
  }

  /**
   * Lets the event loop turn, once: the reactor is asked for what needs no time, so that the thread parks, which it must to
   * hear of timers and sockets. Takes a twentieth of the time of the shortest timer.
   */
  async turn(): Promise<void> {
    if (this.#handle.closed) return;
    const { block } = this.#handle;
    await wait(() =>
      translated(() => native().queueAwait(block, QueueState.filled, NO_TIME, QueueWatch.nothing, false))
    );
  }

  /** Gives up this process's share; waits for it end. Again: nothing happens. */
  close(): void {
    if (this.#handle.closed) return;
    translated(() => native().queueShutDown(this.#handle.block, true));
    this.#handle.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #reference(): BlockReference {
    const { block } = this.#handle;
    attach(block);
    native().queueMarkShared(block);
    return this.#handle.reference();
  }
}
