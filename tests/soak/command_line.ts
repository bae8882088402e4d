// What the soaks have in common: what comes of them, and how they are run by hand.

/** What came of it. */
export interface Outcome {
  readonly lines: string[];
  readonly violations: string[];
}

/** What is wrong with the options that were given. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** What `optionsOf` reads in the command line, or the end of the process, with the usage. */
export function optionsOrEnd<Options>(optionsOf: (args: readonly string[]) => Options, usage: string): Options {
  if (Deno.args.includes("--help")) {
    console.log(usage);
    Deno.exit(0);
  }
  try {
    return optionsOf(Deno.args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`${error.message}\n\n${usage}`);
    Deno.exit(2);
  }
}

/** Tells the violations and ends the process: with 1 if there are any. */
export function endWith(violations: readonly string[]): never {
  for (const violation of violations) console.log(`violation: ${violation}`);
  console.log(violations.length === 0 ? "\nno violation" : `\n${violations.length} violations`);
  Deno.exit(violations.length === 0 ? 0 : 1);
}

/** Runs the soak `name`.ts with the number that its option gives: `--seconds=60`, say. */
export async function runByHand(
  name: string,
  option: string,
  fallback: number,
  soak: (amount: number) => Promise<Outcome>,
): Promise<never> {
  const given = Deno.args[0]?.match(/^--(\w+)=(\d+)$/);
  const amount = Deno.args.length === 0 ? fallback : given?.[1] === option ? Number(given[2]) : NaN;
  if (!(amount > 0)) {
    console.error(`usage: deno run -A tests/soak/${name}.ts [--${option}=${fallback}]`);
    Deno.exit(2);
  }
  const { lines, violations } = await soak(amount);
  for (const line of lines) console.log(line);
  return endWith(violations);
}
