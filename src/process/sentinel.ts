// The object that stands for the end of a process in `wait`.

import { descriptorOf, type Waitable } from "../waiting/waitable.ts";
import { register } from "../reduction/registry.ts";
import { showAsText } from "../runtime/shown.ts";

/**
 * Stands for the end of a process among the objects that `connection.wait` waits for. It is ready once the process has
 * ended, and stays so.
 */
export class Sentinel implements Waitable {
  static {
    showAsText(Sentinel);
    register(Sentinel, {
      refuse: "a sentinel belongs to the process that has the child; wait for it there, and send what is to be known",
    });
  }

  readonly #descriptor: () => number | null;

  /** Made by a process, of what tells the descriptor that becomes readable at its end; `null` when it has ended. */
  constructor(descriptor: () => number | null) {
    this.#descriptor = descriptor;
  }

  /** The descriptor that becomes readable at the end of the process; `null` when it has ended. */
  [descriptorOf](): number | null {
    return this.#descriptor();
  }

  /** `<Sentinel(waiting)>`, or `<Sentinel(ready)>` once the process has ended. */
  toString(): string {
    return `<Sentinel(${this.#descriptor() === null ? "ready" : "waiting"})>`;
  }
}
