// A process's membership in a tree on an engine: steps out, answers back. See library/frame.lua for what a step is.

import { VERSION } from "../addon/interface.ts";
import { EngineUnavailableError } from "../errors.ts";
import { getLogger } from "../runtime/logging.ts";
import { Answer, type StepArgument } from "./answer.ts";
import { Bell } from "./bell.ts";
import { type Durability, durabilityText } from "./durability.ts";
import { engineNative, failureIn, translated } from "./load.ts";
import type { EngineNative, EngineSettings, NativeArgument, Opened } from "./native.ts";
import { bringForward, hear, hearNoMore, leaveInBackground, listen, openWaits, type Outcome } from "./waits.ts";

export { Answer, type StepArgument } from "./answer.ts";

/** How long a step is waited for, and what stops it. */
export interface StepWait {
  /** Milliseconds; `Infinity` for as long as it takes. */
  timeout: number;
  signal?: AbortSignal;
  /** Where it is aborted its time ends, and its outcome is awaited, as if it had timed out: it does not reject. */
  mustEnd?: boolean;
  /** Whether the event loop may end meanwhile; once it is stopped, it may not. */
  inBackground?: boolean;
  /**
   * Gives back what a step has got in spite of having been aborted, or of the engine having been away for too long; a
   * refusal, too, for one may tell of what nobody else is told.
   */
  giveBack?: (answer: Answer) => void;
}

/** A membership. */
export interface Session {
  readonly native: EngineNative;
  /** The tree: 32 hexadecimal digits. */
  readonly tree: string;
  readonly member: number;
  /** The largest message, in bytes. */
  readonly maxMessage: number;
  /**
   * Calls `work` once, before the next step, wait or look of this thread. What is sent in batches leaves so in the order of
   * the calls.
   */
  before(work: () => void): void;
  /**
   * Calls `work` before the next step, wait or look of this thread that is a promise, unless it blocks before. What a lane
   * of a thread that blocks was given counts as received with its next step, but not with those of other lanes.
   */
  beforePromise(work: () => void): void;
  /** Does a step that never waits; this thread is blocked meanwhile. */
  step(name: string, ...args: StepArgument[]): Answer;
  /** Does a step in the order of the calls; this thread goes on. */
  send(name: string, ...args: StepArgument[]): Promise<Answer>;
  /** Does a step that may have to wait; `null` if it was not done in time. The object is the step's first argument. */
  waitSync(name: string, args: StepArgument[], wait: Pick<StepWait, "timeout" | "giveBack">): Answer | null;
  /** Likewise; this thread goes on. */
  wait(name: string, args: StepArgument[], wait: StepWait): Promise<Answer | null>;
  /** Does a step that waits for as long as it takes, with a descriptor that becomes readable then. */
  ring(name: string, args: StepArgument[], told: () => void): Bell;
  /** Calls a function that may be called again at any time, on the tree `tree`, or on `"hosts"`; blocks this thread. */
  lookSync(tree: string, name: string, ...args: StepArgument[]): Answer;
  /** Likewise; this thread goes on. */
  look(tree: string, name: string, ...args: StepArgument[]): Promise<Answer>;
  /** Leaves the tree, once: an orderly end with an exit code. */
  close(exitcode?: number): void;
  /** Whether this process has left the tree. */
  readonly closed: boolean;
  /** Calls `work` once this process has left the tree: whatever is kept for the session is to be let go of. */
  onClose(work: () => void): void;
  /**
   * Hears what is told to this member without having been asked: `tell` of library/frame.lua. Event `lost`: this member
   * was buried ("fenced") or the tree is no more ("gone"); the second part says it in a sentence.
   */
  on(event: string, listener: (...parts: Uint8Array[]) => void): void;
  /**
   * Takes a process group into the ward of this session, which must beat, or out of it: it is stopped when the lease is
   * nearly out, goes on when the engine is heard again, and is killed when that has buried this member.
   */
  ward(group: number, on: boolean): void;
}

/** What a session is opened with. */
export interface SessionSettings extends EngineSettings {
  /** The engine's URL with its password, in the form that `address.ts` gives it. Never to be shown. */
  readonly url: string;
  /** The engine's URL without its password, for messages. */
  readonly shown: string;
  /** What an acknowledged step has outlived. */
  readonly durability: Durability;
  /** The largest message, in bytes. */
  readonly maxMessage: number;
}

/** Numbers as texts; the rest as it is. */
function textsOf(args: readonly StepArgument[]): NativeArgument[] {
  return args.map((it) => typeof it === "number" ? String(it) : it);
}

/**
 * Connects to an engine, and begins a tree there or enters one.
 *
 * @throws {EngineUnavailableError} If it does not answer.
 */
export function openSession(settings: SessionSettings): Session {
  const { tree, member, name, host, pid, lease, patience, beats } = settings;
  const durability = durabilityText(settings.durability);
  const begin = settings.begin ??
    (member === 0 ? { name: "open", args: [VERSION, name, host, pid, lease, durability] } : undefined);
  const native = engineNative();
  openWaits();
  const opened = translated(() =>
    native.open(
      settings.url,
      { tree, member, begin: begin?.name, lease, patience, durability, beats },
      textsOf(begin?.args ?? []),
    )
  );
  for (const warning of opened.warnings) getLogger().warning(warning);
  return new NativeSession(native, opened, settings);
}

class NativeSession implements Session {
  readonly native: EngineNative;
  readonly tree: string;
  readonly member: number;
  readonly maxMessage: number;
  readonly #id: number;
  /** What is to leave before the next step. */
  #before: (() => void)[] = [];
  /** What is to leave besides before a promise does. */
  #beforePromise: (() => void) | null = null;
  readonly #listeners = new Map<string, ((...parts: Uint8Array[]) => void)[]>();
  /** Events that came before somebody listened to their kind. */
  readonly #unheard = new Map<string, Uint8Array[][]>();
  #closers: (() => void)[] = [];
  #isClosed = false;

  constructor(
    native: EngineNative,
    { session: id, member }: Pick<Opened, "session" | "member">,
    { tree, maxMessage }: Pick<SessionSettings, "tree" | "maxMessage">,
  ) {
    this.native = native;
    this.#id = id;
    this.tree = tree;
    this.member = member;
    this.maxMessage = maxMessage;
    hear(id, (event, parts) => this.#hear(event, parts));
  }

  get closed(): boolean {
    return this.#isClosed;
  }

  before(work: () => void): void {
    this.#before.push(work);
  }

  beforePromise(work: () => void): void {
    this.#beforePromise = work;
  }

  /** The number of the session, for a promise. */
  get #nextPromise(): number {
    const work = this.#beforePromise;
    this.#beforePromise = null;
    work?.();
    return this.#next;
  }

  /** The same for a step of this thread's own lane. */
  get #nextBlocking(): number {
    if (this.#before.length === 0) this.#beforePromise = null; // else a promise may leave before it
    return this.#next;
  }

  /** The number of the session, to do something with it after what is to be done before. */
  get #next(): number {
    if (this.#before.length === 0) return this.#id;
    const before = this.#before;
    this.#before = [];
    try {
      for (let work = before.shift(); work !== undefined; work = before.shift()) work();
    } finally {
      this.#before.push(...before);
    }
    return this.#id;
  }

  step(name: string, ...args: StepArgument[]): Answer {
    return Answer.unpack(translated(() => this.native.step(this.#nextBlocking, name, textsOf(args))));
  }

  send(name: string, ...args: StepArgument[]): Promise<Answer> {
    return this.#promise(() => this.native.submit(this.#nextPromise, name, textsOf(args), -1));
  }

  waitSync(
    name: string,
    args: StepArgument[],
    { timeout, giveBack }: Pick<StepWait, "timeout" | "giveBack">,
  ): Answer | null {
    try {
      const answer = translated(() => this.native.wait(this.#nextBlocking, name, textsOf(args), Math.max(timeout, 0)));
      return answer === null ? null : Answer.unpack(answer);
    } catch (error) {
      if (error instanceof EngineUnavailableError) this.#owe(giveBack);
      throw error;
    }
  }

  /** Has what a wait gives that was given up given back, before anything else is done with an engine that is back. */
  #owe(giveBack?: (answer: Answer) => void): void {
    const recover = () => {
      try {
        const answer = translated(() => this.native.recover(this.#id));
        if (answer !== null) giveBack?.(Answer.unpack(answer));
      } catch (error) {
        if (error instanceof EngineUnavailableError) this.#before.push(recover);
        throw error;
      }
    };
    this.#before.push(recover);
  }

  wait(
    name: string,
    args: StepArgument[],
    { timeout, signal, mustEnd = false, inBackground = false, giveBack }: StepWait,
  ): Promise<Answer | null> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    let ticket: number;
    try {
      ticket = translated(() => this.native.submit(this.#nextPromise, name, textsOf(args), Math.max(timeout, 0)));
    } catch (error) {
      return Promise.reject(error);
    }
    const { promise, resolve, reject } = Promise.withResolvers<Answer | null>();
    let isSettled = false;
    const abort = () => {
      this.native.hasten(ticket);
      if (mustEnd) return bringForward(ticket);
      isSettled = true;
      leaveInBackground(ticket);
      reject(signal!.reason);
    };
    signal?.addEventListener("abort", abort, { once: true });
    listen(ticket, (outcome) => {
      signal?.removeEventListener("abort", abort);
      const wasSettled = isSettled;
      isSettled = true;
      if (typeof outcome === "string") {
        const error = failureIn(outcome);
        reject(error);
        // It is still to be done, or to be cancelled, once the engine is back.
        const isToCome = outcome.startsWith("UNAVAILABLE:");
        if (isToCome) leaveInBackground(ticket);
        else this.native.forget(ticket);
        return isToCome;
      }
      this.native.forget(ticket);
      const answer = outcome === null ? null : Answer.unpack(outcome);
      if (!wasSettled) resolve(answer);
      else if (answer !== null) giveBack?.(answer);
      return false;
    });
    if (inBackground) leaveInBackground(ticket);
    return promise;
  }

  ring(name: string, args: StepArgument[], told: () => void): Bell {
    return new Bell(this.native, translated(() => this.native.submitBell(this.#next, name, textsOf(args))), told);
  }

  lookSync(tree: string, name: string, ...args: StepArgument[]): Answer {
    return Answer.unpack(translated(() => this.native.look(this.#next, tree, name, textsOf(args))));
  }

  look(tree: string, name: string, ...args: StepArgument[]): Promise<Answer> {
    return this.#promise(() => this.native.submitLook(this.#nextPromise, tree, name, textsOf(args)));
  }

  close(exitcode = 0): void {
    if (this.#isClosed) return;
    try {
      void this.#next;
    } catch {
      // Nothing can be done any more; the end gives back everything.
    }
    this.#isClosed = true;
    hearNoMore(this.#id);
    this.native.close(this.#id, exitcode);
    const closers = this.#closers;
    this.#closers = [];
    for (const work of closers) work();
  }

  onClose(work: () => void): void {
    this.#closers.push(work);
  }

  on(event: string, listener: (...parts: Uint8Array[]) => void): void {
    const listeners = this.#listeners.get(event);
    if (listeners !== undefined) return void listeners.push(listener);
    this.#listeners.set(event, [listener]);
    const unheard = this.#unheard.get(event) ?? [];
    this.#unheard.delete(event);
    for (const parts of unheard) listener(...parts);
  }

  ward(group: number, on: boolean): void {
    translated(() => this.native.ward(this.#id, group, on));
  }

  #promise(submit: () => number): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    try {
      listen(translated(submit), (outcome: Outcome) => {
        if (typeof outcome === "string") reject(failureIn(outcome));
        else resolve(Answer.unpack(outcome!));
        return false;
      });
    } catch (error) {
      reject(error);
    }
    return promise;
  }

  #hear(event: string, parts: Uint8Array[]): void {
    const listeners = this.#listeners.get(event);
    if (listeners !== undefined) {
      for (const listener of listeners) listener(...parts);
      return;
    }
    const unheard = this.#unheard.get(event) ?? [];
    unheard.push(parts);
    this.#unheard.set(event, unheard);
  }
}
