// What the programs of a setting share: how they are told it, a clock that is asked seldom, and the line that they print.

import { begin, finish, lineUp, type StartLine } from "../deno/start_line.ts";

/** The work of one run. */
export interface Measured {
  readonly operations: number;
  readonly seconds: number;
}

/** The setting that this program was given. */
export function given<S>(): S {
  return JSON.parse(Deno.args[0]);
}

/** The line that `settings/run.ts` reads. */
export function tell({ operations, seconds }: Measured): void {
  console.log(JSON.stringify({ operations, seconds }));
}

/** Operations between two looks at the clock, for messages of so many bytes. The CPython side has the same. */
export function stretchFor(bytes: number): number {
  return bytes >= 65_536 ? 1 : 64;
}

/** Seconds for which a run of so many seconds is warmed up first. The CPython side has the same. */
export function warmUpFor(seconds: number): number {
  return Math.max(0.1, seconds / 5);
}

/** Counts what arrives, but for what arrives during the warm-up. */
export class Meter {
  readonly #stretch: number;
  readonly #warm: number;
  #start = 0;
  #last = 0;
  #seen = 0;
  #operations = 0;

  constructor(bytes: number, seconds: number) {
    this.#stretch = stretchFor(bytes);
    this.#warm = performance.now() + warmUpFor(seconds) * 1000;
  }

  /** One more has arrived. */
  hit(): void {
    if (++this.#seen % this.#stretch !== 0) return;
    this.#last = performance.now();
    if (this.#start > 0) this.#operations += this.#stretch;
    else if (this.#last >= this.#warm) this.#start = this.#last;
  }

  /** What arrived since the warm-up, and the time of that. */
  get measured(): Measured {
    return { operations: this.#operations, seconds: (this.#last - this.#start) / 1000 };
  }
}

/** Does `once` until the time is over; how often, and for how long. */
export function repeatFor(seconds: number, stretch: number, once: () => void): Measured {
  const start = performance.now();
  const end = start + seconds * 1000;
  let [operations, now] = [0, start];
  while (now < end) {
    for (let i = 0; i < stretch; i++) once();
    operations += stretch;
    now = performance.now();
  }
  return { operations, seconds: (now - start) / 1000 };
}

/** As {@linkcode repeatFor}, for what is awaited. */
export async function repeatLater(seconds: number, each: number, once: () => Promise<unknown>): Promise<Measured> {
  const warm = performance.now() + warmUpFor(seconds) * 1000;
  do await once(); while (performance.now() < warm);
  const start = performance.now();
  let operations = 0;
  do {
    await once();
    operations += each;
  } while (performance.now() - start < seconds * 1000);
  return { operations, seconds: (performance.now() - start) / 1000 };
}

/** Lanes that each do the same until the time is over: what each did, in shared memory. */
export type Laps = Float64Array;

/** One lane: `once` is warmed up, then done until the time is over. */
export function lap(
  line: StartLine,
  lane: number,
  laps: Laps,
  seconds: number,
  stretch: number,
  once: () => void,
): void {
  repeatFor(warmUpFor(seconds), stretch, once);
  lineUp(line, lane);
  const { operations, seconds: taken } = repeatFor(seconds, stretch, once);
  laps[lane] = operations;
  line.elapsed[lane] = taken;
}

/** The sum of what so many lanes did, in the time of the slowest. */
export function sumOfLaps<A extends unknown[]>(
  target: (line: StartLine, lane: number, laps: Laps, ...args: A) => void,
  lanes: number,
  laps: Laps,
  ...args: A
): Measured {
  const { line, processes } = begin(target, lanes, laps, ...args);
  finish(processes);
  return { operations: laps.reduce((sum, it) => sum + it, 0), seconds: Math.max(...line.elapsed) };
}
