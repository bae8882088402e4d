// What has no lock, what gets one later, copies, and the memory beneath.

import { assert, assertEquals, assertNotStrictEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { InvalidStateError } from "../../src/errors.ts";
import { native } from "../../src/addon/load.ts";
import { dumps, loads } from "../../src/reduction/serialise.ts";
import {
  Array as SharedArray,
  copy,
  RawArray,
  RawValue,
  synchronized,
  Value,
} from "../../src/sharedctypes/factories.ts";
import { Structure } from "../../src/sharedctypes/structure.ts";
import { Lock, RLock } from "../../src/synchronize.ts";
import * as targets from "../fixtures/sharedctypes/sharedctypes_targets.ts";
import { collectUntil, run, sent } from "../support/sharedctypes.ts";
import { begin } from "../support/children.ts";

Deno.test.beforeAll(begin);

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
