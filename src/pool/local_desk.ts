// The pool's side of desks in the memory that it shares with its workers. The workers' is local_side.ts.

import type { Given } from "../callable/reference.ts";
import type { TravellingReference } from "../callable/late.ts";
import type { ModuleExport } from "../callable/types.ts";
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
import { deskForPython, type PythonWorkers } from "./python.ts";

const WORKER: ModuleExport = { module: WORKER_MAIN, name: "work" };

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
  readonly #python: PythonWorkers | null;

  /** For workers of Deno; or of Python, as `python` says. */
  constructor({ concurrency }: DeskNeeds, python: PythonWorkers | null = null) {
    this.#concurrency = concurrency;
    this.#python = python;
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
    return new LocalPoolSide({
      tasks: this.tasks,
      table: this.#cells,
      concurrency: this.#concurrency,
      python: this.#python,
    });
  }
}

/** What the pool's side of a desk is made with. */
interface SideParts {
  readonly tasks: Channel;
  readonly table: CellTable;
  readonly concurrency: number;
  readonly python: PythonWorkers | null;
}

/** The pool's side of one desk. */
class LocalPoolSide extends WorkerWords implements PoolSide {
  readonly target: ModuleExport;
  readonly far: object;
  readonly #desk: Desk;
  readonly #table: CellTable;
  #isClosed = false;

  constructor({ tasks, table, concurrency, python }: SideParts) {
    const cells = table.take();
    super(cells, concurrency);
    this.target = python?.target ?? WORKER;
    this.#table = table;
    const desk = this.#desk = {
      tasks,
      bell: new Channel().own(),
      functions: new Channel().own(),
      results: new Channel().own(),
      cancel: new Event(),
      heard: new Event(),
      cells,
      lingerer: table.lingerer,
    };
    this.far = python === null ? desk : deskForPython(desk);
  }

  label(worker: string): void {
    const { bell, functions, results } = this.#desk;
    bell.label(`${worker}: bell`);
    functions.label(`${worker}: functions`);
    results.label(`${worker}: results`);
  }

  get isBusy(): boolean {
    return this.#desk.results.isBusy;
  }

  introduce({ id, given }: PoolFunction): void {
    this.#desk.functions.send({ ...NO_TASK, kind: Kind.function, fn: id }, [given.travel()]);
  }

  call(tasks: number): boolean {
    if (!this.setCalled()) return false;
    this.#desk.bell.send({ ...NO_TASK, kind: Kind.call, task: tasks }, []);
    return true;
  }

  giveUp(task: number): void {
    this.#desk.bell.send({ ...NO_TASK, kind: Kind.giveUp, task }, []);
  }

  stop(): void {
    this.#desk.bell.send({ ...NO_TASK, kind: Kind.stop }, []);
  }

  cancel(number: number, timedOut: boolean): boolean {
    if (!this.setCancelled(number, timedOut)) return false;
    if (!this.#isClosed) this.#desk.cancel.set();
    return true;
  }

  noteRoom(): void {
    this.setHeard();
  }

  noteHeard(): void {
    if (this.addHeard() && !this.#isClosed) this.#desk.heard.set();
  }

  receive(timeout: number): Frame | null {
    if (this.isBusy) return null;
    const frame = this.#desk.results.receive(timeout);
    return frame === ENDED ? null : frame;
  }

  async listen(arrived: () => void): Promise<void> {
    const { results } = this.#desk;
    while (!results.isClosed) {
      await results.filled({ inBackground: true });
      arrived();
    }
  }

  async ended({ pid }: WorkerProcess): Promise<void> {
    await wait(() => translated(() => native().childAwait(pid!)), { inBackground: true });
  }

  close(pid: number | null): void {
    const { bell, functions, results, cancel, heard, lingerer, cells } = this.#desk;
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
