// How a worker runs several tasks at a time, as the pool's `concurrency` says: it goes on taking tasks while those that it
// runs await something. All workers take from one channel, so each must leave tasks to those that run none:
//
// - A worker that runs none takes the first task there is (task_source.ts).
// - One that runs some takes as many more as the pool has called it for: the pool knows who runs how many.
// - One whose slots were all taken takes another as soon as one is free, without the pool.
// - One that has room for more, and sees that a task waits, says so to the pool, which may have put that before it could
//   see this; and takes it if the pool's thread is blocked.

import { ENDED } from "../queues/channel.ts";
import type { Frame } from "../queues/frame.ts";
import { fail } from "../runtime/uncaught.ts";
import { performance, setTimeout } from "../runtime/timing.ts";
import { Cell, type Desk, Kind, Mode, Slot } from "./messages.ts";
import type { TaskSource } from "./task_source.ts";

/** Milliseconds after which the pool's thread counts as blocked. */
const PATIENCE = 10;
/** Ticks of the queue of microtasks in which a function ends that awaits nothing but promises that are resolved. */
const TICKS = 8;

/** What slots are made with. */
export interface SlotsOptions {
  readonly desk: Desk;
  readonly source: TaskSource;
  /** How many tasks may run at a time. */
  readonly concurrency: number;
  /** Runs a task in the place of that slot, and answers it. */
  readonly serve: (frame: Frame, slot: number) => Promise<unknown>;
  /** Says to the pool that there is room. */
  readonly tellRoom: () => void;
  /** Answers the task of that number, if it runs, as if it had ended; the pool has waited long enough. */
  readonly giveUp: (number: number) => void;
}

/** The places for the tasks of one worker. */
export class Slots {
  readonly #options: SlotsOptions;
  /** Where the words of those begin that are free; the first one last. */
  readonly #free: number[] = [];
  /** Whether it takes another task without being called for it. */
  #isEager = false;
  #isToldToStop = false;
  /** Ends the pause. */
  #wake: (() => void) | null = null;
  /** While the bell is listened to. */
  #listening: Promise<void> | null = null;
  /** Looks whether the pool has read that there is room. */
  #later: ReturnType<typeof setTimeout> | undefined;

  constructor(options: SlotsOptions) {
    this.#options = options;
    for (let i = options.concurrency; i-- > 0;) this.#free.push(Cell.slots + i * Slot.words);
  }

  /** How many tasks run. */
  get #running(): number {
    return this.#options.concurrency - this.#free.length;
  }

  /** Runs tasks until it is told to stop, and those that run then have ended: `true`; or nobody is left to tell it. */
  async work(): Promise<boolean> {
    const { source } = this.#options;
    for (;;) {
      if (!this.#heedBell()) return false;
      if (this.#isToldToStop && this.#running === 0) return true;
      const frame = this.#next();
      if (frame === ENDED) return false;
      if (frame !== null) await this.#begin(frame);
      else if (this.#running > 0) await this.#pause();
      else if (!await source.rest()) return true;
    }
  }

  /** Does what it is told by its bell; whether there is still somebody to ring it. */
  #heedBell(): boolean {
    const { desk: { bell }, source, giveUp } = this.#options;
    for (;;) {
      const frame = bell.receive(0);
      if (frame === ENDED) return false;
      if (frame === null) return true;
      if (!source.heed(frame)) this.#isToldToStop = true;
      if (frame.kind === Kind.giveUp) giveUp(frame.task);
    }
  }

  #next(): Frame | null | typeof ENDED {
    if (this.#running > 0) return this.#another();
    this.#isEager = false;
    return this.#options.source.next();
  }

  /** A task to be run besides others. If there is none, the pool has been told whether this worker has room for more. */
  #another(): Frame | null | typeof ENDED {
    const { desk: { tasks, cells }, source } = this.#options;
    if (this.#isToldToStop || source.isRetired) {
      Atomics.store(cells, Cell.mode, Mode.away);
      return null;
    }
    if (this.#free.length === 0) {
      this.#isEager = true;
      Atomics.store(cells, Cell.mode, Mode.running);
      return null;
    }
    if (this.#isEager || source.calledFor > 0) {
      Atomics.store(cells, Cell.mode, Mode.searching);
      const frame = tasks.receive(0);
      if (frame !== null) return frame;
      this.#isEager = false;
      source.calledFor = 0;
    }
    Atomics.store(cells, Cell.mode, Mode.asleep);
    if (!tasks.isEmpty) this.#ask();
    return null;
  }

  #ask(): void {
    const { desk: { cells }, tellRoom } = this.#options;
    if (Atomics.exchange(cells, Cell.asks, 1) === 0) tellRoom();
    this.#later ??= setTimeout(() => {
      this.#later = undefined;
      if (Atomics.load(cells, Cell.asks) === 0) return;
      this.#isEager = true;
      this.#wake?.();
    }, PATIENCE);
  }

  async #begin(frame: Frame): Promise<void> {
    const { source, serve, desk: { bell } } = this.#options;
    const slot = this.#free.pop()!;
    if (source.calledFor > 0) source.calledFor--;
    let hasEnded = false;
    serve(frame, slot).then(() => {
      hasEnded = true;
      this.#free.push(slot);
      this.#wake?.();
    }, fail);
    for (let i = 0; i < TICKS && !hasEnded; i++) await null;
    if (!hasEnded) return;
    if (this.#running > 0) await bell.turn(); // those that run get on meanwhile
    else if (source.isTurnDue(performance.now())) await source.turn();
  }

  /** Waits for the end of a task, or the bell, or until it may look again. */
  async #pause(): Promise<void> {
    this.#listening ??= this.#listen();
    await new Promise<void>((resolve) => this.#wake = resolve);
    this.#wake = null;
    this.#options.source.turned();
  }

  async #listen(): Promise<void> {
    await this.#options.source.ringing();
    this.#listening = null;
    this.#wake?.();
  }
}
