// The pool's side of desks on an engine: tasks go out by steps of ../library/pool.lua (tasks.ts), and what workers say comes
// in as events (pool_side.ts). The workers' side is worker_side.ts.
//
// D1. What is known here of who has begun what follows from events, in their order, and from `pool_back`, which is newer than
//     all events that have come. What of these is still to come repeats what is known, or adds to it.
// D2. The end of a worker is the last event of it, and says all that it had begun: what `pool_back` says after that is older
//     than the pool's books, since the engine has forgotten the worker.

import { isLate, promised, type TravellingReference } from "../../callable/late.ts";
import type { Given } from "../../callable/reference.ts";
import type { FunctionReference } from "../../callable/types.ts";
import { ProcessError } from "../../errors.ts";
import type { PoolFunction } from "../../pool/calls/call.ts";
import type { DeskNeeds, Desks } from "../../pool/desk.ts";
import { queueMicrotask } from "../../runtime/timing.ts";
import { ObjectHandle } from "../handles.ts";
import type { Answer, Session, StepArgument } from "../session.ts";
import { EngineFrame } from "./frame.ts";
import { writeFunction } from "./functions.ts";
import { OWN_FUNCTIONS, type Told } from "./messages.ts";
import { EngineSide } from "./pool_side.ts";
import { EngineTasks } from "./tasks.ts";
import { numberOf, textOf } from "../text.ts";

/** The desks of each pool of a session, by the ids of the pools. */
const pools = new WeakMap<Session, Map<string, EngineDesks>>();

function poolsOf(session: Session): Map<string, EngineDesks> {
  const known = pools.get(session);
  if (known !== undefined) return known;
  const made = new Map<string, EngineDesks>();
  pools.set(session, made);
  session.on("pool", (o, ...parts) => made.get(textOf(o))?.hear(parts));
  session.on("pool.gone", (o, ...parts) => made.get(textOf(o))?.noteEnd(parts.map((it) => textOf(it))));
  return made;
}

/** What desks on an engine are made with. */
export interface EngineDesksParts {
  readonly session: Session;
  /** What the functions are signed with. */
  readonly key: Uint8Array;
  /** How many more processes could be started now. */
  readonly places: () => number;
  /** Whether this process reads what workers write to their standard error, or that goes to the root's terminal. */
  readonly canPipe: boolean;
}

/** The desks of one pool. */
export class EngineDesks implements Desks {
  readonly session: Session;
  readonly tasks: EngineTasks;
  readonly canPipe: boolean;
  /** They start on other machines. */
  readonly breadth = Infinity;
  readonly concurrency: number;
  readonly #key: Uint8Array;
  readonly #places: () => number;
  readonly #handle: ObjectHandle;
  readonly #sides = new Map<string, EngineSide>();
  readonly #introduced = new Set<number>();
  #opened = 0;
  #ownFunctions = 0;
  #isShut = false;
  #broken: Error | null = null;
  #whenBroken: ((reason: Error) => void) | null = null;

  constructor({ session, key, places, canPipe }: EngineDesksParts, { concurrency }: DeskNeeds) {
    this.session = session;
    this.#key = key;
    this.canPipe = canPipe;
    this.#places = places;
    this.concurrency = concurrency;
    this.#handle = ObjectHandle.make(session, "pool", "", concurrency > 1 ? 1 : 0);
    this.tasks = new EngineTasks(this);
    poolsOf(session).set(this.id, this);
  }

  /** How the engine names the pool. */
  get id(): string {
    return this.#handle.id;
  }

  label(_pool: string): void {
    // What is on an engine is seen by `status` of the agents.
  }

  get isBroken(): boolean {
    return this.#broken !== null;
  }

  whenBroken(act: (reason: Error) => void): void {
    this.#whenBroken = act;
  }

  #break(reason: unknown): void {
    if (this.#isShut || this.#broken !== null) return;
    this.#broken = reason instanceof Error ? reason : new Error(`${reason}`);
    for (const side of this.#sides.values()) side.break();
    this.#whenBroken?.(this.#broken);
  }

  /** The function follows to the workers: where it is may not be known yet. */
  travel(given: Given): TravellingReference {
    const name = `${OWN_FUNCTIONS}${++this.#ownFunctions}`;
    void this.#introduce(name, given);
    return { label: given.label, module: OWN_FUNCTIONS, name, member: null, hash: null };
  }

  introduce({ id, given }: PoolFunction): void {
    if (this.#introduced.has(id)) return;
    this.#introduced.add(id);
    void this.#introduce(`${id}`, given);
  }

  async #introduce(name: string, given: Given): Promise<void> {
    const reference = given.travel();
    if (!isLate(reference)) return this.#sendFunction(name, reference);
    try {
      this.#sendFunction(name, await promised(reference));
    } catch (error) {
      this.#sendFunction(name, { refused: (error as Error).message });
    }
  }

  #sendFunction(name: string, given: FunctionReference | { refused: string }): void {
    const seal = { key: this.#key, tree: this.session.tree, pool: this.id, name };
    this.send("pool_introduce", name, writeFunction(seal, given));
  }

  open(): EngineSide {
    // The first may wait for a place, as any process that is started; others must not block the pool's thread.
    if (this.#opened > 0 && this.#places() <= 0) {
      throw new Deno.errors.WouldBlock("no slot is free on the hosts that fit");
    }
    const side = new EngineSide(this, ++this.#opened);
    this.#sides.set(`${side.number}`, side);
    return side;
  }

  /** Does a step with this pool; where that fails, the pool is broken. */
  send(name: string, ...args: StepArgument[]): void {
    if (this.#isShut || this.#broken !== null) return;
    Promise.try(() => this.session.send(name, this.id, ...args)).then(({ refusal }) => {
      if (refusal !== null) this.#break(new ProcessError(`the engine says "${refusal}" to the step ${name}`));
    }, (error) => this.#break(error));
  }

  /** Does a step and waits for its answer; `null` where that fails. */
  step(name: string, ...args: StepArgument[]): Answer | null {
    if (this.#isShut || this.#broken !== null) return null;
    try {
      return this.session.step(name, this.id, ...args);
    } catch (error) {
      queueMicrotask(() => this.#break(error)); // the pool is at something
      return null;
    }
  }

  /** A worker has said something. */
  hear([w, begun, memory, bytes, objects]: readonly Uint8Array[]): void {
    const frame = bytes.length === 0 ? null : new EngineFrame(this.session, bytes, textOf(objects));
    const side = this.#sides.get(textOf(w));
    if (side === undefined) return frame?.drop();
    const told: Told = { begun: numberIn(begun), memory: numberIn(memory), frame };
    if (told.begun !== null) this.tasks.noteTaken(told.begun);
    side.hear(told);
  }

  /** A worker has ended, and these tasks with it. */
  noteEnd([w, numbers]: readonly string[]): void {
    const begun = numbers === "" ? [] : numbers.split(",").map(Number);
    for (const number of begun) this.tasks.noteTaken(number);
    this.#sides.get(w)?.noteEnd(begun);
  }

  /** How many workers there are. */
  get workers(): number {
    return this.#sides.size;
  }

  /** What each worker runs, as the engine has just said. */
  noteBegun(begun: ReadonlyMap<string, readonly number[]>): void {
    for (const [w, side] of this.#sides) side.noteBegun(begun.get(w) ?? []);
  }

  forget(side: EngineSide): void {
    this.#sides.delete(`${side.number}`);
  }

  /** The pool is over. */
  shut(): void {
    if (this.#isShut) return;
    this.send("pool_shut");
    this.#isShut = true;
    poolsOf(this.session).delete(this.id);
    this.#handle.close();
  }
}

function numberIn(bytes: Uint8Array): number | null {
  return bytes.length === 0 ? null : numberOf(bytes);
}
