// The options of the soak, and the checks of them.

import { UsageError } from "./command_line.ts";
import { PARTS, USUAL } from "./parts/all.ts";

export interface SoakOptions {
  readonly minutes: number;
  readonly seed: number;
  readonly trees: number;
  /** Seconds of a round. */
  readonly round: number;
  /** The number of the first round. */
  readonly from: number;
  readonly parts: readonly string[];
}

/** The largest seed. */
const LARGEST_SEED = 2 ** 32 - 1;

const NUMBERS = {
  minutes: { fallback: () => 1, least: 0.05, most: 60 * 24, isWhole: false },
  seed: { fallback: () => crypto.getRandomValues(new Uint32Array(1))[0], least: 0, most: LARGEST_SEED, isWhole: true },
  trees: { fallback: () => 1, least: 1, most: 16, isWhole: true },
  round: { fallback: () => 30, least: 1, most: 600, isWhole: false },
  from: { fallback: () => 0, least: 0, most: 1e6, isWhole: true },
} as const;

export const USAGE = `usage: deno task soak -- [OPTION …]

Runs everything of the package at the same time, while processes are killed and stopped, and tells what has become of it.
The exit code is 1 if anything was not as it must be.

  --minutes N   how long, 0.05 to 1440 (default: 1)
  --seed N      what all choices are drawn from, 0 to ${LARGEST_SEED} (default: any)
  --trees N     how many trees of processes run beside one another, 1 to 16 (default: 1)
  --round S     seconds of a round, 1 to 600 (default: 30); each round has other parameters
  --from N      the number of the first round (default: 0), to begin with a round that is known to fail
  --only A,B    only these parts: ${Object.keys(PARTS).join(", ")} (default: all but python)
  --help        says this

Ctrl-C ends it in order, with the figures so far; a second one at once.`;

/**
 * The options of a command line.
 *
 * @throws {UsageError} If there is no such option, or its value is not what it may be.
 */
export function optionsOf(args: readonly string[]): SoakOptions {
  const options = given(args);
  const number = (name: keyof typeof NUMBERS) => numberOf(name, options.get(name));
  const only = options.get("only")?.split(",");
  const unknown = only?.find((part) => !Object.hasOwn(PARTS, part));
  if (unknown !== undefined) throw new UsageError(`Cannot begin: there is no part ${Deno.inspect(unknown)}`);
  return {
    minutes: number("minutes"),
    seed: number("seed"),
    trees: number("trees"),
    round: number("round"),
    from: number("from"),
    parts: only === undefined ? USUAL : [...new Set(only)],
  };
}

/** What was given for each option, as text. */
function given(args: readonly string[]): Map<string, string> {
  const options = new Map<string, string>();
  const left = args.filter((arg) => arg !== "--");
  for (let arg = left.shift(); arg !== undefined; arg = left.shift()) {
    const [, name, joined] = arg.match(/^--([a-z]+)(?:=(.*))?$/) ?? [];
    if (name === undefined || !(Object.hasOwn(NUMBERS, name) || name === "only")) {
      throw new UsageError(`Cannot begin: ${Deno.inspect(arg)} is no option`);
    }
    if (options.has(name)) throw new UsageError(`Cannot begin: --${name} is given twice`);
    const value = joined ?? left.shift();
    if (value === undefined) throw new UsageError(`Cannot begin: --${name} has no value`);
    options.set(name, value);
  }
  return options;
}

function numberOf(name: keyof typeof NUMBERS, text: string | undefined): number {
  const { fallback, least, most, isWhole } = NUMBERS[name];
  if (text === undefined) return fallback();
  const number = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
  if (number >= least && number <= most && (!isWhole || Number.isInteger(number))) return number;
  const wanted = `a ${isWhole ? "whole " : ""}number from ${least} to ${most}`;
  throw new UsageError(`Cannot begin: --${name} is ${Deno.inspect(text)}, wanted ${wanted}`);
}
