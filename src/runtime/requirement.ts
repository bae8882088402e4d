// Says in one sentence what the package needs, wherever something else than Deno imports it, or a Deno that is too old.
// It is the first import of each face, and touches nothing that others may lack: modules run in the order of their imports.

/** The oldest Deno that has what the package uses. */
const MINIMUM_DENO = "2.9.5";

/** What other runtimes say of themselves, and Deno that it is. */
interface Runtimes {
  readonly Deno?: { readonly version?: { readonly deno?: string } };
  readonly Bun?: { readonly version?: string };
  readonly process?: { readonly versions?: { readonly node?: string } };
}

const lack = lackOf(globalThis as Runtimes);
if (lack !== undefined) throw lack;

/** The error in the place of which the package would be loaded; `undefined` if it can be. */
export function lackOf(runtimes: Runtimes): Error | undefined {
  const version = runtimes.Deno?.version?.deno;
  if (version !== undefined && isAtLeast(version, MINIMUM_DENO)) return undefined;
  // What others have is looked at in others only: Deno makes its `process` at the first look.
  const [given, advice] = version !== undefined
    ? [`Deno ${version}`, "run `deno upgrade`"]
    : [elsewhere(runtimes.Bun?.version, runtimes.process?.versions?.node), "see https://deno.com"];
  const error = new Error(
    `Cannot use multiprocessing with ${given}: it needs Deno ${MINIMUM_DENO} or later; ${advice}`,
  );
  // The modules of the package that were about to be loaded help nobody.
  error.stack = `${error.name}: ${error.message}`;
  return error;
}

function elsewhere(bun: string | undefined, node: string | undefined): string {
  if (bun !== undefined) return `Bun ${bun}`;
  return node === undefined ? "this runtime" : `Node.js ${node}`;
}

/** Whether a version such as `2.10.0` or `2.9.5-rc.1` is `wanted` or later; a pre-release counts as its release. */
export function isAtLeast(version: string, wanted: string): boolean {
  // By no regular expression: to compile one would take 0.1 ms of every start.
  const [given, least] = [version.split("."), wanted.split(".")];
  for (let i = 0; i < 3; i++) {
    const [one, other] = [parseInt(given[i]), parseInt(least[i])];
    if (one !== other) return one > other;
  }
  return true;
}
