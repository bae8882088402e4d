// The command line of a process with limited permissions: no child of its own is started with one that Deno would read
// otherwise, and an argument of the program is never taken for the library's.

import { Process, Queue } from "@parallel/multiprocessing";
import { assertEquals, assertMatch } from "@std/assert";
import { startNarrowed } from "../fixtures/permissions/cage_targets.ts";
import { FIXTURES, outputOf, within } from "../support/helpers.ts";

const CONFIG = new URL("../../deno.json", import.meta.url).pathname;
const FORGER = new URL("permissions/cage_forger.ts", FIXTURES);

/** What its own entry begins with. */
const MARK = "--preload=data:text/javascript;x=multiprocessing-caged;base64,";

for (const flags of [["--lock", "-A"], ["--no-lock", "-A", "--deny-read=/secret", "--deny-sys"]]) {
  Deno.test(`permissions "none": no forged child begins in a program run with ${flags.join(" ")}`, async () => {
    const cwd = await Deno.makeTempDir();
    try {
      const text = await outputOf(FORGER, { flags: [...flags, `--config=${CONFIG}`], args: ["one", "two"], cwd });
      const { "an honest one": honest, ...forged } = JSON.parse(text);
      assertEquals(honest, 0);
      for (const [what, outcome] of Object.entries(forged)) assertEquals([what, outcome], [what, "NotCapable"]);
      assertEquals(Object.keys(forged).length, 8);
    } finally {
      await Deno.remove(cwd, { recursive: true });
    }
  });
}

Deno.test("an argument of the program that looks like the mark of a limited process means nothing", async () => {
  const text = await outputOf(new URL("permissions/cage_parent.ts", FIXTURES), { args: ['"inherit"', '"[]"', MARK] });
  assertEquals(text, "started\n");
  const limited = await outputOf(new URL("permissions/cage_parent.ts", FIXTURES), { args: ['"none"', '"[]"', MARK] });
  assertEquals(limited, "started\n");
});

Deno.test("a limited process does not choose the caches, proxies and drivers of its children, also if it may set them", async () => {
  const names = ["HOME", "XDG_CACHE_HOME", "https_proxy", "VK_ICD_FILENAMES"];
  for (const name of names) {
    using said = new Queue<unknown>();
    await using child = new Process({
      target: startNarrowed,
      args: [said, "inherit", [], { [name]: "/tmp" }],
      permissions: { env: names },
    });
    child.start();
    assertMatch(String(await within(said.get())), new RegExp(`NotCapable: .*"${name}" was not granted`));
    await within(child.join());
  }
});
