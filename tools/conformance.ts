// Writes docs/conformance.md, `deno task conformance`: what CPython's test suite asserts, and which test of this package
// shows it.

import { readBehaviours } from "./conformance/behaviours.ts";
import { judged, problems, render } from "./conformance/document.ts";
import { allTests } from "./conformance/tests.ts";

/** Where the table is. */
export const DOCUMENT: URL = new URL("../docs/conformance.md", import.meta.url);

if (import.meta.main) {
  const behaviours = readBehaviours();
  const tests = await allTests();
  const found = problems(behaviours, tests);
  for (const problem of found) console.error(problem);
  if (found.length > 0) Deno.exit(1);
  Deno.writeTextFileSync(DOCUMENT, render(judged(behaviours, tests)));
}
