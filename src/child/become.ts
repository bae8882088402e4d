// A process becomes the one that its parent has described: its facts, its object, and what it may start.

import type { Joined } from "../addon/binding.ts";
import { native } from "../addon/load.ts";
import { shareSelf } from "../addon/self.ts";
import type { Callable } from "../callable/types.ts";
import { setCurrentAuthkey } from "../launch/authkey.ts";
import type { Arguments, Facts } from "../launch/preparation.ts";
import { startSettings } from "../launch/settings.ts";
import { Process } from "../process/process.ts";
import { becomeSelf, Self } from "../process/self.ts";
import type { Work } from "../process/work.ts";
import { current } from "../runtime/current.ts";
import { getLogger, inheritLogger } from "../runtime/logging.ts";

/** Takes over the facts. */
export function become(facts: Facts, { parentPid, parentName }: Joined): void {
  const { name, identity, daemon, initialDirectory, directory, authkey, startMethod } = facts;
  Object.assign(current, { name, identity, daemon, initialDirectory, parent: { pid: parentPid, name: parentName } });
  setCurrentAuthkey(Uint8Array.from(authkey));
  inheritLogger(facts.logger);
  startSettings.method = startMethod;
  shareSelf(native());
  if (directory !== null) native().changeDirectory(directory);
}

/** The object of this process, without the constructor of its class having run. */
export function processOf(Class: Callable, work: Work, state: Arguments["state"]): Process {
  return becomeSelf(Object.assign(Reflect.construct(Process, [new Self(work)], Class), state));
}

/**
 * Runs the process. If its main module starts processes only where it is the main one (`isGuarded`), whatever runs may
 * start some; otherwise only what `run` does may.
 */
export async function runProcess(process: Process | null, isGuarded: boolean): Promise<void> {
  const run = () => {
    getLogger().info("child process calling self.run()");
    return process?.run();
  };
  if (isGuarded) {
    current.mayStart = () => true;
    await run();
    return;
  }
  const { AsyncLocalStorage } = await import("node:async_hooks"); // here, since it takes 6 ms to load
  const inTarget = new AsyncLocalStorage<true>();
  current.mayStart = () => inTarget.getStore() === true;
  await inTarget.run(true, run);
}
