// The npm packages, from a registry: `deno add` in an empty folder, where there is neither this repository nor Rust nor
// Node.js, is enough for everything.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import configuration from "../../deno.json" with { type: "json" };
import { makePackages, type Package } from "../../tools/package.ts";
import { FIXTURES } from "../support/helpers.ts";
import { type Ended, Project } from "../support/npm_project.ts";
import { pythons } from "../support/python.ts";
import { Registry, whyNoRegistry } from "../support/registry.ts";
import { testUnless } from "../support/surroundings.ts";

const { name: NAME, version: VERSION } = configuration;
const DIST = new URL("../../dist/mod.js", import.meta.url).href;

/** A Python, if there is one. */
const PYTHON = pythons.at(-1);

/** A version that has the addon of another one. */
const MIXED = "99.0.0";
/** A version whose optional dependencies are left out. */
const BARE = "98.0.0";

/** Publishes what `deno task package` makes, what it makes on other platforms, and two versions with something wrong. */
async function publish(registry: Registry, [portable, native]: Package[]): Promise<void> {
  const folder = Deno.makeTempDirSync();
  try {
    const [own, other] = Deno.build.arch === "aarch64" ? ["arm64", "x64"] : ["x64", "arm64"];
    changed(native.folder, `${folder}/other`, (text) => text.replaceAll(own, other));
    changed(
      portable.folder,
      `${folder}/mixed`,
      (text) => text.replace(`"version": "${VERSION}"`, `"version": "${MIXED}"`),
    );
    changed(
      portable.folder,
      `${folder}/bare`,
      (text) =>
        text.replace(`"version": "${VERSION}"`, `"version": "${BARE}"`).replace("optionalDependencies", "others"),
    );
    for (const { name } of Deno.readDirSync(`${folder}/mixed/dist`)) {
      if (!name.startsWith("chunk-")) continue;
      const file = `${folder}/mixed/dist/${name}`;
      Deno.writeTextFileSync(
        file,
        Deno.readTextFileSync(file).replace(`VERSION = "${VERSION}"`, `VERSION = "${MIXED}"`),
      );
    }
    await Promise.all([registry.publish(native.tarball), registry.publish(`${folder}/other`)]);
    await registry.publish(portable.tarball);
    await Promise.all([registry.publish(`${folder}/mixed`, "mixed"), registry.publish(`${folder}/bare`, "bare")]);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** Copies a package's folder, with another package.json. */
function changed(from: string, to: string, change: (text: string) => string): void {
  copy(from, to);
  Deno.writeTextFileSync(`${to}/package.json`, change(Deno.readTextFileSync(`${from}/package.json`)));
}

function copy(from: string, to: string): void {
  Deno.mkdirSync(to);
  for (const { name, isDirectory } of Deno.readDirSync(from)) {
    if (isDirectory) copy(`${from}/${name}`, `${to}/${name}`);
    else Deno.copyFileSync(`${from}/${name}`, `${to}/${name}`);
  }
}

function said({ code, stdout, stderr }: Ended): string {
  assertEquals([code, stderr], [0, ""], stdout);
  return stdout;
}

/** How a program failed: with one sentence and no frames of the package. */
function complaint({ code, stdout, stderr }: Ended): string {
  assertEquals([code, stdout], [1, ""], stderr);
  assert(!/\/dist\/[\w-]+\.js:\d/.test(stderr), stderr);
  return stderr;
}

/** The first script of README.md. */
function firstScript(): string {
  const text = Deno.readTextFileSync(new URL("../../README.md", import.meta.url));
  return text.match(/^```ts args=.*\n([^]*?)^```/m)![1];
}

/** A folder with the package added, and the programs. */
async function makeProject(registry: Registry, nodeModulesDir: "none" | "auto"): Promise<Project> {
  const project = new Project(registry.url, { nodeModulesDir });
  assertMatch((await project.deno(["add", `npm:${NAME}`])).stderr, new RegExp(`^Add npm:${NAME}@${VERSION}$`, "m"));
  project.write("words.ts", firstScript());
  project.write("a.txt", "one two three");
  project.write("b.txt", "four five");
  const files = [
    "surface/dist_program.ts",
    "package/more.ts",
    "package/types.ts",
    "package/python.ts",
    "package/greet.py",
  ];
  for (const file of files) {
    project.write(file.split("/")[1], Deno.readTextFileSync(new URL(file, FIXTURES)));
  }
  return project;
}

testUnless(await whyNoRegistry(), "npm: `deno add` in an empty folder is enough", async (t) => {
  const [packages, started] = await Promise.all([makePackages(), Registry.start()]);
  await using registry = started;
  for (const { name, bytes } of packages) console.log(`${name}: ${bytes.tarball} bytes, unpacked ${bytes.unpacked}`);
  await publish(registry, packages);
  await using none = await makeProject(registry, "none");
  await using auto = await makeProject(registry, "auto");
  await using copies = new Project(registry.url, {
    nodeModulesDir: "none",
    imports: { [NAME]: `npm:${NAME}@${VERSION}`, mixed: `npm:${NAME}@${MIXED}` },
  });
  await using bare = new Project(registry.url, { nodeModulesDir: "none", imports: { [NAME]: `npm:${NAME}@${BARE}` } });
  for (const project of [copies, bare]) said(await project.deno(["install", "--quiet"]));
  await registry.stop(); // from here on nothing comes from it
  // These take longest, and need nothing that the others do.
  const checks = [none, auto].map((project) =>
    project.deno(["check", "--quiet", "--cached-only", "words.ts", "types.ts"])
  );

  for (const [i, [where, project]] of ([["in Deno's cache", none], ["in node_modules", auto]] as const).entries()) {
    const words = ["words.ts", "a.txt", "b.txt"];
    await t.step(`the first script of the README runs with -A, ${where}`, async () => {
      assertEquals(said(await project.run(["-A", ...words])), "[ 3, 2 ]\n");
    });
    await t.step(`it runs with the flag that the error names, ${where}`, async () => {
      const [, flag, path] = complaint(await project.run(words)).match(/run Deno with (--allow-ffi=)"([^",]+)"$/m)!;
      assertStringIncludes(path, VERSION);
      assertEquals(said(await project.run([`${flag}${path}`, "--allow-read=a.txt,b.txt", ...words])), "[ 3, 2 ]\n");
    });
    await t.step(`processes, pools, the forkserver and a process without permissions, ${where}`, async () => {
      assertEquals(said(await project.run(["-A", "dist_program.ts"])), "well\n");
    });
    await t.step(`managers, and many messages, ${where}`, async () => {
      assertEquals(said(await project.run(["-A", "more.ts"])), "2 2001000\n");
    });
    await t.step(
      `a Python process, ${where}${PYTHON === undefined ? " (left out: there is no Python)" : ""}`,
      async () => {
        if (PYTHON === undefined) return;
        assertEquals(said(await project.run(["-A", "python.ts", PYTHON.path])), "Hello from Python\n0\n");
      },
    );
    await t.step(`the types are there offline, and wrong uses are errors, ${where}`, async () => {
      said(await checks[i]);
    });
    await t.step(`the command line runs by the package's name, ${where}`, async () => {
      assertMatch(
        said(await project.run(["-A", `npm:${NAME}`, "--version"])),
        new RegExp(`^multiprocessing ${VERSION} `),
      );
    });
  }

  await t.step("the command line runs by the link that package managers make", async () => {
    const ended = await auto.program("node_modules/.bin/multiprocessing", ["--version"]);
    assertMatch(said(ended), new RegExp(`^multiprocessing ${VERSION} `));
  });

  await t.step("an addon of another version is refused", async () => {
    copies.write("mixed.ts", 'import { Lock } from "mixed";\nnew Lock();\n');
    assertMatch(
      complaint(await copies.run(["-A", "mixed.ts"])),
      new RegExp(
        `ProcessError: Cannot use the native addon ".*${VERSION}.*\\.node": it has version ${VERSION}, ` +
          `wanted ${MIXED}; run \`deno add npm:${NAME}-linux-\\w+-gnu@${MIXED}\``,
      ),
    );
  });

  await t.step("where the package of the platform was left out, the sentence names it", async () => {
    bare.write("bare.ts", `import { Lock } from "${NAME}";\nnew Lock();\n`);
    assertMatch(
      complaint(await bare.run(["-A", "bare.ts"])),
      new RegExp(
        `NotFound: Cannot load the native addon: the package "${NAME}-linux-\\w+-gnu", an optional dependency of ` +
          `"${NAME}", is missing; run \`deno add npm:${NAME}-linux-\\w+-gnu@${VERSION}\``,
      ),
    );
  });

  const COPIES: [way: string, second: string, program: string][] = [
    ["two versions", MIXED, 'import "mixed";\n'],
    ["two versions, one loaded later", MIXED, 'await import("mixed");\n'],
    ["one beside a clone", "/dist/mod.js", `import ${JSON.stringify(DIST)};\n`],
  ];
  for (const [way, second, program] of COPIES) {
    await t.step(`a second copy is refused with both URLs: ${way}`, async () => {
      copies.write("two.ts", `import ${JSON.stringify(NAME)};\n${program}`);
      assertBoth(complaint(await copies.run(["-A", "two.ts"])), second);
    });
  }
  await t.step("a second copy is refused with both URLs: in a Worker, which has another addon", async () => {
    copies.write("clone.ts", `import { Lock } from ${JSON.stringify(DIST)};\nnew Lock();\n`);
    copies.write(
      "worker.ts",
      `import { Lock } from "${NAME}";\nnew Lock();\n` +
        'new Worker(import.meta.resolve("./clone.ts"), { type: "module" });\n',
    );
    assertBoth(complaint(await copies.run(["-A", "worker.ts"])), "/dist/mod.js");
  });
  await t.step("a second copy is refused with both URLs: in a child", async () => {
    copies.write("second.ts", 'import "mixed";\nexport const target = (): void => {};\n');
    copies.write(
      "child.ts",
      `import { Process } from "${NAME}";\nexport async function target(): Promise<void> {\n` +
        '  await import("./second.ts");\n}\n' +
        "if (import.meta.main) {\n  const child = new Process({ target });\n  child.start();\n  await child.join();\n" +
        "  Deno.exit(child.exitcode!);\n}\n",
    );
    assertBoth(complaint(await copies.run(["-A", "child.ts"])), MIXED);
  });

  console.log(`importing the package takes ${await importTime(none)} ms`);
});

/** That an error names two copies: that of the version, and a second one. */
function assertBoth(text: string, second: string): void {
  const [, that, first] = text.match(
    /Cannot load multiprocessing from "(file:[^"]+)": this program has loaded it from "(file:[^"]+)" already/,
  )!;
  assert(that.includes(second) && first.includes(`/${VERSION}/`), text);
}

/** How much longer a program runs that imports the package than one that does not, in milliseconds: medians. */
async function importTime(project: Project): Promise<string> {
  project.write("empty.ts", "export {};\n");
  project.write("import.ts", `import "${NAME}";\n`);
  const times: Record<string, number[]> = { "empty.ts": [], "import.ts": [] };
  for (let i = 0; i < 5; i++) {
    for (const [file, list] of Object.entries(times)) {
      const begin = performance.now();
      said(await project.run(["-A", file]));
      list.push(performance.now() - begin);
    }
  }
  const [empty, full] = Object.values(times).map((list) => list.sort((a, b) => a - b)[2]);
  return (full - empty).toFixed(1);
}
