// Processes that have to end well: a crew tells of the first that does not, whatever is waited for meanwhile. On several
// machines the others go on where a host is lost.

import { constants } from "node:os";
import { type Process, ProcessError } from "@parallel/multiprocessing";
import type { BaseContext, OnHost, ProcessLike } from "@parallel/multiprocessing/context";
import { CountError } from "./texts.ts";

/** Worker processes. None is left when the crew is disposed. */
export class Crew implements AsyncDisposable {
  readonly #mp: BaseContext;
  readonly #lost: () => void;
  readonly #cleanup = new AsyncDisposableStack();
  readonly #stop = new AbortController();
  readonly #ends: Promise<void>[] = [];
  #left = 0;

  /** A crew whose processes are those of a context; `lost` is called for each whose host is lost. */
  constructor(mp: BaseContext, lost: () => void = () => {}) {
    this.#mp = mp;
    this.#lost = lost;
  }

  /** Aborted when the crew is disposed: for waits that would go on without it. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Starts a process that runs `target(...args)`. */
  start<A extends unknown[]>(target: (...args: A) => unknown, args: A): void {
    const worker = this.#cleanup.use(new this.#mp.Process({ target, args, daemon: true }));
    worker.start();
    this.#left++;
    const end = this.#endOf(worker);
    end.catch(() => {}); // it is told by who waits for something
    this.#ends.push(end);
  }

  async #endOf(worker: ProcessLike & Partial<OnHost>): Promise<void> {
    try {
      await worker.join({ signal: this.signal });
    } catch (error) {
      // One that ended before it began its work: why, unless it was killed.
      if (!(error instanceof ProcessError) || worker.exitcode === null || worker.exitcode >= 0) throw error;
    }
    if (worker.lostHost === true && --this.#left > 0) return this.#lost();
    if (worker.exitcode !== 0) throw new CountError(`Cannot go on counting: ${describeEnd(worker)}`);
  }

  /** Waits until all workers have ended. Throws a {@linkcode CountError} as soon as one ends badly. */
  async ended(): Promise<void> {
    await Promise.all(this.#ends);
  }

  /** What `promise` resolves to. Throws a {@linkcode CountError} as soon as a worker ends badly. */
  async unlessLost<T>(promise: Promise<T>): Promise<T> {
    return await Promise.race([promise, this.ended().then(() => promise)]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#cleanup.disposeAsync(); // ends the processes
  }
}

/** Who ended and how, for a message: `worker "Process-1" (pid 123) was killed by SIGKILL`. */
export function describeEnd({ name, pid, exitcode }: Pick<Process, "name" | "pid" | "exitcode">): string {
  const who = `worker "${name}" (pid ${pid})`;
  if (exitcode === null || exitcode >= 0) return `${who} ended with exit code ${exitcode}`;
  const signal = Object.entries(constants.signals).find(([, number]) => number === -exitcode)?.[0];
  return `${who} was killed by ${signal ?? `signal ${-exitcode}`}`;
}
