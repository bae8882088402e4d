// What happens when: each row of the table of events that one machine can make. Links between hosts are in
// two_hosts_test.ts.

import { getContext, OwnerDiedError, ProcessError, StateLostError } from "@parallel/multiprocessing";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import process from "node:process";
import { answers, holds, lives } from "../fixtures/engine_events.ts";
import { AUTHKEY, startAgent } from "../support/agent.ts";
import { type Engine, engineTest } from "../support/engine.ts";
import {
  childrenOf,
  FIXTURES,
  freeze,
  isRunning,
  PATIENCE,
  startProgram,
  stateOf,
  until,
  within,
} from "../support/helpers.ts";
import { clocksJump, HOSTS, leasePasses } from "../support/leases.ts";

/** Longer than any test waits, so that what is seen is no end of a lease. Leases end by the tree's clock (leases.ts). */
const LEASE = 10 * PATIENCE;
/** That of a test in which time goes by: three quarters of it. */
const SHORT_LEASE = 6_000;
const AGENT = { args: ["--lease", `${LEASE}ms`] };
/** The root's number in its tree, and that of the agent. */
const [ROOT_MEMBER, AGENT_MEMBER] = ["1", "2"];
const ROOT = new URL("engine_events.ts", FIXTURES);

const KEY = { MULTIPROCESSING_AUTHKEY: new TextDecoder().decode(AUTHKEY) };

/** A context in this process. */
function contextOf(engine: Engine, lease = LEASE) {
  return getContext(engine.url as `redis+unix://${string}`, { lease, authkey: AUTHKEY, startTimeout: PATIENCE });
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
  await freeze(pid);
  word.set();
  await leasePasses(engine);
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
  await leasePasses(engine, { lost: AGENT_MEMBER });
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
  await freeze(-pid);
  await agent.kill();
  await until("the end of the child", () => !isRunning(pid));
  await leasePasses(engine, { lost: AGENT_MEMBER });
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
  await freeze(agent.pid, -pid);
  await leasePasses(engine, { lost: AGENT_MEMBER });
  await assertRejects(() => within(lock.acquire()), OwnerDiedError);
  await child.join();
  assertEquals([child.exitcode, child.lostHost], [-9, true]);
  process.kill(agent.pid, "SIGCONT");
  await until("the end of the child", () => !isRunning(pid));
});

engineTest(
  "event: the engine is stopped for longer than the lease: frozen, then on; nobody is buried",
  async (engine) => {
    await using _ = await startAgent(engine.url, { args: ["--lease", `${SHORT_LEASE}ms`] });
    using mp = contextOf(engine, SHORT_LEASE);
    const [ready, word, answer] = [new mp.Event(), new mp.Event(), new mp.Event()];
    const child = new mp.Process({ target: answers, args: [ready, word, answer] });
    child.start();
    await ready.wait();
    const pid = child.pid!;
    const jump = await clocksJump(engine, 2 * SHORT_LEASE);
    engine.freeze();
    await until("the child to be stopped", () => stateOf(pid) === "T");
    await jump();
    await until("the child to go on", () => stateOf(pid) !== "T");
    word.set();
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
  word.set();
  assert(await within(answer.wait()));
  await child.join();
  assertEquals(child.exitcode, 0);
}, { persistence: "always" });

engineTest(
  "event: the engine is restarted while a process begins, and has kept all: it begins later",
  async (engine) => {
    await using _ = await startAgent(engine.url, AGENT);
    using mp = contextOf(engine);
    const [ready, word, answer] = [new mp.Event(), new mp.Event(), new mp.Event()];
    const child = new mp.Process({ target: answers, args: [ready, word, answer] });
    child.start();
    await engine.kill();
    // Meanwhile it finds nobody.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await engine.start();
    assert(await within(ready.wait()));
    word.set();
    await within(child.join());
    assertEquals(child.exitcode, 0);
  },
  { persistence: "always" },
);

engineTest("event: the end of the root: its daemon is killed, and the tree is gone", async (engine) => {
  await using _ = await startAgent(engine.url, AGENT);
  await using root = startProgram(ROOT, { args: [engine.url, "end", `${LEASE}`], env: KEY });
  const pid = Number(await root.said("daemon "));
  await until("the end of the daemon", () => !isRunning(pid));
  assertEquals((await root.outcome()).code, 0);
});

for (const [what, code] of [["exit", 3], ["error", 1], ["rejection", 1]] as const) {
  engineTest(`event: the root ends by ${what}: its daemon is killed at once, and the tree is gone`, async (engine) => {
    await using _ = await startAgent(engine.url, AGENT);
    await using root = startProgram(ROOT, { args: [engine.url, what, `${LEASE}`], env: KEY });
    const pid = Number(await root.said("daemon "));
    await until("the end of the daemon", () => !isRunning(pid));
    assertEquals((await root.outcome()).code, code);
  });
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  engineTest(`event: the root is ended by ${signal} while it computes: at once as well`, async (engine) => {
    await using _ = await startAgent(engine.url, AGENT);
    await using root = startProgram(ROOT, { args: [engine.url, "computes", `${LEASE}`], env: KEY });
    const pid = Number(await root.said("daemon "));
    root.kill(signal);
    await until("the end of the daemon", () => !isRunning(pid));
    assertEquals((await root.outcome()).signal, signal);
  });
}

engineTest("event: the root listens to a signal: nothing, until it ends otherwise", async (engine) => {
  await using _ = await startAgent(engine.url, AGENT);
  await using root = startProgram(ROOT, { args: [engine.url, "listens", `${LEASE}`], env: KEY });
  const pid = Number(await root.said("daemon "));
  root.kill("SIGINT");
  await root.said("heard");
  await until("no other process of the root", () => childrenOf(root.pid).length === 0);
  assert(isRunning(pid));
  root.kill("SIGTERM");
  await until("the end of the daemon", () => !isRunning(pid));
});

engineTest("event: kill -9 of the root: its daemon is killed after the lease, and the tree is gone", async (engine) => {
  await using _ = await startAgent(engine.url, AGENT);
  await using root = startProgram(ROOT, { args: [engine.url, "stay", `${LEASE}`], env: KEY });
  const pid = Number(await root.said("daemon "));
  root.kill("SIGKILL");
  await leasePasses(engine, { lost: ROOT_MEMBER });
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
    await leasePasses(engine, { lost: ROOT_MEMBER });
    await until("the end of both", () => !isRunning(daemon) && !isRunning(child));
    assertEquals(Deno.readTextFileSync(path), "false");
  } finally {
    Deno.removeSync(path);
  }
});

engineTest("event: a root that is stopped for longer than its lease: buried, and told so", async (engine) => {
  await using _ = await startAgent(engine.url, AGENT);
  await using root = startProgram(ROOT, { args: [engine.url, "stay", `${SHORT_LEASE}`], env: KEY });
  const pid = Number(await root.said("daemon "));
  await freeze(root.pid);
  const stopped = performance.now();
  await leasePasses(engine, { lost: ROOT_MEMBER });
  await until("the end of the daemon", () => !isRunning(pid));
  // Where its tree was removed it knows by its own clock that it was buried.
  await until("its lease to have run out", () => performance.now() - stopped > SHORT_LEASE);
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

engineTest(
  "event: the engine's memory is full: start() and new Lock() throw, and processes can be ended",
  async (engine) => {
    await using _ = await startAgent(engine.url, { ...AGENT, slots: 2 });
    using mp = contextOf(engine);
    const [ready, other] = [new mp.Event(), new mp.Event()];
    const child = new mp.Process({ target: lives, args: [ready] });
    child.start();
    await ready.wait();
    await engine.command("CONFIG", "SET", "maxmemory", "1"); // what is there already is too much
    const full = "the engine's memory is full";
    assertThrows(() => new mp.Lock(), ProcessError, full);
    const late = new mp.Process({ target: lives, args: [other] });
    assertThrows(() => late.start(), ProcessError, full);
    assert(child.isAlive());
    child.terminate();
    await child.join();
    assertEquals([child.exitcode, child.isAlive()], [-15, false]);
    await engine.command("CONFIG", "SET", "maxmemory", "0");
    assertEquals(await engine.command("HLEN", `${HOSTS}slots`), 0); // no slot is lost
    const again = new mp.Process({ target: lives, args: [other] });
    again.start();
    await other.wait();
    again.kill();
    await again.join();
  },
);

engineTest(
  "event: the engine's memory is full: a put, a start and a lock are what it was emptied for",
  async (engine) => {
    using mp = contextOf(engine);
    const tasks = new mp.JoinableQueue<number>();
    const lock = new mp.Lock();
    for (const n of [1, 2, 3]) await tasks.put(n);
    const guard = await lock.acquire();
    await engine.command("CONFIG", "SET", "maxmemory", "1");
    assertThrows(() => tasks.putSync(4), ProcessError, "memory is full");
    for (const n of [1, 2, 3]) {
      assertEquals(await tasks.get(), n);
      tasks.taskDone();
    }
    assert(await tasks.join({ timeout: PATIENCE }));
    guard.release();
    await engine.command("CONFIG", "SET", "maxmemory", "0");
    tasks.putSync(5);
    assertEquals(tasks.getSync(), 5);
    tasks.taskDone();
  },
);
