// The package where there is no Deno, or one that is too old: it says so in a sentence, from every entry.

import { assertEquals, assertMatch } from "@std/assert";
import configuration from "../../deno.json" with { type: "json" };
import { lackOf } from "../../src/runtime/requirement.ts";
import { withoutUsing } from "../../tools/bundle.ts";

const DIST = new URL("../../dist/", import.meta.url).pathname;
const SENTENCE = /^\[?Error: Cannot use multiprocessing with Node\.js [\d.]+: it needs Deno [\d.]+ or later; .*$/gm;

Deno.test("elsewhere: each entry of dist/ tells Node.js in one sentence that it needs Deno", async (t) => {
  const entries = Object.keys(configuration.exports).map((it) => it === "." ? "mod" : it.slice(2));
  const ends = await Promise.all(entries.map((entry) => {
    const args = [`${DIST}${entry}.js`];
    return new Deno.Command("node", { args, env: { NO_COLOR: "1" }, stdout: "piped", stderr: "piped" }).output();
  }));
  for (const [i, entry] of entries.entries()) {
    await t.step(entry, () => {
      const said = new TextDecoder().decode(ends[i].stderr);
      assertEquals(said.match(SENTENCE)?.length, 1, said);
      assertEquals(/^ +at /m.test(said), false, said);
      assertEquals(ends[i].code, 1);
      assertEquals(ends[i].stdout.length, 0);
    });
  }
});

Deno.test("elsewhere: what is given is named, also a Deno that is too old, and who may stay is told nothing", () => {
  const told = (runtimes: Parameters<typeof lackOf>[0]) => lackOf(runtimes)?.message;
  const node = { versions: { node: "24.1.0" } };
  assertMatch(
    told({ Deno: { version: { deno: "2.9.4" } } })!,
    /^Cannot use .* with Deno 2\.9\.4: it .*`deno upgrade`$/,
  );
  assertMatch(told({ process: node })!, / with Node\.js 24\.1\.0: it needs Deno 2\.9\.5 or later; /);
  assertMatch(told({ Bun: { version: "1.4.5" }, process: node })!, / with Bun 1\.4\.5: /);
  assertMatch(told({})!, / with this runtime: /);
  assertMatch(told({ Deno: {} })!, / with this runtime: /);
  assertEquals(told({ Deno: { version: { deno: "2.9.5" } }, process: node }), undefined);
  assertEquals(lackOf({})?.stack?.includes("\n"), false);
});

Deno.test("elsewhere: `using` becomes what older runtimes can read", () => {
  const log: string[] = [];
  const text = withoutUsing(`  {
    using a = make("a", {
      x: 1
    });
    log.push("one");
    if (log.length > 0) {
      using b = make("b");
      using none = null;
      log.push("two");
    }
    log.push("three");
  }
`);
  const make = (name: string) => ({ [Symbol.dispose]: () => log.push(`end of ${name}`) });
  new Function("log", "make", text)(log, make);
  assertEquals(log, ["one", "two", "end of b", "three", "end of a"]);
  assertEquals(text.includes("using"), false);
});
