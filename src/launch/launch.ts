// The parent's half of starting a process: the preparation, the command line, the native start. The child's half is
// child/main.ts.

import { CHILD_MAIN, isInNoFile, isOwnModule } from "../runtime/own_modules.ts";
import { type AuthenticationString, currentAuthkey } from "./authkey.ts";
import { readSource } from "../callable/source.ts";
import type { Given } from "../callable/reference.ts";

import { bootModule, childArguments, entryModule, format, inheritedPermissions } from "./command_line.ts";
import { startFromWarm } from "./warm.ts";
import { current } from "../runtime/current.ts";
import { frozenArguments, isFrozen } from "../runtime/freeze.ts";
import { getLogger } from "../runtime/logging.ts";
import type { OutputKind } from "../addon/binding.ts";
import { addonFile, native } from "../addon/load.ts";
import { translated } from "../addon/translate.ts";
import { commandLine } from "./own_command_line.ts";
import { childPermissionFlags, type ChildPermissions } from "./permissions.ts";
import { hasBytes, pathOfUrl } from "../runtime/file_urls.ts";
import { type Belongings, type Preparation, type ToRun, writePreparation } from "./preparation.ts";
import { discard } from "../reduction/registry.ts";
import { chosenExecutable, type StartMethod } from "./settings.ts";

/** What a process is started with, besides what it has from this one. */
export interface Launch {
  method: StartMethod;
  /** Anything but `"inherit"` needs a process of its own: what is warm has this process's permissions. */
  permissions: "inherit" | "none" | ChildPermissions;
  /** How many bytes of shared memory a child with fewer permissions and its descendants may use. */
  maxSharedMemory?: number;
  preparation:
    & Omit<
      Preparation,
      "mainModule" | "isGuarded" | "initialDirectory" | "directory" | "startMethod" | "authkey" | "logger" | keyof ToRun
    >
    & {
      authkey?: AuthenticationString;
      target: Given | null;
      process: Given | null;
    };
  args: Belongings["args"];
  state: Belongings["state"];
  env?: Record<string, string>;
  cwd?: string | URL;
  stdout: OutputKind;
  stderr: OutputKind;
}

/**
 * Starts a process and returns its id.
 *
 * @throws {TypeError} If an argument cannot be serialised, or no module exports what is to be run.
 * @throws {Deno.errors.NotCapable} If the child is to have permissions that this process has not.
 * @throws What the operating system says against starting it, as the matching `Deno.errors`.
 */
export function launch(
  { method, permissions, maxSharedMemory, preparation, args, state, env, cwd, stdout, stderr }: Launch,
): number {
  if (isFrozen()) requireInherited(permissions);
  const addon = native();
  const main: string | undefined = isFrozen() ? undefined : Deno.mainModule; // undefined in a Worker, too
  // The main module is inside this package only when one of our examples is run; children need not import it.
  const mainModule = main !== undefined && isOwnModule(main) ? undefined : main;
  const initialDirectory = current.initialDirectory ??= translated(() => addon.workingDirectory());
  const authkey = preparation.authkey ?? currentAuthkey();
  const logger = getLogger().state;
  // What is running already cannot be given other streams, another environment, or fewer permissions.
  const isCaged = addon.isCaged();
  const mayBeWarm = method === "forkserver" && env === undefined && stdout === "inherit" && stderr === "inherit" &&
    permissions === "inherit" && !isCaged && !isFrozen();
  const named = cwd === undefined ? undefined : pathOf(cwd);
  // Relative paths in flags stay so where no flag can name the directory: then the child begins there, and is told to go on.
  const isRelative = hasBytes(initialDirectory);
  const goal = mayBeWarm || isRelative ? translated(() => addon.directoryToBeginIn(named)) : null;
  // A child in a cage may be forbidden to go where it is.
  const directory = !mayBeWarm && goal === initialDirectory ? null : goal;
  const facts = {
    ...preparation,
    target: preparation.target?.travel() ?? null,
    process: preparation.process?.travel() ?? null,
    authkey: [...authkey],
    logger,
    mainModule: mainModule ?? null,
    isGuarded: mainModule === undefined || isInNoFile(mainModule) ||
      (readSource(mainModule) ?? "").includes("import.meta.main"),
    initialDirectory,
    directory,
    startMethod: method,
  };
  const parent = {
    argv: commandLine(),
    execPath: executable(),
    mainModule,
    args: Deno.args,
    cwd: initialDirectory,
    boot: bootModule(CHILD_MAIN),
  };
  const { name, daemon, target, process } = preparation;
  const targetModules = [target?.modules ?? [], process?.modules ?? []].flat();
  const modules = [mainModule ?? [], targetModules].flat()
    .filter((url) => !isCaged || addon.mayLoad(url)); // it would be refused; the child says which it misses
  const inherited = isCaged ? inheritedInCage(parent, addonFile().path) : undefined;
  const permissionFlags = permissions === "inherit" ? inherited : childPermissionFlags(permissions, {
    ...parent,
    name,
    directory: translated(() => addon.workingDirectory()),
    addon: addonFile().path,
    addonVariable: addonFile().variable,
    hosts: [CHILD_MAIN, ...modules].filter((url) => /^https?:/.test(url)).map((url) => new URL(url).host),
  });
  const message = writePreparation(facts, { args, state });
  let block: number;
  try {
    block = translated(() => addon.createPreparation(message.bytes, message.attachments));
  } catch (error) {
    discard(message.attachments);
    throw error;
  }
  const start = () => {
    const entry = () => entryModule(CHILD_MAIN, modules, { isCaged: isCaged || permissions !== "inherit" });
    const [path, ...commandLine] = isFrozen()
      ? frozenArguments(parent.execPath, parent.args)
      : childArguments({ ...parent, entry: entry(), permissionFlags });
    return translated(() =>
      addon.startChild({
        name,
        path,
        arguments: commandLine,
        environment: env === undefined ? undefined : Object.entries(env),
        directory: isRelative ? initialDirectory : named,
        daemon,
        maxSharedMemory,
        preparation: block,
        stdout,
        stderr,
      })
    );
  };
  try {
    if (!mayBeWarm) return start();
    return startFromWarm({ parent, childMain: CHILD_MAIN, targetModules, name, daemon, preparation: block, start });
  } finally {
    // The child has its own hold on it from the moment its place is reserved.
    addon.releaseBlock(block);
  }
}

/**
 * The permissions of a child that inherits those of this caged process: it, too, loads the addon, which this process
 * may do no more.
 */
function inheritedInCage(parent: Parameters<typeof inheritedPermissions>[0], addon: string): string[] {
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
  const path = chosenExecutable();
  if (path === null) return translated(() => native().executable());
  if (Deno.permissions.querySync({ name: "run", command: path }).state !== "granted") {
    throw new Deno.errors.NotCapable(
      `Cannot start a process: permission to run the executable that was set, "${path}", is missing; ` +
        `run Deno with --allow-run="${path}"`,
    );
  }
  return path;
}

function pathOf(path: string | URL): string {
  if (typeof path === "string") return path;
  if (path.protocol !== "file:") {
    throw new TypeError(`Cannot start a process in "${path}": wanted a path or a file: URL`);
  }
  return pathOfUrl(path);
}
