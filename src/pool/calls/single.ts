// One call of the function, with all of its arguments: `apply`.

import { type CallParts, PromisedCall, Task } from "./call.ts";

/** One call of the function: `apply`. */
export class SingleCall extends PromisedCall<unknown> {
  #args: readonly unknown[] | null;

  constructor(parts: CallParts, args: readonly unknown[]) {
    super(parts);
    this.#args = args;
  }

  get isDry(): boolean {
    return this.#args === null;
  }

  take(): Task | null {
    const list = this.#args;
    this.#args = null;
    return list === null ? null : new Task(this, 0, list, this.since);
  }

  done(_task: Task, results: readonly unknown[]): void {
    this.succeed(results[0]);
  }

  failed(_task: Task, error: unknown): void {
    this.end(error);
  }
}
