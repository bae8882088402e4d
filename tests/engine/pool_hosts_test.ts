// Pools of a context on an engine: their workers are started by the agents of hosts.

import { getContext, ProcessError, Queue, WorkerLostError } from "@parallel/multiprocessing";
import type { RemoteContext, RemoteContextOptions } from "@parallel/multiprocessing/context";
import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import * as targets from "../fixtures/engine/pool_targets.ts";
import { AUTHKEY, startAgent } from "../support/agent.ts";
import { type Engine, engineTest } from "../support/engine.ts";
import { freeze, isRunning, PATIENCE, until, within } from "../support/helpers.ts";
import { leasePasses } from "../support/leases.ts";
import { Notes } from "../support/notes.ts";

const ROOT = new URL("../fixtures/engine/pool_root.ts", import.meta.url);

function contextAt(engine: Engine, options: RemoteContextOptions = {}): RemoteContext {
  return getContext(engine.url as "redis://", { authkey: AUTHKEY, startTimeout: PATIENCE, ...options });
}

engineTest("pool on hosts: it has as many workers as there are free slots, and they do its work", async (engine) => {
  await using _agent = await startAgent(engine.url, { slots: 2 });
  using context = contextAt(engine);
  const pool = new context.Pool();
  assertEquals(`${pool}`, `<multiprocessing.pool.Pool state=RUN pool_size=2 name='${pool.name}'>`);
  assertEquals(await pool.map(targets.square, [1, 2, 3, 4]), [1, 4, 9, 16]);
  const pids = pool.stats().workers.map(({ pid }) => pid);
  assertEquals([pids.length, pids.every(isRunning)], [2, true]);
  await assertRejects(() => pool.apply(targets.fail, [1]), RangeError, "bad 1");
  pool.close();
  assert(await pool.join({ timeout: PATIENCE }));
  await until("the end of the workers", () => !pids.some(isRunning));
});

engineTest("pool on hosts: a worker that is killed in mid-task costs that task, and is replaced", async (engine) => {
  await using _agent = await startAgent(engine.url, { slots: 3 });
  using context = contextAt(engine);
  using notes = new Notes();
  await using pool = new context.Pool(2);
  const lost = pool.apply(targets.noteAndBlock, [notes.path, "blocks"]);
  const [line] = await notes.until(1);
  const pid = Number(line.split(" ")[1]);
  const others = pool.map(targets.square, [1, 2, 3], { chunksize: 1 });
  Deno.kill(pid, "SIGKILL");
  const error = await assertRejects(() => lost, WorkerLostError);
  assertEquals([error.pid, error.signal], [pid, "SIGKILL"]);
  assertEquals(await others, [1, 4, 9]);
  await until("another worker", () => pool.stats().restarts === 1);
});

engineTest(
  "pool on hosts: what several workers had begun that are lost at once is begun anew, all of it",
  async (engine) => {
    const west = await startAgent(engine.url, { slots: 2, name: "west" });
    using context = contextAt(engine);
    using notes = new Notes();
    await using pool = new context.Pool(2);
    const calls = [1, 2].map((n) => pool.apply(targets.blockOnce, [notes.path, `task ${n}`], { retries: 1 }));
    await notes.until(2);
    // Those that wait are taken back when the end of the first worker is dealt with: that of the second is told by then.
    const others = pool.map(targets.square, [1, 2, 3], { chunksize: 1 });
    await west.kill();
    await using _east = await startAgent(engine.url, { slots: 2, name: "east" });
    await leasePasses(engine, { lost: "west" });
    assertEquals(await within(Promise.all(calls), "the tasks that were begun anew"), [1, 1]);
    assertEquals(await others, [1, 4, 9]);
  },
);

engineTest(
  "pool on hosts: what a worker wrote last is in the error, where its standard error is piped",
  async (engine) => {
    await using _agent = await startAgent(engine.url, { slots: 1 });
    using context = contextAt(engine);
    await using pool = new context.Pool(1, { stderr: "piped", context });
    const error = await assertRejects(() => pool.apply(targets.lastWords, ["hear me:\nfarewell"]), WorkerLostError);
    assertEquals(error.stderr, "hear me:\nfarewell");
    assertEquals(await pool.apply(targets.square, [3]), 9);
    const other = getContext("spawn");
    assertThrows(() => new context.Pool(1, { context: other }), Deno.errors.NotSupported, '"context" is another');
  },
);

engineTest("pool on hosts: a host that is lost costs the tasks that had begun there, and no others", async (engine) => {
  await using _east = await startAgent(engine.url, { slots: 1, name: "east" });
  const west = await startAgent(engine.url, { slots: 1, name: "west" });
  using context = contextAt(engine);
  using notes = new Notes();
  await using pool = new context.Pool(2);
  const calls = [1, 2].map((n) => pool.apply(targets.noteAndWait, [notes.path, `task ${n}`, `${notes.path}.go`]));
  const outcomes = Promise.allSettled(calls);
  const lines = await notes.until(2);
  const others = pool.map(targets.square, [1, 2, 3], { chunksize: 1 });
  await west.kill();
  await until("the end of a worker", () => lines.some((line) => !isRunning(Number(line.split(" ").at(-1)))));
  await leasePasses(engine, { lost: "west" });
  Deno.writeTextFileSync(`${notes.path}.go`, "");
  const reasons = (await outcomes).map((it) => it.status === "rejected" ? it.reason : it.value);
  Deno.removeSync(`${notes.path}.go`);
  assertEquals(reasons.filter((it) => it instanceof WorkerLostError).length, 1);
  assertEquals(await others, [1, 4, 9]);
  assertEquals(notes.lines.length, 2);
});

engineTest("pool on hosts: tasks and results speak of shared objects, and of local ones not", async (engine) => {
  await using _agent = await startAgent(engine.url, { slots: 1 });
  using context = contextAt(engine);
  await using pool = new context.Pool(1);
  using queue = new context.Queue<number>();
  const [first, second] = await Promise.all([7, 8].map((n) => pool.apply(targets.putInto, [queue, n])));
  using same = first as typeof queue;
  using again = second as typeof queue;
  assertEquals([await same.get(), await again.get()].sort(), [7, 8]);
  using local = new Queue<number>();
  await assertRejects(() => pool.apply(targets.putInto, [local, 7]), TypeError, "Queue");
});

engineTest("pool on hosts: the workers of a root that is killed end", async (engine) => {
  await using _agent = await startAgent(engine.url, { slots: 2 });
  using notes = new Notes();
  const root = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--quiet", ROOT.href, engine.url, AUTHKEY.toHex(), notes.path],
    stdin: "null",
  }).spawn();
  const pids = (await notes.until(2)).map((line) => Number(line.split(" ").at(-1)));
  root.kill("SIGKILL");
  await root.status;
  await until("the end of the workers", () => !pids.some(isRunning));
}, { leavesTrees: true });

engineTest("pool on hosts: with nobody to run workers it says so", (engine) => {
  using context = contextAt(engine);
  const error = assertThrows(() => new context.Pool(), ProcessError, "no host has an agent");
  assertInstanceOf(error, ProcessError);
});

engineTest("pool on hosts: where the engine has lost its state, calls fail, and no worker is left", async (engine) => {
  const agent = await startAgent(engine.url, { slots: 1 });
  const context = contextAt(engine);
  const pool = new context.Pool(1);
  const pid = await pool.apply(targets.pid);
  const failing = assertRejects(() => pool.apply(targets.later, [1, 600_000]), ProcessError, "Cannot go on");
  await engine.restart();
  const error = await failing;
  assertEquals((error.cause as Error).name, "StateLostError");
  await until("the end of the worker", () => !isRunning(pid));
  await agent.kill();
}, { leavesTrees: true });

engineTest("pool on hosts: a host that does not answer is asked once, and blocks nobody for long", async (engine) => {
  await using _east = await startAgent(engine.url, { slots: 2, name: "east" });
  using context = contextAt(engine);
  await using pool = new context.Pool(1);
  assertEquals(await pool.apply(targets.square, [2]), 4);
  const [{ pid }] = pool.stats().workers;
  await using west = await startAgent(engine.url, { slots: 8, name: "west" }); // it has the most free slots
  await freeze(west.pid);
  try {
    Deno.kill(pid, "SIGKILL");
    await until("the end of the worker", () => pool.stats().workers.every((it) => it.pid !== pid));
    assertEquals(await pool.apply(targets.square, [3]), 9);
    assertEquals(await engine.command("HGET", "mp:{hosts}:p:2", "suspect"), "1");
  } finally {
    Deno.kill(west.pid, "SIGCONT");
  }
  const wests = "mp:{hosts}:p:2";
  await until("the host to be heard again", async () => await engine.command("HGET", wests, "suspect") === null);
});
