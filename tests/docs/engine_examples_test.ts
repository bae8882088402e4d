// The examples in the comments of the sources that need an engine: `ts ignore`, since `deno test --doc` has none. Each is a
// program of its own, and what stands behind a console.log as a comment is a line of its output.

import { assert, assertEquals } from "@std/assert";
import { hasEngine } from "../support/engine.ts";
import { KEY, KEY_FILE, startHost } from "./host.ts";
import { ROOT } from "./markdown.ts";
import { complaintOf, run } from "./programs.ts";
import { makeProject } from "./project.ts";

/** Whose examples they are. */
const SOURCES = [
  "src/context/remote.ts",
  "src/engine/contracts.ts",
  "src/engine/options.ts",
  "src/engine/queue_kinds.ts",
];

interface Example {
  readonly where: string;
  readonly text: string;
}

function examplesOf(path: string): Example[] {
  const text = Deno.readTextFileSync(new URL(path, ROOT));
  return [...text.matchAll(/^( *)\* ```ts ignore\n([^]*?)^ *\* ```$/gm)].map((match) => {
    const code = match[2].replaceAll(/^ *\* ?/gm, "");
    return { where: `${path}:${text.slice(0, match.index).split("\n").length}`, text: code };
  });
}

Deno.test({ name: "examples that need an engine run", ignore: !hasEngine }, async () => {
  const examples = SOURCES.flatMap(examplesOf);
  assert(examples.length >= SOURCES.length, `only ${examples.length} examples`);
  using project = makeProject();
  await using host = await startHost();
  const programs = examples.map(({ where, text }, i) => {
    const folder = `${project.path}/${i}`;
    Deno.mkdirSync(folder);
    Deno.writeFileSync(`${folder}/${KEY_FILE}`, KEY);
    Deno.writeTextFileSync(`${folder}/main.ts`, text);
    return { where, text, folder };
  });
  const paths = programs.map(({ folder }) => `${folder}/main.ts`);
  const { code, stderr } = await run(Deno.execPath(), ["check", "--quiet", ...paths], project.path);
  assertEquals(code, 0, stderr);
  const complaints = await Promise.all(programs.map(async ({ where, text, folder }) => {
    const outcome = await run(Deno.execPath(), ["run", "-A", "--quiet", "main.ts"], folder, host.env);
    return complaintOf(where, text, outcome);
  }));
  assertEquals(complaints.filter((it) => it !== null), []);
});
