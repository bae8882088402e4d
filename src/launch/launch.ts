// The parent's half of starting a process: it is planned, what the child is told is written down, and it is started. The
// child's half is child/main.ts.

import { native } from "../addon/load.ts";
import { translated } from "../addon/translate.ts";
import { discard } from "../reduction/registry.ts";
import { frozenArguments, isFrozen } from "../runtime/freeze.ts";
import { CHILD_MAIN } from "../runtime/own_modules.ts";
import { childArguments } from "./child_command_line.ts";
import { entryModule } from "./entry.ts";
import { type DenoPlan, type Launch, type Plan, plan } from "./plan.ts";
import { writePreparation } from "./preparation.ts";
import { planPython } from "./python.ts";
import { startFromWarm } from "./warm.ts";

/**
 * Starts a process and returns its id.
 *
 * @throws {TypeError} If an argument cannot be serialised, or no module exports what is to be run.
 * @throws {Deno.errors.NotCapable} If the child is to have permissions that this process has not.
 * @throws What the operating system says against starting it, as the matching `Deno.errors`.
 */
export function launch(wanted: Launch): number {
  if (wanted.python !== null) {
    const planned = planPython(wanted, wanted.python);
    return prepared(planned, (preparation) => start(planned, planned.words, preparation));
  }
  const planned = plan(wanted);
  return prepared(planned, (preparation) => {
    const startNow = () => start(planned, commandLineOf(planned), preparation);
    return planned.mayBeWarm ? startFromWarm(planned, preparation, startNow) : startNow();
  });
}

/** Writes down what the child is told, for `start`, which starts it. */
function prepared(planned: Plan, start: (preparation: number) => number): number {
  const preparation = serialise(planned);
  try {
    return start(preparation);
  } finally {
    // The child has its own hold on it from the moment its place is reserved.
    native().releaseBlock(preparation);
  }
}

/** Writes down what the child is told, in a block of shared memory. */
function serialise({ facts, toRun, launch }: Plan): number {
  const { bytes, attachments } = writePreparation(facts, toRun, launch);
  try {
    return translated(() => native().createPreparation(bytes, attachments));
  } catch (error) {
    discard(attachments);
    throw error;
  }
}

/** Starts a program for the child. */
function start(planned: Plan, [path, ...words]: readonly string[], preparation: number): number {
  const { name, daemon, env, maxSharedMemory, stdout, stderr } = planned.launch;
  return translated(() =>
    native().startChild({
      name,
      path,
      arguments: words,
      environment: env === undefined ? undefined : Object.entries(env),
      directory: planned.directory,
      daemon,
      shielded: planned.isShielded,
      maxSharedMemory,
      preparation,
      stdout,
      stderr,
    })
  );
}

function commandLineOf({ commandLine, modules, isCaged }: DenoPlan): string[] {
  if (isFrozen()) return frozenArguments(commandLine.execPath, commandLine.args);
  return childArguments({ ...commandLine, entry: entryModule(CHILD_MAIN, modules, { isCaged }) });
}
