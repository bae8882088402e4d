// Which threads of a tree can never go on, as far as can be seen: each of them waits for something that only others of
// them could end. And how they wait for each other in a circle, if they do.
//
// A thread that runs, or waits for something of which it is not known who ends it, may go on. One that waits goes on if
// one of those may who could end its wait. Whoever is then left is stuck. A thread in its event loop is taken to go on
// only by the promises that are listed: a timer may wake it, too, so what rests on promises is not certain.

import type { LiveProcess, LiveQueue, LiveWait } from "../live/snapshot.ts";
import type { TreeIndex, Waiter } from "./tree_index.ts";

/** A thread of a process. */
export interface Agent {
  readonly process: LiveProcess;
  readonly tid: number;
}

/** Threads that wait for each other in a circle. */
export interface Circle {
  readonly agents: readonly Agent[];
  /** Whether none of the waits is that of a promise. */
  readonly isCertain: boolean;
}

/** Who of a tree is stuck. */
export class Standstill {
  readonly #index: TreeIndex;
  readonly #agents: readonly Agent[];
  readonly #free = new Set<Agent>();

  constructor(index: TreeIndex) {
    this.#index = index;
    this.#agents = index.tree.processes.flatMap((process) => process.threads.map(({ tid }) => ({ process, tid })));
    // Each round frees those that only wait for what the rounds before have freed.
    for (let before = -1; before < this.#free.size;) {
      before = this.#free.size;
      for (const agent of this.#agents) if (!this.#free.has(agent) && this.#mayGoOn(agent)) this.#free.add(agent);
    }
  }

  /** Whether the wait can end only by what was not seen: a timeout, a signal, the end of a process. */
  isStuck({ process, wait }: Waiter): boolean {
    return !this.#mayEnd(wait, process);
  }

  /** The circle that a wait leads into; `undefined` if it leads into none. */
  circleFrom(waiter: Waiter): Circle | undefined {
    if (!this.isStuck(waiter)) return undefined;
    const own = this.#agents.find((it) => it.process === waiter.process && it.tid === waiter.thread?.tid);
    if (own === undefined) return undefined;
    return this.#search([own], [waiter], new Set());
  }

  #search(path: readonly Agent[], waits: readonly Waiter[], seen: Set<Agent>): Circle | undefined {
    const agent = path.at(-1)!;
    seen.add(agent);
    for (const waiter of waits) {
      for (const next of this.#causes(waiter)) {
        const at = path.indexOf(next);
        if (at >= 0) return this.#circle(path.slice(at));
        if (seen.has(next)) continue;
        const found = this.#search([...path, next], this.#waitsOf(next), seen);
        if (found !== undefined) return found;
      }
    }
    return undefined;
  }

  #circle(agents: readonly Agent[]): Circle {
    return { agents, isCertain: agents.every((it) => this.#waitsOf(it).every(({ isPromise }) => !isPromise)) };
  }

  #waitsOf({ process, tid }: Agent): Waiter[] {
    return this.#index.waitersOfThread(process.pid, tid);
  }

  #mayGoOn(agent: Agent): boolean {
    const waits = this.#waitsOf(agent);
    if (waits.length === 0 || waits.some((it) => it.isPromise) && agent.process.morePromises > 0) return true;
    return waits.some(({ wait }) => this.#mayEnd(wait, agent.process));
  }

  #mayEnd(wait: LiveWait, process: LiveProcess): boolean {
    if (endsByItself(this.#index, wait)) return true;
    const causes = this.#agentsBehind(wait, process);
    return causes === undefined || causes.some((it) => this.#free.has(it));
  }

  /** The threads that a wait is for: those that have what is waited for, and others than the waiter that use the queue. */
  #causes({ wait, process, thread }: Waiter): Agent[] {
    const isFor = wait.kind === "lock" || wait.kind === "process" || wait.kind.startsWith("queue-");
    const agents = isFor ? this.#agentsBehind(wait, process) ?? [] : [];
    if (wait.kind === "lock") return agents;
    return agents.filter((it) => it.process !== process || it.tid !== thread?.tid);
  }

  /** The threads of which one could end a wait; `undefined` if that is not known. */
  #agentsBehind(wait: LiveWait, process: LiveProcess): Agent[] | undefined {
    const { locks, queues } = this.#index;
    switch (wait.kind) {
      case "lock": {
        const { pid, tid } = locks.get(wait.object ?? "")!.holder!;
        return this.#known(this.#agents.filter((it) => it.process.pid === pid && it.tid === tid));
      }
      case "process":
        return this.#known(this.#agents.filter((it) => it.process.pid === wait.pid && it.tid === wait.pid));
      case "queue-get":
      case "queue-put":
      case "queue-join": {
        const users = queues.get(wait.object ?? "")!.users ?? [process.pid];
        if (users.some((pid) => this.#isWithoutThreads(pid))) return undefined;
        return this.#agents.filter((it) => users.includes(it.process.pid));
      }
      default:
        if (this.#index.tree.processes.some(({ pid }) => this.#isWithoutThreads(pid))) return undefined;
        return [...this.#agents];
    }
  }

  #known(agents: Agent[]): Agent[] | undefined {
    return agents.length === 0 ? undefined : agents;
  }

  /** Whether a process lives of which no thread has been seen: it is starting, and may do anything. */
  #isWithoutThreads(pid: number): boolean {
    const process = this.#index.process(pid);
    return process !== undefined && process.state !== "ended" && process.threads.length === 0;
  }
}

/** Whether a wait is about to end, or it is not known who ends it. */
function endsByItself(index: TreeIndex, { kind, object, pid }: LiveWait): boolean {
  const id = object ?? "";
  switch (kind) {
    case "lock": {
      const holder = index.locks.get(id)?.holder;
      return holder === undefined || holder === null || !holder.livesOn || holder.pid === 0;
    }
    case "semaphore":
      return index.semaphores.get(id)?.value !== 0;
    case "event":
      return index.events.get(id)?.isSet !== false;
    case "condition":
      return !index.conditions.has(id);
    case "barrier": {
      const barrier = index.barriers.get(id);
      return barrier === undefined || barrier.isBroken || barrier.arrived >= barrier.parties;
    }
    case "process":
      return pid === null || index.process(pid) === undefined || index.process(pid)!.state === "ended";
    case "queue-get":
    case "queue-put":
    case "queue-join":
      return isAboutToServe(index.queues.get(id), kind);
    default:
      return true;
  }
}

function isAboutToServe(queue: LiveQueue | undefined, kind: LiveWait["kind"]): boolean {
  if (queue === undefined || queue.isShutDown) return true;
  if (kind === "queue-get") return queue.length > 0;
  if (kind === "queue-put") return queue.capacity === 0 || queue.length < queue.capacity;
  return queue.unfinished === null || queue.unfinished === 0;
}
