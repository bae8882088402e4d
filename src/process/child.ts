// A process that was started here, as its parent has it: its end, its exit code, and the signals it is sent.

import { harmless } from "../runtime/harmless.ts";
import { refillWarm } from "../launch/warm.ts";
import { native } from "../addon/load.ts";
import { translated } from "../addon/translate.ts";
import { timeoutOf, WAIT_SYNC, type WaitOptions, type WaitSyncOptions } from "../waiting/options.ts";
import { told } from "../waiting/turns.ts";
import { type WaitHooks, waitWithin } from "../addon/waits.ts";
import { addChild, removeChild } from "./children.ts";
import { EarlyEnd } from "./early_end.ts";
import type { Outputs } from "./output.ts";
import type { Process } from "./process.ts";
import { Sentinel } from "./sentinel.ts";
import { exitText } from "../runtime/signals.ts";
import { DeadlockWatch } from "./deadlock.ts";
import { queueMicrotask } from "../runtime/timing.ts";

/** What a {@linkcode Child} is made with. */
export interface ChildOptions extends Pick<Child, "pid" | "process" | "outputs"> {
  /** Whether its permissions are limited. */
  readonly isCaged: boolean;
  /** Whether it runs a function of Python's. */
  readonly isPython: boolean;
}

/** The end of a process that was started here. The native part forgets the process when its exit code is known. */
export class Child {
  readonly pid: number;
  readonly process: Process;
  readonly outputs: Outputs;
  /** Ready when it has ended. */
  readonly sentinel: Sentinel = new Sentinel(() => this.poll() === null ? native().childDescriptor(this.pid) : null);
  #exitcode: number | null = null;
  /** Whether it has permissions of its own, so that its words are to be taken for no more than that. */
  readonly #isCaged: boolean;
  readonly #isPython: boolean;
  /** Why it could not begin its work. */
  #failure: EarlyEnd | null = null;
  /** Whether it was sent a signal: an early end is no surprise then. */
  #isSignalled = false;

  /** Of the process that was just started, and is among the children from now on. */
  constructor({ pid, process, outputs, isCaged, isPython }: ChildOptions) {
    this.pid = pid;
    this.#isCaged = isCaged;
    this.#isPython = isPython;
    this.process = process;
    this.outputs = outputs;
    addChild(this);
    // The program goes on while a child does, unless that is a daemon.
    // If it cannot be waited for (no more descriptors), it is waited for at the exit.
    if (!process.daemon) {
      void this.ended(Infinity, { isAtRest: true }).then(() => this.poll() !== null && this.#failure?.note()).catch(
        () => {},
      );
    }
  }

  /** For messages. */
  get name(): string {
    return this.process.name;
  }

  /** The exit code, if it has ended. */
  poll(): number | null {
    if (this.#exitcode !== null) return this.#exitcode;
    this.#exitcode = translated(() => native().childExitCode(this.pid));
    if (this.#exitcode !== null) {
      const failure = native().childFailure(this.pid);
      // A child that could not begin exits with code 1. With any other code it had begun, so its report is false.
      const said = failure !== null && this.#exitcode === 1 ? this.#reason(failure) : null;
      if (said !== null) this.#failure = new EarlyEnd(said);
      else if (!this.#isSignalled && !native().childHadBegun(this.pid)) {
        this.#failure = new EarlyEnd(this.#earlyEnd(this.#exitcode));
      }
      native().childClose(this.pid); // it has nothing more to tell: its descriptors are free
      removeChild(this.pid);
      queueMicrotask(refillWarm);
    }
    return this.#exitcode;
  }

  /** Why it has not begun, as far as that is known of a process that has said nothing. */
  #earlyEnd(exitcode: number): string {
    if (exitcode < 0) return `it was ended by ${exitText(exitcode).slice(1)} before it began`;
    const ended = `it ended with exit code ${exitcode} before it began`;
    if (exitcode === 0) {
      return this.#isPython
        ? `${ended}, as by sys.exit() in a module that it imports, or since its executable is no Python`
        : `${ended}, as by Deno.exit() in a module that it imports`;
    }
    return `${ended}; ${
      this.outputs.isErrorHidden ? 'start it without { stderr: "null" } to read why' : "its standard error may say why"
    }`;
  }

  /** What it has said. With limited permissions it is taken to be hostile: its words are shown to be its own. */
  #reason(said: string): string {
    if (!this.#isCaged) return printable(said);
    return `it ended with exit code 1, and says by itself ${printable(said, JSON.stringify)}`;
  }

  /** Waits in the reactor; whether it ended is then to be polled. */
  async ended(timeout = Infinity, hooks: WaitHooks = {}): Promise<void> {
    await waitWithin(timeout, () => translated(() => native().childAwait(this.pid)), hooks);
  }

  /** As `Process.join`. */
  join(options?: WaitOptions): Promise<boolean> {
    return told(this.#join(options));
  }

  async #join(options?: WaitOptions): Promise<boolean> {
    const timeout = timeoutOf(options);
    options?.signal?.throwIfAborted();
    if (this.poll() === null && timeout > 0) {
      using _ = new DeadlockWatch(this).lookInTime();
      await this.ended(timeout, { signal: options?.signal });
    }
    return this.#isOver();
  }

  /** As `Process.joinSync`. */
  joinSync(options?: WaitSyncOptions): boolean {
    let left = timeoutOf(options, WAIT_SYNC);
    using watch = new DeadlockWatch(this);
    while (left > 0 && this.poll() === null) {
      const slice = Math.min(left, watch.nextIn);
      if (native().childJoin(this.pid, slice)) break;
      left -= slice;
      if (left > 0) watch.look(true);
    }
    return this.#isOver();
  }

  /** Sends it a signal, unless it has ended. */
  send(signal: number): void {
    if (this.poll() !== null) return;
    translated(() => native().childSignal(this.pid, signal));
    this.#isSignalled = true;
  }

  /** Why it could not begin its work, once it has ended. */
  get failure(): string | null {
    return this.#failure?.why ?? null;
  }

  /** Whether it has ended. Throws the error that kept it from its work, if there was one. */
  #isOver(): boolean {
    if (this.poll() === null) return false;
    this.#failure?.tell(this.name);
    return true;
  }
}

/** How many characters of a reason are told. */
const REASON_MAX = 4096;

/** What another process gave as a reason, cut, quoted if so, and without what would command a terminal. */
function printable(reason: string, quote = (text: string) => text): string {
  const cut = reason.length > REASON_MAX ? `${reason.slice(0, REASON_MAX)}…` : reason;
  return harmless(quote(cut), { multiline: true });
}
