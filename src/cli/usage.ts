// What the command line offers: its commands and their options, the texts that explain them, and the refusals of others.

import { quoted } from "../runtime/harmless.ts";
import { nearest } from "../waiting/nearest.ts";

/** What an option takes: nothing, or a number of milliseconds. */
export type OptionKind = "flag" | "milliseconds";

/** A command. */
export interface Command {
  /** Its arguments, as they are written in the help. */
  readonly operands: string;
  /** In one line. */
  readonly summary: string;
  /** The options that it has, by their names without `--`. */
  readonly options: Readonly<Record<string, readonly [kind: OptionKind, summary: string]>>;
  /** What else the help of this command says. */
  readonly more: string;
}

/** How the program is called in its own texts. */
export const PROGRAM = "multiprocessing";

/** The exit codes, as the help has them. */
const EXIT_CODES = "Exit codes: 0 done, 1 not found or not possible, 2 wrong usage.";

/** The commands by their names. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  top: {
    operands: "[pid]",
    summary: "shows the live process trees of this user, or the one with that process",
    options: {
      interval: ["milliseconds", "the time between two looks, from 100 on; 1000 if absent"],
      once: ["flag", "looks once, also on a terminal"],
      json: ["flag", "prints each look as one line of JSON"],
    },
    more:
      "On a terminal it is shown anew every second until q or Ctrl-C is pressed. Elsewhere it is printed once, unless\n" +
      "there is an --interval.",
  },
  why: {
    operands: "<pid>",
    summary: "explains what a process waits for, and who holds that up",
    options: {
      json: ["flag", "prints the explanation as one line of JSON"],
    },
    more:
      "Each thread's wait is followed from holder to holder to its end: a process that runs, one that is stopped, or\n" +
      "a deadlock.",
  },
  clean: {
    operands: "",
    summary: "removes what processes that are gone have left: sockets, and shared memory that has a name",
    options: {
      "dry-run": ["flag", "says what would be removed, and removes nothing"],
      json: ["flag", "prints the list as one line of JSON"],
    },
    more:
      "These are the sockets of listeners that were killed, and shared memory that belonged to processes of this package\n" +
      "which were killed. What belongs to a process that is alive stays, and so does memory that any process has mapped.",
  },
  help: {
    operands: "[command]",
    summary: "says this, or more of a command",
    options: {},
    more: "",
  },
};

/** What is wrong in a command line. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The help: of a command, or of all. */
export function helpText(command?: string): string {
  if (command !== undefined) return helpOf(command, COMMANDS[command]);
  const commands = Object.entries(COMMANDS).map(([name, { operands, summary }]): [string, string] => [
    `${name} ${operands}`.trim(),
    summary,
  ]);
  return [
    "Looks into running programs that use multiprocessing for Deno.",
    "",
    `Usage: ${PROGRAM} <command> [options]`,
    "",
    "Commands:",
    ...aligned(commands),
    "",
    "Options:",
    ...aligned([["-h, --help", "says this, or more of a command"], ["-V, --version", "says which version this is"]]),
    "",
    EXIT_CODES,
  ].join("\n");
}

function helpOf(name: string, { operands, summary, options, more }: Command): string {
  const listed = Object.entries(options).map(([option, [kind, text]]): [string, string] => [
    `--${option}${kind === "milliseconds" ? " <ms>" : ""}`,
    text,
  ]);
  return [
    `Usage: ${[PROGRAM, name, operands, listed.length > 0 ? "[options]" : ""].filter((it) => it !== "").join(" ")}`,
    "",
    `${summary[0].toUpperCase()}${summary.slice(1)}.`,
    ...(more === "" ? [] : ["", more]),
    ...(listed.length === 0 ? [] : ["", "Options:", ...aligned(listed)]),
    "",
    EXIT_CODES,
  ].join("\n");
}

/** Rows of two columns. */
function aligned(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([first]) => first.length));
  return rows.map(([first, second]) => `  ${first.padEnd(width)}  ${second}`);
}

/** The refusal of a command that there is not. */
export function unknownCommand(given: string): UsageError {
  return new UsageError(
    `Cannot run the command ${quoted(given)}: there is none of that name${hint(given, COMMANDS, "")}`,
  );
}

/** The refusal of an option that a command has not. */
export function unknownOption(command: string, given: string): UsageError {
  const offered = { ...COMMANDS[command].options, help: 0, version: 0 };
  const name = given.replace(/^-+/, "").replace(/=.*$/s, "");
  const what = quoted(given.replace(/=.*$/s, ""));
  return new UsageError(`Cannot run "${command}": it has no option ${what}${hint(name, offered, "--")}`);
}

/** Which name was meant, or else which there are. */
function hint(given: string, names: Readonly<Record<string, unknown>>, prefix: string): string {
  const meant = nearest(given, Object.keys(names));
  if (meant !== undefined) return `; did you mean "${prefix}${meant}"?`;
  return `; there are ${Object.keys(names).map((name) => prefix + name).join(", ")}`;
}
