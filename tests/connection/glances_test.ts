// When a promise for a message looks out for it, and that this never keeps the event loop from its turn.

import { Pipe, Process } from "@parallel/multiprocessing";
import { assertEquals } from "@std/assert";
import { Glances } from "../../src/connection/glances.ts";
import { echoAsync } from "../fixtures/connection/connection_targets.ts";
import { within } from "../support/helpers.ts";

Deno.test("a quick wait makes the next receive begin with a glance, a slow one does not", () => {
  const glances = new Glances();
  assertEquals(glances.begin(), false);
  glances.waited(5);
  assertEquals(glances.begin(), false);
  glances.waited(0.05);
  assertEquals(glances.begin(), true);
});

Deno.test("after a glance that has seen nothing, eight quick waits come before the next", () => {
  const glances = new Glances();
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
  const glances = new Glances();
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
