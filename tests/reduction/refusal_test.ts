// What cannot be sent is refused, and where it stands is told.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { dumpInto, dumps } from "../../src/reduction/serialise.ts";
import { Block, roundTrip } from "../support/reduction.ts";

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
    assertThrows(() => dumpInto(value, new Uint8Array(1000), 0), TypeError, ` at ${path}: `);
    assertEquals(roundTrip({ after: "a refusal" }), { after: "a refusal" });
  });
}
