// The agent's program: lends this machine's processors to programs on an engine. Also asks what is on one.

import "../runtime/requirement.ts";

import { runAgent } from "./agent/main.ts";

export { runAgent };

if (import.meta.main) Deno.exit(await runAgent(Deno.args));
