// What may stand in the way of a start, and what a start may not cost.

import * as mp from "@parallel/multiprocessing";
import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { nothing } from "../fixtures/targets.ts";
import { begin } from "../support/children.ts";
import { assertNothingLeft, belongings, FIXTURES, PATIENCE } from "../support/helpers.ts";

Deno.test.beforeAll(async () => {
  await begin();
  const process = new (mp.getContext("forkserver").Process)({ target: nothing });
  process.start();
  await process.join(); // what waits for work stays
});

const MOD = new URL("../../mod.ts", import.meta.url);

interface Output {
  code: number;
  stdout: string;
  stderr: string;
}

/** A user without rights, and how a program is run as that. */
const NOBODY = 65534;
const AS_NOBODY = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"];

/** Whether that user can be taken on here, and read these files. */
async function isReadableByNobody(): Promise<boolean> {
  try {
    return (await run("setpriv", [...AS_NOBODY, "prlimit", "cat", MOD.pathname])).code === 0;
  } catch {
    return false; // no such programs
  }
}

async function run(command: string, args: string[], options: Deno.CommandOptions = {}): Promise<Output> {
  const signal = AbortSignal.timeout(PATIENCE);
  const child = new Deno.Command(command, { args, stdin: "null", signal, env: { NO_COLOR: "1" }, ...options });
  const { code, stdout, stderr } = await child.output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

/** Runs `body` with another executable set. */
async function withExecutable(path: string | URL, body: () => Promise<void>): Promise<void> {
  mp.setExecutable(path);
  try {
    await body();
  } finally {
    mp.setExecutable(Deno.execPath());
  }
}

/** A temporary folder with the executable files. */
async function withPrograms(files: Record<string, string>, body: (folder: string) => Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync({ prefix: "programs #" });
  try {
    for (const [name, text] of Object.entries(files)) {
      Deno.writeTextFileSync(`${folder}/${name}`, text, { mode: 0o755 });
    }
    await body(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

for (const method of mp.getAllStartMethods()) {
  const { Process } = mp.getContext(method);

  Deno.test(`TestProcess.test_set_executable: ${method} with a path and with a URL`, () =>
    withPrograms(
      { deno: `#!/bin/sh\necho x >> "$(dirname "$0")/calls"\nexec ${Deno.execPath()} "$@"\n` },
      async (folder) => {
        const url = new URL(`file://${folder.replaceAll(" ", "%20").replaceAll("#", "%23")}/deno`);
        for (const path of [`${folder}/deno`, url]) {
          await withExecutable(path, async () => {
            const child = new Process({ target: nothing });
            child.start();
            assert(await child.join({ timeout: PATIENCE }));
            assertEquals(child.exitcode, 0);
          });
          assertStringIncludes(Deno.readTextFileSync(`${folder}/calls`), "x");
        }
      },
    ));

  Deno.test(`${method}: an executable that is missing, or cannot be executed, is an error of start`, async () => {
    const before = belongings();
    for (
      const [path, ErrorClass] of [
        ["/does/not/exist", Deno.errors.NotFound],
        ["/tmp", Deno.errors.PermissionDenied],
      ] as const
    ) {
      await withExecutable(path, async () => {
        const child = new Process({ target: nothing });
        assertThrows(() => child.start(), ErrorClass, "Cannot start a process");
        assertEquals([child.pid, child.isAlive()], [null, false]);
        await Promise.resolve();
      });
    }
    await assertNothingLeft(before);
  });

  Deno.test(`${method}: an executable that is no Deno is told by join and by its exit code`, () =>
    withExecutable("/bin/false", async () => {
      const child = new Process({ target: nothing });
      child.start();
      const join = () => child.join({ timeout: PATIENCE });
      await assertRejects(join, mp.ProcessError, "it ended with exit code 1 before it began");
      assertEquals(child.exitcode, 1);
    }));

  Deno.test(`${method}: a start beyond the limit of descriptors says so, and the others end well`, async () => {
    const script = `ulimit -n 60; exec "$0" "$@"`;
    const program = new URL("launch/start_limited.ts", FIXTURES).href;
    const { code, stdout, stderr } = await run("sh", ["-c", script, Deno.execPath(), "run", "-A", program, method]);
    assertEquals(code, 0, stderr);
    const [refusal, others] = stdout.trim().split("\n");
    assertMatch(refusal, /^\w+ Cannot (start a process|watch a descriptor|watch descriptors): /);
    assertEquals(others, "true");
  });

  Deno.test({
    name: `${method}: a start beyond the limit of processes says so, and the others end`,
    // Root is not limited in its processes, so this takes another user, who can read this folder.
    ignore: Deno.uid() !== 0 || !await isReadableByNobody(),
    async fn() {
      const folder = await Deno.makeTempDir();
      try {
        await Deno.chmod(folder, 0o755);
        await Deno.link(Deno.execPath(), `${folder}/deno`).catch(() =>
          Deno.copyFile(Deno.execPath(), `${folder}/deno`)
        );
        await Deno.mkdir(`${folder}/cache`);
        await Deno.chown(`${folder}/cache`, NOBODY, NOBODY);
        const program = new URL("launch/start_limited.ts", FIXTURES).href;
        // Threads count, too, so some processes are started and then cannot boot.
        const limited = ["prlimit", "--nproc=80", `${folder}/deno`, "run", "-A", "--quiet", program, method];
        const env = { DENO_DIR: `${folder}/cache`, HOME: `${folder}/cache` };
        const { code, stdout, stderr } = await run("setpriv", [...AS_NOBODY, ...limited], { env, cwd: "/" });
        assertEquals(code, 0, stderr);
        const [refusal, others] = stdout.trim().split("\n");
        assertMatch(
          refusal,
          /^\w+ Cannot (start a process: the limit of processes of this user \(RLIMIT_NPROC\), or of the system, is reached|watch descriptors): Resource temporarily unavailable/,
        );
        assertMatch(others, /^(true|false)$/);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });

  for (
    const [what, code, message] of [
      ["cannot be parsed", "export const = 1;", /cannot be loaded|Expected|SyntaxError/],
      ["throws", "throw new RangeError('as it was imported');", /RangeError: as it was imported/],
      ["imports what is missing", "import './none.ts';", /Module not found|missing/],
    ] as const
  ) {
    Deno.test(`${method}: a module that ${what} is told by join`, async () => {
      const before = belongings();
      await withPrograms({ "module.ts": code }, async (folder) => {
        const module = new URL(`file://${folder.replaceAll(" ", "%20").replaceAll("#", "%23")}/module.ts`);
        const child = new Process({ target: { module, name: "work" }, stderr: "null" });
        child.start();
        const error = await assertRejects(() => child.join({ timeout: PATIENCE }), mp.ProcessError) as Error;
        assertMatch(error.message, message);
        assertEquals(child.exitcode, 1);
      });
      await assertNothingLeft(before);
    });
  }
}

Deno.test("setExecutable takes paths and file: URLs only, and needs the permission to run it", async () => {
  for (const wrong of [5, null, "", new URL("https://host/deno")]) {
    assertThrows(() => mp.setExecutable(wrong as string), TypeError, "wanted a path or a file: URL");
  }
  const code = `import { Process, setExecutable } from "${MOD}"; setExecutable("/bin/true"); new Process().start();`;
  await withPrograms({ "main.ts": code }, async (folder) => {
    const flags = ["--allow-ffi", "--allow-read", "--no-prompt"];
    const { code, stderr } = await run(Deno.execPath(), ["run", ...flags, `${folder}/main.ts`]);
    assertEquals(code, 1);
    assertStringIncludes(stderr, '--allow-run="/bin/true"');
  });
});

Deno.test("MiscTestCase.test_spawn_sys_executable_none_allows_import: the import needs no permission", async () => {
  const { code, stderr } = await run(Deno.execPath(), ["run", "--no-prompt", MOD.href]);
  assertEquals([code, stderr], [0, ""]);
});

Deno.test("the package imports nothing of Node: that would cost every process 12 ms and more", async () => {
  const { stdout } = await run(Deno.execPath(), ["info", "--json", MOD.href]);
  const { modules } = JSON.parse(stdout) as {
    modules: { specifier: string; dependencies?: { code?: { specifier: string }; isDynamic?: boolean }[] }[];
  };
  assert(modules.length > 50);
  const imports = modules.flatMap(({ specifier, dependencies = [] }) =>
    dependencies.filter((it) => !it.isDynamic && it.code?.specifier.startsWith("node:"))
      .map((it) => `${it.code!.specifier} in ${specifier}`)
  );
  assertEquals(imports, []);
});
