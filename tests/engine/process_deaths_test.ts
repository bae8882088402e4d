// Processes on hosts whose agent, parent or self dies, or is stopped, where that is worst.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { getContext, ProcessError, TimeoutError } from "@parallel/multiprocessing";
import type { RemoteContext, RemoteContextOptions } from "@parallel/multiprocessing/context";
import * as targets from "../fixtures/remote_targets.ts";
import { AUTHKEY, startAgent } from "../support/agent.ts";
import { type Engine, engineTest } from "../support/engine.ts";
import { FIXTURES, freeze, isRunning, PATIENCE, startProgram, until, within } from "../support/helpers.ts";
import { HOSTS, leasePasses } from "../support/leases.ts";

const timeout = PATIENCE;
const KEY = { MULTIPROCESSING_AUTHKEY: new TextDecoder().decode(AUTHKEY) };

function contextAt(engine: Engine, options: RemoteContextOptions = {}): RemoteContext {
  return getContext(engine.url as "redis://", { authkey: AUTHKEY, startTimeout: PATIENCE, ...options });
}

engineTest("remote process: one that is killed while it begins is told by join", async (engine) => {
  await using _agent = await startAgent(engine.url);
  using context = contextAt(engine);
  const { neverImported } = await import("../fixtures/remote/never.ts"); // children import what this file does
  const child = new context.Process({ target: neverImported });
  child.start();
  Deno.kill(child.pid!, "SIGKILL");
  await assertRejects(() => child.join({ timeout }), ProcessError, "it was ended by SIGKILL before it began");
  assertEquals(child.exitcode, -9);
});

engineTest(
  "remote process: one whose start was given up never runs, though its agent hears of it later",
  async (engine) => {
    await using agent = await startAgent(engine.url);
    using context = contextAt(engine, { startTimeout: 5_000 });
    const path = Deno.makeTempFileSync();
    try {
      const given = new context.Process({ target: targets.touch, args: [path] });
      await freeze(agent.pid);
      try {
        assertThrows(() => given.start(), TimeoutError, 'the agent of host "east" does not answer');
      } finally {
        Deno.kill(agent.pid, "SIGCONT");
      }
      assertEquals(context.activeChildren(), []);
      // It takes launches in their order: behind this one it has seen the other.
      const next = await until("a start", () => {
        const child = new context.Process({ target: targets.exit, args: [0] });
        try {
          child.start();
          return child;
        } catch (error) {
          if (!(error instanceof TimeoutError)) throw error;
        }
      });
      assert(await next.join({ timeout }));
      assertEquals(Deno.readTextFileSync(path), "");
    } finally {
      Deno.removeSync(path);
    }
  },
);

engineTest("remote process: a start goes on elsewhere if its host is lost before it has taken it", async (engine) => {
  await using east = await startAgent(engine.url);
  await freeze(east.pid);
  await using root = startProgram(new URL("remote/elsewhere.ts", FIXTURES), { args: [engine.url], env: KEY });
  await root.said("starting");
  const taken = async () => await engine.command("EXISTS", `${HOSTS}taken:1`) === 1;
  await until("the place on the first host", taken);
  await using _west = await startAgent(engine.url, { name: "west" });
  await east.kill("SIGKILL");
  await leasePasses(engine, { prefix: HOSTS, lost: "east" });
  assertEquals(await root.said("on "), "west");
  assertEquals((await root.outcome()).code, 0);
});

engineTest("remote process: the output of one whose agent was killed ends", async (engine) => {
  await using east = await startAgent(engine.url);
  using context = contextAt(engine);
  const child = new context.Process({ target: targets.endless, stdout: "piped" });
  child.start();
  const reader = child.stdout.getReader();
  await reader.read();
  const rest = reader.read();
  await east.kill("SIGKILL");
  await leasePasses(engine, { lost: "2" });
  assertEquals((await within(rest)).done, true);
  assert(await child.join({ timeout }));
  assertEquals([child.exitcode, child.lostHost], [-9, true]);
  await until("the process to end", () => !isRunning(child.pid!));
});

engineTest("remote process: it hears of its parent's death, and goes on unless it is a daemon", async (engine) => {
  await using _agent = await startAgent(engine.url);
  const path = Deno.makeTempFileSync();
  try {
    const root = startProgram(new URL("remote/orphan.ts", FIXTURES), { args: [engine.url, path], env: KEY });
    const daemon = Number(await root.said("daemon "));
    await until("the child to begin", () => Deno.readTextFileSync(path) === "begun");
    root.kill("SIGKILL");
    await root.outcome();
    await leasePasses(engine, { lost: "1" });
    await until("the child to hear of it", () => Deno.readTextFileSync(path) === "true false");
    await until("the daemon to end", () => !isRunning(daemon));
  } finally {
    Deno.removeSync(path);
  }
});
