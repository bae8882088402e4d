// What a thread owes an engine: waits that it gave up while the engine was away, and that may get something all the same;
// and steps that are to be done in any case. The waits are ended, and what they got is given back, and the steps are done,
// before the thread's next step; where it takes none, by a timer.

import { EngineUnavailableError } from "../errors.ts";
import { clearTimeout, performance, setTimeout, unrefTimer } from "../runtime/timing.ts";
import { Answer } from "./answer.ts";
import { isUnbegun } from "./load.ts";

/** Milliseconds between two attempts of who takes no step, or may not block. */
const PAUSE = 2_000;
/** So long, in milliseconds, an attempt waits that must not block the thread; one that is connected answers in that time. */
const BRIEFLY = 1;

/** What is owed. */
export interface Debt {
  /** Gives back what a wait has got; or hears what a step was answered. */
  readonly told?: (answer: Answer) => void;
  /** Begins a step that was not begun, and gives what it is answered; absent if it was begun. */
  begin?: (timeout: number) => Uint8Array | null;
  /** Whether it is to be done, and not only to be ended. */
  readonly isToBeDone: boolean;
}

/** What a thread owes. */
export class Owed {
  /** Ends the oldest that was begun: what it got, or `null`. The parameter: milliseconds that the engine is waited for. */
  readonly #end: (timeout: number) => Uint8Array | null;
  /** The oldest first; no other than that was begun. */
  readonly #owed: Debt[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** When who may not block tries again: while the engine is away, an attempt may take a while all the same. */
  #next = 0;

  constructor(end: (timeout: number) => Uint8Array | null) {
    this.#end = end;
  }

  /** Notes what was given up. */
  add(debt: Debt): void {
    this.#owed.push(debt);
    this.#later();
  }

  /**
   * Ends all.
   *
   * @throws {EngineUnavailableError} If the engine is away.
   */
  settle(timeout: number): void {
    while (this.#owed.length > 0) {
      const debt = this.#owed[0];
      const got = this.#settled(debt, timeout);
      this.#owed.shift();
      if (got !== null) debt.told?.(Answer.unpack(got));
    }
    clearTimeout(this.#timer);
  }

  #settled(debt: Debt, timeout: number): Uint8Array | null {
    try {
      return (debt.begin ?? this.#end)(timeout);
    } catch (error) {
      if (!(error instanceof EngineUnavailableError)) this.forget();
      else if (!isUnbegun(error)) delete debt.begin;
      throw error;
    }
  }

  /** Ends all, if that takes no time worth the name. */
  trySettle(): void {
    if (this.#owed.length === 0 || performance.now() < this.#next) return;
    try {
      this.settle(BRIEFLY);
    } catch {
      this.#next = performance.now() + PAUSE;
      // The engine is away; or whoever asks it next hears that nothing is to be settled any more.
    }
  }

  /** Whether there are steps to be done before the tree is left; waits are ended by that. */
  get hasSteps(): boolean {
    return this.#owed.some((it) => it.isToBeDone);
  }

  /** The tree is left, or lost, and whatever was acquired there with it. */
  forget(): void {
    this.#owed.length = 0;
    clearTimeout(this.#timer);
  }

  #later(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.trySettle();
      if (this.#owed.length > 0) this.#later();
    }, PAUSE);
    unrefTimer(this.#timer); // the end of the process does what is to be done, and gives back the rest
  }
}
