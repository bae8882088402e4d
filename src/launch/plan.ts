// What a child gets, decided before anything is started: what it is told, its command line, where it begins, and whether
// it may be one that was started ahead. launch.ts does it.

import { hasManagers } from "../reduction/late_classes.ts";
import { isLate } from "../callable/late.ts";
import type { PythonReference } from "../callable/python_reference.ts";
import type { Given } from "../callable/reference.ts";
import { readSource } from "../callable/source.ts";
import type { OutputKind } from "../addon/binding.ts";
import { addonFile, native } from "../addon/load.ts";
import { translated } from "../addon/translate.ts";
import { current } from "../runtime/current.ts";
import { hasBytes, pathOfUrl } from "../runtime/file_urls.ts";
import { isFrozen } from "../runtime/freeze.ts";
import { getLogger } from "../runtime/logging.ts";
import { CHILD_MAIN, isInNoFile, isOwnModule } from "../runtime/own_modules.ts";
import { type AuthenticationString, currentAuthkey } from "./authkey.ts";
import { inheritedPermissions, type ParentCommandLine } from "./child_command_line.ts";
import { bootModule } from "./entry.ts";
import { format } from "./flags.ts";
import { commandLine } from "./own_command_line.ts";
import { childPermissionFlags, type ChildPermissions } from "./permissions.ts";
import type { Arguments, Facts, ToRun } from "./preparation.ts";
import { type StartMethod, startSettings } from "./settings.ts";

/** What a process is started with, besides what it has from this one. */
export interface Launch extends Arguments {
  method: StartMethod;
  name: string;
  /** The numbers that its default name is made of. */
  identity: number[];
  daemon: boolean;
  /** Absent: the key of this process. */
  authkey?: AuthenticationString;
  /** The function to run. */
  target: Given | null;
  /** The function of Python's to run, in a Python process; `null` for a process of Deno. */
  python: PythonReference | null;
  /** The class of the process object, if that has a `run` of its own. */
  process: Given | null;
  /** Anything but `"inherit"` needs a process of its own: what is warm has this process's permissions. */
  permissions: "inherit" | "none" | ChildPermissions;
  /** How many bytes of shared memory a child with fewer permissions and its descendants may use. */
  maxSharedMemory?: number;
  env?: Record<string, string>;
  cwd?: string | URL;
  stdout: OutputKind;
  stderr: OutputKind;
}

/** What is known of a child's command line, but for its entry module. */
export type CommandLineSoFar = Omit<ParentCommandLine, "entry">;

/** What is decided about a child, whatever it is a process of. */
export interface Plan {
  launch: Launch;
  /** What it is told first. */
  facts: Facts;
  toRun: ToRun;
  /** Whether signals to the whole group are for this process to deal with: a pool's workers and a manager's server, which run
   * modules of this package, end when their pool or manager wants them to. */
  isShielded: boolean;
  /** Where it begins; absent: where this process is. */
  directory: string | undefined;
}

/** All that is decided about a child that is a Deno. */
export interface DenoPlan extends Plan {
  commandLine: CommandLineSoFar;
  /** The modules that it may import whatever it may read, since its entry names them. */
  modules: readonly string[];
  /** Those of them that its target may be in. */
  targetModules: readonly string[];
  /** Whether it has fewer permissions than a process of the user's own. */
  isCaged: boolean;
  /** Whether a process will do that was started ahead. */
  mayBeWarm: boolean;
}

/** What every child is told. */
export function commonFacts({ name, identity, daemon, authkey, method }: Launch) {
  const logger = getLogger().state;
  return { name, identity, daemon, authkey: [...authkey ?? currentAuthkey()], logger, startMethod: method };
}

/**
 * Decides what a child gets that is a Deno.
 *
 * @throws {Deno.errors.NotCapable} If it is to have permissions that this process has not, or the executable that was
 * set may not be run.
 * @throws {TypeError} If `cwd` is no path and no `file:` URL, or a permission cannot be written as a flag.
 */
export function plan(launch: Launch): DenoPlan {
  const { permissions } = launch;
  if (isFrozen()) requireInherited(permissions);
  const addon = native();
  const isInCage = addon.isCaged();
  const mayBeWarm = fitsWarm(launch) && !isInCage;
  const main = mainModule();
  const initialDirectory = current.initialDirectory ??= translated(() => addon.workingDirectory());
  const { begin, goal } = directories(launch, mayBeWarm, initialDirectory);
  const facts: Facts = {
    ...commonFacts(launch),
    mainModule: main ?? null,
    isGuarded: main === undefined || isInNoFile(main) || (readSource(main) ?? "").includes("import.meta.main"),
    initialDirectory,
    directory: goal,
    hasManagers: hasManagers(),
  };
  const toRun: ToRun = { target: launch.target?.travel() ?? null, process: launch.process?.travel() ?? null };
  const parent: CommandLineSoFar = {
    argv: commandLine(),
    execPath: executable(),
    mainModule: main,
    args: Deno.args,
    cwd: initialDirectory,
    boot: bootModule(CHILD_MAIN),
  };
  const targetModules = [launch.target?.modules ?? [], launch.process?.modules ?? []].flat();
  const modules = [main ?? [], targetModules].flat()
    .filter((url) => !isInCage || addon.mayLoad(url)); // it would be refused; the child says which it misses
  return {
    launch,
    facts,
    toRun,
    commandLine: { ...parent, permissionFlags: permissionFlags(launch, parent, modules) },
    modules,
    targetModules,
    isCaged: isInCage || permissions !== "inherit",
    isShielded: toRun.target !== null && !isLate(toRun.target) && isOwnModule(toRun.target.module),
    mayBeWarm,
    directory: begin,
  };
}

/** Whether a process that is running already could be told all that is wanted. Streams, environment and permissions cannot. */
function fitsWarm({ method, env, stdout, stderr, permissions }: Launch): boolean {
  return method === "forkserver" && env === undefined && stdout === "inherit" && stderr === "inherit" &&
    permissions === "inherit" && !isFrozen();
}

/**
 * The main module, which children import, too. There is none in a Worker or a compiled program. One inside this package
 * is the main module only when one of our examples is run; it has nothing of the user's, so children need not import it.
 */
function mainModule(): string | undefined {
  const main: string | undefined = isFrozen() ? undefined : Deno.mainModule;
  return main !== undefined && isOwnModule(main) ? undefined : main;
}

/**
 * The directory that a child begins in, and the one that it goes to when it has begun, `null` if it is to stay. They
 * differ for a warm process, which is running already; and where the initial directory has bytes that are no text, so that
 * no flag can name it: then relative paths in flags stay relative, and the child begins there.
 */
function directories(
  { cwd }: Launch,
  mayBeWarm: boolean,
  initialDirectory: string,
): { begin: string | undefined; goal: string | null } {
  const wanted = cwd === undefined ? undefined : pathOf(cwd);
  const isRelative = hasBytes(initialDirectory);
  if (!mayBeWarm && !isRelative) return { begin: wanted, goal: null };
  const goal = translated(() => native().directoryToBeginIn(wanted));
  return {
    begin: isRelative ? initialDirectory : wanted,
    // A child in a cage may be forbidden to go where it is.
    goal: !mayBeWarm && goal === initialDirectory ? null : goal,
  };
}

/** The permissions of a child as flags; `undefined` if they are this process's own, as its command line has them. */
function permissionFlags(
  { name, permissions }: Launch,
  parent: CommandLineSoFar,
  modules: readonly string[],
): string[] | undefined {
  if (permissions === "inherit") return native().isCaged() ? inheritedInCage(parent, addonFile().path) : undefined;
  const addon = addonFile();
  return childPermissionFlags(permissions, {
    ...parent,
    name,
    directory: translated(() => native().workingDirectory()),
    addon: addon.path,
    addonVariable: addon.variable,
    hosts: [CHILD_MAIN, ...modules].filter((url) => /^https?:/.test(url)).map((url) => new URL(url).host),
  });
}

/**
 * The permissions of a child that inherits those of this caged process: it, too, loads the addon, which this process
 * may do no more.
 */
function inheritedInCage(parent: CommandLineSoFar, addon: string): string[] {
  const flags = inheritedPermissions(parent).map(format);
  const prefix = "--allow-ffi";
  if (flags.includes(prefix) || flags.includes("--allow-all")) return flags;
  const libraries = flags.find((flag) => flag.startsWith(`${prefix}=`))?.slice(prefix.length + 1).split(",") ?? [];
  return [
    ...flags.filter((flag) => !flag.startsWith(`${prefix}=`)),
    `${prefix}=${[...new Set([...libraries, addon])].join()}`,
  ];
}

/** Refuses what a process of a program made by `deno compile` could not do. */
function requireInherited(permissions: Launch["permissions"]): void {
  if (permissions === "inherit") return;
  throw new Deno.errors.NotSupported(
    "Cannot start a process with permissions of its own: those of a compiled program are fixed when it is made",
  );
}

/** The program that a child is. */
function executable(): string {
  const path = startSettings.executable;
  if (path === null) return translated(() => native().executable());
  if (Deno.permissions.querySync({ name: "run", command: path }).state !== "granted") {
    throw new Deno.errors.NotCapable(
      `Cannot start a process: permission to run the executable that was set, "${path}", is missing; ` +
        `run Deno with --allow-run="${path}"`,
    );
  }
  return path;
}

/** The path of a working directory. */
export function pathOf(path: string | URL): string {
  if (typeof path === "string") return path;
  if (path.protocol !== "file:") {
    throw new TypeError(`Cannot start a process in "${path}": wanted a path or a file: URL`);
  }
  return pathOfUrl(path);
}
