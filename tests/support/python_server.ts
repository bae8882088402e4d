// A manager's server in Python, as a program of its own.

import { assert } from "@std/assert";
import { within } from "./helpers.ts";
import type { Python } from "./python.ts";

const FOLDER = new URL("../fixtures/managers/", import.meta.url);

/** Where it listens. */
export type ServerAddress = string | [string, number];

/** One that runs. It ends with the process that has started it, since that holds its standard input. */
export class PythonServer implements AsyncDisposable {
  readonly python: Python;
  address!: ServerAddress;
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: ReadableStreamDefaultReader<string>;
  #text = "";

  private constructor(python: Python, address: ServerAddress, key: string, script: string) {
    this.python = python;
    const path = new URL(script, FOLDER).pathname;
    const args = ["-B", path, typeof address === "string" ? "AF_UNIX" : "AF_INET", JSON.stringify(address), key];
    this.#child = new Deno.Command(python.path, { args, stdin: "piped", stdout: "piped", stderr: "inherit" }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#lines = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Starts one, which listens when this is fulfilled. */
  static async start(
    python: Python,
    address: ServerAddress,
    key: string,
    script = "python_server.py",
  ): Promise<PythonServer> {
    const server = new PythonServer(python, address, key, script);
    server.address = JSON.parse(await server.line());
    return server;
  }

  /** Its next line of output. */
  async line(): Promise<string> {
    while (!this.#text.includes("\n")) {
      const { value, done } = await within(this.#lines.read());
      assert(!done, `the server has ended after ${JSON.stringify(this.#text)}`);
      this.#text += value;
    }
    const [line, ...rest] = this.#text.split("\n");
    this.#text = rest.join("\n");
    return line;
  }

  /** How many objects it has, as it says itself. */
  async objects(): Promise<number> {
    await this.#input.write(new TextEncoder().encode("objects\n"));
    return Number(await this.line());
  }

  /** Closes its standard input, by which it ends. */
  async end(): Promise<void> {
    await this.#input.close();
  }

  /** Keeps it from doing anything. */
  stop(): void {
    this.#child.kill("SIGSTOP");
  }

  /** Ends it at once. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.kill();
    } catch {
      // It has ended.
    }
    await this.#input.close().catch(() => {});
    await this.#lines.cancel();
    await this.#child.status;
  }
}
