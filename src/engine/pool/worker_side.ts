// The worker's side of a desk on an engine. The pool's is desks.ts; the steps are in ../library/pool.lua.
//
// A worker asks for its next task in the step that answers the last one: so a task costs one round trip. The task that it
// gets is begun by then. Where none waits, it lets its event loop go on until it is offered one, which it begins by a step.

import { holdLoop, releaseLoop } from "../../addon/waits.ts";
import type { TravellingReference } from "../../callable/late.ts";
import type { TaskServer, WorkerSide } from "../../pool/desk.ts";
import { Kind, type WorkerSettings } from "../../pool/messages.ts";
import type { Frame, Head } from "../../queues/frame.ts";
import { harmless } from "../../runtime/harmless.ts";
import { fail } from "../../runtime/uncaught.ts";
import { performance, queueMicrotask, setTimeout } from "../../runtime/timing.ts";
import type { Answer, Session, StepArgument } from "../session.ts";
import { EngineFrame, writeFrame, type WrittenFrame } from "./frame.ts";
import { readFunction } from "./functions.ts";
import { MOST_UNREAD, OWN_FUNCTIONS, type PoolTicket } from "./messages.ts";
import { numberOf, textOf } from "../text.ts";

/** Milliseconds after which the event loop gets a turn between two tasks: the user may have timers and sockets. */
const TURN_EVERY = 50;
/** Milliseconds from one look at whether a task is wanted to the next. */
const LOOK_EVERY = 5;
/** Milliseconds that a report waits for the pool to read, at most. */
const REPORT_PATIENCE = 100;

/** What a worker is told in the place of a task. */
type Next = Frame | "stop" | "gone" | "none";

/** The worker's side of one desk. */
export class EngineWorkerSide implements WorkerSide {
  readonly #session: Session;
  readonly #pool: string;
  readonly #worker: number;
  readonly #settings: WorkerSettings;
  readonly #key: Uint8Array;
  readonly #trusted = new WeakSet<object>();
  #begun = 0;
  #memory = 0;
  #lastTurn = performance.now();
  /** The answers that are to be sent with the next step, by their tasks. */
  readonly #answers = new Map<number, WrittenFrame>();
  /** Why tasks are not wanted any more. */
  readonly #cancelled = new Map<number, number>();
  /** When it was last looked whether a task is wanted. */
  readonly #looks = new Map<number, number>();
  #cancellation = Promise.withResolvers<void>();
  #server: TaskServer | null = null;

  /**
   * The side of a worker in a tree that this process is in.
   *
   * @param key What the pool has signed its functions with.
   */
  constructor(session: Session, key: Uint8Array, [, pool, worker]: PoolTicket, settings: WorkerSettings) {
    this.#session = session;
    this.#key = key;
    this.#pool = pool;
    this.#worker = worker;
    this.#settings = settings;
    session.on("pool.cancel", (o, number, why) => this.#noteCancelled(o, number, numberOf(why)));
    session.on("pool.give_up", (o, number) => {
      if (textOf(o) === pool) this.#server?.giveUp(numberOf(number));
    });
  }

  /** Becomes this worker of the pool; whether the pool goes on. */
  enter(): boolean {
    return this.#session.step("pool_enter", this.#pool, this.#worker).refusal === null;
  }

  /** The engine's content must not make a process import anything, unless it is signed. */
  trusts(reference: TravellingReference): boolean {
    return this.#trusted.has(reference);
  }

  /** No clock of another host is compared with this one's. */
  get clock(): readonly [number, number] {
    return [performance.now(), NaN];
  }

  async work(server: TaskServer): Promise<boolean> {
    this.#server = server;
    return await (this.#settings.concurrency === 1 ? this.#workOneByOne(server) : this.#workTogether(server));
  }

  async #workOneByOne(server: TaskServer): Promise<boolean> {
    let next: Next = "none";
    for (;;) {
      if (next === "none") next = await this.#wait();
      if (next === "stop" || next === "gone") return next === "stop";
      if (next === "none") continue; // what it was offered was taken back
      await this.#serve(server, next);
      if (this.#isRetired) {
        next = "none";
        continue;
      }
      if (performance.now() - this.#lastTurn >= TURN_EVERY) {
        this.#tell();
        await this.#turn();
      }
      next = this.#read(this.#session.step("pool_next", ...this.#words("ask")));
    }
  }

  async #serve(server: TaskServer, frame: Frame, slot = 0): Promise<void> {
    this.#begun++;
    this.#looks.set(frame.task, performance.now());
    await server.serve(frame, slot);
    this.#cancelled.delete(frame.task);
    this.#looks.delete(frame.task);
  }

  /** The same, with several at a time. */
  async #workTogether(server: TaskServer): Promise<boolean> {
    const { concurrency } = this.#settings;
    const free = Array.from({ length: concurrency }, (_, i) => concurrency - 1 - i);
    let freed = Promise.withResolvers<void>();
    const run = async (frame: Frame, slot: number) => {
      await this.#serve(server, frame, slot);
      free.push(slot);
      freed.resolve();
      this.#tell();
    };
    for (;;) {
      const next = await this.#wait();
      if (next === "gone") return false;
      if (next === "none") continue;
      if (next === "stop") break;
      run(next, free.pop()!).catch(fail);
      while (free.length === 0) {
        freed = Promise.withResolvers();
        await freed.promise;
      }
    }
    while (free.length < concurrency) {
      freed = Promise.withResolvers();
      await freed.promise;
    }
    return true;
  }

  /** Whether it has had as many tasks, or as much memory, as it may. */
  get #isRetired(): boolean {
    const { maxtasksperchild, maxMemory } = this.#settings;
    return this.#begun >= maxtasksperchild || this.#memory * 1024 > maxMemory;
  }

  /** Waits for the next task; if it may have none, for the word to end. */
  async #wait(): Promise<Next> {
    const how = this.#isRetired ? "rest" : "wait";
    const answer = await this.#session.wait("pool_next", this.#words(how), { timeout: Infinity });
    this.#lastTurn = performance.now();
    if (answer === null || answer.refusal !== null) return "gone";
    const next = this.#read(answer);
    if (answer.text(0) !== "offer" || typeof next === "string") return next;
    const { refusal } = this.#session.step("pool_begin", this.#pool, this.#worker, next.task);
    if (refusal === null) return next;
    next.drop();
    return refusal === "taken" ? "none" : "gone";
  }

  #read(answer: Answer): Next {
    if (answer.refusal !== null) return "gone";
    const what = answer.text(0);
    if (what === "stop" || what === "none") return what;
    return new EngineFrame(this.#session, answer.bytes(2), answer.text(3));
  }

  /** Sends what there is to be answered, and asks for nothing. */
  #tell(): void {
    while (this.#answers.size > 0) {
      const words = this.#words("tell");
      if (this.#settings.concurrency === 1) this.#session.step("pool_next", ...words);
      else this.#session.send("pool_next", ...words).catch(() => {}); // who waits for the next task is told
    }
  }

  /** A step's words, with an answer that is to be sent. */
  #words(how: string): StepArgument[] {
    const words: StepArgument[] = [this.#pool, this.#worker, how, Math.round(this.#memory)];
    const [first] = this.#answers;
    if (first === undefined) return words;
    const [number, { bytes, objects, letGo }] = first;
    this.#answers.delete(number);
    // The step is sent before anything else is.
    queueMicrotask(letGo);
    return [...words, number, bytes, objects];
  }

  /** Lets the event loop turn. */
  async #turn(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.#lastTurn = performance.now();
  }

  async reference(fn: number | string): Promise<TravellingReference | null> {
    const answer = await this.#session.wait("pool_function", [this.#pool, fn], { timeout: Infinity });
    if (answer === null || answer.refusal !== null) return null;
    const seal = { key: this.#key, tree: this.#session.tree, pool: this.#pool, name: `${fn}` };
    const { found, isSigned } = readFunction(seal, answer.bytes(0));
    if ("refused" in found) throw new TypeError(harmless(found.refused, { multiline: true }));
    if (isSigned) this.#trusted.add(found);
    return found;
  }

  async arrived(reference: TravellingReference): Promise<TravellingReference> {
    const isOwn = "module" in reference && reference.module === OWN_FUNCTIONS;
    if (!isOwn) return reference;
    const found = await this.reference(reference.name);
    if (found === null) throw new Error(`Cannot run "${reference.label}": the pool is gone`);
    return found;
  }

  send(head: Head, list: readonly unknown[]): void {
    const frame = writeFrame(this.#session, head, list);
    if (head.kind === Kind.done || head.kind === Kind.failed || head.kind === Kind.mixed) {
      this.#answers.set(head.task, frame);
      return;
    }
    // At once, since this process may end next.
    this.#session.step("pool_say", this.#pool, this.#worker, frame.bytes, frame.objects);
    frame.letGo();
  }

  report(head: Head, value: unknown): void {
    const { bytes, objects, letGo } = writeFrame(this.#session, head, [value]);
    const words = [this.#pool, this.#worker, head.task, bytes, objects, MOST_UNREAD];
    this.#session.waitSync("pool_report", words, { timeout: REPORT_PATIENCE });
    letGo();
  }

  noteMemory(kib: number): void {
    this.#memory = kib;
  }

  noteItems(_slot: number, _items: number): void {
    // A task that has begun counts as a whole: see `itemsBegun` of pool_side.ts.
  }

  cancelled(_slot: number, number: number): number | null {
    const known = this.#cancelled.get(number);
    if (known !== undefined) return known;
    // A function that never awaits hears of no event: so it is looked at, now and then.
    const now = performance.now();
    if (now - (this.#looks.get(number) ?? now) < LOOK_EVERY) return null;
    this.#looks.set(number, now);
    const why = this.#session.lookSync(this.#session.tree, "pool_wanted", this.#pool, number).text(0);
    if (why === "") return null;
    this.#cancelled.set(number, Number(why));
    return Number(why);
  }

  #noteCancelled(pool: Uint8Array, task: Uint8Array, why: number): void {
    if (textOf(pool) !== this.#pool) return;
    const number = numberOf(task);
    if (!this.#looks.has(number)) return; // it has been answered meanwhile
    this.#cancelled.set(number, why);
    this.#cancellation.resolve();
    this.#cancellation = Promise.withResolvers();
  }

  async cancellation(signal: AbortSignal): Promise<void> {
    const { promise } = this.#cancellation;
    const aborted = Promise.withResolvers<never>();
    const abort = () => aborted.reject(signal.reason);
    signal.addEventListener("abort", abort);
    holdLoop();
    try {
      await Promise.race([promise, aborted.promise]);
    } finally {
      releaseLoop();
      signal.removeEventListener("abort", abort);
    }
  }
}
