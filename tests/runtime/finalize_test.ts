// What is done at the end of a process, in its order.

import { assertEquals } from "@std/assert";
import { Finalize, runFinalizers } from "../../src/runtime/finalize.ts";
import { FIXTURES, outputOf } from "../support/helpers.ts";

Deno.test("finalizers run once, the highest priority first, of the same the newest", () => {
  const done: string[] = [];
  const make = (name: string, priority: number) => new Finalize(() => done.push(name), { name, priority });
  const called = make("called", 99);
  const cancelled = make("cancelled", 98);
  make("low", -5);
  make("old", 10);
  make("new", 10);
  make("high", 15);
  called.run();
  called.run();
  cancelled.cancel();
  assertEquals([called.isActive, cancelled.isActive, done], [false, false, ["called"]]);
  runFinalizers(0);
  assertEquals(done, ["called", "high", "new", "old"]);
  runFinalizers();
  runFinalizers();
  assertEquals(done, ["called", "high", "new", "old", "low"]);
});

Deno.test("a finalizer that throws does not stop the others, and one may cancel another", () => {
  const done: string[] = [];
  const { error } = console;
  console.error = (it) => void done.push((it as Error).message);
  try {
    const second = new Finalize(() => done.push("second"), { name: "second", priority: 1 });
    new Finalize(() => done.push("third"), { name: "third", priority: 0 });
    new Finalize(() => {
      second.cancel();
      throw new Error("first");
    }, { name: "first", priority: 2 });
    runFinalizers(0);
  } finally {
    console.error = error;
  }
  assertEquals(done, ["first", "third"]);
});

Deno.test("at the end of a program: pools are terminated, listeners closed, daemons ended, each in its place", async () => {
  const output = await outputOf(new URL("runtime/finalizers_all.ts", FIXTURES));
  assertEquals(output.split("\n").filter(Boolean), [
    "16 state=RUN file=true daemon=true",
    "14 state=TERMINATE file=true daemon=true",
    "1 state=TERMINATE file=true daemon=true",
    "0 state=TERMINATE file=true daemon=true", // made after the listener
    "0 state=TERMINATE file=false daemon=true",
    "-1 state=TERMINATE file=false daemon=false",
  ]);
});

Deno.test("at the end of a child: finalizers, then its daemons end, then the rest of the finalizers", async () => {
  const output = await outputOf(new URL("runtime/finalizers.ts", FIXTURES));
  assertEquals(output.split("\n").filter(Boolean), ["run ends", "before true", "after false", "unload of the user"]);
});
