// Hostile bytes for `loads` of pickles: honest ones of ours and of CPython's, of which bytes were changed, cut, repeated,
// and put into each other, read with all options. Nothing may come of them but values and PickleError, and of a value that
// is written again nothing but a pickle and PickleError; and none may take long.
//
// usage: deno run -A tests/fuzz/pickle.ts [--seconds=600] [--seed=1] [--judge-time]
//
// With `--judge-time` an input that takes longer than 50 ms for each MiB, and 10 ms besides, is a violation, too: of
// processor time, in the best of a few readings. Without, the slowest is told.

import process from "node:process";
import {
  Complex,
  Decimal,
  dumps,
  float,
  FrozenSet,
  loads,
  type LoadsOptions,
  NdArray,
  PickleError,
  PythonName,
  PythonObject,
  register,
  tuple,
  Uuid,
} from "@parallel/multiprocessing/pickle";
import { picklers } from "../support/python.ts";

const CORPUS = new URL("../fixtures/pickle/corpus.py", import.meta.url).pathname;
/** Pickles longer than this are not changed: they would hide the others. */
const LONGEST = 4096;
/** An input that was made longer by repetition has at most so many bytes. */
const MOST = 2 ** 18;
/** Milliseconds of processor time that an input may take for each MiB, and besides. */
const PER_MIB = 50;
const BESIDES = 10;
/** Readings of a slow input, of which the quickest counts. */
const READINGS = 5;
/** Slow inputs that are told. */
const MOST_SLOW = 3;
/** Bytes that change what follows: operations, lengths and their signs. */
const TELLING = [
  ...[0x28, 0x2e, 0x30, 0x31, 0x42, 0x43, 0x47, 0x4a, 0x4b, 0x4d, 0x4e, 0x52, 0x55, 0x58, 0x5d, 0x61, 0x62, 0x63],
  ...[0x65, 0x68, 0x6a, 0x71, 0x72, 0x73, 0x74, 0x75, 0x7d, 0x80, 0x81, 0x85, 0x86, 0x87, 0x88, 0x8a, 0x8b, 0x8c],
  ...[0x8e, 0x8f, 0x90, 0x91, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x00, 0x01, 0x7f, 0xff],
];
const OPTIONS: readonly LoadsOptions[] = [
  {},
  { ints: "bigint", floats: "keep", tuples: "tuple", unknown: "object" },
  { dicts: "map", unknown: "object" },
  { dicts: "object" },
  { unknown: "object", buffers: [new Uint8Array(64), new Float64Array(3).buffer] },
];

class Point {
  constructor(readonly x: unknown) {}
}
register(Point, {
  module: "corpus",
  reduce: ({ x }) => ({ state: { x } }),
  restore: ({ state }) => new Point(state),
});

/** What came of it. */
export interface Findings {
  readonly inputs: number;
  /** How many were restored. */
  readonly restored: number;
  /** Milliseconds of processor time for each MiB, of the slowest input of 16 KiB and more. */
  readonly slowest: number;
  readonly violations: string[];
}

/** Numbers by chance, from a seed. */
class Draw {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0 || 1;
  }

  below(limit: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % Math.max(1, limit);
  }

  of<T>(items: readonly T[]): T {
    return items[this.below(items.length)];
  }
}

/** Pickles of ours, of every kind. */
function ours(): Uint8Array[] {
  const name = new PythonName("shapes", "Point");
  const values = [
    [1, -1, 2 ** 40, 2n ** 100n, 0.5, "text", "é\ud800", null, true, new Uint8Array(9)],
    { a: [1], "__proto__": 2, b: { c: new Map<unknown, unknown>([[1, "x"], [[1, 2], tuple(3)]]) } },
    [new Set([1, "a"]), new FrozenSet([[1]]), new Complex(1, 2), new Decimal("1.5"), float(2)],
    [new Uuid("12345678-1234-5678-1234-567812345678"), new Date(0), Temporal.Duration.from({ days: -1, seconds: -5 })],
    [Temporal.ZonedDateTime.from("2024-07-01T12:00[Europe/Berlin]"), Temporal.PlainTime.from("12:00")],
    [new Float64Array([1, 2]), new BigInt64Array([1n]), new Float16Array([1]), new Int16Array([1])],
    new NdArray("<f8", [2, 2], new Float64Array(4), { fortran: true }),
    new NdArray("O", [2], ["a", {}]),
    [new RangeError("bad"), new Error("outer", { cause: new Error("inner") })],
    [name, new PythonObject(name, [1], { state: { a: 1 }, items: [1], entries: [["a", 1]] }), new Point([1])],
  ];
  return values.flatMap((value) => [4, 5].map((protocol) => dumps(value, { protocol: protocol as 4 | 5 })));
}

/** Pickles of CPython's, where there is one. */
function theirs(): Uint8Array[] {
  return picklers.slice(-1).flatMap(({ path }) => {
    const { stdout } = new Deno.Command(path, { args: ["-B", CORPUS, "write", "3", "40"] }).outputSync();
    const lines = new TextDecoder().decode(stdout).trim().split("\n");
    return lines.map((line) => Uint8Array.fromBase64(JSON.parse(line).pickle));
  });
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** One change of a pickle. */
function changed(bytes: Uint8Array, seeds: readonly Uint8Array[], draw: Draw): Uint8Array {
  const at = draw.below(bytes.length);
  const size = draw.below(Math.min(24, bytes.length - at)) + 1;
  switch (draw.below(8)) {
    case 0:
      return bytes.with(at, draw.below(256));
    case 1:
    case 2:
      return bytes.with(at, draw.of(TELLING));
    case 3:
      return joined([bytes.subarray(0, at), new Uint8Array([draw.of(TELLING)]), bytes.subarray(at)]);
    case 4:
      return joined([bytes.subarray(0, at), bytes.subarray(at + size)]);
    case 5:
      return draw.below(6) === 0 ? bytes.subarray(0, at) : bytes.with(at, bytes[at] ^ 1 << draw.below(8));
    case 6: {
      const other = draw.of(seeds);
      const from = draw.below(other.length);
      return joined([bytes.subarray(0, at), other.subarray(from, from + draw.below(60)), bytes.subarray(at)]);
    }
    default: {
      const part = bytes.subarray(at, at + size);
      const times = draw.below(16) === 0 ? draw.below(MOST / size) : draw.below(40);
      return joined([bytes.subarray(0, at), ...Array.from({ length: times }, () => part), bytes.subarray(at)]);
    }
  }
}

/** Reads an input, and writes what it is; the complaint, or whether it was something. */
function attempt(bytes: Uint8Array, options: LoadsOptions): string | boolean {
  let isRead = false;
  try {
    const value = loads(bytes, options);
    isRead = true;
    dumps(value);
    return true;
  } catch (error) {
    if (error instanceof PickleError && !(error.cause instanceof TypeError && isOurs(error.cause))) return isRead;
    return `${isRead ? "dumps" : "loads"} throws ${error instanceof Error ? error.stack : error}`;
  }
}

/** Whether an error is a slip of ours, not what the language says of a value. */
function isOurs({ message }: Error): boolean {
  return /undefined|is not a function|is not iterable|Cannot (?:read|convert|mix)/.test(message);
}

/** Milliseconds of processor time. */
function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function timeOf(bytes: Uint8Array, options: LoadsOptions): number {
  const begin = processorTime();
  try {
    loads(bytes, options);
  } catch {
    // It was told already.
  }
  return processorTime() - begin;
}

/** Reads inputs for so many seconds. */
export function fuzz(
  seconds: number,
  { seed = crypto.getRandomValues(new Int32Array(1))[0], judgesTime = false } = {},
): Findings {
  const seeds = [...ours(), ...theirs()].filter(({ length }) => length <= LONGEST);
  const draw = new Draw(seed);
  const violations: string[] = [];
  const slow: string[] = [];
  let [inputs, restored, slowest] = [0, 0, 0];
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end && violations.length === 0) {
    let bytes = draw.of(seeds);
    for (let i = draw.below(3); i >= 0; i--) if (bytes.length > 0) bytes = changed(bytes, seeds, draw);
    const options = draw.of(OPTIONS);
    const begin = performance.now();
    const came = attempt(bytes, options);
    inputs++;
    if (came === true) restored++;
    if (typeof came === "string") violations.push(`${came} (seed ${seed}): ${bytes.toHex().slice(0, 4000)}`);
    const limit = BESIDES + PER_MIB * bytes.length / 2 ** 20;
    if (performance.now() - begin < limit && bytes.length < 2 ** 14) continue;
    const time = Math.min(...Array.from({ length: READINGS }, () => timeOf(bytes, options)));
    if (bytes.length >= 2 ** 14) slowest = Math.max(slowest, time / (bytes.length / 2 ** 20));
    if (time > limit && slow.length < MOST_SLOW) {
      slow.push(`${time.toFixed(1)} ms for ${bytes.length} bytes (seed ${seed}): ${bytes.toHex().slice(0, 1000)}`);
    }
  }
  if (judgesTime) violations.push(...slow);
  return { inputs, restored, slowest, violations };
}

if (import.meta.main) {
  const option = (name: string) => Deno.args.find((it) => it.startsWith(`--${name}=`))?.split("=")[1];
  const seed = option("seed");
  const { inputs, restored, slowest, violations } = fuzz(Number(option("seconds") ?? 600), {
    seed: seed === undefined ? undefined : Number(seed),
    judgesTime: Deno.args.includes("--judge-time"),
  });
  for (const violation of violations) console.log(violation);
  const figures = `${inputs} inputs, ${restored} of them restored, ${violations.length} violations`;
  console.log(`${figures}; the slowest takes ${slowest.toFixed(0)} ms for each MiB`);
  Deno.exit(violations.length === 0 ? 0 : 1);
}
