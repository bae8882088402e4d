// The soak of everything, a short one of one seed; `deno task soak` runs as long as is wanted. And that it would tell.

import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { goOn } from "../fixtures/targets.ts";
import { childrenOf, PATIENCE, startProgram, until } from "../support/helpers.ts";
import { pythons } from "../support/python.ts";
import { UsageError } from "./command_line.ts";
import { Crew } from "./crew.ts";
import { optionsOf } from "./options.ts";
import { Random } from "./random.ts";
import { Hang, Stage } from "./stage.ts";
import { started } from "./victims.ts";

const MAIN = new URL("main.ts", import.meta.url);

Deno.test("all parts at the same time, whose processes are killed and stopped, are as they must be", async () => {
  const args = ["--minutes", "0.2", "--seed", "1", "--round", "12"];
  await using program = startProgram(MAIN, { args, patience: 10 * PATIENCE });
  const { code, stdout } = await program.outcome();
  assertEquals(code, 0, stdout);
  assert(stdout.startsWith("seed 1: 1 tree, "), stdout);
  const rows = stdout.split("\n").flatMap((line) => line.match(/^(\S.*?) {2,}([1-9]\d*) /)?.[1] ?? []);
  for (const row of ["Lock", "Queue", "SimpleQueue", "JoinableQueue", "Pool", "Manager", "Pipe", "Client", "Process"]) {
    assert(rows.includes(row), `${row} is not among those with operations: ${rows}`);
  }
});

Deno.test("processes of Deno and of Python at the same objects are as they must be while they are killed", {
  ignore: pythons.length === 0,
}, async () => {
  const args = ["--minutes", "0.1", "--seed", "1", "--round", "6", "--only", "python"];
  await using program = startProgram(MAIN, { args, patience: 10 * PATIENCE });
  const { code, stdout } = await program.outcome();
  assertEquals(code, 0, stdout);
  assertStringIncludes(stdout, "\nno violation\n");
});

Deno.test("Ctrl-C ends a soak in order, with its figures", async () => {
  await using program = startProgram(MAIN, { args: ["--minutes", "10", "--only", "processes"] });
  await program.said("seed ");
  program.kill("SIGINT");
  const { code, stdout } = await program.outcome();
  assertEquals(code, 0, stdout);
  assertMatch(stdout, /^part {2,}operations {2,}kills {2,}stops {2,}what others were told$/m);
  assertStringIncludes(stdout, "\nno violation\n");
});

Deno.test("a soak ends with exit code 1, and names its seed, if something was not as it must be", async () => {
  await using program = startProgram(MAIN, { args: ["--minutes", "10", "--seed", "7", "--only", "processes"] });
  const [tree] = await until("the tree", () => {
    const children = childrenOf(program.pid);
    return children.length > 0 && children;
  });
  Deno.kill(tree, "SIGKILL");
  const { code, stdout } = await program.outcome();
  assertEquals(code, 1, stdout);
  assertStringIncludes(stdout, "violation: tree 0 in round 0 with 0 processes ended with SIGKILL\n");
  assertStringIncludes(stdout, "\n1 violations, with seed 7\n");
});

Deno.test("a process at a seat that does nothing any more is told, with what it was at", async () => {
  const stage = new Stage(new Random("test"), "spawn", () => false, (what) => {
    throw new Error(what);
  }, 500);
  const victims: ReturnType<typeof started>[] = [];
  const crew: Crew = new Crew(stage, ["nothing"], 1, { most: 1, gap: 0, least: 0 }, () => ({
    name: "sleeper",
    start: () => {
      victims.push(started(new stage.context.Process({ target: goOn })));
      return victims[0];
    },
  }));
  const error = await assertRejects(() => crew.work(), Hang);
  assertStringIncludes(error.message, "sleeper has done nothing for ");
  const [{ pid, what }] = stage.seen;
  assertEquals(pid, victims[0].pid);
  assertStringIncludes(what, "sleeper, starting, at nothing, 0 operations, the last ");
  crew.abandon();
  victims[0].signal("SIGKILL");
  await victims[0].ended;
});

Deno.test("a seed gives the same numbers again, and another seed, or name, others", () => {
  const numbers = (random: Random) => Array.from({ length: 8 }, () => random.below(1000)).join();
  const [first, again, other] = [1, 1, 2].map((seed) => new Random(`${seed}/0/0`));
  assertEquals(numbers(first), numbers(again));
  assert(numbers(first) !== numbers(other));
  assertEquals(numbers(first.of("seat", 3)), numbers(again.of("seat", 3)));
  assert(numbers(first.of("seat", 3)) !== numbers(first.of("seat", 4)));
  assertEquals(new Random(first.of("life", 1).path).next(), first.of("life", 1).next());
});

Deno.test("options of the soak are checked", () => {
  assertEquals(optionsOf(["--", "--minutes", "30", "--seed=5", "--only", "pool,locks"]), {
    ...{ minutes: 30, seed: 5, trees: 1, round: 30, from: 0, parts: ["pool", "locks"] },
  });
  const refused = {
    'Cannot begin: "--minuets" is no option': ["--minuets", "3"],
    'Cannot begin: "7" is no option': ["7"],
    "Cannot begin: --seed has no value": ["--seed"],
    "Cannot begin: --seed is given twice": ["--seed", "1", "--seed=1"],
    'Cannot begin: --seed is "1.5", wanted a whole number from 0 to 4294967295': ["--seed", "1.5"],
    'Cannot begin: --minutes is "0", wanted a number from 0.05 to 1440': ["--minutes", "0"],
    'Cannot begin: --trees is "-1", wanted a whole number from 1 to 16': ["--trees", "-1"],
    'Cannot begin: there is no part "constructor"': ["--only", "locks,constructor"],
  };
  for (const [message, args] of Object.entries(refused)) assertThrows(() => optionsOf(args), UsageError, message);
});
