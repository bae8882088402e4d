/**
 * What a message may do on its way from one process to another. Each message has one object that says so, and that goes
 * with its bytes: through the encoder an {@linkcode Outgoing}, through the decoder an {@linkcode Incoming}.
 *
 * While the encoder or the decoder runs the `reduce` or `restore` of a class, the object of its message is the current
 * one. So those functions need no second parameter, and what they call ({@linkcode attach}, {@linkcode adopted}) knows
 * the message it works for. Nothing else of this is kept in variables of modules.
 *
 * Invariants:
 *
 * P1. A message that is read inside of a `restore` may do no more than the message around it: bytes in a message from
 *     outside of the tree stay bytes from outside.
 * P2. Only the bytes that a parent has written for its child are trusted; a queue's message read meanwhile is not.
 *
 * @module
 */
import { BlockHandle } from "../addon/handles.ts";
import type { FunctionReference } from "../callable/types.ts";
import { InvalidStateError } from "../errors.ts";

/** A message that is being written. */
export interface Outgoing {
  /** The blocks of shared memory that it refers to, each once, in the order of their first use. */
  readonly attachments: number[];
  /** Whether it starts a process, which is the one message that may carry the tree's key. */
  readonly isStart: boolean;
}

/**
 * Who has written a message, which decides what it may name:
 *
 * | origin | shared objects | modules to import for its functions | modules to import for its errors |
 * | --- | --- | --- | --- |
 * | `parent`: the process that has started this one | yes | any | as below |
 * | `tree`: any process of this tree | yes | those that this process may know | those that it may read |
 * | `outside`: anybody who has the key | no | none | none |
 */
export type Origin = "parent" | "tree" | "outside";

/** A message that is being read. */
export interface Incoming {
  readonly origin: Origin;
  /**
   * What becomes of connections in it, which arrive after their message: they are noted in a list for whoever hands out
   * the message; or `awaited` one by one, the thread blocked; or `refused`, since the message has not announced any.
   */
  readonly connections: unknown[] | "awaited" | "refused";
  /** Error classes that cannot be found at once are noted here for somebody who can wait; `null`: nobody can. */
  readonly missing: FunctionReference[] | null;
}

/** A message that is read by itself. */
const ALONE: Incoming = { origin: "tree", connections: "awaited", missing: null };
/** A message that speaks of no shared object. */
const PLAIN: Incoming = { origin: "tree", connections: "refused", missing: null };
/** A message of somebody who may be in no tree or another one, and must not name our shared memory. */
export const FROM_OUTSIDE: Incoming = { origin: "outside", connections: "refused", missing: null };

/** The message whose `reduce` function runs. */
let outgoing: Outgoing | null = null;
/** The message whose `restore` function runs. */
let incoming: Incoming | null = null;

/** What a message may do that is read by itself: inside of a `restore`, what the message around it may. */
export function alone(): Incoming {
  return incoming ?? ALONE;
}

/** What a message of this tree may do that speaks of no shared object. */
export function plain(): Incoming {
  return incoming === null ? PLAIN : within(incoming, PLAIN);
}

/** What a message may do whose connections are noted in a list, and which may have come from the parent. */
export function announcing(connections: unknown[], origin: Origin = "tree"): Incoming {
  const wanted = { origin, connections, missing: null };
  return incoming === null ? wanted : within(incoming, wanted);
}

/** What a message of this tree may do that speaks of no shared object, and whose error classes somebody waits for. */
export function plainNoting(missing: FunctionReference[]): Incoming {
  return { ...plain(), missing };
}

/** How much a message may do, by its origin. */
const RANK: Readonly<Record<Origin, number>> = { outside: 0, tree: 1, parent: 2 };

/** What a message may do that is read inside of another (P1). */
function within(outer: Incoming, { origin, connections }: Incoming): Incoming {
  const least = RANK[outer.origin] < RANK[origin] ? outer.origin : origin;
  return { origin: least, connections, missing: outer.missing };
}

/** Whether the message being restored was written by the parent for this process. */
export function isFromParent(): boolean {
  return incoming?.origin === "parent";
}

/** Whether the message being written starts a process. */
export function isStart(): boolean {
  return outgoing?.isStart ?? false;
}

/** What becomes of the connections in the message being restored. */
export function connectionsInside(): Incoming["connections"] {
  return alone().connections;
}

/** What `reduce` makes of a value for this message. */
export function reduced(message: Outgoing, reducer: { reduce(value: never): unknown }, value: unknown): unknown {
  const outer = outgoing;
  outgoing = message;
  try {
    return reducer.reduce(value as never);
  } finally {
    outgoing = outer;
  }
}

/** What `restore` makes of data in this message. */
export function restored<T>(message: Incoming, reducer: { restore(data: unknown): T }, data: unknown): T {
  const outer = incoming;
  incoming = message;
  try {
    return reducer.restore(data);
  } finally {
    incoming = outer;
  }
}

/**
 * Notes, from inside a `reduce` function, that the message refers to a block of shared memory. The block is kept
 * while the message is under way.
 *
 * @throws {InvalidStateError} If no `reduce` function is running.
 *
 * @example A message lists the blocks it refers to
 * ```ts
 * import { attach, dumps, register } from "@parallel/multiprocessing/reduction";
 * import { assertEquals } from "@std/assert";
 *
 * class Cell {
 *   constructor(readonly block: number) {}
 * }
 * register(Cell, {
 *   reduce(cell) {
 *     attach(cell.block);
 *     return cell.block;
 *   },
 *   restore: (block) => new Cell(block),
 * });
 * assertEquals(dumps([new Cell(7), new Cell(9)]).attachments, [7, 9]);
 * ```
 */
export function attach(block: number): void {
  if (outgoing === null) {
    throw new InvalidStateError(`Cannot attach block ${block}: attach() may be called only inside reduce()`);
  }
  const { attachments } = outgoing;
  if (!attachments.includes(block)) attachments.push(block);
}

/**
 * A handle of the block that the message names which is being restored.
 *
 * @throws {TypeError} If the message came from outside of the tree.
 * @throws {RangeError} If it is no reference.
 * @throws {InvalidStateError} If the block is gone.
 */
export function adopted(reference: unknown): BlockHandle {
  if (incoming?.origin === "outside") {
    throw new TypeError("Cannot receive a shared object: the message came from outside of this process tree");
  }
  return BlockHandle.adopt(reference);
}
