// The pool's side of one desk on an engine: what it knows of one worker, and tells it.

import { EngineUnavailableError } from "../../errors.ts";
import type { PoolFunction } from "../../pool/calls/call.ts";
import type { PoolSide, WorkerProcess } from "../../pool/desk.ts";
import { Kind, Mode } from "../../pool/messages.ts";
import type { Frame } from "../../queues/frame.ts";
import { ENGINE_WORKER_MAIN } from "../../runtime/own_modules.ts";
import { queueMicrotask, setTimeout } from "../../runtime/timing.ts";
import type { EngineDesks } from "./desks.ts";
import { MOST_UNREAD, type PoolTicket, type Told } from "./messages.ts";

const WORKER = { module: ENGINE_WORKER_MAIN, name: "work" };
/** After how many reports the workers are told that they were read. */
const HEARD_EVERY = MOST_UNREAD / 8;
/** Milliseconds until a join is begun again that was given up since the engine is away, as each is after its patience. */
const JOIN_AGAIN = 1000;

/** The pool's side of one desk. */
export class EngineSide implements PoolSide {
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
  /** Whether the engine has said that it has ended: from then on it knows nothing more of it. */
  #hasEnded = false;
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

  /** What it has begun, as the engine has just said. Of one that has ended it has said so already. */
  noteBegun(numbers: readonly number[]): void {
    if (!this.#hasEnded) this.#begun = [...numbers];
  }

  /** It has ended, and with it what it had begun. */
  noteEnd(begun: readonly number[]): void {
    this.#begun = [...begun];
    this.#hasEnded = true;
    this.#end.resolve();
  }

  async ended(process: WorkerProcess): Promise<void> {
    // Who joins it next is told why it could not begin. That the engine is away says nothing of it.
    const isOver = () => process.join().then(() => true, (error) => !(error instanceof EngineUnavailableError));
    while (!await isOver() && !this.#desks.isBroken) await new Promise((resolve) => setTimeout(resolve, JOIN_AGAIN));
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
