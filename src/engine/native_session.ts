// The membership in a tree on an engine, by the native library: opened, asked, and left.

import { VERSION } from "../addon/interface.ts";
import { EngineUnavailableError } from "../errors.ts";
import { getLogger } from "../runtime/logging.ts";
import { clearTimeout, performance, setTimeout, unrefTimer } from "../runtime/timing.ts";
import { Answer, type StepArgument } from "./answer.ts";
import { Bell } from "./bell.ts";
import { type Durability, durabilityText } from "./durability.ts";
import { engineNative, failureIn, isOverdue, isUnbegun, translated } from "./load.ts";
import type { EngineNative, EngineSettings, NativeArgument, Opened } from "./native.ts";
import { Owed } from "./owed.ts";
import { AT_END, parting } from "./parting.ts";
import type { Later, Session, StepWait, SyncWait } from "./session.ts";
import { bringForward, hear, hearNoMore, leaveInBackground, listen, openWaits, type Outcome } from "./waits.ts";

/** An answer that is so many milliseconds late is waited for no more by who has a time limit. */
const GRACE = 2_000;
/** The longest time of a timer. */
const LONGEST_TIMER = 2 ** 31 - 1;

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
