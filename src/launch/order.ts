// A process that is started for somebody else, a process of another machine: all that launch.ts finds out about this process
// is said by the order.

import { native } from "../addon/load.ts";
import { translated } from "../addon/translate.ts";
import type { OutputKind } from "../addon/binding.ts";
import { writePreparation } from "./preparation.ts";
import type { Facts, ToRun } from "./preparation.ts";

/** What is to be started. */
export interface Order {
  /** The command line, executable first. */
  readonly words: readonly string[];
  /** What the process is told first, and what it is to run. */
  readonly facts: Facts;
  readonly toRun: ToRun;
  /** Its arguments, as they were written elsewhere. */
  readonly args: Uint8Array;
  /** Replaces the environment variables. */
  readonly env?: Readonly<Record<string, string>>;
  /** Where it begins. Absent: where this process is. */
  readonly directory?: string;
  readonly stdout: OutputKind;
  readonly stderr: OutputKind;
}

/**
 * Starts a process, which ends with this one, and returns its id.
 *
 * @throws What the operating system says against it, as the matching `Deno.errors`.
 */
export function launchOrder(
  { words: [path, ...words], facts, toRun, args, env, directory, stdout, stderr }: Order,
): number {
  const { bytes, attachments } = writePreparation(facts, toRun, args);
  return translated(() => {
    const preparation = native().createPreparation(bytes, attachments);
    try {
      return native().startChild({
        name: facts.name,
        path,
        arguments: words,
        environment: env === undefined ? undefined : Object.entries(env),
        directory,
        daemon: true,
        shielded: false,
        preparation,
        stdout,
        stderr,
      });
    } finally {
      // The child has its own hold on it from the moment its place is reserved.
      native().releaseBlock(preparation);
    }
  });
}
