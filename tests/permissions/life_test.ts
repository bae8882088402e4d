// The descendants of a caged process end with it, whatever they close and whoever is killed.

import { Process, Queue } from "@parallel/multiprocessing";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { settle, stopEarly } from "../fixtures/permissions/cage_life_targets.ts";
import { FIXTURES, isRunning, startProgram, until, within } from "../support/helpers.ts";

const MAIN = new URL("permissions/cage_life_main.ts", FIXTURES);

async function allEnd(pids: readonly number[]): Promise<void> {
  await until(`the end of ${pids}`, () => pids.every((pid) => !isRunning(pid)));
}

for (const method of ["spawn", "forkserver"] as const) {
  Deno.test(`kill() of a caged child ends its children and theirs (${method})`, async () => {
    await using program = startProgram(MAIN, { args: ["other", method] });
    const all = JSON.parse(await program.said("all")) as number[];
    assert(all.every(isRunning));
    Deno.kill(all[0], "SIGKILL");
    await allEnd(all);
    assert(isRunning(program.pid));
  });

  Deno.test(`a caged daemon that has closed its socket ends with the killed program (${method})`, async () => {
    await using program = startProgram(MAIN, { args: ["daemon", method] });
    const all = JSON.parse(await program.said("all")) as number[];
    program.kill();
    await allEnd(all);
  });
}

Deno.test("a caged daemon that a Worker has started lives as long as the program", async () => {
  await using program = startProgram(MAIN, { args: ["worker"] });
  const all = JSON.parse(await program.said("all")) as number[];
  assert(all.every(isRunning));
  program.kill();
  await allEnd(all);
});

Deno.test("a caged child that is terminated takes its descendants with it", async () => {
  using told = new Queue<number>();
  const child = new Process({ target: settle, args: [2, told], permissions: "none" });
  child.start();
  const all: number[] = [];
  while (all.length < 5) all.push(await within(told.get()));
  child.terminate();
  assert(await within(child.join()));
  assertEquals(child.exitcode, -15);
  child.close();
  await allEnd(all);
});

Deno.test("children of a caged child that is killed while they boot do not begin", async () => {
  using told = new Queue<number>();
  const child = new Process({ target: settle, args: [1, told], permissions: "none" });
  child.start();
  await within(told.get());
  const grandchild = await until("a grandchild that boots", () => {
    const list = Deno.readTextFileSync(`/proc/${child.pid}/task/${child.pid}/children`).trim();
    return list === "" ? null : Number(list.split(" ")[0]);
  });
  child.kill();
  await within(child.join());
  child.close();
  await allEnd([grandchild]);
});

Deno.test("a caged process cannot stop a child that boots, and so would stay", async () => {
  using told = new Queue<unknown[]>();
  const child = new Process({ target: stopEarly, args: [told], permissions: "none" });
  child.start();
  const [grandchild, ...errors] = await within(told.get()) as [number, ...string[]];
  for (const error of errors) assertStringIncludes(error, "stops only children that have begun");
  child.kill();
  await within(child.join());
  child.close();
  await allEnd([grandchild]);
});
