// Messages between a manager's server and a client in no tree or another one: bytes of a connection.
//
// | byte   | what                                                                      |
// | ------ | ------------------------------------------------------------------------- |
// | 0      | the kind, of `Kind` in messages.ts                                         |
// | 1 to 4 | the number of the call, most significant byte first; 0 if there is none   |
// | 5 to 8 | of calls: which of the client's callers asks; else 0                      |
// | 9 …    | a list, as a message of reduction.ts                                      |
//
// | kind      | from   | the list                                                  |
// | --------- | ------ | --------------------------------------------------------- |
// | `hello`   | client | {@linkcode PROTOCOL}, its version                         |
// | `welcome` | server | the same                                                  |
// | `call`    | client | the object, what is asked of it (names.ts), the arguments |
// | `cancel`  | client | nothing                                                   |
// | `release` | client | the object, and how many of its proxies were given up     |
// | `result`  | server | the value                                                 |
// | `error`   | server | a `Failure` of messages.ts                                |
//
// A client says hello first of all. A server that lets Python's clients in as well tells these by their first message,
// which begins with 0x80; to all others it says welcome, as a server does at once that expects none of Python's.
//
// The head is no part of the list, so that a list that cannot be read is an error of its call alone.

import { type Connection, sendAtOnce } from "../connection/connection.ts";
import { FROM_OUTSIDE } from "../reduction/passage.ts";
import { discard } from "../reduction/registry.ts";
import { read, writeInto } from "../reduction/serialise.ts";
import type { Dumped } from "../reduction/encoder.ts";
import { type OutsidePassage, passOutside } from "./outside.ts";

/** What both say first. */
export const PROTOCOL = "multiprocessing.managers";
export const VERSION = 3;
/** Asked of the server itself: a share in an object that another client has. */
export const TAKE = "take";

/** Bytes before the list. */
const HEAD = 9;
/** Bytes of the room for messages that are not long. */
const ROOM = 64 * 1024;

/** A message, before its list is read. */
export interface Head {
  readonly kind: number;
  readonly number: number;
  readonly logical: number;
}

/** `null` while a message is written in it, during which `reduce` functions may write others. */
let room: Uint8Array<ArrayBuffer> | null = null;

function withRoom<T>(act: (room: Uint8Array<ArrayBuffer>) => T): T {
  const mine = room ?? new Uint8Array(ROOM);
  room = null;
  try {
    return act(mine);
  } finally {
    room = mine;
  }
}

function writeHead(bytes: Uint8Array<ArrayBuffer>, { kind, number, logical }: Head): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  view.setUint8(0, kind);
  view.setUint32(1, number);
  view.setUint32(5, logical);
}

/**
 * Sends a message, or keeps it to be sent later; whether nothing is kept.
 *
 * @throws {TypeError} If something in the list cannot be sent to another program; then nothing is sent.
 * @throws Whatever the system says against it, as the matching `Deno.errors`; then the connection is of no use.
 */
export function sendOutside(
  connection: Connection,
  head: Head,
  list: readonly unknown[],
  passage: OutsidePassage,
): boolean {
  return withRoom((room) => {
    const bytes = written(list, room, passage);
    writeHead(bytes, head);
    return connection[sendAtOnce](bytes);
  });
}

/**
 * How many bytes a list takes in a message.
 *
 * @throws {TypeError} If something in it cannot be sent to another program.
 */
export function sizeOutside(list: readonly unknown[], passage: OutsidePassage): number {
  return withRoom((room) => written(list, room, passage).length - HEAD);
}

/** A message for a list, with room for its head. */
function written(
  list: readonly unknown[],
  room: Uint8Array<ArrayBuffer>,
  passage: OutsidePassage,
): Uint8Array<ArrayBuffer> {
  const end = passOutside(passage, () => writeInto(list, room, HEAD));
  return typeof end === "number" ? room.subarray(0, end) : long(end);
}

/** A message for a list that did not fit. */
function long({ bytes, attachments }: Dumped): Uint8Array<ArrayBuffer> {
  if (attachments.length > 0) {
    discard(attachments);
    throw new TypeError(
      "Cannot send a shared object to another program: it is in the memory of this process tree; create it by the " +
        "manager, and send its proxy",
    );
  }
  const whole = new Uint8Array(HEAD + bytes.length);
  whole.set(bytes, HEAD);
  return whole;
}

/**
 * The head of a message.
 *
 * @throws {RangeError} If it has none.
 */
export function headOf(bytes: Uint8Array): Head {
  if (bytes.length < HEAD) throw new RangeError(`Cannot read a message: it has ${bytes.length} bytes, wanted ${HEAD}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return { kind: view.getUint8(0), number: view.getUint32(1), logical: view.getUint32(5) };
}

/**
 * The list of a message.
 *
 * @throws {RangeError} If it is none; and whatever the `restore` functions of classes throw.
 */
export function listOf(bytes: Uint8Array, passage: OutsidePassage): unknown[] {
  const list = passOutside(passage, () => read(bytes, HEAD, bytes.length, FROM_OUTSIDE));
  if (Array.isArray(list)) return list;
  throw new RangeError("Cannot read a message: it has no list");
}
