// What a user sees of a stack.

import { CallSite, isThrownHere, leaveOutOwnFrames, partsOf, usersFrames } from "../../src/runtime/stack.ts";
import { assertEquals } from "@std/assert";

const OWN = new URL("../../src/pool/x.ts", import.meta.url).href;
const BUILT = new URL("../../dist/chunk-ABC.js", import.meta.url).href;

Deno.test("frames of this package go, with what of the runtime only they have called, or are called by", () => {
  const frames = [
    "    at JSON.parse (<anonymous>)",
    "    at Object.foo (bar) (file:///a b/c(1).ts:3:4)",
    "    at Array.map (<anonymous>)",
    "    at async file:///d.ts:1:1",
    "    at async Promise.all (index 0)",
    `    at Worker.#run (${OWN}:1:2)`,
    "    at Array.map (<anonymous>)",
    `    at ${BUILT}:1:2`,
    "    at eventLoopTick (ext:core/01_core.js:183:7)",
  ];
  assertEquals(usersFrames(frames), frames.slice(0, 4));
  assertEquals(usersFrames(["    at op (ext:core/00.js:1:1)", `    at f (${OWN}:1:2)`]), []);
  assertEquals(usersFrames(["    at Array.map (<anonymous>)"]), ["    at Array.map (<anonymous>)"]);
});

Deno.test("frames of eval and WebAssembly stay as they are; the text of a module is left out", () => {
  const kept = [
    "    at eval (eval at f (file:///home/me/c(1).ts:3:4), <anonymous>:1:7)",
    "    at f (wasm://wasm/abc:wasm-function[1]:0x2a)",
    "    at data:text/javascript,f():1:1",
    "    at item 2 of pool.map, [Function: f] (PoolWorker-1, pid 3)",
  ];
  assertEquals(usersFrames(kept), kept);
  assertEquals(usersFrames([`    at eval (eval at f (${OWN}:3:4), <anonymous>:1:7)`]), []);
  const long = "Q".repeat(100);
  assertEquals(
    usersFrames([`    at f (data:text/typescript;base64,${long}:1:20)`, `    at data:,f (file:///) ${long}:2:3`]),
    [
      "    at f (data:text/typescript;base64,…:1:20)",
      "    at data:,…:2:3",
    ],
  );
});

Deno.test("lines of a message that look like frames are none", () => {
  const frames = ["    at y", "    at f (file:///x.ts:1:1)"];
  assertEquals(partsOf("Error: a\n    at x\n    at y\n    at f (file:///x.ts:1:1)", "a\n    at x"), {
    head: "Error: a\n    at x",
    frames,
  });
  assertEquals(partsOf("Changed: since\n    at y\n    at f (file:///x.ts:1:1)", "then"), {
    head: "Changed: since",
    frames,
  });
  assertEquals(partsOf("anything"), { head: "anything", frames: [] });
});

Deno.test("an error that cannot be changed stays as it is, and a circle of causes has an end", () => {
  const frozen = new Error("frozen");
  const { stack } = frozen;
  leaveOutOwnFrames(Object.freeze(frozen), ["    at more"]);
  assertEquals(frozen.stack, stack);
  const first = new Error("first", { cause: frozen });
  const second = new AggregateError([first, 1], "second", { cause: first });
  first.cause = second;
  second.stack = `AggregateError: second\n    at ${OWN}:1:2`;
  leaveOutOwnFrames(first, ["    at more"]);
  assertEquals(second.stack, "AggregateError: second");
  assertEquals(first.stack!.endsWith("\n    at more"), true);
});

Deno.test("a call is begun where the user has called, whatever the user makes of stacks", () => {
  const begin = () => new CallSite(begin);
  assertEquals(/stack_test\.ts:\d+:\d+\)?$/.test(begin().frames[0]), true);
  const { prepareStackTrace } = Error;
  try {
    for (const prepare of [() => 7, () => JSON.parse("no")]) {
      Error.prepareStackTrace = prepare;
      assertEquals(begin().frames, []);
    }
  } finally {
    Error.prepareStackTrace = prepareStackTrace;
  }
});

Deno.test("an error whose stack says nothing, or throws, says what it is", () => {
  const silent = new RangeError("silent");
  silent.stack = "";
  leaveOutOwnFrames(silent, ["    at more"]);
  assertEquals(silent.stack, "RangeError: silent\n    at more");
  const own = new Error("own");
  own.stack = `Error: own\n    at ${OWN}:1:2`;
  const throwing = Object.defineProperty(new Error("throwing"), "stack", { get: () => JSON.parse("no") });
  assertEquals([own, throwing].map(isThrownHere), [true, false]);
});
