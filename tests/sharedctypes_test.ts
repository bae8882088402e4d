import { assert, assertEquals, assertNotStrictEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { InvalidStateError, OwnerDiedError } from "../src/errors.ts";
import { native } from "../src/native.ts";
import { Process } from "../src/process.ts";
import { dumps, loads } from "../src/reduction.ts";
import {
  Array as SharedArray,
  copy,
  RawArray,
  RawValue,
  Structure,
  synchronized,
  type TypeCode,
  Value,
} from "../src/sharedctypes.ts";
import { Lock, RLock } from "../src/synchronize.ts";
import * as targets from "./fixtures/sharedctypes_targets.ts";

/** What arrives when the value is sent. */
function sent<T>(value: T): T {
  return loads(dumps(value).bytes) as T;
}

async function run<A extends unknown[]>(target: (...args: A) => void, ...args: A): Promise<void> {
  const child = new Process({ target, args });
  child.start();
  await child.join();
  assertEquals(child.exitcode, 0);
  child.close();
}

/** Collects garbage until `isDone` says so. */
async function collectUntil(isDone: () => boolean): Promise<void> {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  while (!isDone()) {
    gc();
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

/** For each type: its bytes, values that it holds (the ends of its range among them), and values that it does not. */
const RANGES: Record<TypeCode, readonly [bytes: number, good: readonly unknown[], bad: readonly unknown[]]> = (() => {
  const signed = (bits: number) => {
    const [min, max] = [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
    return [bits / 8, [min, -1, 0, 1, max], [min - 1, max + 1, 0.5, NaN, Infinity, 1n, "1", null, true, {}]] as const;
  };
  const unsigned = (bits: number) => {
    const max = 2 ** bits - 1;
    return [bits / 8, [0, 1, max], [-1, max + 1, 1.5, NaN, -Infinity, 1n, "1", undefined, false]] as const;
  };
  const i64 = [8, [-(2n ** 63n), -1n, 0n, 2n ** 63n - 1n], [-(2n ** 63n) - 1n, 2n ** 63n, 1, "1", null]] as const;
  const u64 = [8, [0n, 2n ** 64n - 1n], [-1n, 2n ** 64n, 1, NaN, {}]] as const;
  const f32 = [4, [0, -0, 1.5, NaN, Infinity, -Infinity, Math.fround(3.4e38)], [1e39, -1e300, 1n, "1", null]] as const;
  const f64 = [8, [0, -0, 0.1, NaN, -Infinity, Number.MAX_VALUE, 5e-324], [1n, "1", undefined, true]] as const;
  return {
    c: unsigned(8),
    b: signed(8),
    B: unsigned(8),
    u: [4, ["a", "€", "😀", "\0"], ["", "ab", "e\u0301", 1, null]],
    h: signed(16),
    H: unsigned(16),
    i: signed(32),
    I: unsigned(32),
    l: i64,
    L: u64,
    q: i64,
    Q: u64,
    f: f32,
    d: f64,
    i8: signed(8),
    u8: unsigned(8),
    i16: signed(16),
    u16: unsigned(16),
    i32: signed(32),
    u32: unsigned(32),
    i64,
    u64,
    f32,
    f64,
  };
})();
const CODES = Object.keys(RANGES) as TypeCode[];

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

Deno.test("an array of no elements", () => {
  for (const array of [RawArray("d", 0), RawArray("d", [])]) {
    assertEquals(array.length, 0);
    assertEquals(sent(array), array);
  }
  using array = SharedArray("c", "");
  assertEquals([...array], []);
  assertEquals(array.value, new Uint8Array());
  assertThrows(() => array.get(0), RangeError, "index out of range");
});

// Value

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
    new Worker(new URL("fixtures/sharedctypes_worker.ts", import.meta.url), { type: "module" })
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
  assertThrows(() => value.value, OwnerDiedError, "was killed while it held it");
  assertEquals(value.value, 1);
});

// Array

Deno.test("TestArray.test_array: as a plain list, also when a child changes it", async () => {
  const seq = [680, 626, 934, 821, 150, 233, 548, 982, 714, 831];
  using array = SharedArray("i", seq);
  assertEquals(array.length, seq.length);
  assertEquals(array.get(3), seq[3]);
  assertEquals([array.at(-1), array.at(0)], [831, 680]);
  assertEquals([...array.slice(2, 7)], seq.slice(2, 7));
  assertEquals([...array.slice(-3, -1)], seq.slice(-3, -1));
  array.setSlice(4, [1, 2, 3, 4]);
  seq.splice(4, 4, 1, 2, 3, 4);
  assertEquals([...array], seq);
  for (let i = 1; i < seq.length; i++) seq[i] += seq[i - 1];
  await run(targets.accumulate, array as never);
  assertEquals([...array.slice()], seq);
});

Deno.test("TestArray.test_array_from_size: zero each time, also when memory is reused", async () => {
  for (const size of [10, 1000, 100_000]) {
    const { blocks } = native().memoryUsage();
    for (let round = 0; round < 3; round++) {
      (() => {
        const array = RawArray("i", size);
        assert(array.every((item) => item === 0));
        array.fill(-1);
      })();
      await collectUntil(() => native().memoryUsage().blocks <= blocks);
    }
  }
});

Deno.test("TestArray.test_getobj_getlock_obj: which lock an array has", () => {
  using array = SharedArray("i", [1, 2]);
  assert(array.getLock() instanceof RLock);
  assert(array.getObj() instanceof Int32Array);
  using lock = new Lock();
  using locked = SharedArray("i", 2, { lock });
  assertStrictEquals(locked.getLock(), lock);
  assert(SharedArray("i", 2, { lock: false }) instanceof Int32Array);
  assertThrows(() => SharedArray("i", 2, { lock: "notalock" as never }), TypeError, '"lock" is "notalock"');
});

Deno.test("Array: indices that are not within it are refused", () => {
  using array = SharedArray("i", 3);
  for (const index of [-1, 3, 0.5, NaN, Infinity]) {
    assertThrows(() => array.get(index), RangeError, "index out of range");
    assertThrows(() => array.set(index, 1), RangeError, "index out of range");
  }
  for (const index of [-4, 3, 0.5]) assertThrows(() => array.at(index), RangeError, "index out of range");
  assertThrows(() => array.get("0" as never), TypeError, "index out of range");
  assertThrows(() => array.setSlice(2, [1, 2]), RangeError, "2 elements from index 2 on were given, the length is 3");
  assertThrows(() => array.setSlice(-1, [1]), RangeError);
  assertThrows(() => array.setSlice(0, 5 as never), TypeError, "wanted something iterable");
  assertEquals([...array], [0, 0, 0]);
});

Deno.test("Array: bounds of a slice that are no numbers are refused", () => {
  using array = SharedArray("i", [1, 2, 3]);
  using points = SharedArray(Structure({ n: "i" }), 3);
  for (const bound of ["x", "1", null, 1n, {}] as never[]) {
    for (const sliced of [array, points]) {
      assertThrows(() => sliced.slice(bound), TypeError, "Cannot get a slice");
      assertThrows(() => sliced.slice(0, bound), TypeError, `${Deno.inspect(bound)} was given as an index`);
    }
  }
  assertEquals([...array.slice(undefined, undefined)], [1, 2, 3]);
  assertEquals([...array.slice(-2, Infinity)], [2, 3]);
});

Deno.test("Array: a slice is set to an overlapping part of the same array", () => {
  using up = SharedArray("i32", [1, 2, 3, 4, 5]);
  up.setSlice(1, up.getObj().subarray(0, 4));
  assertEquals([...up], [1, 1, 2, 3, 4]);
  using down = SharedArray("i64", [1n, 2n, 3n, 4n, 5n]);
  down.setSlice(0, down.getObj().subarray(1));
  assertEquals([...down], [2n, 3n, 4n, 5n, 5n]);
  using bytes = SharedArray("c", "abcd");
  bytes.setSlice(1, bytes.getObj().subarray(0, 3));
  assertEquals(bytes.raw, new TextEncoder().encode("aabc"));
  using characters = SharedArray("u", "añ😀");
  characters.setSlice(1, "😀a");
  assertEquals(characters.raw, "a😀a");
});

Deno.test("Array: use after close is refused", () => {
  using points = SharedArray(Structure({ n: "i" }), 2);
  for (const array of [SharedArray("i", 3), points]) {
    array.close();
    array.close();
    assertThrows(() => array.get(0), InvalidStateError, "Cannot get an element: the array is closed");
    assertThrows(() => array.set(0, 1 as never), InvalidStateError, "the array is closed");
    assertThrows(() => array.slice(), InvalidStateError, "the array is closed");
    assertThrows(() => array.acquireSync(), InvalidStateError, "closed");
    assertThrows(() => dumps(array), InvalidStateError, "Cannot send the array");
  }
});

Deno.test("Array: bytes have value, cut at NUL, and raw", () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  using array = SharedArray("c", "hello€");
  assertEquals([array.length, array.value], [8, bytes("hello€")]);
  array.value = "hi";
  assertEquals([array.value, array.raw], [bytes("hi"), bytes("hi\0lo€")]);
  array.raw = bytes("abcd");
  assertEquals(array.value, bytes("abcdo€"));
  array.value = "12345678";
  assertEquals(array.value, bytes("12345678"));
  assertThrows(() => array.value = "123456789", RangeError, "9 elements from index 0 on were given, the length is 8");
  assertThrows(() => array.raw = bytes("123456789"), RangeError);
  assertEquals(array.get(0), 49);
  const arrived = sent(array);
  arrived.value = "x";
  assertEquals(array.value, bytes("x"));
  arrived.close();
});

Deno.test("Array: characters are strings", () => {
  using array = SharedArray("u", "h€😀");
  assertEquals([array.length, array.get(2), array.value, array.slice(1)], [3, "😀", "h€😀", "€😀"]);
  array.value = "yo";
  assertEquals([array.value, array.raw, [...array]], ["yo", "yo\0", ["y", "o", "\0"]]);
  array.getObj()[0] = 0xffff_ffff;
  assertEquals(array.get(0), "\ufffd");
});

Deno.test("Array: what is sent is a handle to the same array and lock", () => {
  using lock = new RLock();
  for (const array of [SharedArray("d", [1, 2]), SharedArray("d", [1, 2], { lock })]) {
    const [copy, raw, own] = sent([array, array.getObj(), array.getLock()] as const);
    copy.set(0, 5);
    assertEquals([array.get(0), raw[0]], [5, 5]);
    assertStrictEquals(copy.getObj(), raw);
    assertStrictEquals(copy.getLock(), own);
    const guard = copy.acquireSync();
    assert(array.getLock().locked());
    guard.release();
    copy.close();
    array.close();
    assertEquals([...raw], [5, 2]);
  }
});

// sharedctypes

for (const lock of [false, true] as const) {
  const test = lock ? "TestSharedCTypes.test_synchronize" : "TestSharedCTypes.test_sharedctypes";
  Deno.test(`${test}: a child doubles everything`, async () => {
    const options = { lock } as { lock: false };
    const x = Value("i", 7, options);
    const y = Value("d", 1 / 3, options);
    const z = Value("q", 2n ** 33n, options);
    const foo = Value(Structure(targets.FOO), { x: 3, y: 2, label: "ab" }, options);
    const numbers = SharedArray("d", [0, 1, 2, 3], options);
    const text = SharedArray("c", 20, options);
    const view = lock ? synchronizedBytes(text) : text;
    view.set(new TextEncoder().encode("hello"));
    await run(targets.double, x, y, z, foo, numbers, text);
    assertEquals([x.value, y.value, z.value], [14, 2 / 3, 2n ** 34n]);
    assertEquals([foo.x, foo.y, foo.z, [...foo.label], foo.nested], [6, 4, 0n, [97, 98, 0, 0], 0]);
    assertEquals([...numbers], [0, 2, 4, 6]);
    assertEquals(new TextDecoder().decode(view.subarray(0, 10)), "hellohello");
    for (const value of [x, y, z, foo]) value.close();
  });
}

function synchronizedBytes(array: unknown): Uint8Array {
  return (array as { getObj(): Uint8Array }).getObj();
}

Deno.test("TestSharedCTypes.test_copy: a copy has memory of its own", () => {
  const Foo = Structure({ x: "i", y: "d" });
  const foo = RawValue(Foo, { x: 2, y: 5 });
  const bar = copy(foo);
  foo.x = 0;
  foo.y = 0;
  assertEquals([bar.x, bar.y, foo.x], [2, 5, 0]);

  const value = RawValue("i", 4);
  const valueCopy = copy(value);
  value.value = 0;
  assertEquals(valueCopy.value, 4);

  const array = RawArray("f", [1, 2, 3]);
  const part = copy(array.subarray(1));
  array.fill(0);
  assertEquals(part, new Float32Array([2, 3]));
  assertStrictEquals(sent(part).buffer, part.buffer);

  const foos = RawArray(Foo, [{ x: 1 }, { y: 2 }]);
  const foosCopy = copy(foos);
  foos.set(0, { x: 9 });
  assertEquals([foosCopy.get(0).x, foosCopy.get(1).y], [1, 2]);

  for (const wrong of [1, null, {}, [], new DataView(new ArrayBuffer(1)), Value("i")]) {
    assertThrows(() => copy(wrong as never), TypeError, "Cannot copy");
  }
  for (const item of [foo, bar, value, valueCopy, foos, foosCopy]) item.close();
});

Deno.test("synchronized: gives a lock to what has none", () => {
  using lock = new RLock();
  using value = synchronized(RawValue("i", 4), lock);
  value.value += 1;
  assertStrictEquals(value.getLock(), lock);
  const raw = RawArray("h", [1, 2, 3]);
  using array = synchronized(raw.subarray(1));
  array.set(0, 7);
  assertEquals([...raw], [1, 7, 3]);
  assertStrictEquals(sent(array).getObj().buffer, raw.buffer);
  using point = synchronized(RawValue(Structure({ n: "i" }), { n: 3 }), lock);
  point.n += 1;
  assertEquals(point.value, { n: 4 });
  using points = synchronized(RawArray(Structure({ n: "i" }), [{ n: 3 }]));
  assertEquals(points.slice(), [{ n: 3 }]);
  for (const wrong of [1, null, {}, new Int32Array(2), new Uint8ClampedArray(2), value]) {
    assertThrows(() => synchronized(wrong as never), TypeError, "Cannot synchronize");
  }
  assertThrows(() => synchronized(raw, "lock" as never), TypeError, '"lock" is "lock"');
});

Deno.test("RawArray: every view of it travels as a view of the same memory", async () => {
  const array = RawArray("i32", [1, 2, 3, 4, 5, 6]);
  const { buffer } = array;
  const views = [
    array,
    array.subarray(2, 4),
    new Uint8Array(buffer, 3, 5),
    new DataView(buffer, 1, 2),
    new Float64Array(buffer, 8),
    new Uint8ClampedArray(buffer),
    new BigUint64Array(buffer, 16, 0),
    new Float16Array(buffer, 2, 3),
  ];
  const arrived = sent(views);
  arrived.forEach((view, i) => {
    assertStrictEquals(view.buffer, buffer);
    assertStrictEquals(view.constructor, views[i].constructor);
    assertEquals([view.byteOffset, view.byteLength], [views[i].byteOffset, views[i].byteLength]);
    assertNotStrictEquals(view, views[i]);
  });
  const points = RawArray(Structure({ n: "i32" }), [{ n: 7 }, { n: 8 }]);
  await run(targets.negate, [array.subarray(0, 2), array.subarray(4)], points as never);
  assertEquals([...array], [-1, -2, 3, 4, -5, -6]);
  assertEquals([...points].map(({ n }) => n), [-7, -8]);
  points.close();
});

Deno.test("RawArray: ordinary views still travel as copies", () => {
  const plain = new Int32Array([1, 2]);
  const arrived = sent(plain);
  arrived[0] = 5;
  assertEquals([...plain], [1, 2]);
});

Deno.test("RawArray: malformed references are refused", () => {
  const array = RawArray("i32", 4);
  const marked = (change: (data: unknown[]) => void) => {
    // The reference is the only array in the message: kind, block, generation, offset, length.
    const { bytes } = dumps(array);
    const at = bytes.indexOf(0x95);
    const data = loads(bytes, at) as unknown[];
    change(data);
    const body = dumps(data).bytes;
    return new Uint8Array([0xc7, body.length, 13, ...body]);
  };
  assertEquals(loads(marked(() => {})), array);
  for (
    const [place, wrong] of [
      [0, "Map"],
      [0, 1],
      [1, "1"],
      [1, -1],
      [2, 0.5],
      [3, -4],
      [3, 1],
      [3, 20],
      [4, 5],
      [4, -1],
      [4, NaN],
    ] as const
  ) {
    assertThrows(() => loads(marked((data) => data[place] = wrong)), RangeError, undefined, `${place}: ${wrong}`);
  }
  assertThrows(() => loads(marked((data) => data.pop())), RangeError, "malformed");
  assertThrows(() => loads(marked((data) => data[1] = 2 ** 20)), InvalidStateError);
  assertThrows(() => loads(marked((data) => data[2] = 77_777)), InvalidStateError);
  using lock = new Lock();
  assertThrows(() => loads(marked((data) => ([data[1], data[2]] = blockOf(lock)))), InvalidStateError);
});

/** The block and generation of a lock, out of its message. */
function blockOf(lock: Lock): [number, number] {
  const { bytes } = dumps(lock);
  const [block, generation] = loads(bytes, bytes.indexOf(0x93)) as number[];
  return [block, generation];
}

Deno.test("RawArray: Atomics work on it", () => {
  const array = RawArray("i32", 2);
  assertEquals(Atomics.add(array, 1, 5), 0);
  assertEquals(Atomics.compareExchange(array, 1, 5, 6), 5);
  assertEquals([...array], [0, 6]);
});

Deno.test("RawArray: the memory returns once no view is left", async () => {
  const { blocks, bytes } = native().memoryUsage();
  (() => {
    for (let i = 0; i < 100; i++) sent(RawArray("u8", 100_000).subarray(5));
  })();
  await collectUntil(() => native().memoryUsage().blocks <= blocks);
  assert(native().memoryUsage().bytes <= bytes);
});

Deno.test("RawValue, Value, Array: the memory returns at close, and when collected", async () => {
  const { blocks } = native().memoryUsage();
  for (let i = 0; i < 1000; i++) {
    Value("i", 1).close();
    RawValue("i", 1).close();
    Value(Structure({ a: "d", b: "d", c: "d", d: "d", e: "d" })).close();
  }
  assert(native().memoryUsage().blocks <= blocks + 1);
  (() => {
    for (let i = 0; i < 100; i++) [Value("i", 1), SharedArray("i", 1), sent(Value("i", 1)).getObj()];
  })();
  await collectUntil(() => native().memoryUsage().blocks <= blocks);
});

Deno.test("Value, Array, Structure: malformed messages are refused", () => {
  using value = Value("i", 1);
  using point = Value(Structure({ n: "i" }));
  using array = SharedArray("i", 2);
  using points = RawArray(Structure({ n: "i" }), 2);
  const forged = (sample: object, change: (data: unknown[]) => void) => {
    // What is registered travels as its name and its data; a forger registers the same name with other data.
    const { bytes } = dumps(sample);
    const name = /multiprocessing\.\w+/.exec(new TextDecoder("latin1").decode(bytes))![0];
    const at = bytes.indexOf(0x90 + (name.endsWith("Array") ? 3 : 2), 3 + name.length);
    const data = loads(bytes, at) as unknown[];
    change(data);
    const payload = [...dumps(name).bytes, ...dumps(data).bytes];
    return new Uint8Array([0xc8, payload.length >> 8, payload.length & 0xff, 12, ...payload]);
  };
  const place = (data: unknown[], at = 1) => data[at] as unknown[];
  const raw = value.getObj();
  assertEquals((loads(forged(raw, () => {})) as typeof raw).value, 1);
  const cases: [object, string, (data: unknown[]) => void][] = [
    [raw, "bad typecode", (data) => data[0] = "x"],
    [raw, "malformed", (data) => data[1] = null],
    [raw, "the block has 64", (data) => place(data)[2] = 64],
    [raw, "the block has 64", (data) => place(data)[2] = 33],
    [raw, "malformed", (data) => place(data)[2] = -4],
    [point.getObj(), "malformed", (data) => data[0] = { n: "x" }],
    [point.getObj(), "malformed", (data) => data[0] = null],
    [point.getObj(), "the block has 64", (data) => data[0] = { n: ["q", 9] }],
    [value, "has no value", (data) => data[0] = 1],
    [value, "has no lock", (data) => data[1] = [1, true]],
    [value, "", (data) => data[1] = null],
    [point, "has no structure", (data) => data[0] = {}],
    [array, "no shared memory", (data) => data[0] = new Int32Array(2)],
    [array, "no shared memory", (data) => data[1] = "d"],
    [array, "has no lock", (data) => data[2] = [null, true]],
    [points, "its length is -1", (data) => data[1] = -1],
    [points, "the block has", (data) => data[1] = 2 ** 50],
  ];
  for (const [sample, message, change] of cases) {
    const error = assertThrows(() => loads(forged(sample, change)), Error, message);
    assert(error instanceof RangeError || error instanceof TypeError, error.message);
  }
});

// Structure

Deno.test("Structure: C's layout", () => {
  assertEquals(Structure({ a: "u8", b: "f64", c: "i16" }).size, 24);
  assertEquals(Structure({ b: "f64", a: "u8", c: "i16" }).size, 16);
  assertEquals(Structure({ a: "c", b: ["i", 3], c: "c" }).size, 20);
  const Inner = Structure({ a: "u8", b: "i32" });
  assertEquals([Inner.size, Inner.alignment], [8, 4]);
  assertEquals(Structure({ x: "u8", inner: Inner, y: "u8" }).size, 16);
  assertEquals(Structure({}).size, 0);
});

Deno.test("Structure: fields are properties, with and without a lock", () => {
  const Inner = Structure({ n: "q", label: ["c", 5] });
  const Outer = Structure({ x: "f64", small: "u8", sign: "u", inner: Inner, many: ["i16", 3] });
  const init = { x: 0.5, sign: "€", inner: { n: 3n, label: "abc" }, many: [1, 2] };
  for (const make of [() => RawValue(Outer, init), () => Value(Outer, init)]) {
    using outer = make();
    outer.x *= 3;
    outer.inner.n += 1n;
    outer.small = 255;
    outer.many[2] = 9;
    assertEquals([outer.x, outer.small, outer.sign, outer.inner.n, [...outer.many]], [1.5, 255, "€", 4n, [1, 2, 9]]);
    assertEquals(new TextDecoder().decode(outer.inner.label), "abc\0\0");
    assertThrows(() => outer.small = 256, RangeError, 'Cannot store 256 as "u8"');
    assertThrows(() => outer.x = "1" as never, TypeError);
    assertThrows(() => outer.many.set([1, 2, 3, 4]), RangeError);
    assertThrows(() => outer.inner.label = "abcdef" as never, RangeError, "there is room for 5");
    const arrived = sent(outer);
    arrived.small = 1;
    arrived.inner.n = 0n;
    assertEquals([outer.small, outer.inner.n], [1, 0n]);
    assertStrictEquals(arrived.constructor, outer.constructor);
    arrived.close();
  }
});

Deno.test("Structure: its value is all fields at one moment", () => {
  using point = Value(Structure({ x: "f64", y: "f64", in: Structure({ n: "i" }) }), { x: 1 });
  assertEquals(point.value, { x: 1, y: 0, in: { n: 0 } });
  point.value = { y: 2, in: { n: 3 } };
  assertEquals(point.value, { x: 1, y: 2, in: { n: 3 } });
  assertThrows(() => point.value = { x: 5, y: "no" as never }, TypeError);
  assertThrows(() => point.value = { z: 5 } as never, RangeError, 'it has no field "z", it has "x", "y", "in"');
  assertThrows(() => point.value = 5 as never, TypeError, "wanted an object of fields");
  assertEquals(point.value, { x: 1, y: 2, in: { n: 3 } });
  const inner = point.getObj().in;
  const { in: arrivedInner } = sent({ in: inner });
  arrivedInner.n += 1;
  assertEquals(inner.n, 4);
  arrivedInner.close();
  point.close();
  assertThrows(() => inner.n, InvalidStateError, "closed");
  assertThrows(() => point.x, InvalidStateError, "closed");
});

Deno.test("Structure: definitions that make no sense are refused", () => {
  for (const name of ["value", "getLock", "close", "constructor", "__proto__", "toString"]) {
    assertThrows(() => Structure({ [name]: "i" }), RangeError, `a field cannot be named "${name}"`);
  }
  for (const length of [-1, 0.5, NaN]) {
    assertThrows(() => Structure({ a: ["i", length] }), RangeError, "wanted an integer >= 0");
  }
  for (const type of [["i32"], ["i32", 2, 3]]) {
    assertThrows(() => Structure({ a: type as never }), TypeError, 'Cannot define the field "a": [ "i32"');
  }
  assertThrows(() => Structure({ a: ["i32", undefined as never] }), RangeError, "its length is undefined");
  assertThrows(() => Structure(null as never), TypeError, "wanted an object of types");
  assertStrictEquals(Structure({ a: "i" }), Structure({ a: "i" }));
});

Deno.test("Structure: an array field is set from its own memory", () => {
  const Row = Structure({ a: ["i32", 4], label: ["c", 4] });
  using row = RawValue(Row, { a: [1, 2, 3, 4], label: "abcd" });
  // deno-lint-ignore no-self-assign
  row.a = row.a;
  assertEquals([...row.a], [1, 2, 3, 4]);
  row.a = row.a.subarray(1);
  assertEquals([...row.a], [2, 3, 4, 0]);
  row.label = row.label.subarray(1);
  assertEquals(row.label, new TextEncoder().encode("bcd\0"));

  using value = Value(Row, { a: [1, 2, 3, 4] });
  value.value = { a: value.getObj().a };
  assertEquals([...value.a], [1, 2, 3, 4]);
  value.a = value.a.subarray(2);
  assertEquals([...value.a], [3, 4, 0, 0]);

  using raw = RawArray(Row, [{ a: [1, 2, 3, 4] }, { a: [5, 6, 7, 8] }]);
  raw.set(0, { a: raw.get(0).a.subarray(2) });
  raw.get(1).a = raw.get(0).a;
  assertEquals([...raw].map(({ a }) => [...a]), [[3, 4, 0, 0], [3, 4, 0, 0]]);

  using rows = SharedArray(Row, [{ a: [1, 2, 3, 4] }, { a: [5, 6, 7, 8] }]);
  rows.setSlice(0, [{ a: rows.get(1).a }, { a: rows.get(0).a }] as never);
  assertEquals(rows.slice().map(({ a }) => [...a]), [[5, 6, 7, 8], [1, 2, 3, 4]]);
});

Deno.test("Structure: arrays of them", () => {
  const Point = Structure({ x: "f64", n: "i32" });
  const raw = RawArray(Point, [{ x: 1 }, { x: 2, n: 5 }]);
  raw.get(0).n = 7;
  assertEquals([raw.length, ...[...raw].map(({ x, n }) => [x, n])], [2, [1, 7], [2, 5]]);
  const arrived = sent(raw);
  arrived.set(1, { n: 6 });
  assertEquals([raw.get(1).x, raw.get(1).n], [2, 6]);
  assertThrows(() => raw.get(2), RangeError, "index out of range");
  assertThrows(() => RawArray(Point, [{ y: 1 } as never]), RangeError, 'no field "y"');
  using array = SharedArray(Point, 3);
  array.setSlice(1, [{ x: 1, n: 1 }, { x: 2, n: 2 }]);
  array.set(0, { n: 9 } as never);
  assertEquals(array.slice(0, 2), [{ x: 0, n: 9 }, { x: 1, n: 1 }]);
  assertEquals(array.at(-1).n, 2);
  using other = sent(array);
  other.get(0).n = 4;
  assertEquals(array.get(0).n, 4);
  raw.close();
  arrived.close();
  assertThrows(() => raw.get(0), InvalidStateError, "closed");
});
