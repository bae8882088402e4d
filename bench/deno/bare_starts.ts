// Floor of a pool's start: so many Deno processes that run an empty module, a few at a time; nanoseconds for each.

import { iterations, report } from "./start_line.ts";

if (import.meta.main) {
  const n = iterations();
  const command = new Deno.Command(Deno.execPath(), { args: ["run", "-A", `${import.meta.dirname}/bare.ts`] });
  const begin = performance.now();
  let begun = 0;
  const start = async () => {
    while (begun++ < n) await command.output();
  };
  await Promise.all(Array.from({ length: Math.max(4, navigator.hardwareConcurrency) }, start));
  report("bare_starts", (performance.now() - begin) * 1e6 / n);
}
