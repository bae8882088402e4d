// Values, arrays and structures in shared memory that a Deno program and a process of Python have: the same bytes, and
// CPython's classes there.

import {
  Array as SharedArray,
  Event,
  Lock,
  OwnerDiedError,
  RawArray,
  RawValue,
  Value,
} from "@parallel/multiprocessing";
import { dumps } from "@parallel/multiprocessing/reduction";
import { Structure } from "@parallel/multiprocessing/sharedctypes";
import { assertEquals, assertInstanceOf, assertMatch, assertThrows } from "@std/assert";
import { native } from "../../src/addon/load.ts";
import { pythonWithNumpy } from "../support/numpy.ts";
import { type Python, pythons } from "../support/python.ts";
import { bounds, each, Player } from "./players.ts";

/** Values as Deno sets them, and as it reads what Python has set. */
const VALUES: [
  code: "b" | "B" | "h" | "H" | "i" | "I" | "f" | "d" | "i8" | "u16" | "f64",
  ours: number,
  theirs: number,
][] = [
  ["b", -128, 127],
  ["B", 255, 1],
  ["h", -32768, 5],
  ["H", 65535, 6],
  ["i", -(2 ** 31), 7],
  ["I", 2 ** 32 - 1, 8],
  ["f", 0.5, -0.25],
  ["d", 1e300, 0.1],
  ["i8", -1, 1],
  ["u16", 9, 10],
  ["f64", -0.5, 2.5],
];

each("a value of each type has the same bytes on both sides", async (python) => {
  const things: Record<string, Value<"d"> | Value<"q"> | Value<"u">> = {};
  for (const [code, ours] of VALUES) things[code] = Value(code, ours) as Value<"d">;
  const [q, Q] = [Value("q", -(2n ** 63n)), Value("Q", 2n ** 64n - 1n)];
  const [c, u] = [Value("c", 97), Value("u", "é")];
  await using player = new Player(python, { ...things, q, Q, c, u });
  for (const [code, ours, theirs] of VALUES) {
    assertEquals(await player.ask("get", code, "value"), ours, code);
    await player.ask("put", code, "value", theirs);
    assertEquals(things[code].value, theirs, code);
  }
  assertEquals(await player.ask("get", "q", "value"), -(2n ** 63n));
  await player.ask("put", "Q", "value", 2n ** 63n);
  assertEquals(Q.value, 2n ** 63n);
  assertEquals(await player.ask("get", "c", "value"), new Uint8Array([97]));
  await player.ask("put", "c", "value", new Uint8Array([98]));
  assertEquals(c.value, 98);
  assertEquals(await player.ask("get", "u", "value"), "é");
  await player.ask("put", "u", "value", "😀");
  assertEquals(u.value, "😀");
  assertEquals((await player.error("put", "i", "value", "text")).raised, "TypeError");
  assertMatch(String(await player.ask("show", "i")), /^<Synchronized wrapper for c_int\(7\)>$/);
  for (const value of [...Object.values(things), q, Q, c, u]) value.close();
});

each("increments of a value with its lock sum up exactly, and a lock that is given is used", async (python) => {
  using lock = new Lock();
  using own = Value("i32", 0);
  using given = Value("i32", 0, { lock });
  await using player = new Player(python, { own, given });
  for (const [value, name, how] of [[own, "own", "add_with_value"], [given, "given", "add_with_lock"]] as const) {
    // A Lock cannot be taken again within the value's own lock, as `+=` of a value does.
    const isRecursive = value === own;
    player.tell(how, name, isRecursive ? 2000 : 0);
    if (isRecursive) { for (let i = 0; i < 2000; i++) value.update((count) => count + 1); }
    await player.result();
    assertEquals(value.value, isRecursive ? 4000 : 0);
  }
  lock.acquireSync();
  assertEquals(await player.ask("call", "given", "acquire", false), false);
  lock.release();
});

each("who acquires the lock of a value after its holder was killed is told so", async (python) => {
  using value = Value("f64", 1.5);
  const victim = new Player(python, { value });
  assertEquals(await victim.ask("hold_value_for_ever", "value"), "held");
  await victim.kill();
  await victim[Symbol.asyncDispose]();
  const error = assertThrows(() => value.value, OwnerDiedError, "ended by SIGKILL");
  assertEquals([error.pid, error.processName, error.exitcode], [victim.pid, victim.process.name, -9]);
  assertEquals(value.value, 1.5);
}, bounds.slice(-1));

each("a value without a lock is a ctypes object", async (python) => {
  using raw = RawValue("f64", 0.5);
  await using player = new Player(python, { raw });
  assertEquals(await player.ask("show", "raw"), "c_double(0.5)");
  await player.ask("put", "raw", "value", 0.75);
  assertEquals(raw.value, 0.75);
  using back = await player.ask("hand_on", "raw") as RawValue<"f64">;
  back.value = 2;
  assertEquals(raw.value, 2);
});

each("an array with a lock has CPython's indices, slices and iteration", async (python) => {
  using array = SharedArray("f64", [1, 2, 3, 4, 5]);
  using text = SharedArray("c", 8);
  using letters = SharedArray("u", "héllo");
  await using player = new Player(python, { array, text, letters });
  assertEquals(await player.ask("call", "array", "__len__"), 5);
  assertEquals(await player.ask("item", "array", -1), 5);
  await player.ask("set_item", "array", 0, 10.5);
  assertEquals(array.get(0), 10.5);
  assertEquals(await player.ask("slices", "array", 1, 3, [20, 30]), [[2, 3], [20, 30]]);
  assertEquals([...array], [10.5, 20, 30, 4, 5]);
  assertEquals(await player.ask("items", "array"), [10.5, 20, 30, 4, 5]);
  assertEquals((await player.error("item", "array", 5)).raised, "IndexError");
  assertEquals(await player.ask("kind", "array"), ["SynchronizedArray", "c_double_Array_5", "c_double", 5]);

  await player.ask("put", "text", "value", new TextEncoder().encode("hey"));
  assertEquals(new TextDecoder().decode(text.getObj().subarray(0, 4)), "hey\0");
  text.set(0, 72);
  assertEquals(await player.ask("get", "text", "value"), new TextEncoder().encode("Hey"));
  assertEquals(await player.ask("get", "text", "raw"), new TextEncoder().encode("Hey\0\0\0\0\0"));
  assertEquals(await player.ask("get", "letters", "value"), "héllo");

  using back = await player.ask("hand_on", "array") as SharedArray<"f64">;
  back.set(4, -1);
  assertEquals(array.get(4), -1);
  using copy = await player.ask("copy_and_guard", "array") as SharedArray<"f64">;
  assertEquals([...copy], [10.5, 20, 30, 4, -1]);
  copy.set(0, 0);
  assertEquals(array.get(0), 10.5);
});

/** Arrays without a lock, and what Python calls their elements. */
const ARRAYS: [code: "i8" | "u8" | "i16" | "u16" | "i32" | "u32" | "f32" | "f64", format: string, dtype: string][] = [
  ["i8", "b", "int8"],
  ["u8", "B", "uint8"],
  ["i16", "h", "int16"],
  ["u16", "H", "uint16"],
  ["i32", "i", "int32"],
  ["u32", "I", "uint32"],
  ["f32", "f", "float32"],
  ["f64", "d", "float64"],
];

function arrayTest(name: string, which: readonly Python[], hasNumpy: boolean): void {
  each(name, async (python) => {
    const arrays = Object.fromEntries(ARRAYS.map(([code]) => [code, RawArray(code, [1, 2, 3])]));
    const big = RawArray("i64", [2n ** 62n, -1n]);
    const empty = RawArray("f64", 0);
    await using player = new Player(python, { ...arrays, big, empty });
    for (const [code, format, dtype] of ARRAYS) {
      const wanted = hasNumpy ? ["ndarray", "ndarray", dtype, 3] : ["memoryview", "memoryview", format, 3];
      assertEquals(await player.ask("kind", code), wanted);
      await player.ask("double", code);
      assertEquals([...arrays[code] as Int32Array], [2, 4, 6], code);
      (arrays[code] as Int32Array)[0] = 5;
      assertEquals(await player.ask("item", code, 0), 5);
    }
    assertEquals(await player.ask("items", "big"), [2n ** 62n, -1]);
    assertEquals((await player.ask("kind", "empty") as unknown[])[3], 0);

    // Parts travel as views, both ways, and keep the memory.
    const part = await player.ask("part", "f64", 1, 3) as Float64Array;
    assertInstanceOf(part, Float64Array);
    part[1] = 99;
    assertEquals([...arrays.f64 as Float64Array], [5, 4, 99]);
    await player.ask("exchange", "i32", (arrays.i32 as Int32Array).subarray(1));
    assertEquals(await player.ask("items", "i32"), [4, 6]);
    await player.ask("keep_only_part", "f64", 2, 3);
    assertEquals(await player.ask("items", "f64"), [99]);
    const copy = await player.ask("read_only", "f64") as Float64Array;
    copy[0] = 1;
    assertEquals((arrays.f64 as Float64Array)[2], 99);
  }, which);
}

arrayTest("arrays without a lock are memoryviews of the same memory where there is no numpy", bounds, false);

const numpy = pythonWithNumpy();
const withNumpy = numpy === undefined ? [] : [{ ...pythons.at(-1)!, path: numpy }];
arrayTest("arrays without a lock are numpy's, of the same memory", withNumpy, true);

each("numpy sees an array with a lock by frombuffer, without a copy", async (python) => {
  using array = SharedArray("f64", 1000);
  await using player = new Player(python, { array });
  assertEquals(await player.ask("frombuffer", "array", "f8"), [1000, false]);
  assertEquals(array.get(0), 42);
}, withNumpy);

each("structures have C's layout on both sides", async (python) => {
  const Point = Structure({ flag: "u8", x: "f64", n: "i16", label: ["c", 4], inner: Structure({ a: "i32", b: "u8" }) });
  using value = Value(Point, { flag: 1, x: 0.5, n: -3, label: "ab", inner: { a: 7, b: 8 } });
  using plain = Value(Structure({ x: "f32", y: "f32" }), { x: 1, y: 2 });
  using raw = RawValue(Point, { x: 4 });
  using array = RawArray(Point, 3);
  await using player = new Player(python, { value, plain, raw, array });
  assertEquals(await player.ask("get", "value", "x"), 0.5);
  assertEquals(await player.ask("get", "value", "label"), new TextEncoder().encode("ab"));
  await player.ask("put", "value", "n", 12);
  await player.ask("put", "plain", "y", 8);
  assertEquals([value.n, value.inner.b, plain.y], [12, 8, 8]);
  assertEquals((await player.error("get", "value", "value")).raised, "AttributeError");
  await player.ask("put", "raw", "x", -4);
  assertEquals(raw.x, -4);
  const second = await player.ask("item", "array", 1) as { n: number };
  second.n = 77; // a structure within an array travels as that place
  assertEquals(array.get(1).n, 77);
  for (const name of ["value", "plain", "raw", "array"]) {
    using back = await player.ask("hand_on", name) as Disposable;
    assertEquals(Object.getPrototypeOf(Object.getPrototypeOf(back)) !== null, true);
  }
});

each("what Python has made is the same memory in Deno", async (python) => {
  await using player = new Player(python, {});
  using value = await player.ask("make_shared", "value", "Value", "i", 5) as Value<"i">;
  assertEquals(value.value, 5);
  value.value = 6;
  assertEquals(await player.ask("get", "value", "value"), 6);
  using _guard = value.getLock().acquireSync();
  assertEquals(await player.ask("call", "value", "acquire", false), false);

  using array = await player.ask("make_shared", "array", "Array", "d", [1, 2, 3]) as SharedArray<"d">;
  array.set(1, 20);
  assertEquals(await player.ask("items", "array"), [1, 20, 3]);
  const raw = await player.ask("make_shared", "raw", "RawArray", "h", 4) as Int16Array;
  assertInstanceOf(raw, Int16Array);
  raw[3] = 9;
  assertEquals(await player.ask("items", "raw"), [0, 0, 0, 9]);
  using scalar = await player.ask("make_shared", "scalar", "RawValue", "Q", 2n ** 63n) as RawValue<"Q">;
  assertEquals(scalar.value, 2n ** 63n);
  using text = await player.ask("make_shared", "text", "Array", "c", "hey") as SharedArray<"c">;
  assertEquals(text.value, new TextEncoder().encode("hey"));
  const structure = await player.ask("make_structure", "structure") as { x: number; y: number; n: number } & Disposable;
  assertEquals([structure.x, structure.y, structure.n], [1.5, -2, 7]);
  structure.n = 8;
  assertEquals(await player.ask("get", "structure", "n"), 8);
  structure[Symbol.dispose]();

  for (const [factory, given, raised] of REFUSED) {
    assertEquals((await player.error("make_shared", "bad", factory, ...given)).raised, raised, `${factory}(${given})`);
  }
});

/** How a message names the block that an object is in. */
function placeIn(thing: unknown): [block: number, generation: number] {
  const [block] = dumps(thing).attachments;
  return [block, native().generationOf(block)];
}

each("what a hostile message says is refused before anything looks there", async (python) => {
  using value = Value("f64", 1);
  using raw = RawValue("i32", 1);
  using lock = new Lock();
  using event = new Event();
  const array = RawArray("u8", 100);
  const [valueAt, rawAt, lockAt, eventAt, arrayAt] = [value.getObj(), raw, lock, event, array].map(placeIn);
  await using player = new Player(python, { value, raw, lock, event, array });
  for (
    const [name, data] of [
      ["Lock", []],
      ["Lock", [lockAt[0]]],
      ["Lock", ["a", 0, true]],
      ["Lock", [lockAt[0], lockAt[1] + 1, true]],
      ["Lock", [...eventAt, true]],
      ["RLock", [...lockAt, true]],
      ["Semaphore", eventAt],
      ["Event", [...lockAt]],
      ["Event", [...eventAt, 5]],
      ["Condition", [...eventAt, lockAt, true]],
      ["Barrier", [...eventAt, null, NaN]],
      ["Barrier", [...eventAt, null, 1]],
      ["multiprocessing.Scalar", ["d", lockAt]],
      ["multiprocessing.Scalar", ["d", [...lockAt, 0]]],
      ["multiprocessing.Scalar", ["d", [...valueAt, 0]]], // the words of its lock
      ["multiprocessing.Scalar", ["d", [...valueAt, 33]]],
      ["multiprocessing.Scalar", ["d", [...valueAt, 64]]],
      ["multiprocessing.Scalar", ["d", [...valueAt, -8]]],
      ["multiprocessing.Scalar", ["zz", [...valueAt, 32]]],
      ["multiprocessing.Scalar", ["i", [...rawAt, 64]]],
      ["multiprocessing.Structure", [{ x: ["d", 2 ** 39] }, [...arrayAt, 0]]],
      ["multiprocessing.Structure", [{ x: ["d", -1] }, [...arrayAt, 0]]],
      ["multiprocessing.Structure", [{ __class__: "d" }, [...arrayAt, 0]]],
      ["multiprocessing.Structure", [{ _fields_: "d" }, [...arrayAt, 0]]],
      ["multiprocessing.Structure", [{ x: ["d", 13] }, [...arrayAt, 0]]],
      ["multiprocessing.Structure", ["text", [...arrayAt, 0]]],
      ["multiprocessing.StructureArray", [{ x: "d" }, 13, [...arrayAt, 0]]],
      ["multiprocessing.StructureArray", [{ x: "d" }, 2 ** 60, [...arrayAt, 0]]],
      ["multiprocessing.Synchronized", [5, [null, true]]],
      ["multiprocessing.SynchronizedArray", [new Float64Array(3), "d", [null, true]]],
      ["view", ["Uint8Array", ...arrayAt, 0, 101]],
      ["view", ["Float64Array", ...arrayAt, 4, 1]],
      ["view", ["Float64Array", ...arrayAt, 0, 2 ** 52]],
      ["view", ["Promise", ...arrayAt, 0, 1]],
      ["view", ["Uint8Array", ...rawAt, 0, 1]],
      ["view", ["Uint8Array", ...lockAt, 0, 1]],
      ["view", "text"],
    ] as [string, unknown][]
  ) {
    const { raised, message } = await player.error("restore", name, data, "tree");
    assertMatch(raised, /^(MessageError|ValueError)$/, `${name} ${Deno.inspect(data)}: ${message}`);
  }
  assertEquals(
    (await player.error("nested", "multiprocessing.Structure", 100, [...arrayAt, 0])).raised,
    "MessageError",
  );
  assertEquals(await player.ask("nested", "multiprocessing.Structure", 60, [...arrayAt, 0]), "Structure");
  for (const [name, data] of [["Event", eventAt], ["view", ["Uint8Array", ...arrayAt, 0, 1]]] as const) {
    assertMatch((await player.error("restore", name, data, "outside")).message, /from outside of this process tree/);
    await player.ask("restore", name, data, "tree");
  }
}, bounds.slice(0, 1));

const REFUSED: [factory: string, given: unknown[], raised: string][] = [
  ["Value", ["x"], "TypeError"],
  ["Value", ["i", "text"], "TypeError"],
  ["RawArray", ["i", -1], "ValueError"],
  ["Array", ["d", ["text"]], "TypeError"],
];
