// The command line's program: obeys one command line, and says with which code the process is to end.

import { type Order, readArguments } from "./arguments.ts";
import { clean } from "./clean.ts";
import { processOf } from "./proc.ts";
import { top } from "./top.ts";
import { helpText, UsageError } from "./usage.ts";
import { VERSION } from "../addon/interface.ts";
import { explain } from "./why.ts";
import { writeAll } from "../runtime/standard_output.ts";
import type { Snapshot } from "../live/snapshot.ts";
import { Viewer } from "../live/viewer.ts";

/** The exit code of a command line that is wrong. */
const WRONG_USAGE = 2;

/**
 * Obeys a command line, as `deno run -A cli.ts` does: prints what it asks for, or on the standard error why that cannot be.
 *
 * @param words The words of the command line: the command first, `["why", "4711"]`.
 * @returns The exit code: 0 for done, 1 for not found or not possible, 2 for wrong usage. It does not throw.
 *
 * @example Which version this is
 * ```ts
 * import { main } from "@parallel/multiprocessing/cli";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(await main(["--version"]), 0);
 * assertEquals(await main(["versoin"]), 2);
 * ```
 */
export async function main(words: readonly string[]): Promise<number> {
  try {
    return await obey(readArguments(words));
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) return 0; // nobody reads on, which is no failure
    if (!(error instanceof Error)) throw error;
    console.error(error.message);
    return error instanceof UsageError ? WRONG_USAGE : 1;
  }
}

async function obey(order: Order): Promise<number> {
  switch (order.command) {
    case "help":
      writeAll(`${helpText(order.about)}\n`);
      return 0;
    case "version":
      writeAll(`multiprocessing ${VERSION} (Deno ${Deno.version.deno})\n`);
      return 0;
    case "clean":
      return await clean(order);
    case "top":
      return await top(ofProcess(order), looking());
    case "why":
      return why(ofProcess(order), looking()());
  }
}

/** The same order, of the process if a thread of it is given. */
function ofProcess(order: Order): Order {
  return order.pid === undefined ? order : { ...order, pid: processOf(order.pid) };
}

/** Looks of one viewer. */
function looking(): () => Snapshot {
  const viewer = new Viewer();
  return () => viewer.look();
}

/** Obeys `why`; the exit code. */
function why({ pid, json }: Order, snapshot: Snapshot): number {
  const explanation = explain(snapshot, pid!);
  const text = explanation.sentences.join("\n");
  if (json) writeAll(`${JSON.stringify({ at: snapshot.at, ...explanation })}\n`);
  else if (explanation.found) writeAll(`${text}\n`);
  else console.error(text);
  return explanation.found ? 0 : 1;
}
