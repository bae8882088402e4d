// dist/, the form of the package that programs import: it has the same exports, by the same names, and works.

import { assert, assertEquals, assertMatch } from "@std/assert";
import configuration from "../../deno.json" with { type: "json" };
import { FIXTURES, outputOf } from "../support/helpers.ts";

const DIST = new URL("../../dist/", import.meta.url);

/** What entries export, found out in a process of its own: no program may have two copies of the package. */
async function exportsOf(urls: readonly URL[]): Promise<string[][]> {
  const args = urls.map(({ href }) => href);
  return JSON.parse(await outputOf(new URL("surface/exports_of.ts", FIXTURES), { args }));
}

Deno.test("dist: every entry exports what its source does, and classes and functions have their names", async () => {
  const entries = Object.entries(configuration.exports);
  const built = entries.map(([entry]) => new URL(entry === "." ? "mod.js" : `${entry}.js`, DIST));
  const sources = entries.map(([, source]) => new URL(source, new URL("../", DIST)));
  const [found, wanted] = await Promise.all([exportsOf(built), exportsOf(sources)]);
  for (const [i, [entry]] of entries.entries()) {
    assertEquals(found[i], wanted[i], entry);
    assert(found[i].length > 0, entry);
  }
});

Deno.test("dist: processes, queues, values, pools and a process without permissions", async () => {
  const map = new URL("import_map.json", DIST).pathname;
  assertEquals(
    await outputOf(new URL("surface/dist_program.ts", FIXTURES), { flags: ["-A", `--import-map=${map}`] }),
    "well\n",
  );
});

Deno.test("dist: a program outside of the package is checked with its import map alone", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const program = `${folder}/program.ts`;
    await Deno.writeTextFile(
      program,
      `import { getLogger, Queue } from "${configuration.name}";\n` +
        "export const queue: Queue<number> = new Queue<number>();\ngetLogger().info(`${queue}`);\n",
    );
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", "--quiet", `--import-map=${new URL("import_map.json", DIST).pathname}`, program],
      cwd: folder,
      stdout: "null",
      stderr: "piped",
    }).output();
    assert(success, new TextDecoder().decode(stderr));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("dist: a program whose compiler is stricter than the package's is told of its own mistakes alone", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const strict = {
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      noPropertyAccessFromIndexSignature: true,
      noImplicitReturns: true,
    };
    const config = { importMap: new URL("import_map.json", DIST).pathname, compilerOptions: strict };
    await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify(config));
    const imports = Object.keys(configuration.exports).map((entry) =>
      `import "${configuration.name}${entry.slice(1)}";`
    );
    const right =
      `import { Pool } from "${configuration.name}";\nexport const length = (s: string): number => s.length;\n` +
      "export const lengths: Promise<number[]> = new Pool(1).map(length, ['a']);\n";
    const wrong = "export const names: Promise<string[]> = new Pool(1).map(length, ['a']);\n";
    const check = async (text: string) => {
      await Deno.writeTextFile(`${folder}/program.ts`, [...imports, text].join("\n"));
      const { stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["check", "--quiet", "program.ts"],
        cwd: folder,
        env: { NO_COLOR: "1" },
      }).output();
      return new TextDecoder().decode(stderr);
    };
    assertEquals(await check(right), "");
    const told = await check(right + wrong);
    assert(told.includes("'number[]' is not assignable to type 'string[]'") && !told.includes("/dist/"), told);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("dist: frames of the package are left out, also where its folder has a name that URLs write otherwise", async () => {
  const folder = `${await Deno.makeTempDir()}/own (copy) ü`;
  try {
    await Deno.mkdir(`${folder}/dist`, { recursive: true });
    for (const { name, isFile } of Deno.readDirSync(DIST)) {
      if (isFile) await Deno.copyFile(new URL(name, DIST), `${folder}/dist/${name}`);
    }
    await Deno.symlink(new URL("../target", DIST).pathname, `${folder}/target`);
    const program = `${folder}/program.ts`;
    await Deno.writeTextFile(
      program,
      `import { Pool } from "${configuration.name}";\n` +
        'export class Bad extends Error {}\nexport const fail = (): never => {\n  throw new Bad("no");\n};\n' +
        "if (import.meta.main) {\n  await using pool = new Pool(1);\n" +
        "  const error: Error = await pool.apply(fail, []).catch((error) => error);\n" +
        "  console.log(error instanceof Bad, error.stack, (error.cause as Error).stack);\n}\n",
    );
    const flags = ["-A", `--import-map=${folder}/dist/import_map.json`];
    const printed = await outputOf(new URL(`file://${encodeURI(program)}`), { flags });
    assertMatch(
      printed,
      /^true Error: no\n +at fail .*\n +at pool\.apply\(\) .*\n +at .*\/program\.ts:8:\d+ RemoteError/,
    );
    assert(!printed.includes("/dist/"), printed);
  } finally {
    await Deno.remove(folder.slice(0, folder.lastIndexOf("/")), { recursive: true });
  }
});
