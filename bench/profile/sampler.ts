// Samples what the threads of a program and of its children do: how long they have a processor, how long they wait for one,
// and for what they sleep. Processor time is what the kernel counts; what a sleep is for is as the samples say: what the
// package itself notes, or else the function of the kernel that the thread sleeps in.

import type { Viewer } from "../../src/live/viewer.ts";

/** What threads of one name have done, in milliseconds, in all processes that are the same to the program. */
export interface Threads {
  /** "program", or "children". */
  readonly of: string;
  readonly name: string;
  /** How many such threads there were. */
  count: number;
  /** For how long they were there, all together. */
  alive: number;
  onCpu: number;
  waitingForCpu: number;
  /** By what they slept for. */
  readonly sleeping: Map<string, number>;
}

/** A thread as it was last seen. */
interface Seen {
  readonly threads: Threads;
  at: number;
  onCpu: number;
  waitingForCpu: number;
}

/** What the kernel's functions say that a thread sleeps for. */
const KERNEL: readonly [in_: RegExp, what: string][] = [
  [/futex/, "futex"],
  [/ep_poll|epoll/, "epoll"],
  [/poll|select/, "poll"],
  [/pipe/, "pipe"],
  [/unix_|sock|skb/, "socket"],
  [/nanosleep|timer/, "timer"],
  [/do_wait|kernel_wait/, "end of a child"],
  [/page|fault|folio|swap|io_schedule/, "memory"],
];

/** What a thread sleeps for whose `wchan` is that. */
export function sleepIn(wchan: string): string {
  if (wchan === "" || wchan === "0") return "unknown";
  return KERNEL.find(([functions]) => functions.test(wchan))?.[1] ?? wchan;
}

/** Milliseconds on a processor, and waiting for one, of a line of `schedstat`. */
export function timesIn(schedstat: string): readonly [onCpu: number, waiting: number] {
  const [onCpu, waiting] = schedstat.split(" ").map((it) => Number(it) / 1e6);
  return [onCpu, waiting];
}

function read(path: string): string | null {
  try {
    return Deno.readTextFileSync(path).trim();
  } catch {
    return null; // it has ended meanwhile, or the kernel does not tell
  }
}

function threadsOf(pid: number): number[] {
  try {
    return [...Deno.readDirSync(`/proc/${pid}/task`)].map(({ name }) => Number(name));
  } catch {
    return []; // it has ended meanwhile
  }
}

/** Looks at a program again and again. */
export class Sampler {
  readonly #root: number;
  readonly #viewer: Viewer | null;
  /** The processes that were found, and whether one is a child of the program. */
  readonly #processes = new Map<number, boolean>();
  readonly #seen = new Map<string, Seen>();
  readonly #threads = new Map<string, Threads>();

  /**
   * @param root The process whose child is the program.
   * @param viewer Tells what the package notes that its threads sleep for.
   */
  constructor(root: number, viewer: Viewer | null) {
    this.#root = root;
    this.#viewer = viewer;
  }

  /** All threads that have had a processor while they were looked at, the busiest first. */
  get threads(): Threads[] {
    return [...this.#threads.values()].filter(({ onCpu }) => onCpu > 0).sort((a, b) => b.onCpu - a.onCpu);
  }

  /** Looks once. */
  look(): void {
    for (const pid of childrenOf(this.#root)) if (!this.#processes.has(pid)) this.#processes.set(pid, false);
    const notes = this.#notes();
    for (const [pid, isChild] of this.#processes) {
      const threads = threadsOf(pid);
      if (threads.length === 0) this.#processes.delete(pid);
      for (const tid of threads) {
        if (!this.#lookAt(pid, tid, isChild, notes.get(tid))) continue;
        for (const child of childrenOf(pid, tid)) if (!this.#processes.has(child)) this.#processes.set(child, true);
      }
    }
  }

  /** Looks at a thread; whether it has had a processor since the last look. */
  #lookAt(pid: number, tid: number, isChild: boolean, note: string | undefined): boolean {
    const schedstat = read(`/proc/${pid}/task/${tid}/schedstat`);
    if (schedstat === null) return false;
    const [onCpu, waitingForCpu] = timesIn(schedstat);
    const now = performance.now();
    const seen = this.#seen.get(`${pid} ${tid}`);
    if (seen === undefined) {
      const threads = this.#threadsNamed(isChild ? "children" : "program", nameOf(pid, tid));
      threads.count++;
      this.#seen.set(`${pid} ${tid}`, { threads, at: now, onCpu, waitingForCpu });
      this.#add(threads, 0, onCpu, waitingForCpu);
      return true;
    }
    const [elapsed, ran, waited] = [now - seen.at, onCpu - seen.onCpu, waitingForCpu - seen.waitingForCpu];
    this.#add(seen.threads, elapsed, ran, waited);
    const slept = elapsed - ran - waited;
    if (slept > 0) {
      const what = note ?? sleepIn(read(`/proc/${pid}/task/${tid}/wchan`) ?? "");
      seen.threads.sleeping.set(what, (seen.threads.sleeping.get(what) ?? 0) + slept);
    }
    Object.assign(seen, { at: now, onCpu, waitingForCpu });
    return ran > 0;
  }

  /** What a thread has had before it was first seen counts as time that it was there. */
  #add(threads: Threads, elapsed: number, ran: number, waited: number): void {
    threads.alive += Math.max(elapsed, ran + waited);
    threads.onCpu += ran;
    threads.waitingForCpu += waited;
  }

  #threadsNamed(of: string, name: string): Threads {
    const key = `${of} ${name}`;
    const known = this.#threads.get(key) ??
      { of, name, count: 0, alive: 0, onCpu: 0, waitingForCpu: 0, sleeping: new Map() };
    this.#threads.set(key, known);
    return known;
  }

  /** For what the package's threads sleep, by their ids. */
  #notes(): Map<number, string> {
    const notes = new Map<number, string>();
    if (this.#viewer === null) return notes;
    for (const { processes } of this.#viewer.look().trees) {
      for (const { tid, waitsFor } of processes.flatMap(({ threads }) => threads)) {
        if (waitsFor !== null) notes.set(tid, waitsFor.kind);
      }
    }
    return notes;
  }
}

/** The name of a thread, without a number behind it; that of the first is "main". */
function nameOf(pid: number, tid: number): string {
  if (tid === pid) return "main";
  return (read(`/proc/${pid}/task/${tid}/comm`) ?? "?").replace(/[-_ ]?\d+$/, "");
}

/** The processes that a thread has started, and that have not ended. */
function childrenOf(pid: number, tid = pid): number[] {
  return (read(`/proc/${pid}/task/${tid}/children`) ?? "").split(" ").filter((it) => it !== "").map(Number);
}
