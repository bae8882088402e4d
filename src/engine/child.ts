// A process that was started on a host, as its parent has it. How it ends is told by the engine, which hears it from the
// agent of the host, or buries it with that.

import { type Bell, BRIEFLY } from "./bell.ts";
import { textOf } from "./text.ts";
import { endWaits } from "../connection/wait.ts";
import { EarlyEnd } from "../process/early_end.ts";
import type { Process } from "../process/process.ts";
import { Sentinel } from "../process/sentinel.ts";
import type { StartedProcess } from "../process/started.ts";
import { harmless } from "../runtime/harmless.ts";
import { timeoutOf, WAIT_SYNC, type WaitOptions, type WaitSyncOptions } from "../waiting/options.ts";
import { told } from "../waiting/turns.ts";
import { addRemoteChild, removeRemoteChild } from "./children.ts";
import type { ObjectHandle } from "./handles.ts";
import type { RemoteOutputs } from "./output.ts";
import type { Answer, Session } from "./session.ts";

/** What a {@linkcode RemoteChild} is made with. */
export interface RemoteChildOptions extends Pick<RemoteChild, "process" | "pid" | "host" | "member" | "outputs"> {
  /** The process object of the engine. */
  readonly handle: ObjectHandle;
}

/** How a process has ended. */
interface Ending {
  readonly exitcode: number;
  /** Whether its host was lost. */
  readonly isLost: boolean;
  readonly failure: EarlyEnd | null;
}

/** A process on a host. */
export class RemoteChild implements StartedProcess {
  readonly process: Process;
  readonly pid: number;
  /** The name of its host. */
  readonly host: string;
  /** What it is in the tree. */
  readonly member: string;
  readonly outputs: RemoteOutputs;
  readonly sentinel: Sentinel = new Sentinel(() => this.#descriptor());
  /** What the engine calls the process object. */
  readonly id: string;
  readonly #handle: ObjectHandle;
  readonly #session: Session;
  #ending: Ending | null = null;
  /** Rings when it has ended; for `wait`. */
  #bell: Bell | null = null;

  /** Of the process that was just started, and is among the children from now on. */
  constructor({ process, pid, host, member, outputs, handle }: RemoteChildOptions) {
    this.process = process;
    this.pid = pid;
    this.host = host;
    this.member = member;
    this.outputs = outputs;
    this.id = handle.id;
    this.#handle = handle;
    this.#session = handle.session;
    addRemoteChild(this.#session, this);
    // The program goes on while a child does, unless that is a daemon. If it cannot be waited for, that is told by whoever
    // asks.
    if (!process.daemon) void this.ended().then(() => this.#ending?.failure?.note(), () => {});
  }

  /** Whether its host was lost. */
  get isLost(): boolean {
    return this.#ending?.isLost ?? false;
  }

  poll(): number | null {
    if (this.#ending === null) this.#note(this.#session.lookSync(this.#session.tree, "poll", this.id));
    return this.#ending?.exitcode ?? null;
  }

  async ended(options: WaitOptions = {}): Promise<void> {
    if (this.#ending !== null) return;
    const timeout = timeoutOf(options);
    this.#note(await this.#session.wait("join", [this.id], { timeout, signal: options.signal, overdue: "nothing" }));
  }

  join(options?: WaitOptions): Promise<boolean> {
    return told(this.#join(options));
  }

  async #join(options?: WaitOptions): Promise<boolean> {
    const timeout = timeoutOf(options);
    options?.signal?.throwIfAborted();
    if (timeout > 0) await this.ended(options);
    else this.poll();
    return this.#isOver();
  }

  joinSync(options?: WaitSyncOptions): boolean {
    const timeout = timeoutOf(options, WAIT_SYNC);
    if (this.#ending === null && timeout > 0) this.#note(this.#session.waitSync("join", [this.id], { timeout }));
    else this.poll();
    return this.#isOver();
  }

  send(signal: number): void {
    if (this.poll() === null) this.#session.step("word", this.id, signal);
  }

  /** Notes what the engine has told. */
  hear(code: Uint8Array, lost: Uint8Array, failure: Uint8Array): void {
    this.#end(Number(textOf(code)), textOf(lost) === "1", textOf(failure));
  }

  #note(answer: Answer | null): void {
    if (answer === null || answer.length === 0) return; // not in time; or it goes on
    if (answer.refusal === null) this.#end(answer.number(0), answer.text(1) === "1", answer.text(2));
  }

  #end(exitcode: number, isLost: boolean, failure: string): void {
    if (this.#ending !== null) return;
    const said = failure === "" ? null : new EarlyEnd(harmless(failure, { multiline: true }));
    this.#ending = { exitcode, isLost, failure: said };
    this.#silence();
    removeRemoteChild(this.#session, this);
    this.#handle.close();
  }

  #isOver(): boolean {
    if (this.#ending === null) return false;
    this.#ending.failure?.tell(this.process.name);
    return true;
  }

  #descriptor(): number | null {
    if (this.#ending === null) this.#note(this.#session.waitSync("join", [this.id, 0], BRIEFLY));
    if (this.#ending !== null) return null;
    if (this.#bell?.hasRung) this.#silence();
    this.#bell ??= this.#session.ring("join", [this.id], () => endWaits(this.sentinel));
    return this.#bell.descriptor;
  }

  #silence(): void {
    this.#bell?.close();
    this.#bell = null;
    endWaits(this.sentinel);
  }
}
