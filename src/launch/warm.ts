// Warm processes, the parent's half: the start method "forkserver". A warm process is a child that was started before
// there is work for it: Deno has booted, the package and the modules to be preloaded are imported, and its thread
// sleeps in the kernel until it is told what to do. It is used for one process, as any other child. The child's half is
// `startAhead` in child/main.ts; the processes that wait are kept in native/addon/src/warm.rs.

import { CHILD_MAIN, isInNoFile, isOwnModule } from "../runtime/own_modules.ts";
import { childArguments } from "./child_command_line.ts";
import { type AheadOfWork, entryModule } from "./entry.ts";
import { Finalize } from "../runtime/finalize.ts";
import type { StartOptions } from "../addon/binding.ts";
import { native } from "../addon/load.ts";
import { translated } from "../addon/translate.ts";
import { hasBytes, pathOfUrl } from "../runtime/file_urls.ts";
import type { DenoPlan } from "./plan.ts";
import { MAIN, startSettings } from "./settings.ts";

/** How many processes wait, once the start method has been used. */
const COUNT = 2;

/** The modules of targets that a child could not import without having been started with a loader for them. */
const unreadable = new Set<string>();

/**
 * Hands the work, whose `preparation` is in that block, to a warm process, or else to one that `start` starts, and sees to
 * it that others get warm; the id.
 */
export function startFromWarm(
  { launch, isShielded, targetModules, commandLine }: DenoPlan,
  preparation: number,
  start: () => number,
): number {
  const addon = native();
  targetModules.filter(needsLoader).forEach((url) => unreadable.add(url));
  const { mainModule, cwd } = commandLine;
  const main = mainModule === undefined || isInNoFile(mainModule) ? [] : [mainModule];
  const preload = startSettings.preload.flatMap((url) => url === MAIN ? main : [url]);
  const ahead: AheadOfWork = { preload, initialDirectory: cwd };
  const entry = entryModule(CHILD_MAIN, [...main, ...preload, ...unreadable], { ahead });
  const [path, ...words] = childArguments({ ...commandLine, entry });
  const command = JSON.stringify([path, ...words]);
  const options: StartOptions = {
    name: `warm process of ${Deno.pid}`,
    path,
    arguments: words,
    directory: cwd, // the present one may be gone before it has booted; it is told later where to go
    daemon: true, // while it waits it ends with this process
    shielded: false, // the work says so
    stdout: "inherit",
    stderr: "inherit",
  };
  const { name, daemon } = launch;
  const pid = translated(() => addon.giveWork(command, name, daemon, isShielded, preparation)) ?? start();
  endWarmAtExit();
  refill = () => {
    try {
      addon.warmUp(options, command, COUNT);
    } catch {
      // The process that was wanted runs. An error in starting others ahead is reported when one of them is wanted.
    }
  };
  if (addon.warmProcesses().length === 0) refillWarm();
  return pid;
}

let refill: (() => void) | null = null;

/**
 * Sees to it that as many processes wait as should. While one is left that is put off until another process has ended:
 * the boot of Deno would take the processor from the process that was just started.
 */
export function refillWarm(): void {
  refill?.();
  refill = null;
}

/** Whether a child may import the module only by an `import()` that names it. */
function needsLoader(url: string): boolean {
  if (isOwnModule(url) || isInNoFile(url)) return false;
  if (!url.startsWith("file:")) return /^https?:/.test(url);
  const path = pathOfUrl(url);
  // Deno cannot be asked about a path that is no text: only whether everything may be read.
  return Deno.permissions.querySync({ name: "read", path: hasBytes(path) ? undefined : path }).state !== "granted";
}

let finalizer: Finalize | null = null;

/** At a normal exit those that wait are ended and reaped. If this process is killed, they end by themselves. */
function endWarmAtExit(): void {
  finalizer ??= new Finalize(() => native().coolDown(), { priority: 0, name: "warm processes" });
}
