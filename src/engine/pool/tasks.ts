// The tasks of a pool that no worker has begun, as the pool has them: put into the engine, and taken back.

import type { TaskList } from "../../pool/desk.ts";
import { Kind } from "../../pool/messages.ts";
import type { ENDED } from "../../queues/channel.ts";
import type { Frame, Head } from "../../queues/frame.ts";
import { queueMicrotask } from "../../runtime/timing.ts";
import type { StepArgument } from "../session.ts";
import type { EngineDesks } from "./desks.ts";
import { writeFrame } from "./frame.ts";

/** How many tasks, and bytes of them, are put in one step at most. */
const MOST_AT_ONCE = 64;
const MOST_BYTES = 65_536;
/** How many tasks for each worker are plenty. */
const PLENTY = 8;

/**
 * The tasks of one pool that no worker has begun. Those of one turn are put in one step; and where the engine has plenty
 * of them, those of several turns.
 */
export class EngineTasks implements TaskList {
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
