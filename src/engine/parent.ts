// The parent of this process, if that is on another host. The engine tells of its end.

import type { RemoteParentFacts } from "../launch/preparation.ts";
import { ParentProcess } from "../process/parent.ts";
import { timeoutOf, WAIT_SYNC, type WaitOptions, type WaitSyncOptions } from "../waiting/options.ts";
import { told } from "../waiting/turns.ts";
import type { Session } from "./session.ts";

/** The process that started this one. */
export class RemoteParent extends ParentProcess {
  readonly #session: Session;
  /** The process object that it has of this process, which goes with it. */
  readonly #object: string;
  readonly #member: number;
  /** The name of its host. */
  readonly host: string;

  constructor(session: Session, object: string, { member, pid, name, host }: RemoteParentFacts) {
    super({ pid, name });
    this.#session = session;
    this.#object = object;
    this.#member = member;
    this.host = host;
  }

  override isAlive(): boolean {
    const answer = this.#session.lookSync(this.#session.tree, "member", this.#member);
    return answer.refusal === null && answer.number(0) === 1;
  }

  override join(options?: WaitOptions): Promise<boolean> {
    return told(this.#join(options));
  }

  async #join(options?: WaitOptions): Promise<boolean> {
    const timeout = timeoutOf(options);
    options?.signal?.throwIfAborted();
    if (timeout === 0) return !this.isAlive();
    const wait = { timeout, signal: options?.signal, overdue: "nothing" } as const;
    return await this.#session.wait("orphaned", [this.#object], wait) !== null;
  }

  override joinSync(options?: WaitSyncOptions): boolean {
    const timeout = timeoutOf(options, WAIT_SYNC);
    if (timeout === 0) return !this.isAlive();
    return this.#session.waitSync("orphaned", [this.#object], { timeout }) !== null;
  }
}
