// Processes of a context on an engine: started by the agents of hosts.

import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { getContext, ProcessError, TimeoutError } from "@parallel/multiprocessing";
import type { RemoteContext, RemoteContextOptions } from "@parallel/multiprocessing/context";
import * as targets from "../fixtures/remote_targets.ts";
import { AUTHKEY, startAgent } from "../support/agent.ts";
import { type Engine, engineTest } from "../support/engine.ts";
import { isRunning, PATIENCE, until, within } from "../support/helpers.ts";
import { leasePasses } from "../support/leases.ts";

const timeout = PATIENCE;

function contextAt(engine: Engine, options: RemoteContextOptions = {}): RemoteContext {
  return getContext(engine.url as "redis://", { authkey: AUTHKEY, startTimeout: PATIENCE, ...options });
}

/** A test with a context, and one host of four slots. */
function hostTest(name: string, run: (context: RemoteContext, engine: Engine) => unknown): void {
  engineTest(name, async (engine) => {
    await using _agent = await startAgent(engine.url);
    using context = contextAt(engine);
    await run(context, engine);
  });
}

function textOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  return within(new Response(stream).text());
}

engineTest(
  "remote process: a key file that ends in a newline is the same key for agent and program",
  async (engine) => {
    const file = Deno.makeTempFileSync();
    try {
      Deno.writeFileSync(file, Uint8Array.of(1, 2, 3, 10));
      await using _agent = await startAgent(engine.url, { args: ["--authkey-file", file] });
      using context = contextAt(engine, { authkey: Deno.readFileSync(file) });
      const child = new context.Process({ target: targets.tellWho, stdout: "null" });
      child.start();
      assert(await child.join({ timeout }));
      assertEquals(child.exitcode, 0);
    } finally {
      Deno.removeSync(file);
    }
  },
);

hostTest("remote process: it can block until its parent has ended", async (context, engine) => {
  using said = new context.SimpleQueue<string>();
  const parent = new context.Process({ target: targets.haveHeir, args: [engine.url, said] });
  parent.start();
  assertEquals(await within(said.get()), "false true");
  parent.kill();
  assertEquals(await within(said.get()), "true false true");
  assert(await parent.join({ timeout }));
});

hostTest("remote process: it knows its name, host and parent, and its parent its pid and host", async (context) => {
  const child = new context.Process({ target: targets.tellWho, stdout: "piped", name: "Ada" });
  assertEquals([child.pid, child.host, child.exitcode, child.isAlive()], [null, null, null, false]);
  child.start();
  assertEquals([child.host, child.lostHost, child.isAlive()], ["east", false, true]);
  assertEquals(context.activeChildren(), [child]);
  const said = JSON.parse(await textOf(child.stdout));
  assertEquals(said, {
    name: "Ada",
    identity: child.identity,
    daemon: false,
    host: "east",
    parent: "MainProcess",
    ppid: Deno.pid,
    isParentAlive: true,
  });
  assert(await child.join({ timeout }));
  assertEquals([child.exitcode, child.isAlive(), context.activeChildren()], [0, false, []]);
  child.close();
});

hostTest("remote process: exit codes, errors and signals are as locally", async (context) => {
  const ended = async (target: () => void, args: unknown[], end?: "terminate" | "kill" | "interrupt") => {
    const child = new context.Process({ target, args, stdout: "piped", stderr: "piped" } as never);
    child.start();
    const reader = child.stdout.getReader();
    if (end !== undefined) {
      await reader.read(); // it has begun
      assertEquals(await child.join({ timeout: 1 }), false);
      child[end]();
    }
    assert(child.joinSync({ timeout }));
    return child.exitcode;
  };
  assertEquals(await ended(targets.exit as () => void, [7]), 7);
  assertEquals(await ended(targets.fail, []), 1);
  assertEquals(await ended(targets.endless, [], "terminate"), -15);
  assertEquals(await ended(targets.endless, [], "kill"), -9);
  assertEquals(await ended(targets.endless, [], "interrupt"), -2);
});

hostTest("remote process: one that was killed by anybody has ended at once", async (context) => {
  const child = new context.Process({ target: targets.endless, stdout: "piped" });
  child.start();
  await child.stdout.getReader().read();
  Deno.kill(child.pid!, "SIGKILL");
  assert(await child.join({ timeout }));
  assertEquals([child.exitcode, child.lostHost], [-9, false]);
});

hostTest("remote process: what cannot begin is told by join", async (context) => {
  const missing = { module: new URL("../fixtures/remote_targets.ts", import.meta.url), name: "missing" };
  const child = new context.Process({ target: missing, stderr: "null" });
  child.start();
  await assertRejects(() => child.join({ timeout }), ProcessError, "exports no function of this name");
  assertEquals(child.exitcode, 1);
});

hostTest("remote process: locks travel to it, and are free when it was killed", async (context) => {
  using lock = new context.Lock({ onOwnerDeath: "recover" });
  const child = new context.Process({ target: targets.keepLock, args: [lock], stdout: "piped" });
  child.start();
  assertEquals(new TextDecoder().decode((await child.stdout.getReader().read()).value), "held\n");
  const other = new context.Process({ target: targets.tryLock, args: [lock] });
  other.start();
  assert(await other.join({ timeout }));
  assertEquals(other.exitcode, 1);
  child.kill();
  using guard = await lock.acquire({ timeout });
  assertEquals(guard?.ownerDied, true);
  await child.join({ timeout });
});

hostTest("remote process: it may have children of its own on any host", async (context, engine) => {
  const child = new context.Process({ target: targets.startAnother, args: [engine.url, false], stdout: "piped" });
  child.start();
  const lines = (await textOf(child.stdout)).trim().split("\n");
  assertEquals(lines[1], `Process-${child.identity[0]}:1 4`);
  assert(await child.join({ timeout }));
});

hostTest("remote process: its daemons end when it was killed", async (context, engine) => {
  const child = new context.Process({ target: targets.startAnother, args: [engine.url, true], stdout: "piped" });
  child.start();
  const said = new TextDecoder().decode((await child.stdout.getReader().read()).value);
  const pid = Number(said.split("\n")[0]); // the next line may be there already
  assert(isRunning(pid));
  child.kill();
  assert(await child.join({ timeout }));
  await until("the daemon to end", () => !isRunning(pid));
});

hostTest("remote process: piped output waits for its reader, and is complete after the end", async (context) => {
  const child = new context.Process({ target: targets.printMuch, args: [3_000_000], stdout: "piped" });
  child.start();
  assertEquals((await textOf(child.stdout)).length, Math.ceil(3_000_000 / 1024) * 1024);
  assert(await child.join({ timeout }));
  const early = new context.Process({ target: targets.print, args: ["one", "two"], stdout: "piped" });
  early.start();
  assert(await early.join({ timeout }));
  assertEquals(await textOf(early.stdout), "one\ntwo\n");
});

hostTest("remote process: nobody has to read a pipe of one that has ended", async (context) => {
  const child = new context.Process({ target: targets.printMuch, args: [30_000], stdout: "piped" });
  child.start();
  assert(await child.join({ timeout }));
  child.close();
  assertThrows(() => child.stdout, Error, "nobody had asked for it");
});

engineTest("remote process: without a host the error says how to start one", (engine) => {
  using context = contextAt(engine);
  const child = new context.Process({ target: targets.print });
  const error = assertThrows(() => child.start(), ProcessError, "no host has an agent; start one on each machine");
  assertStringIncludes(error.message, "--url redis+unix://");
});

engineTest("remote process: a slot is waited for, and the error says who has them", async (engine) => {
  await using _agent = await startAgent(engine.url, { slots: 1 });
  using context = contextAt(engine);
  const child = new context.Process({ target: targets.endless, stdout: "piped" });
  child.start();
  await child.stdout.getReader().read();
  using hasty = getContext(engine.tcpUrl, { authkey: AUTHKEY, startTimeout: 300 });
  const second = new hasty.Process({ target: targets.print });
  assertThrows(
    () => second.start(),
    TimeoutError,
    `Cannot start "${second.name}" within 300 ms: 1 host, 1 slot, all taken; the last by "MainProcess"`,
  );
  const third = new context.Process({ target: targets.print });
  child.kill(); // its slot is free when the agent has seen its end, for which the third waits
  third.start();
  assert(await third.join({ timeout }));
  assert(await child.join({ timeout }));
});

engineTest("remote process: a launch with another key is refused", async (engine) => {
  await using _agent = await startAgent(engine.url);
  using context = contextAt(engine, { authkey: new Uint8Array([1]) });
  const child = new context.Process({ target: targets.print });
  assertThrows(() => child.start(), ProcessError, "it is signed with another key than that of this host's agent");
  assertEquals(context.activeChildren(), []);
  // The agent has nothing in a tree that it was only to refuse something in.
  const [root] = (await engine.treeKeys()).filter((key) => key.endsWith("}:alive"));
  await until("the agent to leave", async () => await engine.command("HLEN", root) === 1);
});

engineTest("remote process: what a host does not give is refused, naming it", async (engine) => {
  await using _agent = await startAgent(engine.url, { args: ["--grant", "--allow-read"] });
  using context = contextAt(engine);
  const child = new context.Process({ target: targets.print });
  assertThrows(() => child.start(), Deno.errors.NotCapable, 'on host "east": its agent does not give the permission');
});

engineTest("remote process: with its host it is lost", async (engine) => {
  await using east = await startAgent(engine.url, { slots: 1 });
  using context = contextAt(engine);
  const child = new context.Process({ target: targets.endless, stdout: "piped" });
  child.start();
  await child.stdout.getReader().read();
  await east.kill("SIGKILL");
  await leasePasses(engine, { lost: "2" }); // the agent
  assert(await child.join({ timeout }));
  assertEquals([child.exitcode, child.lostHost], [-9, true]);
  await until("the process to end", () => !isRunning(child.pid!));
});

hostTest("remote process: options that need this machine are refused", (context) => {
  const refused = (options: object, why: string) => {
    const child = new context.Process({ target: targets.print, ...options });
    assertThrows(() => child.start(), Deno.errors.NotSupported, why);
  };
  refused({ permissions: "none" }, '"permissions" of its own');
  refused({ permissions: "none", maxSharedMemory: 1 }, '"permissions" of its own');
});

hostTest("remote process: where it begins is said, or refused", (context) => {
  const child = new context.Process({ target: targets.print, cwd: "/no/such/folder" });
  assertThrows(() => child.start(), Deno.errors.NotFound, 'on host "east": it has no directory "/no/such/folder"');
});
