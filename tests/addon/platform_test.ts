// Which platforms there is an addon for, and what the addon that was built needs of its system.

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import configuration from "../../deno.json" with { type: "json" };
import { MINIMUM_GLIBC, requirePlatform } from "../../src/addon/platform.ts";
import { runProgram } from "../support/helpers.ts";
import { byVersion, neededGlibc } from "../../tools/package/glibc.ts";

const ROOT = new URL("../../", import.meta.url);
const ADDON = new URL("target/release/libmultiprocessing.so", ROOT);

Deno.test("platform: there is an addon for glibc on two processors, and others are refused by their names", () => {
  for (const target of ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"]) requirePlatform(target);
  for (const target of ["x86_64-alpine-linux-musl", "aarch64-apple-darwin", "x86_64-pc-windows-msvc", "toString"]) {
    assertThrows(
      () => requirePlatform(target),
      Deno.errors.NotSupported,
      `Cannot use multiprocessing on "${target}": it supports Linux on x86-64 and AArch64, with glibc ${MINIMUM_GLIBC}`,
    );
  }
});

Deno.test("platform: a package that was imported from a host says where the addon comes from", async () => {
  const folder = Deno.makeTempDirSync();
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async ({ url }) => {
    const text = await Deno.readTextFile(new URL(`.${new URL(url).pathname}`, ROOT)).catch(() => null);
    return new Response(text, {
      status: text === null ? 404 : 200,
      headers: { "content-type": "application/typescript" },
    });
  });
  try {
    const url = `http://127.0.0.1:${server.addr.port}/`;
    Deno.writeTextFileSync(`${folder}/program.ts`, `import { Lock } from "${url}mod.ts";\nnew Lock();\n`);
    const { code, stderr } = await runProgram(`${folder}/program.ts`, { env: { DENO_DIR: `${folder}/cache` } });
    assertEquals(code, 1);
    assertStringIncludes(
      stderr,
      `NotFound: Cannot load the native addon: it does not come with "${url}"; import the package from npm: ` +
        `\`deno add npm:${configuration.name}@${configuration.version}\``,
    );
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("glibc: the addon needs no later one than the documentation says", () => {
  const needed = neededGlibc(ADDON);
  assert(needed !== undefined && byVersion(needed, MINIMUM_GLIBC) <= 0, needed);
  const limits = Deno.readTextFileSync(new URL("README.md", ROOT));
  assert(limits.includes(`glibc ${MINIMUM_GLIBC} or later`));
});

Deno.test("glibc: the highest version that a library names is found, and a file that names none has none", () => {
  const file = Deno.makeTempFileSync();
  try {
    const names = [
      "",
      "GLIBC_2.9",
      "GLIBC_2.34",
      "GLIBC_2.2.5",
      "GLIBC_PRIVATE",
      "MY_GLIBC_9.9",
      "stat64@GLIBC_3.1",
      "",
    ];
    Deno.writeTextFileSync(file, names.join("\0"));
    assertEquals(neededGlibc(file), "2.34");
    Deno.writeTextFileSync(file, "nothing");
    assertEquals(neededGlibc(file), undefined);
  } finally {
    Deno.removeSync(file);
  }
  assertEquals(["2.34", "2.4", "2.4.1", "10.0"].sort(byVersion), ["2.4", "2.4.1", "2.34", "10.0"]);
});
