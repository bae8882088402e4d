// Structure: layout, fields, arrays of them.

import {
  assert,
  assertEquals,
  assertNotStrictEquals,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { InvalidStateError } from "../../src/errors.ts";
import { Array as SharedArray, RawArray, RawValue, Value } from "../../src/sharedctypes/factories.ts";
import { Structure } from "../../src/sharedctypes/structure.ts";
import { dumps, loads } from "../../src/reduction/serialise.ts";
import { registerAlias } from "../../src/reduction/registry.ts";
import { sent } from "../support/sharedctypes.ts";

/** What a message says is the type of a structure. */
class Described {
  constructor(readonly spec: unknown) {}
}
// Its instances travel as types do: by their `spec`.
registerAlias(Described, "multiprocessing.StructureType");

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

Deno.test("Structure: a type that arrives is the one that is defined", () => {
  const Line = Structure({ from: Structure({ x: "f64" }), to: Structure({ x: "f64" }) });
  assertStrictEquals(sent(Line), Line);
  const later = sent(Structure({ first: "u8", last: "u16" }));
  assertStrictEquals(Structure({ first: "u8", last: "u16" }), later);
});

Deno.test("Structure: what messages describe is not kept for ever", () => {
  const described = (i: number) => loads(dumps(new Described({ [`field${i}`]: "u8" })).bytes);
  const first = described(0);
  assertStrictEquals(described(0), first);
  for (let i = 1; i <= 1000; i++) described(i);
  assertNotStrictEquals(described(0), first);
  assertStrictEquals(described(1000), described(1000));
});

Deno.test("Structure: a description that has no end, or grows without measure, is refused", () => {
  const circle: Record<string, unknown> = { x: "u8" };
  circle.again = circle;
  let [doubled, deep, tall]: Record<string, unknown>[] = [{ x: ["u8", 0] }, { x: "u8" }, { x: "nonsense" }];
  for (let i = 0; i < 40; i++) doubled = { a: doubled, b: doubled };
  for (let i = 0; i < 70; i++) deep = { deep };
  for (let i = 0; i < 6; i++) tall = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`${i} ${at}`, tall]));
  const wanted: [spec: unknown, cause: string][] = [
    [circle, "part of itself"],
    [doubled, "fields, at most 10000"],
    [deep, "65 deep in it, at most 64"],
    [tall, "bad typecode"],
    [Object.fromEntries(Array.from({ length: 10_001 }, (_, i) => [i, "u8"])), "it has 10001 fields"],
    [{ "\x1b[2J": ["u8", -1] }, "\\u001b[2J"],
  ];
  for (const [spec, why] of wanted) {
    const { bytes } = dumps(new Described(spec));
    const error = assertThrows(() => loads(bytes), RangeError, "its description is malformed");
    let innermost: unknown = error;
    while (innermost instanceof Error && innermost.cause !== undefined) innermost = innermost.cause;
    assertStringIncludes(String(innermost), why);
    assert(error.message.length < 600, error.message);
  }
});
