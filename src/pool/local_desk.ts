// The pool's side of desks in the memory that it shares with its workers. The workers' is local_side.ts.

import type { Given } from "../callable/reference.ts";
import type { TravellingReference } from "../callable/late.ts";
import { native } from "../addon/load.ts";
import { translated } from "../addon/translate.ts";
import { wait } from "../addon/waits.ts";
import { cpuCount } from "../process/cpu_count.ts";
import { WORKER_MAIN } from "../runtime/own_modules.ts";
import { Event } from "../synchronize/event.ts";
import { Channel, ENDED } from "../queues/channel.ts";
import type { Frame } from "../queues/frame.ts";
import type { PoolFunction } from "./calls/call.ts";
import { CellTable, WorkerWords } from "./cells.ts";
import type { DeskNeeds, Desks, PoolSide, WorkerProcess } from "./desk.ts";
import { type Desk, Kind } from "./messages.ts";

const WORKER = { module: WORKER_MAIN, name: "work" };

/** So many workers start at a time, however few CPUs there are. */
const LEAST_BREADTH = 4;

/** The head of a frame that belongs to no task. */
const NO_TASK = { flags: 0, task: 0, fn: 0, begun: 0, duration: 0 };

/** The desks of one pool. */
export class LocalDesks implements Desks {
  readonly tasks: Channel = new Channel().own();
  readonly canPipe = true;
  readonly breadth: number = Math.max(LEAST_BREADTH, cpuCount());
  readonly isBroken = false;
  readonly #concurrency: number;
  readonly #cells: CellTable;

  constructor({ concurrency }: DeskNeeds) {
    this.#concurrency = concurrency;
    this.#cells = new CellTable(concurrency);
  }

  label(pool: string): void {
    this.tasks.label(`${pool}: tasks`);
  }

  whenBroken(): void {
    // Shared memory is there for as long as this process is.
  }

  travel(given: Given): TravellingReference {
    return given.travel();
  }

  open(): LocalPoolSide {
    return new LocalPoolSide(this.tasks, this.#cells, this.#concurrency);
  }
}

/** The pool's side of one desk. */
class LocalPoolSide extends WorkerWords implements PoolSide {
  readonly target = WORKER;
  readonly far: Desk;
  readonly #table: CellTable;
  #isClosed = false;

  constructor(tasks: Channel, table: CellTable, concurrency: number) {
    const cells = table.take();
    super(cells, concurrency);
    this.#table = table;
    this.far = {
      tasks,
      bell: new Channel().own(),
      functions: new Channel().own(),
      results: new Channel().own(),
      cancel: new Event(),
      heard: new Event(),
      cells,
      lingerer: table.lingerer,
    };
  }

  label(worker: string): void {
    const { bell, functions, results } = this.far;
    bell.label(`${worker}: bell`);
    functions.label(`${worker}: functions`);
    results.label(`${worker}: results`);
  }

  get isBusy(): boolean {
    return this.far.results.isBusy;
  }

  introduce({ id, given }: PoolFunction): void {
    this.far.functions.send({ ...NO_TASK, kind: Kind.function, fn: id }, [given.travel()]);
  }

  call(tasks: number): boolean {
    if (!this.setCalled()) return false;
    this.far.bell.send({ ...NO_TASK, kind: Kind.call, task: tasks }, []);
    return true;
  }

  giveUp(task: number): void {
    this.far.bell.send({ ...NO_TASK, kind: Kind.giveUp, task }, []);
  }

  stop(): void {
    this.far.bell.send({ ...NO_TASK, kind: Kind.stop }, []);
  }

  cancel(number: number, timedOut: boolean): boolean {
    if (!this.setCancelled(number, timedOut)) return false;
    if (!this.#isClosed) this.far.cancel.set();
    return true;
  }

  noteRoom(): void {
    this.setHeard();
  }

  noteHeard(): void {
    if (this.addHeard() && !this.#isClosed) this.far.heard.set();
  }

  receive(timeout: number): Frame | null {
    if (this.isBusy) return null;
    const frame = this.far.results.receive(timeout);
    return frame === ENDED ? null : frame;
  }

  async listen(arrived: () => void): Promise<void> {
    const { results } = this.far;
    while (!results.isClosed) {
      await results.filled({ inBackground: true });
      arrived();
    }
  }

  async ended({ pid }: WorkerProcess): Promise<void> {
    await wait(() => translated(() => native().childAwait(pid!)), { inBackground: true });
  }

  close(pid: number | null): void {
    const { bell, functions, results, cancel, heard, lingerer, cells } = this.far;
    this.#isClosed = true;
    bell.close();
    functions.close();
    results.close();
    cancel[Symbol.dispose]();
    heard[Symbol.dispose]();
    if (pid !== null) Atomics.compareExchange(lingerer, 0, pid, 0);
    this.#table.giveBack(cells);
  }
}
