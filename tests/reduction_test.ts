import { deepStrictEqual } from "node:assert";
import { Buffer } from "node:buffer";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertNotStrictEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import fc from "fast-check";
import { restoringFromOutside } from "../src/blocks.ts";
import { Guarded, OutOfStock } from "./fixtures/pool_shop.ts";
import { Empty, InvalidStateError, OwnerDiedError } from "../src/errors.ts";
import { attach, dumpInto, dumps, loads, register, setViewReducer } from "../src/reduction.ts";

function roundTrip<T>(value: T): T {
  return loads(dumps(value).bytes) as T;
}

/** Asserts what `deepStrictEqual` compares: prototypes, -0, NaN, holes, the content of Map and Set. */
function assertSurvives(value: unknown): void {
  deepStrictEqual(roundTrip(value), value);
  const target = new Uint8Array(dumps(value).bytes.length + 64).fill(0xff);
  const end = dumpInto(value, target, 3);
  deepStrictEqual(loads(target, 3, end), value);
}

class Point {
  constructor(readonly x: number, readonly y: number) {}
}

class Secret {
  readonly #text: string;
  constructor(text: string) {
    this.#text = text;
  }
  get text(): string {
    return this.#text;
  }
}
register(Secret, { name: "test.Secret", reduce: (secret) => secret.text, restore: (text) => new Secret(text) });

class Block {
  constructor(readonly id: number, readonly more: unknown = null) {}
}
register(Block, {
  name: "test.Block",
  reduce(block): [number, unknown] {
    attach(block.id);
    return [block.id, block.more];
  },
  restore: ([id, more]) => new Block(id, more),
});

class Payment extends Error {
  constructor(message: string, readonly cents: number) {
    super(message);
  }
}
register(Payment, {
  name: "test.Payment",
  reduce: (error): [string, number] => [error.message, error.cents],
  restore: ([message, cents]) => new Payment(message, cents),
});

const shared = new WeakMap<ArrayBufferLike, number>();
const sharedMemory = new ArrayBuffer(64);
shared.set(sharedMemory, 5);
setViewReducer({
  reduce(view) {
    const block = shared.get(view.buffer);
    if (block === undefined) return undefined;
    attach(block);
    return [view.constructor.name, view.byteOffset, view.byteLength];
  },
  restore(data) {
    const [kind, offset, length] = Array.isArray(data) ? data : [];
    if (typeof offset !== "number" || typeof length !== "number") throw new RangeError("Cannot restore the view");
    return kind === "Int32Array"
      ? new Int32Array(sharedMemory, offset, length / 4)
      : new Uint8Array(sharedMemory, offset, length);
  },
});

const values: Record<string, unknown[]> = {
  "undefined, null and booleans": [undefined, null, true, false],
  "integers at the edges of every format": [
    ...[0, 1, 31, 32, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32],
    ...[-1, -32, -33, -128, -129, -32768, -32769, -(2 ** 31), -(2 ** 31) - 1, 2 ** 53 - 1, -(2 ** 53) + 1],
  ],
  "floats, -0, NaN and infinities": [0.5, -1.25, 1e300, 5e-324, -0, NaN, Infinity, -Infinity],
  "bigints of any size": [
    ...[0n, 1n, -1n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n, 2n ** 64n, -(2n ** 63n), -(2n ** 63n) - 1n],
    ...[0xfffn << 64n, 2n ** 4096n + 1n, -(2n ** 4099n)],
  ],
  "strings at the edges of every format": [
    0,
    1,
    7,
    8,
    31,
    32,
    33,
    85,
    86,
    255,
    256,
    21845,
    21846,
    65535,
    65536,
    200_000,
  ]
    .flatMap((length) => ["a".repeat(length), "é".repeat(length), "☃".repeat(length)]),
  "strings with astral characters, BOM, NUL and U+FFFD": ["😀 smile", "\ufeffbom", "a\0b", "\ufffd", "😀".repeat(999)],
  "strings with lone surrogates": ["\ud800", "a\udc00b", "\udc00\ud800", "x".repeat(9999) + "\ud800"],
  "dates": [new Date(0), new Date("2026-01-02T03:04:05.678Z"), new Date(-1), new Date(NaN)],
  "regular expressions": [/a/, /^[\w-]+$/gimsuy, new RegExp(String.raw`[\p{L}--a]`, "v"), new RegExp(""), /\//],
  "maps and sets": [
    new Map(),
    new Map<unknown, unknown>([["a", 1], [{ key: true }, new Map([[1, 2]])], [NaN, undefined]]),
    new Set([1, "1", null, undefined]),
    new Set([new Set([[]])]),
  ],
  "arrays": [
    [],
    [1, [2, [3]]],
    [undefined, null],
    new Array(15).fill(1),
    new Array(16).fill(2),
    new Array(70_000).fill("x"),
  ],
  // deno-lint-ignore no-sparse-arrays -- holes are what is tested
  "arrays with holes": [[, 1], [1, , 3], new Array(5), Object.assign(new Array(20), { 7: "x" })],
  "plain objects": [
    {},
    { a: 1, "": 2, "ключ": 3, "with space": { nested: {} } },
    { hasOwnProperty: 1, toString: 2, constructor: 3 },
    Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`key ${i}`, i])),
    Object.fromEntries(Array.from({ length: 70_000 }, (_, i) => [`key ${i}`, i])),
    { ["long ".repeat(20)]: 1, "\ud800": 2 },
  ],
  "buffers and views": [
    ...[0, 1, 255, 256, 4096, 4097, 70_000].map((length) => new Uint8Array(length).fill(7)),
    new ArrayBuffer(0),
    new Uint8Array([1, 2, 3]).buffer,
    new DataView(new Uint8Array([1, 2, 3]).buffer),
    ...[Int8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, Float16Array, Float32Array]
      .map((View) => new View([1, 2, 3])),
    new Float64Array([-0, NaN, Infinity, 0.1]),
    new BigInt64Array([-1n, 2n]),
    new BigUint64Array([1n]),
  ],
};

for (const [what, list] of Object.entries(values)) {
  Deno.test(`reduction: ${what} survive`, () => {
    for (const value of list) assertSurvives(value);
    assertSurvives(list);
  });
}

Deno.test("reduction: whatever fast-check thinks of survives as structuredClone would have it", () => {
  const anything = fc.anything({
    withBigInt: true,
    withBoxedValues: false,
    withDate: true,
    withMap: true,
    withSet: true,
    withTypedArray: true,
    withSparseArray: true,
    withNullPrototype: true,
    withUnicodeString: true,
    maxDepth: 4,
  });
  fc.assert(
    fc.property(anything, (value) => deepStrictEqual(roundTrip(value), structuredClone(value))),
    { numRuns: 2000 },
  );
});

Deno.test("reduction: any 16-bit string survives", () => {
  const units = fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 80 });
  fc.assert(fc.property(units, (codes) => {
    const text = String.fromCharCode(...codes);
    assertEquals(roundTrip(text), text);
    assertEquals(roundTrip({ [text]: 1 }), { [text]: 1 });
  }));
});

Deno.test("reduction: an array of 4 294 967 295 holes costs neither time nor memory", () => {
  const array: unknown[] = [];
  array[2 ** 32 - 2] = "last";
  const copy = roundTrip(array);
  assertEquals([copy.length, Object.keys(copy), copy.at(-1)], [2 ** 32 - 1, ["4294967294"], "last"]);
  assertEquals(roundTrip(new Array(2 ** 32 - 1)).length, 2 ** 32 - 1);
});

Deno.test("reduction: an object that occurs twice arrives as one object", () => {
  const kinds = [{}, [], new Map(), new Set(), new Date(), /x/, new Error("x"), new Uint8Array(2), new ArrayBuffer(2)];
  for (
    const one of [...kinds, new Float64Array(1), new DataView(new ArrayBuffer(1)), new Secret("s"), new URL("a:b")]
  ) {
    const [first, second, { third }] = roundTrip([one, one, { third: one }] as const);
    assertStrictEquals(first, second);
    assertStrictEquals(first, third);
    assertNotStrictEquals(first, one);
  }
});

Deno.test("reduction: shared references stay right beyond the objects that are looked up one by one", () => {
  const objects = Array.from({ length: 50 }, (_, id) => ({ id }));
  const copy = roundTrip([...objects, ...objects]);
  for (let i = 0; i < 50; i++) {
    assertEquals(copy[i].id, i);
    assertStrictEquals(copy[i], copy[i + 50]);
  }
});

Deno.test("reduction: cycles through every kind of container survive", () => {
  const object: Record<string, unknown> = {};
  const array: unknown[] = [object];
  const map = new Map<unknown, unknown>([["array", array]]);
  const set = new Set<unknown>([map]);
  const error = new Error("cycle", { cause: set });
  object.error = error;
  map.set(map, map);

  const copy = roundTrip(object) as { error: Error };
  const copiedMap = [...copy.error.cause as Set<Map<unknown, unknown>>][0];
  assertStrictEquals((copiedMap.get("array") as unknown[])[0], copy);
  assertStrictEquals(copiedMap.get(copiedMap), copiedMap);
});

Deno.test("reduction: 1000 levels of any container are written and read, 1001 are refused", () => {
  const wraps: Record<string, (inner: unknown) => unknown> = {
    object: (inner) => ({ inner }),
    array: (inner) => [inner],
    map: (inner) => new Map([[0, inner]]),
    set: (inner) => new Set([inner]),
    error: (inner) => Object.assign(new Error("deep"), { inner, stack: "" }),
    block: (inner) => new Block(1, inner),
  };
  for (const [kind, wrap] of Object.entries(wraps)) {
    const perLevel = kind === "block" ? 2 : 1; // the array that its reduce() returns
    let value: unknown = 1;
    for (let i = 0; i < 1000 / perLevel; i++) value = wrap(value);
    roundTrip(value);
    assertThrows(() => dumps(wrap(value)), RangeError, "nested more than 1000 levels deep");
  }
});

Deno.test("reduction: null prototypes and unregistered classes arrive as plain objects", () => {
  const bare = Object.assign(Object.create(null), { a: 1 });
  assertEquals(Object.getPrototypeOf(roundTrip(bare)), Object.prototype);
  deepStrictEqual(roundTrip<unknown>(new Point(1, 2)), { x: 1, y: 2 });
  deepStrictEqual(roundTrip<unknown>(new (class extends Map<number, number> {})([[1, 2]])), new Map([[1, 2]]));
  deepStrictEqual(roundTrip<unknown>(new (class extends Uint8Array {})([1, 2])), new Uint8Array([1, 2]));
  deepStrictEqual(roundTrip<unknown>(Buffer.from("ab")), new Uint8Array([97, 98]));
});

Deno.test("reduction: a view travels without the rest of its buffer", () => {
  const all = new Float64Array([1, 2, 3, 4]);
  assertEquals(roundTrip(all.subarray(1, 3)), new Float64Array([2, 3]));
  assertEquals(dumps(new Uint8Array(1_000_000).subarray(5, 8)).bytes.length, 5);
});

Deno.test("reduction: built-in errors keep class, message, cause, own properties and remote stack", () => {
  const classes = [
    Error,
    EvalError,
    RangeError,
    ReferenceError,
    SyntaxError,
    TypeError,
    URIError,
    Deno.errors.NotFound,
  ];
  for (const Class of classes) {
    const error = Object.assign(new Class("told", { cause: { why: "because" } }), { code: "E_CODE" });
    const copy = roundTrip(error);
    assertStrictEquals(Object.getPrototypeOf(copy), Class.prototype);
    assertEquals([copy.name, copy.message, copy.code, copy.stack], [Class.name, "told", "E_CODE", error.stack]);
    assertEquals(copy.cause, { why: "because" });
    assertEquals(Object.keys(copy).filter((key) => key !== "name"), ["code"]);
  }
});

Deno.test("reduction: AggregateError, DOMException and errors in causes survive", () => {
  const inner = new TypeError("inner");
  const copy = roundTrip(new AggregateError([inner, 5], "several", { cause: inner }));
  assertInstanceOf(copy, AggregateError);
  assertInstanceOf(copy.errors[0], TypeError);
  assertStrictEquals(copy.cause, copy.errors[0]);

  const abort = roundTrip(new DOMException("stopped", "AbortError"));
  assertInstanceOf(abort, DOMException);
  assertEquals([abort.name, abort.message], ["AbortError", "stopped"]);
});

Deno.test("reduction: the package's errors keep class and fields", () => {
  assertInstanceOf(roundTrip(new Empty("nothing")), Empty);
  const copy = roundTrip(new OwnerDiedError("died", { pid: 7, processName: "Process-7" }));
  assertInstanceOf(copy, OwnerDiedError);
  assertEquals([copy.name, copy.pid, copy.processName], ["OwnerDiedError", 7, "Process-7"]);
});

Deno.test("reduction: an unknown error class arrives as its nearest known ancestor, with its name", () => {
  class Silent extends RangeError {}
  class Named extends Error {
    override name = "CustomName";
    readonly detail = 3;
  }
  const silent = roundTrip(new Silent("s"));
  assertStrictEquals(Object.getPrototypeOf(silent), RangeError.prototype);
  assertEquals([silent.name, silent.message], ["Silent", "s"]);
  const named = roundTrip(new Named("n"));
  assertEquals([named.name, named.detail, String(named)], ["CustomName", 3, "CustomName: n"]);
});

Deno.test("reduction: an error of a class that a module exports keeps it", () => {
  const message = dumps(new OutOfStock("sold out", 2)).bytes.slice();
  // What comes from outside of the tree has nothing imported; and it has it here, once somebody else has.
  const outside = () => restoringFromOutside(() => loads(message)) as Error;
  assertEquals([outside().constructor, outside().name], [RangeError, "OutOfStock"]);
  const copy = loads(message) as OutOfStock;
  assertInstanceOf(copy, OutOfStock);
  assertEquals([copy.name, copy.message, copy.stock, copy.isNearly], ["RangeError", "sold out", 2, true]);
  assertInstanceOf(outside(), OutOfStock);
  assertStrictEquals(roundTrip(new Guarded("g")).constructor, Error);
});

Deno.test("register: an instance comes back as an instance", () => {
  const [copy] = roundTrip([new Secret("hidden")]);
  assertInstanceOf(copy, Secret);
  assertEquals(copy.text, "hidden");
  assertEquals(roundTrip(new URL("https://example.org/a?b#c")).href, "https://example.org/a?b#c");
});

Deno.test("register: an error of a registered class keeps its class and remote stack", () => {
  const error = new Payment("declined", 1250);
  const copy = roundTrip(error);
  assertInstanceOf(copy, Payment);
  assertEquals([copy.message, copy.cents, copy.stack], ["declined", 1250, error.stack]);
});

Deno.test("register: names and classes are taken once", () => {
  const reducer = { reduce: () => 0, restore: () => new Point(0, 0) };
  assertThrows(() => register(Point, { ...reducer, name: "test.Secret" }), RangeError, '"test.Secret"');
  assertThrows(() => register(Secret, { reduce: () => "", restore: () => new Secret("") }), RangeError, '"Secret"');
  assertThrows(() => register(class {}, { reduce: () => 0, restore: () => ({}) }), RangeError, "no name");
});

Deno.test("register: a subclass must be registered itself", () => {
  class MoreSecret extends Secret {}
  assertThrows(() => dumps([new MoreSecret("x")]), TypeError, 'extends the registered class "test.Secret"');
});

Deno.test("register: an unknown name in a message is named", () => {
  const { bytes } = dumps(new Secret("x"));
  const at = bytes.findIndex((_, i) => new TextDecoder().decode(bytes.subarray(i, i + 6)) === "Secret");
  bytes[at] = "s".charCodeAt(0);
  assertThrows(() => loads(bytes), RangeError, 'class "test.secret": it is not registered in this process');
});

Deno.test("register: reduced data must not refer back to the instance", () => {
  const block = new Block(1, []);
  (block.more as unknown[]).push(block);
  assertThrows(() => dumps({ block }), TypeError, "value.block: what its reduce() returned refers back to it");
});

Deno.test("reduction: getters, reduce() and restore() may serialise in turn", () => {
  const value = {
    get inner() {
      return dumps({ deep: [1, 2] }).bytes;
    },
    after: [3],
  };
  const copy = roundTrip(value);
  assertEquals(loads(copy.inner), { deep: [1, 2] });
  assertEquals(copy.after, [3]);
});

Deno.test("attach: dumps lists each block once, dumpInto leaves such messages to dumps", () => {
  const value = [new Block(3, new Block(4)), new Block(3), { b: new Block(9) }];
  const { bytes, attachments } = dumps(value);
  assertEquals(attachments, [3, 4, 9]);
  assertEquals(loads(bytes), value);
  assertEquals(dumps([1]).attachments, []);
  assertEquals(dumpInto(value, new Uint8Array(1000), 0), -1);
});

Deno.test("attach: refused outside reduce()", () => {
  assertThrows(() => attach(3), InvalidStateError, "Cannot attach block 3");
});

Deno.test("setViewReducer: views of shared memory arrive as views of the same memory", () => {
  const view = new Int32Array(sharedMemory, 8, 4);
  const { bytes, attachments } = dumps({ view, again: view, part: new Uint8Array(sharedMemory, 1, 2) });
  assertEquals(attachments, [5]);
  const copy = loads(bytes) as { view: Int32Array; again: Int32Array; part: Uint8Array };
  assertStrictEquals(copy.view.buffer, sharedMemory);
  assertEquals([copy.view.byteOffset, copy.view.length, copy.part.byteOffset], [8, 4, 1]);
  assertStrictEquals(copy.again, copy.view);
  assertThrows(() => setViewReducer({ reduce: () => 0, restore: () => view }), InvalidStateError, "one is set already");
});

const refused: [path: string, value: unknown, words: string][] = [
  ["value", () => 1, "an anonymous function"],
  ["value", function named() {}, 'function "named"'],
  ["value.items[3].fn", { items: [0, 1, 2, { fn: Math.max }] }, 'function "max"'],
  ['value["two words"]', { "two words": Symbol("s") }, "Symbol(s)"],
  ['value.get("key")', new Map([["key", Symbol.iterator]]), "Symbol(Symbol.iterator)"],
  ["value.values()[1]", new Set<unknown>([1, Promise.resolve()]), 'an object of class "Promise"'],
  ["value.cause.p", new Error("x", { cause: { p: new WeakMap() } }), 'an object of class "WeakMap"'],
  ["value.reduce()[1].f", new Block(1, { f: Math.min }), 'function "min"'],
  ["value[0]", [new WeakSet()], 'an object of class "WeakSet"'],
  ["value[0]", [new WeakRef({})], 'an object of class "WeakRef"'],
  ["value[0]", [new ReadableStream()], 'an object of class "ReadableStream"'],
  ["value[0]", [new Headers()], 'an object of class "Headers"'],
  ["value[0]", [new AbortController().signal], 'an object of class "AbortSignal"'],
  ["value[0]", [new Intl.NumberFormat()], 'an object of class "NumberFormat"'],
  ["value[0]", [(function* () {})()], "an object of "],
  ["value[0]", [[].values()], "an object of "],
  ["value[0]", [new SharedArrayBuffer(8)], 'an object of class "SharedArrayBuffer"'],
  ["value[0]", [new Int32Array(new SharedArrayBuffer(8))], 'an object of class "Int32Array"'],
];

for (const [path, value, words] of refused) {
  Deno.test(`reduction: refuses ${words} at ${path}`, () => {
    const error = assertThrows(() => dumps(value), TypeError, `Cannot serialise ${words}`) as Error;
    assert(error.message.includes(` at ${path}: `), error.message);
    const attempt = () => dumpInto(value, new Uint8Array(1000), 0);
    // What speaks of a block ends there, before what is refused is reached.
    if (value instanceof Block) assertEquals(attempt(), -1);
    else assertThrows(attempt, TypeError, ` at ${path}: `);
    assertEquals(roundTrip({ after: "a refusal" }), { after: "a refusal" });
  });
}

Deno.test("dumpInto: exactly full fits, one byte less does not, and nothing outside is touched", () => {
  for (
    const value of [
      5,
      300,
      1e6,
      1.5,
      true,
      null,
      undefined,
      "short",
      { id: 1, name: "hello" },
      [1, 2],
      new Uint8Array(300),
    ]
  ) {
    const { bytes } = dumps(value);
    const target = new Uint8Array(bytes.length + 4).fill(0xee);
    assertEquals(dumpInto(value, target.subarray(0, bytes.length + 2), 2), bytes.length + 2);
    assertEquals([target[0], target[1], target.at(-1), target.at(-2)], [0xee, 0xee, 0xee, 0xee]);
    assertEquals(target.slice(2, -2), bytes);
    assertEquals(dumpInto(value, target.subarray(0, bytes.length + 1), 2), -1);
  }
});

Deno.test("dumps: messages neither overlap nor change later", () => {
  const texts = Array.from({ length: 2000 }, (_, i) => String(i).repeat(i % 60));
  const messages = texts.map((text) => dumps([text, new Uint8Array(i8(text))]).bytes);
  texts.forEach((text, i) => assertEquals(loads(messages[i]), [text, new Uint8Array(i8(text))]));
});

function i8(text: string): number[] {
  return [...text].map(Number);
}

Deno.test("loads: no value shares memory with the message or with another value", () => {
  const { bytes } = dumps([
    new Uint8Array([1, 2]),
    new Uint8Array(5000),
    new Float32Array([1]),
    new ArrayBuffer(3),
    "text",
  ]);
  const first = loads(bytes) as [Uint8Array, ...unknown[]];
  const second = loads(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)) as [Uint8Array, ...unknown[]];
  bytes.fill(0);
  first[0].fill(9);
  assertEquals(second, [
    new Uint8Array([1, 2]),
    new Uint8Array(5000),
    new Float32Array([1]),
    new ArrayBuffer(3),
    "text",
  ]);
});

Deno.test("loads: reads from SharedArrayBuffer memory", () => {
  const { bytes } = dumps([
    "a long enough text ".repeat(9),
    new Uint8Array([1]),
    new Uint8Array(9000),
    new Int16Array([2]),
  ]);
  const view = new Uint8Array(new SharedArrayBuffer(bytes.length));
  view.set(bytes);
  assertEquals(loads(view), loads(bytes));
  assertInstanceOf((loads(view) as Uint8Array[])[2].buffer, ArrayBuffer);
});

const malformed: [what: string, bytes: number[], words: string][] = [
  ["nothing", [], "a byte is wanted"],
  ["a tag nobody uses", [0xc1], "tag 0xc1 is not known"],
  ["a second value", [1, 2], "1 bytes follow its end"],
  ["a string cut short", [0xa5, 97], "5 bytes are wanted, 1 are left"],
  ["a string that is not UTF-8", [0xa2, 0xc3, 0x28], "not UTF-8"],
  ["a string of 4 GiB", [0xdb, 0xff, 0xff, 0xff, 0xff, 97], "4294967295 bytes are wanted"],
  ["bytes of 4 GiB", [0xc6, 0xff, 0xff, 0xff, 0xff, 97], "4294967295 bytes are wanted"],
  ["an array of 2³² items", [0xdd, 0xff, 0xff, 0xff, 0xff, 1], "4294967295 bytes are wanted"],
  ["an object of 2³² properties", [0xdf, 0xff, 0xff, 0xff, 0xff, 1], "8589934590 bytes are wanted"],
  ["a number as property name", [0x81, 1, 1], "a property name is wanted"],
  ["an unknown extension", [0xd4, 0x7f, 0], "extension 127 is not known"],
  ["msgpackr's record definition", [0xd4, 0x72, 0x40, 0x91, 0xa1, 97, 1], "extension 114 is not known"],
  ["a reference to nothing", [0xd6, 1, 0, 0, 0, 0], "object 0, which did not come yet"],
  ["a reference out of an extension", [0xd5, 1, 0, 0, 0, 0], "4 bytes are wanted, 2 are left"],
  ["an extension with a rest", [0xd5, 0, 0, 0], "longer than its content"],
  ["a regular expression that is none", [0xc7, 3, 5, 0xa1, 40, 0xa0], "a regular expression is not valid"],
  ["a Float64Array of 7 bytes", [0xd7, 9, 10, 1, 2, 3, 4, 5, 6, 7], "a Float64Array cannot have 7 bytes"],
  ["a view of no kind", [0xd5, 9, 99, 1], "view 99 is not known"],
  ["an error of no known class", [0xc7, 4, 11, 0xa1, 88, 0xc0, 0xc0], 'error class "X" is not known'],
  ["a sparse index beyond the length", [0xc7, 3, 8, 1, 5, 0], "an integer from 0 to 0 is wanted"],
  ["a bigint without digits", [0xd4, 3, 0], "a bigint has 1 bytes"],
];

for (const [what, bytes, words] of malformed) {
  Deno.test(`loads: refuses ${what}`, () => {
    assertThrows(() => loads(new Uint8Array(bytes)), RangeError, words);
  });
}

Deno.test("loads: refuses a range outside of the bytes", () => {
  const bytes = new Uint8Array([1, 2, 3]);
  for (const [start, end] of [[-1, 2], [0, 4], [2, 1], [NaN, 2]]) {
    assertThrows(() => loads(bytes, start, end), RangeError, "Cannot read message: 3 bytes were given");
  }
});

Deno.test("loads: refuses a message nested without end", () => {
  for (const level of [[0x91], [0x81, 0xa1, 97]]) {
    const bytes = new Uint8Array(level.length * 100_000);
    for (let i = 0; i < bytes.length; i++) bytes[i] = level[i % level.length];
    assertThrows(() => loads(bytes), RangeError, "nested more than 1000 levels deep");
  }
});

Deno.test("loads: __proto__ is a property like any other", () => {
  const hostile = JSON.parse('{"__proto__": {"polluted": true}, "constructor": {"prototype": {"polluted": true}}}');
  const copy = roundTrip(hostile);
  assertEquals(Object.keys(copy), ["__proto__", "constructor"]);
  assertStrictEquals(Object.getPrototypeOf(copy), Object.prototype);
  const error = roundTrip(
    Object.defineProperty(new Error("x"), "__proto__", { value: { bad: true }, enumerable: true }),
  );
  assertStrictEquals(Object.getPrototypeOf(error), Error.prototype);
  assertEquals("polluted" in {} || "bad" in error, false);
});

Deno.test("loads: random bytes are read or refused", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        loads(bytes);
      } catch (error) {
        assertInstanceOf(error, RangeError);
      }
    }),
    { numRuns: 20_000 },
  );
});

Deno.test("loads: damaged messages are read or refused", () => {
  const { bytes } = dumps([
    ...Object.values(values).flat().filter((value) => dumps(value).bytes.length < 200),
    new Error("x", { cause: new Map([[1, new Set([2])]]) }),
  ]);
  const damage = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(damage, fc.nat(bytes.length), (changes, length) => {
      const damaged = bytes.slice(0, changes.length === 4 ? length : bytes.length);
      for (const [at, byte] of changes) if (at < damaged.length) damaged[at] = byte;
      try {
        loads(damaged);
      } catch (error) {
        assertInstanceOf(error, RangeError);
      }
    }),
    { numRuns: 5000 },
  );
  assertEquals(roundTrip([{ after: "damage" }]), [{ after: "damage" }]);
});

Deno.test("reduction: works where code generation is forbidden, without any permission", async () => {
  const script = `
    import { dumps, loads } from ${JSON.stringify(new URL("../src/reduction.ts", import.meta.url).href)};
    const value = [{ a: 1, b: [new Map([[1, new Error("x")]])] }, { a: 2, b: /x/ }];
    for (let i = 0; i < 10_000; i++) loads(dumps(value).bytes);
    let refused = false;
    try { new Function("return 1"); } catch { refused = true; }
    console.log(loads(dumps(value).bytes)[1].a, refused);
  `;
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--v8-flags=--disallow-code-generation-from-strings", "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
    cwd: new URL("..", import.meta.url),
  });
  const child = command.spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(script));
  await writer.close();
  assertEquals(new TextDecoder().decode((await child.output()).stdout), "2 true\n");
});
