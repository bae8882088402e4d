// The modules that a child imports before its work: those of `--require`, and the parent's main module.

import { load } from "../callable/modules.ts";
import type { ModuleLoader } from "../callable/types.ts";
import { commandLine, requiredModules } from "../launch/own_command_line.ts";
import { current } from "../runtime/current.ts";
import { isFrozen } from "../runtime/freeze.ts";
import { isInNoFile } from "../runtime/own_modules.ts";

/** Imports of modules by URL. */
export type Loaders = Readonly<Record<string, ModuleLoader>>;

/**
 * Runs the modules of `--require`, which Deno runs between those of `--preload`, of which the entry is one, and the main
 * module: too late for a target. It finds them run then.
 */
export async function requireModules(): Promise<void> {
  try {
    const paths = isFrozen() ? [] : requiredModules(knownCommandLine());
    if (paths.length === 0) return;
    current.isPreloading = true;
    const { createRequire } = await import("node:module");
    const requireModule = createRequire(import.meta.url);
    for (const path of paths) requireModule(path);
  } finally {
    current.isPreloading = false;
  }
}

/** The command line of this process; nothing, if it was overwritten before it could be read. */
function knownCommandLine(): readonly string[] {
  try {
    return commandLine();
  } catch {
    return [];
  }
}

/**
 * Imports the parent's main module, as a module that is not the main one. Whether it is loaded then: `deno test` and
 * `deno eval` have a main module that is in no file.
 */
export async function importMain(url: string | null, loaders: Loaders): Promise<boolean> {
  if (url === null || isInNoFile(url)) return false;
  await load(url, loaders);
  return true;
}
