// Classes that take part, and what messages keep alive.

import { assertEquals, assertInstanceOf, assertStrictEquals, assertThrows } from "@std/assert";
import { InvalidStateError } from "../../src/errors.ts";
import { attach, dumpInto, dumps, loads, register, setViewReducer } from "../../src/reduction.ts";
import { Block, Payment, Point, roundTrip, Secret, sharedMemory } from "./helpers.ts";

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
