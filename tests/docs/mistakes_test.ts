// What mistakes that users make print, whole: each program of fixtures/mistakes/ is run as a user runs it, and what it
// prints is compared with the text beside it. After a change on purpose, UPDATE=1 writes these texts anew.

import { assertEquals } from "@std/assert";
import { FIXTURES, killTree } from "../support/helpers.ts";
import { ROOT } from "./markdown.ts";
import { makeProject, type Project } from "./project.ts";

const MISTAKES = new URL("mistakes/", FIXTURES);
/** Milliseconds that a program may take, on a busy machine. */
const PATIENCE = 120_000;

/** How a program is run, as its first line says: by Deno with these flags, by the compiler, or by Node.js. */
function commandOf(text: string, path: string): [string, ...string[]] {
  const [, how, flags = "-A"] = text.match(/^\/\/ (check|node|flags: (.*))$/m) ?? [];
  if (how === "check") return [Deno.execPath(), "check", "--quiet", path];
  if (how === "node") return ["node", path];
  return [Deno.execPath(), "run", "--quiet", "--no-prompt", ...flags.split(" "), path];
}

/** What a program prints without what differs from run to run: folders, process ids, and where this package lies. */
function normalised(text: string, { path }: Project): string {
  return text.replaceAll(`file://${path}/`, "").replaceAll(`${path}/`, "")
    .replaceAll(new URL("dist/", ROOT).href, "dist/")
    .replaceAll(/--allow-ffi="[^"]*"/g, '--allow-ffi="…"')
    .replaceAll(/run_main:\d+/g, "run_main:…")
    .replaceAll(/Node\.js \d+\.\d+\.\d+/g, "Node.js …")
    .replaceAll(/PoolWorker-\d+/g, "PoolWorker-…")
    .replaceAll(/\bpid \d+/g, "pid …")
    .replaceAll(/(dist\/[\w.-]+?)(-\w{8})?\.js:\d+:\d+/g, "$1.js:…")
    .replaceAll(/Promise \{.*?(?='\. Reason)/g, "Promise { …") // it may have come true
    .replaceAll(/^Node\.js v.*$/gm, "Node.js v…");
}

/** All that a program prints, and how it ends. */
async function outputOf(name: string): Promise<string> {
  using project = makeProject();
  const text = Deno.readTextFileSync(new URL(name, MISTAKES));
  const path = `${project.path}/${name}`;
  Deno.writeTextFileSync(path, text.replace("DIST/", new URL("dist/", ROOT).href));
  const [command, ...args] = commandOf(text, path);
  const child = new Deno.Command(command, {
    args,
    cwd: project.path,
    env: { NO_COLOR: "1", RUST_BACKTRACE: "0" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const timer = setTimeout(() => killTree(child.pid), PATIENCE);
  const { code, stdout, stderr } = await child.output();
  clearTimeout(timer);
  const printed = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("");
  return `${normalised(printed, project).trimEnd()}\n(exit code ${code})\n`;
}

const programs = [...Deno.readDirSync(MISTAKES)].map(({ name }) => name).filter((name) => /\.m?[tj]s$/.test(name));

for (const name of programs.sort()) {
  Deno.test(`mistakes: what ${name} prints`, async () => {
    const stored = new URL(name.replace(/\.\w+$/, ".txt"), MISTAKES);
    const output = await outputOf(name);
    if (Deno.env.get("UPDATE") === "1") Deno.writeTextFileSync(stored, output);
    assertEquals(output, Deno.readTextFileSync(stored));
  });
}
