// When a wait begins with a glance, and that glances never keep the event loop from its turn.

import { Pipe, Process } from "@parallel/multiprocessing";
import { assertEquals } from "@std/assert";
import { Glances } from "../../src/waiting/glance.ts";
import { echoAsync } from "../fixtures/connection/connection_targets.ts";
import { within } from "../support/helpers.ts";

const HABIT = { hot: 0.2, mostInARow: 64, waitsAfterAMiss: 8 };

Deno.test("without more to its habit, each wait alone decides about the next", () => {
  const glances = new Glances({ hot: 0.2 });
  for (const [time, isHot] of [[0.05, true], [0.2, false], [0.05, true], [0.05, true], [5, false]] as const) {
    glances.waited(time);
    assertEquals(glances.begin(), isHot);
  }
  glances.waited(0.05);
  for (let i = 0; i < 100; i++) glances.end(true);
  assertEquals(glances.begin(), true);
  glances.end(false);
  glances.waited(0.05);
  assertEquals(glances.begin(), true);
});

Deno.test("a quick wait makes the next receive begin with a glance, a slow one does not", () => {
  const glances = new Glances(HABIT);
  assertEquals(glances.begin(), false);
  glances.waited(5);
  assertEquals(glances.begin(), false);
  glances.waited(0.05);
  assertEquals(glances.begin(), true);
});

Deno.test("after a glance that has seen nothing, eight quick waits come before the next", () => {
  const glances = new Glances(HABIT);
  glances.waited(0.05);
  glances.end(false);
  for (let i = 0; i < 8; i++) {
    assertEquals(glances.begin(), false);
    glances.waited(0.05);
  }
  assertEquals(glances.begin(), false);
  glances.waited(0.05);
  assertEquals(glances.begin(), true);
});

Deno.test("after 64 glances in a row the event loop has its turn", () => {
  const glances = new Glances(HABIT);
  glances.waited(0.05);
  for (let i = 0; i < 64; i++) {
    assertEquals(glances.begin(), true);
    glances.end(true);
  }
  assertEquals(glances.begin(), false);
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
