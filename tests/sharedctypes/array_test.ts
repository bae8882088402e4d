// Array and its lock.

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { InvalidStateError } from "../../src/errors.ts";
import { native } from "../../src/addon/load.ts";
import { dumps } from "../../src/reduction/serialise.ts";
import { Array as SharedArray, RawArray } from "../../src/sharedctypes/factories.ts";
import { Structure } from "../../src/sharedctypes/structure.ts";
import { Lock, RLock } from "../../src/synchronize.ts";
import * as targets from "../fixtures/sharedctypes/sharedctypes_targets.ts";
import { collectUntil, run, sent } from "../support/sharedctypes.ts";
import { begin } from "../support/children.ts";

Deno.test.beforeAll(begin);

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
