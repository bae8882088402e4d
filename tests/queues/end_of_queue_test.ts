// Who waits at a queue hears that nobody is left, whoever ended in which order; and does not while somebody is.

import { assertEquals } from "@std/assert";
import { FIXTURES, outputOf, type Program, startProgram, until } from "../helpers.ts";

/** What comes of the waits of tests/fixtures/end_of_queue.ts: of those without a limit, and of the others. */
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

/** So many trees at a time: each has some eight processes. */
const AT_ONCE = 3;

async function kill(program: Program, who: string): Promise<void> {
  Deno.kill(who === "root" ? program.pid : Number(await program.said(`${who} `)), "SIGKILL");
}

function linesOf(file: string): string[] {
  return Deno.readTextFileSync(file).split("\n").filter((line) => line !== "").sort();
}

async function check(method: string, [scenario, killed, outcome]: Row): Promise<void> {
  const file = Deno.makeTempFileSync();
  const name = `${method}: ${scenario}, killed: ${killed.join(", ") || "nobody"}`;
  try {
    await using program = startProgram(new URL("end_of_queue.ts", FIXTURES), { args: [method, scenario, file] });
    await program.said("ready");
    for (const who of killed) await kill(program, who);
    const endless = ENDLESS.map((way) => `endless ${way}: ${outcome}`);
    const expected = [...endless, ...outcome === "EOFError" ? TIMED : []].sort();
    await until(name, () => linesOf(file).length >= expected.length).catch(() => {}); // shown by what follows
    assertEquals(linesOf(file), expected, name);
  } finally {
    Deno.removeSync(file);
  }
}

for (const [method, rows] of Object.entries({ spawn: SPAWN, forkserver: FORKSERVER })) {
  Deno.test(`the end of a queue is told, and told truly: ${method}`, async () => {
    const left = [...rows];
    const next = async () => {
      for (let row = left.shift(); row !== undefined; row = left.shift()) await check(method, row);
    };
    const runs = await Promise.allSettled(Array.from({ length: AT_ONCE }, next));
    for (const run of runs) if (run.status === "rejected") throw run.reason;
  });
}

Deno.test("a program that starts processes on demand goes on by itself: nothing is told before its end", async () => {
  const forms = ["spawn", "forkserver"].flatMap((method) => ["awaited", "floating"].map((form) => [method, form]));
  await Promise.all(forms.map(async (args) => {
    const said = await outputOf(new URL("queue_on_demand.ts", FIXTURES), { args });
    assertEquals(said, "got 0,1,2, then EOFError; put 4, then EOFError; joined: true\n", args.join());
  }));
});
