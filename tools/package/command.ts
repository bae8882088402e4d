// The package's command, which `npx` and the links of npm run. A machine that has Deno need not have Node.js, and one that
// has Node.js may have no Deno: so a shell runs it, finds Deno, or says in a sentence that there is none. `deno run` of the
// package's name runs it, too, as a module.

import { lackOf } from "../../src/runtime/requirement.ts";

/**
 * Its text. In the first lines JavaScript sees texts and comments, and a shell its command that does nothing, and others
 * behind it. The path that a link leads to is found first: modules are looked for beside the link otherwise.
 */
export function commandText(): string {
  const needs = lackOf({})!.message.replace(/^[^:]*: /, "");
  return `#!/bin/sh
":" //; command -v deno > /dev/null && exec deno run -A "$(readlink -f "$0" 2> /dev/null || echo "$0")" "$@"
":" //; echo "Cannot run multiprocessing: there is no Deno in PATH; ${needs}" >&2; exit 1
import { main } from "./cli.js";

Deno.exit(await main(Deno.args));
`;
}
