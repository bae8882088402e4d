// The workflows of .github/ call what everybody calls: tasks and files that there are, with the Deno of the README; and
// nothing by a name that may be another thing tomorrow.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { parse } from "@std/yaml";
import configuration from "../../deno.json" with { type: "json" };
import { requirePlatform } from "../../src/addon/platform.ts";
import { lackOf } from "../../src/runtime/requirement.ts";
import { isRefusal } from "../../tools/refused.ts";

const ROOT = new URL("../../", import.meta.url);
const FOLDER = new URL(".github/workflows/", ROOT);

/** The parts of a job that are looked at here. */
interface Job {
  readonly uses?: string;
  readonly container?: string;
  readonly "timeout-minutes"?: number;
  readonly steps?: readonly { readonly uses?: string; readonly run?: string }[];
}

/** A workflow, as it is written and as it is read. */
interface Workflow {
  readonly name: string;
  readonly text: string;
  readonly jobs: Readonly<Record<string, Job>>;
}

const workflows = [...Deno.readDirSync(FOLDER)].map(({ name }): Workflow => {
  const text = Deno.readTextFileSync(new URL(name, FOLDER));
  return { name, text, jobs: (parse(text) as Workflow).jobs };
});

function commandsOf({ jobs }: Workflow): string[] {
  return Object.values(jobs).flatMap(({ steps = [] }) => steps.flatMap(({ run }) => run ?? []));
}

/** What is wrong with a command: it calls a task or a file that there is not. */
function absent(command: string): string[] {
  const tasks = Array.from(command.matchAll(/\btask (\w+)/g), ([, task]) => task);
  const files = Array.from(command.matchAll(/(?:^|\s)((?:\.ci|tools|tests)\/[\w./-]*)/g), ([, file]) => file);
  return [
    ...tasks.filter((task) => !Object.hasOwn(configuration.tasks, task)).map((task) => `no task "${task}"`),
    ...files.filter((file) => !isThere(new URL(file, ROOT))).map((file) => `no file "${file}"`),
  ];
}

function isThere(url: URL): boolean {
  try {
    Deno.statSync(url);
    return true;
  } catch {
    return false;
  }
}

/** Whether what a job uses is the same for ever: the hash of a commit, of which the version is told, or a file here. */
function isPinned(line: string): boolean {
  return /uses: (?:\.\/\.github\/workflows\/\w+\.yml|[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)$/.test(line);
}

Deno.test("workflows: what they call is there", () => {
  assertEquals(workflows.flatMap((workflow) => commandsOf(workflow).flatMap(absent)), []);
  assertEquals(workflows.flatMap(commandsOf).filter((command) => command === ".ci/run").length, 1);
  assertEquals(absent("npx deno task tset -- tests/nothing/ && .ci/run"), [
    'no task "tset"',
    'no file "tests/nothing/"',
  ]);
});

Deno.test("workflows: actions are named by a commit, images by a version, and each job ends", () => {
  for (const { name, text, jobs } of workflows) {
    const uses = text.split("\n").filter((line) => /\buses:/.test(line));
    assertEquals(uses.filter((line) => !isPinned(line)), [], name);
    for (const [job, { container, steps, "timeout-minutes": minutes }] of Object.entries(jobs)) {
      if (steps !== undefined) assert(minutes !== undefined, `${name}: ${job} may run for six hours`);
      if (container !== undefined) assert(/:\d+\.\d+/.test(container), `${name}: ${job} runs in "${container}"`);
    }
  }
  assert(!isPinned("- uses: actions/checkout@v4") && !isPinned(`- uses: actions/checkout@${"0".repeat(40)}`));
});

Deno.test("workflows: Deno is that of the README", () => {
  const [wanted] = Deno.readTextFileSync(new URL("README.md", ROOT)).match(/deno@\d+\.\d+\.\d+/)!;
  const named = [...workflows.map(({ text }) => text), Deno.readTextFileSync(new URL(".ci/run", ROOT))]
    .flatMap((text) => text.match(/deno@[\w.]+/g) ?? []);
  assertEquals(new Set(named), new Set([wanted]));
});

Deno.test("a refusal is a sentence that says what the package needs", () => {
  assert(isRefusal(lackOf({ Deno: { version: { deno: "2.5.0" } } })!.message));
  const { message } = assertThrows(() => requirePlatform("x86_64-unknown-linux-musl"), Deno.errors.NotSupported);
  assert(isRefusal(message));
  assert(!isRefusal("It can be used here"));
  assert(!isRefusal("Cannot load the native addon: tried nothing"));
});
