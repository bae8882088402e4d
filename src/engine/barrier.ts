// Barrier of an engine. Its rounds are in the engine (library/barrier.lua), all but the action.

import { closedError, partsOf } from "../addon/handles.ts";
import { arrivedReference, type TravellingReference } from "../callable/late.ts";
import type { BarrierLike } from "../contracts/synchronize.ts";
import { BrokenBarrierError } from "../errors.ts";
import { register } from "../reduction/registry.ts";
import { nameField, objectName } from "../runtime/object_name.ts";
import { showAsText } from "../runtime/shown.ts";
import { BARRIER_OPTIONS, type BarrierOptions, requireParties } from "../synchronize/barrier.ts";
import { type Action, arrivedAction, localAction, runSync } from "../synchronize/barrier_action.ts";
import {
  requireKnown,
  timeoutOf,
  WAIT,
  WAIT_SYNC,
  type WaitOptions,
  type WaitSyncOptions,
} from "../waiting/options.ts";
import { deadMember } from "./deaths.ts";
import { ObjectHandle, type ObjectReference } from "./handles.ts";
import type { Answer, Session } from "./session.ts";
import { giveBack, goneError, waitToEnd } from "./object_waits.ts";

/** How a barrier travels: its object, how many it is for, its action, its timeout and its name. */
type BarrierData = readonly [
  ...ObjectReference,
  parties: number,
  action: TravellingReference | null,
  timeout: number,
  name?: string,
];

/** What a message says of a barrier besides its object. */
interface Arrived {
  readonly parties: number;
  readonly timeout: number;
  readonly action: TravellingReference | null;
}

/** As `Barrier`, for the processes of a tree on several machines. */
export class RemoteBarrier implements BarrierLike {
  static {
    showAsText(RemoteBarrier);
    register(RemoteBarrier, {
      name: "engine.Barrier",
      reduce: (barrier) => barrier.#data(),
      restore(data) {
        const [id, parties, action, timeout, name] = partsOf(data, "a Barrier");
        const isWell = Number.isInteger(parties) && typeof timeout === "number" && !Number.isNaN(timeout);
        if (!isWell || typeof action !== "object") {
          throw new RangeError("Cannot restore a Barrier: its description is malformed");
        }
        const handle = ObjectHandle.adopt(name === undefined ? [id] : [id, name]);
        const reference = action === null ? null : arrivedReference(action);
        return new RemoteBarrier(handle, { parties: parties as number, timeout, action: reference });
      },
    });
  }

  readonly #handle: ObjectHandle;
  readonly #parties: number;
  readonly #action: Action | null;
  readonly #timeout: number;

  /**
   * A barrier for `parties` threads or promises, in any processes.
   *
   * @throws {TypeError} If `parties` is not a number, or an option is of the wrong type, or unknown.
   * @throws {RangeError} If `parties` is not a whole number from 1 to 1048576, or `timeout` is NaN.
   */
  constructor(session: Session, parties: number, options?: BarrierOptions);
  /** @ignore The barrier that a message names. */
  constructor(handle: ObjectHandle, arrived: Arrived);
  constructor(first: Session | ObjectHandle, second: number | Arrived, options: BarrierOptions = {}) {
    if (first instanceof ObjectHandle) {
      const { parties, timeout, action } = second as Arrived;
      this.#handle = first;
      this.#parties = parties;
      this.#timeout = timeout;
      this.#action = action === null ? null : arrivedAction(action);
      return;
    }
    requireKnown("create a Barrier", options, BARRIER_OPTIONS);
    const { action, timeout } = options;
    this.#timeout = timeoutOf({ timeout });
    this.#action = action === undefined ? null : localAction(action);
    const parties: unknown = second;
    requireParties(parties);
    this.#parties = parties;
    this.#handle = ObjectHandle.make(first, "barrier", objectName("create a Barrier", options), parties);
  }

  /** How many must arrive. */
  get parties(): number {
    this.#require("look at");
    return this.#parties;
  }

  /** How many have arrived and wait for the others. */
  get nWaiting(): number {
    return this.#look().number(1);
  }

  /** Whether every wait fails until {@linkcode reset}. */
  get broken(): boolean {
    return this.#look().text(2) === "1";
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
    const id = this.#require("wait at");
    using kept = this.#handle.share(); // the action may dispose of the barrier
    const { session } = kept;
    const giveBack = this.#givingBack(session, id);
    const wait = { timeout, signal, giveBack, overdue: "unknown" } as const;
    const answer = await waitToEnd(this.#handle, "barrier_wait", [id, this.#hasAction], wait);
    if (answer === null || answer.refusal !== null) {
      signal?.throwIfAborted();
      this.#require("wait at"); // throws if it was closed meanwhile, which is why the barrier broke
    }
    const round = this.#roundToRun(answer);
    if (round === null) return this.#index(answer);
    try {
      const run = await this.#action!.get();
      await run();
    } catch (error) {
      await session.send("barrier_abort", id, round);
      throw error;
    }
    const opened = await session.send("barrier_open", id, round);
    if (opened.refusal !== null) throw this.#broken(opened);
    return this.#index(answer);
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
    const id = this.#require("wait at");
    using kept = this.#handle.share(); // the action may dispose of the barrier
    const { session } = kept;
    const giveBack = this.#givingBack(session, id);
    const wait = { timeout, giveBack, overdue: "unknown" } as const;
    const answer = session.waitSync("barrier_wait", [id, this.#hasAction], wait);
    const round = this.#roundToRun(answer);
    if (round === null) return this.#index(answer);
    try {
      runSync(this.#action!, `Barrier${this.#handle.label}`);
    } catch (error) {
      session.step("barrier_abort", id, round);
      throw error;
    }
    const opened = session.step("barrier_open", id, round);
    if (opened.refusal !== null) throw this.#broken(opened);
    return this.#index(answer);
  }

  /**
   * Breaks the barrier: parties that wait, or come until {@linkcode reset}, get a {@linkcode BrokenBarrierError}.
   *
   * @throws {InvalidStateError} If the barrier is closed.
   */
  abort(): void {
    this.#done("abort", this.#handle.session.step("barrier_abort", this.#require("abort")));
  }

  /**
   * Makes the barrier as new: parties that wait get a {@linkcode BrokenBarrierError}, later ones do not.
   *
   * @throws {InvalidStateError} If the barrier is closed.
   */
  reset(): void {
    this.#done("reset", this.#handle.session.step("barrier_reset", this.#require("reset")));
  }

  /**
   * Gives up this process's handle, and ends the waits begun with it. The barrier itself goes with the last handle of all
   * processes.
   */
  [Symbol.dispose](): void {
    this.#handle.close();
  }

  /** As CPython shows it, with a number that is the same in all processes instead of an address. */
  toString(): string {
    const { id, closed, name } = this.#handle;
    if (closed) return `<multiprocessing.synchronize.Barrier(closed${nameField(name)})>`;
    const at = Number(id).toString(16);
    return `<multiprocessing.synchronize.Barrier at 0x${at}: ${this.#state()}${nameField(name)}>`;
  }

  /** The name that it was given; `undefined` if none. */
  get name(): string | undefined {
    return this.#handle.name || undefined;
  }

  #state(): string {
    try {
      const look = this.#look();
      return look.text(2) === "1" ? "broken" : `waiters=${look.number(1)}/${this.#parties}`;
    } catch {
      return "out of reach"; // whoever prints it wants no error
    }
  }

  #data(): BarrierData {
    const action = this.#action?.reference() ?? null;
    return this.#handle.named([...this.#handle.reference("Barrier"), this.#parties, action, this.#timeout]);
  }

  get #hasAction(): number {
    return this.#action === null ? 0 : 1;
  }

  #timeoutOf(options: WaitOptions | undefined, known: readonly string[]): number {
    const timeout = timeoutOf(options, known);
    return options?.timeout === undefined ? this.#timeout : timeout;
  }

  #require(action: string): string {
    return this.#handle.require(action, "Barrier");
  }

  #look(): Answer {
    return this.#done("look at", this.#handle.session.step("barrier_look", this.#require("look at")));
  }

  #done(action: string, answer: Answer): Answer {
    if (answer.refusal !== null) throw goneError(action, `Barrier${this.#handle.label}`);
    return answer;
  }

  /** The round whose action this party has to run; `null` if it has none to run. */
  #roundToRun(answer: Answer | null): string | null {
    return answer?.refusal === null && answer.text(1) === "run" ? answer.text(2) : null;
  }

  /** Breaks the barrier where this party was to run the action, and waits no more. */
  #givingBack(session: Session, id: string): (answer: Answer) => void {
    return (answer) => {
      const round = this.#roundToRun(answer);
      if (round !== null) giveBack(session, "barrier_abort", id, round);
    };
  }

  /** As what number it arrived. An answer that did not come in time: it broke the barrier itself. */
  #index(answer: Answer | null): number {
    if (answer?.refusal === null) return answer.number(0);
    if (answer?.refusal === "gone") throw closedError(`wait at the Barrier${this.#handle.label}`, "Barrier");
    throw this.#broken(answer);
  }

  #broken(answer: Answer | null): BrokenBarrierError {
    const dead = answer?.refusal === "broken" ? deadMember(answer, 0) : null;
    const reason = dead === null
      ? "or was reset; another party timed out, was aborted or ended"
      : `because ${dead.told}, which was one of its parties`;
    return new BrokenBarrierError(`Cannot wait at the Barrier${this.#handle.label}: it is broken, ${reason}`);
  }
}
