// The permissions of a child: given in the shape of Deno's Worker, checked against this process's own, and written as
// flags of the child's command line. What native code may do in such a child is decided in native/core/src/cage.

import { isOptions } from "../waiting/options.ts";
import { hasBytes, pathOfUrl } from "../runtime/file_urls.ts";
import { absolutePath, withoutDots } from "../runtime/paths.ts";
import { permission, queryDeno } from "../runtime/permissions.ts";
import { inheritedPermissions, type ParentCommandLine } from "./child_command_line.ts";
import { type Flag, format } from "./flags.ts";

/** A permission in {@linkcode ChildPermissions}: all of it, nothing, what this process has, or the listed parts. */
export type Grant<T> = boolean | "inherit" | readonly T[];

/**
 * The permissions of a child, in the shape that Deno's `Worker` takes. A permission that is absent is not granted.
 *
 * Relative paths mean the directory that this process is in when the child is started.
 */
export interface ChildPermissions {
  /** Files and folders that it may read. */
  read?: Grant<string | URL>;
  /**
   * Files and folders that it may write. With the program's own modules among them, it decides what later processes
   * run.
   */
  write?: Grant<string | URL>;
  /** Hosts that it may talk to, as `"example.com"` or `"example.com:443"`. */
  net?: Grant<string>;
  /** Environment variables that it may read and write, as `"HOME"` or `"AWS_*"`. */
  env?: Grant<string>;
  /** What it may learn about the system, as `"hostname"`. */
  sys?: Grant<string>;
  /** Programs that it may run. They are not limited: a child that may run one may do anything. */
  run?: Grant<string | URL>;
  /** Libraries that it may load, besides this package's own. They are not limited: with one, it may do anything. */
  ffi?: Grant<string | URL>;
  /** Hosts that it may import modules from. Without it, it may import what has been downloaded already. */
  import?: Grant<string>;
}

type Name = keyof ChildPermissions;

/** Each permission, and how the items of its list are read. */
const SHAPES: Readonly<Record<Name, "path" | "text" | "program">> = {
  read: "path",
  write: "path",
  net: "text",
  env: "text",
  sys: "text",
  run: "program",
  ffi: "path",
  import: "text",
};
const NAMES = Object.keys(SHAPES) as Name[];

/** What decides about the permissions of a child, besides what is wanted. */
export interface Granting extends Omit<ParentCommandLine, "entry" | "permissionFlags"> {
  /** The name of the child, for messages. */
  name: string;
  /** The directory that this process is in: what relative paths in the permissions mean. */
  directory: string;
  /** The file of the addon, which the child needs. */
  addon: string;
  /** The variable that says where the addon is, if the child needs that. */
  addonVariable?: string;
  /** The hosts of this package and of the program, if they are not in files. */
  hosts: readonly string[];
}

/**
 * Refuses permissions of a wrong shape.
 *
 * @throws {TypeError} If a permission or an item of its list is none that Deno knows.
 */
export function requirePermissions(given: unknown): asserts given is "inherit" | "none" | ChildPermissions | undefined {
  if (given === undefined || given === "inherit" || given === "none") return;
  if (!isOptions(given)) {
    throw wrong(`"permissions" is ${Deno.inspect(given)}, wanted "inherit", "none" or an object of permissions`);
  }
  for (const [name, grant] of Object.entries(given)) {
    if (!Object.hasOwn(SHAPES, name)) {
      throw wrong(`"permissions" has "${name}", wanted ${NAMES.map((name) => `"${name}"`).join(", ")}`);
    }
    if (grant === undefined || typeof grant === "boolean" || grant === "inherit") continue;
    if (!Array.isArray(grant)) {
      throw wrong(`"permissions.${name}" is ${Deno.inspect(grant)}, wanted a boolean, "inherit" or an array`);
    }
    for (const item of grant) requireItem(name as Name, item);
  }
}

/**
 * The flags that give a child these permissions, and no more than this process has at this moment.
 *
 * @throws {Deno.errors.NotCapable} If this process has not all of them itself.
 */
export function childPermissionFlags(wanted: "none" | ChildPermissions, granting: Granting): string[] {
  const wishes = wanted === "none" ? {} : wanted;
  const inherited = inheritedPermissions(granting);
  const grants = NAMES.map((name) => grantOf(name, wishes[name] ?? false, { inherited, granting }));
  const limits = inherited.filter(({ name }) => /^(deny|ignore)-/.test(name));
  const isOffline = wishes.import === undefined || wishes.import === false || isEmpty(wishes.import);
  return [
    ...grants.filter((flag) => flag !== null).map(format),
    ...limits.map(format),
    // An import of what is not there yet is a way to the network.
    ...isOffline ? ["--cached-only"] : [],
  ];
}

interface Context {
  /** The flags of a child that inherits everything. */
  inherited: readonly Flag[];
  granting: Granting;
}

/** The `--allow-` flag of one permission; `null` if nothing is granted. */
function grantOf(name: Name, wish: Grant<string | URL>, context: Context): Flag | null {
  const flag = `allow-${name}`;
  if (wish === true) {
    requireHeld(name, null, context);
    return { name: flag };
  }
  const own = ownGrant(name, context);
  let items: readonly string[];
  // Modules that were downloaded from where this process may import can be used in the child, too.
  if (wish === "inherit" || name === "import" && (wish === false || isEmpty(wish))) {
    if (own === "all") return { name: flag };
    items = own;
  } else {
    items = wish === false ? [] : wish.map((item) => written(name, item, context.granting.directory));
    for (const item of items) requireHeld(name, item, context);
  }
  items = [...new Set([...items, ...needed(name, items, context.granting)])];
  return items.length === 0 ? null : { name: flag, value: items.join() };
}

/** What the child cannot do without. */
function needed(name: Name, items: readonly string[], { addon, addonVariable, hosts }: Granting): readonly string[] {
  if (name === "ffi") return [expressible(addon, "the native addon")];
  if (name === "env" && addonVariable !== undefined) return [addonVariable];
  // A list takes the place of the hosts that Deno knows by itself.
  if (name === "import" && items.length > 0) return hosts;
  return [];
}

function isEmpty(wish: Grant<unknown>): boolean {
  return Array.isArray(wish) && wish.length === 0;
}

/** What a child that inherits a permission gets of it. */
function ownGrant(name: Name, { inherited, granting }: Context): "all" | string[] {
  if (inherited.some((flag) => flag.name === "allow-all")) return "all";
  const flags = inherited.filter((flag) => flag.name === `allow-${name}`);
  if (flags.some(({ value }) => value === undefined)) return "all";
  if (inherited.some((flag) => flag.name === "permission-set")) {
    const { state, partial } = ask(granting, permission(name));
    if (state === "granted" && !partial) return "all";
    if (name === "import") return [];
    throw notCapable(granting, `"${name}" cannot be inherited from the permission set of a configuration file`);
  }
  return flags.flatMap(({ value }) => value!.split(","));
}

/** Fails unless this process has the permission, or that part of it. */
function requireHeld(name: Name, item: string | null, context: Context): void {
  const { granting } = context;
  const what = item === null ? `"${name}"` : `"${name}" for "${item}"`;
  const lacking = notCapable(granting, `this process has no permission ${what} itself`);
  const whole = ask(granting, permission(name));
  // The child repeats this process's --deny flags, so a partial grant that comes from those is safe to pass on. A
  // denial in a configuration file cannot be repeated; then the grant is refused.
  const isVisible = ({ partial }: { partial: boolean }) =>
    !partial || context.inherited.some((flag) => new RegExp(`^(deny|ignore)-${name}$`).test(flag.name));
  if (whole.state === "granted" && isVisible(whole)) {
    if (item === null) return;
    if (isPattern(name, item)) return;
  } else if (item === null) {
    throw lacking;
  }
  if (isPattern(name, item)) {
    // Deno cannot be asked about a pattern: it must be the parent's own.
    const own = ownGrant(name, context);
    if (own === "all" || own.includes(item)) return;
    throw lacking;
  }
  const part = ask(granting, permission(name, item));
  if (part.state !== "granted" || !isVisible(part)) throw lacking;
}

function ask({ query }: Granting, descriptor: Deno.PermissionDescriptor) {
  return (query ?? queryDeno)(descriptor);
}

function isPattern(name: Name, item: string): boolean {
  if (name === "env") return item.endsWith("*");
  return (name === "net" || name === "import") && (item.includes("*") || /\/\d+$/.test(item));
}

/** An item as it is written into the flag. */
function written(name: Name, item: string | URL, directory: string): string {
  const text = item instanceof URL ? pathOfUrl(item) : item;
  const isPath = SHAPES[name] === "path" || SHAPES[name] === "program" && text.includes("/");
  return isPath ? expressible(withoutDots(absolutePath(text, directory)), `"permissions.${name}"`) : text;
}

/** The path, unless no flag could name it: it would name another one, or several. */
function expressible(path: string, where: string): string {
  const wrongIn = path.includes(",")
    ? "a comma"
    : path.includes("\0")
    ? "a NUL"
    : hasBytes(path)
    ? "bytes that are no text"
    : null;
  if (wrongIn === null) return path;
  throw wrong(
    `the path ${Deno.inspect(path)} of ${where} has ${wrongIn}, which Deno's permission flags cannot express`,
  );
}

function requireItem(name: Name, item: unknown): void {
  const place = `"permissions.${name}" has ${Deno.inspect(item)}`;
  if (item instanceof URL && SHAPES[name] !== "text") {
    if (item.protocol !== "file:") throw wrong(`${place}, wanted a path or a file: URL`);
    expressible(pathOfUrl(item), `"permissions.${name}"`);
    return;
  }
  const wanted = SHAPES[name] === "text" ? "a string" : "a string or a URL";
  if (typeof item !== "string" || item === "") throw wrong(`${place}, wanted ${wanted} that is not empty`);
  if (/[,\0]/.test(item)) throw wrong(`${place}: Deno's permission flags cannot express a comma or a NUL`);
  if (name === "env" && item.includes("=")) throw wrong(`${place}, wanted the name of a variable`);
  if ((name === "net" || name === "import") && !HOST.test(item)) throw wrong(`${place}: it is an invalid host`);
  if (Number(item.match(/:(\d+)$/)?.[1] ?? 0) > 65535 && !item.startsWith("vsock:")) {
    throw wrong(`${place}: it has an invalid port`);
  }
  if (isPattern(name, item)) return;
  try {
    // Deno checks the item's syntax here. With --allow-all it accepts anything, so mistakes are found only in processes
    // with fewer permissions.
    queryDeno(permission(name, item));
  } catch (error) {
    throw wrong(`${place}: ${(error as Error).message}`);
  }
}

/** What Deno may take for a host: a name or an address, a port, a range; a local or a virtual socket. */
const HOST = /^(unix:.+|vsock:.+|[\w*.-]+(\/\d+)?(:\d+)?|\[[\da-f:.]+\](\/\d+)?(:\d+)?|[\da-f:.]+(\/\d+)?)$/i;

function wrong(reason: string): TypeError {
  return new TypeError(`Cannot create a process: ${reason}`);
}

function notCapable({ name }: Granting, reason: string): Error {
  return new Deno.errors.NotCapable(`Cannot start "${name}" with those permissions: ${reason}`);
}
