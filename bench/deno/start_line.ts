// Processes that start together: each warms up, lines up with the others and
// times its own part. The CPython twin is ../python/start_line.py.

import { Process, RawArray } from "@parallel/multiprocessing";

/** Shared by the lanes: who has arrived, and how many nanoseconds each took. */
export interface StartLine {
  readonly ready: Int32Array;
  readonly elapsed: Float64Array;
}

/** Runs `body` once every lane has come here; keeps its nanoseconds. */
export function timeLane(
  line: StartLine,
  lane: number,
  body: () => void,
): void {
  Atomics.store(line.ready, lane, 1);
  for (let other = 0; other < line.ready.length; other++) {
    while (Atomics.load(line.ready, other) === 0) { /* the others warm up */ }
  }
  line.elapsed[lane] = timeOf(body);
}

/**
 * Runs `target(line, lane, ...args)` in one process per lane and returns the
 * nanoseconds of each lane.
 */
export function race<A extends unknown[]>(
  target: (line: StartLine, lane: number, ...args: A) => void,
  lanes: number,
  ...args: A
): number[] {
  const line = {
    ready: RawArray("i32", lanes),
    elapsed: RawArray("f64", lanes),
  };
  const processes = Array.from(
    { length: lanes },
    (_, lane) => new Process({ target, args: [line, lane, ...args] }),
  );
  for (const process of processes) process.start();
  for (const process of processes) {
    process.joinSync();
    if (process.exitcode !== 0) {
      throw new Error(
        `Cannot measure: "${process.name}" ended with ${process.exitcode}`,
      );
    }
  }
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
