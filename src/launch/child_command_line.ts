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
import { absolutePath } from "../runtime/paths.ts";
import {
  permission,
  type PermissionName,
  type PermissionQuery,
  PERMISSIONS,
  queryDeno,
} from "../runtime/permissions.ts";
import {
  type Command,
  COMMANDS,
  DEFAULT_PATHS,
  DROPPED_FLAGS,
  type Flag,
  format,
  isPermission,
  PATH_FLAGS,
} from "./flags.ts";
import { parse } from "./own_command_line.ts";

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
  /** Asks for the present state of a permission. Default: Deno is asked. */
  query?: PermissionQuery;
}

/**
 * The command line of a child, executable first: the parent's own flags, whichever command the parent was
 * started with, and never a permission that the parent does not hold at this moment.
 *
 * A set of permissions taken from the configuration file by `--permission-set` is repeated by name; that one
 * of its permissions has been revoked since cannot be seen.
 */
export function childArguments(parent: ParentCommandLine): string[] {
  const flags = childFlags(parent);
  return assembled({
    ...parent,
    ...flags,
    mainModule: parent.mainModule ?? named(parse(parent.argv).script ?? "$deno$none.mts", parent.cwd), // never run: it need not exist
  });
}

/** The flags of a child. */
export interface ChildFlags {
  /** All but those of permissions. */
  readonly flags: readonly string[];
  readonly permissions: readonly string[];
}

/** The flags of a child: its parent's own, and never a permission that this does not hold at this moment. */
export function childFlags(parent: Omit<ParentCommandLine, "entry">): ChildFlags {
  const { command, flags } = parse(parent.argv);
  const isScript = command === COMMANDS.run;
  const kept = flags.filter(({ name, value }) =>
    !DROPPED_FLAGS.has(name) && !isPermission(name) &&
    (name !== "ext" || isScript) &&
    !(name === "preload" && value?.startsWith(ENTRY_PREFIX))
  ).map((flag) => PATH_FLAGS.has(flag.name) ? absolute(flag, parent.cwd) : flag);
  const permissions = parent.permissionFlags ?? permissionFlags(command, flags, parent).map(format);
  return { flags: kept.map(format).filter((flag) => !permissions.includes(flag)), permissions };
}

/** The parts of a child's command line. */
export interface ChildWords extends Pick<ParentCommandLine, "execPath" | "args" | "entry" | "boot">, ChildFlags {
  readonly mainModule: string;
}

/** A command line made of its parts, executable first. */
export function assembled({ execPath, flags, permissions, entry, boot, mainModule, args }: ChildWords): string[] {
  return [
    execPath,
    "run",
    ...boot !== undefined && flags.some((flag) => /^--(preload|import)(=|$)/.test(flag)) ? [`--preload=${boot}`] : [],
    ...flags,
    ...permissions,
    "--no-prompt", // nobody can answer: standard input is the null device
    `--preload=${entry}`,
    mainModule,
    ...args,
  ];
}

/** The permission flags of a child that inherits all permissions. */
export function inheritedPermissions(parent: Omit<ParentCommandLine, "entry">): Flag[] {
  const { command, flags } = parse(parent.argv);
  return permissionFlags(command, flags, parent);
}

/** The permission flags of a child: those of the parent, less what the parent has given up since it started. */
function permissionFlags(
  command: Command,
  flags: readonly Flag[],
  parent: Pick<ParentCommandLine, "cwd" | "query">,
): Flag[] {
  const query = parent.query ?? queryDeno;
  const holds = (descriptor: Deno.PermissionDescriptor) => {
    try {
      return query(descriptor).state === "granted";
    } catch {
      return false; // a descriptor Deno cannot read is a permission that cannot be shown to be held
    }
  };
  const held = PERMISSIONS.filter((name) => holds(permission(name)));
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
    const whole = held.filter((name) => !query(permission(name)).partial);
    return [...whole.map((name) => ({ name: `allow-${name}` })), ...limits];
  }
  if (command.allPermissions || given.some(({ name }) => name === "allow-all")) return [...everything, ...limits];
  const grants = given.filter(({ name }) => name.startsWith("allow-"))
    .map((flag) => grant(flag, holds, parent.cwd)).filter((flag) => flag !== null);
  return [...(set === undefined ? [] : [set]), ...grants, ...limits];
}

/** One `--allow-…` flag without the items that are no longer held; `null` if nothing is left of it. */
function grant(flag: Flag, holds: (descriptor: Deno.PermissionDescriptor) => boolean, cwd: string): Flag | null {
  const granted = PERMISSIONS.find((name) => flag.name === `allow-${name}`);
  if (granted === undefined) return null;
  if (flag.value === undefined) return holds(permission(granted)) ? flag : null;
  const { name, value } = absoluteItems(flag, cwd);
  const items = value!.split(",").filter((item) => holds(permission(granted, inside(granted, item))));
  return items.length === 0 ? null : { name, value: items.join() };
}

/** Something that an item of a list grants: Deno cannot be asked about a wildcard or a range. */
function inside(name: PermissionName, item: string): string {
  const [isNetwork, hasWildcard] = [name === "net" || name === "import", name === "env"];
  const one = isNetwork || hasWildcard ? item.replace("*", "x") : item;
  return isNetwork ? one.replace(/\/\d+$/, "") : one;
}

function absolute({ name, value }: Flag, cwd: string): Flag {
  const path = value ?? DEFAULT_PATHS[name];
  return path === undefined ? { name } : { name, value: named(path, cwd) };
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
    const path = named(item, cwd);
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

/** A path or URL of a flag, absolute where a flag can name the directory that it is relative to. */
function named(path: string, cwd: string): string {
  const isUrl = /^[a-z][a-z0-9+.-]+:/i.test(path);
  return isUrl || hasBytes(cwd) ? path : absolutePath(path, cwd);
}
