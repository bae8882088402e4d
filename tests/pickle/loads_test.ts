// What becomes of what a pickle says, by the options of `loads`. The pickles are CPython's; a comment says of what.

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  Complex,
  Decimal,
  Float,
  FrozenSet,
  loads,
  NdArray,
  PickleError,
  type PythonException,
  PythonName,
  PythonObject,
  Tuple,
  Uuid,
} from "@parallel/multiprocessing/pickle";
import { assertIs } from "../support/pickles.ts";

const hex = (text: string) => Uint8Array.fromHex(text.replaceAll(" ", ""));

Deno.test("ints are numbers as far as these are exact, then bigints; or always bigints", () => {
  // [1, -1, 2**53 - 1, 2**53, -2**53 + 1, -2**53, 2**64]
  const pickle = hex(
    "8004 5d94 28 4b01 4affffffff 8a07ffffffffffff1f 8a0700000000000020 8a07010000000000e0 8a07000000000000e0" +
      "8a09000000000000000001 65 2e",
  );
  const most = Number.MAX_SAFE_INTEGER;
  assertEquals(loads(pickle), [1, -1, most, 2n ** 53n, -most, -(2n ** 53n), 2n ** 64n]);
  const all = loads(pickle, { ints: "bigint" }) as bigint[];
  assertEquals(all, [1n, -1n, BigInt(most), 2n ** 53n, -BigInt(most), -(2n ** 53n), 2n ** 64n]);
});

Deno.test("a float without a fraction is a number, or kept apart", () => {
  const pickle = hex("8004 5d94 28 474000000000000000 473ff8000000000000 65 2e"); // [2.0, 1.5]
  assertEquals(loads(pickle), [2, 1.5]);
  const [two, other] = loads(pickle, { floats: "keep" }) as unknown[];
  assertIs(two, Float);
  assertEquals([two.value, other], [2, 1.5]);
});

Deno.test("a tuple is an Array, or kept apart", () => {
  const pickle = hex("8004 5d94 4b014b02869461 2e"); // [(1, 2)]
  assertEquals(loads(pickle), [[1, 2]]);
  const [pair] = loads(pickle, { tuples: "tuple" }) as unknown[];
  assertIs(pair, Tuple);
  assertEquals([...pair], [1, 2]);
  assert(!(pair.map((it) => it) instanceof Tuple));
});

Deno.test("a dict is a plain object if its keys are strs, else a Map, each for itself; or as is wanted", () => {
  const pickle = hex("8004 7d94 28 8c0161 7d94 4b01 4e 73 8c0162 7d94 8c0163 4e 73 75 2e"); // {"a": {1: None}, "b": {"c": None}}
  assertEquals(loads(pickle), { a: new Map([[1, null]]), b: { c: null } });
  assertEquals(
    loads(pickle, { dicts: "map" }),
    new Map([["a", new Map<unknown, null>([[1, null]])], ["b", new Map<unknown, null>([["c", null]])]]),
  );
  assertThrows(() => loads(pickle, { dicts: "object" }), PickleError, "a key of a dict is no str but number");
});

Deno.test("a dict that was referred to before its first key has come is one and the same Map", () => {
  // a = {}; a["x"] = {"y": 1}; a[1] = [a]
  const pickle = hex("80027d71002858010000007871017d710258010000007971034b01734b015d7104680061752e");
  const table = loads(pickle) as Map<unknown, unknown>;
  assertIs(table, Map);
  assertStrictEquals((table.get(1) as unknown[])[0], table);
  assertEquals(table.get("x"), { y: 1 });
});

Deno.test("a key named __proto__ is a property as any other", () => {
  const pickle = hex("8004 7d94 8c095f5f70726f746f5f5f 7d94 8c0161 4b01 73 73 2e"); // {"__proto__": {"a": 1}}
  const object = loads(pickle) as Record<string, unknown>;
  assertStrictEquals(Object.getPrototypeOf(object), Object.prototype);
  assertEquals(Object.keys(object), ["__proto__"]);
  assertEquals(object.a, undefined);
});

Deno.test("bytes and texts have memory of their own, and halves of surrogate pairs are kept", () => {
  const pickle = hex("8004 5d94 28 4302aabb 8c07 eda080 c3a9 6162 65 2e"); // [b"\xaa\xbb", "\ud800éab"]
  const [bytes, text] = loads(pickle) as [Uint8Array, string];
  pickle.fill(0);
  assertEquals(bytes, new Uint8Array([0xaa, 0xbb]));
  assertEquals(text, "\ud800éab");
});

Deno.test("what Python 2 and protocol 2 call otherwise is known", () => {
  // [b"\xff", bytearray(b"a"), {1}, frozenset({2}), 3j] of Python 3.13, protocol 2
  const pickle = hex(
    "80025d7100 28 635f636f646563730a656e636f64650a7101 5802000000c3bf7102 58060000006c6174696e317103 867104 527105" +
      "635f5f6275696c74696e5f5f0a6279746561727261790a7106 5801000000617107 58070000006c6174696e2d317108 867109 52710a" +
      "635f5f6275696c74696e5f5f0a7365740a710b 5d710c4b0161 85710d 52710e" +
      "635f5f6275696c74696e5f5f0a66726f7a656e7365740a710f 5d71104b0261 857111 527112" +
      "635f5f6275696c74696e5f5f0a636f6d706c65780a7113 470000000000000000 474008000000000000 867114 527115 65 2e",
  );
  const [bytes, array, set, frozen, complex] = loads(pickle) as unknown[];
  assertEquals([bytes, array, set], [new Uint8Array([255]), new Uint8Array([97]), new Set([1])]);
  assertIs(frozen, FrozenSet);
  assertIs(complex, Complex);
  assertEquals([[...frozen], complex.re, complex.im], [[2], 0, 3]);
  // ["abc", 2**40] of Python 2.7, whose strs are bytes
  assertEquals(loads(hex("80025d7100 28 55036162637101 8a06000000000001 65 2e")), ["abc", 2 ** 40]);
  assertThrows(() => loads(hex("80025501ff2e")), PickleError, "a text of Python 2 in it is not ASCII");
  // collections.OrderedDict([("b", 1)]) of Python 2.7
  const ordered =
    "800263636f6c6c656374696f6e730a4f726465726564446963740a71005d71015d7102285501627103 4b01 65 61 85 5271042e";
  assertEquals(loads(hex(ordered)), new Map([["b", 1]]));
  // IOError(2, "gone") of Python 2.7
  const error = loads(
    hex("8002 63657863657074696f6e730a494f4572726f720a 4b02 5504676f6e65 86 52 2e"),
  ) as PythonException;
  assertIs(error, Deno.errors.NotFound);
  assertEquals([error.type, error.message, error.args], ["FileNotFoundError", "[Errno 2] gone", [2, "gone"]]);
});

Deno.test("exceptions are the nearest errors, with what they were raised with", () => {
  const raised = (name: string, ...args: string[]) => {
    const parts = args.map((it) =>
      `8c${it.length.toString(16).padStart(2, "0")}${new TextEncoder().encode(it).toHex()}`
    );
    const named = new TextEncoder().encode(name);
    const head = `80048c086275696c74696e738c${named.length.toString(16).padStart(2, "0")}${named.toHex()}93`;
    return loads(hex(`${head}28${parts.join("")}74522e`)) as PythonException;
  };
  const value = raised("ValueError", "bad");
  assertIs(value, RangeError);
  assertEquals([value.message, value.type, value.args], ["bad", "ValueError", ["bad"]]);
  assertIs(raised("TypeError"), TypeError);
  assertIs(raised("NameError", "x"), ReferenceError);
  assertEquals(raised("KeyError", "k").message, "'k'");
  assertEquals(raised("AttributeError", "a").constructor, Error);
  assertEquals(raised("RuntimeError", "a", "b").message, "('a', 'b')");
  assert(!raised("ValueError", "bad").stack!.includes("pickle"));
});

Deno.test("objects of unknown classes are refused, or described", () => {
  // fractions.Fraction(1, 3)
  const pickle = hex("80048c096672616374696f6e73948c084672616374696f6e9493944b014b03869452942e");
  assertThrows(
    () => loads(pickle),
    PickleError,
    'Cannot read the pickle: it has an object of "fractions.Fraction", which is not known',
  );
  const half = loads(pickle, { unknown: "object" });
  assertIs(half, PythonObject);
  assertEquals([`${half.type}`, half.args, half.isCalled, half.state], ["fractions.Fraction", [1, 3], true, undefined]);
});

Deno.test("a name by itself is inert", () => {
  const name = loads(hex("80048c026f73948c0673797374656d9493942e")); // os.system
  assertIs(name, PythonName);
  assertEquals([name.module, name.name, `${name}`], ["os", "system", "os.system"]);
});

Deno.test("dates and times are Temporal's, in the zone that they have", () => {
  // [datetime(2024, 2, 29, 12, 30, 45, 123456, timezone(timedelta(hours=-5, minutes=-30))), timedelta(microseconds=-1)]
  const pickle = hex(
    "80049576000000000000005d94288c086461746574696d65948c086461746574696d65949394430a07e8021d0c1e2d01e2409468018c08" +
      "74696d657a6f6e6594939468018c0974696d6564656c74619493944affffffff4a280401004b0087945294859452948694529468084a" +
      "ffffffff4a7f5101004a3f420f0087945294652e",
  );
  const [time, span] = loads(pickle) as [Temporal.ZonedDateTime, Temporal.Duration];
  assertEquals(`${time}`, "2024-02-29T12:30:45.123456-05:30[-05:30]");
  assertEquals(`${span}`, "-PT0.000001S");
  // datetime(2024, 2, 29, tzinfo=timezone(timedelta(seconds=40)))
  const odd = hex(
    "80049557000000000000008c086461746574696d65948c086461746574696d65949394430a07e8021d0000000000009468008c0874696d65" +
      "7a6f6e6594939468008c0974696d6564656c74619493944b004b284b008794529485945294869452942e",
  );
  assertThrows(() => loads(odd), PickleError, '"datetime.datetime", nothing here corresponds to it');
  assertIs(loads(odd, { unknown: "object" }), PythonObject);
});

Deno.test("decimals and UUIDs are what they say", () => {
  // [Decimal("1.50"), UUID("12345678-1234-5678-1234-567812345678")]
  const pickle = hex(
    "80049555000000000000005d94288c07646563696d616c948c07446563696d616c9493948c04312e353094859452948c0475756964948c04" +
      "555549449493942981947d948c03696e74948a10785634127856341278563412785634127362652e",
  );
  const [price, id] = loads(pickle) as [Decimal, Uuid];
  assertIs(price, Decimal);
  assertIs(id, Uuid);
  assertEquals([`${price}`, `${id}`], ["1.50", "12345678-1234-5678-1234-567812345678"]);
  assertEquals(JSON.stringify([price, id]), '["1.50","12345678-1234-5678-1234-567812345678"]');
});

Deno.test("memory that was left out of the pickle is used as it is", () => {
  const memory = new Float64Array([1, 2, 3, 4]);
  // numpy.ndarray((2, 2), "<f8", the first buffer)
  const pickle = hex(
    "80058c056e756d7079948c076e646172726179949394 4b024b0286 8c033c6638 97 87 52 2e",
  );
  const matrix = loads(pickle, { buffers: [memory.buffer] }) as NdArray;
  assertIs(matrix, NdArray);
  memory[3] = 5;
  assertEquals(matrix.data, memory);
  assertThrows(() => loads(pickle), PickleError, "it wants a buffer that is not with it");
  assertThrows(() => loads(pickle, { buffers: [new Uint8Array(31)] }), PickleError, "more or less than its shape");
});

Deno.test("options that are none, and bytes that are none, are refused", () => {
  const pickle = hex("80044e2e");
  const wrong = (options: object, said: string) => assertThrows(() => loads(pickle, options as never), TypeError, said);
  wrong({ ints: "big" }, 'Cannot load a pickle: "ints" is "big", wanted "number" or "bigint"');
  wrong({ dicts: 5 }, 'wanted "auto" or "map" or "object"');
  wrong({ buffers: 5 }, "wanted an iterable of buffers");
  wrong({ buffers: [5] }, "wanted a Uint8Array or an ArrayBuffer");
  wrong({ tuple: "tuple" }, 'did you mean "tuples"?');
  assertThrows(() => loads("abc" as never), TypeError, '"bytes" is "abc", wanted a Uint8Array');
  assertEquals(loads(pickle.buffer), null);
  assertEquals(loads(new Uint8Array([1, ...pickle, 1]).subarray(1, -1)), null);
});
