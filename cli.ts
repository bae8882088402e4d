#!/usr/bin/env -S deno run -A
/**
 * The command line: looks into running programs. `deno run -A cli.ts help` says what it can do.
 *
 * @module
 */

import "./src/runtime/requirement.ts";

import { main } from "./src/cli/main.ts";

export { main };

// Not `import.meta.main`, which the bundler takes for false in a module that another one exports.
if (import.meta.url === Deno.mainModule) Deno.exit(await main(Deno.args));
