// `clean`: what killed listeners have left goes, and shared memory of killed processes, and nothing else does.

import { Client } from "@parallel/multiprocessing";
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Leftover } from "../../src/cli/clean.ts";
import type { LeftMemory } from "../../src/cli/left_memory.ts";
import { FIXTURES, isRunning, outputOf, runProgram, startProgram, until } from "../support/helpers.ts";
import { pythons } from "../support/python.ts";

const CLI = new URL("../../cli.ts", import.meta.url);
const LISTENER = new URL("cli/listener.ts", FIXTURES);

/** A folder for temporary files, and `clean` in it. */
async function inFolder(run: (folder: string, clean: (...words: string[]) => Promise<Leftover[]>) => Promise<void>) {
  const folder = Deno.makeTempDirSync();
  const clean = async (...words: string[]) => {
    const args = ["clean", "--json", ...words];
    const { code, stdout, stderr } = await runProgram(CLI, { args, env: { TMPDIR: folder } });
    assertEquals([code, stderr], [0, ""], stdout);
    const { leftovers, dryRun } = JSON.parse(stdout) as { leftovers: Leftover[]; dryRun: boolean };
    assertEquals(dryRun, words.includes("--dry-run"));
    return leftovers.filter(({ path }) => path.startsWith(folder));
  };
  try {
    await run(folder, clean);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** Has a file or folder look an hour old. */
function age(path: string): void {
  const hourAgo = Date.now() / 1000 - 3600;
  Deno.utimeSync(path, hourAgo, hourAgo);
}

const namesIn = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();

Deno.test("clean: the folder of a killed listener is removed, that of one that listens is not", async () => {
  await inFolder(async (folder, clean) => {
    await using alive = startProgram(LISTENER, { env: { TMPDIR: folder } });
    await using killed = startProgram(LISTENER, { env: { TMPDIR: folder } });
    const [used, stale] = await Promise.all([alive.said("at "), killed.said("at ")]);
    killed.kill();
    await killed.outcome();
    const [kept, left] = [used, stale].map((path) => path.slice(0, path.lastIndexOf("/")));
    assertEquals(await clean(), []); // both are too young to be told from those of listeners that are beginning
    age(kept);
    age(left);
    const found = [{ path: left, hasSocket: true, failure: null }];
    assertEquals(await clean("--dry-run"), found);
    assertEquals(namesIn(folder).length, 2);
    assertEquals(await clean(), found);
    assertEquals(await clean(), []);
    assertEquals(namesIn(folder), [kept.slice(kept.lastIndexOf("/") + 1)]);
    using client = await Client<string>(used);
    assertEquals(await client.recv(), "here");
  });
});

Deno.test("clean: folders that only look like it stay", async () => {
  await inFolder(async (folder, clean) => {
    const make = (name: string, mode: number, ...files: string[]) => {
      Deno.mkdirSync(`${folder}/${name}`, { mode });
      for (const file of files) Deno.writeTextFileSync(`${folder}/${name}/${file}`, "");
      age(`${folder}/${name}`);
    };
    make("multiprocessing-0000000000000001", 0o700); // killed before it had a socket
    make("multiprocessing-0000000000000002", 0o700, "socket"); // which is a file
    make("multiprocessing-0000000000000003", 0o700, "socket", "notes");
    make("multiprocessing-0000000000000004", 0o755);
    make("multiprocessing-results", 0o700);
    Deno.symlinkSync(`${folder}/multiprocessing-results`, `${folder}/multiprocessing-0000000000000005`);
    assertEquals(await clean(), [{
      path: `${folder}/multiprocessing-0000000000000001`,
      hasSocket: false,
      failure: null,
    }]);
    assertEquals(namesIn(folder).map((name) => name.slice(-7)), [
      "0000002",
      "0000003",
      "0000004",
      "0000005",
      "results",
    ]);
  });
});

const CREATOR = new URL("shared_memory/creator.ts", FIXTURES);
const ATTACHER = new URL("shared_memory/attacher.ts", FIXTURES);
const MANAGER = new URL("shared_memory/manager_main.ts", FIXTURES);
const pathOf = (name: string) => `/dev/shm/${name}`;
const isThere = (name: string) => [...Deno.readDirSync("/dev/shm")].some((it) => it.name === name);

/** What `clean` says of blocks of these names. */
async function cleaned(names: readonly string[], ...words: string[]): Promise<LeftMemory[]> {
  const { code, stdout, stderr } = await runProgram(CLI, { args: ["clean", "--json", ...words] });
  assertEquals([code, stderr], [0, ""], stdout);
  const { memory } = JSON.parse(stdout) as { memory: LeftMemory[] };
  return memory.filter(({ path }) => names.some((name) => path === pathOf(name)));
}

Deno.test("TestSharedMemory.test_shared_memory_cleaned_after_process_termination: clean removes the shared memory of a killed process, and that of a living one stays", async () => {
  await using killed = startProgram(CREATOR, { args: ["wait"] });
  await using alive = startProgram(CREATOR, { args: ["close"] }); // which has it not even open
  const names = await Promise.all([killed.said("name "), alive.said("name ")]);
  const [left, owned] = names;
  assertEquals(await cleaned(names), []);
  killed.kill();
  await killed.outcome();
  const found = [{ path: pathOf(left), state: "left" as const, failure: null }];
  assertEquals(await cleaned(names, "--dry-run"), found);
  assertEquals(names.map(isThere), [true, true]);
  assertEquals(await cleaned(names), found);
  assertEquals(names.map(isThere), [false, true]);
  assertEquals(await cleaned(names), []);
  alive.kill("SIGTERM");
  await alive.outcome();
  assertEquals((await cleaned(names)).map(({ path }) => path), [pathOf(owned)]);
});

Deno.test("clean: shared memory that anybody has mapped stays until nobody has", async () => {
  await using creator = startProgram(CREATOR, { args: ["wait"] });
  const name = await creator.said("name ");
  await using attached = startProgram(ATTACHER, { args: [name, "wait"] });
  await attached.said("size ");
  creator.kill();
  await creator.outcome();
  const path = pathOf(name);
  assertEquals(await cleaned([name]), [{ path, state: "mapped", failure: null }]);
  const { stdout } = await runProgram(CLI, { args: ["clean"] });
  assertStringIncludes(stdout, `Kept ${path}, shared memory whose creator is gone: somebody has it mapped\n`);
  assertEquals(isThere(name), true);
  attached.kill();
  await attached.outcome();
  const removed = await runProgram(CLI, { args: ["clean"] });
  assertStringIncludes(removed.stdout, `Removed ${path}, shared memory whose creator is gone\n`);
  assertMatch(removed.stdout, /\d+ blocks? of shared memory removed\.\n$/);
  assertEquals(isThere(name), false);
});

Deno.test({
  name: "clean: shared memory that a Python has mapped stays until it is gone",
  ignore: pythons.length === 0,
  async fn() {
    await using creator = startProgram(CREATOR, { args: ["wait"] });
    const name = await creator.said("name ");
    const lines = [
      "import mmap, sys",
      `with open("${pathOf(name)}", "r+b") as file: memory = mmap.mmap(file.fileno(), 0)`,
    ];
    const code = [...lines, "print(memory[0], flush=True)", "sys.stdin.read()"].join("\n");
    const options = { stdin: "piped", stdout: "piped" } as const;
    const python = new Deno.Command(pythons[0].path, { args: ["-c", code], ...options }).spawn();
    const reader = python.stdout.getReader();
    assertEquals((await reader.read()).done, false); // it has mapped it
    creator.kill();
    await creator.outcome();
    assertEquals((await cleaned([name])).map(({ state }) => state), ["mapped"]);
    assertEquals(isThere(name), true);
    python.kill("SIGKILL");
    await Promise.all([python.status, reader.cancel(), python.stdin.close()]);
    assertEquals((await cleaned([name])).map(({ state }) => state), ["left"]);
    assertEquals(isThere(name), false);
  },
});

Deno.test("clean: files in /dev/shm that are not this package's stay", async () => {
  const names = ["plain", "list"].map((it) => `psm_test_clean_${it}_${Deno.pid}`);
  const [plain, kept] = names;
  Deno.writeFileSync(pathOf(plain), new Uint8Array(10), { mode: 0o600 }); // as CPython's
  const untracked = (await outputOf(CREATOR, { args: ["keep"] })).trim().slice("name ".length);
  Deno.renameSync(pathOf(untracked), pathOf(kept));
  try {
    assertEquals(await cleaned(names), []);
    assertEquals(names.map(isThere), [true, true]);
  } finally {
    for (const name of names) Deno.removeSync(pathOf(name));
  }
});

Deno.test("clean: what a manager that was killed with its server has made is removed", async () => {
  await using program = startProgram(MANAGER, { args: ["wait"] });
  const server = Number(await program.said("server "));
  const names = await until("both names", () => {
    const found = program.output.match(/psm_\w+(?=\n)/g);
    return found?.length === 2 && [...found];
  });
  assertEquals(await cleaned(names), []);
  Deno.kill(server, "SIGKILL");
  program.kill();
  await program.outcome();
  await until("the end of the server", () => !isRunning(server));
  assertEquals((await cleaned(names)).map(({ state }) => state), ["left", "left"]);
  assertEquals(names.map(isThere), [false, false]);
});
