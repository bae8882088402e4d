// `why` and `top` of a tree of real processes that are stuck, each in a way of its own.

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Snapshot } from "../../src/live/snapshot.ts";
import type { Explanation } from "../../src/cli/why.ts";
import { FIXTURES, freeze, type Outcome, PATIENCE, runProgram, startProgram } from "../support/helpers.ts";

const CLI = new URL("../../cli.ts", import.meta.url);
const STUCK = new URL("cli/stuck.ts", FIXTURES);

const cli = (...args: (string | number)[]): Promise<Outcome> => runProgram(CLI, { args: args.map(String) });

/** What `why` says of the process, as soon as it says something that matches `last`. */
async function explained(pid: number, last: RegExp): Promise<string> {
  const end = performance.now() + PATIENCE;
  for (;;) {
    const { code, stdout, stderr } = await cli("why", pid);
    assertEquals([code, stderr], [0, ""], stdout);
    if (last.test(stdout)) return stdout;
    if (performance.now() > end) throw new Error(`Cannot see ${last} in what why says: ${stdout}`);
  }
}

Deno.test("why and top: what each process of a stuck tree waits for", async (t) => {
  await using program = startProgram(STUCK);
  const pids = JSON.parse(await program.said("pids ")) as Record<string, number>;
  const label = (name: string) => `${name} \\(pid ${pids[name]}\\)`;

  await t.step("a deadlock: both processes, both locks and the circle", async () => {
    const text = await explained(pids.first, /Deadlock/);
    assertMatch(text, new RegExp(`^${label("first")}, in the tree of process ${pids.main}:\n`));
    assertMatch(text, /Its main thread waits for the lock "stock", for \d/);
    assertMatch(text, new RegExp(`held by the main thread of ${label("second")}`));
    assertMatch(text, new RegExp(`The main thread of ${label("second")} waits for the lock "ledger", for \\d`));
    const circle = `Deadlock: ${label("first")} waits for ${label("second")}, which waits for ${label("first")}\\.`;
    assertMatch(text, new RegExp(circle));
    const { code, stdout } = await cli("why", "--json", pids.second);
    const { found, processName, waits } = JSON.parse(stdout) as Explanation;
    assertEquals([code, found, processName], [0, true, "second"]);
    assertEquals(waits.map(({ kind, isStuck, deadlock }) => ({ kind, isStuck, deadlock })), [
      { kind: "lock", isStuck: true, deadlock: [pids.second, pids.first] },
    ]);
  });

  await t.step("a deadlock of promises is no certain one", async () => {
    const text = await explained(pids.third, /deadlock/);
    assertMatch(text, /A promise of its main thread waits for the lock "blue"/);
    assertMatch(text, new RegExp(`looks like a deadlock.*${label("third")} waits for ${label("fourth")}`));
  });

  await t.step("a full queue that nobody takes from", async () => {
    const text = await explained(pids.producer, /It is full/);
    assertMatch(text, /Its main thread waits to put into the queue "jobs"/);
    assertMatch(text, /It is full: 1 message of 1, and nobody waits to take from it\./);
    assertMatch(text, new RegExp(`MainProcess \\(pid ${pids.main}\\)`));
  });

  await t.step("a barrier that others have yet to come to", async () => {
    const text = await explained(pids.early, /1 of 3 parties/);
    assertMatch(text, new RegExp(`1 of 3 parties have come: ${label("early")}\\.\n *2 missing\\. Not there: `));
  });

  await t.step("a holder that computes, and the same one when it is stopped", async () => {
    const holder = `The main thread of ${label("computer")}`;
    await explained(pids.reader, new RegExp(`waits for the lock "books".*\n.*\n.*${holder} is running on the CPU`));
    assertMatch(
      await explained(pids.computer, /computer/),
      /does not wait for anything of this package: it is running/,
    );
    await freeze(pids.computer);
    await explained(pids.reader, new RegExp(`${holder} is stopped`));
    assertMatch(await explained(pids.computer, /It is stopped/), new RegExp(`"kill -CONT ${pids.computer}"`));
    assertMatch((await cli("top", pids.main)).stdout, new RegExp(`\n +${pids.computer} +computer +stopped +\\d`));
    Deno.kill(pids.computer, "SIGCONT");
  });

  await t.step("the number of a thread stands for its process", async () => {
    const threads = Array.from(Deno.readDirSync(`/proc/${pids.first}/task`), ({ name }) => Number(name));
    const thread = threads.find((tid) => tid !== pids.first)!;
    assertMatch((await cli("why", thread)).stdout, new RegExp(`^${label("first")}, in the tree of`));
    assertMatch(
      (await cli("top", thread)).stdout,
      new RegExp(`^1 tree, 9 processes\n\nTree of MainProcess \\(pid ${pids.main}\\)`),
    );
  });

  await t.step("the first process says how many there are", async () => {
    const text = await explained(pids.main, /MainProcess/);
    assertMatch(text, new RegExp(`MainProcess \\(pid ${pids.main}\\), the first of a tree of 9 processes`));
  });

  await t.step("top, once, as text and as JSON, of all trees and of one", async () => {
    const { code, stdout, stderr } = await cli("top", pids.first);
    assertEquals([code, stderr], [0, ""]);
    assertMatch(
      stdout,
      new RegExp(`^1 tree, 9 processes\n\nTree of MainProcess \\(pid ${pids.main}\\): 9 processes, .* shared\n`),
    );
    assertMatch(
      stdout,
      new RegExp(`\n +${pids.first} +first +running +\\d+ % +\\d+ MiB +\\S+ m?s +for the lock "stock"\n`),
    );
    assertMatch(stdout, /\n +jobs +1 of 1 +0 +0 +to put: producer/);
    assertMatch(stdout, new RegExp(`\n +stock +${label("second")} +\\d`));
    assert(!stdout.includes("\x1b"), stdout);
    const all = await cli("top", "--once", "--json");
    const lines = all.stdout.trimEnd().split("\n").map((line) => JSON.parse(line) as Snapshot);
    assertEquals([all.code, lines.length], [0, 1]);
    const own = lines[0].trees.find(({ rootPid }) => rootPid === pids.main);
    assertEquals(own?.locks.map(({ name }) => name).filter((name) => name !== "").sort(), [
      "blue",
      "books",
      "ledger",
      "red",
      "stock",
    ]);
  });
});

Deno.test("why and top: processes that are not there, are in no tree, or are another user's", async () => {
  const { code, stdout, stderr } = await cli("why", 2 ** 22 + 1); // above the largest pid that there can be
  assertEquals([code, stdout], [1, ""]);
  assertEquals(stderr, `Cannot explain process ${2 ** 22 + 1}: there is none with that id\n`);
  const top = await cli("top", 2 ** 22 + 1);
  assertEquals([top.code, top.stdout], [1, ""]);
  assertMatch(top.stderr, /^Cannot show the tree of process 4194305: it is in no live tree of this user\n$/);
  await using sleeper = otherProcess(Deno.uid()!);
  const other = await cli("why", sleeper.pid);
  assertEquals([other.code, other.stdout], [1, ""]);
  assertMatch(other.stderr, /it is in no tree of this package.*; it runs "sleep", and sleeps/);
  if (Deno.uid() !== 0) return; // only the superuser can start what belongs to others
  await using strange = otherProcess(65534);
  const foreign = await cli("why", strange.pid);
  assertEquals([foreign.code, foreign.stdout], [1, ""]);
  assertMatch(foreign.stderr, /it is of another user, with the id 65534\n$/);
});

/** A process of that user that uses nothing of the package. */
function otherProcess(uid: number): { pid: number } & AsyncDisposable {
  const child = new Deno.Command("sleep", { args: ["100"], uid, cwd: "/", stdin: "null" }).spawn();
  return {
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.status;
    },
  };
}
