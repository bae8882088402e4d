// Records: messages as a queue or a pipe of an engine keeps them (library/records.lua), and the pieces in which long ones travel.
//
// A long message does not pass through the step that puts or takes it: its pieces are laid down beside the queue before,
// one by one, so that the steps of others get in between.

import { EngineUnavailableError, InvalidStateError } from "../errors.ts";
import type { ByteRange } from "./answer.ts";
import { dropObjects, readMessage, writeMessage } from "./messages.ts";
import { giveBack } from "./object_waits.ts";
import type { Answer, Session } from "./session.ts";
import { bytesOf, textOf } from "./text.ts";

/** Messages of at least this length are laid down in pieces. */
const LONG = 64 * 1024;
const PIECE = 1024 * 1024;
/** As the engine allows. */
const MOST_PIECES = 4096;
/** A record begins with a byte for deliveries, one of {@linkcode Flag}, and two for the length of its objects. */
const HEAD = 4;

const Flag = {
  /** The body says where the pieces are: `<blob> <count>`. */
  blob: 1,
} as const;

/** A value, ready to be put. */
export interface Outgoing {
  readonly record: Uint8Array<ArrayBuffer>;
  /** What is to be laid down before it is put; `null`: nothing. */
  readonly blob: Blob | null;
  /** To be called once, when it was put, or is not going to be. */
  letGo(): void;
}

/** A long message. */
interface Blob {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly count: number;
}

const NO_OBJECTS = new Uint8Array();
const own = crypto.randomUUID().replaceAll("-", "");
let blobs = 0;

/**
 * The record of a value. `action` is what is done with it: "put".
 *
 * @throws {TypeError} If it cannot be sent.
 * @throws {RangeError} If it is longer than the context allows.
 */
export function writeRecord(session: Session, value: unknown, action: string): Outgoing {
  const { bytes, objects, letGo } = writeMessage(session, value);
  const ids = objects === "" ? NO_OBJECTS : bytesOf(objects);
  const { maxMessage: most } = session;
  if (bytes.length > most || ids.length > 65_535) {
    letGo();
    if (bytes.length > most) throw tooLarge(action, bytes.length, most);
    throw new RangeError(
      `Cannot ${action} a value: it has too many shared objects in it; send them in several messages`,
    );
  }
  return { ...packed(ids, bytes), letGo };
}

/**
 * The record of bytes, which may change afterwards.
 *
 * @throws {RangeError} If they are longer than the context allows.
 */
export function bytesRecord(session: Session, bytes: Uint8Array, action: string): Outgoing {
  const { maxMessage: most } = session;
  if (bytes.length > most) throw tooLarge(action, bytes.length, most);
  return { ...packed(NO_OBJECTS, bytes.length < LONG ? bytes : bytes.slice()), letGo: () => {} };
}

function packed(ids: Uint8Array, bytes: Uint8Array): Pick<Outgoing, "record" | "blob"> {
  if (bytes.length < LONG) return { record: recordOf(0, ids, bytes), blob: null };
  const blob = { name: `${own}.${++blobs}`, bytes, count: Math.ceil(bytes.length / PIECE) };
  return { record: recordOf(Flag.blob, ids, bytesOf(`${blob.name} ${blob.count}`)), blob };
}

/** The error for a value that is longer than the context allows. */
export function tooLarge(action: string, bytes: number, most: number): RangeError {
  return new RangeError(
    `Cannot ${action} a value of ${bytes} bytes: the context's maxMessage is ${most}; put large data where all hosts ` +
      "reach it, and send its path or URL, or give getContext() a larger maxMessage",
  );
}

function recordOf(flags: number, objects: Uint8Array, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const record = new Uint8Array(HEAD + objects.length + body.length);
  record[1] = flags;
  record[2] = objects.length >> 8;
  record[3] = objects.length & 255;
  record.set(objects, HEAD);
  record.set(body, HEAD + objects.length);
  return record;
}

function piecesOf({ name, bytes, count }: Blob): [name: string, index: number, piece: Uint8Array][] {
  return Array.from({ length: count }, (_, i) => [name, i, bytes.subarray(i * PIECE, (i + 1) * PIECE)]);
}

/** Lays down what a record needs, in front of the steps that follow; what it gives fails where that does. */
export async function layDown(session: Session, queue: string, { blob }: Outgoing): Promise<void> {
  if (blob === null) return;
  const laid = piecesOf(blob).map((piece) => session.look(session.tree, "stash", queue, ...piece));
  await Promise.all(laid);
}

/** As {@linkcode layDown}, blocking the thread. */
export function layDownSync(session: Session, queue: string, { blob }: Outgoing): void {
  if (blob === null) return;
  for (const piece of piecesOf(blob)) session.lookSync(session.tree, "stash", queue, ...piece);
}

/** Takes up again what was laid down for a record whose step has failed. */
export function takeUp(session: Session, queue: string, { blob }: Outgoing): void {
  if (blob !== null) session.look(session.tree, "unstash", queue, blob.name, blob.count).catch(() => {});
}

/** A record that was taken. */
export class TakenRecord {
  /** The number of the take. */
  readonly take: string;
  readonly #session: Session;
  readonly #queue: string;
  readonly #objects: string;
  /** The body, and what else was answered with it. */
  readonly #bytes: Uint8Array;
  readonly #start: number;
  readonly #end: number;
  readonly #isBlob: boolean;
  /** Whether the engine went away while pieces were fetched. */
  #isUnread = false;

  private constructor(session: Session, queue: string, take: string, { bytes, start, end }: ByteRange) {
    this.#session = session;
    this.#queue = queue;
    this.take = take;
    const objects = start + HEAD;
    const body = objects + bytes[start + 2] * 256 + bytes[start + 3];
    if (end - start < HEAD || body > end) throw new RangeError("Cannot read a message: its record is malformed");
    this.#objects = body === objects ? "" : textOf(bytes, objects, body);
    this.#bytes = bytes;
    this.#start = body;
    this.#end = end;
    this.#isBlob = (bytes[start + 1] & Flag.blob) !== 0;
  }

  /** Those in the answer to a `get`. */
  static in(session: Session, queue: string, answer: Answer, from = 0): TakenRecord[] {
    const all: TakenRecord[] = [];
    for (let i = from; i + 1 < answer.length; i += 2) {
      all.push(new TakenRecord(session, queue, answer.text(i), answer.range(i + 1)));
    }
    return all;
  }

  /** Whether its pieces are to be fetched. */
  get isLong(): boolean {
    return this.#isBlob;
  }

  /** The value, whose pieces are fetched, if there are any. */
  async open(): Promise<unknown> {
    return this.#isBlob ? readMessage(this.#session, await this.#fetched(), this.#objects) : this.#read();
  }

  /** As {@linkcode open}, blocking the thread. */
  openSync(): unknown {
    return this.#isBlob ? readMessage(this.#session, this.#fetchedSync(), this.#objects) : this.#read();
  }

  #read(): unknown {
    return readMessage(this.#session, this.#bytes, this.#objects, "tree", this.#start, this.#end);
  }

  get #body(): Uint8Array {
    return this.#bytes.subarray(this.#start, this.#end);
  }

  /** The bytes, as they are. What objects they speak of is let go. */
  async bytes(): Promise<Uint8Array> {
    return dropObjects(this.#session, this.#objects, await this.#fetched());
  }

  /** As {@linkcode bytes}, blocking the thread. */
  bytesSync(): Uint8Array {
    return dropObjects(this.#session, this.#objects, this.#fetchedSync());
  }

  /**
   * Gives it back by the step `unget`, once the engine is there again, if that went away before all pieces were here: nobody
   * has the message then. Whether it does so; for who has opened it in vain.
   */
  goesBack(unget: "unget" | "pipe_unget"): boolean {
    if (!this.#isUnread) return false;
    giveBack(this.#session, unget, this.#queue, this.take);
    return true;
  }

  async #fetched(): Promise<Uint8Array> {
    if (!this.#isBlob) return this.#body;
    const session = this.#session;
    try {
      const looks = this.#pieces().map((piece) => session.look(session.tree, "piece", this.#queue, ...piece));
      return joined(await Promise.all(looks));
    } catch (error) {
      this.#isUnread = error instanceof EngineUnavailableError;
      throw error;
    }
  }

  #fetchedSync(): Uint8Array {
    if (!this.#isBlob) return this.#body;
    const session = this.#session;
    try {
      return joined(this.#pieces().map((piece) => session.lookSync(session.tree, "piece", this.#queue, ...piece)));
    } catch (error) {
      this.#isUnread = error instanceof EngineUnavailableError;
      throw error;
    }
  }

  #pieces(): [name: string, index: number][] {
    const [name, count] = textOf(this.#body).split(" ");
    if (!(Number(count) >= 1 && Number(count) <= MOST_PIECES)) {
      throw new RangeError("Cannot read a message: its record is malformed");
    }
    return Array.from({ length: Number(count) }, (_, i) => [name, i]);
  }
}

function joined(answers: readonly Answer[]): Uint8Array {
  if (answers.some((it) => it.refusal !== null)) {
    throw new InvalidStateError("Cannot read a message: a part of it is missing, or what it was in is gone");
  }
  if (answers.length === 1) return answers[0].bytes(0);
  const bytes = new Uint8Array(answers.reduce((sum, it) => sum + it.bytes(0).length, 0));
  let at = 0;
  for (const answer of answers) {
    bytes.set(answer.bytes(0), at);
    at += answer.bytes(0).length;
  }
  return bytes;
}
