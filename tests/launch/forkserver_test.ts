// Warm processes: what becomes of those that wait, and what they may not be used for. That they are processes like all
// others is tested by tests/process.

import * as mp from "@parallel/multiprocessing";
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { native } from "../../src/addon/load.ts";
import { startSettings } from "../../src/launch/settings.ts";
import * as targets from "../fixtures/launch/forkserver_targets.ts";
import { idle, nothing } from "../fixtures/targets.ts";
import { FIXTURES, isRunning, PATIENCE, runProgram, startProgram, until } from "../support/helpers.ts";

const { Process } = mp.getContext("forkserver");

const waiting = () => native().warmProcesses();

async function ended(process: mp.Process): Promise<number | null> {
  process.start();
  assert(await process.join({ timeout: PATIENCE }));
  return process.exitcode;
}

/** Waits until every process that waits for work sleeps in the kernel. */
async function allWarm(): Promise<number[]> {
  const isAsleep = (pid: number) => Deno.readTextFileSync(`/proc/${pid}/wchan`).includes("unix_stream");
  await until("all warm processes asleep", () => waiting().every(isAsleep));
  return waiting();
}

/** The processor time that a process has used, in ticks. */
function ticks(pid: number): number {
  const fields = Deno.readTextFileSync(`/proc/${pid}/stat`).split(") ")[1].split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

Deno.test("a process is one of those that waited, and another takes its place", async () => {
  assertEquals(await ended(new Process({ target: nothing })), 0);
  const before = await allWarm();
  assertEquals(before.length, 2);
  using said = new mp.Queue<number[]>();
  const child = new Process({ target: targets.count, args: [said] });
  child.start();
  assertEquals(child.pid, before[0]);
  assertEquals(waiting(), [before[1]]);
  assert(await child.join({ timeout: PATIENCE }));
  assertEquals([waiting().length, waiting()[0]], [2, before[1]]);
  assertEquals(await said.get({ timeout: PATIENCE }), [child.pid, 1]);
});

Deno.test("each process has the modules' state afresh", async () => {
  using said = new mp.Queue<number[]>();
  const pids = new Set<number>();
  for (let i = 0; i < 4; i++) {
    assertEquals(await ended(new Process({ target: targets.count, args: [said] })), 0);
    const [pid, used] = await said.get({ timeout: PATIENCE });
    assertEquals(used, 1);
    pids.add(pid);
  }
  assertEquals(pids.size, 4);
});

Deno.test("those that wait are no active children, and use no processor time", async () => {
  const pids = await allWarm();
  assertEquals(mp.activeChildren(), []);
  // Not at once: Deno does something half a second after its start.
  await until("300 ms in which they use none", async () => {
    const before = pids.map(ticks).join();
    await new Promise((resolve) => setTimeout(resolve, 300));
    return pids.map(ticks).join() === before;
  });
});

Deno.test("TestProcess.test_forkserver_sigint: those that wait survive SIGINT; it is for those that work", async () => {
  using said = new mp.Queue();
  using orders = new mp.Queue();
  assertEquals(await ended(new Process({ target: nothing })), 0);
  const pids = await allWarm();
  assertEquals(pids.length, 2);
  pids.forEach((pid) => Deno.kill(pid, "SIGINT"));
  assertEquals([waiting(), pids.map(isRunning)], [pids, [true, true]]);
  for (let i = 0; i < 3; i++) {
    const running = new Process({ target: idle, args: [said, orders] });
    running.start();
    assert(!pids.includes(running.pid!), "who was interrupted gets no work");
    await said.get({ timeout: PATIENCE }); // what came before its work does not end it
    running.interrupt();
    assert(await running.join({ timeout: PATIENCE }));
    assertEquals(running.exitcode, -2);
  }
});

for (const signal of ["SIGKILL", "SIGTERM"] as const) {
  const cited = signal === "SIGTERM" ? "" : "TestProcess.test_forkserver_sigkill: ";
  Deno.test(`${cited}right after ${signal} to all that wait, processes start, and a running one goes on`, async () => {
    using said = new mp.Queue();
    using orders = new mp.Queue();
    const running = new Process({ target: idle, args: [said, orders] });
    running.start();
    await said.get({ timeout: PATIENCE });
    for (let i = 0; i < 5; i++) {
      const pids = await allWarm();
      pids.forEach((pid) => Deno.kill(pid, signal));
      assertEquals(await ended(new Process({ target: nothing })), 0); // those killed may not have ended yet
      await until("none of them", () => !waiting().some((pid) => pids.includes(pid)));
    }
    orders.putSync("end");
    assert(await running.join({ timeout: PATIENCE }));
    assertEquals(running.exitcode, 0);
  });
}

for (const how of ["return", "exit", "error"]) {
  Deno.test(`those that wait do not keep a program alive, and are gone after its end by ${how}`, async () => {
    const { code, stdout } = await runProgram(new URL("launch/warm_parent.ts", FIXTURES), { args: [how] });
    assertEquals(code, { return: 0, exit: 3, error: 1 }[how]);
    const pids = stdout.match(/warm (.*)/)![1].split(",").map(Number);
    assertEquals(pids.length, 2);
    await until("the end of those that waited", () => pids.every((pid) => !isRunning(pid)));
  });
}

for (const how of ["block", "wait"]) {
  Deno.test(`those that wait end when their parent is killed (${how})`, async () => {
    await using program = startProgram(new URL("launch/warm_parent.ts", FIXTURES), { args: ["block"] });
    const pids = (await program.said("warm")).split(",").map(Number);
    if (how === "wait") { // until they are warm; else some of them are still importing
      const isAsleep = (pid: number) => Deno.readTextFileSync(`/proc/${pid}/wchan`).includes("unix_stream");
      await until("all warm", () => pids.every(isAsleep));
    }
    program.kill();
    await until("the end of those that waited", () => pids.every((pid) => !isRunning(pid)));
  });
}

Deno.test("a process is in its parent's present directory, or the one that it was given", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "warm #" });
  Deno.writeTextFileSync(`${folder}/here.txt`, "found");
  const root = Deno.cwd();
  try {
    using said = new mp.Queue<{ pid: number; cwd: string; file: string | null }>();
    const run = async (cwd?: string | URL) => {
      const [first] = await allWarm();
      assertEquals(await ended(new Process({ target: targets.sayPlace, args: [said, "X"], cwd })), 0);
      const { pid, cwd: found, file } = await said.get({ timeout: PATIENCE });
      assertEquals(pid, first, "a warm process was used");
      return [found, file];
    };
    assertEquals(await run(), [root, null]);
    assertEquals(await run(folder), [folder, "found"]);
    Deno.chdir(folder);
    assertEquals(await run(), [folder, "found"]);
    assertEquals(await run(".."), [folder.slice(0, folder.lastIndexOf("/")), null]);
  } finally {
    Deno.chdir(root);
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("one that waits is not the main process: its modules are imported under a name of its own", async () => {
  using said = new mp.Queue<string>();
  const folder = Deno.makeTempDirSync();
  const source = `import { currentProcess } from "${new URL("../../mod.ts", import.meta.url)}";
const { name } = currentProcess();
export const say = (said) => said.putSync(name);`;
  Deno.writeTextFileSync(`${folder}/named.js`, source);
  const before = startSettings.preload;
  try {
    mp.setForkserverPreload([`file://${folder}/named.js`]);
    assertEquals(await ended(new Process({ target: nothing })), 0);
    await allWarm();
    const target = { module: `file://${folder}/named.js`, name: "say" };
    assertEquals(await ended(new Process({ target, args: [said] })), 0);
    assertEquals(await said.get({ timeout: PATIENCE }), `warm process of ${Deno.pid}`);
  } finally {
    startSettings.preload = before;
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("another environment needs another process; the parent's own is never stale", async () => {
  using said = new mp.Queue<{ pid: number; variable: string | null }>();
  const variable = "MULTIPROCESSING_TEST";
  const run = async (env?: Record<string, string>) => {
    assertEquals(await ended(new Process({ target: targets.sayPlace, args: [said, variable], env })), 0);
    return await said.get({ timeout: PATIENCE });
  };
  const before = await allWarm();
  const given = await run({ ...Deno.env.toObject(), [variable]: "given" });
  assertEquals([given.variable, before.includes(given.pid)], ["given", false]);
  assertEquals(await allWarm(), before);
  Deno.env.set(variable, "changed");
  try {
    assertEquals((await run()).variable, "changed");
    assertEquals(waiting().filter((pid) => before.includes(pid)), []);
    const [first] = await allWarm();
    const again = await run();
    assertEquals([again.variable, again.pid], ["changed", first]);
  } finally {
    Deno.env.delete(variable);
  }
  assertEquals((await run()).variable, null);
});

Deno.test("TestStartMethod.test_preload_resources: a module that makes a lock may be preloaded", async () => {
  const before = startSettings.preload;
  try {
    using said = new mp.Queue<{ pid: number; madeIn: number; name: string }>();
    mp.setForkserverPreload([
      "../fixtures/launch/forkserver_preload.ts",
      "../fixtures/launch/preload_failing.ts",
      "./none.ts",
    ]);
    for (let i = 0; i < 3; i++) {
      const child = new Process({ target: targets.usePreloaded, args: [said], name: `User ${i}` });
      assertEquals(await ended(child), 0);
      const { pid, madeIn, name } = await said.get({ timeout: PATIENCE });
      assertEquals([madeIn, name], [pid, `User ${i}`]);
    }
  } finally {
    startSettings.preload = before;
  }
});

Deno.test("MiscTestCase.test_preload_main_large_sys_argv: 5000 arguments", async () => {
  const args = Array.from({ length: 5000 }, (_, i) => `argument ${i}`);
  const { code, stdout, stderr } = await runProgram(new URL("launch/warm_parent.ts", FIXTURES), {
    args: ["return", ...args],
  });
  assertEquals([code, stderr], [0, ""]);
  assertNotEquals(stdout.match(/warm \d+,\d+/), null);
});

Deno.test("without read permission the target is found, of whichever module it is", async () => {
  const addon = new URL("../../target/release/libmultiprocessing.so", import.meta.url).pathname;
  const { code, stdout, stderr } = await runProgram(new URL("launch/forkserver_cramped.ts", FIXTURES), {
    flags: [`--allow-ffi=${addon}`, "--no-prompt"],
  });
  assertEquals({ code, stdout, stderr }, { code: 0, stdout: "0 0 0 0\n", stderr: "" });
});

Deno.test("TestProcess.test_forkserver_auth_is_enabled: those that wait are reached by sockets without a name, which nobody else has", async () => {
  assertEquals(await ended(new Process({ target: nothing })), 0);
  const named = new Map<string, string>(); // by inode: how the kernel lists sockets that are bound or listen
  for (const line of Deno.readTextFileSync("/proc/net/unix").split("\n").slice(1)) {
    const [, , , flags, , , inode, path] = line.split(/\s+/);
    if (path !== undefined || (parseInt(flags, 16) & 0x10000) !== 0) named.set(`socket:[${inode}]`, path);
  }
  const links = (pid: number) =>
    [...Deno.readDirSync(`/proc/${pid}/fd`)].flatMap(({ name }) => {
      try {
        return [Deno.readLinkSync(`/proc/${pid}/fd/${name}`)];
      } catch {
        return [];
      }
    });
  const pids = await allWarm();
  assertEquals(pids.length, 2);
  const [first, second] = pids.map((pid) => links(pid).filter((it) => it.startsWith("socket:")));
  for (const sockets of [first, second]) {
    assert(sockets.length > 0);
    assertEquals(sockets.filter((it) => named.has(it)), []);
  }
  const own = new Set([...links(Deno.pid), ...second]);
  assertEquals(first.filter((it) => own.has(it)), [], "a socket that somebody else has, too");
});

Deno.test("TestSpawnedSysPath.test_forkserver_preload_imports_sys_path: a preloaded module is found by the import map", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "preload #" });
  const files = {
    "deno.json": JSON.stringify({
      imports: { multi: new URL("../../mod.ts", import.meta.url).href, ahead: "./lib/ahead.ts" },
    }),
    "ahead.ts": "(globalThis as { ahead?: string }).ahead = `ahead in ${Deno.pid}`;",
    "main.ts": `
      import * as mp from "multi";
      export function say(said: mp.Queue<unknown>) {
        said.putSync([Deno.pid, (globalThis as { ahead?: string }).ahead ?? null]);
      }
      if (import.meta.main) {
        mp.setStartMethod("forkserver");
        mp.setForkserverPreload(["ahead"]);
        using said = new mp.Queue<[number, string]>();
        for (let i = 0; i < 2; i++) { // the second was warm
          const child = new mp.Process({ target: say, args: [said] });
          child.start();
          await child.join();
        }
        said.getNowait();
        const [pid, ahead] = said.getNowait();
        console.log(ahead === \`ahead in \${pid}\`);
      }`,
  };
  try {
    Deno.mkdirSync(`${folder}/lib`);
    for (const [name, text] of Object.entries(files)) {
      Deno.writeTextFileSync(`${folder}/${name === "ahead.ts" ? "lib/" : ""}${name}`, text);
    }
    const { code, stdout, stderr } = await runProgram("./main.ts", { cwd: folder });
    assertEquals([code, stdout], [0, "true\n"], stderr);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
