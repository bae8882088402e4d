// Which values survive, and as what.

import { deepStrictEqual } from "node:assert";
import { Buffer } from "node:buffer";
import { assertEquals, assertInstanceOf, assertNotStrictEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { FROM_OUTSIDE } from "../../src/reduction/passage.ts";
import { Empty, OwnerDiedError } from "../../src/errors.ts";
import { dumps, loads, read } from "../../src/reduction/serialise.ts";
import { Guarded, OutOfStock } from "../fixtures/pool/pool_shop.ts";
import { assertSurvives, Block, Point, roundTrip, Secret, values } from "../support/reduction.ts";

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
  const outside = () => read(message, 0, message.length, FROM_OUTSIDE) as Error;
  assertEquals([outside().constructor, outside().name], [RangeError, "OutOfStock"]);
  const copy = loads(message) as OutOfStock;
  assertInstanceOf(copy, OutOfStock);
  assertEquals([copy.name, copy.message, copy.stock, copy.isNearly], ["RangeError", "sold out", 2, true]);
  assertInstanceOf(outside(), OutOfStock);
  assertStrictEquals(roundTrip(new Guarded("g")).constructor, Error);
});

Deno.test("reduction: works where code generation is forbidden, without any permission", async () => {
  const script = `
    import { dumps, loads } from ${JSON.stringify(new URL("../../src/reduction/serialise.ts", import.meta.url).href)};
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
    cwd: new URL("../..", import.meta.url),
  });
  const child = command.spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(script));
  await writer.close();
  assertEquals(new TextDecoder().decode((await child.output()).stdout), "2 true\n");
});
