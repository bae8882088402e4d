// The options of the soak on two hosts, and the checks of them.

import { UsageError } from "../../soak/command_line.ts";

/** What a soak on two hosts is to do. */
export interface SoakOptions {
  readonly seconds: number;
  /** Milliseconds from one kill to the next. */
  readonly every: number;
  readonly seed: number;
  /** Milliseconds for which a host counts as alive without being heard of. */
  readonly lease: number;
  /** So many kills there are from one host that is lost to the next. */
  readonly hosts: number;
  /** Processes besides the pool's, and those of the pool. */
  readonly seats: number;
  readonly workers: number;
  /** Whether the lease of a host that is lost ends at once, by the engine's clock: for machines that have much to do. */
  readonly clock: boolean;
}

const LARGEST_SEED = 2 ** 32 - 1;

const NUMBERS = {
  seconds: { fallback: () => 60, least: 1, most: 86_400 },
  every: { fallback: () => 1000, least: 100, most: 600_000 },
  seed: { fallback: () => crypto.getRandomValues(new Uint32Array(1))[0], least: 0, most: LARGEST_SEED },
  lease: { fallback: () => 6000, least: 2000, most: 3_600_000 },
  hosts: { fallback: () => 12, least: 2, most: 86_400 },
  seats: { fallback: () => 6, least: 2, most: 64 },
  workers: { fallback: () => 2, least: 1, most: 16 },
} as const;

export const USAGE = `usage: deno task soak:engine -- [OPTION …]

Has processes on two hosts, which are network namespaces of this machine, use everything that a context on an engine has, while
each second something is killed: a process, an agent, or a whole host. Besides, links are cut and the engine is stopped, for less
than the lease. Then the books are balanced. The exit code is 1 if anything was not as it must be. It needs redis-server,
iproute2 and the rights of root.

  --seconds N   how long (default: 60)
  --every N     milliseconds from one kill to the next (default: 1000): more for machines that have much to do
  --seed N      what all choices are drawn from, 0 to ${LARGEST_SEED} (default: any)
  --lease N     milliseconds for which a host counts as alive without being heard of, 2000 or more (default: 6000)
  --hosts N     so manieth of the kills is that of an agent, or a whole host (default: 12)
  --seats N     processes besides the pool's (default: 6)
  --workers N   processes of the pool (default: 2)
  --clock       has the lease of a host that is lost end at once, by the engine's clock; that of others never ends then
  --help        says this`;

/**
 * The options of a command line.
 *
 * @throws {UsageError} If there is no such option, or its value is not what it may be.
 */
export function optionsOf(args: readonly string[]): SoakOptions {
  const given = new Map<string, string>();
  let clock = false;
  const left = args.filter((arg) => arg !== "--");
  for (let arg = left.shift(); arg !== undefined; arg = left.shift()) {
    if (arg === "--clock") {
      clock = true;
      continue;
    }
    const name = arg.replace(/^--/, "");
    if (!arg.startsWith("--") || !Object.hasOwn(NUMBERS, name)) {
      throw new UsageError(`Cannot begin: ${Deno.inspect(arg)} is no option`);
    }
    const value = left.shift();
    if (value === undefined) throw new UsageError(`Cannot begin: ${arg} has no value`);
    given.set(name, value);
  }
  const number = (name: keyof typeof NUMBERS) => numberOf(name, given.get(name));
  return {
    seconds: number("seconds"),
    every: number("every"),
    seed: number("seed"),
    lease: number("lease"),
    hosts: number("hosts"),
    seats: number("seats"),
    workers: number("workers"),
    clock,
  };
}

function numberOf(name: keyof typeof NUMBERS, text: string | undefined): number {
  const { fallback, least, most } = NUMBERS[name];
  if (text === undefined) return fallback();
  const number = /^\d+$/.test(text) ? Number(text) : NaN;
  if (number >= least && number <= most) return number;
  throw new UsageError(
    `Cannot begin: --${name} is ${Deno.inspect(text)}, wanted a whole number from ${least} to ${most}`,
  );
}
