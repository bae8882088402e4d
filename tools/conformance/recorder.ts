// A program that says which tests there are, and runs none: it imports the test files that its arguments name, with a
// `Deno.test` that notes names. Names are put together while modules run, so that no reader of texts could tell them.
//
// It prints JSON: `tests`, each with its name, the file that registers it, and the files that had it done, the innermost
// first; and `failed`, the files that cannot be imported here.

/** A test, as its file has registered it. */
export interface Recorded {
  readonly name: string;
  readonly file: string;
  readonly frames: readonly string[];
}

/** What this program prints. */
export interface Recording {
  readonly tests: Recorded[];
  readonly failed: string[];
}

if (import.meta.main) {
  Error.stackTraceLimit = 40;
  const { tests, failed }: Recording = { tests: [], failed: [] };
  let file = "";
  // Deno.test has several forms; each has the name first, or in an object.
  const record = (first: unknown, second?: unknown) => {
    const named = [first, second].find((it) => typeof it === "string" || (it as { name?: string }).name);
    const name = typeof named === "string" ? named : (named as { name: string }).name;
    const frames = [...new Error().stack!.matchAll(/file:\/\/[^:]+/g)].map(([url]) => url);
    tests.push({ name, file, frames: frames.filter((url) => url !== import.meta.url) });
  };
  const nothing = () => {};
  const hooks = { beforeAll: nothing, beforeEach: nothing, afterEach: nothing, afterAll: nothing };
  Object.assign(Deno, { test: Object.assign(record, { ignore: record, only: record, ...hooks }) });
  for (file of Deno.args) {
    try {
      await import(file);
    } catch (error) {
      failed.push(file);
      console.error(error);
    }
  }
  Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify({ tests, failed })));
  Deno.exit();
}
