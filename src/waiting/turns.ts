// Gives the event loop its turns between operations that never wait.
//
// A promise that is fulfilled at once only yields to other promises. A program that awaits such ones in a loop would
// keep timers, signals and everything else of its thread waiting for as long as they come. So every operation that may
// be done at once asks here first. What must not be done before a turn, such as taking a lock, waits for the turn before
// it begins; what is done at the call, such as putting a value, before its promise is fulfilled.

import { performance, setImmediate } from "../runtime/timing.ts";

/** Milliseconds for which calls that do not wait may keep the event loop to themselves. */
const LONGEST_TURN = 5;
/** The clock is read at every 8th call of a turn only. */
const CALLS_PER_LOOK = 8;

let calls = 0;
/** When the clock was first read in this turn; 0 before that. */
let begin = 0;

/** Notes a call that need not wait; whether it should {@linkcode yieldToLoop} nevertheless. */
export function keepsLoop(): boolean {
  if (++calls % CALLS_PER_LOOK !== 0) return false;
  const now = performance.now();
  if (begin !== 0) return now - begin > LONGEST_TURN;
  begin = now;
  // So that calls in many turns, each of which does little, are not taken for one turn.
  setImmediate(loopTurned);
  return false;
}

/** The turn that is due after a call that need not have waited; `undefined` if none is. */
export function turnIfDue(): Promise<void> | undefined {
  return keepsLoop() ? yieldToLoop() : undefined;
}

function loopTurned(): void {
  calls = 0;
  begin = 0;
}

/** Measures how long a loop that never waits has kept the event loop to itself. */
export class Turn {
  readonly #longest: number;
  #begin: number = performance.now();

  /** `longest`: for so many milliseconds it may. */
  constructor(longest: number) {
    this.#longest = longest;
  }

  /** Whether it is the event loop's turn. */
  isOver(): boolean {
    return performance.now() - this.#begin > this.#longest;
  }

  /** Lets the event loop turn; then the next turn begins. */
  async next(): Promise<void> {
    await yieldToLoop();
    this.#begin = performance.now();
  }
}

/** Lets the event loop turn. */
export async function yieldToLoop(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
  loopTurned();
}
