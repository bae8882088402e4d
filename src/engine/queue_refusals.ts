// What a queue of an engine says of a step that was refused.

import { QueueState } from "../addon/numbers.ts";
import { InvalidStateError } from "../errors.ts";
import { deserted, empty, full, shutForGets, shutForPuts } from "../queues/outcomes.ts";

/** The errors of a queue. */
export class QueueRefusals {
  readonly #label: string;

  /** `label` is its name as it stands behind "the queue". */
  constructor(label: string) {
    this.#label = label;
  }

  /** Of a put that was refused. */
  put(refusal: string): Error {
    switch (refusal) {
      case "full":
        return this.full(0);
      case "shut":
        return shutForPuts(this.#label);
      case "deserted":
        return this.deserted(QueueState.drained);
      case "lacks":
        return new InvalidStateError("Cannot put a value: an object of the engine in it was closed meanwhile");
      default:
        return this.gone(refusal);
    }
  }

  /** Of a get, or of none in time. */
  get(refusal: string | null, timeout: number): Error {
    switch (refusal) {
      case null:
      case "empty":
        return empty({ timeout, label: this.#label, isAlone: () => false });
      case "shut":
        return shutForGets(this.#label);
      case "deserted":
        return this.deserted(QueueState.filled);
      default:
        return this.gone(refusal);
    }
  }

  /** Of a put that has waited. */
  full(timeout: number): Error {
    return full({ timeout, label: this.#label, isAlone: () => false });
  }

  /** Of a wait for a state that nobody is left to bring about. */
  deserted(state: number): Error {
    return deserted(state, this.#label);
  }

  /** Of any other step. */
  gone(refusal: string): InvalidStateError {
    const why = refusal === "gone" ? "it is gone" : `the engine refuses it (${refusal})`;
    return new InvalidStateError(`Cannot use the queue${this.#label}: ${why}`);
  }
}
