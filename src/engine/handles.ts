// Handles of objects in an engine: made, adopted when they arrive in a message, released when closed or collected.
//
// An object lives while a member or a message has it. The engine counts, for each member, how often an object has arrived
// there: by being made, and by each message that was given to it. Here it is counted how many handles there are. When the
// last one is closed, as many arrivals are given up as were seen: what arrives meanwhile is not given up with them.

import { closedError, partsOf } from "../addon/handles.ts";
import { InvalidStateError } from "../errors.ts";
import { attachObject, engineOfMessage } from "../reduction/passage.ts";
import { isObjectName, labelOf } from "../runtime/object_name.ts";
import { setTimeout, unrefTimer } from "../runtime/timing.ts";
import type { Answer, Session, StepArgument } from "./session.ts";

/** How an object is named in a message. */
export type ObjectReference = readonly [id: string];

/** An object that this thread has. */
interface Held {
  /** How many handles there are, and messages that are read or written and speak of it. */
  handles: number;
  /** How often it has arrived since there was none. */
  arrivals: number;
}

/** How many objects are given up in one step at most; and from how many on that is done at once. */
const BATCH = 64;

/** The objects that this thread has in a tree. */
class Holdings {
  readonly session: Session;
  readonly #held = new Map<string, Held>();
  /** What is to be given up, and how many arrivals of it. */
  #leaving = new Map<string, number>();
  #isTimed = false;

  constructor(session: Session) {
    this.session = session;
  }

  has(id: string): boolean {
    return this.#held.has(id);
  }

  /** Notes another handle. */
  hold(id: string, arrivals = 0): void {
    const held = this.#held.get(id);
    if (held === undefined) return void this.#held.set(id, { handles: 1, arrivals });
    held.handles++;
    held.arrivals += arrivals;
  }

  /** Notes that there is one less. */
  letGo(id: string): void {
    const held = this.#held.get(id);
    if (held === undefined || --held.handles > 0) return;
    this.#held.delete(id);
    this.#leaving.set(id, (this.#leaving.get(id) ?? 0) + held.arrivals);
    if (this.#leaving.size >= BATCH) return this.giveUp();
    if (this.#isTimed) return;
    this.#isTimed = true;
    unrefTimer(setTimeout(() => this.giveUp()));
  }

  /** Gives up now what is to be. */
  giveUp(): void {
    this.#isTimed = false;
    const parts: StepArgument[] = [];
    for (const [id, arrivals] of this.#leaving) parts.push(id, arrivals);
    this.#leaving = new Map();
    if (parts.length === 0) return;
    // A wait is done all the same where the engine is away for too long. Where the tree is lost, or this process buried,
    // nothing is held any more; nor is it once this process has ended, which need not wait for it.
    Promise.try(() => this.session.wait("close", parts, { timeout: Infinity, inBackground: true })).catch(() => {});
  }
}

/** By the names of the trees. */
const trees = new Map<string, Holdings>();

function holdingsOf(session: Session): Holdings {
  const known = trees.get(session.tree);
  if (known?.session === session) return known;
  const holdings = new Holdings(session);
  if (session.closed) return holdings;
  trees.set(session.tree, holdings);
  session.onClose(() => trees.get(session.tree) === holdings && trees.delete(session.tree));
  return holdings;
}

/** Last resort for handles that nobody closed. */
const collected = new FinalizationRegistry<{ holdings: Holdings; id: string }>(({ holdings, id }) =>
  holdings.letGo(id)
);

/** This process's share in an object of an engine. */
export class ObjectHandle implements Disposable {
  readonly #holdings: Holdings;
  /** Empty once closed. */
  #id: string;
  /** The name that the user gave the object; empty for none. */
  readonly name: string;
  #closers: Set<() => void> | undefined;

  private constructor(holdings: Holdings, id: string, name: string) {
    this.#holdings = holdings;
    this.#id = id;
    this.name = name;
    collected.register(this, { holdings, id }, this);
  }

  /**
   * A new object; `args` is what the step `make` is given for its kind.
   *
   * @throws {InvalidStateError} If its kind refuses them.
   */
  static make(session: Session, kind: string, name: string, ...args: StepArgument[]): ObjectHandle {
    return ObjectHandle.made(session, kind, name, ...args)[0];
  }

  /** As {@linkcode make}; and what the engine has answered, whose first value is the id. */
  static made(session: Session, kind: string, name: string, ...args: StepArgument[]): [ObjectHandle, Answer] {
    const holdings = holdingsOf(session);
    const answer = session.step("make", kind, name, ...args);
    if (answer.refusal !== null) throw new InvalidStateError(`Cannot create a ${kind}: ${answer.refusal}`);
    const id = answer.text(0);
    holdings.hold(id, 1);
    return [new ObjectHandle(holdings, id, name), answer];
  }

  /** A handle of an object that was made beside another one, in the same step. */
  static madeWith({ session }: ObjectHandle, id: string): ObjectHandle {
    const holdings = holdingsOf(session);
    holdings.hold(id, 1);
    return new ObjectHandle(holdings, id, "");
  }

  /**
   * A handle of an object that the message being restored names, which has to speak of it.
   *
   * @throws {TypeError} If the message did not come over an engine.
   * @throws {RangeError} If it is no reference.
   */
  static adopt(reference: unknown): ObjectHandle {
    const holdings = trees.get(engineOfMessage().tree);
    const [id, name = "", ...rest] = partsOf(reference, "a shared object");
    const isKnown = typeof id === "string" && holdings !== undefined && holdings.has(id);
    if (!isKnown || !(name === "" || isObjectName(name)) || rest.length > 0) {
      throw new RangeError("Cannot restore a shared object: its reference is malformed");
    }
    holdings.hold(id);
    return new ObjectHandle(holdings, id, name);
  }

  get session(): Session {
    return this.#holdings.session;
  }

  /** How the engine names it; empty once closed. */
  get id(): string {
    return this.#id;
  }

  get closed(): boolean {
    return this.#id === "";
  }

  /**
   * How the engine names it, to do `action` with it.
   *
   * @throws {InvalidStateError} If the handle is closed.
   */
  require(action: string, what: string): string {
    if (this.#id === "") throw closedError(`${action} the ${what}${this.label}`, what);
    return this.#id;
  }

  /** Another handle, for whoever needs the object longer than this one is open. */
  share(): ObjectHandle {
    this.#holdings.hold(this.#id);
    return new ObjectHandle(this.#holdings, this.#id, this.name);
  }

  /**
   * How the message that is being written names it; the message has it then. `what` it is: "lock".
   *
   * @throws {InvalidStateError} If the handle is closed.
   */
  reference(what: string): ObjectReference {
    const id = this.require("send", what);
    attachObject(this.session.tree, id, this.name);
    return [id];
  }

  /** What a message describes the object by, with its name at the end, if it has one. */
  named<P extends readonly unknown[]>(parts: P): readonly [...P, name?: string] {
    return (this.name === "" ? parts : [...parts, this.name]) as readonly [...P, name?: string];
  }

  /** The name as it follows the kind of the object in a sentence. */
  get label(): string {
    return labelOf(this.name);
  }

  /** Has `closer` called when this very handle is closed; what it gives takes that back. */
  onClose(closer: () => void): () => void {
    const closers = this.#closers ??= new Set();
    closers.add(closer);
    return () => closers.delete(closer);
  }

  /** Gives up the share; with the last one of all, the object goes. Again: nothing happens. */
  close(): void {
    if (this.#id === "") return;
    collected.unregister(this);
    const id = this.#id;
    this.#id = "";
    this.#holdings.letGo(id);
    for (const closer of [...this.#closers ?? []]) closer();
  }

  /** As {@linkcode close}, before any other step of this thread: for objects whose end others wait for. */
  closeNow(): void {
    this.close();
    this.#holdings.giveUp();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Keeps objects, by what the engine calls them, while a message is written that speaks of them; call what it gives then. */
export function keepObjects(session: Session, ids: readonly string[]): () => void {
  const holdings = holdingsOf(session);
  for (const id of ids) holdings.hold(id);
  return () => {
    for (const id of ids) holdings.letGo(id);
  };
}

/** Does `read` with objects that have arrived in a message; those that nobody adopts meanwhile are given up. */
export function withArrived<T>(session: Session, ids: readonly string[], read: () => T): T {
  const holdings = holdingsOf(session);
  for (const id of ids) holdings.hold(id, 1);
  try {
    return read();
  } finally {
    for (const id of ids) holdings.letGo(id);
  }
}
