// The command line that this process was started with: its words, and which command of Deno it is, with which flags.

import { native } from "../addon/load.ts";
import { translated } from "../addon/translate.ts";
import { InvalidStateError } from "../errors.ts";
import { type Command, COMMANDS, type Flag, SHORT_FLAGS, VALUE_FLAGS, WATCH_FLAGS } from "./flags.ts";

/**
 * The command line as this module found it. Whoever sets `process.title` overwrites it, and may do so before the addon
 * is loaded, which reads it then. Only with all permissions may a program read it without the addon.
 */
const found = read();
let known: readonly string[] | undefined;

/**
 * The command line of this process.
 *
 * @throws {InvalidStateError} If it has been overwritten before it could be read.
 */
export function commandLine(): readonly string[] {
  known ??= [translated(() => native().processArguments()), found ?? []].find(isWhole);
  if (known !== undefined) return known;
  throw new InvalidStateError(
    'Cannot start a process: the command line of this one was overwritten, as `process.title = "…"` does, before ' +
      "multiprocessing was first used; set the title later, or run Deno with -A",
  );
}

function read(): readonly string[] | undefined {
  const names = ["read", "write", "net", "env", "sys", "run", "ffi"] as const;
  if (Deno.build.os !== "linux" || names.some((name) => Deno.permissions.querySync({ name }).state !== "granted")) {
    return;
  }
  try {
    return Deno.readTextFileSync("/proc/self/cmdline").split("\0").slice(0, -1);
  } catch {
    return; // denied in part
  }
}

/** A title is followed by NULs up to the end of what it overwrites; or it fills that, and is a single word. */
function isWhole(words: readonly string[]): boolean {
  const own = Deno.args; // a Worker has them, too
  return words.length > own.length && own.every((word, k) => words[words.length - own.length + k] === word) &&
    words.slice(0, words.length - own.length).every((word) => word !== "") &&
    (words.length > 1 || Deno.build.standalone || words[0].endsWith("deno"));
}

/** A command line, taken apart. */
export interface CommandLine {
  command: Command;
  flags: Flag[];
  /** The script, if there is a file. What follows it is left out. */
  script?: string;
}

/** Takes a command line apart: `argv` is the whole of it, as `/proc/self/cmdline` has it. */
export function parse(argv: readonly string[]): CommandLine {
  const rest = argv.slice(1);
  const flags: Flag[] = [];
  let command: Command | undefined;
  let script: string | undefined;
  while (rest.length > 0) {
    const token = rest.shift()!;
    if (token === "--") break;
    if (token.startsWith("--")) {
      flags.push(longFlag(token.slice(2), rest));
    } else if (token.startsWith("-") && token !== "-") {
      flags.push(...shortFlags(token.slice(1), rest));
    } else if (command === undefined && Object.hasOwn(COMMANDS, token)) {
      command = COMMANDS[token];
    } else if (command === undefined || command.scriptEndsFlags) {
      if (!command?.allPermissions && token !== "-") script = token; // `deno script.ts` means `deno run script.ts`
      break;
    }
  }
  const interactive = argv.length === 1;
  return { command: command ?? COMMANDS[interactive ? "repl" : "run"], flags, script };
}

/** The paths that `--require` names on a command line, in its order: modules to be run before the main one. */
export function requiredModules(argv: readonly string[]): string[] {
  if (!argv.some((word) => word.startsWith("--require"))) return []; // as nearly always
  return parse(argv).flags.flatMap(({ name, value }) => name === "require" && value !== undefined ? [value] : []);
}

/** Whether a command line says that the program is started again whenever its files change. */
export function isWatched(argv: readonly string[]): boolean {
  const { command, flags } = parse(argv);
  return command === COMMANDS.watch || flags.some(({ name }) => WATCH_FLAGS.has(name));
}

/** Whether a command line is one of `deno test`, `deno bench` or the REPL, which have more to do than their modules. */
export function isOfRunner(argv: readonly string[]): boolean {
  const { command } = parse(argv);
  return command === COMMANDS.test || command === COMMANDS.bench || command === COMMANDS.repl;
}

function longFlag(text: string, rest: string[]): Flag {
  const equals = text.indexOf("=");
  if (equals >= 0) return { name: text.slice(0, equals), value: text.slice(equals + 1) };
  const takesNext = VALUE_FLAGS.has(text) || (text === "lock" && rest.length > 0 && !rest[0].startsWith("-"));
  return takesNext ? { name: text, value: rest.shift() } : { name: text };
}

/** Reads a cluster such as `-RE`, `-R=/tmp`, `-cdeno.json` or `-L debug`. */
function shortFlags(cluster: string, rest: string[]): Flag[] {
  const flags: Flag[] = [];
  for (let i = 0; i < cluster.length; i++) {
    const name = SHORT_FLAGS[cluster[i]];
    if (name === undefined) continue;
    const attached = cluster.slice(i + 1);
    if (attached.startsWith("=")) return [...flags, { name, value: attached.slice(1) }];
    if (VALUE_FLAGS.has(name)) return [...flags, { name, value: attached === "" ? rest.shift() : attached }];
    flags.push({ name });
  }
  return flags;
}
