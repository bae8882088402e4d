// The bar on a terminal.

import { reference } from "../../src/callable/reference.ts";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { MapCall } from "../../src/pool/calls/map.ts";
import { ListInput } from "../../src/pool/input.ts";
import { lineOf, type Progress, progressBar, type Terminal } from "../../src/pool/progress.ts";
import { poolEvents } from "../support/pool_events.ts";

Deno.test("a line says how far it is, how fast, and how long it will take", () => {
  assertEquals(lineOf(15, 30, 2), `[${"#".repeat(15)}${"-".repeat(15)}] 15/30 7.5/s 2.0 s left`);
  assertEquals(lineOf(0, 30, 0), `[${"-".repeat(30)}] 0/30 0.0/s`);
  assertEquals(lineOf(30, 30, 4), `[${"#".repeat(30)}] 30/30 in 4.0 s`);
  assertEquals(lineOf(7, null, 2), "7 3.5/s");
});

/** A terminal, and what was written to it. */
function terminalWith(write = (_text: string) => {}): [terminal: Terminal, written: string[]] {
  const written: string[] = [];
  const writeSync = (bytes: Uint8Array) => {
    const text = new TextDecoder().decode(bytes);
    write(text);
    return written.push(text);
  };
  return [{ isTerminal: () => true, writeSync }, written];
}

Deno.test("a bar is drawn on a terminal, seldom and at the end, and nowhere else", () => {
  const [terminal, written] = terminalWith();
  assertEquals(progressBar("Pool-1", { ...terminal, isTerminal: () => false }), undefined);
  const bar = progressBar("Pool-1", terminal)!;
  for (let i = 1; i <= 1000; i++) bar.show(i, 1000);
  bar.end();
  assertEquals(written.length < 20, true);
  assertStringIncludes(written[0], "\r\x1b[KPool-1 [");
  assertStringIncludes(written.at(-1)!, "1000/1000 in ");
  assertEquals(written.join("").split("\n").length, 2);
  assertEquals(written.at(-1)!.endsWith("\n"), true);
});

Deno.test("the line of a bar is ended with its call, once, however far that is", () => {
  const [terminal, written] = terminalWith();
  const bar = progressBar("Pool-1", terminal)!;
  bar.show(1, 3);
  bar.end();
  bar.end();
  bar.show(2, 3);
  assertEquals(written.length, 2);
  assertEquals(written[1], "\n");
  progressBar("Pool-1", terminal)!.end(); // nothing was drawn
  assertEquals(written.length, 2);
  const interrupted = progressBar("Pool-1", terminal)!;
  interrupted.show(1, 3);
  interrupted.pause();
  interrupted.pause();
  interrupted.show(2, 3);
  interrupted.end();
  assertEquals(written.slice(2).map((text) => text.split("\n").length - 1), [0, 1, 1]);
});

Deno.test("a terminal that goes away is nothing to a bar", () => {
  let tries = 0;
  const [terminal] = terminalWith(() => {
    tries++;
    throw new Deno.errors.BrokenPipe("input/output error");
  });
  const bar = progressBar("Pool-1", terminal)!;
  bar.show(1, 3);
  bar.show(2, 3);
  bar.end();
  assertEquals(tries, 1);
});

/** What a call shows of `n` items, one of which may fail: `done/total`. */
function shownBy(n: number, failed = -1): string[] {
  const shown: string[] = [];
  const progress: Progress = {
    show: (done, total) => shown.push(`${done}/${total}`),
    pause: () => {},
    end: () => shown.push("end"),
  };
  const fn = { id: 1, given: reference({ module: import.meta.url, name: "f" }) };
  const input = new ListInput(Array(n).fill(0));
  const call = new MapCall({ events: poolEvents({}), fn, flags: 0 }, { input, chunksize: 1, progress });
  call.promise.catch(() => {});
  for (let task = call.take(); task !== null; task = call.take()) {
    if (task.first === failed) call.failed(task, new Error("no"));
    else call.done(task, [0]);
  }
  return shown;
}

Deno.test("a map of a list shows from the first item on how many there are, and no full bar if it has failed", () => {
  assertEquals(shownBy(3), ["1/3", "2/3", "3/3", "end"]);
  assertEquals(shownBy(3, 1), ["1/3", "2/3", "end"]);
});
