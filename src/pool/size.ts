// How many workers a pool has: the first parameter of `Pool`, and what belongs to it.

import { native } from "../addon/load.ts";
import { inOneLine } from "../runtime/harmless.ts";
import { cpuCount } from "../process/cpu_count.ts";
import { LONGEST } from "../waiting/limits.ts";
import { isOptions, requireKnown } from "../waiting/options.ts";
import { countOf, wholeOf } from "./options.ts";

/** Milliseconds that a worker is idle before it ends, if the pool says nothing else. */
const IDLE_TIMEOUT = 10_000;

/** How many workers a pool has at least and at most. */
export interface PoolSize {
  /** So many are started at the beginning, and stay. May be 0. Default: 0. */
  min?: number | null;
  /** More are not started. Default: one for each CPU. */
  max?: number | null;
}

/** The same, checked. */
export interface CheckedSize {
  readonly min: number;
  readonly max: number;
  /** Milliseconds that a worker is idle before it ends, as long as there are more than `min`; `Infinity` for ever. */
  readonly idleTimeout: number;
}

/**
 * How many workers a pool is to have.
 *
 * @throws {RangeError} If a number is not in its range.
 * @throws {TypeError} If something is of the wrong type, or `idleTimeout` is given with one number.
 */
export function sizeOf(
  action: string,
  processes: number | PoolSize | null | undefined,
  idleTimeout: number | null | undefined,
): CheckedSize {
  if (typeof processes !== "object" || processes === null) {
    const count = countOf(action, "processes", processes, null) ?? cpuCount();
    requirePlaces(action, "processes", count);
    if (idleTimeout === undefined) return { min: count, max: count, idleTimeout: Infinity };
    throw new TypeError(
      `Cannot ${action}: "idleTimeout" is given, but "processes" is ${Deno.inspect(processes)}, wanted { min, max }: ` +
        "all workers of a pool of one size stay",
    );
  }
  if (!isOptions(processes)) {
    throw new TypeError(
      `Cannot ${action}: "processes" is ${inOneLine(processes)}, wanted a whole number from 1 on, or { min, max }`,
    );
  }
  requireKnown(action, processes, ["min", "max"]);
  const max = countOf(action, "processes.max", processes.max, null) ?? cpuCount();
  requirePlaces(action, "processes.max", max);
  const min = wholeOf(action, "processes.min", processes.min, { least: 0, fallback: 0 });
  if (min > max) {
    throw new RangeError(
      `Cannot ${action}: "processes.min" is ${min}, wanted at most "processes.max", which is ${max}`,
    );
  }
  return { min, max, idleTimeout: idleTimeoutOf(action, idleTimeout) };
}

function idleTimeoutOf(action: string, given: number | null | undefined): number {
  if (given === undefined) return IDLE_TIMEOUT;
  if (given === null) return Infinity;
  if (typeof given === "number" && given >= 0) return given <= LONGEST ? given : Infinity;
  const Refusal = typeof given === "number" ? RangeError : TypeError;
  throw new Refusal(
    `Cannot ${action}: "idleTimeout" is ${Deno.inspect(given, { depth: 0 })}, wanted milliseconds from 0 on, or null`,
  );
}

/** Refuses more workers than a tree has places for, besides this process. */
function requirePlaces(action: string, name: string, processes: number): void {
  const most = native().mostProcesses() - 1;
  if (processes <= most) return;
  throw new RangeError(
    `Cannot ${action}: "${name}" is ${processes}, wanted at most ${most}, which is how many a tree has places for`,
  );
}
