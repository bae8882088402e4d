// A process's membership in a tree on an engine: steps out, answers back. See library/frame.lua for what a step is.

import { VERSION } from "../addon/interface.ts";
import { EngineUnavailableError } from "../errors.ts";
import { getLogger } from "../runtime/logging.ts";
import { Answer, type StepArgument } from "./answer.ts";
import { clearTimeout, performance, setTimeout, unrefTimer } from "../runtime/timing.ts";
import { Bell } from "./bell.ts";
import { type Durability, durabilityText } from "./durability.ts";
import { engineNative, failureIn, isOverdue, isUnbegun, translated } from "./load.ts";
import { Owed } from "./owed.ts";
import type { EngineNative, EngineSettings, NativeArgument, Opened } from "./native.ts";
import { AT_END, parting } from "./parting.ts";
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
   * What the wait comes to where its time is up, or it was aborted, and the engine has not answered a little later:
   * `"nothing"`: to nothing, as if it had timed out, and what it gets all the same is given back; `"unknown"`: to an
   * {@linkcode EngineUnavailableError}, as it may be done yet. Default: it goes on for as long as the engine may be away.
   */
  overdue?: "nothing" | "unknown";
  /**
   * Gives back what a step has got in spite of having been aborted, or of the engine having been away for too long; a
   * refusal, too, for one may tell of what nobody else is told.
   */
  giveBack?: (answer: Answer) => void;
}

/** What of that a thread has that blocks. There `overdue` is `"nothing"` by default. */
export interface SyncWait extends Pick<StepWait, "timeout" | "giveBack" | "overdue"> {
  /** What is called where it was not begun, since the engine was away, and never will be. */
  unbegun?: () => void;
}

/** An answer that is so many milliseconds late is waited for no more by who has a time limit. */
const GRACE = 2_000;
/** The longest time of a timer. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** Hears what has become of a step that was insisted on, of an engine that was away. */
export interface Later {
  told(answer: Answer): void;
  failed(error: unknown): void;
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
  /**
   * Does a step that never waits, and that is to be done in any case. Where this throws that the engine is away, the step is
   * done once it is back, as it was called here: before the next step of this thread that blocks, or the end of this
   * process. `later` is then told what it was answered, or why it is not done at all.
   */
  insist(name: string, args: StepArgument[], later: Later): Answer;
  /** Does what this thread has insisted on, and ends the waits that it gave up; throws if the engine is away. */
  settle(): void;
  /** Does a step in the order of the calls; this thread goes on. */
  send(name: string, ...args: StepArgument[]): Promise<Answer>;
  /** Does a step that may have to wait; `null` if it was not done in time. The object is the step's first argument. */
  waitSync(name: string, args: StepArgument[], wait: SyncWait): Answer | null;
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
  /** Calls `work` before this process leaves the tree in order, with what is to be said by then; what it gives takes that back. */
  onLeave(work: () => void): () => void;
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
  if (begin?.name === "open") setUpSignals();
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

/** What is thrown where nobody knows whether a step was done, and whoever waits for it wants to wait no more. */
function unanswered(signal: AbortSignal | undefined): EngineUnavailableError {
  const message = "Cannot tell whether it was done: the engine did not answer in time; it may be done yet";
  return signal?.aborted
    ? new EngineUnavailableError(message, { cause: signal.reason })
    : new EngineUnavailableError(message);
}

/**
 * Has Deno set up its signals, which it does otherwise half a second after its start: the addon's handlers, by which a root
 * leaves its tree when it is ended by a signal, have to come after Deno's.
 */
function setUpSignals(): void {
  const nothing = () => {};
  Deno.addSignalListener("SIGCONT", nothing);
  Deno.removeSignalListener("SIGCONT", nothing);
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
  readonly #leavers = new Set<() => void>();
  readonly #closers: (() => void)[] = [];
  #isClosed = false;
  /** When the call that this thread is blocked in ends, though the engine may be away. */
  #until = Infinity;
  readonly #owed: Owed;

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
    this.#owed = new Owed((timeout) => translated(() => native.recover(id, timeout)));
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
    this.#owed.trySettle();
    return this.#next;
  }

  /** The same for a step of this thread's own lane. */
  get #nextBlocking(): number {
    if (this.#before.length === 0) this.#beforePromise = null; // else a promise may leave before it
    this.#owed.settle(this.#left);
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

  insist(name: string, args: StepArgument[], later: Later): Answer {
    const texts = textsOf(args);
    // As a step that may wait: what has become of it can be found out afterwards.
    const begin = (timeout: number) => translated(() => this.native.wait(this.#id, name, texts, timeout));
    let isBegun = false;
    try {
      void this.#nextBlocking;
      isBegun = true;
      return Answer.unpack(begin(Infinity)!);
    } catch (error) {
      if (error instanceof EngineUnavailableError) {
        this.#owed.add({
          told: (answer) => later.told(answer),
          failed: (error) => later.failed(error),
          begin: isBegun ? undefined : begin,
          isToBeDone: true,
        });
      }
      throw error;
    }
  }

  settle(): void {
    this.#owed.settle(Infinity);
  }

  send(name: string, ...args: StepArgument[]): Promise<Answer> {
    return this.#promise(() => this.native.submit(this.#nextPromise, name, textsOf(args), -1));
  }

  waitSync(name: string, args: StepArgument[], wait: SyncWait): Answer | null {
    const { timeout, giveBack, overdue = "nothing", unbegun } = wait;
    this.#until = timeout > 0 ? performance.now() + timeout : Infinity;
    let isBegun = false;
    try {
      const id = this.#nextBlocking; // which may take a while
      isBegun = true;
      const answer = translated(() => this.native.wait(id, name, textsOf(args), timeout > 0 ? this.#left : 0));
      return answer === null ? null : Answer.unpack(answer);
    } catch (error) {
      if (!isBegun || isUnbegun(error)) unbegun?.();
      else if (error instanceof EngineUnavailableError) this.#owed.add({ told: giveBack, isToBeDone: false });
      if (overdue === "nothing" && isOverdue(error)) return null;
      throw error;
    } finally {
      this.#until = Infinity;
    }
  }

  /** Milliseconds that the call has yet; some are left always. */
  get #left(): number {
    return Math.max(this.#until - performance.now(), 1);
  }

  wait(
    name: string,
    args: StepArgument[],
    { timeout, signal, mustEnd = false, inBackground = false, giveBack, overdue }: StepWait,
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
    let timer: ReturnType<typeof setTimeout> | undefined;
    /** Ends the wait, unless an answer comes by then. */
    const endIn = (time: number) => {
      clearTimeout(timer);
      if (overdue === undefined || time > LONGEST_TIMER) return;
      timer = setTimeout(() => {
        isSettled = true;
        signal?.removeEventListener("abort", abort);
        leaveInBackground(ticket);
        if (overdue === "nothing") resolve(null);
        else reject(unanswered(signal));
      }, time);
      unrefTimer(timer); // the ticket keeps the event loop alive
    };
    const abort = () => {
      this.native.hasten(ticket);
      if (mustEnd) {
        endIn(GRACE);
        return bringForward(ticket);
      }
      isSettled = true;
      clearTimeout(timer);
      leaveInBackground(ticket);
      reject(signal!.reason);
    };
    signal?.addEventListener("abort", abort, { once: true });
    if (timeout > 0) endIn(timeout + GRACE);
    listen(ticket, (outcome) => {
      clearTimeout(timer);
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
      for (const work of this.#leavers) work();
      void this.#next;
      if (this.#owed.hasSteps) parting(this, () => this.#owed.settle(AT_END));
    } catch {
      // Nothing can be done any more; the end gives back everything.
    }
    this.#isClosed = true;
    this.#owed.forget();
    hearNoMore(this.#id);
    this.native.close(this.#id, exitcode);
    for (const work of this.#closers.splice(0)) work();
  }

  onLeave(work: () => void): () => void {
    this.#leavers.add(work);
    return () => this.#leavers.delete(work);
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
