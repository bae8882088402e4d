/**
 * Values to bytes and back, for every message between processes: what Python's `reduction` and `copyreg` do.
 *
 * What the structured clone algorithm copies, this copies: `undefined`, `null`, booleans, numbers (with -0, NaN and
 * the infinities), bigints, strings (with lone surrogates), Date, RegExp, Map, Set, arrays (with holes), plain objects,
 * ArrayBuffer, DataView, typed arrays and errors, with cycles, and with an object that occurs twice arriving as one.
 * Beyond it: instances of classes given to {@linkcode register}, `URL`, `DOMException`, and views of shared memory,
 * which arrive as views of the same memory. Functions, symbols and objects whose state is inside the runtime (Promise,
 * WeakMap, streams, Request …) are refused with a TypeError that says where they stand.
 *
 * As with structured clone, an instance of a class that is not registered arrives as a plain object of its own
 * enumerable properties, an instance of a class that extends Array, Map, Set or a typed array arrives as that, and
 * named properties of arrays are left behind. Unlike there, a view travels with its own bytes only, not with its whole
 * buffer, and an error keeps its own properties and the stack of the process it comes from.
 *
 * # The format
 *
 * One message is one MessagePack value; the wire's integers are big-endian.
 *
 * | value | MessagePack |
 * | --- | --- |
 * | number | the int formats from −2³¹ to 2³²−1, otherwise float64 (also −0) |
 * | bigint | int64 or uint64; beyond them extension 3 |
 * | string | str; with lone surrogates extension 2 |
 * | plain object | map whose keys are strings |
 * | array | array; with holes extension 8 |
 * | Uint8Array | bin, so large byte arrays cost one copy on each side |
 * | anything else | an extension, see `Extension` in reduction/format.ts; payloads of containers are MessagePack again |
 *
 * Objects are numbered from 0 in the order in which they start in the message, strings and bigints excepted; extension
 * 1 refers to an earlier one by its number. An instance of a registered class has its number before its data, but may
 * be referred to only after it.
 *
 * The reader trusts nothing: see reduction/decoder.ts. It is free of `eval`. Codes of the format may be added, but
 * need not stay the same between versions: both ends of a message run the same version.
 *
 * @module
 */
import { Decoder } from "./reduction/decoder.ts";
import { type Dumped, Encoder } from "./reduction/encoder.ts";
import { explain, Refusal } from "./reduction/refusal.ts";
import { register } from "./reduction/registry.ts";

export type { Dumped } from "./reduction/encoder.ts";
export { attach, type Class, type Reducer, register, setViewReducer, type ViewReducer } from "./reduction/registry.ts";

/** Kept between messages; null while in use, when a nested call makes one of its own. */
let idleEncoder: Encoder | null = new Encoder();
let idleDecoder: Decoder | null = new Decoder();

register(URL, { reduce: (url) => url.href, restore: (href) => new URL(href) });
register(DOMException, {
  reduce: (error) => [error.message, error.name],
  restore: ([message, name]) => new DOMException(message, name),
});

/**
 * Serialises a value.
 *
 * @throws {TypeError} If a part of it cannot be copied to another process; the message says which and what to do.
 * @throws {RangeError} If it is nested more than 1000 levels deep, or one part of it has more than 4 GiB.
 *
 * @example Copy a value with a cycle
 * ```ts
 * import { dumps, loads } from "@parallel/multiprocessing/reduction";
 * import { assertStrictEquals } from "@std/assert";
 *
 * const node: { next?: unknown } = {};
 * node.next = node;
 * const copy = loads(dumps(node).bytes) as typeof node;
 * assertStrictEquals(copy.next, copy);
 * ```
 */
export function dumps(value: unknown): Dumped {
  const encoder = idleEncoder ?? new Encoder();
  idleEncoder = null;
  try {
    return encoder.dump(value);
  } catch (error) {
    throw error instanceof Refusal ? explain(error, value) : error;
  } finally {
    idleEncoder = encoder;
  }
}

/**
 * Serialises a value straight into `target`, from the byte `start` on.
 *
 * @returns The offset after the last byte; -1 if {@linkcode dumps} must be used, because the message may not fit or
 * refers to shared memory. Bytes of `target` after `start` may have been changed even then.
 * @throws {TypeError} As {@linkcode dumps}.
 * @throws {RangeError} As {@linkcode dumps}.
 *
 * @example Fall back when it does not fit
 * ```ts
 * import { dumpInto, loads } from "@parallel/multiprocessing/reduction";
 * import { assertEquals } from "@std/assert";
 *
 * const target = new Uint8Array(16);
 * const end = dumpInto({ id: 7 }, target, 4);
 * assertEquals(loads(target, 4, end), { id: 7 });
 * assertEquals(dumpInto(new Uint8Array(100), target, 0), -1);
 * ```
 */
export function dumpInto(value: unknown, target: Uint8Array, start: number): number {
  const encoder = idleEncoder ?? new Encoder();
  idleEncoder = null;
  try {
    return encoder.dumpInto(value, target, start);
  } catch (error) {
    throw error instanceof Refusal ? explain(error, value) : error;
  } finally {
    idleEncoder = encoder;
  }
}

/**
 * Restores the value whose message `bytes` hold from `start` to `end`. Nothing in it refers to the memory of `bytes`,
 * which may be reused at once.
 *
 * A Uint8Array of at most 4 KiB arrives as a view of a larger buffer, as in node's `Buffer`: use its `byteOffset`, and
 * `slice()` it before its buffer is transferred. No two views overlap. All other views and buffers stand alone.
 *
 * @throws {RangeError} If the bytes are not one whole message, or name a class that is not registered here. What a
 * `restore` function throws passes unchanged.
 *
 * @example Malformed bytes are an error, never a crash
 * ```ts
 * import { loads } from "@parallel/multiprocessing/reduction";
 * import { assertThrows } from "@std/assert";
 *
 * assertThrows(() => loads(new Uint8Array([0x92, 1])), RangeError, "malformed at byte");
 * ```
 */
export function loads(bytes: Uint8Array, start = 0, end: number = bytes.length): unknown {
  if (!(start >= 0 && start <= end && end <= bytes.length)) {
    throw new RangeError(`Cannot read message: ${bytes.length} bytes were given, bytes ${start} to ${end} are wanted`);
  }
  // A subclass such as node's Buffer slices without copying.
  const plain = bytes.constructor === Uint8Array
    ? bytes
    : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const decoder = idleDecoder ?? new Decoder();
  idleDecoder = null;
  try {
    return decoder.load(plain, start, end);
  } finally {
    idleDecoder = decoder;
  }
}
