// What the parts of the contract suite share.

import type { Context, ProcessLike } from "@parallel/multiprocessing/context";
import { assert, assertEquals } from "@std/assert";
import { PATIENCE } from "../support/helpers.ts";

/** For whatever may wait. */
export const timeout = PATIENCE;

/** What each part gets. */
export interface Suite {
  /** Registers a test, which is given a context. */
  test(what: string, run: (context: Context) => Promise<void> | void): void;
}

/** Starts a process, and sees to it that it ends well. */
export async function run(process: ProcessLike, meanwhile: () => unknown = () => {}): Promise<void> {
  process.start();
  await meanwhile();
  assert(await process.join({ timeout }), `${process.name} has not ended`);
  assertEquals(process.exitcode, 0);
}
