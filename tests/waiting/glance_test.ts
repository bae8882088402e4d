// When a wait begins with a glance, and that glances never keep the event loop from its turn.

import { Pipe, Process } from "@parallel/multiprocessing";
import { assertEquals } from "@std/assert";
import { Look } from "../../src/addon/numbers.ts";
import { Glances } from "../../src/waiting/glance.ts";
import { echoAsync } from "../fixtures/connection/connection_targets.ts";
import { within } from "../support/helpers.ts";

/** Waits that took so many milliseconds until one was told, each after a look if it is due. */
function wait(glances: Glances, ...times: number[]): void {
  for (const time of times) {
    if (glances.begin() > 0) glances.end(false);
    glances.waited(time);
  }
}

Deno.test("a new waiter looks, as long as Rust says, and goes on while that pays", () => {
  const glances = new Glances();
  for (let i = 0; i < 100; i++) {
    assertEquals(glances.begin(), Look.time);
    glances.end(true);
    wait(glances, 5);
  }
  assertEquals(glances.begin(), Look.time);
});

Deno.test("looks in a row that saw nothing end the looking, and quick waits bring it back", () => {
  const glances = new Glances();
  wait(glances, 5, 5, 5);
  assertEquals(glances.begin(), 0);
  wait(glances, 5, 5);
  assertEquals(glances.begin(), 0);
  wait(glances, 0.05);
  assertEquals(glances.begin(), Look.time);
  wait(glances, 0.05); // that look was vain, too: now it takes two
  wait(glances, 0.05);
  assertEquals(glances.begin(), 0);
  wait(glances, 0.05);
  assertEquals(glances.begin(), Look.time);
});

Deno.test("a wait without a look that was due is not one that looked in vain", () => {
  const glances = new Glances();
  for (let i = 0; i < 10; i++) {
    assertEquals(glances.begin(), Look.time);
    glances.end(null);
    glances.waited(5);
  }
});

Deno.test("timers go on while promises of two processes answer each other at once", async () => {
  const [ours, theirs] = Pipe();
  await using child = new Process({ target: echoAsync, args: [theirs] });
  child.start();
  theirs.close();
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  for (let i = 0; ticks < 20; i++) {
    await within(ours.send(i));
    assertEquals(await ours.recv(), i);
  }
  clearInterval(timer);
  ours.close();
  await within(child.join());
});
