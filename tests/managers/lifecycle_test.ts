// What becomes of managers when processes end: servers, their starters, clients; in mid-call, by themselves or by force.

import { activeChildren, EOFError, Event, type Process, Queue, TimeoutError } from "@parallel/multiprocessing";
import { BaseManager, type BaseProxy, type Proxied, RemoteError } from "@parallel/multiprocessing/managers";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { dumps } from "@parallel/multiprocessing/reduction";
import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { native } from "../../src/addon/load.ts";
import * as targets from "../fixtures/managers/lifecycle_targets.ts";
import { FIXTURES, isRunning, outputOf, runProgram, startProgram, until, within } from "../support/helpers.ts";
import { bothWays, objectsOf, processOf } from "./suite.ts";

const { Manages, Thing } = targets;
const MAIN = new URL("managers/lifecycle_main.ts", FIXTURES);
type ThingProxy = Proxied<InstanceType<typeof Thing>>;

bothWays(
  "a server that is killed in mid-call fails every pending and later call, naming it and how it ended",
  async ({ context }) => {
    await using manager = new Manages({ ctx: context });
    await manager.start();
    const thing = await manager.Thing();
    const pid = await thing.pid();
    using came = new Event();
    using cameTwice = new Event();
    using said = new Queue<string>();
    const pending = Array.from({ length: 5 }, () => thing.never(came));
    const blocked = new context.Process({ target: targets.callBlocked, args: [said, thing as ThingProxy, cameTwice] });
    blocked.start();
    await came.wait();
    await cameTwice.wait();
    Deno.kill(pid, "SIGKILL");
    const message = RegExp(`the manager's server "Things-\\d+" \\(pid ${pid}\\) was ended by SIGKILL`);
    const errors = await Promise.all(pending.map((call) => assertRejects(() => call, EOFError)));
    for (const error of errors) assertMatch(error.message, message);
    assertMatch(await within(said.get()), message);
    await blocked.join();
    assertMatch((await assertRejects(() => thing.pid(), EOFError)).message, message);
    assertMatch(assertThrows(() => thing.sync.pid(), EOFError).message, message);
    assertMatch((await assertRejects(() => manager.Thing(), EOFError)).message, message);
    await assertRejects(() => manager.numberOfObjects(), EOFError);
    assertEquals(await manager.join(), true);
    await manager.shutdown();
    await assertRejects(() => thing.pid(), EOFError);
  },
);

bothWays("a server whose method exits fails the calls, with its exit code", async ({ context }) => {
  await using manager = new Manages({ ctx: context });
  await manager.start();
  const thing = await manager.Thing();
  const error = await assertRejects(() => Promise.resolve(thing.exit(3)), EOFError);
  assertMatch(
    error.message,
    /^Cannot call "exit": the manager's server "Things-\d+" \(pid \d+\) ended with exit code 3$/,
  );
  await manager.shutdown();
});

bothWays("an error that nobody catches in the server does not end it", async ({ context }) => {
  await using manager = new Manages({ ctx: context });
  await manager.start();
  const thing = await manager.Thing();
  await thing.throwLater();
  for (let i = 0; i < 20; i++) assertEquals(await thing.echo(i), i);
});

bothWays(
  "a client that is killed in mid-call costs nobody else anything; what it had is dropped",
  async ({ context }) => {
    await using manager = new Manages({ ctx: context });
    await manager.start();
    const thing = await manager.Thing();
    const { clients } = await manager.stats();
    using came = new Event();
    const other = new context.Process({ target: targets.callOften, args: [thing as ThingProxy, 300] });
    other.start();
    for (let i = 0; i < 3; i++) {
      came.clear();
      const child = new context.Process({
        target: targets.callForEver,
        args: [await manager.Thing() as ThingProxy, came],
      });
      child.start();
      await came.wait();
      child.kill();
      await child.join();
    }
    assertEquals(await other.join() && other.exitcode, 0);
    await until("the clients gone", async () => (await manager.stats()).clients === clients);
    assertEquals(await thing.echo(1), 1);
  },
);
for (const method of ["spawn", "forkserver"]) {
  Deno.test(`the server and its pool end with a starter that is killed (${method})`, async () => {
    await using program = startProgram(MAIN, { args: ["stay", method] });
    const all = JSON.parse(await program.said("all")) as number[];
    assertEquals([all.length, all.every(isRunning)], [3, true]);
    program.kill();
    await until("their end", () => !all.some(isRunning));
  });

  Deno.test(`Ctrl-C reaches the server, which goes on until its starter ends (${method})`, async () => {
    await using program = startProgram(MAIN, { args: ["stay", method] });
    const all = JSON.parse(await program.said("all")) as number[];
    Deno.kill(all[0], "SIGINT");
    const calls = () => program.output.match(/call answered/g)?.length ?? 0;
    const before = calls();
    await until("more calls", () => calls() > before + 3);
    assert(isRunning(all[0]));
    program.kill("SIGINT");
    const { signal } = await program.outcome();
    assertEquals(signal, "SIGINT");
    await until("their end", () => !all.some(isRunning));
  });
}

const ends = { forgotten: 0, blocked: 0, exit: 3, throw: 1 };
for (const [way, wanted] of Object.entries(ends)) {
  Deno.test(`a program that does not shut its manager down ends nevertheless, and leaves nothing: ${way}`, async () => {
    await using program = startProgram(MAIN, { args: [way] });
    const server = Number(await program.said("server"));
    const { code, stderr } = await program.outcome();
    assertEquals(code, wanted, stderr);
    await until("the server's end", () => !isRunning(server));
    if (way !== "throw") assertEquals(stderr, "");
  });
}

for (const method of ["spawn", "forkserver"]) {
  for (const way of ["async", "sync"]) {
    Deno.test(`a program without if (import.meta.main) fails with that sentence, once: ${way}, ${method}`, async () => {
      const { code, stdout, stderr } = await runProgram(new URL("managers/unguarded.ts", FIXTURES), {
        args: [method, way],
      });
      assertEquals([code, stdout, stderr.match(/`if \(import\.meta\.main\) \{ … \}`/g)?.length], [1, "", 1], stderr);
    });
  }
}

const stubborn: [what: string, ignoring: boolean, exitcode: number, steps: number][] = [
  ["loops for ever is terminated", false, -15, 1],
  ["does not listen to that either is killed", true, -9, 2],
];
for (const [what, ignoring, exitcode, steps] of stubborn) {
  bothWays(`a server that ${what}`, async ({ context }) => {
    const manager = new Manages({ ctx: context, shutdownTimeout: 150 });
    await manager.start();
    const process = await processOf(manager);
    const thing = await manager.Thing();
    using spins = new Event();
    using came = new Event();
    await thing.spinSoon(spins, { ignoring });
    await spins.wait();
    const call = thing.with({ timeout: 20 }).never(came);
    await assertRejects(() => call, TimeoutError, 'Cannot call "never": no answer came within 20 ms');
    const begin = performance.now();
    await manager.shutdown();
    assert(performance.now() - begin >= steps * 150 - 5);
    assertEquals(process.exitcode, exitcode);
    await assertRejects(() => thing.pid(), EOFError);
  });
}

bothWays("time-outs and signals end a call, and neither the line nor the server", async ({ context }) => {
  await using manager = new Manages({ ctx: context });
  await manager.start();
  const thing = await manager.Thing();
  using came = new Event();
  using go = new Event();
  await assertRejects(() => thing.with({ timeout: 10 }).wait(came, go), TimeoutError, "within 10 ms");
  assertThrows(() => thing.with({ timeout: 10 }).sync.wait(came, go), TimeoutError, "within 10 ms");
  await assertRejects(() => thing.with({ timeout: 0 }).echo(1), TimeoutError, "within 0 ms");
  assertThrows(() => thing.with({ timeout: 0 }).sync.echo(1), TimeoutError, "within 0 ms");
  const controller = new AbortController();
  const aborted = thing.with({ signal: controller.signal }).wait(came, go);
  await came.wait();
  controller.abort(new RangeError("enough"));
  const reason = await assertRejects(() => aborted, RangeError, "enough");
  assertEquals(reason, controller.signal.reason);
  await assertRejects(() => thing.with({ signal: controller.signal }).echo(1), RangeError, "enough");
  assertThrows(() => thing.with({ signal: controller.signal }).sync.echo(1), RangeError, "enough");
  assertEquals(await thing.with({ timeout: 60_000, signal: new AbortController().signal }).echo(2), 2);
  // Late answers are nobody else's.
  go.set();
  for (let i = 0; i < 100; i++) assertEquals([await thing.echo(i), thing.sync.echo(-i)], [i, -i]);
  assertThrows(() => thing.with({ timeuot: 5 } as never), TypeError, "timeuot");
  assertThrows(() => thing.with({ timeout: "5" } as never), TypeError, "timeout");
});

bothWays("a call that waits for its turn, and is not wanted any more, is not begun", async ({ context }) => {
  await using manager = new Manages({ ctx: context });
  await manager.start();
  const thing = await manager.OneByOne();
  const [came, never, last] = [new Event(), new Event(), new Event()];
  using go = new Event();
  const first = thing.wait(came, go);
  await came.wait();
  await assertRejects(() => thing.with({ timeout: 10 }).wait(never, go), TimeoutError);
  const killed = new context.Process({ target: targets.callForEver, args: [thing as ThingProxy, never] });
  const { clients } = await manager.stats(); // before it begins: it may be one of them at once
  killed.start();
  const third = thing.wait(last, go);
  await until("the client", async () => (await manager.stats()).clients > clients);
  killed.kill();
  await killed.join();
  await until("the client gone", async () => (await manager.stats()).clients === clients);
  go.set();
  assertEquals([await first, await third, await thing.echo("after"), never.isSet()], ["gone", "gone", "after", false]);
});

bothWays("blocking calls and promises at once: each has its own answer", async ({ context }) => {
  await using manager = new Manages({ ctx: context });
  await manager.start();
  const thing = await manager.Thing();
  using came = new Event();
  using go = new Event();
  const waiting = thing.wait(came, go);
  const calls = Array.from({ length: 200 }, (_, i) => thing.echo(i));
  for (let i = 0; i < 50; i++) assertEquals(thing.sync.echo(`sync ${i}`), `sync ${i}`);
  await came.wait();
  for (let i = 0; i < 50; i++) assertEquals(thing.sync.echo(i), i);
  assertEquals(await Promise.all(calls), Array.from({ length: 200 }, (_, i) => i));
  go.set();
  assertEquals(await waiting, "gone");
});

bothWays("two managers at once, also in each other's calls", async ({ context }) => {
  await using one = new Manages({ ctx: context });
  await using two = new Manages({ ctx: context });
  await Promise.all([one.start(), two.start()]);
  const [a, b] = [await one.Thing(), await two.Thing()];
  const [pidA, pidB] = [await a.pid(), b.sync.pid()];
  assert(pidA !== pidB);
  assertEquals(await a.callOther(b as ThingProxy), pidB);
  assertEquals(b.sync.callOtherSync(a as ThingProxy), pidA);
  assertEquals([await one.numberOfObjects(), await two.numberOfObjects()], [1, 1]);
  await one.shutdown();
  await assertRejects(() => b.callOther(a as ThingProxy), Error, "the manager's server");
  assertEquals(await b.pid(), pidB);
});

bothWays("a manager in a child, which forgets it: it ends with the child", async ({ context }) => {
  using said = new Queue<unknown>();
  const child = new context.Process({ target: targets.manageInChild, args: [said] });
  child.start();
  const [pid, text] = await within(said.get()) as [number, string];
  assertEquals(text, "hello");
  assertEquals(await child.join() && child.exitcode, 0);
  await until("the server's end", () => !isRunning(pid));
});

bothWays("proxies travel through grandchildren and queues, and outlive who had them made", async ({ context }) => {
  await using manager = new Manages({ ctx: context });
  await manager.start();
  const thing = await manager.Thing();
  const pid = await thing.pid();
  using said = new Queue<BaseProxy>();
  const through = new context.Process({
    target: targets.passThrough,
    args: [said as Queue<unknown>, thing as ThingProxy],
  });
  through.start();
  const same = await within(said.get()) as ThingProxy;
  await through.join();
  assertEquals([String(same), await same.pid()], [String(thing), pid]);

  const maker = new context.Process({ target: targets.makeAndEnd, args: [said as Queue<unknown>, thing as never] });
  maker.start();
  await maker.join(); // the proxy is under way, and nobody else has one
  await objectsOf(manager, 2);
  {
    using made = await within(said.get()) as ThingProxy;
    assertEquals([await made.pid(), await made.echo(7)], [pid, 7]);
  }
  await objectsOf(manager, 1);
});

bothWays("threads are clients of their own; one that is terminated leaves nothing", async ({ context }) => {
  await using manager = new Manages({ ctx: context });
  await manager.start();
  const thing = await manager.Thing();
  const pid = await thing.pid();
  const { clients } = await manager.stats();
  const url = new URL("managers/thread_worker.ts", FIXTURES);
  const workers = Array.from({ length: 3 }, () => new Worker(url, { type: "module" }));
  const answers = workers.map((worker) => new Promise((done) => worker.onmessage = ({ data }) => done(data)));
  for (const worker of workers) worker.postMessage({ bytes: dumps(thing).bytes.slice(), n: 20 });
  assertEquals(await Promise.all(answers), [pid, pid, pid]);
  assertEquals((await manager.stats()).clients, clients + 3);
  workers[0].postMessage({ bytes: dumps(thing).bytes.slice(), n: 1e9 });
  for (const worker of workers) worker.terminate();
  await until("the threads gone", async () => (await manager.stats()).clients === clients);
  assertEquals(await thing.pid(), pid);
}, 1);

bothWays("a caged child uses what it was given, and does the server no harm", async ({ context }) => {
  await using manager = new Manages({ ctx: context });
  await manager.start();
  const thing = await manager.Thing();
  using said = new Queue<Record<string, string>>();
  for (const permissions of ["none", "inherit"] as const) {
    const child = new context.Process({ target: targets.misuse, args: [said, thing as ThingProxy], permissions });
    child.start();
    const outcomes = await within(said.get());
    assertEquals(await child.join() && child.exitcode, 0);
    const only = "of a manager's server: only the manager itself may, not its proxies";
    assertEquals(outcomes["use it"], "done: hello");
    assertEquals(outcomes["use it again"], "done: again");
    assertEquals(outcomes["shut the server down"], `Cannot call "shutdown" ${only}`);
    assertEquals(outcomes["create"], `Cannot call "create" ${only}`);
    assertEquals(outcomes["list objects"], `Cannot call "debugInfo" ${only}`);
    assertMatch(outcomes["another object"], /^Cannot find object 0x[0-9a-f]+: there is no such object/);
    assertEquals(outcomes["take the rings of others"], "done: true,true,true,true");
    assertEquals(
      outcomes["keep the bell"],
      "Cannot keep a queue: another process does, or it was not made for that",
    );
    assertEquals(outcomes["shut the bell down"], "done: undefined");
    assertEquals(outcomes["close the bell"], "done: undefined");
    assertEquals([await thing.echo("fine"), thing.sync.echo("still")], ["fine", "still"]);
    assertEquals(await manager.numberOfObjects(), 1);
  }
});

Deno.test("a proxy of a server that has ended is told so, and no object of a later one", async () => {
  const first = new Manages();
  await first.start();
  const thing = await first.Thing();
  const foreign = await first.Thing();
  await first.shutdown();
  await using second = new Manages();
  await second.start();
  await second.Thing();
  await assertRejects(() => thing.pid(), EOFError);
  foreign.close();
  assertThrows(() => foreign.sync.pid(), Error, "closed");
  foreign.close();
  assertStringIncludes(String(foreign), "(closed)");
  assert(RemoteError.prototype instanceof Error && BaseManager.prototype !== null);
});

Deno.test("managers that come and go leave no process, and no shared memory", async () => {
  const once = async () => {
    const manager = new Manages();
    await manager.start();
    using thing = await manager.Thing();
    await thing.pid();
    await manager.shutdown();
  };
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  const blocks = () => (gc(), native().memoryUsage().blocks);
  await once();
  const before = blocks();
  for (let i = 0; i < 5; i++) await once();
  let now = 0;
  await until("as many blocks as before", () => (now = blocks()) <= before).catch(() => assertEquals(now, before));
  assertEquals(activeChildren().filter(({ name }) => name.startsWith("Things")), [] as Process[]);
});

Deno.test("a program with a manager prints nothing of its own", async () => {
  assertMatch(await outputOf(MAIN, { args: ["forgotten"] }), /^server \d+\n$/);
});
