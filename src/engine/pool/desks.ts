// The pool's side of desks on an engine: tasks go out by steps (../library/pool.lua), and what workers say comes in as
// events. The workers' side is worker_side.ts.
//
// D1. What is known here of who has begun what follows from events, in their order, and from `pool_back`, which is newer than
//     all events that have come. What of these is still to come repeats what is known, or adds to it.
// D2. The end of a worker is the last event of it.

import { isLate, promised, type TravellingReference } from "../../callable/late.ts";
import type { Given } from "../../callable/reference.ts";
import type { FunctionReference } from "../../callable/types.ts";
import type { PoolFunction } from "../../pool/calls/call.ts";
import type { DeskNeeds, Desks, PoolSide, TaskList, WorkerProcess } from "../../pool/desk.ts";
import { Kind, Mode } from "../../pool/messages.ts";
import type { ENDED } from "../../queues/channel.ts";
import type { Frame, Head } from "../../queues/frame.ts";
import { ProcessError } from "../../errors.ts";
import { ENGINE_WORKER_MAIN } from "../../runtime/own_modules.ts";
import { queueMicrotask, setTimeout } from "../../runtime/timing.ts";
import { ObjectHandle } from "../handles.ts";
import type { Answer, Session, StepArgument } from "../session.ts";
import { EngineFrame, writeFrame } from "./frame.ts";
import { writeFunction } from "./functions.ts";
import { MOST_UNREAD, OWN_FUNCTIONS, type PoolTicket, type Told } from "./messages.ts";

const WORKER = { module: ENGINE_WORKER_MAIN, name: "work" };
/** How many tasks, and bytes of them, are put in one step at most. */
const MOST_AT_ONCE = 64;
const MOST_BYTES = 65_536;
/** How many tasks for each worker are plenty. */
const PLENTY = 8;
/** After how many reports the workers are told that they were read. */
const HEARD_EVERY = MOST_UNREAD / 8;

const decoder = new TextDecoder();

/** The desks of each pool of a session, by the ids of the pools. */
const pools = new WeakMap<Session, Map<string, EngineDesks>>();

function poolsOf(session: Session): Map<string, EngineDesks> {
  const known = pools.get(session);
  if (known !== undefined) return known;
  const made = new Map<string, EngineDesks>();
  pools.set(session, made);
  session.on("pool", (o, ...parts) => made.get(decoder.decode(o))?.hear(parts));
  session.on("pool.gone", (o, ...parts) => made.get(decoder.decode(o))?.noteEnd(parts.map((it) => decoder.decode(it))));
  return made;
}

/** What desks on an engine are made with. */
export interface EngineDesksParts {
  readonly session: Session;
  /** What the functions are signed with. */
  readonly key: Uint8Array;
  /** How many more processes could be started now. */
  readonly places: () => number;
}

/** The desks of one pool. */
export class EngineDesks implements Desks {
  readonly session: Session;
  readonly tasks: EngineTasks;
  readonly canPipe = false;
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

  constructor({ session, key, places }: EngineDesksParts, { concurrency }: DeskNeeds) {
    this.session = session;
    this.#key = key;
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
    const frame = bytes.length === 0 ? null : new EngineFrame(this.session, bytes, decoder.decode(objects));
    const side = this.#sides.get(decoder.decode(w));
    if (side === undefined) return frame?.drop();
    const told: Told = { begun: numberOf(begun), memory: numberOf(memory), frame };
    if (told.begun !== null) this.tasks.noteTaken(told.begun);
    side.hear(told);
  }

  /** A worker has ended, and these tasks with it. */
  noteEnd([w, ...begun]: readonly string[]): void {
    for (const number of begun) this.tasks.noteTaken(Number(number));
    this.#sides.get(w)?.noteEnd(begun.map(Number));
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

function numberOf(bytes: Uint8Array): number | null {
  return bytes.length === 0 ? null : Number(decoder.decode(bytes));
}

/**
 * The tasks of one pool that no worker has begun. Those of one turn are put in one step; and where the engine has plenty
 * of them, those of several turns.
 */
class EngineTasks implements TaskList {
  readonly #desks: EngineDesks;
  #isBusy = false;
  /** What is to be put. */
  #waiting: StepArgument[] = [];
  #bytes = 0;
  #letGo: (() => void)[] = [];
  #isFlushing = false;
  /** The numbers of those that are put, as far as no worker is known to have begun them. */
  readonly #put = new Set<number>();
  /** What was taken back, and is to be received. */
  #back: number[] | null = null;

  constructor(desks: EngineDesks) {
    this.#desks = desks;
  }

  get isBusy(): boolean {
    return this.#isBusy;
  }

  send(head: Head, list: readonly unknown[]): number {
    this.#isBusy = true;
    try {
      const { bytes, objects, letGo } = writeFrame(this.#desks.session, head, list);
      this.#waiting.push(head.task, bytes, objects);
      this.#letGo.push(letGo);
      this.#bytes += bytes.length;
      this.#put.add(head.task);
      if (this.#letGo.length >= MOST_AT_ONCE || this.#bytes >= MOST_BYTES) this.#flush();
      else if (this.#isScarce) this.#flushSoon();
      return bytes.length;
    } finally {
      this.#isBusy = false;
    }
  }

  /** Whether the engine has so few, as far as is known, that workers might have to wait. */
  get #isScarce(): boolean {
    return this.#put.size - this.#letGo.length < PLENTY * this.#desks.workers;
  }

  #flushSoon(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    queueMicrotask(() => {
      this.#isFlushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#letGo.length === 0) return;
    this.#desks.send("pool_put", ...this.#waiting);
    for (const letGo of this.#letGo) letGo();
    this.#waiting = [];
    this.#letGo = [];
    this.#bytes = 0;
  }

  /** A worker has begun one. */
  noteTaken(number: number): void {
    this.#put.delete(number);
    if (this.#letGo.length > 0 && this.#isScarce) this.#flushSoon();
  }

  receive(_timeout: number): Frame | null | typeof ENDED {
    this.#back ??= this.#takeBack();
    const number = this.#back.shift();
    if (number === undefined) {
      this.#back = null;
      return null;
    }
    return new TakenBack(number);
  }

  #takeBack(): number[] {
    if (this.#put.size === 0) return []; // as far as is known, which is never less than is so
    this.#flush();
    const answer = this.#desks.step("pool_back");
    if (answer === null || answer.refusal !== null) return [];
    const count = answer.number(0);
    const back = Array.from({ length: count }, (_, i) => answer.number(1 + i));
    const begun = new Map<string, number[]>();
    for (let i = 1 + count; i + 1 < answer.length; i += 2) {
      const worker = answer.text(i);
      begun.set(worker, [...begun.get(worker) ?? [], answer.number(i + 1)]);
    }
    this.#put.clear(); // nothing is left there
    this.#desks.noteBegun(begun);
    return back;
  }

  close(): void {
    this.#desks.shut();
  }
}

/** A task that was taken back, as the pool knows it by its number. */
class TakenBack implements Frame {
  readonly kind = Kind.task;
  readonly flags = 0;
  readonly task: number;
  readonly fn = 0;
  readonly begun = 0;
  readonly duration = 0;
  readonly parcel = null;

  constructor(task: number) {
    this.task = task;
  }

  read(): unknown[] {
    return [];
  }

  drop(): void {}
}

/** The pool's side of one desk. */
class EngineSide implements PoolSide {
  readonly number: number;
  readonly target = WORKER;
  readonly far: PoolTicket;
  memory = 0;
  readonly #desks: EngineDesks;
  /** The tasks that it runs. */
  #begun: number[] = [];
  readonly #frames: Frame[] = [];
  #arrived: (() => void) | null = null;
  #isTelling = false;
  #heard = 0;
  readonly #end = Promise.withResolvers<void>();

  constructor(desks: EngineDesks, number: number) {
    this.#desks = desks;
    this.number = number;
    this.far = [desks.session.tree, desks.id, number];
  }

  get begun(): number[] {
    return this.#begun;
  }

  /** The engine calls who waits: to the pool it looks as if nobody ever did. */
  get mode(): number {
    return this.#begun.length >= this.#desks.concurrency ? Mode.running : Mode.away;
  }

  get isBusy(): boolean {
    return false;
  }

  label(_worker: string): void {}

  /** Of a task that its worker has begun, every item counts as begun. */
  itemsBegun(_number: number): number {
    return Infinity;
  }

  countBegun(numbers: ReadonlyMap<number, unknown>): number {
    let count = 0;
    for (const number of this.#begun) if (numbers.has(number)) count++;
    return count;
  }

  introduce(fn: PoolFunction): void {
    this.#desks.introduce(fn);
  }

  call(_tasks: number): boolean {
    return false;
  }

  giveUp(task: number): void {
    this.#desks.send("pool_give_up", task);
  }

  stop(): void {
    this.#desks.send("pool_stop", this.number);
  }

  cancel(number: number, timedOut: boolean): boolean {
    if (!this.#begun.includes(number)) return false;
    this.#desks.send("pool_cancel", number, timedOut ? 1 : 0);
    return true;
  }

  noteRoom(): void {}

  noteHeard(): void {
    if (++this.#heard < HEARD_EVERY) return;
    this.#desks.send("pool_heard", this.number, this.#heard, MOST_UNREAD);
    this.#heard = 0;
  }

  receive(_timeout: number): Frame | null {
    return this.#frames.shift() ?? null;
  }

  listen(arrived: () => void): void {
    this.#arrived = arrived;
    this.#tell();
  }

  /** Says that there are frames, once for those of one turn. */
  #tell(): void {
    if (this.#isTelling || this.#arrived === null || this.#frames.length === 0) return;
    this.#isTelling = true;
    queueMicrotask(() => {
      this.#isTelling = false;
      this.#arrived?.();
      // The pool reads for a while only; what is left is read in the next turn.
      if (this.#frames.length > 0) setTimeout(() => this.#tell());
    });
  }

  /** The worker has said something. */
  hear({ begun, memory, frame }: Told): void {
    if (memory !== null) this.memory = memory * 1024;
    if (frame !== null) {
      this.#frames.push(frame);
      const isAnswer = frame.kind === Kind.done || frame.kind === Kind.failed || frame.kind === Kind.mixed;
      if (isAnswer) this.#begun = this.#begun.filter((number) => number !== frame.task);
    }
    if (begun !== null && !this.#begun.includes(begun)) this.#begun.push(begun);
    this.#tell();
  }

  noteBegun(numbers: readonly number[]): void {
    this.#begun = [...numbers];
  }

  /** It has ended, and with it what it had begun. */
  noteEnd(begun: readonly number[]): void {
    this.#begun = [...begun];
    this.#end.resolve();
  }

  async ended(process: WorkerProcess): Promise<void> {
    await process.join().catch(() => {}); // who joins it next is told
    this.#desks.send("pool_gone", this.number);
    await this.#end.promise;
  }

  /** The pool is broken: its end is not told any more. */
  break(): void {
    this.#end.resolve();
  }

  close(_pid: number | null): void {
    this.#arrived = null;
    for (const frame of this.#frames.splice(0)) frame.drop();
    this.#desks.forget(this);
  }
}
