// The command line of a child process, made from the one its parent was started with.
//
// A child is `deno run <the parent's flags> --preload=<entry> <the parent's main module> <the parent's
// arguments>`. The entry is a `data:` module that calls `src/child/main.ts`, which imports the main module as an
// ordinary one: Deno then finds it evaluated, and does not run it again. Measured on Deno 2.9.6, that
// shape (and no other that was tried) gives all of these at once:
//
// - the modules named by literal `import()`s in the entry load without read permission, and a module
//   that is missing or broken fails at its own `import()`, where it can be reported;
// - `import.meta.main` is false in the user's main module, and `Deno.mainModule` and `Deno.args` are
//   the parent's;
// - deno.json, package.json, workspace and lock file are discovered as they were for the parent
//   (a `data:` main module has no configuration at all, one of ours would find our own).

import { ENTRY_PREFIX } from "../runtime/own_modules.ts";
import { hasBytes } from "../runtime/file_urls.ts";

/** What {@linkcode childArguments} needs to know about the parent. */
export interface ParentCommandLine {
  /** The parent's whole command line, as `/proc/self/cmdline` has it (Deno asks for every permission to read it). */
  argv: readonly string[];
  /** The executable to start. */
  execPath: string;
  /** The parent's `Deno.mainModule`; a Worker, which has none, gives `undefined`, and the command line is read. */
  mainModule: string | undefined;
  /** The parent's `Deno.args`. */
  args: readonly string[];
  /** The module the child runs before anything else: see {@linkcode entryModule}. */
  entry: string;
  /**
   * The module the child runs before those of the parent's `--preload`, if there are any: see {@linkcode bootModule}.
   */
  boot?: string;
  /**
   * The directory the parent was started in; relative paths in flags are made absolute with it. If it has bytes that are
   * no text, no flag can name it: then they are left as they are, and the child has to begin there.
   */
  cwd: string;
  /** Flags that take the place of the parent's own permissions: see permissions.ts. */
  permissionFlags?: readonly string[];
  /** Asks for the present state of a permission. Default: `Deno.permissions.querySync`. */
  query?: (descriptor: Deno.PermissionDescriptor) => { state: Deno.PermissionState; partial: boolean };
}

/** How a command of `deno` that runs modules is read. */
interface Command {
  /** Positional arguments end the flags: what follows belongs to the script. */
  scriptEndsFlags: boolean;
  /** The command grants every permission without being asked. */
  allPermissions?: boolean;
  /** A bare `--permission-set` means another set than it would for `deno run`. */
  ownPermissionSet?: boolean;
}

const COMMANDS: Readonly<Record<string, Command>> = {
  run: { scriptEndsFlags: true },
  watch: { scriptEndsFlags: true },
  serve: { scriptEndsFlags: true },
  x: { scriptEndsFlags: true },
  eval: { scriptEndsFlags: true, allPermissions: true },
  repl: { scriptEndsFlags: false, allPermissions: true },
  test: { scriptEndsFlags: false, ownPermissionSet: true },
  bench: { scriptEndsFlags: false, ownPermissionSet: true },
};

const SHORT_FLAGS: Readonly<Record<string, string>> = {
  A: "allow-all",
  P: "permission-set",
  R: "allow-read",
  W: "allow-write",
  N: "allow-net",
  E: "allow-env",
  S: "allow-sys",
  I: "allow-import",
  c: "config",
  L: "log-level",
  q: "quiet",
  r: "reload",
  p: "print",
  u: "update-snapshots",
};

/** Flags that take the next argument as their value when none is attached with `=`. */
const VALUE_FLAGS = new Set([
  ...["config", "import-map", "cert", "ext", "location", "seed", "preload", "import", "require"],
  ...["conditions", "min-dep-age", "minimum-dependency-age", "log-level", "node-modules-linker"],
  ...["inspect-publish-uid", "cpu-prof-dir", "cpu-prof-name", "cpu-prof-interval"],
  ...["filter", "junit-path", "reporter", "retry", "repeats", "shard", "related", "coverage-threshold"],
  ...["port", "host", "eval", "eval-file"],
]);

/** Flags whose value, a path or a URL, is relative to the directory the parent was started in. */
const PATH_FLAGS = new Set([
  ...["config", "import-map", "lock", "cert", "preload", "import", "require", "coverage"],
]);

/**
 * What they mean without a value. It is written out: a bare `--lock` would take a word that follows it for its value,
 * and native/core/src/cage/command_line.rs takes no flag that could.
 */
const DEFAULT_PATHS: Readonly<Record<string, string>> = { coverage: "coverage", lock: "deno.lock" };

/**
 * Flags about the parent alone: watching, debugging, profiling, type-checking, how tests and servers run, and
 * the environment file, whose variables are in the environment that the child is given.
 */
const DROPPED_FLAGS = new Set([
  ...["watch", "watch-hmr", "hmr", "watch-exclude", "no-clear-screen", "reload", "check", "no-check"],
  ...["inspect", "inspect-brk", "inspect-wait", "inspect-publish-uid", "trace-ops", "tunnel", "print"],
  ...["cpu-prof", "cpu-prof-dir", "cpu-prof-name", "cpu-prof-interval", "cpu-prof-md", "cpu-prof-flamegraph"],
  ...["changed", "clean", "coverage-raw-data-only", "coverage-threshold", "doc", "fail-fast", "filter"],
  ...["hide-stacktraces", "ignore", "json", "junit-path", "no-run", "parallel", "permit-no-files", "related"],
  ...["repeats", "reporter", "retry", "sanitize-ops", "sanitize-resources", "shard", "shuffle", "trace-leaks"],
  ...["update-snapshots", "port", "host", "open", "eval", "eval-file", "env-file", "env", "no-prompt"],
]);

/** `import` is missing from Deno's own types. */
export type PermissionName = Deno.PermissionName | "import";

/** Every permission that Deno has. */
export const PERMISSIONS: readonly PermissionName[] = ["read", "write", "net", "env", "sys", "run", "ffi", "import"];

/** How the URL of every boot module begins; native/core/src/cage/entry.rs has the same. */
const BOOT_PREFIX = `${ENTRY_PREFIX}-boot;base64,`;

/** How that of an entry module begins in a process with limited permissions; native/core/src/cage/entry.rs has the same. */
const CAGED_PREFIX = `${ENTRY_PREFIX}-caged;base64,`;
const FREE_PREFIX = `${ENTRY_PREFIX};base64,`;

/** A flag of the command line, without the dashes. */
export interface Flag {
  name: string;
  value?: string;
}

/** What a child that is started before there is work for it does meanwhile. */
export interface AheadOfWork {
  /** URLs of the modules that it imports. */
  preload: readonly string[];
  /** The directory the root was started in. */
  initialDirectory: string;
}

/** Options of {@linkcode entryModule}. */
export interface EntryOptions {
  /** Given if there is no work for it yet. */
  ahead?: AheadOfWork;
  /** Whether it has fewer permissions than its parent. */
  isCaged?: boolean;
}

/**
 * The module a child starts with: it calls `start(loaders)` of `childMain`, where `loaders[url]()` imports
 * the module `url`; or, with `ahead`, `startAhead(loaders, ahead)`. The `import()`s are literal: Deno loads what they
 * name without read permission. native/core/src/cage/entry.rs reads this text and knows its form.
 */
export function entryModule(
  childMain: string,
  modules: readonly string[],
  { ahead, isCaged = false }: EntryOptions = {},
): string {
  const loaders = [...new Set(modules)].map((url) => `${JSON.stringify(url)}:()=>import(${JSON.stringify(url)})`);
  const [start, rest] = ahead === undefined ? ["start", ""] : ["startAhead", `,${JSON.stringify(ahead)}`];
  const source = `import{${start}}from${JSON.stringify(childMain)};await ${start}({${loaders.join()}}${rest})`;
  return (isCaged ? CAGED_PREFIX : FREE_PREFIX) + base64(source);
}

/**
 * The module that a child begins with where the parent has modules that are preloaded, which Deno runs before the entry:
 * what they do, they do in a process that is known as a child.
 */
export function bootModule(childMain: string): string {
  return BOOT_PREFIX + base64(`import{boot}from${JSON.stringify(childMain)};boot()`);
}

function base64(source: string): string {
  const bytes = new TextEncoder().encode(source);
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

/** The paths that `--require` names on a command line, in its order: modules to be run before the main one. */
export function requiredModules(argv: readonly string[]): string[] {
  return parse(argv).flags.flatMap(({ name, value }) => name === "require" && value !== undefined ? [value] : []);
}

/**
 * The command line of a child, executable first: the parent's own flags, whichever command the parent was
 * started with, and never a permission that the parent does not hold at this moment.
 *
 * A set of permissions taken from the configuration file by `--permission-set` is repeated by name; that one
 * of its permissions has been revoked since cannot be seen.
 */
export function childArguments(parent: ParentCommandLine): string[] {
  const { command, flags, script } = parse(parent.argv);
  const isScript = command === COMMANDS.run;
  const kept = flags.filter(({ name, value }) =>
    !DROPPED_FLAGS.has(name) && !isPermission(name) &&
    (name !== "ext" || isScript) &&
    !(name === "preload" && value?.startsWith(ENTRY_PREFIX))
  ).map((flag) => PATH_FLAGS.has(flag.name) ? absolute(flag, parent.cwd) : flag);
  const permissions = parent.permissionFlags ?? permissionFlags(command, flags, parent).map(format);
  return [
    parent.execPath,
    "run",
    ...parent.boot !== undefined && kept.some(({ name }) => name === "preload" || name === "import")
      ? [`--preload=${parent.boot}`]
      : [],
    ...kept.map(format).filter((flag) => !permissions.includes(flag)),
    ...permissions,
    "--no-prompt", // nobody can answer: standard input is the null device
    `--preload=${parent.entry}`,
    parent.mainModule ?? absolutePath(script ?? "$deno$none.mts", parent.cwd), // never run: it need not exist
    ...parent.args,
  ];
}

/** Whether a command line says that the program is started again whenever its files change. */
export function isWatched(argv: readonly string[]): boolean {
  const { command, flags } = parse(argv);
  return command === COMMANDS.watch || flags.some(({ name }) => WATCH_FLAGS.has(name));
}

const WATCH_FLAGS = new Set(["watch", "watch-hmr", "hmr"]);

/** The permission flags of a child that inherits all permissions. */
export function inheritedPermissions(parent: Omit<ParentCommandLine, "entry">): Flag[] {
  const { command, flags } = parse(parent.argv);
  return permissionFlags(command, flags, parent);
}

/** Whether a command line is one of `deno test`, `deno bench` or the REPL, which have more to do than their modules. */
export function isOfRunner(argv: readonly string[]): boolean {
  const { command } = parse(argv);
  return command === COMMANDS.test || command === COMMANDS.bench || command === COMMANDS.repl;
}

/** Splits a command line into the command, its flags and the script, if there is a file; the rest is left out. */
function parse(argv: readonly string[]): { command: Command; flags: Flag[]; script?: string } {
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

/** A flag as it is written. */
export function format({ name, value }: Flag): string {
  return value === undefined ? `--${name}` : `--${name}=${value}`;
}

function isPermission(name: string): boolean {
  return name === "permission-set" || /^(allow|deny|ignore)-/.test(name) && name !== "allow-scripts";
}

/** The permission flags of a child: those of the parent, less what the parent has given up since it started. */
function permissionFlags(
  command: Command,
  flags: readonly Flag[],
  parent: Pick<ParentCommandLine, "cwd" | "query">,
): Flag[] {
  const query = parent.query ?? ((descriptor) => Deno.permissions.querySync(descriptor));
  const holds = (descriptor: Deno.PermissionDescriptor) => {
    try {
      return query(descriptor).state === "granted";
    } catch {
      return false; // a descriptor Deno cannot read is a permission that cannot be shown to be held
    }
  };
  const held = PERMISSIONS.filter((name) => holds({ name } as Deno.PermissionDescriptor));
  const everything: Flag[] = held.length === PERMISSIONS.length
    ? [{ name: "allow-all" }]
    : held.map((name) => ({ name: `allow-${name}` }));

  const given = flags.filter(({ name }) => isPermission(name));
  const limits = given.filter(({ name }) => /^(deny|ignore)-/.test(name)).map((flag) =>
    absoluteItems(flag, parent.cwd)
  );
  const set = given.find(({ name }) => name === "permission-set");
  if (command.ownPermissionSet && set !== undefined && set.value === undefined) {
    // `deno test -P` and `deno bench -P` read other sets than `deno run -P` does: give what is held without exception.
    const whole = held.filter((name) => !query({ name } as Deno.PermissionDescriptor).partial);
    return [...whole.map((name) => ({ name: `allow-${name}` })), ...limits];
  }
  if (command.allPermissions || given.some(({ name }) => name === "allow-all")) return [...everything, ...limits];
  const grants = given.filter(({ name }) => name.startsWith("allow-"))
    .map((flag) => grant(flag, holds, parent.cwd)).filter((flag) => flag !== null);
  return [...(set === undefined ? [] : [set]), ...grants, ...limits];
}

/** One `--allow-…` flag without the items that are no longer held; `null` if nothing is left of it. */
function grant(flag: Flag, holds: (descriptor: Deno.PermissionDescriptor) => boolean, cwd: string): Flag | null {
  const permission = PERMISSIONS.find((name) => flag.name === `allow-${name}`);
  if (permission === undefined) return null;
  if (flag.value === undefined) return holds({ name: permission } as Deno.PermissionDescriptor) ? flag : null;
  const { name, value } = absoluteItems(flag, cwd);
  const items = value!.split(",").filter((item) => holds(descriptor(permission, item)));
  return items.length === 0 ? null : { name, value: items.join() };
}

function descriptor(name: PermissionName, item: string): Deno.PermissionDescriptor {
  switch (name) {
    case "read":
    case "write":
    case "ffi":
      return { name, path: item };
    case "net":
    case "import":
      // Deno cannot be asked about a wildcard or a range: ask about something inside it.
      return { name, host: item.replace("*", "x").replace(/\/\d+$/, "") } as Deno.PermissionDescriptor;
    case "env":
      return { name, variable: item.replace("*", "x") };
    case "sys":
      return { name, kind: item } as Deno.PermissionDescriptor;
    case "run":
      return { name, command: item };
  }
}

function absolute({ name, value }: Flag, cwd: string): Flag {
  const path = value ?? DEFAULT_PATHS[name];
  return path === undefined ? { name } : { name, value: absolutePath(path, cwd) };
}

/**
 * Makes the paths in a comma-separated permission list absolute.
 *
 * @throws {TypeError} If that is impossible, because the directory's own path has a comma: it would cut the list in the
 * wrong place, and `/a,b/c` would mean `/a`. Relative paths would mean something else in another directory.
 */
function absoluteItems(flag: Flag, cwd: string): Flag {
  if (flag.value === undefined) return flag;
  const [, permission] = flag.name.split("-");
  const absolute = (item: string) => {
    const path = absolutePath(item, cwd);
    if (path !== item && cwd.includes(",")) {
      throw new TypeError(
        `Cannot start a process: "--${flag.name}" has the relative path "${item}", and the path of the directory ` +
          `that it is relative to, "${cwd}", has a comma; give an absolute path`,
      );
    }
    return path;
  };
  const items = flag.value.split(",").map((item) => {
    if (["read", "write", "ffi"].includes(permission)) return absolute(item);
    if (permission === "run" && item.includes("/")) return absolute(item);
    if (permission === "net" && item.startsWith("unix:")) return `unix:${absolute(item.slice(5))}`;
    return item;
  });
  return { name: flag.name, value: items.join() };
}

function absolutePath(path: string, cwd: string): string {
  if (hasBytes(cwd)) return path;
  const isUrl = /^[a-z][a-z0-9+.-]+:/i.test(path);
  return isUrl || path.startsWith("/") ? path : `${cwd.replace(/\/$/, "")}/${path.replace(/^(\.\/)+/, "")}`;
}
