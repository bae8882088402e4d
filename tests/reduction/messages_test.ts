// Messages as bytes: where they are written, and which are refused.

import { Buffer } from "node:buffer";
import { assertEquals, assertInstanceOf, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { dumpInto, dumps, loads } from "../../src/reduction/serialise.ts";
import { roundTrip, values } from "../support/reduction.ts";

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
    assertEquals(dumpInto(value, target.subarray(0, bytes.length + 1), 2), { bytes, attachments: [] });
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
