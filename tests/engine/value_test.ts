// Values and arrays of a context on an engine.

import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { getContext, InvalidStateError, OwnerDiedError } from "@parallel/multiprocessing";
import type { RemoteContext } from "@parallel/multiprocessing/context";
import type { RemoteString } from "../../src/engine/array.ts";
import * as targets from "../fixtures/engine_data_targets.ts";
import { AUTHKEY, startAgent } from "../support/agent.ts";
import { type Engine, engineTest } from "../support/engine.ts";
import { PATIENCE } from "../support/helpers.ts";

const timeout = PATIENCE;

/** A test with a context. */
function dataTest(name: string, run: (context: RemoteContext, engine: Engine) => unknown): void {
  engineTest(name, async (engine) => {
    using context = getContext(engine.url as "redis://", { authkey: AUTHKEY, startTimeout: PATIENCE });
    await run(context, engine);
  });
}

/** How many steps and looks the engine has done. */
async function calls(engine: Engine): Promise<number> {
  const stats = await engine.command("INFO", "commandstats") as string;
  return Number(stats.match(/cmdstat_fcall:calls=(\d+)/)?.[1] ?? 0);
}

dataTest("remote value: it is a plain property, whatever its type", (context) => {
  const given = {
    i8: -128,
    u8: 255,
    i16: -1,
    u16: 65_535,
    i32: -5,
    u32: 4e9,
    f32: 0.5,
    f64: 0.1,
    c: 65,
    u: "ß",
  } as const;
  for (const [code, init] of Object.entries(given)) {
    using value = context.Value(code as "f64", init as number);
    assertEquals(value.value, init as number, code);
    using zero = context.Value(code as "f64");
    assertEquals(zero.value as unknown, code === "u" ? "\0" : 0, code);
    zero.value = init as number;
    assertEquals([zero.value, zero.getObj().value], [init as number, init as number], code);
  }
  using big = context.Value("i64", -(2n ** 63n));
  big.value += 1n;
  assertEquals(big.value, 1n - 2n ** 63n);
});

dataTest(
  "remote value: what is written under its lock is there after a condition's wait, however deep",
  async (context) => {
    using value = context.Value("i32", 1);
    const lock = value.getLock();
    using condition = new context.Condition(lock);
    const read = async () => {
      using _ = await lock.acquire();
      return value.value;
    };
    {
      // Promises that begin at once do not know of each other: the engine counts two levels.
      const [first, second] = await Promise.all([condition.acquire(), condition.acquire()]);
      value.value = 2;
      condition.notify();
      assertEquals(value.value, 2);
      assertEquals(await condition.wait({ timeout: 1 }), false);
      assertEquals(value.value, 2);
      value.value = 3;
      second.release();
      assertEquals(value.value, 3);
      value.value = 4;
      first.release();
    }
    assertEquals([lock.locked(), await read()], [false, 4]);
  },
);

dataTest(
  "remote value: += under its lock takes two steps, and one without contention for each access",
  async (context, engine) => {
    using value = context.Value("i32", 1);
    // The least of some tries: the threads of the client greet and beat when they like.
    const count = async (use: () => void) => {
      let least = Infinity;
      for (let i = 0; i < 5; i++) {
        const before = await calls(engine);
        use();
        least = Math.min(least, await calls(engine) - before);
      }
      return least;
    };
    assertEquals(
      await count(() => {
        using _guard = value.acquireSync();
        value.value = 1;
        value.value += 1;
        value.value += 1;
        value.getObj().value += 1;
      }),
      2,
    );
    assertEquals(await count(() => assertEquals(value.value, 4)), 1);
    assertEquals(await count(() => value.value = 5), 1);
    using bare = context.Value("i32", 1, { lock: false });
    assertEquals(await count(() => bare.value += 1), 2);
    using numbers = context.Array("u8", 1024);
    assertEquals(
      await count(() => {
        using _guard = numbers.acquireSync();
        for (let i = 0; i < 1024; i++) numbers.set(i, (numbers.get(i) + i % 7) % 7);
      }),
      2,
    );
    assertEquals([...numbers.slice() as Uint8Array], Array.from({ length: 1024 }, (_, i) => 5 * i % 7));
    using large = context.Array("u8", 1025);
    assertEquals(await count(() => large.setSlice(0, new Uint8Array(1025).fill(1))), 1);
  },
);

dataTest("remote value: what its lock is, and what is refused, as locally", (context) => {
  using lock = new context.Lock();
  using value = context.Value("i32", 3, { lock });
  assertStrictEquals(value.getLock(), lock);
  {
    using _guard = value.acquireSync();
    assert(lock.locked());
    assertEquals(value.getObj().value, 3);
    assertEquals(value.tryAcquire(), null);
  }
  // deno-lint-ignore no-explicit-any
  const any = context as any;
  assertThrows(() => any.Value("nonsense"), TypeError, 'Cannot create a Value: bad typecode "nonsense"');
  assertThrows(() => any.Value("i8", 128), RangeError, 'Cannot store 128 as "i8"');
  assertThrows(() => any.Value("i8", "1"), TypeError, 'Cannot store "1" as "i8"');
  assertThrows(() => any.Value("i8", 1, { lock: 5 }), TypeError, '"lock" is 5, wanted a Lock, an RLock, true or false');
  assertThrows(() => any.Value("i8", 1, { look: true }), TypeError, '"look" is no option');
  assertThrows(() => any.Value("i8", 1, { lock, name: "x" }), TypeError, '"name" names the lock that is made for it');
  using local = new (getContext("spawn").Lock)();
  assertThrows(() => any.Value("i8", 1, { lock: local }), TypeError, '"lock" is');
  assertThrows(() => value.value = "3" as never, TypeError, 'Cannot store "3"');
  using named = any.Value("i8", 1, { name: "hits" });
  assertEquals(named.getLock().name, "hits");
  assertEquals(String(named).startsWith('<Synchronized(<RawValue("i8", 1)>, <RLock('), true, String(named));
  named.close();
  assertThrows(() => named.value, InvalidStateError, "Cannot get the value: the value is closed");
  assertThrows(() => named.acquireSync(), InvalidStateError, "closed");
  assertThrows(() => any.Array("i8", 4, { lock: false }), Deno.errors.NotSupported, "no memory that hosts share");
  assertThrows(() => any.Array("i8", -1), RangeError, "the size is -1");
  assertThrows(() => any.Array("i8", 2 ** 31), RangeError, "an engine keeps");
  assertThrows(() => any.Array("i8", {}), TypeError, "wanted something iterable");
});

dataTest("remote value: its lock may be released by another object of the same lock", async (context) => {
  using value = context.Value("i32", 1);
  const manager = await context.Manager();
  using list = await manager.list([value.getLock()]);
  using lock = await list.get(0) as ReturnType<typeof value.getLock>;
  value.acquireSync();
  value.value = 2;
  lock.release();
  assertEquals([lock.locked(), value.value], [false, 2]);
  lock.acquireSync();
  value.value = 3;
  value.release();
  assertEquals([lock.locked(), value.value], [false, 3]);
});

dataTest("remote array: elements, slices and characters, as locally", (context) => {
  using numbers = context.Array("f64", [1, 2, 3]);
  assertEquals([numbers.length, numbers.get(1), numbers.at(-1), [...numbers]], [3, 2, 3, [1, 2, 3]]);
  numbers.set(0, 10);
  assertEquals(numbers.slice(0, -1), Float64Array.of(10, 2));
  assertEquals(numbers.slice(-1), Float64Array.of(3));
  assertEquals(numbers.slice(2, 1), Float64Array.of());
  numbers.setSlice(1, [7, 8]);
  assertEquals([...numbers], [10, 7, 8]);
  assertThrows(() => numbers.get(3), RangeError, "index out of range: 3 was given, the length is 3");
  assertThrows(() => numbers.setSlice(2, [1, 2]), RangeError);
  assertThrows(() => numbers.set(0, "x" as never), TypeError);
  assertEquals(context.Array("f64", 0).slice(), new Float64Array());
  using text = context.Array("u", "grüße") as unknown as RemoteString<string, string>;
  assertEquals([text.value, text.raw, text.get(2)], ["grüße", "grüße", "ü"]);
  text.value = "ab";
  assertEquals([text.value, text.raw], ["ab", "ab\0ße"]);
  assertThrows(() => text.value = "too long", RangeError);
  using bytes = context.Array("c", "abc") as unknown as RemoteString<number, Uint8Array>;
  bytes.raw = "X";
  assertEquals([bytes.value, String(bytes).startsWith("<SynchronizedArray(")], [new TextEncoder().encode("Xbc"), true]);
});

dataTest("remote value: others count along, by steps and by promises, and nothing is lost", async (context, engine) => {
  await using _agent = await startAgent(engine.url);
  using counter = context.Value("i32");
  using numbers = context.Array("i32", [1000, 0, 0]);
  using large = context.Array("f64", 500);
  using copy = context.Array("f64", 500);
  large.setSlice(0, Float64Array.from({ length: 500 }, (_, i) => i));
  const children = [
    new context.Process({ target: targets.increment, args: [counter, 100] }),
    new context.Process({ target: targets.increment, args: [counter, 100] }),
    new context.Process({ target: targets.move, args: [numbers, 100] }),
    new context.Process({ target: targets.copyOver, args: [large, copy] }),
  ];
  for (const child of children) child.start();
  await targets.increment(counter, 100);
  targets.move(numbers, 100);
  for (const child of children) {
    assert(await child.join({ timeout }));
    assertEquals(child.exitcode, 0);
  }
  assertEquals(counter.value, 300);
  assertEquals([...numbers], [800, 0, 200]);
  assertEquals(copy.slice(), large.slice());
});

dataTest(
  "remote value: who is killed with the lock has changed nothing, and the next one is told",
  async (context, engine) => {
    await using _agent = await startAgent(engine.url);
    using counter = context.Value("i32", 7);
    const child = new context.Process({ target: targets.changeAndStay, args: [counter], stdout: "piped", name: "Ada" });
    child.start();
    await child.stdout.getReader().read();
    assertEquals(counter.getObj().value, 7);
    assertEquals(await counter.acquire({ timeout: 1 }), null);
    child.kill();
    assert(await child.join({ timeout }));
    const error = assertThrows(() => counter.value, OwnerDiedError, "SIGKILL") as OwnerDiedError;
    assertEquals([error.processName, error.host], ["Ada", "east"]);
    assertEquals(counter.value, 7);
    using recovering = new context.RLock({ onOwnerDeath: "recover" });
    using other = context.Value("i32", 8, { lock: recovering });
    const second = new context.Process({ target: targets.changeAndStay, args: [other], stdout: "piped" });
    second.start();
    await second.stdout.getReader().read();
    second.kill();
    using guard = await other.acquire();
    assertEquals([guard.ownerDied, other.value], [true, 99]); // its lock was given, so each access is a step of its own
    await assertRejects(() => Promise.try(() => context.Value("f64", "x" as never)), TypeError);
  },
);
