// Classes that take part, and what messages keep alive.

import { deepStrictEqual } from "node:assert";
import { assertEquals, assertInstanceOf, assertStrictEquals, assertThrows } from "@std/assert";
import { InvalidStateError } from "../../src/errors.ts";
import { attach } from "../../src/reduction/passage.ts";
import { register, setViewReducer } from "../../src/reduction/registry.ts";
import { dumpInto, dumps, loads } from "../../src/reduction/serialise.ts";
import { Block, Payment, Point, roundTrip, Secret, sharedMemory } from "../support/reduction.ts";

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

Deno.test("attach: dumps and dumpInto list each block once", () => {
  const value = [new Block(3, new Block(4)), new Block(3), { b: new Block(9) }];
  const { bytes, attachments } = dumps(value);
  assertEquals(attachments, [3, 4, 9]);
  assertEquals(loads(bytes), value);
  assertEquals(dumps([1]).attachments, []);
  assertEquals(dumpInto(value, new Uint8Array(1000), 0), { bytes, attachments });
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

Deno.test("register: what is wrong with its arguments is said", () => {
  const reducer = { reduce: () => 0, restore: () => new Point(0, 0) };
  const wrong: [type: unknown, given: unknown, words: string][] = [
    [Point, undefined, 'Cannot register class "Point": undefined was given as its reducer, wanted { reduce, restore }'],
    [Point, null, "null was given as its reducer"],
    [Point, () => 0, "was given as its reducer"],
    [Point, {}, '"reduce" of its reducer is undefined'],
    [Point, { reduce: () => 0 }, '"restore" of its reducer is undefined'],
    [Point, { restore: () => new Point(0, 0) }, '"reduce" of its reducer is undefined'],
    [Point, { ...reducer, restore: "no" }, '"restore" of its reducer is "no"'],
    [Point, { ...reducer, name: 5 }, '"name" of its reducer is 5'],
    [Point, { ...reducer, reviver: () => 0 }, 'unknown part "reviver"'],
    [Point, { refuse: 5 }, '"refuse" of its reducer is 5'],
    [Point, { ...reducer, refuse: "no" }, 'has "refuse" and a function'],
    [undefined, reducer, "Cannot register undefined: it is no class"],
    [new Point(1, 2), reducer, "it is no class; give the class, not an instance"],
    [() => 0, reducer, "it is no class"],
  ];
  for (const [type, given, words] of wrong) {
    assertThrows(() => register(type as typeof Point, given as typeof reducer), TypeError, words);
  }
  deepStrictEqual(roundTrip<unknown>(new Point(1, 2)), { x: 1, y: 2 });
});

Deno.test("register: a class with `refuse` is refused where it stands, its subclasses too, and no message can name it", () => {
  class Handle {
    readonly id = 1;
  }
  class Deeper extends Handle {}
  register(Handle, { refuse: "its number means nothing elsewhere; send the path" });
  for (const handle of [new Handle(), new Deeper()]) {
    assertThrows(
      () => dumps({ a: [handle] }),
      TypeError,
      "at value.a[0]: its number means nothing elsewhere; send the path.",
    );
  }
  assertThrows(() => register(Handle, { reduce: () => 0, restore: () => new Handle() }), RangeError, 'as "Handle"');
  const { bytes } = dumps(new Secret("x"));
  const forged = new Uint8Array([
    ...bytes.subarray(0, 6),
    0xa6,
    ...new TextEncoder().encode("Handle"),
    ...bytes.subarray(18),
  ]);
  new DataView(forged.buffer).setUint32(1, forged.length - 6);
  assertThrows(() => loads(forged), RangeError, 'class "Handle": it is not registered');
});

Deno.test("register: what restore() returns is an object", () => {
  class Odd {}
  register(Odd, { name: "test.Odd", reduce: () => 0, restore: () => 5 as unknown as Odd });
  assertThrows(() => loads(dumps([new Odd()]).bytes), RangeError, 'class "test.Odd": its restore() gave no object');
});
