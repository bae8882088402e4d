// What the tests of serialisation have in common: values there and back, and classes that are registered.

import { deepStrictEqual } from "node:assert";
import { attach } from "../../src/reduction/passage.ts";
import { register, setViewReducer } from "../../src/reduction/registry.ts";
import { dumpInto, dumps, loads } from "../../src/reduction/serialise.ts";

export function roundTrip<T>(value: T): T {
  return loads(dumps(value).bytes) as T;
}

/** Asserts what `deepStrictEqual` compares: prototypes, -0, NaN, holes, the content of Map and Set. */
export function assertSurvives(value: unknown): void {
  deepStrictEqual(roundTrip(value), value);
  const target = new Uint8Array(dumps(value).bytes.length + 64).fill(0xff);
  const end = dumpInto(value, target, 3);
  if (typeof end !== "number") throw new Error("Cannot go on: the message was to be written in place");
  deepStrictEqual(loads(target, 3, end), value);
}

export class Point {
  constructor(readonly x: number, readonly y: number) {}
}

export class Secret {
  readonly #text: string;
  constructor(text: string) {
    this.#text = text;
  }
  get text(): string {
    return this.#text;
  }
}

register(Secret, { name: "test.Secret", reduce: (secret) => secret.text, restore: (text) => new Secret(text) });

export class Block {
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

export class Payment extends Error {
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

export const sharedMemory = new ArrayBuffer(64);
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

export const values: Record<string, unknown[]> = {
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
