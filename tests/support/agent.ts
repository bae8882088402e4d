// Agents for tests: hosts that lend their slots to trees on an engine, each a program of its own.

import { startProgram } from "./helpers.ts";

/** The program of agents. */
export const AGENT = new URL("../../src/engine/agent.ts", import.meta.url);

/** Options of {@linkcode startAgent}. */
export interface AgentOptions {
  /** Default: 4. */
  slots?: number;
  /** Default: `"east"`. */
  name?: string;
  /** Further arguments. */
  args?: string[];
}

/** An agent that runs. */
export interface Agent extends AsyncDisposable {
  readonly pid: number;
  readonly name: string;
  /** Ends it with a signal; what it leaves is the test's matter. */
  kill(signal?: Deno.Signal): void;
  /** What it has written. */
  output(): string;
}

/** Starts an agent on this machine, and waits until it says that it is ready. It ends, with its children, at the end. */
export async function startAgent(url: string, options: AgentOptions = {}): Promise<Agent> {
  const { slots = 4, name = "east", args = [] } = options;
  const program = startProgram(AGENT, {
    args: ["--url", url, "--slots", `${slots}`, "--name", name, "--insecure", ...args],
    detached: true,
  });
  const ended = program.outcome();
  ended.catch(() => {});
  const failed = ended.then(({ code, stderr }) => {
    throw new Error(`Cannot start the agent: it ended with ${code}: ${stderr}`);
  });
  failed.catch(() => {});
  await Promise.race([program.said("ready"), failed]);
  return {
    pid: program.pid,
    name,
    kill: (signal) => program.kill(signal),
    output: () => program.output,
    async [Symbol.asyncDispose]() {
      try {
        program.kill("SIGTERM");
      } catch {
        // It has ended.
      }
      await ended;
      await program[Symbol.asyncDispose]();
    },
  };
}
