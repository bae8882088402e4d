// A value to bytes and back, as one message.

import { Decoder } from "./decoder.ts";
import { type Destination, type Dumped, type DumpedForEngine, Encoder } from "./encoder.ts";
import { alone, destination, type EngineTree, type Incoming, isStart } from "./passage.ts";
import { follow, register } from "./registry.ts";
import { plainBytes, requireBytes } from "./views.ts";

/** Kept between messages; null while in use, when a nested call makes one of its own. */
let idleEncoder: Encoder | null = new Encoder();
let idleDecoder: Decoder | null = new Decoder();

register(URL, { reduce: (url) => url.href, restore: (href) => new URL(textOf(href)) });

function textOf(data: unknown): string {
  if (typeof data === "string") return data;
  throw new RangeError(`Cannot restore a URL: its data is ${typeof data}, wanted text`);
}

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
  const { bytes, attachments } = written(value, { isStart: isStart(), engine: destination() });
  return { bytes, attachments };
}

/** As {@linkcode dumps}, for a message that starts a process. */
export function dumpsForStart(value: unknown): Dumped {
  const { bytes, attachments } = written(value, { isStart: true, engine: null });
  return { bytes, attachments };
}

/**
 * As {@linkcode dumps}, for a message to a tree on an engine: what it refers to has to be in the same engine.
 *
 * @throws {TypeError} If it refers to the memory of this machine, or to another tree.
 */
export function dumpsForEngine(value: unknown, engine: EngineTree, isStart = false): DumpedForEngine {
  return written(value, { isStart, engine });
}

function written(value: unknown, destination: Destination): Dumped & DumpedForEngine {
  const encoder = idleEncoder ?? new Encoder();
  idleEncoder = null;
  try {
    const dumped = encoder.dump(value, destination);
    follow(dumped.bytes, dumped.attachments);
    return dumped;
  } finally {
    idleEncoder = encoder;
  }
}

/**
 * Serialises a value straight into `target`, from the byte `start` on. Getters and reduce() run once, whatever comes
 * of it.
 *
 * @returns The offset after the last byte; or the message as {@linkcode dumps} returns it, because it did not fit or
 * refers to shared memory. Bytes of `target` after `start` may have been changed even then.
 * @throws {TypeError} As {@linkcode dumps}; also if `target` is no Uint8Array.
 * @throws {RangeError} As {@linkcode dumps}; also if `start` is no place in `target`.
 *
 * @example Go on with what does not fit
 * ```ts
 * import { dumpInto, loads } from "@parallel/multiprocessing/reduction";
 * import { assertEquals } from "@std/assert";
 *
 * const target = new Uint8Array(16);
 * assertEquals(dumpInto({ id: 7 }, target, 4), 9);
 * assertEquals(loads(target, 4, 9), { id: 7 });
 * const message = dumpInto(new Uint8Array(100), target, 0);
 * if (typeof message === "number") throw new Error("it is longer than 16 bytes");
 * assertEquals(loads(message.bytes), new Uint8Array(100));
 * ```
 */
export function dumpInto(value: unknown, target: Uint8Array, start: number): number | Dumped {
  const room = requireBytes("write message", target);
  if (!(Number.isInteger(start) && start >= 0 && start <= room.length)) {
    throw new RangeError(`Cannot write message: ${room.length} bytes were given, byte ${start} is wanted`);
  }
  return writeInto(value, room, start);
}

/** As {@linkcode dumpInto}, into memory of the package's own. */
export function writeInto(value: unknown, target: Uint8Array, start: number): number | Dumped {
  const encoder = idleEncoder ?? new Encoder();
  idleEncoder = null;
  try {
    const written = encoder.dumpInto(value, target, start, destination());
    if (typeof written === "number") return written;
    const { bytes, attachments } = written;
    follow(bytes, attachments);
    return { bytes, attachments };
  } finally {
    idleEncoder = encoder;
  }
}

/**
 * Restores the value whose message `bytes` hold from `start` to `end`. Nothing in it refers to the memory of `bytes`,
 * which may be reused at once.
 *
 * Every view has a buffer of its own, which is exactly as long: whatever is done with it, transfers among them, touches
 * nothing else that was received.
 *
 * @throws {TypeError} If `bytes` is no Uint8Array.
 * @throws {RangeError} If the bytes are not one whole message, or name a class that is not registered here. An
 * error that a `restore` function throws passes unchanged.
 *
 * @example Malformed bytes are an error, never a crash
 * ```ts
 * import { loads } from "@parallel/multiprocessing/reduction";
 * import { assertThrows } from "@std/assert";
 *
 * assertThrows(() => loads(new Uint8Array([0x92, 1])), RangeError, "malformed at byte");
 * ```
 */
export function loads(bytes: Uint8Array, start = 0, end?: number): unknown {
  const plain = requireBytes("read message", bytes);
  return read(plain, start, end ?? plain.length, alone());
}

/** As {@linkcode loads}, for a message that may do what `passage` says; its bytes are the package's own. */
export function read(bytes: Uint8Array, start: number, end: number, passage: Incoming): unknown {
  if (!(Number.isInteger(start) && Number.isInteger(end) && start >= 0 && start <= end && end <= bytes.length)) {
    throw new RangeError(`Cannot read message: ${bytes.length} bytes were given, bytes ${start} to ${end} are wanted`);
  }
  // Buffers of Node, which slice without copying, come from addons.
  const plain = bytes.constructor === Uint8Array ? bytes : plainBytes(bytes);
  const decoder = idleDecoder ?? new Decoder();
  idleDecoder = null;
  try {
    return decoder.load(plain, start, end, passage);
  } finally {
    idleDecoder = decoder;
  }
}
