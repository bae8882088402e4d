// What a thread owes an engine: waits that it gave up while the engine was away, and that may get something all the same;
// and steps that are to be done in any case. The waits are ended, and what they got is given back, and the steps are done,
// before the thread's next step that blocks; where it takes none, by a timer.

import { EngineUnavailableError, FencedError, InvalidStateError, StateLostError } from "../errors.ts";
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
  /** Hears why a step has not been done, and will not be. */
  readonly failed?: (error: unknown) => void;
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
   * Ends all. What the engine refuses is over with that: it keeps nothing from what stands behind it.
   *
   * @throws {EngineUnavailableError} If the engine is away.
   * @throws {StateLostError} If the tree is lost, or {@linkcode FencedError} if this process is among the dead.
   */
  settle(timeout: number): void {
    while (this.#owed.length > 0) {
      const debt = this.#owed[0];
      const settled = this.#settled(debt, timeout);
      this.#owed.shift();
      settled();
    }
    clearTimeout(this.#timer);
  }

  /** What is to be told, once it is owed no more. */
  #settled(debt: Debt, timeout: number): () => void {
    try {
      const got = (debt.begin ?? this.#end)(timeout);
      return () => got !== null && debt.told?.(Answer.unpack(got));
    } catch (error) {
      if (error instanceof EngineUnavailableError) {
        if (!isUnbegun(error)) delete debt.begin;
        throw error;
      }
      if (isOver(error)) {
        this.forget(error);
        throw error;
      }
      return () => debt.failed?.(error);
    }
  }

  /** Ends all, if that takes no time worth the name. */
  trySettle(): void {
    if (this.#owed.length === 0 || performance.now() < this.#next) return;
    try {
      this.settle(BRIEFLY);
    } catch {
      this.#next = performance.now() + PAUSE;
      // The engine is away; or whoever asks it next hears that all is over.
    }
  }

  /** Whether there are steps to be done before the tree is left; waits are ended by that. */
  get hasSteps(): boolean {
    return this.#owed.some((it) => it.isToBeDone);
  }

  /** The tree is left, or lost, and whatever was acquired there with it; why, if it was not left in order. */
  forget(why?: unknown): void {
    clearTimeout(this.#timer);
    for (const debt of this.#owed.splice(0)) {
      if (why !== undefined) debt.failed?.(why);
    }
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

/** Whether nothing can be done in the tree any more. */
function isOver(error: unknown): boolean {
  return error instanceof StateLostError || error instanceof FencedError || error instanceof InvalidStateError;
}
