// The agent's command line, read: what it is to do, and with which options. What it does not know is refused.

import { parseArgs } from "node:util"; // Deno's own: only this program pays for what it loads
import { quoted } from "../../runtime/harmless.ts";

/** Said of a command line that cannot be obeyed. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** How hosts may get modules. */
export type CodeWay = "same" | "import" | "upload";

/** What an agent is started with. */
export interface AgentOrder {
  readonly command: "run";
  readonly url: string;
  /** How many children at a time. */
  readonly slots: number;
  readonly labels: readonly string[];
  /** The file of the key that launches are signed with; `null`: none was named. */
  readonly keyFile: string | null;
  readonly isInsecure: boolean;
  /** What this host is called; `null`: as the machine. */
  readonly name: string | null;
  readonly allowCode: ReadonlySet<CodeWay>;
  /** Permissions that children may have, where those are to be fewer than the agent's own. */
  readonly grant: readonly string[];
  /** Where uploaded code is kept. */
  readonly cache: string | null;
  /** Milliseconds for which it only drains when it is asked to end. */
  readonly grace: number;
  /** Milliseconds for which it counts as alive without being heard. */
  readonly lease: number;
}

/** What is asked of a running agent, or about all of them. */
export type Order =
  | AgentOrder
  | { readonly command: "status"; readonly url: string; readonly json: boolean }
  | { readonly command: "drain"; readonly url: string; readonly host: string }
  | { readonly command: "help" };

/** What `help` prints. */
export const HELP = `Lends this machine's processors to programs on an engine.

  deno run -A agent.js --url redis://db.example:6379/0 --authkey-file key [options]
  deno run -A agent.js status [--json] --url …    hosts, slots, programs, processes
  deno run -A agent.js drain <host> --url …       that host takes no more, and ends when its last process has

  --url <url>             the engine; or the variable MULTIPROCESSING_URL, which no list of processes shows
  --slots <n>             how many processes at a time (the processors)
  --label <word>          what programs may ask for; may be repeated
  --authkey-file <file>   the key that programs sign with; or the variable MULTIPROCESSING_AUTHKEY
  --insecure              runs whatever whoever can write to the engine wants
  --name <name>           what this host is called (the machine's name)
  --allow-code <ways>     of same,import,upload (all)
  --grant "<flags>"       permissions that processes may have at most, as flags of Deno
  --cache <folder>        where uploaded code is kept
  --grace <time>          how long processes may go on when the agent is to end: 500ms, 10s, 5m (10s)
  --lease <time>          how long it counts as alive without being heard (30s)`;

const OPTIONS = {
  url: { type: "string" },
  slots: { type: "string" },
  label: { type: "string", multiple: true },
  "authkey-file": { type: "string" },
  insecure: { type: "boolean" },
  name: { type: "string" },
  "allow-code": { type: "string" },
  grant: { type: "string" },
  cache: { type: "string" },
  grace: { type: "string" },
  lease: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

const OPTIONS_OF: Readonly<Record<string, readonly string[]>> = {
  run: Object.keys(OPTIONS).filter((name) => name !== "json"),
  status: ["url", "json"],
  drain: ["url"],
};

const CODE_WAYS: readonly CodeWay[] = ["same", "import", "upload"];
const MOST_SLOTS = 100_000;
const LEAST_LEASE = 2_000;
const LONGEST = 2 ** 31 - 1;
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, "": 1 };

/**
 * What a command line asks for. `variables` are those of the environment, `processors` how many there are.
 *
 * @throws {UsageError} If it asks for something that there is not.
 */
export function readWords(
  words: readonly string[],
  { variable, processors }: { variable: (name: string) => string | undefined; processors: number },
): Order {
  const { values, positionals } = parsed(words);
  if (values.help) return { command: "help" };
  const [command = "run", ...operands] = positionals;
  if (!Object.hasOwn(OPTIONS_OF, command)) {
    throw new UsageError(`Cannot run ${quoted(command)}: wanted "status", "drain" or no command; see --help`);
  }
  for (const name of Object.keys(values)) {
    if (!OPTIONS_OF[command].includes(name)) throw new UsageError(`Cannot run "${command}": it has no --${name}`);
  }
  const url = values.url ?? variable("MULTIPROCESSING_URL");
  if (url === undefined || url === "") {
    throw new UsageError("Cannot run the agent: --url is missing, such as --url redis://db.example:6379/0");
  }
  if (operands.length > (command === "drain" ? 1 : 0)) {
    throw new UsageError(`Cannot run "${command}": ${quoted(operands.at(-1)!)} is one argument too many`);
  }
  if (command === "status") return { command, url, json: values.json ?? false };
  if (command === "drain") {
    if (operands.length === 0) throw new UsageError('Cannot run "drain": the host is missing, such as: drain host1');
    return { command, url, host: operands[0] };
  }
  return {
    command: "run",
    url,
    slots: values.slots === undefined ? processors : slotsOf(values.slots),
    labels: (values.label ?? []).map(labelOf),
    keyFile: values["authkey-file"] ?? null,
    isInsecure: values.insecure ?? false,
    name: values.name === undefined ? null : nameOf(values.name),
    allowCode: values["allow-code"] === undefined ? new Set(CODE_WAYS) : codeWaysOf(values["allow-code"]),
    grant: (values.grant ?? "").split(/\s+/).filter((flag) => flag !== "").map(grantOf),
    cache: values.cache ?? null,
    grace: timeOf("grace", values.grace ?? "10s", 0),
    lease: timeOf("lease", values.lease ?? "30s", LEAST_LEASE),
  };
}

function parsed(words: readonly string[]) {
  try {
    // The value of --grant begins with a dash, so it is put behind an equals sign.
    const at = words.indexOf("--grant");
    const args = at < 0 || at === words.length - 1
      ? [...words]
      : [...words.slice(0, at), `--grant=${words[at + 1]}`, ...words.slice(at + 2)];
    return parseArgs({ args, options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new UsageError(`Cannot run the agent: ${(error as Error).message.split(/\.\s/)[0]}; see --help`);
  }
}

function slotsOf(text: string): number {
  const slots = Number(text);
  if (/^\d+$/.test(text) && slots >= 1 && slots <= MOST_SLOTS) return slots;
  throw wrong("slots", text, `a whole number from 1 to ${MOST_SLOTS}`);
}

function labelOf(text: string): string {
  if (/^[\w.:-]{1,64}$/.test(text)) return text;
  throw wrong("label", text, "a word of letters, digits and . : _ -");
}

function nameOf(text: string): string {
  if (/^[^\0-\x20\x7f]{1,64}$/.test(text)) return text;
  throw wrong("name", text, "a name without spaces, of at most 64 letters");
}

function codeWaysOf(text: string): ReadonlySet<CodeWay> {
  const ways = text.split(",");
  if (ways.every((way) => CODE_WAYS.includes(way as CodeWay))) return new Set(ways as CodeWay[]);
  throw wrong("allow-code", text, `some of ${CODE_WAYS.join(",")}`);
}

function grantOf(flag: string): string {
  if (/^--(allow|deny)-[a-z]+(=.+)?$/.test(flag)) return flag;
  throw wrong("grant", flag, "flags such as --allow-read=/data");
}

function timeOf(option: string, text: string, least: number): number {
  const parts = text.match(/^(\d+)(ms|s|m|h|)$/);
  const ms = parts === null ? NaN : Number(parts[1]) * UNITS[parts[2]];
  if (ms >= least && ms <= LONGEST) return ms;
  throw wrong(option, text, `a time${least > 0 ? ` of at least ${least}ms` : ""}, such as 500ms, 10s or 5m`);
}

function wrong(option: string, given: string, wanted: string): UsageError {
  return new UsageError(`Cannot run the agent: --${option} is ${quoted(given)}, wanted ${wanted}`);
}
