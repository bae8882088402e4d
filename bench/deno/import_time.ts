// What the import of the package takes, in a process that has imported nothing yet; the median of so many processes.

import { iterations, report } from "./start_line.ts";
import { median } from "../results.ts";

/** Nanoseconds that a fresh process needs for the import. */
async function once(): Promise<number> {
  const args = ["run", "-A", ...flags(), `${import.meta.dirname}/import_once.ts`];
  const { success, stdout } = await new Deno.Command(Deno.execPath(), { args, stderr: "inherit" }).output();
  if (!success) throw new Error("Cannot measure the import: its process failed");
  return Number(new TextDecoder().decode(stdout));
}

/** This process' own import map and configuration: what is measured is what programs import. */
function flags(): string[] {
  return Deno.readTextFileSync("/proc/self/cmdline").split("\0").filter((arg) => /^--(config|import-map)=/.test(arg));
}

if (import.meta.main) {
  const times = [];
  for (let i = 0; i < iterations(); i++) times.push(await once());
  report("import_time", median(times));
}
