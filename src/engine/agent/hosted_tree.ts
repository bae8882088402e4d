// An agent's share in a tree: its session there, the children that it has started for it, and what is told about them.

import type { Session } from "../session.ts";
import type { StartedChild } from "./launched.ts";
import { numberOf } from "../text.ts";

/** A child's place: there from when it is entered until its end is told. */
interface Place {
  child: StartedChild | null;
  /** Signals that came before there was a process to send them to. */
  readonly early: number[];
}

/** What a tree on a host needs of the agent. */
export interface HostedTreeOptions {
  readonly session: Session;
  /** Frees a slot where the tree cannot do so any more. */
  readonly free: (reservation: string) => Promise<void>;
  /** Called when there is nothing more of this tree here. */
  readonly onEnd: () => void;
  /** Called when a child's end has been told. */
  readonly onChildEnd: () => void;
}

/** A tree that has, or had, children on this host. */
export class HostedTree {
  readonly session: Session;
  readonly #options: HostedTreeOptions;
  readonly #places = new Map<number, Place>();
  /** How many launches are under way. */
  #launching = 0;
  #isOver = false;
  #hasEnded = false;
  /** Set once the engine knows nothing of this agent in the tree any more: buried, or the tree is gone. */
  #isLost = false;

  constructor(options: HostedTreeOptions) {
    this.session = options.session;
    this.#options = options;
    this.session.on("signal", (member, signal) => this.#signal(numberOf(member), numberOf(signal)));
    this.session.on("over", () => {
      this.#isOver = true;
      this.#endIfIdle();
    });
    this.session.on("lost", () => this.lose());
  }

  /** How many children there are, or are being started. */
  get size(): number {
    return this.#places.size + this.#launching;
  }

  /** Whether it was left. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  get isLost(): boolean {
    return this.#isLost;
  }

  /** Keeps the tree while something is being started for it. */
  async launching<T>(run: () => Promise<T>): Promise<T> {
    this.#launching++;
    try {
      return await run();
    } finally {
      this.#launching--;
      this.#endIfIdle();
    }
  }

  /** A member has been entered, whose process is to be started. */
  expect(member: number): void {
    this.#places.set(member, { child: null, early: [] });
  }

  /** Its process runs. */
  begun(member: number, reservation: string, child: StartedChild): void {
    const place = this.#places.get(member)!;
    place.child = child;
    this.session.ward(child.pid, true);
    if (this.#isLost) child.send(9);
    for (const signal of place.early) child.send(signal);
    void this.#watch(member, reservation, child);
  }

  /** Tells that the process is no more, and then, when its output has been sent, how it ended. */
  async #watch(member: number, reservation: string, child: StartedChild): Promise<void> {
    const gone = await child.gone;
    this.session.ward(child.pid, false);
    if (!this.#isLost) void this.session.send("dead", member, gone).catch(() => {}); // buried with this agent, or gone
    const { code, failure } = await child.ended;
    await this.ended(member, reservation, code, failure);
  }

  /** The process has ended, or never began. */
  async ended(member: number, reservation: string, code: number, failure: string | null): Promise<void> {
    try {
      if (this.#isLost) throw new Error("the tree is lost");
      const answer = await this.session.send("exit", member, code, failure ?? "");
      if (answer.refusal !== null) throw new Error(answer.refusal);
    } catch {
      await this.#options.free(reservation);
    }
    this.#places.delete(member);
    this.#options.onChildEnd();
    this.#endIfIdle();
  }

  /** Sends all children a signal. */
  signalAll(signal: number): void {
    for (const member of this.#places.keys()) this.#signal(member, signal);
  }

  /** This agent was buried, or the engine has lost the tree: nothing of it may go on. */
  lose(): void {
    this.#isLost = true;
    this.signalAll(9);
    this.#endIfIdle();
  }

  #signal(member: number, signal: number): void {
    const place = this.#places.get(member);
    if (place === undefined) return;
    if (place.child === null) place.early.push(signal);
    else place.child.send(signal);
  }

  #endIfIdle(): void {
    if (this.#hasEnded || this.size > 0 || !this.#isOver && !this.#isLost) return;
    this.end();
  }

  /** Leaves the tree. */
  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.session.close();
    this.#options.onEnd();
  }
}
