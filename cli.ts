#!/usr/bin/env -S deno run -A
/**
 * The command line: looks into running programs. `deno run -A cli.ts help` says what it can do.
 *
 * @module
 */

import "./src/runtime/requirement.ts";

import { main } from "./src/cli/main.ts";

export { main };

if (import.meta.main) Deno.exit(await main(Deno.args));
