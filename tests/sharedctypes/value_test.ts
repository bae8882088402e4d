// Value, its type codes and its lock.

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { InvalidStateError, OwnerDiedError } from "../../src/errors.ts";
import { Process } from "../../src/process.ts";
import { dumps } from "../../src/reduction/serialise.ts";
import { Array as SharedArray, RawArray, RawValue, Value } from "../../src/sharedctypes/factories.ts";
import { Structure } from "../../src/sharedctypes/structure.ts";
import { Lock, RLock } from "../../src/synchronize.ts";
import * as targets from "../fixtures/sharedctypes/sharedctypes_targets.ts";
import { CODES, RANGES, run, sent } from "../support/sharedctypes.ts";

for (const code of CODES) {
  Deno.test(`Value, Array: type "${code}" holds its range and refuses everything else`, () => {
    const [bytes, good, bad] = RANGES[code];
    using value = Value(code as "i");
    using array = SharedArray(code as "i", 3);
    assertEquals(array.getObj().BYTES_PER_ELEMENT, bytes);
    for (const item of good as number[]) {
      value.value = item;
      array.set(1, item);
      assertEquals([value.value, array.get(1)], [item, item]);
      using initial = Value(code as "i", item);
      assertEquals(initial.value, item);
    }
    const before = [value.value, ...array];
    for (const item of bad as number[]) {
      const isKind = typeof item === typeof good[0];
      const ErrorClass = isKind ? RangeError : TypeError;
      assertThrows(() => value.value = item, ErrorClass, "Cannot store");
      assertThrows(() => array.set(1, item), ErrorClass, "Cannot store");
      assertThrows(() => array.setSlice(0, [good[0] as number, item]), ErrorClass, "Cannot store");
      assertThrows(() => RawArray(code as "i", [item]), ErrorClass, "Cannot store");
      if (item !== undefined) assertThrows(() => Value(code as "i", item), ErrorClass, "Cannot store");
    }
    assertEquals([value.value, ...array], before);
    assertEquals(value.getLock().locked() || array.getLock().locked(), false);
  });
}

Deno.test("bad typecodes are refused", () => {
  for (const code of ["x", "", "i33", 1, null, undefined, {}]) {
    const action = `bad typecode ${Deno.inspect(code)}, wanted`;
    assertThrows(() => Value(code as "i"), TypeError, `Cannot create a Value: ${action}`);
    assertThrows(() => RawValue(code as "i"), TypeError, `Cannot create a RawValue: ${action}`);
    assertThrows(() => SharedArray(code as "i", 1), TypeError, `Cannot create an Array: ${action}`);
    assertThrows(() => RawArray(code as "i", 1), TypeError, `Cannot create a RawArray: ${action}`);
    assertThrows(() => Structure({ a: code as "i" }), TypeError, `Cannot define the field "a": ${action}`);
  }
});

Deno.test("sizes that are none are refused", () => {
  for (const size of [-1, 1.5, NaN, Infinity, 2 ** 53]) {
    assertThrows(() => RawArray("i", size), RangeError, `the size is ${size}, wanted an integer >= 0`);
    assertThrows(() => SharedArray("i", size), RangeError, `the size is ${size}`);
    assertThrows(() => RawArray(Structure({ n: "i" }), size), RangeError, `the size is ${size}`);
  }
  for (const size of [2 ** 40, 2 ** 52]) {
    assertThrows(() => RawArray("d", size), RangeError);
    assertThrows(() => RawArray(Structure({ n: "i" }), size), RangeError, "Cannot allocate shared memory");
  }
  for (const init of [null, undefined, {}, true, 1n, "12"]) {
    assertThrows(() => RawArray("i", init as number), TypeError, "wanted something iterable");
  }
});

Deno.test("TestValue.test_value: changes by a child are seen by the parent", async () => {
  const values = [Value("i", 4343), Value("d", 3.625), Value("h", -232), Value("q", 2n ** 33n)];
  const raw = [RawValue("u", "x"), RawValue("L", 2n ** 53n)];
  await run(targets.setAll, [...values, ...raw] as never[], [8, -2.5, 24, 1n, "y", 2n ** 63n]);
  assertEquals([...values, ...raw].map(({ value }) => value), [8, -2.5, 24, 1n, "y", 2n ** 63n]);
  values.forEach((value) => value.close());
});

Deno.test("TestValue.test_getobj_getlock: which lock a value has", () => {
  for (const options of [undefined, {}, { lock: true } as const, { lock: undefined }]) {
    using value = Value("i", 5, options);
    assert(value.getLock() instanceof RLock);
    assertEquals(value.getObj().value, 5);
  }
  for (const lock of [new Lock(), new RLock()]) {
    using value = Value("i", 5, { lock });
    assertStrictEquals(value.getLock(), lock);
    value.value += 1;
    assertEquals([value.getObj().value, lock.locked()], [6, false]);
    value.close();
    assertEquals(lock.locked(), false); // given, so not closed
    lock[Symbol.dispose]();
  }
  for (const raw of [Value("i", 5, { lock: false }), RawValue("i", 5)]) {
    assertEquals("getLock" in raw || "getObj" in raw, false);
    raw.close();
  }
  for (const lock of ["navalue", null, 0, {}, { acquire() {} }]) {
    assertThrows(() => Value("i", 5, { lock: lock as never }), TypeError, 'Cannot create a Value: "lock" is');
  }
});

Deno.test("Value: getting and setting inside of an explicit acquisition", () => {
  using value = Value("i", 1);
  const lock = value.getLock();
  {
    using _guard = value.acquireSync();
    value.value += 1;
    assertEquals(String(lock), "<RLock(MainProcess, 1)>");
    const inner = value.tryAcquire();
    value.value += 1;
    inner?.release();
    assert(lock.locked());
  }
  assertEquals([value.value, lock.locked()], [3, false]);
  assertThrows(() => value.release(), InvalidStateError, "not owned by thread");
});

Deno.test("Value: the wrapper's own acquire, as CPython's wrappers have it", async () => {
  using value = Value("i", 1, { lock: new Lock() });
  const guard = await value.acquire();
  assertEquals(await value.acquire({ timeout: 1 }), null);
  assertEquals(value.acquireSync({ timeout: 0 }), null);
  assertEquals(value.tryAcquire(), null);
  guard.release();
  value.acquireSync();
  value.release();
  assertEquals(value.getLock().locked(), false);
  value.getLock()[Symbol.dispose]();
});

Deno.test("Value: use after close is refused, and closing twice is not", () => {
  for (const value of [Value("i", 1), Value("i", 1, { lock: new RLock() })]) {
    const raw = value.getObj();
    value.close();
    value.close();
    assertThrows(() => value.value, InvalidStateError, "Cannot get the value: the value is closed");
    assertThrows(() => value.value = 2, InvalidStateError, "Cannot set the value: the value is closed");
    assertThrows(() => raw.value, InvalidStateError, "closed");
    assertThrows(() => dumps(value), InvalidStateError);
  }
  const value = Value("i", 1);
  value.getLock()[Symbol.dispose]();
  assertThrows(() => value.value, InvalidStateError, "closed");
  const other = Value("i", 2); // has the memory now
  assertThrows(() => value.value = 3, InvalidStateError, "closed");
  assertEquals(other.value, 2);
  other.close();
});

Deno.test("Value: what is sent is a handle to the same value and lock", () => {
  using lock = new Lock();
  for (const value of [Value("q", 1n), Value("q", 1n, { lock })]) {
    const [copy, raw, again] = sent([value, value.getObj(), value] as const);
    assertStrictEquals(copy, again);
    assertStrictEquals(copy.getObj(), raw);
    copy.value += 1n;
    assertEquals(value.value, 2n);
    const guard = copy.acquireSync();
    assert(value.getLock().locked());
    guard.release();
    assertEquals(value.getLock().locked(), false);
    value.close();
    copy.value += 1n;
    assertEquals(raw.value, 3n);
    copy.close();
  }
});

Deno.test("Value: counted by two Workers and this thread, nothing is lost", async () => {
  using counter = Value("i", 0);
  const { bytes } = dumps(counter);
  const times = 20_000;
  const workers = [1, 2].map(() =>
    new Worker(new URL("../fixtures/sharedctypes/sharedctypes_worker.ts", import.meta.url), { type: "module" })
  );
  const done = workers.map((worker) => new Promise((resolve) => worker.onmessage = resolve));
  for (const worker of workers) worker.postMessage({ message: bytes, times });
  targets.increment(counter, times);
  await Promise.all(done);
  for (const worker of workers) worker.terminate();
  assertEquals(counter.value, 3 * times);
});

Deno.test("Value: counted by two processes, nothing is lost", async () => {
  using counter = Value("i", 0);
  const children = [1, 2].map(() => new Process({ target: targets.increment, args: [counter, 20_000] }));
  for (const child of children) child.start();
  for (const child of children) await child.join();
  for (const child of children) child.close();
  assertEquals(counter.value, 40_000);
});

Deno.test("Value: the death of the lock's holder is reported once", async () => {
  using value = Value("i", 0);
  const child = new Process({ target: targets.dieWith, args: [value] });
  child.start();
  await child.join();
  child.close();
  assertThrows(() => value.value, OwnerDiedError, "was ended by SIGKILL while it held it");
  assertEquals(value.value, 1);
});

Deno.test("Value.update: what two processes do is done one after the other", async () => {
  using counter = Value("i", 0);
  const children = [0, 1].map(() => new Process({ target: targets.incrementByUpdate, args: [counter, 20_000] }));
  for (const child of children) child.start();
  for (const child of children) await child.join();
  for (const child of children) child.close();
  assertEquals(counter.value, 40_000);
});

Deno.test("Value.update: the value then is returned, and the lock is free whatever happened", () => {
  for (const lock of [true, new Lock()] as const) {
    using value = Value("f32", 1, { lock });
    assertEquals(value.update((it) => it + 1), 2);
    assertEquals(value.update(() => 0.1), Math.fround(0.1)); // as it is stored
    value.value = 3;
    assertThrows(
      () =>
        value.update(() => {
          throw new RangeError("not today");
        }),
      RangeError,
      "not today",
    );
    assertThrows(() => value.update((() => Promise.resolve(4)) as never), TypeError, "Cannot store");
    assertThrows(() => value.update((() => undefined) as never), TypeError, "Cannot store");
    for (const change of [undefined, null, 4, {}]) {
      assertThrows(() => value.update(change as never), TypeError, "Cannot update the value: the change is");
    }
    assertEquals([value.value, value.getLock().locked()], [3, false]);
  }
  using small = Value("u8", 255);
  assertThrows(() => small.update((it) => it + 1), RangeError, "Cannot store");
  // A recursive lock is this thread's all the while.
  assertEquals(small.update((it) => small.update((inner) => inner - it + 7) + small.value), 14);
  assertEquals([small.value, small.getLock().locked()], [14, false]);
  small.close();
  assertThrows(() => small.update((it) => it), InvalidStateError, "Cannot update the value");
});

Deno.test("Value.update: a process that is killed in its midst leaves the value as it was, and is told", async () => {
  using value = Value("i", 5);
  const child = new Process({ target: targets.dieInUpdate, args: [value] });
  child.start();
  await child.join();
  child.close();
  assertThrows(() => value.update((it) => it + 1), OwnerDiedError, "was ended by SIGKILL while it held it");
  assertEquals(value.update((it) => it + 1), 6);
});
