// Processes that are killed: what the others notice, and that nothing is left of them.

import { Lock, Process, Queue } from "@parallel/multiprocessing";
import { assert, assertEquals } from "@std/assert";
import { native } from "../../src/addon/load.ts";
import * as targets from "../fixtures/targets.ts";
import { begin } from "../support/children.ts";
import {
  arenaOf,
  assertNoMoreBlocks,
  assertNothingLeft,
  belongings,
  childrenOf,
  descendantsOf,
  FIXTURES,
  isRunning,
  killTree,
  membersOf,
  PATIENCE,
  sharedMemory,
  startProgram,
  until,
} from "../support/helpers.ts";

Deno.test.beforeAll(begin);

const FAMILY = new URL("family.ts", FIXTURES);

/**
 * Starts a process and waits for its end: from then on the threads that wait are there, and so is the block of each of
 * the queues that says which processes have it, which a queue gets when it is sent for the first time.
 */
async function warmUp(...queues: unknown[]): Promise<void> {
  const child = new Process({ target: targets.nothing, args: queues as [] });
  child.start();
  assert(await child.join({ timeout: PATIENCE }));
}

/** Waits until none of the processes runs. */
async function gone(pids: number[]): Promise<void> {
  await until(`the end of ${pids}`, () => !pids.some(isRunning));
}

Deno.test("all of a tree killed at once leaves no process and no memory", async () => {
  const before = sharedMemory();
  await using program = startProgram(FAMILY, { args: ["3", "2"] });
  await program.said("ready");
  const members = descendantsOf(program.pid);
  assertEquals(members.length, 3 * 3);
  const arena = arenaOf(program.pid)!;
  assertEquals(membersOf(arena).sort(), [program.pid, ...members].sort());
  killTree(program.pid);
  await gone([program.pid, ...members]);
  assertEquals(membersOf(arena), []);
  assertEquals(sharedMemory(), before);
});

Deno.test("a killed root takes its daemons along, whatever they are doing", async () => {
  await using program = startProgram(FAMILY, { args: ["4", "0", "daemon"] });
  await program.said("ready");
  const members = descendantsOf(program.pid);
  assertEquals(members.length, 4);
  const arena = arenaOf(program.pid)!;
  program.kill();
  await gone(members);
  assertEquals(membersOf(arena), []);
});

Deno.test("a killed parent in the middle leaves its children running, and the tree whole", async () => {
  await warmUp();
  const before = belongings();
  using said = new Queue<number>();
  using orders = new Queue();
  const parent = new Process({ target: targets.family, args: [said, orders, 2] });
  parent.start();
  const pids = [];
  for (let i = 0; i < 3; i++) pids.push(await said.get({ timeout: PATIENCE }));
  const orphans = pids.filter((pid) => pid !== parent.pid);
  assertEquals(orphans.length, 2);
  parent.kill();
  assert(await parent.join({ timeout: PATIENCE }));
  assertEquals(parent.exitcode, -9);
  assert(orphans.every(isRunning));
  for (const _ of orphans) orders.putSync("end");
  await gone(orphans);
  await assertNothingLeft(before);
});

Deno.test("what a killed process held is freed", async () => {
  using said = new Queue<number>();
  const big = new Uint8Array(8 << 20);
  await warmUp(said);
  const before = native().memoryUsage();
  for (let round = 0; round < 3; round++) {
    const mine = new Queue();
    const lock = new Lock();
    mine.putSync(big);
    const child = new Process({ target: targets.hold, args: [[lock], said, mine] });
    child.start();
    mine.close();
    lock[Symbol.dispose]();
    await said.get({ timeout: PATIENCE });
    child.kill();
    assert(await child.join({ timeout: PATIENCE }));
  }
  await assertNoMoreBlocks(before);
});

Deno.test("what orphans held is freed when they end, although their parent was killed", async () => {
  using said = new Queue<number>();
  await warmUp(said);
  const { blocks } = native().memoryUsage();
  {
    using orders = new Queue();
    const parent = new Process({ target: targets.family, args: [said, orders, 2] });
    parent.start();
    const pids: number[] = [];
    for (let i = 0; i < 3; i++) pids.push(await said.get({ timeout: PATIENCE }));
    for (const pid of pids) Deno.kill(pid, "SIGKILL");
    assert(await parent.join({ timeout: PATIENCE }));
    await gone(pids);
  }
  // Noticed at the next end of a process.
  await warmUp();
  await assertNoMoreBlocks({ blocks });
});

/** When a process is killed, relative to what it does first. */
const MOMENTS: Record<string, (pid: number) => unknown> = {
  "right after the start": () => {},
  "when Deno runs": (pid) => until("a thread", () => [...Deno.readDirSync(`/proc/${pid}/task`)].length > 1),
  "when it has entered the tree": (pid) => until("the tree", () => arenaOf(pid) !== null),
};
for (const [moment, reach] of Object.entries(MOMENTS)) {
  Deno.test(`a process that is killed ${moment} leaves nothing`, async () => {
    using said = new Queue();
    using orders = new Queue();
    await warmUp(); // what processes of earlier tests held is freed at the end of the next
    await warmUp(said, orders);
    const before = belongings();
    const { blocks } = native().memoryUsage();
    for (let round = 0; round < 5; round++) {
      const child = new Process({ target: targets.idle, args: [said, orders, new Uint8Array(100_000)] as never });
      child.start();
      await reach(child.pid!);
      child.kill();
      assert(await child.join({ timeout: PATIENCE }));
      assertEquals(child.exitcode, -9);
    }
    await assertNothingLeft(before);
    await assertNoMoreBlocks({ blocks });
  });
}

Deno.test("a process that is killed while it starts children leaves none that nobody knows", async () => {
  for (let round = 0; round < 4; round++) {
    await using program = startProgram(FAMILY, { args: ["50", "0", "daemon"] });
    const arena = await until("the shared memory", () => arenaOf(program.pid));
    await until("some children", () => childrenOf(program.pid).length > round * 2);
    program.kill();
    await program.outcome();
    await until("the end of the tree", () => membersOf(arena).length === 0);
  }
});

Deno.test("a worker that is killed can be told from its exit code while others go on", async () => {
  using said = new Queue<number>();
  using orders = new Queue();
  const children = [0, 1, 2].map(() => new Process({ target: targets.block, args: [said, orders] }));
  children.forEach((child) => child.start());
  for (const _ of children) await said.get({ timeout: PATIENCE });
  Deno.kill(children[1].pid!, "SIGKILL");
  assert(await children[1].join({ timeout: PATIENCE }));
  assertEquals(children.map((child) => child.exitcode), [null, -9, null]);
  orders.putSync("end");
  orders.putSync("end");
  for (const child of children) assert(await child.join({ timeout: PATIENCE }));
  assertEquals(children.map((child) => child.exitcode), [0, -9, 0]);
});

Deno.test("40 processes at a time, all killed at once, leave nothing", async () => {
  const { blocks } = native().memoryUsage();
  for (let round = 0; round < 3; round++) {
    const children = Array.from({ length: 40 }, () => new Process({ target: targets.nothing }));
    children.forEach((child) => child.start());
    children.forEach((child) => child.kill());
    for (const child of children) assert(await child.join({ timeout: PATIENCE }));
  }
  await assertNoMoreBlocks({ blocks });
});
