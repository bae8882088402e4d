// The programs of docs/cookbook.md that something outside of them must drive: signals, clients, readers.

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import type { PoolStats } from "@parallel/multiprocessing/pool";
import { decode, encode } from "fast-png";
import { childrenOf, isRunning, type Program, startProgram, until, within } from "../support/helpers.ts";
import { Document } from "./markdown.ts";
import { makeProject, type Project, writeProgram } from "./project.ts";

const cookbook = new Document("docs/cookbook.md");
/** Milliseconds that a program may take, on a busy machine. */
const PATIENCE = 120_000;

/** Starts a program of the cookbook in the folder of a project, with a process group of its own. */
function start(project: Project, name: string, args: string[] = [], flags: string[] = []): Program {
  const path = writeProgram(cookbook, name, project);
  return startProgram(path, { args, flags: ["-A", ...flags], cwd: project.path, detached: true, patience: PATIENCE });
}

/** Makes a named pipe: who opens it to read, waits until somebody opens it to write, and the other way round. */
async function makeFifo(path: string): Promise<void> {
  const { success } = await new Deno.Command("mkfifo", { args: [path] }).output();
  assert(success);
}

/** Opens a named pipe to write, as soon as somebody reads it. */
function openFifo(path: string): Promise<Deno.FsFile> {
  return within(Deno.open(path, { write: true }), `a worker that reads ${path}`, PATIENCE);
}

/** The processes that a program has started, which must all have ended when it has. */
function assertNoneRuns(pids: readonly number[]): Promise<true> {
  return until("the end of all processes", () => !pids.some(isRunning));
}

/** A picture in colours, as a file. */
function picture(): Uint8Array {
  const data = new Uint8Array(30 * 20 * 3).map((_, i) => i % 251);
  return encode({ width: 30, height: 20, channels: 3, data });
}

/** A folder `in` with pictures, of which two are whole, and an empty folder `out`; the paths of the pictures. */
function makePictures({ path }: Project): string[] {
  const whole = picture();
  const changed = whole.slice();
  changed[60] ^= 255;
  for (const folder of ["in", "out"]) Deno.mkdirSync(`${path}/${folder}`);
  const files = { "a.png": whole, "b.png": whole.subarray(0, -30), "c.png": changed, "d.png": whole };
  for (const [name, bytes] of Object.entries(files)) Deno.writeFileSync(`${path}/in/${name}`, bytes);
  Deno.writeTextFileSync(`${path}/in/e.png`, "GIF89a");
  return ["a", "b", "c", "d", "e", "f"].map((name) => `in/${name}.png`); // the last is not there
}

/** What a program has printed, in some order. */
function assertLines(text: string, lines: readonly (string | RegExp)[]): void {
  const found = text.trimEnd().split("\n").sort();
  assertEquals(found.length, lines.length, text);
  for (const [i, line] of lines.entries()) {
    if (typeof line === "string") assertEquals(found[i], line);
    else assertMatch(found[i], line);
  }
}

const GREYED = [
  "in/a.png: 600 pixels",
  /^in\/b\.png: Error while decompressing the data/,
  /^in\/c\.png: CRC mismatch/,
  "in/d.png: 600 pixels",
  "in/e.png: wrong PNG signature",
];

Deno.test("cookbook: pictures are greyed, and the broken ones are told, each with its reason", async () => {
  using project = makeProject();
  const files = makePictures(project);
  await using program = start(project, "images.ts", ["out", ...files]);
  const { code, stdout, stderr } = await program.outcome();
  assertEquals({ code, stderr }, { code: 1, stderr: "" });
  assertLines(stdout, ["2 of 6 done, 4 broken", ...GREYED, /^in\/f\.png: No such file/]);
  assertEquals([...Deno.readDirSync(`${project.path}/out`)].map(({ name }) => name).sort(), ["a.png", "d.png"]);
  const { width, channels, data } = decode(Deno.readFileSync(`${project.path}/out/a.png`));
  assertEquals({ width, channels, first: [...data.subarray(0, 3)] }, { width: 30, channels: 1, first: [1, 4, 7] });
});

Deno.test("cookbook: Ctrl-C amid pictures leaves those that are done, whole, and no process", async () => {
  using project = makeProject();
  const files = makePictures(project).slice(0, -1);
  const slow = `${project.path}/in/slow.png`;
  await makeFifo(slow);
  await using program = start(project, "images.ts", ["out", ...files, "in/slow.png"]);
  using _file = await openFifo(slow);
  for (const file of files) await program.said(file);
  const workers = childrenOf(program.pid);
  program.killGroup("SIGINT");
  const { code, stdout, stderr } = await program.outcome();
  assertEquals({ code, stderr }, { code: 130, stderr: "" });
  assertLines(stdout, ["2 of 6 done, 3 broken", ...GREYED]);
  assertEquals([...Deno.readDirSync(`${project.path}/out`)].map(({ name }) => name).sort(), ["a.png", "d.png"]);
  await assertNoneRuns(workers);
});

Deno.test("cookbook: a process that is killed amid its steps ends the program, and its siblings", async () => {
  using project = makeProject();
  await using program = start(project, "heat.ts", ["100000000"]);
  const children = await until("all processes", () => {
    const found = childrenOf(program.pid);
    return found.length === 3 && found;
  });
  Deno.kill(children[1], "SIGKILL");
  const { code, stderr } = await program.outcome();
  assertEquals(code, 1);
  assertMatch(stderr, /Process-\d ended with (-9|1)|it was ended by SIGKILL before it began/);
  await assertNoneRuns(children);
});

/** What a server of the cookbook says of its pool, when `is` holds for it. */
async function stats(url: string, is: (stats: PoolStats) => boolean): Promise<PoolStats> {
  const end = performance.now() + PATIENCE;
  for (;;) {
    const found: PoolStats = await (await fetch(`${url}/stats`)).json();
    if (is(found)) return found;
    assert(performance.now() < end, Deno.inspect(found));
  }
}

/** A server of the cookbook that runs, and the address that it listens at. */
async function startServer(project: Project, ...args: string[]): Promise<{ program: Program; url: string }> {
  const program = start(project, "server.ts", args, ["--unstable-no-legacy-abort"]);
  return { program, url: `http${await program.said("http")}` };
}

Deno.test("cookbook: a server answers what runs and waits when SIGTERM comes to its group, and nothing after", async () => {
  using project = makeProject();
  Deno.writeTextFileSync(`${project.path}/quick`, "one two");
  const slow = ["one", "two"].map((name) => `${project.path}/${name}`);
  for (const path of slow) await makeFifo(path);
  const { program, url } = await startServer(project, "60000", "1");
  await using _ = program;
  const answers = ["one", "two"].map((name) => fetch(`${url}/${name}`));
  const files = await Promise.all(slow.map(openFifo));
  const waiting = fetch(`${url}/quick`);
  await stats(url, ({ queued }) => queued === 1);
  const refused = await fetch(`${url}/quick`);
  assertEquals([refused.status, await refused.text()], [503, "busy\n"]);
  const workers = childrenOf(program.pid);
  program.killGroup("SIGTERM");
  await program.said("stopping");
  await assertRejects(() => Deno.connect({ port: Number(new URL(url).port) }), Deno.errors.ConnectionRefused);
  for (const file of files) {
    file.writeSync(new TextEncoder().encode("three little words"));
    file.close();
  }
  for (const answer of answers) assertEquals(await (await answer).text(), "3 words\n");
  assertEquals(await (await waiting).text(), "2 words\n");
  const { code, stdout, stderr } = await program.outcome();
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  assertEquals(stdout.split("\n").slice(1), ["stopping", "stopped in order", ""]);
  await assertNoneRuns(workers);
});

Deno.test("cookbook: a server gives up what takes too long, and what no client waits for, and goes on", async () => {
  using project = makeProject();
  Deno.writeTextFileSync(`${project.path}/quick`, "one two");
  for (const name of ["late", "left"]) await makeFifo(`${project.path}/${name}`);
  const { program, url } = await startServer(project, "2000");
  await using _ = program;
  const answer = async (name: string, signal?: AbortSignal) => {
    const response = await fetch(`${url}/${name}`, { signal });
    return `${response.status} ${await response.text()}`;
  };
  assertEquals(await answer("quick"), "200 2 words\n");
  assertEquals(await answer("nothing"), "404 there is no such text\n");
  const client = new AbortController();
  const leaves = assertRejects(() => answer("left", client.signal), DOMException, "aborted");
  using _held = await openFifo(`${project.path}/left`);
  client.abort();
  await leaves;
  assertEquals(await answer("late"), "504 it took too long\n"); // nobody writes
  await stats(url, ({ busy, idle, restarts }) => busy === 0 && idle === 2 && restarts === 2);
  assertEquals(await answer("quick"), "200 2 words\n");
  program.kill("SIGTERM");
  const { code, stderr } = await program.outcome();
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
});

/** Starts the program that sums files, with its standard input, output and error piped. */
function startSums(project: Project): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", writeProgram(cookbook, "checksums.ts", project)],
    cwd: project.path,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(PATIENCE),
  }).spawn();
}

Deno.test("cookbook: a pipeline takes no more than it hands on, however fast its input is", async () => {
  using project = makeProject();
  Deno.writeTextFileSync(`${project.path}/text`, "one two");
  const path = `${"./".repeat(200)}text`;
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode("one two"));
  const line = `${new Uint8Array(hash).toHex()}  ${path}\n`;
  const all = 6000;
  const child = startSums(project);
  let given = 0;
  const feed = async () => {
    const writer = child.stdin.getWriter();
    const lines = new TextEncoder().encode(`${path}\n`.repeat(50));
    for (; given < all; given += 50) await writer.write(lines);
    await writer.close();
  };
  const fed = feed();
  let [text, ahead] = ["", 0];
  for await (const more of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += more;
    ahead = Math.max(ahead, given - text.length / line.length);
  }
  await fed;
  const { code } = await child.status;
  await child.stderr.cancel();
  assert(text === line.repeat(all), text.slice(0, 1000));
  assertEquals(code, 0);
  assert(ahead < 2000, `${ahead} lines were taken before they were handed on`); // what pipes and streams hold
});

Deno.test("cookbook: a pipeline goes on after a file that cannot be read", async () => {
  using project = makeProject();
  for (const name of ["a", "b"]) Deno.writeTextFileSync(`${project.path}/${name}`, name);
  const child = startSums(project);
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode("a\nnothing\nb"));
  await writer.close();
  const [{ code }, stdout, stderr] = await Promise.all([
    child.status,
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  assertEquals({ code, paths: stdout.match(/(?<=^[0-9a-f]{64} {2}).*$/gm) }, { code: 1, paths: ["a", "b"] });
  assertMatch(stderr, /^No such file or directory .*'nothing'$/m);
  assertMatch(stderr, /^Pool-1: 3\/3 .*, 1 failed$/m);
});

Deno.test("cookbook: a pipeline ends with its reader", async () => {
  using project = makeProject();
  Deno.writeTextFileSync(`${project.path}/text`, "one two");
  const child = startSums(project);
  const feed = async () => {
    const writer = child.stdin.getWriter();
    const lines = new TextEncoder().encode("text\n".repeat(50));
    for (;;) await writer.write(lines);
  };
  const fed = assertRejects(feed, Deno.errors.BrokenPipe);
  const reader = child.stdout.getReader();
  await reader.read();
  await reader.cancel();
  const [{ code }, stderr] = await Promise.all([child.status, new Response(child.stderr).text()]);
  await fed;
  assertEquals(code, 0);
  assertMatch(stderr, /^Pool-1: \d+ .*\/s\n$/); // how far it was, and no error
});
