// The flags of Deno's commands: which there are, and what becomes of each on the command line of a child.

/** How a command of `deno` that runs modules is read. */
export interface Command {
  /** Positional arguments end the flags: what follows belongs to the script. */
  scriptEndsFlags: boolean;
  /** The command grants every permission without being asked. */
  allPermissions?: boolean;
  /** A bare `--permission-set` means another set than it would for `deno run`. */
  ownPermissionSet?: boolean;
}

/** The commands of `deno` that run modules. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  run: { scriptEndsFlags: true },
  watch: { scriptEndsFlags: true },
  serve: { scriptEndsFlags: true },
  x: { scriptEndsFlags: true },
  eval: { scriptEndsFlags: true, allPermissions: true },
  repl: { scriptEndsFlags: false, allPermissions: true },
  test: { scriptEndsFlags: false, ownPermissionSet: true },
  bench: { scriptEndsFlags: false, ownPermissionSet: true },
};

/** The long names of flags of one letter. */
export const SHORT_FLAGS: Readonly<Record<string, string>> = {
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
export const VALUE_FLAGS = new Set([
  ...["config", "import-map", "cert", "ext", "location", "seed", "preload", "import", "require"],
  ...["conditions", "min-dep-age", "minimum-dependency-age", "log-level", "node-modules-linker"],
  ...["inspect-publish-uid", "cpu-prof-dir", "cpu-prof-name", "cpu-prof-interval"],
  ...["filter", "junit-path", "reporter", "retry", "repeats", "shard", "related", "coverage-threshold"],
  ...["port", "host", "eval", "eval-file"],
]);

/** Flags whose value, a path or a URL, is relative to the directory the parent was started in. */
export const PATH_FLAGS = new Set([
  ...["config", "import-map", "lock", "cert", "preload", "import", "require", "coverage"],
]);

/**
 * What they mean without a value. It is written out: a bare `--lock` would take a word that follows it for its value,
 * and native/core/src/cage/command_line.rs takes no flag that could.
 */
export const DEFAULT_PATHS: Readonly<Record<string, string>> = { coverage: "coverage", lock: "deno.lock" };

/**
 * Flags about the parent alone: watching, debugging, profiling, type-checking, how tests and servers run, and
 * the environment file, whose variables are in the environment that the child is given.
 */
export const DROPPED_FLAGS = new Set([
  ...["watch", "watch-hmr", "hmr", "watch-exclude", "no-clear-screen", "reload", "check", "no-check"],
  ...["inspect", "inspect-brk", "inspect-wait", "inspect-publish-uid", "trace-ops", "tunnel", "print"],
  ...["cpu-prof", "cpu-prof-dir", "cpu-prof-name", "cpu-prof-interval", "cpu-prof-md", "cpu-prof-flamegraph"],
  ...["changed", "clean", "coverage-raw-data-only", "coverage-threshold", "doc", "fail-fast", "filter"],
  ...["hide-stacktraces", "ignore", "json", "junit-path", "no-run", "parallel", "permit-no-files", "related"],
  ...["repeats", "reporter", "retry", "sanitize-ops", "sanitize-resources", "shard", "shuffle", "trace-leaks"],
  ...["update-snapshots", "port", "host", "open", "eval", "eval-file", "env-file", "env", "no-prompt"],
]);

/** Flags that say that the program is started again whenever its files change. */
export const WATCH_FLAGS = new Set(["watch", "watch-hmr", "hmr"]);

/** A flag of the command line, without the dashes. */
export interface Flag {
  name: string;
  value?: string;
}

/** A flag as it is written. */
export function format({ name, value }: Flag): string {
  return value === undefined ? `--${name}` : `--${name}=${value}`;
}

/** Whether a flag is about what the program may do. */
export function isPermission(name: string): boolean {
  return name === "permission-set" || /^(allow|deny|ignore)-/.test(name) && name !== "allow-scripts";
}
