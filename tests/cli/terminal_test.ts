// `top` on a terminal: it is shown anew, keeps to the size, ends when it is told to, and leaves the terminal as it was.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { FIXTURES, killTree, startProgram, until } from "../support/helpers.ts";
import { pythons } from "../support/python.ts";

const CLI = new URL("../../cli.ts", import.meta.url).pathname;
const STUCK = new URL("cli/stuck.ts", FIXTURES);
const SCRIPT = new URL("cli/terminal.py", FIXTURES).pathname;

const HOME = "\x1b[H";
/** What takes the terminal, and what gives it back. */
const BEGIN = "\x1b[?1049h\x1b[?25l\x1b[?7l";
const END = "\x1b[?7h\x1b[?25h\x1b[?1049l";

/** A program on a terminal of 24 lines and 80 columns. */
class Terminal implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #orders: WritableStreamDefaultWriter<Uint8Array>;
  readonly #read: Promise<void>;
  #text = "";

  constructor(...args: string[]) {
    this.#child = new Deno.Command(pythons.at(-1)!.path, {
      args: [SCRIPT, Deno.execPath(), "run", "-A", CLI, ...args],
      env: { NO_COLOR: "1", TERM: "xterm" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#orders = this.#child.stdin.getWriter();
    this.#read = this.#follow();
  }

  async #follow(): Promise<void> {
    for await (const text of this.#child.stdout.pipeThrough(new TextDecoderStream())) this.#text += text;
  }

  get text(): string {
    return this.#text;
  }

  /** Its frames so far that are whole, without what steers the terminal. */
  get frames(): string[][] {
    // deno-lint-ignore no-control-regex -- that is meant
    const plain = (text: string) => text.replace(/\x1b\[[\d?;]*[A-Za-z]/g, "").replace(/\r\n$/, "").split(/\r+\n/);
    return this.#text.split(HOME).slice(1, -1).map(plain);
  }

  /** The first frame after those there are now that is as wanted. */
  async frame(what: string, isWanted: (lines: string[]) => boolean): Promise<string[]> {
    const seen = this.frames.length;
    return await until(what, () => this.frames.slice(seen).find(isWanted));
  }

  order(line: string): Promise<void> {
    return this.#orders.write(new TextEncoder().encode(`${line}\n`));
  }

  /** How it ended: the exit code, and whether the terminal is as it was. */
  async end(): Promise<string> {
    await this.#orders.close();
    const [, stderr] = await Promise.all([this.#read, new Response(this.#child.stderr).text(), this.#child.status]);
    return stderr.trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    killTree(this.#child.pid);
    await this.#child.status;
  }
}

const ignore = pythons.length === 0;
if (ignore) console.log("tests/cli/terminal_test.ts is left out: there is no CPython to make a terminal with");

Deno.test({
  name: "top: on a terminal it is shown anew, keeps to the size, and ends with q",
  ignore,
  async fn() {
    await using program = startProgram(STUCK);
    const { main } = JSON.parse(await program.said("pids ")) as Record<string, number>;
    await using terminal = new Terminal("top", `${main}`, "--interval", "100");
    const first = await terminal.frame("a frame", (lines) => lines.some((line) => / first .*"stock"/.test(line)));
    assertMatch(first[0], /^multiprocessing top, \d\d:\d\d:\d\d; q ends$/);
    assert(first.length <= 24 && first.every((line) => line.length <= 80), first.join("\n"));
    await terminal.frame("another frame", () => true);
    await terminal.order("size 10 40");
    const small = await terminal.frame("a smaller frame", (lines) => lines.every((line) => line.length <= 40));
    assertEquals(small.length, 10);
    assertMatch(small[9], /^… \d+ more lines/);
    // It is in no shell that could have it go on, so the system does not stop it.
    await terminal.order("keys \\x1a");
    await until("the terminal given back, and taken again", () => terminal.text.includes(`${END}${BEGIN}`));
    await terminal.frame("a frame behind it", () => true);
    await terminal.order("keys q");
    assertEquals(await terminal.end(), "0 restored");
    assert(terminal.text.includes(BEGIN) && terminal.text.endsWith(END), JSON.stringify(terminal.text.slice(-200)));
  },
});

Deno.test({
  name: "top: on a terminal it says when the watched tree has ended, and Ctrl-C ends it",
  ignore,
  async fn() {
    await using program = startProgram(STUCK);
    const { main } = JSON.parse(await program.said("pids ")) as Record<string, number>;
    await using watching = new Terminal("top", `${main}`, "--interval", "100");
    await using all = new Terminal("top");
    await watching.frame("a frame", (lines) => lines.length > 3);
    program.kill();
    assertEquals(await watching.end(), "0 restored");
    assert(
      watching.text.endsWith(`${END}The tree of process ${main} has ended.\r\n`),
      JSON.stringify(watching.text.slice(-200)),
    );
    await until("a frame of all trees", () => all.text.includes(HOME));
    await all.order("keys \\x03");
    assertEquals(await all.end(), "0 restored");
  },
});
