// Where a worker gets its tasks from: the channel that all workers of its pool take from. How it looks there, and rests
// when it finds nothing, so that no task waits beside a worker that sleeps: see `Mode` in messages.ts.

import { ENDED } from "../queues/channel.ts";
import type { Frame } from "../queues/frame.ts";
import { performance, setTimeout } from "../runtime/timing.ts";
import { Cell, type Desk, Kind, Mode, Slot, type WorkerSettings } from "./messages.ts";

/**
 * Milliseconds that a worker blocks its thread for the next task before it lets its event loop go on. To be woken in
 * the kernel takes half as long as to be woken in a promise.
 */
const LINGER = 1;
/** Milliseconds after which the event loop gets a turn between two tasks: the user may have timers and sockets. */
const TURN_EVERY = 50;

/** The tasks that come to one worker. */
export class TaskSource {
  readonly #desk: Desk;
  readonly #settings: WorkerSettings;
  #lastTurn = performance.now();
  /** How long it blocks its thread for the next task, or its bell. */
  #linger = 0;
  #begun = 0;
  #isRetired = false;
  #ringing: Promise<void> | null = null;
  /** How many tasks the pool has called it for last, less those that it has begun since. */
  calledFor = 0;

  constructor(desk: Desk, settings: WorkerSettings) {
    this.#desk = desk;
    this.#settings = settings;
  }

  /** Notes that a task runs now in the place of that slot. */
  begin({ task }: Frame, slot: number): void {
    const { cells } = this.#desk;
    cells[slot + Slot.items] = 0; // before the task is this one
    Atomics.store(cells, slot, task | 0);
    Atomics.store(cells, Cell.mode, Mode.running);
    this.#begun++;
    this.#linger = LINGER;
  }

  /** The first task there is. If there is none, the pool has been told that this worker rests. */
  next(): Frame | null | typeof ENDED {
    const { tasks, cells } = this.#desk;
    if (this.isRetired) {
      Atomics.store(cells, Cell.mode, Mode.away);
      return null;
    }
    // At once, as a rule: the word of who lingers is all workers', and would go from one processor to the next each time.
    Atomics.store(cells, Cell.mode, Mode.searching);
    const next = tasks.receive(0) ?? this.#lingerAtTasks();
    if (next !== null) return next;
    Atomics.store(cells, Cell.mode, Mode.resting);
    // Again: whatever was put before the pool could see that this worker rests, it rings no bell for.
    const last = tasks.receive(0);
    if (last === null) Atomics.compareExchange(cells, Cell.mode, Mode.resting, Mode.asleep);
    return last;
  }

  /**
   * Waits a moment for the next task, which then wakes this worker at once: half as long as by its bell. One at a time,
   * so that the pool knows whose answer to look out for, and nobody is woken for what another takes.
   */
  #lingerAtTasks(): Frame | null | typeof ENDED {
    const { tasks, cells, lingerer } = this.#desk;
    if (this.#linger === 0 || Atomics.compareExchange(lingerer, 0, 0, Deno.pid) !== 0) return null;
    Atomics.store(cells, Cell.mode, Mode.lingering);
    const next = tasks.receive(this.#linger);
    Atomics.store(lingerer, 0, 0);
    this.#linger = 0;
    return next;
  }

  /** Whether it has had as many tasks, or as much memory, as it may. */
  get isRetired(): boolean {
    const { maxtasksperchild, maxMemory } = this.#settings;
    this.#isRetired ||= this.#begun >= maxtasksperchild || this.#desk.cells[Cell.memory] * 1024 > maxMemory;
    return this.#isRetired;
  }

  /** Waits for its bell; whether it is to go on. */
  async rest(): Promise<boolean> {
    const { bell } = this.#desk;
    for (;;) {
      const frame = bell.receive(this.#linger);
      if (frame === ENDED) return false;
      if (frame !== null) return this.heed(frame);
      this.#linger = 0;
      await this.ringing();
      this.turned();
    }
  }

  /** Resolves when its bell may have been rung. All wait together, since a ring wakes no more than one. */
  ringing(): Promise<void> {
    return this.#ringing ??= this.#listen();
  }

  async #listen(): Promise<void> {
    await this.#desk.bell.filled({ inBackground: false });
    this.#ringing = null;
  }

  /** Does what a frame of its bell says; whether it is to go on. */
  heed(frame: Frame): boolean {
    frame.drop();
    if (frame.kind === Kind.call) this.calledFor = frame.task;
    return frame.kind !== Kind.stop;
  }

  /** The event loop has had a turn. */
  turned(): void {
    this.#lastTurn = performance.now();
  }

  /** Whether the event loop has had no turn for some time. */
  isTurnDue(now: number): boolean {
    return now - this.#lastTurn >= TURN_EVERY;
  }

  /** Lets the event loop turn. */
  async turn(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.turned();
  }
}
