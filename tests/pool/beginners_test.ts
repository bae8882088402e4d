// How many workers of a pool start at a time.

import { assertEquals } from "@std/assert";
import { Beginners } from "../../src/pool/beginners.ts";

Deno.test("so many start at a time; one that is ready, or has ended, makes room", () => {
  const beginners = new Beginners(2, () => {});
  const workers = [{ state: "starting" }, { state: "ready" }, { state: "starting" }];
  assertEquals(beginners.hasRoom(workers), false);
  workers[0].state = "ready";
  assertEquals(beginners.hasRoom(workers), true);
  workers.push({ state: "starting" });
  assertEquals([beginners.hasRoom(workers), beginners.hasRoom(workers.slice(0, 3))], [false, true]);
  beginners.stop(); // otherwise the test would be told of a timer
});

Deno.test("those that have taken long count no more; others do", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const beginners = new Beginners(1, resolve);
  const slow = { state: "starting" };
  assertEquals(beginners.hasRoom([slow]), false);
  const alive = setInterval(() => {}, 1000); // the timer of beginners keeps nothing alive
  await promise;
  clearInterval(alive);
  assertEquals([beginners.hasRoom([slow]), beginners.hasRoom([slow, { state: "starting" }])], [true, false]);
  beginners.stop();
});

Deno.test("without a limit nobody is asked what the others do", () => {
  const workers: Iterable<{ state: string }> = {
    [Symbol.iterator]() {
      throw new Error("was asked");
    },
  };
  assertEquals(new Beginners(Infinity, () => {}).hasRoom(workers), true);
});
