// The agent's program: obeys one command line, and says with which code the process is to end.

import { cpuCount } from "../../process/cpu_count.ts";
import { listenForSignals } from "./signals.ts";
import { engineAddressOf, requireEnginePermission } from "../address.ts";
import { bareKey } from "../bare_key.ts";
import { STARTER } from "../hosted.ts";
import { openSession } from "../native_session.ts";
import type { Session } from "../session.ts";
import { Agent, type Entrance, openAmongHosts } from "./agent.ts";
import { statusOf, statusText } from "./status.ts";
import { type AgentOrder, HELP, type Order, readWords, UsageError } from "./words.ts";
import { writeAll } from "../../runtime/standard_output.ts";
import { bytesOf } from "../text.ts";

/** The exit code of a command line that is wrong. */
const WRONG_USAGE = 2;
/** Milliseconds for which the steps of somebody who only looks wait for an engine that is away. */
const PATIENCE = 60_000;
/** The lease of somebody who only looks. */
const VISIT = 30_000;

/** Obeys a command line; gives the exit code: 0 for done, 1 for not possible, 2 for wrong usage. It does not throw. */
export async function runAgent(words: readonly string[]): Promise<number> {
  try {
    return await obey(readWords(words, { variable: (name) => Deno.env.get(name), processors: cpuCount() }));
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) return 0; // nobody reads on, which is no failure
    if (!(error instanceof Error)) throw error;
    console.error(error.message);
    return error instanceof UsageError ? WRONG_USAGE : 1;
  }
}

async function obey(order: Order): Promise<number> {
  switch (order.command) {
    case "help":
      writeAll(`${HELP}\n`);
      return 0;
    case "run":
      return await lend(order);
    case "status": {
      const status = await visit(order.url, statusOf);
      writeAll(order.json ? `${JSON.stringify(status)}\n` : `${statusText(status)}\n`);
      return 0;
    }
    case "drain": {
      const answer = await visit(order.url, (session) => session.look("hosts", "drain", order.host));
      if (answer.refusal === null) return 0;
      throw new Error(`Cannot drain "${order.host}": there is no such host`);
    }
  }
}

/** Opens sessions at an engine, whose steps wait so long for it. */
function opening(
  url: string,
  patience: number,
): { shown: string; url: string; open: (entrance: Entrance) => Session } {
  const address = engineAddressOf(url);
  requireEnginePermission(address);
  const settings = {
    url: address.url,
    shown: address.shown,
    patience,
    maxMessage: 2 ** 29,
    name: "agent",
    host: "",
    pid: Deno.pid,
    beats: true,
  };
  return {
    shown: address.shown,
    url: address.url,
    open: ({ tree, member = 0, begin, lease, durability = "memory" }) =>
      openSession({ ...settings, tree, member, begin, lease, durability }),
  };
}

/** Asks something as a guest among the hosts. */
async function visit<T>(url: string, ask: (session: Session) => Promise<T>): Promise<T> {
  const { open } = opening(url, PATIENCE);
  const session = openAmongHosts(open, VISIT, (lease) => ({ name: "visit", args: ["a visitor", Deno.pid, lease] }));
  try {
    return await ask(session);
  } finally {
    session.close(0);
  }
}

async function lend(order: AgentOrder): Promise<number> {
  const authkey = keyOf(order);
  const agent = new Agent({
    order,
    name: order.name ?? Deno.hostname(),
    authkey,
    ...opening(order.url, Infinity), // what it has to tell of its children is told, however late
    starter: STARTER,
    ready: (text) => writeAll(`${text}\n`),
    say: (text) => console.error(text),
  });
  using _ = listenForSignals(() => agent.stop());
  await agent.ended;
  return 0;
}

/** The key that launches are signed with; `null` for taking any. */
function keyOf({ keyFile, isInsecure }: AgentOrder): Uint8Array | null {
  const text = Deno.env.get("MULTIPROCESSING_AUTHKEY");
  if (keyFile === null && text === undefined) {
    if (isInsecure) return null;
    throw new UsageError(
      "Cannot run the agent: it has no key, so anybody who can write to the engine could run anything here; wanted " +
        "--authkey-file, the variable MULTIPROCESSING_AUTHKEY, or --insecure",
    );
  }
  if (isInsecure) {
    throw new UsageError("Cannot run the agent: it has a key, and is to be --insecure; wanted one of them");
  }
  const key = bareKey(keyFile === null ? bytesOf(text) : Deno.readFileSync(keyFile));
  if (key.length > 0) return key;
  throw new UsageError(`Cannot run the agent: the key${keyFile === null ? "" : ` in "${keyFile}"`} is empty`);
}
