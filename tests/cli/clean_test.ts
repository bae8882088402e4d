// `clean`: what killed listeners have left goes, and nothing else does.

import { Client } from "@parallel/multiprocessing";
import { assertEquals } from "@std/assert";
import type { Leftover } from "../../src/cli/clean.ts";
import { FIXTURES, runProgram, startProgram } from "../support/helpers.ts";

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
