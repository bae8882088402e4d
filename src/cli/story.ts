// The story of a wait, in sentences: what it is for, who could end it, what these wait for in turn, down to the end.

import type { LiveLock, LiveProcess, LiveQueue } from "../live/snapshot.ts";
import type { Circle, Standstill } from "./deadlock.ts";
import { counted, duration, listed } from "./format.ts";
import { goalOf, holderLabel, processLabel, threadLabel, waiterLabel } from "./names.ts";
import { type Activity, activityClause } from "./proc.ts";
import type { TreeIndex, Waiter } from "./tree_index.ts";

/** A sentence, and how far it is from the beginning of its story. */
export interface Sentence {
  readonly depth: number;
  readonly text: string;
}

/** How many processes that could end a wait are looked at, … */
const MOST_PARTIES = 4;
/** … up to how many have their waits followed, … */
const MOST_FOLLOWED = 2;
/** … how many waits of one, … */
const MOST_WAITS = 3;
/** … and how long a chain is followed. */
const MOST_DEPTH = 12;

/** Tells what the waits of a tree are about. Each thread is told of once. */
export class Storyteller {
  readonly #index: TreeIndex;
  readonly #standstill: Standstill;
  readonly #activityOf: (pid: number, tid: number) => Activity;
  readonly #told = new Set<string>();
  #sentences: Sentence[] = [];

  constructor(index: TreeIndex, standstill: Standstill, activityOf: (pid: number, tid: number) => Activity) {
    this.#index = index;
    this.#standstill = standstill;
    this.#activityOf = activityOf;
  }

  /** Of a wait: the sentences, the first of which is about the waiter. */
  tell(waiter: Waiter): Sentence[] {
    this.#sentences = [];
    this.#tellWait(waiter, 0, waiterLabel(waiter));
    const circle = this.#standstill.circleFrom(waiter);
    if (circle !== undefined) this.#say(0, circleSentence(circle));
    else if (this.#standstill.isStuck(waiter)) {
      this.#say(0, "Nobody is left who could end this wait, unless it has a timeout or a signal.");
    }
    return this.#sentences;
  }

  #say(depth: number, text: string): void {
    this.#sentences.push({ depth, text });
  }

  #tellWait(waiter: Waiter, depth: number, subject: string): void {
    this.#told.add(keyOf(waiter.process, waiter.thread?.tid));
    this.#say(depth, waitSentence(this.#index, subject, waiter));
    if (depth < MOST_DEPTH) this.#tellObject(waiter, depth + 1);
  }

  #tellObject(waiter: Waiter, depth: number): void {
    const { kind, object, pid } = waiter.wait;
    const id = object ?? "";
    const index = this.#index;
    if (kind === "lock" && index.locks.has(id)) this.#tellLock(index.locks.get(id)!, waiter, depth);
    else if (kind.startsWith("queue-") && index.queues.has(id)) this.#tellQueue(index.queues.get(id)!, waiter, depth);
    else if (kind === "barrier") this.#tellBarrier(id, depth);
    else if (kind === "semaphore") this.#tellSemaphore(id, depth);
    else if (kind === "event") this.#tellEvent(id, depth);
    else if (kind === "condition") this.#tellCondition(id, waiter, depth);
    else if (kind === "process" && pid !== null) this.#tellEnd(pid, depth);
  }

  #tellLock(lock: LiveLock, waiter: Waiter, depth: number): void {
    const { holder, heldForAtLeastMs, waiters } = lock;
    if (holder === null) return this.#say(depth, "It is free at this moment: the wait is about to end.");
    const label = holderLabel(holder);
    if (!holder.livesOn) {
      return this.#say(depth, `Its holder, ${label}, has ended: who waits notices that within about a second.`);
    }
    const since = heldForAtLeastMs === null ? "" : `, for at least ${duration(heldForAtLeastMs)}`;
    const others = waiters > 1 ? ` ${counted(waiters - 1, "other waits", "others wait")} for it, too.` : "";
    const process = this.#index.process(holder.pid);
    if (process === undefined) return this.#say(depth, `It is held by ${label}${since}.${others}`);
    const who = threadLabel(process, holder.tid);
    const isItself = process === waiter.process && holder.tid === waiter.thread?.tid;
    if (isItself) return this.#say(depth, `It is held by the same thread, the ${who} of ${label}${since}.${others}`);
    this.#say(depth, `It is held by the ${who} of ${label}${since}.${others}`);
    this.#tellThread(process, holder.tid, depth);
  }

  /** What a thread does that others wait for. */
  #tellThread(process: LiveProcess, tid: number, depth: number): void {
    const subject = `The ${threadLabel(process, tid)} of ${processLabel(process)}`;
    const activity = this.#activityOf(process.pid, tid);
    if (process.state === "ended" || ["stopped", "traced", "ended"].includes(activity)) {
      const clause = activityClause(process.state === "ended" ? "ended" : activity, process.pid);
      return this.#say(depth, `${subject} ${clause}.`);
    }
    if (this.#told.has(keyOf(process, tid))) return;
    const waits = this.#index.waitersOfThread(process.pid, tid);
    if (waits.length === 0) return this.#say(depth, `${subject} ${activityClause(activity, process.pid)}.`);
    this.#told.add(keyOf(process, tid));
    for (const waiter of waits.slice(0, MOST_WAITS)) {
      this.#tellWait(waiter, depth, `${waiterLabel(waiter, "the")} of ${processLabel(process)}`);
    }
    if (waits.length > MOST_WAITS) this.#say(depth, `${waits.length - MOST_WAITS} more of its promises wait.`);
  }

  /** What a process does that others wait for: its main thread, and those of its threads that wait. */
  #tellProcess(process: LiveProcess, depth: number): void {
    const { state, pid, threads } = process;
    if (state === "starting") return this.#say(depth, `${sentenceStart(processLabel(process))} is still starting.`);
    const tids = new Set([pid, ...threads.filter((it) => it.waitsFor !== null).map((it) => it.tid)]);
    for (const tid of [...tids].slice(0, MOST_WAITS)) this.#tellThread(process, tid, depth);
  }

  #tellQueue(queue: LiveQueue, waiter: Waiter, depth: number): void {
    const { kind } = waiter.wait;
    if (kind === "queue-lock") return;
    if (queue.isShutDown) return this.#say(depth, "It is shut down: the wait is about to end.");
    this.#say(depth, stateOfQueue(queue, kind));
    const helps = kind === "queue-get" ? "put" : kind === "queue-put" ? "take" : "acknowledge";
    const own = waiter.process.pid;
    if (queue.users === null) {
      return this.#say(depth, `It was never sent to another process, so only ${who(waiter)} could ${helps} anything.`);
    }
    const others = queue.users.filter((pid) => pid !== own).flatMap((pid) => this.#index.process(pid) ?? []);
    if (others.length === 0) {
      const nobody = {
        put: "nobody puts anything in",
        take: "nobody takes from it",
        acknowledge: "nobody works on it",
      };
      return this.#say(depth, `No other living process has it, so ${nobody[helps]}, unless ${who(waiter)} does.`);
    }
    this.#say(depth, `${counted(others.length, "other process has", "other processes have")} it: ${names(others)}.`);
    this.#tellParties(others, depth);
  }

  /** What those do that could end a wait: of a few the whole story, of more what each waits for. */
  #tellParties(parties: readonly LiveProcess[], depth: number): void {
    if (parties.length <= MOST_FOLLOWED) return parties.forEach((process) => this.#tellProcess(process, depth));
    for (const process of parties.slice(0, MOST_PARTIES)) {
      const waiter = this.#index.waitersOf(process)[0];
      if (waiter === undefined) this.#tellProcess(process, depth);
      else {this.#say(
          depth,
          waitSentence(this.#index, `${waiterLabel(waiter, "the")} of ${processLabel(process)}`, waiter),
        );}
    }
  }

  #tellBarrier(id: string, depth: number): void {
    const barrier = this.#index.barriers.get(id);
    if (barrier === undefined) return;
    const { arrived, parties, isBroken } = barrier;
    if (isBroken) return this.#say(depth, "It is broken: the wait is about to end.");
    const come = this.#index.processesAt(id);
    const here = come.length === 0 ? "" : `: ${names(come)}`;
    this.#say(depth, `${arrived} of ${parties} parties have come${here}.`);
    const absent = this.#index.tree.processes.filter((it) => it.state !== "ended" && !come.includes(it));
    if (arrived >= parties) return;
    const missing = `${parties - arrived} missing`;
    if (absent.length === 0) return this.#say(depth, `${missing}, and every process of the tree is there.`);
    this.#say(depth, `${missing}. Not there: ${names(absent)}.`);
    this.#tellParties(absent, depth);
  }

  #tellSemaphore(id: string, depth: number): void {
    const semaphore = this.#index.semaphores.get(id);
    if (semaphore === undefined) return;
    const { value, bound, waiters } = semaphore;
    if (value > 0) return this.#say(depth, `Its value is ${value}: the wait is about to end.`);
    const of = bound === null ? "" : ` of ${bound}`;
    const others = waiters > 1 ? ` ${counted(waiters - 1, "other waits", "others wait")} for it, too.` : "";
    this.#say(depth, `Its value is 0${of}. Who has acquired it is not recorded; any process may release it.${others}`);
  }

  #tellEvent(id: string, depth: number): void {
    const event = this.#index.events.get(id);
    if (event === undefined) return;
    this.#say(
      depth,
      event.isSet ? "It is set: the wait is about to end." : "It is not set. Any process that has it may set it.",
    );
  }

  #tellCondition(id: string, waiter: Waiter, depth: number): void {
    const condition = this.#index.conditions.get(id);
    if (condition === undefined) return;
    const lock = condition.lock === null ? undefined : this.#index.locks.get(condition.lock);
    this.#say(depth, "Nobody has notified it yet. Whoever does must hold its lock.");
    if (lock !== undefined && lock.holder !== null) this.#tellLock(lock, waiter, depth);
  }

  #tellEnd(pid: number, depth: number): void {
    const process = this.#index.process(pid);
    if (process === undefined || process.state === "ended") {
      return this.#say(depth, `Process ${pid} has ended: the wait is about to end.`);
    }
    this.#tellProcess(process, depth);
  }
}

function waitSentence(index: TreeIndex, subject: string, { wait }: Waiter): string {
  return `${sentenceStart(subject)} waits ${goalOf(index, wait)}, for ${duration(wait.sinceMs)}.`;
}

function keyOf(process: LiveProcess, tid: number | undefined): string {
  return `${process.pid}/${tid ?? process.pid}`;
}

function who({ process }: Waiter): string {
  return `another part of ${processLabel(process)}`;
}

/** The names of processes, not of too many. */
function names(processes: readonly LiveProcess[]): string {
  const shown = processes.slice(0, MOST_PARTIES).map(processLabel);
  const more = processes.length - shown.length;
  return listed(more > 0 ? [...shown, `${more} more`] : shown);
}

function stateOfQueue({ length, capacity, unfinished, takers, putters }: LiveQueue, kind: string): string {
  if (kind === "queue-put") {
    const isFull = capacity > 0 && length >= capacity;
    const taken = takers.length === 0 ? ", and nobody waits to take from it" : "";
    if (isFull) return `It is full: ${counted(length, "message")} of ${capacity}${taken}.`;
    return `It has ${counted(length, "message")}${capacity > 0 ? ` of ${capacity}` : ""}: there is room.`;
  }
  if (kind === "queue-get") {
    if (length > 0) return `It has ${counted(length, "message")}: the wait is about to end.`;
    return `It is empty, and ${putters.length === 0 ? "nobody is about to put anything in" : "somebody is putting"}.`;
  }
  const open = unfinished ?? 0;
  return `${counted(open, "message is", "messages are")} not acknowledged; ${length} of them in the queue still.`;
}

/** How threads wait for each other in a circle. */
function circleSentence({ agents, isCertain }: Circle): string {
  const labels = agents.map(({ process, tid }) =>
    tid === process.pid ? processLabel(process) : `${threadLabel(process, tid)} of ${processLabel(process)}`
  );
  const chain = labels.length === 1
    ? `${labels[0]} waits for itself`
    : `${labels[0]} waits for ${[...labels.slice(1), labels[0]].join(", which waits for ")}`;
  if (isCertain) return `Deadlock: ${chain}.`;
  return `This looks like a deadlock, unless other code of these event loops goes on: ${chain}.`;
}

function sentenceStart(text: string): string {
  return text.replace(/^(?:its|the|a|process)(?= )/, (word) => word[0].toUpperCase() + word.slice(1));
}
