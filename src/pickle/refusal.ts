/**
 * Why a value cannot be put into a pickle, and where it stands.
 *
 * @module
 */
import { inOneLine, quoted } from "../runtime/harmless.ts";
import { withUsersFrames } from "../runtime/stack.ts";
import { PickleError } from "./error.ts";

/** A path of more steps is cut in the middle. */
const MOST_STEPS = 12;

/** Thrown at the value; on the way out every container adds its step. */
export class Refusal {
  readonly #value: unknown;
  readonly #why: string;
  readonly #steps: string[] = [];

  constructor(value: unknown, why: string) {
    this.#value = value;
    this.#why = why;
  }

  /** Adds the step from a container to what is in it. */
  within(step: string): this {
    this.#steps.push(step);
    return this;
  }

  /** The error that says it. */
  explain(): PickleError {
    const steps = this.#steps.reverse();
    const shown = steps.length <= MOST_STEPS
      ? steps
      : [...steps.slice(0, MOST_STEPS / 2), " … ", ...steps.slice(-MOST_STEPS / 2)];
    const place = `value${shown.join("")}`;
    return withUsersFrames(new PickleError(`Cannot pickle ${inOneLine(this.#value)} at ${place}: ${this.#why}`));
  }
}

/** `["key"]`, or `.key`. */
export function keyStep(key: unknown): string {
  if (typeof key === "string" && /^[\p{ID_Start}$_][\p{ID_Continue}$]{0,40}$/u.test(key)) return `.${key}`;
  return `[${typeof key === "string" ? quoted(key) : inOneLine(key)}]`;
}
