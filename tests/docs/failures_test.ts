// docs/failures.md: what its tables say is tried, row by row.

import { assert, assertEquals } from "@std/assert";
import process from "node:process";
import { Document, ROOT } from "./markdown.ts";

const FIXTURES = new URL("tests/fixtures/docs/", ROOT);
const FLAGS = ["run", "-A", "--quiet", "--no-check", `--config=${new URL("deno.json", ROOT).pathname}`];
const PATIENCE = 120_000;

const document = new Document("docs/failures.md");

/** The first cells of the tables below these headings. */
function rowsOf(...sections: string[]): string[] {
  return sections.flatMap((section) => document.rows(section)).map(([first]) => first);
}

Deno.test("failures: each row of a worker, process, lock, queue, pipe and manager is as the document says", async () => {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...FLAGS, new URL("failures.ts", FIXTURES).pathname],
    env: { NO_COLOR: "1" },
    stdin: "null",
    signal: AbortSignal.timeout(PATIENCE),
  }).output();
  const text = new TextDecoder().decode(stderr);
  assertEquals(code, 0, text);
  const tried = new TextDecoder().decode(stdout).trimEnd().split("\n");
  const said = rowsOf("A pool's worker", "A process", "A process that others share something with", "A manager");
  assertEquals(tried.sort(), said.sort());
});

/** The rows on the end of the parent: how it is ended, and which of its processes then go on. */
const ENDS: Record<string, { how: string; signal?: Deno.Signal; group?: boolean; goesOn: string[] }> = {
  "SIGKILL, SIGTERM or SIGINT to the parent alone": { how: "wait", signal: "SIGTERM", goesOn: ["child"] },
  "Ctrl-C, or SIGTERM to the process group": { how: "wait", signal: "SIGINT", group: true, goesOn: [] },
  "an error that nobody catches in the parent": { how: "throw", goesOn: ["child"] },
  "`Deno.exit()` in the parent": { how: "exit", goesOn: ["child", "parent"] },
  "the main program comes to its end": { how: "end", goesOn: ["child", "daemon", "parent", "worker"] },
};

Deno.test("failures: the rows on the end of the parent are those that are tried", () => {
  assertEquals(rowsOf("The parent").sort(), Object.keys(ENDS).sort());
});

for (const [row, { how, signal, group, goesOn }] of Object.entries(ENDS)) {
  Deno.test(`failures: ${row}`, async () => {
    const parent = new Deno.Command(Deno.execPath(), {
      args: [...FLAGS, new URL("parent.ts", FIXTURES).pathname, how],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
      detached: true, // A process group of its own.
    }).spawn();
    const pids: Record<string, number> = { parent: parent.pid };
    try {
      const [reader, rest] = parent.stdout.tee();
      rest.cancel();
      for await (const line of reader.pipeThrough(new TextDecoderStream())) {
        Object.assign(pids, JSON.parse(line));
        break;
      }
      if (signal !== undefined) process.kill(group ? -parent.pid : parent.pid, signal);
      const running = () => Object.keys(pids).filter((name) => isRunning(pids[name])).sort();
      const end = performance.now() + PATIENCE;
      while (running().join() !== goesOn.join() && performance.now() < end) await pause(20);
      assertEquals(running(), goesOn);
      await pause(500);
      assertEquals(running(), goesOn, "after a while");
      assert(goesOn.includes("parent") || (await parent.status).code !== 0);
    } finally {
      for (const pid of Object.values(pids)) kill(pid);
      await parent.status;
    }
  });
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Whether a process runs; one that has ended and was not reaped does not. */
function isRunning(pid: number): boolean {
  try {
    return !/^Z/.test(Deno.readTextFileSync(`/proc/${pid}/stat`).replace(/^.*\) /s, ""));
  } catch {
    return false;
  }
}

function kill(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}
