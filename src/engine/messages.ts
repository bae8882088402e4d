// Values as messages of a tree on an engine. A message is bytes, and the ids of the engine's objects that they speak of:
// a text of decimal numbers with a space between them, empty for none. The engine keeps those objects while it has the
// message, and notes them for the member that it gives the message to, in the very step: that they have arrived.

import { noteEngine } from "../addon/load.ts";
import { type Origin, overEngine } from "../reduction/passage.ts";
import { dumpsForEngine, read } from "../reduction/serialise.ts";
import { keepObjects, withArrived } from "./handles.ts";
import type { Session } from "./session.ts";

/** A message that is ready to be sent. */
export interface EngineMessage {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The ids of what it speaks of, as a step is given them. */
  readonly objects: string;
  /** To be called once, when the step that has it was sent, or is not going to be: until then this process has the objects. */
  letGo(): void;
}

/** How a message is written. */
export interface WriteOptions {
  /** Whether it starts a process, and so may carry the tree's key. */
  isStart?: boolean;
}

/**
 * The message for a value, for any process of the session's tree.
 *
 * @throws {TypeError} If a part of the value cannot be sent there; it says which, and why.
 */
export function writeMessage(session: Session, value: unknown, { isStart = false }: WriteOptions = {}): EngineMessage {
  const { bytes, objects } = dumpsForEngine(value, session, isStart);
  if (objects.length === 0) return { bytes, objects: "", letGo: nothing };
  return { bytes, objects: objects.join(" "), letGo: keepObjects(session, objects) };
}

function nothing(): void {}

/**
 * The value of a message that the engine has given to this member: `bytes` from `start` to `end`.
 *
 * @param origin `parent` for a launch alone, whose signature was right.
 * @throws {RangeError} If it is none. What `restore` functions throw passes unchanged.
 */
export function readMessage(
  session: Session,
  bytes: Uint8Array,
  objects: string,
  origin: Origin = "tree",
  start = 0,
  end: number = bytes.length,
): unknown {
  noteEngine();
  const from = () => read(bytes, start, end, overEngine(session, origin));
  return objects === "" ? from() : withArrived(session, objects.split(" "), from);
}

/** `bytes`, as the message that the engine has given to this member: what it speaks of is not wanted. */
export function dropObjects(session: Session, objects: string, bytes: Uint8Array): Uint8Array {
  return objects === "" ? bytes : withArrived(session, objects.split(" "), () => bytes);
}

/**
 * A copy of a value, as whoever it is sent to would have it.
 *
 * @throws {TypeError} If a part of the value cannot be sent.
 */
export function copyOf(session: Session, value: unknown): unknown {
  noteEngine();
  const { bytes, letGo } = writeMessage(session, value);
  try {
    return read(bytes, 0, bytes.length, overEngine(session, "tree"));
  } finally {
    letGo();
  }
}
