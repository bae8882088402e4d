// Real CPython at the other end.

import { parentProcess } from "@parallel/multiprocessing";
import { PATIENCE } from "./helpers.ts";

const PEER = new URL("../fixtures/connection/python_peer.py", import.meta.url).pathname;

/** A CPython of this machine. */
export interface Python {
  readonly path: string;
  /** As `[3, 12]`. */
  readonly version: readonly [number, number];
}

/** A CPython of each minor version from 3.8 on that is in PATH or under ~/.pyenv. */
export const picklers: readonly Python[] = findPythons();

/** As above, from 3.9 on: what our connections and managers talk with. */
export const pythons: readonly Python[] = picklers.filter((python) => isFrom(python, 9));

/** Whether a version is `minor` of Python 3 or later. */
export function isFrom({ version }: Python, minor: number): boolean {
  return version[0] > 3 || (version[0] === 3 && version[1] >= minor);
}

function findPythons(): Python[] {
  // A process that a test has started runs the test's module again, and has no use for them: to ask each takes seconds.
  if (parentProcess() !== null) return [];
  const found = new Map<string, Python>();
  for (const path of candidates()) {
    const version = versionOf(path);
    if (version === null || version[0] !== 3 || version[1] < 8) continue;
    const name = version.join(".");
    if (!found.has(name)) found.set(name, { path, version });
  }
  return [...found.values()].sort((a, b) => a.version[1] - b.version[1]);
}

function* candidates(): Generator<string> {
  const home = `${Deno.env.get("HOME")}/.pyenv/versions`;
  try {
    for (const { name } of Deno.readDirSync(home)) yield `${home}/${name}/bin/python3`;
  } catch {
    // No pyenv.
  }
  for (const folder of (Deno.env.get("PATH") ?? "").split(":")) {
    yield `${folder}/python3`;
    for (let minor = 8; minor <= 14; minor++) yield `${folder}/python3.${minor}`;
  }
}

function versionOf(path: string): [number, number] | null {
  try {
    const args = ["-c", "import sys; print(*sys.version_info[:2], sys.implementation.name)"];
    const { success, stdout } = new Deno.Command(path, { args, stderr: "null" }).outputSync();
    const [major, minor, implementation] = new TextDecoder().decode(stdout).trim().split(" ");
    return success && implementation === "cpython" ? [Number(major), Number(minor)] : null;
  } catch {
    return null;
  }
}

/** What a {@linkcode Peer} does. */
export interface PeerOptions {
  role: "listener" | "client";
  family: "AF_INET" | "AF_UNIX";
  address: unknown;
  key: string | null;
  /** Echo what comes, or send messages of these sizes and check their echo. */
  then: "echo" | readonly number[];
}

/** A CPython that is one end of a connection. */
export class Peer implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  #text = "";

  constructor(python: Python, { role, family, address, key, then }: PeerOptions) {
    const rest = then === "echo" ? ["echo"] : ["send", ...then.map(String)];
    this.#child = new Deno.Command(python.path, {
      args: [PEER, role, family, JSON.stringify(address), key ?? "-", ...rest],
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#lines = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Its next line of output; a peer that is silent for too long is killed. */
  async line(): Promise<string> {
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), PATIENCE);
    try {
      while (!this.#text.includes("\n")) {
        const { value, done } = await this.#lines.read();
        if (done) throw new Error(`Cannot read a line: the peer has ended after ${JSON.stringify(this.#text)}`);
        this.#text += value;
      }
    } finally {
      clearTimeout(timer);
    }
    const end = this.#text.indexOf("\n");
    const line = this.#text.slice(0, end);
    this.#text = this.#text.slice(end + 1);
    return line;
  }

  /** The address of a listener. */
  async address(): Promise<string | [string, number]> {
    return JSON.parse((await this.line()).replace(/^address /, ""));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#lines.cancel();
    await this.#child.status;
  }
}
