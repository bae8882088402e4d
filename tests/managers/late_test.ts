// The classes of managers are loaded by who needs them first: no other program pays for them.

import { assertEquals, assertThrows } from "@std/assert";
import { FROM_OUTSIDE } from "../../src/reduction/passage.ts";
import { hasManagers } from "../../src/reduction/late_classes.ts";
import { dumps, read } from "../../src/reduction/serialise.ts";
import { register } from "../../src/reduction/registry.ts";
import { FIXTURES } from "../support/helpers.ts";

async function told(way: string): Promise<string[]> {
  const args = ["run", "-A", "--quiet", "--no-check", `${FIXTURES}managers/late_main.ts`, way];
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  return new TextDecoder().decode(stdout).trim().split("\n").concat(new TextDecoder().decode(stderr).trim());
}

for (const way of ["sync", "async", "caged"]) {
  Deno.test(`a proxy reaches a child that was there before the first manager, ${way}`, async () => {
    assertEquals(await told(way), [
      `the child has managers: ${way === "caged"}`, // what it may not read, it has from the start
      "the program has managers: false",
      '0 Map(2) { "by both" => 2, "by the child" => 2 }',
      "",
    ]);
  });
}

Deno.test("a message from outside of the tree loads nothing", () => {
  const name = "multiprocessing.managers.Nothing";
  class Stand {}
  register(Stand, { name, reduce: () => 1, restore: () => ({}) });
  const bytes = dumps(new Stand()).bytes.slice();
  bytes.set(new TextEncoder().encode("Proxies"), new TextDecoder().decode(bytes).indexOf("Nothing"));
  assertThrows(() => read(bytes, 0, bytes.length, FROM_OUTSIDE), RangeError, "is not registered in this process");
  assertEquals(hasManagers(), false);
});
