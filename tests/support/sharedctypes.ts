// What the tests of shared memory have in common.

import { assertEquals } from "@std/assert";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Process } from "../../src/process.ts";
import { dumps, loads } from "../../src/reduction/serialise.ts";
import type { TypeCode } from "../../src/sharedctypes/types.ts";

/** What arrives when the value is sent. */
export function sent<T>(value: T): T {
  return loads(dumps(value).bytes) as T;
}

export async function run<A extends unknown[]>(target: (...args: A) => void, ...args: A): Promise<void> {
  const child = new Process({ target, args });
  child.start();
  await child.join();
  assertEquals(child.exitcode, 0);
  child.close();
}

/** Collects garbage until `isDone` says so. */
export async function collectUntil(isDone: () => boolean): Promise<void> {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  while (!isDone()) {
    gc();
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

/** For each type: its bytes, values that it holds (the ends of its range among them), and values that it does not. */
export const RANGES: Record<TypeCode, readonly [bytes: number, good: readonly unknown[], bad: readonly unknown[]]> =
  (() => {
    const signed = (bits: number) => {
      const [min, max] = [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
      return [bits / 8, [min, -1, 0, 1, max], [min - 1, max + 1, 0.5, NaN, Infinity, 1n, "1", null, true, {}]] as const;
    };
    const unsigned = (bits: number) => {
      const max = 2 ** bits - 1;
      return [bits / 8, [0, 1, max], [-1, max + 1, 1.5, NaN, -Infinity, 1n, "1", undefined, false]] as const;
    };
    const i64 = [8, [-(2n ** 63n), -1n, 0n, 2n ** 63n - 1n], [-(2n ** 63n) - 1n, 2n ** 63n, 1, "1", null]] as const;
    const u64 = [8, [0n, 2n ** 64n - 1n], [-1n, 2n ** 64n, 1, NaN, {}]] as const;
    const f32 = [4, [0, -0, 1.5, NaN, Infinity, -Infinity, Math.fround(3.4e38)], [
      1e39,
      -1e300,
      1n,
      "1",
      null,
    ]] as const;
    const f64 = [8, [0, -0, 0.1, NaN, -Infinity, Number.MAX_VALUE, 5e-324], [1n, "1", undefined, true]] as const;
    return {
      c: unsigned(8),
      b: signed(8),
      B: unsigned(8),
      u: [4, ["a", "€", "😀", "\0"], ["", "ab", "e\u0301", 1, null]],
      h: signed(16),
      H: unsigned(16),
      i: signed(32),
      I: unsigned(32),
      l: i64,
      L: u64,
      q: i64,
      Q: u64,
      f: f32,
      d: f64,
      i8: signed(8),
      u8: unsigned(8),
      i16: signed(16),
      u16: unsigned(16),
      i32: signed(32),
      u32: unsigned(32),
      i64,
      u64,
      f32,
      f64,
    };
  })();

export const CODES = Object.keys(RANGES) as TypeCode[];
