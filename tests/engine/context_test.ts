// A context on an engine: one for each tree, closed in order, and what it says of itself.

import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { EngineUnavailableError, getContext, InvalidStateError } from "@parallel/multiprocessing";
import { dumps } from "@parallel/multiprocessing/reduction";
import { engineTest } from "../support/engine.ts";
import { FIXTURES, outputOf, runProgram, until } from "../support/helpers.ts";

engineTest("a context is that of its engine, until it is closed", async (engine) => {
  const context = getContext(engine.url, {});
  assertEquals(String(context), `<RemoteContext(redis+unix://${engine.socket}?db=0)>`);
  assertStrictEquals(getContext(engine.url, {}), context);
  assertThrows(() => getContext(engine.url, { lease: 5_000 }), InvalidStateError, "was made with others before");
  assertEquals(context.cpuCount(), 0);
  assertEquals(context.activeChildren(), []);
  assert((await engine.treeKeys()).length > 0);
  context.close();
  context.close();
  assertThrows(() => context.cpuCount(), InvalidStateError, "it is closed");
  using other = getContext(engine.url, { lease: 5_000 });
  assert(other !== context);
});

engineTest("a context has one start method", (engine) => {
  using context = getContext(engine.url, {});
  assertEquals([context.getStartMethod(), context.getAllStartMethods()], ["spawn", ["spawn"]]);
  assertThrows(() => context.getContext("forkserver"), RangeError, 'no start method "forkserver" on hosts');
  assertThrows(() => dumps(context), TypeError, "a context belongs to one process");
});

engineTest("classes of a context have their names, can be extended, and want new", (engine) => {
  using context = getContext(engine.url, {});
  class Mine extends context.RLock {
    readonly mine = true;
  }
  using mine = new Mine();
  assert(mine instanceof Mine && mine instanceof context.RLock && mine.mine);
  using _ = mine.acquireSync();
  assert(mine.locked());
  using lock = new context.Lock();
  assert(lock instanceof context.Lock && !(mine instanceof context.Lock));
  assertEquals([context.Lock.name, context.Semaphore.name], ["Lock", "Semaphore"]);
  const call: () => void = context.Lock as never;
  assertThrows(() => call(), TypeError, 'Lock cannot be invoked without "new"');
  assertThrows(() => new context.Lock({ onOwnerDeth: "throw" } as never), TypeError, 'did you mean "onOwnerDeath"?');
});

engineTest("contexts reach the engine by its port, with its password, which nobody is shown", async (engine) => {
  using context = getContext(engine.tcpUrl, {});
  assert(!String(context).includes("s3cret"));
  assertEquals(context.cpuCount(), 0);
  const error = assertThrows(() => getContext(engine.tcpUrl.replace("s3cret", "wr0ng"), { lease: 2_000 }), Error);
  assert(!error.message.includes("wr0ng"), error.message);
  assertEquals((await engine.connections()).length > 0, true);
}, { password: "s3cret" });

engineTest("an engine that is not there is told in time", async (engine) => {
  const url = engine.tcpUrl;
  await engine.kill();
  const error = assertThrows(() => getContext(url, {}), EngineUnavailableError);
  assert(error.message.includes(`127.0.0.1:${engine.port}`), error.message);
  await engine.start();
});

engineTest("an engine that may drop keys is refused", async (engine) => {
  await engine.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru");
  await assertRejects(() => Promise.try(() => getContext(engine.url, {})), Error, "noeviction");
});

for (const [how, code] of [["returns", 0], ["exits", 3]] as const) {
  engineTest(`a root that ${how} leaves its tree`, async (engine) => {
    const ended = await runProgram(new URL("engine/roots.ts", FIXTURES), { args: [engine.url, how] });
    assertEquals([ended.code, ended.signal], [code, null], ended.stderr);
    assertEquals(await engine.treeKeys(), []);
  });
}

engineTest("a root that ends while the engine is away waits for it once, and not for its patience", async (engine) => {
  const args = [engine.url, "leaves a frozen engine", `${engine.pid}`];
  try {
    const ended = await runProgram(new URL("engine/roots.ts", FIXTURES), { args });
    assertEquals([ended.code, ended.signal], [3, null], ended.stderr);
  } finally {
    engine.thaw();
  }
}, { leavesTrees: true });

engineTest("a Worker is told to leave contexts on engines to the main thread", async (engine) => {
  const output = await outputOf(new URL("engine/roots.ts", FIXTURES), { args: [engine.url, "in a worker"] });
  assertStringIncludes(output, "in a Worker: get it in the main thread");
});

engineTest("contexts that come and go leave nothing behind: no object, thread, connection or key", async (engine) => {
  const sessions: WeakRef<object>[] = [];
  const once = async () => {
    const context = getContext(engine.url, {});
    sessions.push(new WeakRef(context), new WeakRef(context.Process));
    const held = new context.Lock();
    held.acquireSync();
    const queue = new context.Queue<number>();
    await queue.put(1);
    assertEquals(await queue.get(), 1);
    assertThrows(() => dumps(new context.Process({ target: String })), TypeError);
    context.close();
  };
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  const threads = () => [...Deno.readDirSync("/proc/self/task")].length;
  const left = () => (gc(), sessions.filter((it) => it.deref() !== undefined).length);
  const counts = async () => [left(), threads(), (await engine.connections()).length];
  await once();
  const before = await counts();
  for (let i = 0; i < 10; i++) await once();
  // A thread may still hold the last of them somewhere.
  before[0] = 2;
  const isAsBefore = async () => (await counts()).every((n, i) => n <= before[i]);
  await until("as little as before", isAsBefore).catch(async () => assertEquals(await counts(), before));
  assertEquals(await engine.treeKeys(), []);
});
