// Names of processes in messages: a terminal obeys nothing in them.

import { Lock, OwnerDiedError, parentProcess, Process, Queue, RawArray } from "@parallel/multiprocessing";
import { assert, assertEquals, assertInstanceOf, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { arrivedReference, promised } from "../../src/callable/late.ts";
import { resolve } from "../../src/callable/resolve.ts";
import { harmless, shownName } from "../../src/runtime/harmless.ts";
import { holdAndRename } from "../fixtures/permissions/cage_name_targets.ts";
import { within } from "../support/helpers.ts";

// deno-lint-ignore no-control-regex -- these are what must not be there
const STEERING = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;
const names = {
  "an escape sequence": "\x1b]0;owned\x07\x1b[31m",
  "lines": 'x"\nAll tests passed\r',
  "the C1 form of CSI": "\x9b2J",
  "overrides of direction": "\u202etxt.exe\u2066",
};

for (const [what, name] of Object.entries(names)) {
  Deno.test(`a name with ${what} is shown, not obeyed`, async () => {
    for (const permissions of ["none", "inherit"] as const) {
      using lock = new Lock();
      using told = new Queue<string>();
      const child = new Process({ target: holdAndRename, args: [lock, told, name], permissions, name, stderr: "null" });
      assertThrows(() => child.joinSync(), Error);
      const said = [`${child}`, String(assertThrows(() => child.joinSync()))];
      child.start();
      said.push(await within(told.get()));
      said.push(`${child}`);
      child.kill();
      await child.join();
      const error = await within(lock.acquire()).then(() => null, (error) => error);
      assertInstanceOf(error, OwnerDiedError);
      said.push(error.message, error.processName ?? "", Deno.inspect(child));
      child.close();
      for (const text of said) {
        assert(!STEERING.test(text), JSON.stringify(text));
        assert(text.split("\n").length === 1 || !name.includes("\n"), JSON.stringify(text));
      }
      assertStringIncludes(error.message, harmless(name).slice(0, 8));
    }
  });
}

Deno.test("the name that a program gives is the name that it gets; only messages show it differently", async () => {
  assertEquals(parentProcess(), null);
  const name = "\x1b[1mbold";
  const child = new Process({ target: holdAndRename, args: [] as never, name });
  assertEquals([child.name, `${child}`.includes("\\u001b[1mbold")], [name, true]);
  assertEquals(shownName("x".repeat(10_000)).length, 201);
  assertEquals(shownName(`x${"😀".repeat(100)}`), `x${"😀".repeat(99)}…`); // no half letter
  assertEquals(harmless("a\nb\x1b", { multiline: true }), "a\nb\\u001b");
  await Promise.resolve();
});

Deno.test("a reference to a function in a message names nothing that steers a terminal", async () => {
  const here = import.meta.url;
  const [evil] = Object.values(names);
  const references = [
    { label: evil, module: here, name: "missing", hash: null },
    { label: "x", module: here, name: evil, hash: "0" },
    { label: "x", module: here, name: "missing", member: evil, hash: "0" },
    { label: evil, module: `file:///${evil}`, name: "x", hash: null },
  ];
  for (const reference of references) {
    const error = await assertRejects(() => resolve(arrivedReference(reference)), TypeError);
    assert(!STEERING.test(error.message), JSON.stringify(error.message));
  }
  using lock = new Lock();
  const said = RawArray("B", 16 * 1024);
  const bytes = new TextEncoder().encode(JSON.stringify({ refused: evil }));
  said.set([bytes.length]);
  said.set(bytes, 4);
  const late = arrivedReference({ label: evil, lock, said }) as Parameters<typeof promised>[0];
  const error = await assertRejects(() => promised(late), TypeError);
  assert(!STEERING.test(error.message), JSON.stringify(error.message));
  assertStringIncludes(error.message, "owned");
});
