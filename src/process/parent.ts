// The parent of this process, as seen from here. Its end shows at the socket that it started this process with.

import { shownName } from "../runtime/harmless.ts";
import { current } from "../runtime/current.ts";
import { native } from "../addon/load.ts";
import { translated } from "../addon/translate.ts";
import { isWorker } from "../runtime/current.ts";
import { timeoutOf, WAIT_SYNC, type WaitOptions, type WaitSyncOptions } from "../waiting/options.ts";
import { told } from "../waiting/turns.ts";
import { waitWithin } from "../addon/waits.ts";
import { Sentinel } from "./sentinel.ts";
import { register } from "../reduction/registry.ts";
import { showAsText } from "../runtime/shown.ts";

/** The process that started this one. */
export class ParentProcess {
  static {
    showAsText(ParentProcess);
    register(ParentProcess, {
      refuse: "a ParentProcess is what a process sees of its own parent; send its pid or its name",
    });
  }

  /** The id that the operating system gave it. */
  readonly pid: number;
  /** Its name when it started this process. */
  readonly name: string;
  /** Ready when it has ended. */
  readonly sentinel: Sentinel = new Sentinel(() => translated(() => native().parentDescriptor()));

  /** Made by {@linkcode parentProcess}. */
  constructor({ pid, name }: { readonly pid: number; readonly name: string }) {
    this.pid = pid;
    this.name = name;
  }

  /** As {@linkcode pid}. */
  get ident(): number {
    return this.pid;
  }

  /** Always `null`: how a process ended is told to its own parent only. */
  get exitcode(): null {
    return null;
  }

  /** Whether it has not ended. */
  isAlive(): boolean {
    return translated(() => native().parentIsAlive());
  }

  /**
   * Waits for its end without blocking the thread.
   *
   * @returns `true`, or `false` if it did not end in time.
   * @throws What `signal` was aborted with.
   */
  join(options?: WaitOptions): Promise<boolean> {
    return told(this.#join(options));
  }

  async #join(options?: WaitOptions): Promise<boolean> {
    const timeout = timeoutOf(options);
    options?.signal?.throwIfAborted();
    if (this.isAlive() && timeout > 0) {
      await waitWithin(timeout, () => translated(() => native().parentAwait()), { signal: options?.signal });
    }
    return !this.isAlive();
  }

  /** As {@linkcode join}, blocking the thread. */
  joinSync(options?: WaitSyncOptions): boolean {
    const timeout = timeoutOf(options, WAIT_SYNC);
    return translated(() => native().parentJoin(timeout));
  }

  /** Such as `<ParentProcess name='MainProcess' pid=4711 started>`. */
  toString(): string {
    return `<ParentProcess name='${shownName(this.name)}' pid=${this.pid} ${this.isAlive() ? "started" : "stopped"}>`;
  }
}

let parent: ParentProcess | null = null;

/** From now on `process` is the one that started this one: on another machine, say. */
export function becomeChildOf(process: ParentProcess): void {
  parent = process;
}

/**
 * The process that started this one; `null` in the root of a tree, which none started.
 *
 * @example The root has none
 * ```ts
 * import { parentProcess } from "@parallel/multiprocessing";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parentProcess(), null);
 * ```
 */
export function parentProcess(): ParentProcess | null {
  if (isWorker()) native(); // knows whose child it is
  if (current.parent === null) return null;
  return parent ??= new ParentProcess(current.parent);
}
