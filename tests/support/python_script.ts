// A script of Python's that runs beside a test and tells by lines how far it is.

import { assert } from "@std/assert";
import { within } from "./helpers.ts";
import type { Python } from "./python.ts";

/** A running script. */
export class PythonScript implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #output: ReadableStreamDefaultReader<string>;
  #text = "";

  constructor(python: Python, script: string, args: readonly string[]) {
    this.#child = new Deno.Command(python.path, {
      args: ["-B", script, ...args],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#output = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** The rest of the next line, which must begin so. */
  async said(begin: string): Promise<string> {
    while (!this.#text.includes("\n")) {
      const { value, done } = await within(this.#output.read(), `a line that begins with ${JSON.stringify(begin)}`);
      assert(!done, `the script has ended after ${JSON.stringify(this.#text)}`);
      this.#text += value;
    }
    const end = this.#text.indexOf("\n");
    const line = this.#text.slice(0, end);
    this.#text = this.#text.slice(end + 1);
    assert(line.startsWith(begin), `the script said ${JSON.stringify(line)}, wanted ${JSON.stringify(begin)}`);
    return line.slice(begin.length).trim();
  }

  /** All that it says until it ends. */
  async rest(): Promise<string> {
    for (;;) {
      const { value, done } = await within(this.#output.read(), "the end of the script");
      if (done) return this.#text;
      this.#text += value;
    }
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.kill();
    } catch {
      // It has ended.
    }
    await this.#output.cancel();
    await this.#child.stdin.close().catch(() => {});
    await this.#child.status;
  }
}
