// What is written of what, and what is refused. Whether Python takes it for what it is, says corpus_test.ts.

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  Complex,
  Decimal,
  dumps,
  type DumpsOptions,
  Float,
  float,
  FrozenSet,
  loads,
  NdArray,
  PickleError,
  type PythonException,
  PythonName,
  PythonObject,
  register,
  Tuple,
  tuple,
  Uuid,
} from "@parallel/multiprocessing/pickle";
import { assertIs } from "../support/pickles.ts";
import { isFrom, picklers } from "../support/python.ts";

const KEPT = { tuples: "tuple", floats: "keep", unknown: "object" } as const;
const again = (value: unknown, options?: DumpsOptions) => loads(dumps(value, options), KEPT);

Deno.test("numbers: whole ones are ints, -0 and the others floats", () => {
  for (const int of [0, 1, -1, 255, 256, 65535, 65536, -(2 ** 31), 2 ** 31, 2 ** 32, -(2 ** 40) - 1]) {
    assertStrictEquals(again(int), int);
  }
  assertStrictEquals(again(Number.MAX_SAFE_INTEGER), Number.MAX_SAFE_INTEGER);
  assertStrictEquals(again(-Number.MAX_SAFE_INTEGER), -Number.MAX_SAFE_INTEGER);
  for (const whole of [-0, 2 ** 53, 1e300, NaN, Infinity]) assert(Object.is(loads(dumps(whole)), whole), `${whole}`);
  assertIs(again(-0), Float);
  assertIs(again(float(2)), Float);
  for (const bits of [1n, 7n, 8n, 31n, 32n, 63n, 64n, 127n, 128n, 2039n, 2040n, 2041n, 5000n]) {
    for (const big of [2n ** bits, 2n ** bits - 1n, -(2n ** bits), -(2n ** bits) - 1n, -(2n ** bits) + 1n]) {
      assertEquals(loads(dumps(big), { ints: "bigint" }), big);
    }
  }
});

Deno.test("texts of every length, and halves of surrogate pairs", () => {
  for (const letter of ["a", "é", "€", "😀", "\ud800"]) {
    for (const length of [1, 31, 32, 33, 84, 85, 86, 127, 128, 255, 256, 70_000]) {
      const text = letter.repeat(length);
      assertEquals(loads(dumps([text, text])), [text, text]);
    }
  }
  assertEquals(loads(dumps("\udc00\ud800 \ud83d\ude00")), "\udc00\ud800 \ud83d\ude00");
});

Deno.test("containers: what is shared is shared, circles are circles", () => {
  const list: unknown[] = [1];
  const ring = { list, again: list, self: null as unknown, map: new Map<unknown, unknown>(), pair: tuple(list) };
  ring.self = ring;
  ring.map.set(1, ring.map);
  const copy = loads(dumps(ring)) as typeof ring;
  assertStrictEquals(copy.self, copy);
  assertStrictEquals(copy.list, copy.again);
  assertStrictEquals(copy.pair[0], copy.list);
  assertStrictEquals(copy.map.get(1), copy.map);
  const inner: unknown[] = [];
  const round = tuple(inner, 1, 2, 3);
  inner.push(round);
  const back = again(round) as Tuple;
  assertStrictEquals((back[0] as unknown[])[0], back);
  assertEquals([...back].slice(1), [1, 2, 3]);
});

Deno.test("keys and items of sets never change: arrays are tuples there, sets frozensets, dicts are refused", () => {
  const pair = [1, [2]];
  const table = again(new Map<unknown, unknown>([[pair, pair], [new Set([pair]), 2]])) as Map<unknown, unknown>;
  const [[key, value], [set]] = [...table] as [unknown, unknown][];
  assertIs(key, Tuple);
  assertIs(key[1], Tuple);
  assert(!(value instanceof Tuple));
  assertIs(set, FrozenSet);
  assertStrictEquals([...set][0], key);
  assertThrows(() => dumps(new Set([{ a: 1 }])), PickleError, "a dict can be no key of a dict, and no item of a set");
  assertThrows(() => dumps(new Map([[[new Map()], 1]])), PickleError, "a dict can be no key");
});

Deno.test("typed arrays are array.array, or numpy's, or bytes; a Float16Array is always numpy's", () => {
  const classes = [Int8Array, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array, Float64Array];
  for (const typedArrays of ["array", "numpy"] as const) {
    for (const kind of classes) assertEquals(again(new kind([1, 2, 100]), { typedArrays }), new kind([1, 2, 100]));
    const least = new BigInt64Array([-(2n ** 63n), 2n ** 63n - 1n]);
    assertEquals([again(least, { typedArrays }), again(new BigUint64Array([2n ** 64n - 1n]), { typedArrays })], [
      least,
      new BigUint64Array([2n ** 64n - 1n]),
    ]);
    assertEquals(again(new Float16Array([0.5, 2]), { typedArrays }), new Float16Array([0.5, 2]));
    assertEquals(again(new Uint8ClampedArray([1, 2]), { typedArrays }), new Uint8Array([1, 2]));
  }
  const bytes = new Uint8Array(new Float64Array([1, 2]).buffer);
  assertEquals(again(new Float64Array([1, 2]), { typedArrays: "bytes" }), bytes);
  for (const it of [bytes, bytes.buffer, new DataView(bytes.buffer)]) assertEquals(again(it), bytes);
  const part = new Float64Array(bytes.buffer, 8);
  assertEquals(again(part), new Float64Array([2]));
});

Deno.test("numpy's arrays keep type, shape and order, by either protocol and outside of the pickle", () => {
  const matrix = new NdArray("<f4", [2, 3], new Float32Array(6).map((_, i) => i), { fortran: true });
  const objects = new NdArray("O", [2, 1], ["a", new Map([[1, 2]])]);
  const empty = new NdArray("<i8", [0, 5], new BigInt64Array(0));
  const odd = new NdArray("U2", [1], new Uint8Array([97, 0, 0, 0, 98, 0, 0, 0]));
  for (const protocol of [4, 5] as const) {
    const copies = loads(dumps([matrix, objects, empty, odd], { protocol })) as NdArray[];
    assertEquals(copies, [matrix, objects, empty, odd]);
    assertEquals([copies[1].dtype, copies[3].dtype], ["|O", "<U2"]);
  }
  const buffers: Uint8Array[] = [];
  const pickle = dumps(matrix, { bufferCallback: (buffer) => void buffers.push(buffer) });
  assertEquals(buffers.map(({ buffer }) => buffer), [(matrix.data as Float32Array).buffer]);
  assert(pickle.length < 60);
  assertEquals(loads(pickle, { buffers }), matrix);
  assertEquals(loads(dumps(matrix, { bufferCallback: () => true })), matrix);
  for (
    const [dtype, shape, data] of [
      ["<f8", [2], new Float32Array(2)],
      ["<f8", [-1], new Float64Array(0)],
      [">f8", [1], new Float64Array(1)],
      ["f3", [1], new Uint8Array(3)],
      ["O", [2], [1]],
      ["O", [2], new Uint8Array(2)],
    ] as const
  ) assertThrows(() => new NdArray(dtype, shape, data as never), RangeError, "Cannot make an array of ");
});

Deno.test("dates and times, within what Python has", () => {
  const same = (value: { toString(): string }) => assertEquals(`${again(value)}`, `${value}`);
  same(Temporal.PlainDate.from("0001-01-01"));
  same(Temporal.PlainDateTime.from("9999-12-31T23:59:59.999999"));
  same(Temporal.PlainTime.from("01:02:03.000004"));
  for (const zone of ["UTC", "+05:30", "-11:00", "Europe/Berlin", "America/New_York"]) {
    same(Temporal.ZonedDateTime.from(`2024-07-01T12:00[${zone}]`));
  }
  for (const offset of ["+02:00", "+01:00"]) {
    same(Temporal.ZonedDateTime.from(`2024-10-27T02:30:00${offset}[Europe/Berlin]`)); // the clock shows it twice
  }
  assertEquals(`${again(new Date(0))}`, "1970-01-01T00:00:00+00:00[UTC]");
  assertEquals(
    `${again(Temporal.Instant.from("2024-01-01T00:00:00.123456789Z"))}`,
    "2024-01-01T00:00:00.123456+00:00[UTC]",
  );
  const days = (it: unknown) => (it as Temporal.Duration).total("days");
  assertEquals(days(again(Temporal.Duration.from({ weeks: 1, hours: 36 }))), 8.5);
  assertEquals(days(again(Temporal.Duration.from({ hours: -36 }))), -1.5);
  const refused = (value: unknown, why: string) => assertThrows(() => dumps({ at: [value] }), PickleError, why);
  refused(Temporal.PlainDate.from("+010000-01-01"), "at value.at[0]: Python's dates are of the years 1 to 9999");
  refused(Temporal.PlainDateTime.from("0000-12-31T00:00"), "the years 1 to 9999");
  refused(new Date(8.64e15), "the years 1 to 9999");
  refused(new Date(NaN), "it is no date");
  refused(Temporal.Duration.from({ months: 1 }), "how long its years and months are");
  refused(Temporal.Duration.from({ seconds: 2 ** 53 - 1 }), "at most 999999999 days");
});

Deno.test("errors are the exceptions that correspond, with their stacks as notes; Python's own go back as they were", () => {
  const names: [Error, string][] = [
    [new Error("x"), "RuntimeError"],
    [new RangeError("x"), "ValueError"],
    [new TypeError("x"), "TypeError"],
    [new ReferenceError("x"), "NameError"],
    [new Deno.errors.NotFound("x"), "FileNotFoundError"],
    [new PickleError("x"), "ValueError"],
    [new (class Odd extends Error {})("x"), "RuntimeError"],
    [new AggregateError([], "x"), "RuntimeError"],
  ];
  for (const [error, name] of names) {
    const copy = loads(dumps(error)) as PythonException;
    assertEquals([copy.type, copy.args, copy.notes], [name, ["x"], [error.stack!]]);
    const back = loads(dumps(copy)) as PythonException;
    assertEquals([back.type, back.args, back.notes], [name, ["x"], [error.stack!]]);
  }
  const cause = new Error("inner");
  const { notes } = again(new Error("outer", { cause })) as PythonException;
  assertEquals((notes![1] as string).startsWith("Caused by: Error: inner"), true);
});

Deno.test("small classes and descriptions come back as they were", () => {
  const name = new PythonName("a.b", "C.d");
  const values = [
    ...[new Complex(1, -0), new Decimal("-1E+3"), new Uuid("00000000-0000-0000-0000-00000000000f"), name],
    ...[new FrozenSet(["a"]), new PythonObject(name, [1], { state: { a: 1 }, isCalled: false })],
    ...[new PythonObject(name, [], { items: [1, 2], entries: [["k", 3]] })],
    new PythonObject(name, [], { kwargs: { size: 1 }, isCalled: false }),
  ];
  assertEquals(loads(dumps(values), { unknown: "object" }), values);
  assertThrows(() => new Decimal("1,5"), RangeError, 'Cannot make a decimal of "1,5"');
  assertThrows(() => new Uuid("1"), RangeError, 'Cannot make a UUID of "1"');
  assertThrows(() => new FrozenSet([1]).delete(1), TypeError, "it never changes");
  assertThrows(() => new FrozenSet([1]).clear(), TypeError, "it never changes");
});

class Point {
  constructor(readonly x: number, readonly y: unknown) {}
}
register(Point, {
  module: "shapes",
  reduce: ({ x, y }) => ({ args: [x], state: { y } }),
  restore: ({ args: [x], state }) => new Point(Number(x), (state as { y: unknown }).y),
});

Deno.test("a registered class travels as Python's, once where it is twice", () => {
  const point = new Point(1, ["a"]);
  const [one, two] = loads(dumps([point, point])) as Point[];
  assertIs(one, Point);
  assertStrictEquals(one, two);
  assertEquals(one, point);
  assertThrows(() => dumps(new (class extends Point {})(1, 2)), PickleError, "its class is not registered");
  const said = loads(dumps(new PythonObject(new PythonName("shapes", "Point"), [3], { state: { y: 4 } })));
  assertEquals(said, new Point(3, 4));
  const ring = new Point(1, [] as unknown[]);
  (ring.y as unknown[]).push(ring);
  assertThrows(() => loads(dumps(ring)), PickleError); // it is wanted before it can be made
  const other = { module: "shapes", reduce: () => ({}), restore: () => new Point(0, 0) };
  assertThrows(() => register(Point, other), RangeError, "taken already");
  assertThrows(() => register(class {} as never, { ...other, module: "uuid", name: "UUID" }), RangeError, "taken");
  assertThrows(() => register(class A {}, { module: "a" } as never), TypeError, "wanted { module, name?, reduce");
});

Deno.test("what Python has nothing of is refused, with the place where it stands", () => {
  const refused = (value: unknown, said: string) => assertThrows(() => dumps(value), PickleError, said);
  refused({ a: [1, () => 1] }, "at value.a[1]: a function is nothing that Python has");
  refused(new Map([["a b", Symbol("s")]]), 'at value["a b"]: a symbol is');
  refused(new (class Own {})(), "its class is not registered for pickles");
  refused([/x/], "at value[0]: its class is not registered");
  let deep: unknown = 1;
  for (let i = 0; i < 1001; i++) deep = [deep];
  refused(deep, "it is nested more than 1000 levels deep");
  const self = new Tuple();
  self.push(self);
  refused(self, "nested more than 1000 levels");
  assertEquals(loads(dumps((deep as unknown[])[0])), (deep as unknown[])[0]);
  assertEquals(loads(dumps(Object.assign(Object.create(null), { a: undefined }))), { a: null });
  // A pickle that was broken off has spoilt nothing for the next.
  assertEquals(loads(dumps("well")), "well");
});

Deno.test("a pickle within a pickle, by a getter, spoils neither", () => {
  const inner: Uint8Array[] = [];
  const value = {
    get a() {
      inner.push(dumps("inner"));
      return "outer";
    },
  };
  assertEquals(loads(dumps([value])), [{ a: "outer" }]);
  assertEquals(loads(inner[0]), "inner");
});

Deno.test("options that are none are refused", () => {
  const wrong = (options: object, said: string) => assertThrows(() => dumps(1, options as never), TypeError, said);
  wrong({ protocol: 3 }, 'Cannot dump a pickle: "protocol" is 3, wanted 4 or 5');
  wrong({ typedArrays: "list" }, 'wanted "array" or "numpy" or "bytes"');
  wrong({ bufferCallback: 1 }, "wanted a function");
  wrong({ bufferCallback() {}, protocol: 4 }, '5 with "bufferCallback"');
  wrong({ typedarrays: "numpy" }, 'did you mean "typedArrays"?');
});

// Older ones have the notes, and show none.
for (const python of picklers.filter((it) => isFrom(it, 11)).slice(-1)) {
  Deno.test(`CPython ${python.version.join(".")} shows the notes of an error, and reads memory from outside`, async () => {
    const program = `
import pickle, sys, json, traceback
said = pickle.loads(bytes.fromhex(sys.argv[1]))
try:
    raise said[0]
except ValueError:
    print(json.dumps([traceback.format_exc().split("ValueError: bad\\n")[1].strip(), type(said[1]).__name__, list(said[1])]))
`;
    const error = new RangeError("bad");
    const args = ["-c", program, dumps([error, new Int16Array([1, -2])]).toHex()];
    const { stdout } = await new Deno.Command(python.path, { args, stderr: "inherit" }).output();
    assertEquals(JSON.parse(new TextDecoder().decode(stdout)), [error.stack!, "array", [1, -2]]);
  });
}
