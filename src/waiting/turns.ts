// Gives the event loop its turns between operations that never wait.
//
// A promise that is fulfilled at once only yields to other promises. A program that awaits such ones in a loop would
// keep timers, signals and everything else of its thread waiting for as long as they come. So every operation that may
// be done at once asks here whether the event loop's turn is due. It does its work at the call, such as to put or to take
// a value, and is told of it after the turn. Only what is held waits for the turn before it is: a callback of the turn
// that blocks the thread for a lock would wait for ever if a promise had it that is not told yet.
//
// Operations that come while a turn is due wait for the same one: they are told, or get what they hold, in the order of
// their calls.

import { performance, setImmediate } from "../runtime/timing.ts";

/** Milliseconds for which calls that do not wait may keep the event loop to themselves. */
const LONGEST_TURN = 5;
/** The clock is read at every 8th call of a turn only. */
const CALLS_PER_LOOK = 8;

let calls = 0;
/** When the clock was first read in this turn; 0 before that. */
let begin = 0;

/** The turn that is due, until it has come. */
let due: Promise<void> | undefined;

/** Notes a call that need not wait; the turn that is due nevertheless, if one is. */
export function turnIfDue(): Promise<void> | undefined {
  if (due !== undefined) return due;
  if (++calls % CALLS_PER_LOOK !== 0) return undefined;
  const now = performance.now();
  if (begin === 0) {
    begin = now;
    // So that calls in many turns, each of which does little, are not taken for one turn.
    setImmediate(loopTurned);
    return undefined;
  }
  if (now - begin > LONGEST_TURN) due = nextTurn();
  return due;
}

function nextTurn(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  setImmediate(() => {
    loopTurned();
    due = undefined;
    resolve();
  });
  return promise;
}

/** What a call comes to that was made just now and need not wait: told after the event loop's turn, if that is due. */
export function told<T>(result: Promise<T>): Promise<T> {
  const turn = turnIfDue();
  return turn === undefined ? result : toldAfter(turn, result);
}

async function toldAfter<T>(turn: Promise<void>, result: Promise<T>): Promise<T> {
  try {
    return await result;
  } finally {
    await turn;
  }
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
