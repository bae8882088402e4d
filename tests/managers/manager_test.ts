// A manager's states, options and initializer, and what it tells of its server.

import {
  EOFError,
  getContext,
  InvalidStateError,
  Manager,
  Process,
  ProcessError,
  Queue,
} from "@parallel/multiprocessing";
import {
  BaseManager,
  type BaseProxy,
  type Proxied,
  RemoteError,
  SyncManager,
} from "@parallel/multiprocessing/managers";
import { dumps } from "@parallel/multiprocessing/reduction";
import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import * as targets from "../fixtures/managers/lifecycle_targets.ts";
import { isRunning } from "../support/helpers.ts";
import { bothWays, objectsOf, processOf } from "./suite.ts";

const { Manages, Calling, Thing } = targets;
type ThingProxy = Proxied<InstanceType<typeof Thing>>;

bothWays("a manager goes from state to state, and no other way", async ({ context }) => {
  const manager = new Manages({ ctx: context });
  assertEquals(String(manager), "<Things (initial)>");
  await manager.shutdown(); // nothing to shut down
  const notStarted = await assertRejects(() => manager.Thing(), InvalidStateError);
  assertStringIncludes(notStarted.message, "server not yet started");
  await assertRejects(() => manager.stats(), InvalidStateError, "server not yet started");
  await assertRejects(() => manager.join(), InvalidStateError);
  const starting = manager.start();
  await assertRejects(() => manager.start(), ProcessError, "Already started server");
  await starting;
  assertEquals(String(manager), "<Things (started)>");
  await assertRejects(() => manager.start(), ProcessError, "Already started server");
  assertThrows(() => manager.startSync(), ProcessError, "Already started server");
  const process = await processOf(manager);
  assertEquals([process.daemon, await manager.join({ timeout: 1 })], [true, false]);
  const thing = await manager.Thing();
  await manager.shutdown();
  await manager.shutdown();
  assertEquals([process.exitcode, await manager.join(), String(manager)], [0, true, "<Things (over)>"]);
  await assertRejects(() => manager.start(), ProcessError, "Manager has shut down");
  assertThrows(() => manager.startSync(), ProcessError, "Manager has shut down");
  await assertRejects(() => manager.Thing(), InvalidStateError, "Manager has shut down");
  const gone = await assertRejects(() => thing.pid(), EOFError);
  assertMatch(gone.message, /^Cannot call "pid": the manager's server "Things-\d+" \(pid \d+\) has ended$/);
  assertThrows(() => thing.sync.pid(), EOFError, "has ended");
});

bothWays("a manager that is shut down while it starts does not begin", async ({ context }) => {
  const manager = new Manages({ ctx: context });
  const refused = assertRejects(() => manager.start(), ProcessError, "Manager has shut down");
  await manager.shutdown();
  await refused;
  await assertRejects(() => manager.Thing(), InvalidStateError, "Manager has shut down");
});

bothWays(
  "TestInitializers.test_manager_initializer: it must be callable, and runs in the server",
  async ({ context }) => {
    for (const wrong of [1, "initialize", {}, []]) {
      const manager = new Manages({ ctx: context });
      await assertRejects(() => manager.start(wrong as never), TypeError, "wanted a function");
      assertThrows(() => manager.startSync(wrong as never), TypeError, "wanted a function");
      assertEquals(String(manager), "<Things (initial)>");
    }
    await using manager = new Manages({ ctx: context });
    await manager.start(targets.initialize, ["a", { b: [1n] }]);
    const thing = await manager.Thing();
    const pid = await thing.pid();
    assert(pid !== Deno.pid);
    assertEquals(await thing.given(), ["a", { b: [1n] }, pid]);
    await using named = new Manages({ ctx: context });
    named.startSync({ module: "../fixtures/managers/lifecycle_targets.ts", name: "initialize" }, [5]);
    const other = await named.Thing();
    assertEquals(other.sync.given(), [5, await other.pid()]);
  },
);

bothWays(
  "an initializer that throws is the error of the start; the manager can be started again",
  async ({ context }) => {
    await using manager = new Manages({ ctx: context });
    const error = await assertRejects(() => manager.start(targets.failInitializer), targets.InitializerFailed);
    assertEquals([error.message, (error.cause as Error).constructor], ["it does not begin", RemoteError]);
    assertEquals(String(manager), "<Things (initial)>");
    assertThrows(() => manager.startSync(targets.failInitializer), targets.InitializerFailed, "it does not begin");
    await assertRejects(
      () => manager.start(targets.exitInitializer),
      ProcessError,
      "ended with exit code 9 before it could",
    );
    assertThrows(
      () => manager.startSync(targets.exitInitializer),
      ProcessError,
      "ended with exit code 9 before it could",
    );
    await assertRejects(() => manager.start(targets.initialize, [() => {}]), TypeError);
    await manager.start(targets.initialize, ["at last"]);
    assertEquals((await (await manager.Thing()).given())[0], "at last");
  },
);

bothWays("what a manager tells of its server: stats, the number of objects, a text about each", async ({ context }) => {
  await using manager = new Manages({ ctx: context });
  await manager.start();
  assertEquals([await manager.numberOfObjects(), await manager.debugInfo()], [0, ""]);
  const things = [await manager.Thing(), await manager.Thing()];
  const { objects, clients, calls, uptime, pid, memory, blocks } = await manager.stats();
  assertEquals([objects, clients, pid, isRunning(pid)], [2, 1, await things[0].pid(), true]);
  assert(calls >= 4 && uptime > 0 && memory > 1e6 && blocks >= 5);
  const lines = (await manager.debugInfo()).split("\n");
  assertEquals(lines.length, 4);
  assertEquals(lines.filter((line) => /^ {2}0x[0-9a-f]+: Thing$/.test(line)).length, 2);
  for (const thing of things) assertStringIncludes(lines.join(), /at (0x\w+)>/.exec(String(thing))![1]);
  things[0].close();
  await objectsOf(manager, 1);
  {
    await using _ = things[1];
  }
  await objectsOf(manager, 0);
});

bothWays("a `restore` or `reduce` that calls the server while a message is read or written", async ({ context }) => {
  await using manager = new Manages({ ctx: context });
  await manager.start();
  const thing = await manager.Thing();
  const said = (it: unknown) => (it as InstanceType<typeof Calling>).said;
  // The server itself calls its own object there, without a line.
  assertEquals(said(thing.sync.echo(new Calling(thing as ThingProxy, 1))), "reduced reduced 1");
  const many = await Promise.all(
    Array.from({ length: 50 }, (_, i) => i % 2 === 0 ? thing.echo(i) : thing.echo(new Calling(thing as ThingProxy, i))),
  );
  assertEquals(
    many.map((it, i) => i % 2 === 0 ? it : said(it)),
    many.map((_, i) => i % 2 === 0 ? i : `reduced reduced ${i}`),
  );
  // A call that blocks takes the answers of others on its way, whose values make calls of their own.
  const pending = Array.from({ length: 20 }, (_, i) => thing.echo(new Calling(thing as ThingProxy, i)));
  for (let i = 0; i < 20; i++) assertEquals(thing.sync.echo(i), i);
  assertEquals((await Promise.all(pending)).map(said), Array.from({ length: 20 }, (_, i) => `reduced reduced ${i}`));
});

Deno.test("a context's Manager has a server of its processes, and so has one with `ctx`", async () => {
  for (const method of ["spawn", "forkserver"] as const) {
    await using manager = await getContext(method).Manager();
    const process = await processOf(manager);
    assertEquals(process.constructor.name, method === "spawn" ? "SpawnProcess" : "ForkServerProcess");
    assertMatch(process.name, /^SyncManager-\d+$/);
    await using other = new SyncManager({ ctx: getContext(method) });
    await other.start();
    assertEquals((await processOf(other)).constructor, process.constructor);
  }
  await using usual = await Manager();
  assert((await processOf(usual)) instanceof Process);
});

Deno.test("options of managers are checked", () => {
  for (const shutdownTimeout of [-1, NaN]) {
    const message = `"shutdownTimeout" is ${shutdownTimeout}`;
    assertThrows(() => new BaseManager({ shutdownTimeout }), RangeError, message);
  }
  const wrong: [options: unknown, message: string][] = [
    [{ shutdownTimeout: "5" }, '"shutdownTimeout" is "5"'],
    [{ ctx: {} }, "wanted a context of getContext()"],
    [{ ctx: "spawn" }, "wanted a context of getContext()"],
    [{ shutdowntimeout: 5 }, "shutdowntimeout"],
  ];
  for (const [options, message] of wrong) {
    assertStringIncludes(assertThrows(() => new BaseManager(options as never), TypeError).message, message);
  }
});

Deno.test("a manager is not sent; its proxies are", async () => {
  await using manager = new Manages();
  await manager.start();
  assertThrows(() => dumps(manager), TypeError, "a manager belongs to the process that has started its server");
  using queue = new Queue<BaseProxy>();
  const thing = await manager.Thing();
  queue.putSync(thing);
  assertEquals(String(queue.getSync()), String(thing));
  thing.close();
  assertThrows(() => queue.putSync(thing), Error, "closed");
});
