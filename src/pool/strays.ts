// Finds the task of a worker that was killed between taking it and noting its number. Such a task is neither in the
// channel nor noted by a worker. That can be seen once every other worker has noted its task.

import type { Dispatcher } from "./dispatcher.ts";
import type { WorkerHandle } from "./worker_handle.ts";
import { Mode } from "./messages.ts";
import { clearTimeout, setTimeout, unrefTimer } from "../runtime/timing.ts";

/** What the search for strays needs of its pool. */
export interface StraysOptions {
  readonly workers: Iterable<WorkerHandle>;
  readonly dispatcher: Pick<Dispatcher, "numbers" | "forget" | "handBack" | "takeBack" | "dispatch">;
  /** Reads all that a worker has answered. */
  readonly read: (worker: WorkerHandle) => void;
}

/** Tasks that nobody is known to have, and the workers that may have taken them and have yet to say so. */
interface Search {
  readonly numbers: Set<number>;
  readonly suspects: Set<WorkerHandle>;
}

/** Milliseconds until it is looked again; twice as many after each look. Noting a task takes microseconds, unless a
 * worker has been stopped. */
const AGAIN = 1;
/** The most that they become. */
const AGAIN_AT_MOST = 100;

/** Finds what dead workers have taken along. */
export class Strays {
  readonly #options: StraysOptions;
  #searches: Search[] = [];
  #again = AGAIN;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: StraysOptions) {
    this.#options = options;
  }

  /** A worker has died that may have taken a task. */
  search(): void {
    const { workers, dispatcher } = this.#options;
    dispatcher.takeBack(); // from now on nobody takes anything, until this is over
    const { numbers } = dispatcher;
    if (numbers.size > 0) this.#searches.push({ numbers, suspects: new Set(workers) });
    this.#look();
  }

  /** Nobody asks any more. */
  stop(): void {
    this.#searches = [];
    clearTimeout(this.#timer);
  }

  #look(): void {
    clearTimeout(this.#timer);
    this.#searches = this.#searches.filter((search) => !this.#isOver(search));
    if (this.#searches.length === 0) {
      this.#again = AGAIN;
      return;
    }
    this.#timer = setTimeout(() => {
      this.#look();
      this.#options.dispatcher.dispatch();
    }, this.#again);
    unrefTimer(this.#timer);
    this.#again = Math.min(AGAIN_AT_MOST, 2 * this.#again);
  }

  /** Whether it is known which worker has which task; a task that none has is handed back. */
  #isOver({ numbers, suspects }: Search): boolean {
    for (const worker of suspects) {
      // Before its answers are read: what it takes after this look is nothing of what is searched.
      const { mode, begun } = worker;
      for (const number of begun) numbers.delete(number);
      if (worker.state !== "ended") this.#options.read(worker);
      if (worker.state === "ended" || mode === Mode.running || mode === Mode.asleep || mode === Mode.away) {
        suspects.delete(worker);
      }
    }
    const given = this.#options.dispatcher.numbers;
    for (const number of numbers) if (!given.has(number)) numbers.delete(number);
    if (numbers.size > 0 && suspects.size > 0) return false;
    const lost = [...numbers].flatMap((number) => this.#options.dispatcher.forget(number) ?? []);
    this.#options.dispatcher.handBack(lost);
    return true;
  }
}
