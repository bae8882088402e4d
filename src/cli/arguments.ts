// The command line, read: which command it names, of which process, with which options. What it does not know is refused.

import { parseArgs } from "node:util"; // Deno's own: only this program pays for what it loads
import { quoted } from "../runtime/harmless.ts";
import { COMMANDS, unknownCommand, unknownOption, UsageError } from "./usage.ts";

/** A command line that can be obeyed. */
export interface Order {
  readonly command: "top" | "why" | "clean" | "help" | "version";
  /** Of `top` and `why`: the process. */
  readonly pid?: number;
  /** Of `help`: the command that is to be explained. */
  readonly about?: string;
  /** Of `top`: milliseconds between two looks; absent if none were given. */
  readonly interval?: number;
  readonly once: boolean;
  readonly json: boolean;
  readonly dryRun: boolean;
}

/** An option as it was written. */
interface Given {
  /** Without `--`. */
  readonly name: string;
  /** With `--`, or `-` and a letter. */
  readonly rawName: string;
  readonly value: string | undefined;
}

/** The shortest time between two looks: a look reads files of every process. */
const SHORTEST_INTERVAL = 100;
/** The longest that a timer waits. */
const LONGEST_INTERVAL = 2 ** 31 - 1;

/** What every command has. */
const GENERAL = { help: { type: "boolean", short: "h" }, version: { type: "boolean", short: "V" } } as const;

/**
 * What a command line asks for.
 *
 * @throws {UsageError} If it asks for something that there is not.
 */
export function readArguments(words: readonly string[]): Order {
  const own = Object.values(COMMANDS).flatMap(({ options }) => Object.entries(options));
  const types = own.map(([name, [kind]]) => [name, { type: kind === "flag" ? "boolean" : "string" } as const]);
  const { positionals: [command, ...operands], tokens } = parseArgs({
    args: [...words],
    options: { ...Object.fromEntries(types), ...GENERAL },
    allowPositionals: true,
    strict: false, // what is wrong is said below, with the name that was meant
    tokens: true,
  });
  if (command !== undefined && !Object.hasOwn(COMMANDS, command)) throw unknownCommand(command);
  const given = tokens.filter((it) => it.kind === "option") as Given[];
  const has = (name: string) => given.some((option) => option.name === name);
  const flags = { once: has("once"), json: has("json"), dryRun: has("dry-run") };
  const isAnswered = command !== undefined || has("help") || has("version");
  if (!isAnswered) throw new UsageError("Cannot run: there is no command; see --help");
  for (const option of given) checkOption(command ?? "help", option);
  if (has("help")) return { command: "help", about: command, ...flags };
  if (has("version")) return { command: "version", ...flags };
  return { command: command as Order["command"], ...flags, ...operandsOf(command!, operands), ...intervalOf(given) };
}

function checkOption(command: string, { name, rawName, value }: Given): void {
  const kind = Object.hasOwn(GENERAL, name) ? "flag" : COMMANDS[command].options[name]?.[0];
  if (kind === undefined) throw unknownOption(command, rawName);
  if (kind === "flag" && value !== undefined) {
    throw new UsageError(`Cannot run "${command}": ${rawName} takes no value, but has ${quoted(value)}`);
  }
}

function operandsOf(command: string, operands: readonly string[]): Pick<Order, "pid" | "about"> {
  const most = COMMANDS[command].operands === "" ? 0 : 1;
  if (operands.length > most) {
    throw new UsageError(`Cannot run "${command}": ${quoted(operands[most])} is one argument too many`);
  }
  const [first] = operands;
  if (command === "help") {
    if (first !== undefined && !Object.hasOwn(COMMANDS, first)) throw unknownCommand(first);
    return { about: first };
  }
  if (first !== undefined) return { pid: pidOf(command, first) };
  if (command === "why") throw new UsageError('Cannot run "why": the process is missing; wanted its id: why 4711');
  return {};
}

function pidOf(command: string, text: string): number {
  const pid = Number(text);
  if (/^[1-9]\d*$/.test(text) && pid < 2 ** 31) return pid;
  throw new UsageError(`Cannot run "${command}": ${quoted(text)} is no process; wanted its id, such as 4711`);
}

function intervalOf(given: readonly Given[]): Pick<Order, "interval"> {
  const last = given.findLast(({ name }) => name === "interval");
  if (last === undefined) return {};
  const text = last.value ?? "";
  const ms = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && ms >= SHORTEST_INTERVAL && ms <= LONGEST_INTERVAL) return { interval: ms };
  throw new UsageError(
    `Cannot run "top": --interval is ${quoted(text)}, wanted milliseconds from ${SHORTEST_INTERVAL} ` +
      `to ${LONGEST_INTERVAL}`,
  );
}
