// The options of a process, and the checks of them.

import type { AnyFunction, ArgumentLists, ArgumentsOf, KwargsOf, Presence } from "../callable/arguments.ts";
import type { ModuleExport } from "../callable/types.ts";
import { isOptions, requireKnown } from "../waiting/options.ts";
import { type ChildPermissions, requirePermissions } from "../launch/permissions.ts";

/** Options of a process whose target is named by its module: they depend on no type. */
export type NamedProcessOptions = ProcessSettings & { target: ModuleExport };

/**
 * Options of {@linkcode Process} with a target that takes `A`. The rest is inferred: `F` is the target, whose overloads
 * count, too, and `K` says whether there are `kwargs`.
 */
export type ProcessOptions<
  A extends readonly unknown[] = [],
  F extends AnyFunction = (...args: A) => unknown,
  K extends void = undefined,
> =
  & ProcessSurroundings
  & ProcessWork<A, F, K>
  & ProcessArguments<A | ArgumentLists<F>, K>;

/** What a process runs. The module's export is read-only so that it is not what `F` could be. */
export interface ProcessWork<A extends readonly unknown[], F extends AnyFunction, K extends void> {
  /** The function that the process runs. A module must export it; see {@linkcode ModuleExport} for the rest. */
  target?: (F & ((...args: A) => unknown)) | Readonly<ModuleExport>;
  /** Given as one last argument. */
  kwargs?: KwargsOf<A | ArgumentLists<F>> | Presence<K>;
}

/** What the target is called with: `args`, which may be absent if it needs none. */
export type ProcessArguments<L, K extends void> = [] extends ArgumentsOf<L, K> ? { args?: ArgumentsOf<L, K> }
  : { args: ArgumentsOf<L, K> };

/** Options of {@linkcode Process}, whatever its target takes. */
export interface ProcessSettings extends ProcessSurroundings {
  /** The function that the process runs. A module must export it; see {@linkcode ModuleExport} for the rest. */
  target?: unknown;
  /** What the function is called with. Anything that can be serialised, and shared objects. */
  args?: readonly unknown[];
  /** Given as one last argument. */
  kwargs?: object;
}

/** Options of a process that do not depend on what it runs. */
export interface ProcessSurroundings {
  /** For messages. Default: the name of the class and a number, such as `Process-1`, or `Process-1:2` for the second
   * child of `Process-1`. */
  name?: string;
  /** Whether it ends when this process does. Default: as this process. A daemon has no children. */
  daemon?: boolean;
  /**
   * What it may do: all that this process may (`"inherit"`, the default), nothing (`"none"`), or what is listed, in the
   * shape that Deno's `Worker` takes. Never more than this process may.
   */
  permissions?: "inherit" | "none" | ChildPermissions;
  /**
   * How many bytes of shared memory it may use together with its descendants: arrays, values, queues, messages that were
   * not yet received. Only with `permissions`; its own children share it. Default: 1 GiB, or a sixteenth of all shared
   * memory if that is less. An allocation beyond it is refused with a RangeError.
   */
  maxSharedMemory?: number;
  /** Replaces the environment variables. */
  env?: Record<string, string>;
  /** The working directory. Default: this process's. */
  cwd?: string | URL;
  /** Where its standard output goes; `"piped"` is to be read from {@linkcode Process.stdout}. Default: `"inherit"`. */
  stdout?: "inherit" | "null" | "piped";
  /** Where its standard error goes; `"piped"` is to be read from {@linkcode Process.stderr}. Default: `"inherit"`. */
  stderr?: "inherit" | "null" | "piped";
}

/** Whether a process can have that name. Shared memory has it as a text that ends with NUL. */
export function isName(name: unknown): name is string {
  return typeof name === "string" && !name.includes("\0");
}

const KNOWN = [
  "target",
  "args",
  "kwargs",
  "name",
  "daemon",
  "permissions",
  "maxSharedMemory",
  "env",
  "cwd",
  "stdout",
  "stderr",
];

/** Refuses options that types would have refused; unknown ones, too: a misspelt `permissions` would give them all. */
export function requireProcessOptions(options: ProcessSettings): void {
  requireKnown("create a process", options, KNOWN);
  const { args, kwargs, name, daemon, env, cwd, stdout, stderr } = options;
  const check = (isGood: boolean, option: string, given: unknown, wanted: string) => {
    if (isGood || given === undefined) return;
    throw new TypeError(`Cannot create a process: "${option}" is ${Deno.inspect(given)}, wanted ${wanted}`);
  };
  const isStream = (given: unknown) => given === "inherit" || given === "null" || given === "piped";
  requirePermissions(options.permissions);
  requireSharedMemory(options);
  check(Array.isArray(args), "args", args, "an array");
  check(isName(name), "name", name, "a string without NUL");
  check(typeof daemon === "boolean", "daemon", daemon, "a boolean");
  const isObject = (given: unknown) => typeof given === "object" && given !== null && !Array.isArray(given);
  const isEnvironment = isOptions(env) && Object.values(env!).every((it) => typeof it === "string");
  check(isObject(kwargs), "kwargs", kwargs, "an object");
  check(isEnvironment, "env", env, "an object of strings");
  check(Object.keys(env ?? {}).every((it) => /^[^=]+$/.test(it)), "env", env, 'names without "="');
  check(Object.entries(env ?? {}).every((it) => !it.join().includes("\0")), "env", env, "texts without NUL");
  const isPath = cwd instanceof URL ? cwd.protocol === "file:" : typeof cwd === "string" && !cwd.includes("\0");
  check(isPath, "cwd", cwd, "a path without NUL, or a file: URL");
  check(isStream(stdout), "stdout", stdout, '"inherit", "null" or "piped"');
  check(isStream(stderr), "stderr", stderr, '"inherit", "null" or "piped"');
}

function requireSharedMemory({ maxSharedMemory: given, permissions = "inherit" }: ProcessSettings): void {
  if (given === undefined) return;
  const wanted = (what: string) =>
    `Cannot create a process: "maxSharedMemory" is ${Deno.inspect(given)}, wanted ${what}`;
  if (typeof given !== "number") throw new TypeError(wanted("a number of bytes"));
  if (!Number.isSafeInteger(given) || given < 0) throw new RangeError(wanted("an integer >= 0"));
  if (permissions === "inherit") {
    throw new TypeError(
      'Cannot create a process: "maxSharedMemory" is only for one with "permissions" of its own; any other may use all',
    );
  }
}
