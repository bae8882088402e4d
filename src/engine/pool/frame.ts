// Frames as they pass an engine: the head of src/queues/frame.ts, and behind it the list as a message (../messages.ts).

import { type Frame, type Head, HEADER, writeHead } from "../../queues/frame.ts";
import { readMessage, writeMessage } from "../messages.ts";
import type { Session } from "../session.ts";

/** A frame that is ready to be sent; see `EngineMessage`. */
export interface WrittenFrame {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly objects: string;
  letGo(): void;
}

/** What a frame is refused with that is too large. */
export type LengthCheck = (length: number) => void;

/**
 * Writes a frame.
 *
 * @throws {TypeError} If the list cannot be sent to another host.
 */
export function writeFrame(session: Session, head: Head, list: readonly unknown[]): WrittenFrame {
  const { bytes: message, objects, letGo } = writeMessage(session, list);
  const bytes = new Uint8Array(HEADER + message.length);
  writeHead(new DataView(bytes.buffer), head, 0, message.length);
  bytes.set(message, HEADER);
  return { bytes, objects, letGo };
}

/** A frame that has come over an engine, with the objects that its list speaks of, which this process has now. */
export class EngineFrame implements Frame {
  readonly kind: number;
  readonly flags: number;
  readonly task: number;
  readonly fn: number;
  readonly begun: number;
  readonly duration: number;
  readonly parcel = null;
  readonly #session: Session;
  readonly #bytes: Uint8Array;
  #objects: string;
  #isRead = false;

  /**
   * The frame of these bytes.
   *
   * @throws {RangeError} If it has no head.
   */
  constructor(session: Session, bytes: Uint8Array, objects: string) {
    if (bytes.length < HEADER) throw new RangeError(`Cannot read a frame of ${bytes.length} bytes`);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.kind = view.getUint8(0);
    this.flags = view.getUint8(1);
    this.task = view.getUint32(4, true);
    this.fn = view.getUint32(8, true);
    this.begun = view.getUint32(16, true);
    this.duration = view.getFloat32(20, true);
    this.#session = session;
    this.#bytes = bytes;
    this.#objects = objects;
  }

  read(): unknown[] {
    this.#isRead = true;
    const list = readMessage(this.#session, this.#bytes.subarray(HEADER), this.#objects);
    if (!Array.isArray(list)) throw new RangeError("Cannot read a frame: it has no list in it");
    return list;
  }

  /** Gives up what it speaks of, if nobody has read it. */
  drop(): void {
    if (this.#isRead || this.#objects === "") return;
    this.#isRead = true;
    try {
      readMessage(this.#session, EMPTY, this.#objects);
    } catch {
      // There is nothing to be read; the objects are given up even so.
    }
  }
}

const EMPTY = new Uint8Array(0);
