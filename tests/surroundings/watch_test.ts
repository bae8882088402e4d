// `--watch`: a restart that has to wait for a process that is no daemon says for which.

import { assertEquals, assertMatch } from "@std/assert";
import { until } from "../support/helpers.ts";
import { killTree } from "../support/helpers.ts";

const MOD = new URL("../../mod.ts", import.meta.url).href;

const PROGRAM = (daemon: boolean) => `
import * as mp from ${JSON.stringify(MOD)};
export async function sleep() {
  await new Promise((resolve) => setTimeout(resolve, 60_000));
}
if (import.meta.main) {
  const child = new mp.Process({ target: sleep, name: "Sleeper", daemon: ${daemon} });
  child.start();
  console.log("started", child.pid);
}
`;

Deno.test("a restart by --watch is held up by a process that is no daemon: its name and id are told, once", async () => {
  const folder = await Deno.makeTempDir();
  const file = `${folder}/program.ts`;
  await Deno.writeTextFile(file, PROGRAM(false));
  const watcher = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-config", "--no-check", "--watch", "--no-clear-screen", file],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  }).spawn();
  const heard = { stdout: "", stderr: "" };
  const follow = async (name: "stdout" | "stderr") => {
    for await (const text of watcher[name].pipeThrough(new TextDecoderStream())) heard[name] += text;
  };
  const following = Promise.all([follow("stdout"), follow("stderr")]);
  const starts = () => [...heard.stdout.matchAll(/^started (\d+)$/gm)].map(([, pid]) => Number(pid));
  try {
    const pid = await until("the child", () => starts()[0]);
    // The watcher may not watch yet: so until it has seen the change.
    let edits = 0;
    await until("the notice", () => {
      if (edits++ % 250 === 0) Deno.writeTextFileSync(file, `${PROGRAM(true)}// ${edits}`);
      return heard.stderr.includes("cannot be started again");
    });
    Deno.kill(pid, "SIGTERM");
    await until("the restart", () => starts().length > 1);
    const notices = heard.stderr.split("\n").filter((line) => line.includes("Sleeper"));
    assertEquals(notices.length, 1);
    assertMatch(
      notices[0],
      new RegExp(
        `^The program cannot be started again before "Sleeper" \\(pid ${pid}\\), which is no daemon, has ended`,
      ),
    );
  } finally {
    killTree(watcher.pid);
    await watcher.status;
    await following;
    await Deno.remove(folder, { recursive: true });
  }
});
