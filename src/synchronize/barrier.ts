// Barrier. Its rounds and slots are native/core/src/sync/barrier.rs; all of it is in the addon, but for the action.

import { BlockHandle, type BlockReference, closedError, partsOf } from "../addon/handles.ts";
import { arrivedReference, type TravellingReference } from "../callable/late.ts";
import { BrokenBarrierError } from "../errors.ts";
import { native } from "../addon/load.ts";
import { translated } from "../addon/translate.ts";
import {
  requireKnown,
  timeoutOf,
  WAIT,
  WAIT_SYNC,
  type WaitOptions,
  type WaitSyncOptions,
} from "../waiting/options.ts";
import { adopted, attach } from "../reduction/passage.ts";
import { register } from "../reduction/registry.ts";
import { wait } from "../addon/waits.ts";
import { requireCount } from "../waiting/count.ts";
import { type Action, arrivedAction, type BarrierAction, localAction, runSync } from "./barrier_action.ts";
import { deadOwner } from "./owner_died.ts";
import { nameField, type NameOptions, objectName } from "../runtime/object_name.ts";
import { showAsText } from "../runtime/shown.ts";
import { BarrierLimit, BarrierOutcome, Outcome } from "../addon/numbers.ts";

export type { BarrierAction };

/** Options of {@linkcode Barrier}. */
export interface BarrierOptions extends NameOptions {
  /**
   * Run by the party that arrives last, before any is released. A barrier that travels to another process needs one
   * that a module exports, or a {@linkcode ModuleExport}.
   */
  action?: BarrierAction;
  /** Milliseconds that a wait lasts at most which does not say it itself. Absent or `null`: for ever. */
  timeout?: number | null;
}

/** The names of {@linkcode BarrierOptions}. */
export const BARRIER_OPTIONS: readonly string[] = ["action", "timeout", "name"];

/** How a barrier travels: its block, its action, its timeout and its name. */
type BarrierData = readonly [
  ...BlockReference,
  action: TravellingReference | null,
  timeout: number,
  name?: string,
];

/**
 * A place where a fixed number of parties wait for each other, round after round. As `multiprocessing.Barrier`, but a
 * party that ends while it waits breaks it for all, instead of keeping them for ever. So does one that ends between two
 * waits, about a second after the others have begun to wait for it, if those that have ever waited are too few without it.
 * One that ends before its first wait was not known to be a party, and nobody is told.
 *
 * @example Nobody goes on before all are there
 * ```ts
 * import { Barrier } from "@parallel/multiprocessing";
 * import { assertEquals } from "@std/assert";
 *
 * let rounds = 0;
 * using barrier = new Barrier(3, { action: () => rounds++ });
 * const indices = await Promise.all([barrier.wait(), barrier.wait(), barrier.wait()]);
 * assertEquals(indices.sort(), [0, 1, 2]);
 * assertEquals(rounds, 1);
 * ```
 */
export class Barrier implements Disposable {
  static {
    showAsText(Barrier);
    register(Barrier, {
      reduce: (barrier) => barrier.#data(),
      restore(data) {
        const [block, generation, action, timeout, name] = partsOf(data, "a Barrier");
        if (typeof timeout !== "number" || Number.isNaN(timeout) || typeof action !== "object") {
          throw new RangeError("Cannot restore a Barrier: its description is malformed");
        }
        const reference = action === null ? null : arrivedReference(action);
        return new Barrier(adopted([block, generation, name]), { timeout }, reference);
      },
    });
  }

  readonly #handle: BlockHandle;
  readonly #action: Action | null;
  readonly #timeout: number;

  /**
   * A barrier for `parties` threads or promises, in any processes.
   *
   * @throws {TypeError} If `parties` is not a number, or an option is of the wrong type, or unknown.
   * @throws {RangeError} If `parties` is not a whole number from 1 to 1048576, or `timeout` is NaN.
   */
  constructor(parties: number, options?: BarrierOptions);
  /** @ignore The barrier in a block that exists. */
  constructor(handle: BlockHandle, options: BarrierOptions, arrived: TravellingReference | null);
  constructor(
    first: number | BlockHandle,
    options: BarrierOptions = {},
    arrived: TravellingReference | null = null,
  ) {
    requireKnown("create a Barrier", options, BARRIER_OPTIONS);
    const { action, timeout } = options;
    this.#timeout = timeoutOf({ timeout });
    this.#action = action !== undefined ? localAction(action) : arrived !== null ? arrivedAction(arrived) : null;
    if (first instanceof BlockHandle) {
      this.#handle = first;
      return;
    }
    requireParties(first);
    this.#handle = BlockHandle.of((addon) => addon.barrierCreate(first), objectName("create a Barrier", options));
  }

  /** How many must arrive. */
  get parties(): number {
    return this.#parties("look at");
  }

  /** How many have arrived and wait for the others. */
  get nWaiting(): number {
    const block = this.#block("look at");
    return translated(() => native().barrierWaiting(block));
  }

  /** Whether every wait fails until {@linkcode reset}. */
  get broken(): boolean {
    const block = this.#block("look at");
    return translated(() => native().barrierIsBroken(block)) !== 0;
  }

  /**
   * Waits, without blocking the thread, until all parties have arrived. The last runs the action first; a promise that
   * it returns is awaited.
   *
   * A wait that lasts `timeout` milliseconds, is aborted, or whose barrier is closed here, breaks the barrier for all,
   * unless all had arrived before: then it is as if there had been no abort. `timeout` replaces that of the barrier;
   * `null`: for ever.
   *
   * @returns As what number this party arrived, from 0 to `parties` − 1.
   * @throws {BrokenBarrierError} If the barrier is or gets broken, or is reset.
   * @throws {InvalidStateError} If the barrier is, or is being, closed.
   * @throws What `signal` was aborted with; and what the action throws, in the party that ran it.
   */
  async wait(options?: WaitOptions): Promise<number> {
    const timeout = this.#timeoutOf(options, WAIT);
    const signal = options?.signal;
    signal?.throwIfAborted();
    const parties = this.#parties("wait at");
    using kept = this.#handle.share(); // the action may dispose of the barrier
    const submit = () => translated(() => native().barrierAwait(kept.block, this.#hasAction, timeout));
    const outcome = await wait(submit, { signal, handle: this.#handle, mustEnd: true });
    if (outcome > BarrierOutcome.runsAction) {
      if (outcome === BarrierOutcome.broken) {
        signal?.throwIfAborted();
        this.#block("wait at"); // throws if it was closed meanwhile, which is why the barrier broke
      }
      return this.#index(outcome);
    }
    const slot = BarrierOutcome.runsAction - outcome;
    try {
      const run = await this.#action!.get();
      await run();
    } catch (error) {
      native().barrierAbort(kept.block, slot);
      throw error;
    }
    return releaseOthers(kept.block, this.#handle.label, slot, parties);
  }

  /**
   * As {@linkcode wait}, blocking the thread.
   *
   * @returns As what number this party arrived, from 0 to `parties` − 1.
   * @throws {BrokenBarrierError} If the barrier is or gets broken, or is reset.
   * @throws {TypeError} If the action returns a promise, which would have to be awaited; the barrier is then broken.
   * @throws {InvalidStateError} If the barrier is closed, or the module of its action is not loaded in this process and
   * cannot be at once.
   * @throws What the action throws, in the party that ran it.
   */
  waitSync(options?: WaitSyncOptions): number {
    const timeout = this.#timeoutOf(options, WAIT_SYNC);
    const parties = this.#parties("wait at");
    using kept = this.#handle.share(); // the action may dispose of the barrier
    const outcome = translated(() => native().barrierWait(kept.block, this.#hasAction, timeout));
    if (outcome > BarrierOutcome.runsAction) return this.#index(outcome);
    const slot = BarrierOutcome.runsAction - outcome;
    try {
      runSync(this.#action!, `Barrier${this.#handle.label}`);
    } catch (error) {
      native().barrierAbort(kept.block, slot);
      throw error;
    }
    return releaseOthers(kept.block, this.#handle.label, slot, parties);
  }

  /**
   * Breaks the barrier: parties that wait, or come until {@linkcode reset}, get a {@linkcode BrokenBarrierError}.
   *
   * @throws {InvalidStateError} If the barrier is closed.
   */
  abort(): void {
    const block = this.#block("abort");
    translated(() => native().barrierAbort(block, BarrierOutcome.noSlot));
  }

  /**
   * Makes the barrier as new: parties that wait get a {@linkcode BrokenBarrierError}, later ones do not.
   *
   * @throws {InvalidStateError} If the barrier is closed.
   */
  reset(): void {
    const block = this.#block("reset");
    translated(() => native().barrierReset(block));
  }

  /** Gives up this process's handle, and ends the waits begun with it. The barrier itself goes with the last handle of all processes. */
  [Symbol.dispose](): void {
    this.#handle.close();
  }

  /** As CPython shows it, with a number that is the same in all processes instead of an address. */
  toString(): string {
    const { block, closed, name } = this.#handle;
    if (closed) return `<multiprocessing.synchronize.Barrier(closed${nameField(name)})>`;
    const state = this.broken ? "broken" : `waiters=${this.nWaiting}/${this.parties}`;
    return `<multiprocessing.synchronize.Barrier at 0x${block.toString(16)}: ${state}${nameField(name)}>`;
  }

  /** The name that it was given; `undefined` if none. */
  get name(): string | undefined {
    return this.#handle.name || undefined;
  }

  #data(): BarrierData {
    attach(this.#block("send"));
    return this.#handle.named([...this.#handle.reference(), this.#action?.reference() ?? null, this.#timeout]);
  }

  get #hasAction(): number {
    return this.#action === null ? 0 : 1;
  }

  #timeoutOf(options: WaitOptions | undefined, known: readonly string[]): number {
    const timeout = timeoutOf(options, known);
    return options?.timeout === undefined ? this.#timeout : timeout;
  }

  #parties(action: string): number {
    const block = this.#block(action);
    return translated(() => native().barrierParties(block));
  }

  #block(action: string): number {
    return this.#handle.require(action, "Barrier");
  }

  #index(outcome: number): number {
    if (outcome >= 0) return outcome;
    const { block, label } = this.#handle;
    throw outcome === Outcome.failed ? closedError(`wait at the Barrier${label}`, "Barrier") : broken(block, label);
  }
}

/**
 * Refuses a number of parties that no barrier can have.
 *
 * @throws {TypeError} If it is not a number.
 * @throws {RangeError} If it is not a whole number from 1 to 1048576.
 */
export function requireParties(parties: unknown): asserts parties is number {
  requireCount("create a Barrier", "parties", parties, {
    least: 1,
    most: BarrierLimit.maxParties,
    reason: "parties must be >= 1",
  });
}

/** Ends the round of the party that ran the action, which was the last. */
function releaseOthers(block: number, label: string, slot: number, parties: number): number {
  if (translated(() => native().barrierRelease(block, slot)) === 0) throw broken(block, label);
  return parties - 1;
}

function broken(block: number, label: string): BrokenBarrierError {
  const culprit = native().barrierCulprit(block);
  const reason = culprit === 0
    ? "or was reset; another party timed out, was aborted or ended"
    : `because ${deadOwner(culprit).told}, which was one of its parties`;
  return new BrokenBarrierError(`Cannot wait at the Barrier${label}: it is broken, ${reason}`);
}
