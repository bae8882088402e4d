// The manager of a context on an engine: what the tests of managers say of dict, list, set, Namespace and the like, said of
// it. What it does not have, or has otherwise, is a list here.

import { getContext, InvalidStateError, type Process, ProcessError, RemoteError } from "@parallel/multiprocessing";
import type { LocalContext } from "@parallel/multiprocessing/context";
import type { SyncManager } from "@parallel/multiprocessing/managers";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { Managed } from "../managers/managed.ts";
import { elsewhere } from "../managers/suite.ts";
import { AUTHKEY, startAgent } from "../support/agent.ts";
import { engineTest } from "../support/engine.ts";
import { PATIENCE } from "../support/helpers.ts";

const NOT_SEEN_BLOCKED = "who waits for an engine is not blocked by a lock of the kernel, which the test looks at";

/** The tests that it does not pass, and why. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  "a lock whose holder is killed: the next one learns it, wherever it waits": NOT_SEEN_BLOCKED,
  "a waiter that is killed holds up nobody": NOT_SEEN_BLOCKED,
  "shut down, all are told, and what is inside still comes": NOT_SEEN_BLOCKED,
  "what is in shared memory goes on when the server is killed": "there is no server to be killed",
  "who is killed with an item leaves the others theirs":
    "an item goes back into the queue if its taker died before the engine knew that it had come",
  "TestSyncManagerTypes.test_lock: the parent releases what a worker acquired":
    "whoever ends with a lock has died with it",
  "proxies travel in a manager's queue, and keep what they stand for": "only containers are counted",
  "an iteration goes on when the list's last proxy is closed, and ends with the server":
    "an iteration is no object on an engine, which has no server to be ended",
  "shared objects and proxies of another manager can be stored":
    "objects of this machine's memory are refused, and all managers of a tree have the same objects",
  "containers that come and go leave no memory behind": "there is no server whose memory could be looked at",
  "objects go when nobody has a proxy of them any more": "only containers are counted",
  "what made no sense is said before anything is made": "the action of a barrier is looked for when it is sent",
  "a proxy that says that it is of a shared object of another kind is refused":
    "the messages of an engine are made otherwise",
  "closed proxies leave nothing in shared memory": "there is no shared memory",
  "an iteration fails at once when the server is killed, and calls do": "there is no server to be killed",
  "with freeze, copies arrive frozen; a server that is gone is told": "there is no server to be killed",
  "who uses only what is in shared memory is no client of the server": "there is no server",
};

const known = new Set<string>();

elsewhere((name, test) => {
  known.add(name);
  engineTest(`${name} (redis)`, async (engine) => {
    await using _agent = await startAgent(engine.url, { slots: 8 });
    using context = getContext(engine.url as "redis://", { authkey: AUTHKEY, startTimeout: PATIENCE });
    const started: Managed["started"] = (target, ...args) => {
      const child = new context.Process({ target, args });
      child.start();
      return child as unknown as Process;
    };
    const managed: Managed = {
      method: "spawn",
      context: context as unknown as LocalContext,
      isServed: false,
      manager: await context.Manager(),
      started,
      another: () => context.Manager(),
      async run(target, ...args) {
        const child = started(target, ...args);
        assert(await child.join({ timeout: PATIENCE }), `${child} has not ended`);
        assertEquals(child.exitcode, 0, child.name);
      },
      killServer: () => Promise.resolve(), // there is none
    };
    await (test as (managed: Managed) => unknown)(managed);
  }, { leftOut: LEFT_OUT[name] ?? null });
});

for (const file of ["dict", "list", "set", "namespace", "nested", "limited", "synchronize", "values", "queues"]) {
  await import(`../managers/${file}_test.ts`);
}

Deno.test("what is left out of the tests of managers is among them", () => {
  for (const name of Object.keys(LEFT_OUT)) assert(known.has(name), name);
});

engineTest("a manager on an engine says what it does not have, and why", async (engine) => {
  using context = getContext(engine.url as "redis://", { authkey: AUTHKEY, maxMessage: 1024 * 1024 });
  const manager = await context.Manager();
  await assertRejects(() => context.Manager({ address: null }), TypeError, '"address" is no option');
  await assertRejects(() => manager.start(), ProcessError, "Already started");
  await assertRejects(() => manager.connect(), Deno.errors.NotSupported, "no server of its own");
  await assertRejects(() => manager.Pool(2), Deno.errors.NotSupported, "make a Pool of the context");
  await assertRejects(() => manager.create("Nonsense"), RemoteError, 'no such type, wanted "dict"');
  await assertRejects(() => manager.stats(), Deno.errors.NotSupported, "no server of its own");
  assertThrows(() => manager.getServer(), Deno.errors.NotSupported, "no server of its own");
  const Class = manager.constructor as typeof SyncManager;
  assertThrows(() => Class.register("Maths", class Maths {}), Deno.errors.NotSupported, 'Cannot register "Maths"');
  using dict = await manager.dict<string, unknown>({ a: 1 });
  await assertRejects(() => dict.set("large", "x".repeat(2 ** 20)), RangeError, "Cannot store a value of");
  assertEquals([await dict.items(), manager.address, await manager.numberOfObjects()], [[["a", 1]], null, 1]);
  await manager.shutdown();
  await assertRejects(() => manager.dict(), InvalidStateError, "the manager was shut down");
  assertEquals([await dict.get("a"), await manager.join()], [1, true]);
});
