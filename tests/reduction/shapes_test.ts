// Objects whose names an earlier one of the message has: they arrive as any others do.

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { dumps, loads } from "../../src/reduction/serialise.ts";
import { ROWS } from "../../src/reduction/shapes.ts";
import { assertSurvives, roundTrip } from "../support/reduction.ts";

const row = (id: number) => ({ id, name: `name ${id}`, address: { street: "Long Road", no: 7, town: "Ely" } });
const rows = (count: number) => Array.from({ length: count }, (_, id) => row(id));
const sizeOf = (value: unknown) => dumps(value).bytes.length;

/** How often a name stands in the message of a value. */
const told = (value: unknown, name: string) =>
  new TextDecoder("latin1").decode(dumps(value).bytes).split(name).length - 1;

Deno.test("shapes: rows arrive as they are, and many tell their names twice", () => {
  for (const count of [0, 1, 2, ROWS - 1, ROWS, ROWS + 1, 200]) {
    const all = rows(count);
    assertSurvives(all);
    for (const name of ["address", "town"]) assertEquals(told(all, name), count < ROWS ? count : 2, `${count} rows`);
  }
  assertEquals(told({ here: rows(ROWS), there: rows(1) }, "town"), 3); // those behind are in no table
});

Deno.test("shapes: one object costs what it did, and so do a few; each of many costs its values", () => {
  const one = { id: 1, name: "x", on: true };
  const alone = 1 + (3 + 1) + (5 + 2) + (3 + 1); // a header, three names and values
  const many = (count: number) => sizeOf(Array.from({ length: count }, () => ({ ...one })));
  assertEquals([sizeOf(one), many(1), many(ROWS - 1)], [alone, 1 + alone, 1 + (ROWS - 1) * alone]);
  assertEquals(many(300) - many(299), 1 + 3 + (1 + 2 + 1)); // a header, the shape, and the values
  const pairs = (count: number) => sizeOf(Array.from({ length: count }, () => ({ x: 1, y: 2 })));
  assertEquals(pairs(300) - pairs(299), 1 + 2 * 3); // two short names are as short as a shape
});

Deno.test("shapes: any objects with few names survive, in their order, and so do references to them", () => {
  const names = fc.constantFrom("a", "b", "ab", "0", "1", "__proto__", "", "é", "\ud800", "constructor", "length");
  const leaf = fc.oneof(fc.integer(), fc.constantFrom(undefined, null, "text", 1n), fc.double());
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof({ maxDepth: 4 }, leaf, tie("object"), tie("array")),
    array: fc.array(tie("value"), { maxLength: 6 }),
    object: fc.dictionary(names, tie("value"), { maxKeys: 5, noNullPrototype: true }),
  }));
  fc.assert(
    fc.property(fc.array(value, { minLength: 4, maxLength: 12 }), (all) => {
      const list = [...all, ...structuredClone(all), ...all, { all, a: 1, b: 2 }, { all, a: 3, b: 4 }];
      assertSurvives(list);
      assertEquals(JSON.stringify(orders(roundTrip(list))), JSON.stringify(orders(list)));
    }),
    { numRuns: 300 },
  );
});

/** The names of all objects in a value, in their order. */
function orders(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(orders);
  if (typeof value !== "object" || value === null) return 0;
  return Object.keys(value).map((key) => [key, orders(Reflect.get(value, key))]);
}

Deno.test("shapes: more of them than are looked for, and than have numbers", () => {
  const names = (count: number) => Array.from({ length: count }, (_, k) => [`k${k}`, k]);
  const wide = Array.from({ length: 70 }, (_, count) => Object.fromEntries(names(count)));
  const kinds = Array.from({ length: 600 }, (_, i) => ({ [`first${i}`]: i, more: 0, [`last${i}`]: -i }));
  const thrice = kinds.flatMap((it) => [it, { ...it }, { ...it }]);
  for (const value of [[...wide, ...structuredClone(wide)], [kinds, structuredClone(kinds)], thrice]) {
    assertSurvives(value);
  }
});

Deno.test("shapes: lists and trees of one shape, and circles through them", () => {
  type Node = { left: Node | null; value: number; right: Node | null };
  const tree = (depth: number): Node | null =>
    depth === 0 ? null : { left: tree(depth - 1), value: depth, right: tree(depth - 1) };
  assertSurvives(Array.from({ length: ROWS }, () => tree(5)));
  let list: unknown = null;
  for (let i = 0; i < 900; i++) list = { i, list, last: true };
  assertSurvives(Array(ROWS).fill(0).with(0, list));
  const [one, two] = [{ id: 1, other: null as unknown, more: 0 }, { id: 2, other: null as unknown, more: 0 }];
  Object.assign(one, { other: two });
  Object.assign(two, { other: one });
  const others = Array.from({ length: ROWS }, (_, id) => ({ id, other: one, more: two }));
  const [first, second, ...rest] = roundTrip([one, two, ...others]);
  assert(first.other === second && second.other === first);
  assert(rest.every(({ other, more }) => other === first && (more as unknown) === second));
});

Deno.test("shapes: messages know nothing of each other, nor does one within another", () => {
  const within = {
    get id() {
      return dumps(rows(ROWS)).bytes as unknown as number;
    },
    name: "x",
    address: row(0).address,
  };
  const copy = roundTrip([...rows(ROWS), within, ...rows(ROWS)]);
  assertEquals(loads(copy[ROWS].id as unknown as Uint8Array), rows(ROWS));
  assertEquals(copy.toSpliced(ROWS, 1), [...rows(ROWS), ...rows(ROWS)]);
  const refused = [...rows(ROWS), { ...row(1), name: () => {} }];
  assertThrows(() => dumps(refused), TypeError, `value[${ROWS}].name`);
  assertSurvives(rows(ROWS));
  assertEquals(told(row(1), "town"), 1);
});

const SHAPE = (number: number) => [0xd4, 17, number];
const NAMES = [0x92, 0xa1, 97, 0xa1, 98]; // ["a", "b"]

for (
  const [what, bytes] of [
    ["a shape that was not told", [0x93, ...SHAPE(1), 1, 2]],
    ["a shape that is to be told, and is not", [0x93, ...SHAPE(0), 1, 2]],
    ["fewer values than names", [0x93, ...SHAPE(0), ...NAMES, 1]],
    ["more values than names", [0x95, ...SHAPE(0), ...NAMES, 1, 2, 3]],
    ["fewer values than names, later", [0x92, 0x94, ...SHAPE(0), ...NAMES, 1, 2, 0x92, ...SHAPE(0), 1]],
    ["names that are none", [0x94, ...SHAPE(0), 0x92, 0xa1, 97, 5, 1, 2]],
    ["more names than there are bytes", [0x94, ...SHAPE(0), 0xdc, 0xff, 0xff, 0xa1, 97, 1, 2]],
    ["names in no array", [0x94, ...SHAPE(0), 0x82, 0xa1, 97, 1, 0xa1, 98, 2, 1, 2]],
    ["nothing behind a shape", [0x91, ...SHAPE(0)]],
    ["a shape that is cut", [0x91, 0xd4, 17]],
    ["a shape alone", SHAPE(0)],
    ["a shape behind another item", [0x92, 1, ...SHAPE(0)]],
    ["a shape of two bytes", [0x92, 0xd5, 17, 0, 0, ...NAMES]],
  ] as [string, number[]][]
) {
  Deno.test(`shapes: refuses ${what}`, () => {
    assertThrows(() => loads(new Uint8Array(bytes)), RangeError, "Cannot read message: it is malformed");
  });
}

Deno.test("shapes: names that come twice, and those of the prototype, are properties", () => {
  assertEquals(loads(new Uint8Array([0x94, ...SHAPE(0), 0x92, 0xa1, 97, 0xa1, 97, 1, 2])), { a: 2 });
  const copies = roundTrip(Array.from({ length: ROWS }, () => JSON.parse('{"a": 1, "__proto__": {"x": 1}, "b": 3}')));
  assertEquals(told(copies, "__proto__"), 2);
  for (const copy of copies) {
    assertEquals(Object.getPrototypeOf(copy), Object.prototype);
    assertEquals(Object.entries(copy), [["a", 1], ["__proto__", { x: 1 }], ["b", 3]]);
  }
});
