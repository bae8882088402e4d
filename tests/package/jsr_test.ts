// The package for JSR, from registries: a program that has it needs neither this repository nor Rust, and once Deno has all
// that the program names, no network.

import { assert, assertEquals } from "@std/assert";
import configuration from "../../deno.json" with { type: "json" };
import { writeJsr } from "../../tools/package/jsr.ts";
import { writeNative } from "../../tools/package/native.ts";
import { FIXTURES } from "../support/helpers.ts";
import { JsrRegistry } from "../support/jsr_registry.ts";
import { type Ended, Project } from "../support/npm_project.ts";
import { pythons } from "../support/python.ts";
import { Registry, whyNoRegistry } from "../support/registry.ts";
import { testUnless } from "../support/surroundings.ts";

const ROOT = new URL("../../", import.meta.url);
const NAME = configuration.name;

/** A Python, if there is one. */
const PYTHON = pythons.at(-1);

/** A program that needs no other permission than to load the addon. */
const SQUARES = `import { Pool } from "${NAME}";
export const square = (n: number) => n * n;
if (import.meta.main) {
  await using pool = new Pool(1);
  console.log(await pool.map(square, [1, 2]));
}
`;

/** Publishes the addon of this platform, and under its name that of the other one. */
async function publishAddons(registry: Registry, folder: string): Promise<void> {
  Deno.mkdirSync(folder);
  await writeNative(ROOT, folder);
  await registry.publish(folder);
  const [own, other] = Deno.build.arch === "aarch64" ? ["arm64", "x64"] : ["x64", "arm64"];
  const settings = Deno.readTextFileSync(`${folder}package.json`);
  Deno.writeTextFileSync(`${folder}package.json`, settings.replaceAll(own, other));
  await registry.publish(folder);
}

/** Publishes something by the name of LogTape, of which the package has a type. */
async function publishLogTape(registry: Registry, folder: string): Promise<void> {
  const [, name, version] = configuration.imports["@logtape/logtape"].match(/^npm:(.*)@(.*)$/)!;
  Deno.mkdirSync(folder);
  Deno.writeTextFileSync(`${folder}package.json`, JSON.stringify({ name, version, types: "index.d.ts" }));
  Deno.writeTextFileSync(`${folder}index.d.ts`, "export interface Logger {}\n");
  await registry.publish(folder);
}

function said({ code, stdout, stderr }: Ended): string {
  assertEquals([code, stderr], [0, ""], stdout);
  return stdout;
}

/** A project with the package and the programs, of which Deno has all that they name. */
async function makeProject(registry: Registry, jsr: JsrRegistry): Promise<Project> {
  const imports = { [NAME]: `jsr:${NAME}@${configuration.version}` };
  const project = new Project(registry.url, { imports }, { JSR_URL: jsr.url });
  for (const file of ["surface/dist_program.ts", "package/more.ts", "package/python.ts", "package/greet.py"]) {
    project.write(file.split("/")[1], Deno.readTextFileSync(new URL(file, FIXTURES)));
  }
  project.write("squares.ts", SQUARES);
  said(await project.deno(["cache", "--quiet", "dist_program.ts", "more.ts", "squares.ts", "python.ts"]));
  return project;
}

/** Has `deno publish` say what it would publish: which it would not without its complaints. */
async function rehearse(folder: string, registry: string): Promise<void> {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["publish", "--dry-run", "--no-check"],
    cwd: folder,
    env: { NO_COLOR: "1", NPM_CONFIG_REGISTRY: registry },
  }).output();
  const text = new TextDecoder().decode(stderr);
  assert(code === 0 && !/^(warning|error)/m.test(text), text);
}

testUnless(await whyNoRegistry(), "jsr: a program has its children and its addon, and needs no network", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "jsr" });
  try {
    writeJsr(ROOT, `${folder}/package/`);
    await using npm = await Registry.start();
    await Promise.all([publishAddons(npm, `${folder}/addon/`), publishLogTape(npm, `${folder}/logtape/`)]);
    await rehearse(`${folder}/package`, npm.url);
    const jsr = JsrRegistry.start(`${folder}/package`);
    await using project = await makeProject(npm, jsr);
    await jsr[Symbol.asyncDispose]();
    await npm.stop(); // from here on nothing comes from them

    assertEquals(said(await project.run(["-A", "dist_program.ts"])), "well\n");
    assertEquals(said(await project.run(["-A", "more.ts"])), "2 2001000\n");
    if (PYTHON !== undefined) {
      assertEquals(said(await project.run(["-A", "python.ts", PYTHON.path])), "Hello from Python\n0\n");
    }
    const { code, stderr } = await project.run(["squares.ts"]);
    const [, flag, path] = stderr.match(/run Deno with (--allow-ffi=)"([^",]+)"$/m) ?? [];
    assert(code === 1 && flag !== undefined, stderr);
    assertEquals(said(await project.run([`${flag}${path}`, "squares.ts"])), "[ 1, 4 ]\n");
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
