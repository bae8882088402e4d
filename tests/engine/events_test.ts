// What happens when: each row of the table of events that one machine can make. Links between hosts are in
// links_test.ts.

import { getContext, OwnerDiedError, ProcessError, StateLostError } from "@parallel/multiprocessing";
import { assert, assertEquals, assertRejects } from "@std/assert";
import process from "node:process";
import { answers, holds, lives } from "../fixtures/engine_events.ts";
import { AUTHKEY, startAgent } from "../support/agent.ts";
import { type Engine, engineTest } from "../support/engine.ts";
import { FIXTURES, isRunning, PATIENCE, startProgram, until, within } from "../support/helpers.ts";

/** Longer than a machine with much to do keeps a beat waiting. */
const LEASE = 3_000;
const AGENT = { args: ["--lease", `${LEASE}ms`] };
const ROOT = new URL("engine_events.ts", FIXTURES);

const KEY = { MULTIPROCESSING_AUTHKEY: new TextDecoder().decode(AUTHKEY) };

/** A context in this process, whose lease is the shortest. */
function contextOf(engine: Engine) {
  return getContext(engine.url as `redis+unix://${string}`, { lease: LEASE, authkey: AUTHKEY, startTimeout: PATIENCE });
}

/** The state of a process, as /proc has it: `T` if it is stopped. */
function stateOf(pid: number): string | null {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/stat`).match(/\) (\w)/)?.[1] ?? null;
  } catch {
    return null;
  }
}

/** A time that something must outlast, since what is waited for is that it does not happen. */
function passes(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

engineTest("event: kill -9 of a child: buried at once, its lock is free, its parent knows", async (engine) => {
  await using _ = await startAgent(engine.url, AGENT);
  using mp = contextOf(engine);
  const [lock, ready] = [new mp.Lock(), new mp.Event()];
  const child = new mp.Process({ target: holds, args: [lock, ready] });
  child.start();
  await ready.wait();
  process.kill(child.pid!, "SIGKILL");
  await assertRejects(() => within(lock.acquire()), OwnerDiedError);
  await child.join();
  assertEquals(child.exitcode, -9);
  (await lock.acquire()).release();
});

engineTest("event: a child that is stopped for longer than the lease: nothing", async (engine) => {
  await using _ = await startAgent(engine.url, AGENT);
  using mp = contextOf(engine);
  const [ready, word, answer] = [new mp.Event(), new mp.Event(), new mp.Event()];
  const child = new mp.Process({ target: answers, args: [ready, word, answer] });
  child.start();
  await ready.wait();
  const pid = child.pid!;
  process.kill(pid, "SIGSTOP");
  await word.set();
  await passes(1.5 * LEASE);
  assert(child.isAlive());
  process.kill(pid, "SIGCONT");
  assert(await within(answer.wait()));
  await child.join();
  assertEquals(child.exitcode, 0);
});

engineTest("event: kill -9 of an agent: its children end, and are buried when its lease is over", async (engine) => {
  await using agent = await startAgent(engine.url, AGENT);
  using mp = contextOf(engine);
  const [lock, ready] = [new mp.Lock(), new mp.Event()];
  const child = new mp.Process({ target: holds, args: [lock, ready] });
  child.start();
  await ready.wait();
  const pid = child.pid!;
  await agent.kill();
  await until("the end of the child", () => !isRunning(pid));
  await assertRejects(() => within(lock.acquire()), OwnerDiedError);
  await child.join();
  assertEquals(child.exitcode, -9);
  assert(child.lostHost);
});

engineTest("event: kill -9 of an agent whose children are stopped: they end as well", async (engine) => {
  await using agent = await startAgent(engine.url, AGENT);
  using mp = contextOf(engine);
  const ready = new mp.Event();
  const child = new mp.Process({ target: lives, args: [ready] });
  child.start();
  await ready.wait();
  const pid = child.pid!;
  process.kill(-pid, "SIGSTOP");
  await until("the child to be stopped", () => stateOf(pid) === "T");
  await agent.kill();
  await until("the end of the child", () => !isRunning(pid));
  await child.join();
  assertEquals(child.exitcode, -9);
});

engineTest("event: a host that is suspended for longer than the lease: killed when it is back", async (engine) => {
  await using agent = await startAgent(engine.url, AGENT);
  using mp = contextOf(engine);
  const [lock, ready] = [new mp.Lock(), new mp.Event()];
  const child = new mp.Process({ target: holds, args: [lock, ready] });
  child.start();
  await ready.wait();
  const pid = child.pid!;
  process.kill(agent.pid, "SIGSTOP");
  process.kill(-pid, "SIGSTOP");
  await assertRejects(() => within(lock.acquire()), OwnerDiedError);
  await child.join();
  assertEquals([child.exitcode, child.lostHost], [-9, true]);
  process.kill(agent.pid, "SIGCONT");
  await until("the end of the child", () => !isRunning(pid));
});

engineTest(
  "event: the engine is stopped for longer than the lease: frozen, then on; nobody is buried",
  async (engine) => {
    await using _ = await startAgent(engine.url, AGENT);
    using mp = contextOf(engine);
    const [ready, word, answer] = [new mp.Event(), new mp.Event(), new mp.Event()];
    const child = new mp.Process({ target: answers, args: [ready, word, answer] });
    child.start();
    await ready.wait();
    const pid = child.pid!;
    engine.freeze();
    await until("the child to be stopped", () => stateOf(pid) === "T");
    await passes(LEASE);
    engine.thaw();
    await until("the child to go on", () => stateOf(pid) !== "T");
    await word.set();
    assert(await within(answer.wait()));
    await child.join();
    assertEquals(child.exitcode, 0);
  },
);

engineTest("event: the engine is restarted and has kept nothing: StateLostError everywhere", async (engine) => {
  await using _ = await startAgent(engine.url, AGENT);
  using mp = contextOf(engine);
  const [lock, ready] = [new mp.Lock(), new mp.Event()];
  const child = new mp.Process({ target: holds, args: [lock, ready] });
  child.start();
  await ready.wait();
  const pid = child.pid!;
  await engine.restart();
  await assertRejects(() => within(lock.acquire()), StateLostError);
  await until("the end of the child", () => !isRunning(pid));
});

engineTest("event: the engine is restarted and has kept all: nothing", async (engine) => {
  await using _ = await startAgent(engine.url, AGENT);
  using mp = contextOf(engine);
  const [ready, word, answer] = [new mp.Event(), new mp.Event(), new mp.Event()];
  const child = new mp.Process({ target: answers, args: [ready, word, answer] });
  child.start();
  await ready.wait();
  await engine.restart();
  await word.set();
  assert(await within(answer.wait()));
  await child.join();
  assertEquals(child.exitcode, 0);
}, { persistence: "always" });

engineTest("event: the end of the root: its daemon is killed, and the tree is gone", async (engine) => {
  await using _ = await startAgent(engine.url, AGENT);
  await using root = startProgram(ROOT, { args: [engine.url, "end", `${LEASE}`], env: KEY });
  const pid = Number(await root.said("daemon "));
  await until("the end of the daemon", () => !isRunning(pid));
  assertEquals((await root.outcome()).code, 0);
});

engineTest("event: kill -9 of the root: its daemon is killed after the lease, and the tree is gone", async (engine) => {
  await using _ = await startAgent(engine.url, AGENT);
  await using root = startProgram(ROOT, { args: [engine.url, "stay", `${LEASE}`], env: KEY });
  const pid = Number(await root.said("daemon "));
  root.kill("SIGKILL");
  await until("the end of the daemon", () => !isRunning(pid));
});

engineTest("event: kill -9 of the root: what is no daemon goes on, and knows that it has no parent", async (engine) => {
  const path = Deno.makeTempFileSync();
  try {
    await using _ = await startAgent(engine.url, AGENT);
    await using root = startProgram(ROOT, { args: [engine.url, "outlived", `${LEASE}`, path], env: KEY });
    const daemon = Number(await root.said("daemon "));
    const child = Number(await root.said("child "));
    root.kill("SIGKILL");
    await until("the end of both", () => !isRunning(daemon) && !isRunning(child));
    assertEquals(Deno.readTextFileSync(path), "false");
  } finally {
    Deno.removeSync(path);
  }
});

engineTest("event: a root that is stopped for longer than its lease: buried, and told so", async (engine) => {
  await using _ = await startAgent(engine.url, AGENT);
  await using root = startProgram(ROOT, { args: [engine.url, "stay", `${LEASE}`], env: KEY });
  const pid = Number(await root.said("daemon "));
  root.kill("SIGSTOP");
  await until("the end of the daemon", () => !isRunning(pid));
  root.kill("SIGCONT");
  assertEquals(await root.said("ended "), "FencedError");
});

engineTest("event: the engine's memory is full: what adds to it throws, the rest goes on", async (engine) => {
  using mp = contextOf(engine);
  const [queue, lock] = [new mp.Queue<string>(), new mp.Lock()];
  const guard = await lock.acquire();
  await assertRejects(
    async () => {
      for (;;) await queue.put("x".repeat(32_768));
    },
    ProcessError,
    "memory is full",
  );
  guard.release();
  assertEquals((await queue.get()).length, 32_768);
  while (!queue.empty()) await queue.get();
  await queue.put("again");
}, { maxmemory: "6mb" });
