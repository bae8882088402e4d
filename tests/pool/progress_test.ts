// How far a call is: told to a function, drawn as a bar, written as lines.

import { Pool } from "@parallel/multiprocessing";
import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { reference } from "../../src/callable/reference.ts";
import { MapCall } from "../../src/pool/calls/map.ts";
import { ListInput } from "../../src/pool/input.ts";
import { barOf, lineOf, Meter, meterOf, type Progress, type Terminal } from "../../src/pool/progress.ts";
import * as targets from "../fixtures/pool/pool_targets.ts";
import { FIXTURES, runProgram } from "../support/helpers.ts";
import { poolEvents } from "../support/pool_events.ts";

/** How far a call is after so many milliseconds. */
function at(done: number, total: number | null, elapsed: number, failed = 0): Progress {
  const rate = (done + failed) / (elapsed / 1000 || 1e-3);
  const eta = total === null || rate === 0 ? null : (total - done - failed) / rate * 1000;
  return { done, total, failed, elapsed, rate, eta };
}

Deno.test("a line says how far it is, how fast, how long it will take, and how many have failed", () => {
  assertEquals(lineOf(at(15, 30, 2000)), "15/30 7.5/s 2.0 s left");
  assertEquals(lineOf(at(0, 30, 0)), "0/30 0.0/s");
  assertEquals(lineOf(at(30, 30, 4000)), "30/30 in 4.0 s");
  assertEquals(lineOf(at(7, null, 2000)), "7 3.5/s");
  assertEquals(lineOf(at(12, 30, 2000, 3)), "15/30 7.5/s 2.0 s left, 3 failed");
  assertEquals(lineOf(at(6, null, 2000, 1)), "7 3.5/s, 1 failed");
});

Deno.test("a bar is as long as what is finished, with what has failed at its end", () => {
  assertEquals(barOf(at(15, 30, 2000)), `[${"#".repeat(15)}${"-".repeat(15)}]`);
  assertEquals(barOf(at(12, 30, 2000, 3)), `[${"#".repeat(12)}xxx${"-".repeat(15)}]`);
  assertEquals(barOf(at(999, 1000, 2000, 1)), `[${"#".repeat(29)}x]`);
  assertEquals(barOf(at(0, 0, 0)), `[${"#".repeat(30)}]`);
  assertEquals(barOf(at(7, null, 2000)), "");
});

/** A terminal, or what is none, and what was written to it. */
function terminalWith({ write = (_text: string) => {}, isTerminal = true } = {}): [Terminal, written: string[]] {
  const written: string[] = [];
  const writeSync = (bytes: Uint8Array) => {
    const text = new TextDecoder().decode(bytes);
    write(text);
    return written.push(text);
  };
  return [{ isTerminal: () => isTerminal, writeSync }, written];
}

const count = (meter: Meter, done: number, total: number | null, failed = 0) => meter.count({ done, failed, total });

Deno.test("a bar is drawn on a terminal, seldom and at the end, and nowhere else", () => {
  const [terminal, written] = terminalWith();
  assertEquals(meterOf(false, "Pool-1", terminal), undefined);
  assertEquals(meterOf(undefined, "Pool-1", terminal), undefined);
  const meter = meterOf(true, "Pool\x1b[2J", terminal)!;
  for (let i = 1; i <= 1000; i++) count(meter, i, 1000);
  meter.end();
  assert(written.length < 20);
  assertStringIncludes(written[0], "\r\x1b[KPool\\u001b[2J [");
  assertMatch(written.join(""), /1000\/1000 in \d+\.\d s\n$/);
  assertEquals(written.join("").split("\n").length, 2);
});

Deno.test("where there is no terminal, lines are written, and no sequence that steers one", () => {
  const [terminal, written] = terminalWith({ isTerminal: false });
  const meter = meterOf(true, "Pool-1", terminal)!;
  for (let i = 1; i <= 1000; i++) count(meter, i, 1000);
  meter.pause();
  assertEquals(written, [], "not before some seconds have passed");
  meter.end();
  assertEquals(written.length, 1);
  assertMatch(written[0], /^Pool-1: 1000\/1000 in \d\.\d s\n$/);
});

Deno.test("the line of a bar is ended with its call, once, however far that is", () => {
  const [terminal, written] = terminalWith();
  const meter = meterOf(true, "Pool-1", terminal)!;
  count(meter, 1, 3);
  meter.end();
  meter.end();
  count(meter, 2, 3);
  assertEquals(written.join("").split("\n").length, 2);
  const { length } = written;
  meterOf(true, "Pool-1", terminal)!.end(); // nothing was drawn
  assertEquals(written.length, length);
  const interrupted = meterOf(true, "Pool-1", terminal)!;
  count(interrupted, 1, 3);
  interrupted.pause();
  interrupted.pause();
  count(interrupted, 2, 3, 1);
  interrupted.end();
  assertEquals(written.slice(length).join("").split("\n").length, 3);
  assertStringIncludes(written.join(""), "3/3 in ");
});

Deno.test("a terminal that goes away is nothing to a bar", () => {
  let tries = 0;
  const write = () => {
    tries++;
    throw new Deno.errors.BrokenPipe("input/output error");
  };
  const [terminal] = terminalWith({ write });
  const meter = meterOf(true, "Pool-1", terminal)!;
  count(meter, 1, 3);
  count(meter, 2, 3);
  meter.end();
  assertEquals(tries, 1);
});

/** What a call tells of `n` items, one of which may fail. */
function toldBy(n: number, { failed = -1, settled = false } = {}): string[] {
  const told: string[] = [];
  const view = {
    every: 0,
    first: 0,
    show: ({ done, failed, total }: Progress, isLast: boolean) =>
      told.push(`${isLast ? "last " : ""}${done}+${failed}/${total}`),
    pause() {},
  };
  const fn = { id: 1, given: reference({ module: import.meta.url, name: "f" }), itemTime: null };
  const parts = { input: new ListInput(Array(n).fill(0)), chunksize: 1, meter: new Meter(view), settled };
  const call = new MapCall({ events: poolEvents({}), fn, flags: 0 }, parts);
  call.promise.catch(() => {});
  for (let task = call.take(); task !== null; task = call.take()) {
    if (task.first === failed) call.failed(task, new Error("no"));
    else call.done(task, [0]);
  }
  return told;
}

Deno.test("a map of a list tells from the first item on how many there are, and how many have failed", () => {
  assertEquals(toldBy(3), ["1+0/3", "2+0/3", "3+0/3", "last 3+0/3"]);
  for (const settled of [false, true]) {
    assertEquals(toldBy(3, { failed: 1, settled }), ["1+0/3", "1+1/3", "2+1/3", "last 2+1/3"]);
  }
});

Deno.test("a function is told how far each call is, and once more at its end, before the call is", async () => {
  await using pool = new Pool(2);
  const told: Progress[] = [];
  const progress = (it: Progress) => void told.push(it);
  const results = await pool.map(targets.square, [1, 2, 3, 4], { progress, chunksize: 1 });
  const last = told.at(-1)!;
  assertEquals([results, last.done, last.failed, last.total, last.eta], [[1, 4, 9, 16], 4, 0, 4, 0]);
  assert(last.elapsed > 0 && last.rate > 0 && told.length >= 2 && told[0].done >= 1);
  told.length = 0;
  await Array.fromAsync(pool.imap(targets.square, [1, 2, 3], { progress }));
  assertEquals([told.at(-1)!.done, told.at(-1)!.total], [3, 3]);
  told.length = 0;
  await assertRejects(() => pool.map(targets.squareNotThree, [1, 3], { progress, chunksize: 1 }), RangeError);
  assertEquals([told.at(-1)!.done, told.at(-1)!.failed, told.at(-1)!.total], [1, 1, 2]);
  told.length = 0;
  await pool.map(targets.square, [], { progress });
  assertEquals(told.map(({ done, total, eta }) => [done, total, eta]), [[0, 0, 0]]);
  await assertRejects(() => pool.map(targets.square, [1], { progress: 5 as never }), TypeError, "a function");
});

Deno.test("a progress function that aborts or ends everything when the call is over ends no call twice", async () => {
  const pool = new Pool(1);
  const abort = new AbortController();
  /** Acts when the function is told once more, at the end. */
  const atEnd = (act: () => void) => {
    let times = 0;
    return { progress: ({ done }: Progress) => void (done === 3 && ++times === 2 && act()) };
  };
  const aborting = { ...atEnd(() => abort.abort()), signal: abort.signal, chunksize: 3 };
  assertEquals(await pool.map(targets.square, [1, 2, 3], aborting), [1, 4, 9]);
  // Had the call let go of the event loop twice, nothing but this would keep the program alive: Deno says so, and fails.
  assertEquals(await pool.apply(targets.square, [4]), 16);
  const ending = { ...atEnd(() => void pool.terminate()), chunksize: 3 };
  assertEquals(await Array.fromAsync(pool.imap(targets.square, [1, 2, 3], ending)), [1, 4, 9]);
  await pool.join();
  const last = new Pool(1);
  const terminating = { ...atEnd(() => void last.terminate()), chunksize: 3 };
  assertEquals(await last.map(targets.square, [1, 2, 3], terminating), [1, 4, 9]);
  await last.join();
});

Deno.test("a program: lines on standard error, and what a progress function throws breaks nothing", async () => {
  const { code, stdout, stderr } = await runProgram(new URL("pool/pool_progress.ts", FIXTURES));
  assertEquals([code, stdout], [0, "1,4,9 1,4,9 1,4,9\n"]);
  // On a machine with much else to do, lines come before the last.
  assertMatch(stderr, /^(?:Squares: \d\/3 .*\n)*?Squares: 3\/3 in \d+\.\d s\n/);
  const words = 'The progress function of a call of "Squares" failed:\n';
  assert(stderr.split(`${words}RangeError: thrown\n    at `).length > 1, stderr);
  assert(stderr.split(`${words}RangeError: rejected\n    at `).length > 1, stderr);
});
