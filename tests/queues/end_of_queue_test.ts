// Who waits at a queue hears that nobody is left, whoever ended in which order; and does not while somebody is.

import { assertEquals } from "@std/assert";
import { FIXTURES, outputOf, PATIENCE, type Program, startProgram, until } from "../support/helpers.ts";

/** What comes of the waits of tests/fixtures/queues/end_of_queue.ts: of those without a limit, and of the others. */
const ENDLESS = ["get", "getSync", "iterate", "simple", "simpleSync", "put", "putSync", "join", "joinSync"];
const TIMED = [
  ...["timed get: Empty", "timed getSync: Empty", "timed put: Full", "timed putSync: Full"],
  ...["timed join: false", "timed joinSync: false"],
];

/** What happens, who is then killed in which order, and what the endless waits come to. */
type Row = readonly [scenario: string, killed: readonly string[], outcome: "EOFError" | "value"];

const SPAWN: readonly Row[] = [
  ["alone", ["root"], "EOFError"],
  ["one more", ["keeps", "root"], "EOFError"],
  ["one more", ["root", "keeps"], "EOFError"],
  ["one that ends", ["root"], "EOFError"],
  ["a grandchild", ["parent", "keeps"], "EOFError"],
  ["a grandchild", ["keeps", "parent"], "EOFError"],
  ["a grandchild", ["root", "parent", "keeps"], "EOFError"],
  ["a grandchild that ends", ["parent"], "EOFError"],
  ["closed", [], "EOFError"],
  ["served", [], "value"],
  ["served by an orphan", ["parent"], "value"],
  ["served from a message", [], "value"],
  ["served by a Worker", [], "value"],
  ["served after it was collected", [], "value"],
];

const FORKSERVER: readonly Row[] = [
  ["one more", ["root", "keeps"], "EOFError"],
  ["a grandchild that ends", ["parent"], "EOFError"],
  ["served by an orphan", ["parent"], "value"],
  ["served from a message", [], "value"],
];

/** So many trees start their processes at a time, eight or so each; all the others only wait meanwhile. */
const STARTING = 2;

async function kill(program: Program, who: string): Promise<void> {
  Deno.kill(who === "root" ? program.pid : Number(await program.said(`${who} `)), "SIGKILL");
}

function linesOf(file: string): string[] {
  return Deno.readTextFileSync(file).split("\n").filter((line) => line !== "").sort();
}

/** A tree of processes that have all begun. */
async function grow(method: string, scenario: string, file: string): Promise<Program> {
  const program = startProgram(new URL("queues/end_of_queue.ts", FIXTURES), { args: [method, scenario, file] });
  try {
    await program.said("ready");
    return program;
  } catch (error) {
    await program[Symbol.asyncDispose]();
    throw error;
  }
}

async function check(tree: Program, name: string, [, killed, outcome]: Row, file: string): Promise<void> {
  await using program = tree;
  for (const who of killed) await kill(program, who);
  const endless = ENDLESS.map((way) => `endless ${way}: ${outcome}`);
  const expected = [...endless, ...outcome === "EOFError" ? TIMED : []].sort();
  await until(name, () => linesOf(file).length >= expected.length).catch(() => {}); // shown by what follows
  assertEquals(linesOf(file), expected, name);
}

Deno.test("the end of a queue is told, and told truly, by both start methods", async () => {
  const folder = Deno.makeTempDirSync();
  const left = Object.entries({ spawn: SPAWN, forkserver: FORKSERVER })
    .flatMap(([method, rows]) => rows.map((row) => [method, row] as const));
  left.sort(([, [, , one]], [, [, , other]]) => other.localeCompare(one)); // values come late: they go first
  const checks: Promise<void>[] = [];
  const start = async () => {
    for (let cell = left.shift(); cell !== undefined; cell = left.shift()) {
      const [method, row] = cell;
      const name = `${method}: ${row[0]}, killed: ${row[1].join(", ") || "nobody"}`;
      const file = `${folder}/${name}`;
      Deno.writeTextFileSync(file, "");
      checks.push(check(await grow(method, row[0], file), name, row, file));
    }
  };
  try {
    const starts = await Promise.allSettled(Array.from({ length: STARTING }, start));
    for (const run of [...starts, ...await Promise.allSettled(checks)]) if (run.status === "rejected") throw run.reason;
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("a program that starts processes on demand goes on by itself: nothing is told before its end", async () => {
  const forms = ["spawn", "forkserver"].flatMap((method) => ["awaited", "floating"].map((form) => [method, form]));
  await Promise.all(forms.map(async (args) => {
    const patience = 3 * PATIENCE; // with its pauses it takes long even where nothing else runs
    const said = await outputOf(new URL("queues/queue_on_demand.ts", FIXTURES), { args, patience });
    assertEquals(said, "got 0,1,2, then EOFError; put 4, then EOFError; joined: true\n", args.join());
  }));
});
