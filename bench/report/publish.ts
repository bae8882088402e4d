// Writes the results, the report, the pictures and the tables of the documents.
//
// usage: deno task figures    writes anew what follows from bench/results.json

import { readResults, type Results, textOf } from "../results.ts";
import { DOCUMENTS, pictures, withBlocks } from "./documents.ts";
import { page } from "./page.ts";

const ROOT = new URL("../../", import.meta.url);
const RESULTS = "bench/results.json";

function write(path: string, text: string): string {
  const url = new URL(path, ROOT);
  Deno.mkdirSync(new URL(".", url), { recursive: true });
  Deno.writeTextFileSync(url, text);
  return path;
}

/** Writes what a full run makes: the report, the pictures, the documents. */
function publishFull(results: Results): string[] {
  const drawn = [...pictures(results)].map(([name, svg]) => write(`docs/pictures/${name}`, `${svg}\n`));
  const documents = DOCUMENTS.map((path) => {
    const text = Deno.readTextFileSync(new URL(path, ROOT));
    return write(path, withBlocks(path, text, results));
  });
  return [write("target/bench/report.html", page(results)), ...drawn, ...documents];
}

/** Writes what the results are good for, and returns the paths; only a full run changes what is kept. */
export function publish(results: Results): string[] {
  const { kind } = results.method;
  // What is drawn is what was written: its numbers are rounded.
  if (kind === "full") return [write(RESULTS, textOf(results)), ...publishFull(readResults(new URL(RESULTS, ROOT)))];
  for (const [name, svg] of pictures(results)) write(`target/bench/${kind}-pictures/${name}`, `${svg}\n`);
  return [write(`target/bench/${kind}.json`, textOf(results)), write(`target/bench/${kind}.html`, page(results))];
}

if (import.meta.main) {
  for (const path of publishFull(readResults(new URL(RESULTS, ROOT)))) console.log(`wrote: ${path}`);
}
