// The worker's side of a desk in the memory that it shares with its pool. The pool's is local_desk.ts.

import type { TravellingReference } from "../callable/late.ts";
import { ENDED } from "../queues/channel.ts";
import type { Head } from "../queues/frame.ts";
import { clockSetting } from "./clock.ts";
import type { TaskServer, WorkerSide } from "./desk.ts";
import { Cell, type Desk, Kind, Slot, type WorkerSettings } from "./messages.ts";
import { Reporter } from "./reporter.ts";
import { Slots } from "./slots.ts";
import { TaskSource } from "./task_source.ts";

/** The worker's side of one desk. */
export class LocalSide implements WorkerSide {
  readonly #desk: Desk;
  readonly #concurrency: number;
  readonly #source: TaskSource;
  readonly #reporter: Reporter;
  readonly #references = new Map<number, TravellingReference>();

  constructor(desk: Desk, settings: WorkerSettings) {
    this.#desk = desk;
    this.#concurrency = settings.concurrency;
    this.#source = new TaskSource(desk, settings);
    this.#reporter = new Reporter(desk);
  }

  /** It comes from the pool, which has started this process: nobody else has been given the channel of functions. */
  trusts(): boolean {
    return true;
  }

  get clock(): readonly [number, number] {
    return clockSetting();
  }

  async work(server: TaskServer): Promise<boolean> {
    return await (this.#concurrency === 1 ? this.#workOneByOne(server) : this.#workTogether(server));
  }

  async #workOneByOne(server: TaskServer): Promise<boolean> {
    const source = this.#source;
    for (;;) {
      const frame = source.next();
      if (frame === ENDED) return false;
      if (frame !== null) {
        source.begin(frame, Cell.slots);
        const end = await server.serve(frame, Cell.slots);
        if (source.isTurnDue(end)) await source.turn();
      } else if (!await source.rest()) return true;
    }
  }

  /** The same, with several at a time. */
  async #workTogether(server: TaskServer): Promise<boolean> {
    const slots = new Slots({
      desk: this.#desk,
      source: this.#source,
      concurrency: this.#concurrency,
      serve: (frame, slot) => {
        this.#source.begin(frame, slot);
        return server.serve(frame, slot);
      },
      tellRoom: () => this.send({ kind: Kind.room, flags: 0, task: 0, fn: 0, begun: 0, duration: 0 }, []),
      giveUp: (number) => server.giveUp(number),
    });
    return await slots.work();
  }

  reference(fn: number): TravellingReference | null {
    while (!this.#references.has(fn)) {
      const frame = this.#desk.functions.receive(0);
      if (frame === null || frame === ENDED) return null;
      this.#references.set(frame.fn, frame.read()[0] as TravellingReference);
    }
    return this.#references.get(fn)!;
  }

  arrived(reference: TravellingReference): TravellingReference {
    return reference;
  }

  send(head: Head, list: readonly unknown[]): void {
    this.#desk.results.send(head, list);
  }

  report(head: Head, value: unknown): void {
    this.#reporter.send(head, value);
  }

  noteMemory(kib: number): void {
    Atomics.store(this.#desk.cells, Cell.memory, kib);
  }

  noteItems(slot: number, items: number): void {
    this.#desk.cells[slot + Slot.items] = items;
  }

  cancelled(slot: number, number: number): number | null {
    const { cells } = this.#desk;
    if (Atomics.load(cells, slot + Slot.cancelled) >>> 0 !== number) return null;
    return Atomics.load(cells, slot + Slot.reason);
  }

  async cancellation(signal: AbortSignal): Promise<void> {
    const { cancel } = this.#desk;
    await cancel.wait({ signal });
    cancel.clear(); // before the look: what is said after it sets the event again
  }
}
