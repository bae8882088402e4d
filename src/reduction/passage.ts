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
import { BlockHandle, nameOfBlock } from "../addon/handles.ts";
import type { FunctionReference } from "../callable/types.ts";
import { InvalidStateError } from "../errors.ts";
import { labelOf } from "../runtime/object_name.ts";
import { type Reason, Refusal } from "./refusal.ts";

/** A tree of processes on an engine, whose hosts share no memory. Its shared objects are in the engine. */
export interface EngineTree {
  /** 32 hexadecimal digits. */
  readonly tree: string;
}

/** A message that is being written. */
export interface Outgoing {
  /** The tree on an engine that it is for; `null`: it is for processes of this machine. */
  readonly engine: EngineTree | null;
  /** The ids of the engine's objects that it refers to, each once. */
  readonly objects: string[];
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
 *
 * A message over an engine has an `engine`, too: then shared objects are the engine's, never blocks of memory here. A
 * process that is in a tree on an engine imports nothing because a message names it: `messagesMayBeHostile()` of
 * addon/load.ts.
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
  /** The tree on an engine that it came over; absent: it came from this machine, or from outside. */
  readonly engine?: EngineTree;
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

/** What a message may do that came over an engine; only a launch, whose signature was right, is of the parent. */
export function overEngine(engine: EngineTree, origin: Origin = "tree"): Incoming {
  return { ...(incoming === null ? { ...PLAIN, origin } : within(incoming, { ...PLAIN, origin })), engine };
}

/** How much a message may do, by its origin. */
const RANK: Readonly<Record<Origin, number>> = { outside: 0, tree: 1, parent: 2 };

/** What a message may do that is read inside of another (P1). */
function within(outer: Incoming, { origin, connections }: Incoming): Incoming {
  const least = RANK[outer.origin] < RANK[origin] ? outer.origin : origin;
  return { origin: least, connections, missing: outer.missing, engine: outer.engine };
}

/** Whether the message being restored was written by the parent for this process. */
export function isFromParent(): boolean {
  return incoming?.origin === "parent";
}

/** Whether the message being written starts a process. */
export function isStart(): boolean {
  return outgoing?.isStart ?? false;
}

/** The tree on an engine that the message being written is for; `null`: it stays on this machine. */
export function destination(): EngineTree | null {
  return outgoing?.engine ?? null;
}

/** What becomes of the connections in the message being restored. */
export function connectionsInside(): Incoming["connections"] {
  return alone().connections;
}

/** Thrown inside of a `reduce` function: the object that it describes is not where the message goes. */
class OutOfPlace {
  constructor(readonly reason: Reason) {}
}

/**
 * What `reduce` makes of a value for this message.
 *
 * @throws {Refusal} If the value is shared with others than those whom the message is for.
 */
export function reduced(message: Outgoing, reducer: { reduce(value: never): unknown }, value: unknown): unknown {
  const outer = outgoing;
  outgoing = message;
  try {
    return reducer.reduce(value as never);
  } catch (error) {
    throw error instanceof OutOfPlace ? new Refusal(value, error.reason) : error;
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
  requireHere(block);
  const { attachments } = outgoing;
  if (!attachments.includes(block)) attachments.push(block);
}

/** Refuses, from inside a `reduce` function, that what belongs to this machine travels to others. */
export function requireHere(block = 0, instead = "Make it by the context of the engine"): void {
  if (outgoing === null || outgoing.engine === null) return;
  const name = block === 0 ? "" : nameOfBlock(block);
  throw new OutOfPlace({
    why: `it${named(name)} is in the memory of this machine, which the hosts of an engine do not share`,
    instead,
  });
}

/**
 * Refuses, from inside a `restore` function, that a message from outside of this tree, or over an engine, names shared
 * memory of this machine.
 *
 * @throws {TypeError} If it does.
 */
export function requireFromHere(): void {
  if (incoming?.origin === "outside") {
    throw new TypeError("Cannot receive a shared object: the message came from outside of this process tree");
  }
  if (incoming?.engine !== undefined) {
    throw new TypeError(
      "Cannot receive a shared object: the message came over an engine, and it names memory of one machine",
    );
  }
}

function named(name: string): string {
  return name === "" ? "" : `,${labelOf(name)},`;
}

/**
 * As {@linkcode attach}, of an object that is in an engine. It is kept while the message is under way.
 *
 * @throws {InvalidStateError} If no `reduce` function is running.
 */
export function attachObject(tree: string, id: string, name: string): void {
  if (outgoing === null) throw new InvalidStateError(`Cannot attach object ${id}: no message is being written`);
  const { engine, objects } = outgoing;
  if (engine?.tree !== tree) {
    const where = engine === null
      ? "is in an engine, and this message stays on this machine"
      : "belongs to another tree of processes than the message";
    throw new OutOfPlace({
      why: `it${named(name)} ${where}`,
      instead: "Send it by a queue of the context that made it",
    });
  }
  if (!objects.includes(id)) objects.push(id);
}

/**
 * The tree whose objects the message may name that is being restored.
 *
 * @throws {TypeError} If the message did not come over an engine.
 */
export function engineOfMessage(): EngineTree {
  if (incoming?.engine !== undefined) return incoming.engine;
  throw new TypeError("Cannot receive an object of an engine: the message did not come over an engine");
}

/**
 * A handle of the block that the message names which is being restored.
 *
 * @throws {TypeError} If the message came from outside of the tree.
 * @throws {RangeError} If it is no reference.
 * @throws {InvalidStateError} If the block is gone.
 */
export function adopted(reference: unknown): BlockHandle {
  requireFromHere();
  return BlockHandle.adopt(reference);
}
