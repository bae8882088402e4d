// Types of the user's: what may be registered, what of an object is exposed, and what proxies of it do.

import { type Process, Queue } from "@parallel/multiprocessing";
import {
  BaseManager,
  type BaseProxy,
  type Proxied,
  RemoteError,
  SyncManager,
} from "@parallel/multiprocessing/managers";
import { dumps, loads } from "@parallel/multiprocessing/reduction";
import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import * as targets from "../fixtures/managers/register_targets.ts";
import { ODD_THROWN } from "../fixtures/odd_thrown.ts";
import { tellClass } from "../fixtures/managers/lifecycle_targets.ts";
import { LateProxy } from "../fixtures/managers/late_proxy.ts";
import { PlainProxy } from "../fixtures/managers/plain_proxy.ts";
import { within } from "../support/helpers.ts";
import { bothWays, objectsOf, processOf } from "./suite.ts";

const { Counter, CounterProxy, Inside, Maths, Odd, OutOfStock } = targets;

class FooBars extends BaseManager {}
const Foos = FooBars
  .register("Foo", targets.FooBar)
  .register("Bar", targets.FooBar, { exposed: ["f", "_h"] })
  .register("baz", targets.baz);

class Registered extends BaseManager {}
const Typed = Registered
  .register("Maths", Maths, { methodToTypeid: { counter: "Counter", nobody: "Counter" } })
  .register("Counter", null, { proxytype: CounterProxy })
  .register("Listed", Maths, { exposed: ["add", "with", "then", "secret", "name", "missing"] })
  .register("Inside", Inside)
  .register("One", Inside, { concurrency: 1 })
  .register("Three", Inside, { concurrency: 3 })
  .register("Odd", Odd)
  .register("the", targets.theCounter)
  .register("failing", targets.failing)
  .register("slow", targets.slowCounter)
  .register("Kept", Counter, { exposed: ["increment", "value"] });

bothWays("TestMyManager.test_mymanager: exposure by default and by list, generators, errors", async ({ context }) => {
  const manager = new Foos({ ctx: context });
  await manager.start();
  const process = await processOf(manager);
  const foo = await manager.Foo();
  const bar = await manager.create("Bar");
  assertEquals(["f" in foo, "g" in foo, "_h" in foo], [true, true, false]);
  assertEquals(["f" in bar, "g" in bar, "_h" in bar], [true, false, true]);
  assertEquals([await foo.f(), foo.sync.f(), await bar.f(), await bar._h()], ["f()", "f()", "f()", "_h()"]);
  await assertRejects(() => foo.g(), RangeError, "as in CPython");
  assertThrows(() => foo.sync.g(), RangeError, "as in CPython");
  assertEquals([await foo.callmethod("f"), await bar.callmethod("_h")], ["f()", "_h()"]);
  const refused = await assertRejects(() => foo.callmethod("_h"), RemoteError);
  assertEquals(refused.message, 'Cannot call "_h" of a "Foo": it does not expose it, but "f", "g"');
  assertEquals(await Array.fromAsync(await manager.baz()), Array.from({ length: 10 }, (_, i) => i * i));
  await manager.shutdown();
  assertEquals(process.exitcode, 0);
});

bothWays("TestMyManager.test_mymanager_context: it is shut down at the end of its block", async ({ context }) => {
  let process: Process;
  {
    await using manager = new Foos({ ctx: context });
    await manager.start();
    process = await processOf(manager);
    assertEquals(await (await manager.Foo()).f(), "f()");
  }
  assertEquals(process.exitcode, 0);
});

bothWays("TestMyManager.test_mymanager_context_prestarted: one that was started before", async ({ context }) => {
  const manager = new Foos({ ctx: context });
  manager.startSync();
  const process = await processOf(manager);
  {
    await using _ = manager;
    assertEquals((await manager.Bar()).sync._h(), "_h()");
  }
  assertEquals(process.exitcode, 0);
});

bothWays("a generator that throws has given what it gave before", async ({ context }) => {
  await using manager = new Typed({ ctx: context });
  await manager.start();
  const maths = await manager.Maths("m");
  for (const n of [0, 1, 16, 17, 100]) { // in the first chunk, between two, and in a later one
    for (const iterate of [() => maths.broken(n), () => maths.brokenLater(n), () => maths.sync.broken(n)]) {
      const seen: number[] = [];
      const all = async () => {
        for await (const item of iterate()) seen.push(item);
      };
      await assertRejects(all, RangeError, "no more");
      assertEquals(seen, Array.from({ length: n }, (_, i) => i));
    }
  }
});

bothWays("what a type exposes: public methods and getters, nothing that could be mistaken", async ({ context }) => {
  await using manager = new Typed({ ctx: context });
  await manager.start();
  const maths = await manager.Maths("m");
  for (const name of ["then", "_private", "toJSON", "constructor", "secret", "#calls", "hasOwnProperty", "__proto__"]) {
    await assertRejects(() => maths.callmethod(name), RemoteError, "it does not expose it");
    await assertRejects(() => maths.callmethod(`.${name}`), RemoteError, "it does not expose it");
    await assertRejects(() => maths.callmethod(`=${name}`, [1]), RemoteError, "it does not expose it");
  }
  await assertRejects(() => maths.callmethod("=calls", [5]), RemoteError, "it does not expose it");
  await assertRejects(() => maths.callmethod("*upTo", [5]), RemoteError, "it does not expose it");
  // A name that every proxy has itself is called by callmethod; others of the object come first.
  assertEquals(await maths.callmethod("with", ["x"]), "with x");
  assertEquals(await maths.with({ timeout: 60_000 }).add(1, 2), 3);
  assertEquals([await maths.close(), await maths.add(1, 2)], ["the object's own", 3]);
  // A proxy can be awaited, since no method of the object's is `then`.
  assertEquals(await (await maths).add(1, 2), 3);
  assertMatch(JSON.stringify(maths), /^"<AutoProxy\[Maths\] object, typeid 'Maths' at 0x[0-9a-f]+>"$/);

  const listed = await manager.Listed("l") as unknown as Proxied<InstanceType<typeof Maths>> & { missing(): unknown };
  assertEquals(await listed.callmethod("then"), "then");
  assertEquals(await listed.callmethod("with", ["y"]), "with y");
  assertEquals([await listed.secret, listed.sync.secret], ["a field", "a field"]);
  listed.sync.secret = "another";
  listed.sync.name = "other";
  assertEquals([await listed.secret, await listed.name], ["another", "other"]);
  await assertRejects(() => Promise.resolve(listed.missing()), RemoteError, 'Cannot call "missing" of a "Listed"');
  await assertRejects(() => listed.callmethod("upTo", [3]), RemoteError, 'but "add", "with", "then", "secret"');
  assertEquals("upTo" in listed, false);

  // Names that would be taken for something else in a request are not exposed.
  const odd = await manager.Odd();
  assertEquals(await odd.callmethod("a b"), "a b");
  for (const name of ["*star", "star", ".dot", "dot", "__proto__"]) {
    await assertRejects(() => odd.callmethod(name), RemoteError, "it does not expose it");
  }
});

Deno.test("whatever a method throws is its call's error, and the server goes on", async () => {
  await using manager = new Typed();
  await manager.start();
  const odd = await manager.Odd();
  for (const kind of Object.keys(ODD_THROWN)) {
    const error = await within(odd.callmethod("fail", [kind]).then(() => "nothing", (error) => error));
    assert(typeof error === "object" && error !== null, `${kind}: ${typeof error}`);
  }
  await assertRejects(() => odd.callmethod("fail", ["a revoked proxy"]), RemoteError);
  const error = await assertRejects(() => within(odd.callmethod("failNested", [3000])), Error, "level 2999");
  assertMatch((error.cause as Error).message, /^level 2998$/);
  assertEquals(await odd.callmethod("a b"), "a b");
});

bothWays("results are copies, iterators are iterated, and further proxies are proxies", async ({ context }) => {
  await using manager = new Typed({ ctx: context });
  await manager.start();
  const maths = await manager.Maths("m");
  assertEquals(await maths.point(), { x: 3, y: 4 });
  assertEquals(Object.getPrototypeOf(await maths.point()), Object.prototype);
  assertEquals([await Array.fromAsync(maths.upTo(2000)), [...maths.sync.upTo(3)]].map((it) => it.length), [2000, 3]);
  assertEquals(await Array.fromAsync(maths.later(3)), [{ x: 0, y: 0 }, { x: 1, y: 1 }, { x: 2, y: 2 }]);
  assertEquals([await Array.fromAsync(maths.pairs()), [...maths.sync.pairs()]], [[["a", 1], ["b", 2]], [["a", 1], [
    "b",
    2,
  ]]]);
  for await (const n of maths.upTo(1e9)) if (n === 5) break; // an iteration that is given up is dropped
  await objectsOf(manager, 1);
  using counter = await maths.counter(5);
  assertEquals([await counter.increment(), counter.sync.increment(2), await counter.twice()], [6, 8, 10]);
  assertEquals(counter.sync instanceof CounterProxy, false);
  assertEquals(maths.sync.counter(1) instanceof CounterProxy, true);
  assertEquals(await maths.nobody(), null as unknown);
  // The proxy of an object is the object, where its server gets it.
  assertEquals([await maths.take(counter, 90), maths.sync.take(counter, 100)], [100, 200]);
  assertEquals(await counter.increment(), 201);
});

bothWays("what makes objects: the same object has one id, promises are awaited, errors arrive", async ({ context }) => {
  await using manager = new Typed({ ctx: context });
  await manager.start();
  const [one, two] = [await manager.the(), await manager.create("the")];
  assertEquals([String(one) === String(two), await one.increment(), await two.increment()], [true, 101, 102]);
  assertEquals(await manager.numberOfObjects(), 1);
  one.close();
  assertEquals([await manager.numberOfObjects(), await two.increment()], [1, 103]);
  two.close();
  await objectsOf(manager, 0);
  assertEquals(await (await manager.the()).increment(), 104); // it is the same object, of another id
  assertEquals(await (await manager.slow(7)).increment(), 8);
  const error = await assertRejects(() => manager.failing(), OutOfStock);
  assertEquals([error.item, error.message], ["counters", "no counters"]);
  await assertRejects(() => manager.create("nope" as "the"), RemoteError, 'Cannot create a "nope": no such type was');
  const given = await manager.create("Counter", { increment: "not a function, and no class has it" });
  await assertRejects(() => given.callmethod("increment"), RemoteError, "it does not expose it, but nothing");
  const create = manager.create as unknown as (typeid: string, ...args: unknown[]) => Promise<BaseProxy>;
  for (const args of [[], [1, 2]]) {
    const wrong = await assertRejects(() => Reflect.apply(create, manager, ["Counter", ...args]), Error);
    assertStringIncludes(wrong.message, `its only argument is the object itself; ${args.length} were given`);
  }
});

bothWays(
  "errors keep class, message, properties and cause; their stack is the user's, there and at the call",
  async ({ context }) => {
    await using manager = new Typed({ ctx: context });
    await manager.start();
    const maths = await manager.Maths("m");
    async function caller() {
      return await maths.fail();
    }
    const error = await assertRejects(caller, OutOfStock) as InstanceType<typeof OutOfStock> & { remoteStack: string };
    assertEquals([error.name, error.message, error.item], ["OutOfStock", "none of 7", "screws"]);
    const cause = error.cause as TypeError;
    assertEquals([cause.constructor, cause.message], [TypeError, "the reason"]);
    const remote = cause.cause as RemoteError;
    assert(remote instanceof RemoteError);
    assertStringIncludes(remote.remoteStack, "at Maths.fail");
    const there = String.raw`^OutOfStock: none of 7\n +at Maths\.fail \(.*\n +at fail \(a manager's server\)\n`;
    assertMatch(error.stack!, RegExp(String.raw`${there} +at async caller \(.*register_test\.ts:\d+:\d+\)`));
    assertEquals(error.stack!.includes("/src/managers/"), false);
    assertMatch(error.remoteStack, /^OutOfStock: none of 7\n +at Maths\.fail/);
    function callerSync() {
      return maths.sync.fail();
    }
    const sync = assertThrows(callerSync, OutOfStock);
    assertMatch(sync.stack!, RegExp(String.raw`${there} +at callerSync \(.*register_test\.ts:\d+:\d+\)`));
    assertEquals(await maths.throwText().then(() => 0, (thrown: unknown) => thrown), "just a text");
  },
);

bothWays("what cannot be sent fails its call, and nothing else", async ({ context }) => {
  await using manager = new Typed({ ctx: context });
  await manager.start();
  const maths = await manager.Maths("m");
  await assertRejects(() => maths.callmethod("add", [() => {}, 1]), TypeError);
  await assertRejects(() => maths.unsendable(), TypeError, "private");
  assertThrows(() => maths.sync.unsendable(), TypeError, "private");
  await assertRejects(() => maths.getvalue(), TypeError, 'it has a method "then"');
  assertEquals([await maths.add(1, 2), maths.sync.add(3, 4)], [3, 7]);
  assertEquals(await (await manager.Kept(3)).getvalue(), { value: 3 });
  assertEquals((await manager.Kept(3)).sync.describe(), "Counter { value: 3 }");
});

bothWays(
  "async methods come between each other, sync ones do not; `concurrency` has them wait",
  async ({ context }) => {
    await using manager = new Typed({ ctx: context });
    await manager.start();
    const enter = async (it: Pick<Proxied<InstanceType<typeof Inside>>, "enter" | "most" | "enterSync" | "now">) => {
      await Promise.all(Array.from({ length: 12 }, () => it.enter()));
      const most = await it.most;
      await Promise.all(Array.from({ length: 20 }, () => it.enterSync()));
      return [most > 3 ? "many" : most, await it.now];
    };
    assertEquals(await enter(await manager.Inside()), ["many", 20]);
    assertEquals(await enter(await manager.One()), [1, 20]);
    assertEquals(await enter(await manager.Three()), [3, 20]);
  },
);

bothWays("a class of proxies is used by every process that can have it", async ({ context }) => {
  await using manager = new Typed({ ctx: context });
  await manager.start();
  using said = new Queue<unknown>();
  const maths = await manager.Maths("m");
  const counter = await maths.counter(1);
  assert(counter instanceof CounterProxy);
  for (const permissions of ["inherit", "none"] as const) {
    const child = new context.Process({ target: targets.useCounter, args: [said, counter], permissions });
    child.start();
    const [isOne, twice, ten, text] = await within(said.get()) as [boolean, number, number, string];
    assertEquals([isOne, text], [true, "<CounterProxy object, typeid 'Counter' at 0x…>"]);
    assertEquals(ten, twice + 10);
    await child.join();
    assertEquals(child.exitcode, 0);
  }
});

bothWays(
  "a process that has not loaded a class of proxies loads it at once, or does without it",
  async ({ context }) => {
    class Own extends BaseManager {}
    const Classes = Own.register("Plain", Counter, { proxytype: PlainProxy })
      .register("Late", Counter, { proxytype: LateProxy });
    await using manager = new Classes({ ctx: context });
    await manager.start();
    const [plain, late] = [await manager.Plain(), await manager.Late()];
    assertEquals([plain instanceof PlainProxy, late instanceof LateProxy], [true, true]); // they were registered here
    assertEquals([await plain.twice(), await late.twice()], [2, 2]);
    using said = new Queue<unknown>();
    const seenBy = async (proxy: BaseProxy, permissions: "inherit" | "none") => {
      const child = new context.Process({ target: tellClass, args: [said, proxy], permissions });
      child.start();
      const seen = await within(said.get());
      await child.join();
      return seen;
    };
    assertEquals(await seenBy(plain, "inherit"), ["PlainProxy", true, 3]);
    assertEquals(await seenBy(late, "inherit"), ["AutoProxy[Late]", false, 3]); // it awaits at its top level
    assertEquals(await seenBy(plain, "none"), ["AutoProxy[Plain]", false, 4]); // a message has it load nothing
  },
);

bothWays(
  "a method that gives a proxy does so of a proxy that has travelled (CPython fails there)",
  async ({ context }) => {
    await using manager = new Typed({ ctx: context });
    await manager.start();
    using said = new Queue<unknown>();
    const maths = await manager.Maths("m");
    const child = new context.Process({ target: targets.passOn, args: [said, maths as never] });
    child.start();
    assertEquals(await within(said.get()), 6);
    await child.join();
  },
);

Deno.test("what cannot be registered is refused, with the reason", () => {
  class Own extends BaseManager {}
  const register = (...args: unknown[]) => () => Reflect.apply(Own.register, Own, args);
  const refused: [args: unknown[], message: string | RegExp][] = [
    [[5], "its name is 5, wanted a string"],
    [[""], "wanted a string that is not empty"],
    [["x", 5], "what makes it is 5, wanted a function, a class, { module, name } or nothing"],
    [["x", "Maths"], "wanted a function, a class"],
    [["x", Maths, { exposed: "add" }], '"exposed" is "add", wanted an array of names'],
    [["x", Maths, { exposed: [Symbol.iterator] }], "Symbol(Symbol.iterator) cannot be exposed"],
    [["x", Maths, { exposed: ["#calls"] }], '"#calls" cannot be exposed'],
    [["x", Maths, { exposed: ["constructor"] }], '"constructor" cannot be exposed'],
    [["x", Maths, { exposed: ["__proto__"] }], '"__proto__" cannot be exposed'],
    [["x", Maths, { exposed: ["=add"] }], '"=add" cannot be exposed'],
    [["x", Maths, { methodToTypeid: "add" }], '"methodToTypeid" is "add"'],
    [["x", Maths, { methodToTypeid: { add: 5 } }], '"methodToTypeid" is { add: 5 }'],
    [["x", Maths, { methodToTypeid: { constructor: "y" } }], '"constructor" cannot be exposed'],
    [["x", Maths, { proxytype: Maths }], "wanted a subclass of BaseProxy"],
    [["x", Maths, { createMethod: "no" }], '"createMethod" is "no", wanted true or false'],
    [["x", Maths, { concurrency: 0 }], '"concurrency" is 0, wanted an integer >= 1'],
    [["x", Maths, { concurency: 1 }], "concurency"],
    ...["start", "shutdown", "create", "then", "constructor", "toString", "__proto__"].map((name) =>
      [[name, Maths], `Cannot register "${name}": a method of this name would be taken for`] as [unknown[], string]
    ),
    [["Own", Maths, { methodToTypeid: { add: "Own" } }], 'is to be a "Own", which has a callable'],
  ];
  for (const [args, message] of refused) {
    const error = assertThrows(register(...args), Error);
    assertStringIncludes(error.message, message as string);
  }
  Own.register("start", Maths, { createMethod: false });
  // A callable would be called with the method's result: whichever of the two comes first.
  Own.register("Counter", Counter);
  assertThrows(
    register("Maths", Maths, { methodToTypeid: { counter: "Counter" } }),
    TypeError,
    'Cannot register "Maths": the result of method "counter" of "Maths" is to be a "Counter", which has a callable: that ' +
      'would be called with the result; register "Counter" without one',
  );
  class Other extends BaseManager {}
  Other.register("Maths", Maths, { methodToTypeid: { counter: "Counter" } });
  assertThrows(() => Other.register("Counter", Counter), TypeError, 'Cannot register "Counter": the result of method');
});

bothWays("arguments that are no array are refused", async ({ context }) => {
  await using manager = new SyncManager({ ctx: context });
  await manager.start();
  for (const proxy of [await manager.dict(), await manager.Lock()]) {
    for (const [args, shown] of [[null, "null"], [5, "5"], ["x", '"x"'], [{ 0: 1 }, "{"]] as const) {
      const said = `the arguments are ${shown}`;
      const error = await assertRejects(() => proxy.callmethod("x", args as never), TypeError, said);
      assertStringIncludes(error.message, "wanted an array of arguments");
      assertThrows(() => proxy.sync.callmethod("x", args as never), TypeError, said);
    }
  }
});

Deno.test("what no module exports is refused at start, as a process's target is", async () => {
  const closure = () => new Counter();
  class Inner extends BaseManager {}
  Inner.register("closure", closure);
  const refused = await assertRejects(() => new Inner().start(), TypeError, "Cannot run");
  assertStringIncludes(
    refused.message,
    'cannot find what makes the objects of the type "closure"; register a function',
  );
  class Private extends BaseManager {}
  Private.register("Private", class Hidden {});
  assertThrows(() => new Private().startSync(), TypeError, "Cannot");
  class OwnProxy extends (await import("@parallel/multiprocessing/managers")).BaseProxy {}
  class Proxies extends BaseManager {}
  Proxies.register("Counter", Counter, { proxytype: OwnProxy });
  await assertRejects(() => new Proxies().start(), TypeError, "OwnProxy");
  class Unknown extends BaseManager {}
  Unknown.register("Maths", Maths, { methodToTypeid: { counter: "Nobody" } });
  await assertRejects(() => new Unknown().start(), TypeError, 'is to be a "Nobody", which is not registered');
  class Missing extends BaseManager {}
  Missing.register("x", { module: "../fixtures/managers/no_such_module.ts", name: "x" });
  const missing = await assertRejects(() => new Missing().start(), TypeError, 'Cannot run "x": a module is missing');
  assertStringIncludes(missing.message, "no_such_module.ts");
  class NoExport extends BaseManager {}
  NoExport.register("x", { module: "../fixtures/managers/register_targets.ts", name: "nothing" });
  await assertRejects(() => new NoExport().start(), TypeError, "exports no function of this name, but");
});

bothWays(
  "registering again overrides; subclasses inherit; a server has what was registered before",
  async ({ context }) => {
    class Base extends BaseManager {}
    class Sub extends Base {}
    Base.register("thing", Counter);
    Base.register("thing", Maths);
    await using sub = new Sub({ ctx: context });
    await sub.start();
    const typed = sub as unknown as { thing(name: string): Promise<Proxied<InstanceType<typeof Maths>>> };
    assertEquals(await (await typed.thing("x")).name, "x");
    Sub.register("late", Counter);
    const late = sub as unknown as { late(): Promise<BaseProxy> };
    await assertRejects(
      () => late.late(),
      RemoteError,
      'Cannot create a "late": no such type was registered when the server',
    );
    await using other = new Sub({ ctx: context });
    await other.start();
    const second = other as unknown as { late(start: number): Promise<Proxied<InstanceType<typeof Counter>>> };
    assertEquals(await (await second.late(1)).increment(), 2);
    assertEquals(["late" in new Base(), "thing" in new BaseManager(), "thing" in new SyncManager()], [
      false,
      false,
      false,
    ]);
  },
);

bothWays("a type of one's own may have the name of one of the package's", async ({ context }) => {
  class Own extends BaseManager {}
  Own.register("Queue", Counter);
  Own.register("Lock", Counter, { exposed: ["increment"] });
  await using manager = new Own({ ctx: context });
  await manager.start();
  for (const name of ["Queue", "Lock"]) {
    const counter = await manager.create(name, 5) as unknown as CounterLike;
    assertEquals([String(counter).split(" ")[0], await counter.increment()], [`<AutoProxy[${name}]`, 6]);
    const arrived = loads(dumps(counter).bytes) as CounterLike;
    assertEquals([await arrived.increment(), "acquire" in arrived, "put" in arrived], [7, false, false]);
  }
});

/** A proxy that counts. */
interface CounterLike {
  increment(): Promise<number>;
}
