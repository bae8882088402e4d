// Processes that start together: each warms up, lines up with the others and
// times its own part. The CPython twin is ../python/start_line.py.

import { Process, RawArray } from "@parallel/multiprocessing";

/** Shared by the lanes: who has arrived, and how many nanoseconds each took. */
export interface StartLine {
  readonly ready: Int32Array;
  readonly elapsed: Float64Array;
}

/** Waits until every lane has come here. */
export function lineUp({ ready }: StartLine, lane: number): void {
  Atomics.store(ready, lane, 1);
  for (let other = 0; other < ready.length; other++) {
    while (Atomics.load(ready, other) === 0) { /* the others warm up */ }
  }
}

/** Runs `body` once every lane has come here; keeps its nanoseconds. */
export function timeLane(
  line: StartLine,
  lane: number,
  body: () => void,
): void {
  lineUp(line, lane);
  line.elapsed[lane] = timeOf(body);
}

/** A race that has begun. */
export interface Race {
  readonly line: StartLine;
  readonly processes: readonly Process[];
}

/** Begins `target(line, lane, ...args)` in one process per lane. */
export function begin<A extends unknown[]>(
  target: (line: StartLine, lane: number, ...args: A) => void,
  lanes: number,
  ...args: A
): Race {
  const line = { ready: RawArray("i32", lanes), elapsed: RawArray("f64", lanes) };
  const processes = Array.from({ length: lanes }, (_, lane) => new Process({ target, args: [line, lane, ...args] }));
  for (const process of processes) process.start();
  return { line, processes };
}

/** Waits until these have ended as they should. */
export function finish(processes: readonly Process[]): void {
  for (const process of processes) {
    process.joinSync();
    if (process.exitcode !== 0) throw new Error(`Cannot measure: "${process.name}" ended with ${process.exitcode}`);
  }
}

/** Runs `target(line, lane, ...args)` in one process per lane and returns the nanoseconds of each lane. */
export function race<A extends unknown[]>(
  target: (line: StartLine, lane: number, ...args: A) => void,
  lanes: number,
  ...args: A
): number[] {
  const { line, processes } = begin(target, lanes, ...args);
  finish(processes);
  return [...line.elapsed];
}

/** Nanoseconds that `body` takes. */
export function timeOf(body: () => void): number {
  const start = performance.now();
  body();
  return (performance.now() - start) * 1e6;
}

/** First argument of every script. */
export function iterations(): number {
  return Number(Deno.args[0]);
}

/** Second argument, checked against the variants that a script has. */
export function variant<V extends string>(known: Record<V, unknown>): V {
  const given = Deno.args[1];
  const names = Object.keys(known) as V[];
  const found = names.find((name) => name === given);
  if (found === undefined) {
    throw new RangeError(
      `Cannot measure variant "${given}": wanted one of ${names.join(", ")}`,
    );
  }
  return found;
}

/**
 * One JSON line: nanoseconds per operation; with `lanes`, how much of the time
 * they overlapped.
 */
export function report(work: string, ns: number, lanes?: number[]): void {
  const overlap = lanes && Math.min(...lanes) / Math.max(...lanes);
  console.log(JSON.stringify({ work, ns, overlap }));
}
