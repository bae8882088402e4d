// What a thread owes an engine: waits that it gave up while the engine was away, and that may get something all the same.
// They are ended, and what they got is given back, before the thread's next step; where it takes none, by a timer.

import { EngineUnavailableError } from "../errors.ts";
import { clearTimeout, performance, setTimeout, unrefTimer } from "../runtime/timing.ts";
import { Answer } from "./answer.ts";

/** Milliseconds between two attempts of who takes no step, or may not block. */
const PAUSE = 2_000;
/** So long, in milliseconds, an attempt waits that must not block the thread; one that is connected answers in that time. */
const BRIEFLY = 1;

type GiveBack = ((answer: Answer) => void) | undefined;

/** The waits that a thread owes. */
export class Owed {
  /** Ends the oldest: what it got, or `null`. The parameter: milliseconds that the engine is waited for. */
  readonly #end: (timeout: number) => Uint8Array | null;
  /** The oldest first. */
  readonly #owed: GiveBack[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** When who may not block tries again: while the engine is away, an attempt may take a while all the same. */
  #next = 0;

  constructor(end: (timeout: number) => Uint8Array | null) {
    this.#end = end;
  }

  /** Notes a wait that was given up, and who gives back what it gets. */
  add(giveBack: GiveBack): void {
    this.#owed.push(giveBack);
    this.#later();
  }

  /**
   * Ends all.
   *
   * @throws {EngineUnavailableError} If the engine is away.
   */
  settle(timeout: number): void {
    while (this.#owed.length > 0) {
      let got: Uint8Array | null;
      try {
        got = this.#end(timeout);
      } catch (error) {
        if (!(error instanceof EngineUnavailableError)) this.forget();
        throw error;
      }
      const giveBack = this.#owed.shift();
      if (got !== null) giveBack?.(Answer.unpack(got));
    }
    clearTimeout(this.#timer);
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
    unrefTimer(this.#timer); // the end of the process gives back everything
  }
}
