// Percentiles of times, and clocks of other processes.

import { assert, assertEquals } from "@std/assert";
import { lagOf, ticksOf, timeOf } from "../../src/pool/clock.ts";
import { wallClock } from "../../src/runtime/timing.ts";
import { Histogram } from "../../src/pool/histogram.ts";

Deno.test("percentiles are within 2 % of what they are, from a microsecond to months", () => {
  for (let round = 0; round < 50; round++) {
    const histogram = new Histogram();
    const all = Array.from({ length: 1 + round * 20 }, () => 2 ** (Math.random() * 43 - 9.9));
    for (const value of all) histogram.add(value);
    all.sort((a, b) => a - b);
    for (const share of [0.01, 0.5, 0.9, 0.99, 1]) {
      const exact = all[Math.ceil(share * all.length) - 1];
      const told = histogram.at(share);
      assert(Math.abs(told - exact) <= 0.02 * exact, `${share} of ${all.length}: ${told}, not ${exact}`);
    }
    assertEquals(histogram.percentiles.max, all.at(-1));
  }
});

Deno.test("what is too short or too long for the buckets is counted at their ends", () => {
  const histogram = new Histogram();
  assertEquals(histogram.percentiles, { p50: 0, p90: 0, p99: 0, max: 0 });
  for (const value of [0, 1e-9]) histogram.add(value);
  assertEquals([histogram.percentiles.p99, histogram.percentiles.max], [1e-9, 1e-9]);
  histogram.add(1e30);
  assertEquals(histogram.percentiles.max, 1e30);
  assert(histogram.percentiles.p99 > 2 ** 33);
});

Deno.test("a worker's time is found on this clock, however often its 32 bits have begun again", () => {
  for (const lag of [-1e9, -3.5, 0, 12_345_678.25]) {
    for (const time of [0, 0.004, 123.456, 42_949_672.9, 1e9 + 0.5]) {
      for (const off of [-2e7, -1, 0, 1, 2e7]) {
        const found = timeOf(ticksOf(time), time + lag + off, lag);
        assert(Math.abs(found - time - lag) < 0.02, `${time} + ${lag}: ${found}`);
      }
    }
  }
});

Deno.test("a process's first times of day are those of the system's clock", () => {
  const before = Date.now();
  const told = wallClock();
  assert(told >= before - 1 && told <= Date.now() + 1, `${told} is not ${before}`);
});

Deno.test("a clock that is set by another time of day is taken for one that has just been read", () => {
  const begin = performance.now();
  const wall = performance.timeOrigin + begin;
  assert(Math.abs(lagOf([begin + 5000, wall]) + 5000) < 1000); // this process's own, five seconds ahead
  for (const strange of [wall + 1e9, wall - 1e12, 0]) {
    const time = lagOf([77, strange]) + 77;
    assert(time >= begin && time <= performance.now(), `${time}`);
  }
});
