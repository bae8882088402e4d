// What the types make of classes that are registered. The check is the test; it is run for good measure.

import { type Lock, Manager } from "@parallel/multiprocessing";
import {
  BaseManager,
  type BaseProxy,
  type Copied,
  type ExportOf,
  type Proxied,
  SyncManager,
} from "@parallel/multiprocessing/managers";
import { assertEquals, assertRejects } from "@std/assert";
import {
  Counter,
  CounterProxy,
  Maths,
  MyManager,
  type Point,
  slowCounter,
  theCounter,
} from "../fixtures/managers/register_targets.ts";

/** Fails to be checked unless both types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;
const same = <A, B>(_: Same<A, B>) => {};

interface Mixed<T> {
  map: Map<string, Point>;
  list: readonly Point[];
  pair: [Point, Date];
  readonly lock: Lock;
  readonly value: T;
  method(): number;
}

Deno.test("copies are data: methods go, built-in objects, errors, shared objects and proxies stay", () => {
  same<Copied<Point>, { x: number; y: number }>(true);
  same<Copied<Mixed<RangeError>>["map"], Map<string, Copied<Point>>>(true);
  same<Copied<Mixed<RangeError>>["pair"], [Copied<Point>, Date]>(true);
  same<Copied<Mixed<RangeError>>["list"], readonly Copied<Point>[]>(true);
  same<Copied<Mixed<RangeError>>["lock"], Lock>(true);
  same<Copied<Mixed<RangeError>>["value"], RangeError>(true);
  same<"method" extends keyof Copied<Mixed<1>> ? true : false, false>(true);
  same<Copied<Proxied<Point>>, Proxied<Point>>(true);
  // deno-lint-ignore no-explicit-any -- it stays what it is
  same<Copied<any>, any>(true);
  same<Copied<unknown>, unknown>(true);
  same<Copied<string | Point | null>, string | { x: number; y: number } | null>(true);
});

const Typed = MyManager
  .register("Maths", Maths, { methodToTypeid: { counter: "Counter" } })
  .register("Counter", null, { proxytype: CounterProxy })
  .register("Start", Counter)
  .register("the", theCounter, { createMethod: false })
  .register("slow", slowCounter)
  .register("listed", Maths, { exposed: ["add", "_private", "secret", "then"] })
  .register("elsewhere", { module: "../fixtures/managers/register_targets.ts", name: "Maths" })
  .register(
    "typed",
    { module: "../fixtures/managers/register_targets.ts", name: "Counter" } as ExportOf<typeof Counter>,
  );

Deno.test("register widens the class: its managers make what was registered, typed", async () => {
  await using manager = new Typed({ shutdownTimeout: 60_000 });
  await manager.start();
  same<ReturnType<typeof manager.greet>, string>(true);

  const maths = await manager.Maths("m");
  const created = await manager.create("Maths", "m");
  same<typeof maths, typeof created>(true);
  const added = maths.add(1, 2);
  same<typeof added, Promise<number>>(true);
  const blocking = maths.sync.add(1, 2);
  same<typeof blocking, number>(true);
  const calls = maths.calls;
  same<typeof calls, Promise<number>>(true);
  const name: string = maths.sync.name;
  maths.sync.name = "other";
  same<typeof maths.sync.name, string>(true);
  const numbers = maths.upTo(3);
  same<typeof numbers, AsyncIterableIterator<number>>(true);
  const points = maths.later(2);
  same<typeof points, AsyncIterableIterator<{ x: number; y: number }>>(true);
  const pairs = maths.pairs();
  same<typeof pairs, AsyncIterableIterator<[string, number]>>(true);
  const blockingNumbers = maths.sync.upTo(3);
  same<typeof blockingNumbers, IterableIterator<number>>(true);
  const point = maths.point();
  same<typeof point, Promise<{ x: number; y: number }>>(true);
  const slow = maths.slow(1);
  same<typeof slow, Promise<{ x: number; y: number }[]>>(true);
  const slowAtOnce = maths.sync.slow(1);
  same<typeof slowAtOnce, { x: number; y: number }[]>(true);

  const counter = await maths.counter(5);
  const twice = counter.twice();
  same<typeof twice, Promise<number>>(true);
  const incremented = counter.increment(1);
  same<typeof incremented, Promise<number>>(true);
  const isCounterProxy: CounterProxy = counter;
  const taken = maths.take(counter, 1); // the method gets the object itself
  same<typeof taken, Promise<number>>(true);
  const withOptions = maths.with({ timeout: 60_000 }).add(1, 2);
  same<typeof withOptions, Promise<number>>(true);
  const asBase: BaseProxy = maths;

  const start = await manager.Start(3);
  same<typeof start, Awaited<ReturnType<typeof manager.slow>>>(true);
  const the = await manager.create("the");
  const listed = await manager.listed();
  same<keyof typeof listed & ("add" | "secret" | "_private" | "upTo" | "then"), "add" | "secret" | "_private">(true);
  const elsewhere = await manager.elsewhere(1, "whatever");
  const typed = await manager.typed(7);

  const mistakes = [
    // @ts-expect-error: an argument is missing
    () => maths.add(1),
    // @ts-expect-error: it is of the wrong type
    () => maths.sync.add(1, "2"),
    // @ts-expect-error: it has no such method
    () => maths.subtract(1, 2),
    // @ts-expect-error: a proxy's properties are assigned through `sync`
    () => maths.name = "x",
    // @ts-expect-error: it has no setter
    () => maths.sync.calls = 5,
    // @ts-expect-error: names that begin with "_" are not exposed
    () => maths._private(),
    // @ts-expect-error: nor is this
    () => maths.then(),
    // @ts-expect-error: nor are symbols
    () => maths[Symbol.toPrimitive](),
    // @ts-expect-error: it is not listed
    () => listed.upTo(1),
    // @ts-expect-error: the proxy is one of something else
    () => maths.take(maths, 1),
    // @ts-expect-error: what makes it takes a string
    () => manager.Maths(1),
    // @ts-expect-error: by this way, too
    () => manager.create("Maths", 1),
    // @ts-expect-error: an argument is missing
    () => manager.create("slow"),
    // @ts-expect-error: it has no method that makes one
    () => manager.the(),
    // @ts-expect-error: a copy has no methods
    async () => (await maths.point()).length(),
    // @ts-expect-error: there is no such option
    () => MyManager.register("x", Maths, { expose: ["add"] }),
    // @ts-expect-error: no class of proxies
    () => MyManager.register("x", Maths, { proxytype: Counter }),
    // @ts-expect-error: no function, class or export
    () => MyManager.register("x", 5),
  ];
  assertEquals(mistakes.length, 18);
  assertEquals(
    [await added, blocking, await calls >= 2, name, await maths.name, await Array.fromAsync(numbers)],
    [3, 3, true, "m", "other", [0, 1, 2]],
  );
  assertEquals(await Array.fromAsync(points), [{ x: 0, y: 0 }, { x: 1, y: 1 }]);
  assertEquals([await Array.fromAsync(pairs), [...blockingNumbers]], [[["a", 1], ["b", 2]], [0, 1, 2]]);
  assertEquals([await point, await slow, slowAtOnce], [{ x: 3, y: 4 }, [{ x: 1, y: 2 }], [{ x: 1, y: 2 }]]);
  // The first of the two calls of `twice` comes before the others, the second after them.
  assertEquals([await twice, await incremented, await taken], [9, 7, 8]);
  assertEquals([isCounterProxy instanceof CounterProxy, await withOptions, asBase === maths], [true, 3, true]);
  assertEquals([await start.increment(), await the.increment(), await typed.increment()], [4, 101, 8]);
  assertEquals([await listed._private(), listed.sync.secret], ["private", "a field"]);
  assertEquals(await (elsewhere as unknown as Proxied<Maths>).add(1, 1), 2);
});

Deno.test("a class that is widened keeps what it was: SyncManager's methods, and chains, and subclasses", async () => {
  class Own extends SyncManager {}
  const One = Own.register("Counter", Counter);
  class Two extends One {
    async both() {
      return [await this.Counter(1), await this.Counter(2)] as const;
    }
  }
  await using manager = new Two();
  await manager.start();
  const isSyncManager: SyncManager = manager;
  const [counter] = await manager.both();
  const dict = await manager.create("dict");
  assertEquals([await counter.increment(), isSyncManager === manager, String(dict).includes("'dict'")], [
    2,
    true,
    true,
  ]);
  // Registering again overrides, as in CPython.
  const Again = One.register("Counter", Maths);
  const typed = (it: InstanceType<typeof Again>) => {
    return it.Counter("name");
  };
  same<Parameters<typeof typed>[0] extends SyncManager ? true : false, true>(true);
  declareOnly(async () => {
    // @ts-expect-error: it is no counter any more
    (await typed(new Again())).increment();
    (await typed(new Again())).add(1, 2);
    const plain = await Manager();
    // @ts-expect-error: SyncManager itself knows nothing of it
    plain.Counter();
  });
  await assertRejects(() => (manager.create as (typeid: string) => Promise<BaseProxy>)("nope"), Error, "nope");
});

/** Is checked, and not run. */
function declareOnly(_: () => unknown): void {}

Deno.test("a base manager with nothing registered has no such methods", () => {
  const manager = new BaseManager();
  declareOnly(() => {
    // @ts-expect-error: there is none
    manager.Maths();
  });
  assertEquals("Maths" in manager, false);
});
