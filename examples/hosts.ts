// Counts the words of a folder of texts on all hosts of an engine, or on this machine alone: one line says which. A host
// that is lost costs time, and no words: what it was counting is counted anew. A pool sees to that here; word_count.ts does
// the same with processes and queues. docs/several-machines.md says how to start an engine and agents.

import { currentTask, getContext } from "@parallel/multiprocessing";
import { countAlone, countFile, isEqual, merge, nothing, pack, type PackedFindings, top } from "./word_count/counts.ts";
import { filesOf } from "./word_count/texts.ts";

const USAGE = `Usage: hosts.ts [--url <url of an engine>] <folder>`;
/** How many more times a file is counted whose process was lost. */
const RETRIES = 3;

const [folder, url] = Deno.args[0] === "--url" ? [Deno.args[2], Deno.args[1] ?? ""] : [Deno.args[0], undefined];
const mp = url ? getContext(url, {}) : getContext("spawn"); // the line

/** What a process does: counts one file. It also says which attempt that was. */
export function count(path: string): { found: PackedFindings; attempt: number } {
  const findings = nothing();
  countFile(findings, path, false);
  return { found: pack(findings), attempt: currentTask()!.attempt };
}

async function main(): Promise<void> {
  const files = filesOf(folder);
  const findings = nothing();
  let anew = 0;
  await using pool = new mp.Pool();
  for await (const { found, attempt } of pool.imapUnordered(count, files, { retries: RETRIES })) {
    merge(findings, found);
    if (attempt > 0) anew++;
  }
  for (const [word, times] of top(findings.words, 5)) console.log(`${word} ${times}`);
  console.log(`${files.length} files, ${anew} of them counted anew`);
  console.log(isEqual(findings, countAlone({ files, isTagged: false })) ? "results equal" : "results differ");
}

if (import.meta.main) {
  if (folder === undefined || url === "") {
    console.error(USAGE);
    Deno.exit(2);
  }
  await main();
}
