// Agents for tests: hosts that lend their slots to trees on an engine, each a program of its own.

import { killTree, until, within } from "./helpers.ts";
import type { Host } from "./hosts.ts";

/** The program of agents. */
export const AGENT: URL = new URL("../../src/engine/agent.ts", import.meta.url);
const KEY = "the key of the tests";

/** What agents of tests take launches with. */
export const AUTHKEY: Uint8Array = new TextEncoder().encode(KEY);

/** Options of {@linkcode startAgent}. */
export interface AgentOptions {
  /** Default: 4. */
  slots?: number;
  /** Default: that of the host, or `"east"`. */
  name?: string;
  /** Where it runs. Default: on this machine itself. */
  host?: Host;
  /** Further arguments. */
  args?: string[];
}

/** An agent that runs. */
export class Agent implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #read: Promise<unknown>;
  #isEnded = false;
  /** What its host is called. */
  readonly name: string;
  /** What it has written so far. */
  output = "";

  constructor(url: string, { slots = 4, host, name = host?.name ?? "east", args = [] }: AgentOptions) {
    this.name = name;
    const line = ["run", "--quiet", "-A", AGENT.href, "--slots", `${slots}`, "--name", name, "--grace", "1s", ...args];
    const [command, rest] = host?.command(Deno.execPath(), ...line) ?? [Deno.execPath(), line];
    this.#child = new Deno.Command(command, {
      args: rest,
      env: { NO_COLOR: "1", MULTIPROCESSING_URL: url, MULTIPROCESSING_AUTHKEY: KEY },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#read = Promise.all([this.#follow(this.#child.stdout), this.#follow(this.#child.stderr)]);
    this.#child.status.then(() => this.#isEnded = true);
  }

  async #follow(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) this.output += text;
  }

  /** The process of the agent. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Waits until it says that it is among the hosts. */
  async ready(): Promise<void> {
    const isReady = () => this.#isEnded || this.output.startsWith("ready");
    await until("the agent to be ready", isReady);
    if (!this.output.startsWith("ready")) throw new Error(`Cannot start the agent: ${this.output}`);
  }

  /** Ends it by a signal; what it leaves is the test's matter. */
  async kill(signal: Deno.Signal = "SIGKILL"): Promise<void> {
    if (!this.#isEnded) this.#child.kill(signal);
    await within(this.#child.status, "the end of the agent");
    await this.#read;
  }

  /** Asks it to end in order, and kills what has not ended then. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.kill("SIGTERM");
    } catch (error) {
      killTree(this.pid);
      await this.kill();
      throw new Error(`Cannot end the agent: ${this.output}`, { cause: error });
    }
  }
}

/** Starts an agent, and waits until it is ready. It ends, with its children, at the end. */
export async function startAgent(url: string, options: AgentOptions = {}): Promise<Agent> {
  const agent = new Agent(url, options);
  try {
    await agent.ready();
  } catch (error) {
    await agent.kill();
    throw error;
  }
  return agent;
}
