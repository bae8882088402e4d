// What a viewer sees of programs that hang, from outside: it is in none of their trees.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Viewer } from "../../src/live/viewer.ts";
import type { LiveProcess, LiveWait, Tree } from "../../src/live/snapshot.ts";
import { FIXTURES, Program, until } from "../support/helpers.ts";

const SCENES = new URL("live/scenes.ts", FIXTURES);

/** A program that hangs as the scene says, and a viewer of it. */
class Scene implements AsyncDisposable {
  readonly #viewer = new Viewer();
  readonly #program: Program;
  /** Its processes that were seen. */
  readonly #pids = new Set<number>();

  constructor(scene: string) {
    this.#program = new Program(SCENES, { args: [scene] });
  }

  get pid(): number {
    return this.#program.pid;
  }

  /** Its tree, which goes on without its first process. */
  tree(): Tree | undefined {
    const trees = this.#viewer.look().trees;
    const isSeen = (tree: Tree) => tree.rootPid === this.pid || tree.processes.some(({ pid }) => this.#pids.has(pid));
    const tree = trees.find(isSeen);
    for (const { pid } of tree?.processes ?? []) this.#pids.add(pid);
    return tree;
  }

  /** Its tree once it is as wanted. */
  seen(what: string, wanted: (tree: Tree) => boolean): Promise<Tree> {
    return until(what, () => {
      const tree = this.tree();
      return tree !== undefined && wanted(tree) ? tree : undefined;
    });
  }

  kill(): void {
    this.#program.kill();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.tree();
    for (const pid of [this.pid, ...this.#pids]) {
      try {
        Deno.kill(pid, "SIGKILL");
      } catch { /* it has ended */ }
    }
    await this.#program[Symbol.asyncDispose]();
  }
}

function named(tree: Tree, name: string): LiveProcess | undefined {
  return tree.processes.find((it) => it.name === name);
}

/** What a process's threads block for. */
function blocked(process: LiveProcess | undefined): LiveWait[] {
  return process?.threads.flatMap(({ waitsFor }) => waitsFor ?? []) ?? [];
}

function waitsFor(tree: Tree, name: string, kind: LiveWait["kind"]): LiveWait | undefined {
  return blocked(named(tree, name)).find((it) => it.kind === kind);
}

Deno.test("a deadlock of two locks: who waits for which, and who has it", async () => {
  await using scene = new Scene("deadlock");
  const names = ["MainProcess", "Crossing"];
  const tree = await scene.seen("the deadlock", (tree) => names.every((it) => waitsFor(tree, it, "lock")));
  const [main, crossing] = names.map((name) => named(tree, name)!);
  assertEquals([tree.rootPid, main.pid, main.parentPid, crossing.parentPid], [scene.pid, scene.pid, null, main.pid]);
  assertEquals(tree.processes.map((it) => it.name), names);
  // A terminal that shows the name obeys nothing in it.
  const [alpha, beta] = ["alpha", "beta\\u001b[31m"].map((name) => tree.locks.find((it) => it.name === name)!);
  assertEquals([alpha.holder?.pid, alpha.holder?.processName, alpha.waiters], [main.pid, "MainProcess", 1]);
  assertEquals([beta.holder?.pid, beta.holder?.livesOn, beta.waiters], [crossing.pid, true, 1]);
  assertEquals([waitsFor(tree, "MainProcess", "lock")!.object, waitsFor(tree, "Crossing", "lock")!.object], [
    beta.id,
    alpha.id,
  ]);
  const later = await scene.seen("longer waits", (tree) => waitsFor(tree, "Crossing", "lock")!.sinceMs > 200);
  const held = later.locks.find(({ name }) => name === "alpha")!.heldForAtLeastMs!;
  assert(held > 0 && held <= waitsFor(later, "Crossing", "lock")!.sinceMs + 100);
  for (const it of later.processes) {
    assert(it.state === "running" && it.memoryBytes! > 1e6 && it.cpuMs! > 0 && it.cpuPercent! >= 0);
    assert(Date.parse(it.startedAt!) > Date.now() - 600_000);
  }
  JSON.stringify(later); // it is plain data
});

Deno.test("a full queue and an empty one: who sleeps at them", async () => {
  await using scene = new Scene("queues");
  const tree = await scene.seen(
    "both sleepers",
    (tree) =>
      waitsFor(tree, "Putter", "queue-put") !== undefined && waitsFor(tree, "Taker", "queue-get") !== undefined &&
      named(tree, "MainProcess")!.promises.some(({ kind }) => kind === "event"),
  );
  const [full, empty] = ["full", "empty"].map((name) => tree.queues.find((it) => it.name === name)!);
  const [putter, taker, main] = ["Putter", "Taker", "MainProcess"].map((name) => named(tree, name)!.pid);
  assertEquals([full.length, full.capacity, full.put, full.taken, full.isShutDown], [2, 2, 2, 0, false]);
  assertEquals(full.putters.map(({ pid, isPromise }) => [pid, isPromise]), [[putter, false]]);
  assertEquals([empty.length, empty.capacity, empty.bytes], [0, 0, 0]);
  assertEquals(empty.takers.map(({ pid, isPromise }) => [pid, isPromise]), [[taker, false]]);
  assertEquals([full.users, empty.users].map((it) => it!.toSorted()), [
    [main, putter].toSorted(),
    [main, taker].toSorted(),
  ]);
  assert(full.bytes > 0 && full.putPerSecond !== null && full.takenPerSecond !== null);
  const promise = named(tree, "MainProcess")!.promises.find(({ kind }) => kind === "event")!;
  const never = tree.events.find(({ name }) => name === "never")!;
  assertEquals([promise.object, promise.tid, never.waiters, never.isSet], [never.id, main, 1, false]);
});

Deno.test("a pool: busy, queued, done and failed", async () => {
  await using scene = new Scene("pool");
  const tree = await scene.seen("all tasks", ({ pools: [pool] }) => pool?.busy === 2 && pool.queued === 3);
  const [pool] = tree.pools;
  assertEquals([pool.name, pool.pid, pool.livesOn, pool.processes], ["crunch", scene.pid, true, 2]);
  assertEquals([pool.done, pool.failed], [3, 1]);
  await scene.seen(
    "both workers at work",
    (tree) =>
      tree.processes.filter((it) => it.name.startsWith("PoolWorker")).every((it) => blocked(it)[0]?.kind === "event"),
  );
});

Deno.test("a process that waits for a connection, and one that waits for the end of another", async () => {
  await using scene = new Scene("others");
  const tree = await scene.seen("the waits", (tree) =>
    waitsFor(tree, "Receiver", "connection") !== undefined &&
    named(tree, "MainProcess")!.promises.some(({ kind }) => kind === "process"));
  const { promises } = named(tree, "MainProcess")!;
  assert(promises.some(({ kind, pid }) => kind === "process" && pid === named(tree, "Receiver")!.pid));
  assert(promises.some(({ kind }) => kind === "connection"));
});

Deno.test("a tree whose first process was killed is there until the last has ended", async () => {
  await using scene = new Scene("killed");
  await scene.seen("both", (tree) => ["MainProcess", "Keeper"].every((it) => waitsFor(tree, it, "event")));
  const { id } = scene.tree()!;
  scene.kill();
  const tree = await scene.seen("the rest", ({ rootPid }) => rootPid === 0);
  assertEquals(tree.id, id);
  const keeper = named(tree, "Keeper")!;
  const [left, mine] = ["left", "mine"].map((name) => tree.locks.find((it) => it.name === name)!);
  assertEquals([left.holder?.pid, left.holder?.livesOn], [keeper.pid, true]);
  assertEquals([mine.holder?.pid, mine.holder?.livesOn], [scene.pid, false]);
  assert(["MainProcess", ""].includes(mine.holder!.processName)); // its place, with its name, may have been given up
  Deno.kill(keeper.pid, "SIGKILL");
  await until("its end", () => scene.tree() === undefined);
});

Deno.test("a viewer begins no tree, and is in none that it sees", () => {
  const viewer = new Viewer();
  const { trees, at, troubles } = viewer.look();
  assert(trees.every(({ processes }) => processes.length > 0));
  assertStringIncludes(at, "T");
  assert(Array.isArray(troubles));
});
