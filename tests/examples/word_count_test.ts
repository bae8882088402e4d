// The demo: its pure parts, and the script as a real process on good and bad folders and under `kill -9`.

import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { isEqual, merge, nothing, pack, phrasesOf, top, total } from "../../examples/word_count/counts.ts";
import { describeEnd } from "../../examples/word_count/crew.ts";
import { CountError, filesOf, readText, tokenise } from "../../examples/word_count/texts.ts";

const SCRIPT = new URL("../../examples/word_count.ts", import.meta.url).pathname;
const PATIENCE_MS = 180_000;

interface Folder extends Disposable {
  path: string;
}

/** A temporary folder with the given texts, or bytes; removed when disposed. */
function folderWith(files: Record<string, string | Uint8Array>): Folder {
  const path = Deno.makeTempDirSync({ prefix: "word_count_" });
  for (const [name, content] of Object.entries(files)) {
    Deno.mkdirSync(`${path}/${name}`.replace(/\/[^/]*$/, ""), { recursive: true });
    if (typeof content === "string") Deno.writeTextFileSync(`${path}/${name}`, content);
    else Deno.writeFileSync(`${path}/${name}`, content);
  }
  return { path, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}

function script(...args: string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", SCRIPT, ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(PATIENCE_MS),
  }).spawn();
}

async function outputOf(child: Deno.ChildProcess) {
  const { code, stdout, stderr } = await child.output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

/** The ids of all processes for which `matches`, given the folder in /proc, holds. */
function processes(matches: (proc: string) => boolean): number[] {
  return [...Deno.readDirSync("/proc")].map((entry) => Number(entry.name)).filter((pid) => {
    try {
      return pid > 0 && matches(`/proc/${pid}`);
    } catch {
      return false; // It has just ended.
    }
  });
}

function childrenOf(parent: number): number[] {
  return processes((proc) => {
    const stat = Deno.readTextFileSync(`${proc}/stat`);
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]) === parent;
  });
}

/** Workers repeat the script's arguments, so all processes of a run have its folder on their command line. */
function assertNothingRuns(folder: string): void {
  assertEquals(processes((proc) => Deno.readTextFileSync(`${proc}/cmdline`).includes(folder)), []);
}

async function until<T>(what: string, probe: () => T | undefined): Promise<T> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const found = probe();
    if (found !== undefined) return found;
    if (performance.now() > end) throw new Error(`Cannot see ${what} within ${PATIENCE_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Runs the script on `folder` and checks that it fails with this one sentence and leaves nothing behind. */
async function assertFails(folder: string, sentence: string): Promise<void> {
  const { code, stdout, stderr } = await outputOf(script(folder));
  assertEquals({ code, stdout, stderr }, { code: 1, stdout: "", stderr: `${sentence}\n` });
  assertNothingRuns(folder);
}

Deno.test("tokenise takes words in lower case, with their apostrophes and hyphens", () => {
  assertEquals(tokenise("The dog's “tail-end”, e.g. -- 1961 'tis Ünder_score\nÉte\u0301"), [
    ..."the dog's tail-end e g 1961 tis ünder score".split(" "),
    "éte\u0301",
  ]);
  assertEquals(tokenise(" ... \n"), []);
});

Deno.test("tokenise takes the tags off a tagged text, and only there", () => {
  assertEquals(
    tokenise("\tThe/at Atlanta's/np$ 1/2/cd and/or/cc ./.\n", true),
    "the atlanta's 1 2 and or".split(" "),
  );
  assertEquals(tokenise("and/or"), ["and", "or"]);
});

Deno.test("phrasesOf counts two and three words in a row by their stems", () => {
  const counts = phrasesOf(["united", "states", "unite", "states"]);
  assertEquals(
    counts,
    new Map([["unit state", 2], ["state unit", 1], ["unit state unit", 1], ["state unit state", 1]]),
  );
  assertEquals(phrasesOf(["alone"]).size, 0);
});

Deno.test("merge adds, total sums, isEqual compares words and phrases", () => {
  const some = (words: [string, number][], phrases: [string, number][] = []) => ({
    words: new Map(words),
    phrases: new Map(phrases),
  });
  const findings = some([["a", 1], ["b", 2]], [["a b", 3]]);
  merge(findings, pack(some([["b", 3], ["c", 4]], [["a b", 4], ["b c", 3]])));
  merge(findings, pack(nothing()));
  assertEquals(findings, some([["a", 1], ["b", 5], ["c", 4]], [["a b", 7], ["b c", 3]]));
  assertEquals(total(findings.words), 10);
  assert(isEqual(findings, some([["c", 4], ["b", 5], ["a", 1]], [["b c", 3], ["a b", 7]])));
  assert(!isEqual(findings, some([["a", 1], ["b", 5]], [["a b", 7], ["b c", 3]])));
  assert(!isEqual(findings, some([["a", 1], ["b", 5], ["d", 4]], [["a b", 7], ["b c", 3]])));
  assert(!isEqual(findings, some([["a", 1], ["b", 5], ["c", 4]], [["a b", 7], ["b c", 4]])));
});

Deno.test("top is ordered by count, then by word", () => {
  assertEquals(top(new Map([["b", 1], ["c", 2], ["a", 1]]), 2), [["c", 2], ["a", 1]]);
});

Deno.test("filesOf goes into folders, in order, and leaves dot names and linked folders out", () => {
  using folder = folderWith({ "b.txt": "", "a/c.txt": "", ".hidden": "", ".git/x": "" });
  Deno.symlinkSync(folder.path, `${folder.path}/loop`);
  Deno.symlinkSync("b.txt", `${folder.path}/d.txt`);
  assertEquals(filesOf(folder.path), ["a/c.txt", "b.txt", "d.txt"].map((name) => `${folder.path}/${name}`));
});

Deno.test("readText refuses what is not UTF-8 text", () => {
  using folder = folderWith({ good: "\uFEFFé", nul: "a\0b", latin: new Uint8Array([0x63, 0xe9]) });
  assertEquals(readText(`${folder.path}/good`), "é");
  assertThrows(() => readText(`${folder.path}/nul`), CountError, "it is a binary file");
  assertThrows(() => readText(`${folder.path}/latin`), CountError, "it is not UTF-8 text");
});

Deno.test("describeEnd names the worker and the signal", () => {
  const who = { name: "Process-1", pid: 7 };
  assertEquals(describeEnd({ ...who, exitcode: -9 }), 'worker "Process-1" (pid 7) was killed by SIGKILL');
  assertEquals(describeEnd({ ...who, exitcode: -64 }), 'worker "Process-1" (pid 7) was killed by signal 64');
  assertEquals(describeEnd({ ...who, exitcode: 3 }), 'worker "Process-1" (pid 7) ended with exit code 3');
});

Deno.test("the script counts a folder", async () => {
  using folder = folderWith({
    "a.txt": "One two. Two three",
    "b/c.txt": "three; THREE",
    "d.txt": "It goes on. It went on. It goes on and it goes on.",
  });
  const { code, stdout, stderr } = await outputOf(script(folder.path));
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  const lines = stdout.trimEnd().split("\n");
  assertEquals(lines.slice(0, 6).map((line) => line.trim().split(/\s+/)), [
    ["it", "4", "21.05", "%"],
    ["on", "4", "21.05", "%"],
    ["goes", "3", "15.79", "%"],
    ["three", "3", "15.79", "%"],
    ["two", "2", "10.53", "%"],
    ["and", "1", "5.26", "%"],
  ]);
  assertMatch(stdout, /\nphrases of 3 words, by their stems\nit goe on +3 +15\.79 %\n\n19 words/);
  assertStringIncludes(stdout, "\n19 words, 8 of them different, in 3 files\n");
  assertMatch(stdout, /^1 process: +\d+ ms$/m);
  assertMatch(stdout, /^\d+ processes: +\d+ ms, after \d+ ms of starting them$/m);
  assertMatch(stdout, /^speed-up: +\d+\.\d\d, with the start \d+\.\d\d$/m);
  assertMatch(stdout, /^ideal: +\d+\.\d\d, from \d+ processes that share nothing: \d+ ms$/m);
  assertMatch(stdout, /^of the ideal: +\d+\.\d\d$/m);
  assertEquals(lines.at(-1), "results equal");
  assertNothingRuns(folder.path);
});

Deno.test("the script counts the Brown corpus", async () => {
  const { code, stdout } = await outputOf(script());
  assertEquals(code, 0);
  assertMatch(stdout, /^the +69971 /);
  assertStringIncludes(stdout, "\nthe unit state ");
  assertStringIncludes(stdout, "in 500 files\n");
  assertStringIncludes(stdout, "\nresults equal\n");
});

Deno.test("the script refuses a folder that is missing, empty or a file", async () => {
  using folder = folderWith({ "file": "text", "empty/.hidden": "" });
  const path = (name: string) => `${folder.path}/${name}`;
  await assertFails(path("none"), `Cannot read the folder "${path("none")}": No such file or directory`);
  await assertFails(path("file"), `Cannot read the folder "${path("file")}": Not a directory`);
  await assertFails(path("empty"), `Cannot count words: the folder "${path("empty")}" holds no files`);
});

Deno.test("the script refuses a file that is missing behind a link", async () => {
  using folder = folderWith({ "a.txt": "text" });
  Deno.symlinkSync("nowhere", `${folder.path}/b.txt`);
  await assertFails(folder.path, `Cannot read "${folder.path}/b.txt": No such file or directory`);
});

Deno.test("the script refuses a file that a worker cannot read", async () => {
  using folder = folderWith({ "a.txt": "text", "c.txt": "text" });
  Deno.symlinkSync("/proc/self/mem", `${folder.path}/b.txt`); // Unreadable even for root.
  await assertFails(folder.path, `Cannot read "${folder.path}/b.txt": Input/output error`);
});

Deno.test("the script refuses a binary file among texts", async () => {
  using folder = folderWith({ "a.txt": "text", "b.bin": "\x7fELF\0\0", "c.txt": "text" });
  await assertFails(folder.path, `Cannot count the words of "${folder.path}/b.bin": it is a binary file`);
});

// A worker that has read this much has read a whole file, and is counting it.
const TEXT_BYTES = 48 << 20;
const STAGES: [stage: string, isReached: (worker: string) => boolean][] = [
  ["as soon as it exists", () => true],
  ["while it counts", (worker) => {
    const read = Deno.readTextFileSync(`${worker}/io`).match(/^rchar: (\d+)$/m);
    return Number(read?.[1]) >= TEXT_BYTES;
  }],
];

for (const [stage, isReached] of STAGES) {
  Deno.test(`the script ends if a worker is killed ${stage}`, async () => {
    const text = "the quick brown fox ".repeat(TEXT_BYTES / 20 + 1);
    using folder = folderWith({ "a.txt": text, "b.txt": text, "c.txt": text });
    const running = script(folder.path);
    const ended = outputOf(running);
    const worker = await until("a worker", () => childrenOf(running.pid).find((pid) => isReached(`/proc/${pid}`)));
    Deno.kill(worker, "SIGKILL");
    const { code, stdout, stderr } = await ended;
    assertEquals({ code, stdout }, { code: 1, stdout: "" });
    assertMatch(
      stderr,
      new RegExp(`^Cannot go on counting: worker "[^"]+" \\(pid ${worker}\\) was killed by SIGKILL\n$`),
    );
    assertNothingRuns(folder.path);
  });
}
