// What a viewer from outside sees of the trees of its user: one look, as plain data that JSON can hold.
//
// All of it was read while it changed, and some of it was written by processes that may be broken or hostile. So it is
// evidence, and nothing that a program may rely on: a process may be gone by now, and a lock may be another's. Texts have
// no control characters in them, and lists have bounds; `troubles` say what was cut or could not be read.

/** One look at all trees of a user. */
export interface Snapshot {
  /** When it was taken, as ISO 8601 has it. */
  readonly at: string;
  /** The live trees, by the pid of their first process. */
  readonly trees: readonly Tree[];
  /** What could not be seen, and why: a sentence each. */
  readonly troubles: readonly string[];
}

/** A process with all its descendants: those that share one memory. */
export interface Tree {
  /** The same at each look, and no other tree's while this one lives. */
  readonly id: string;
  /** The pid of the process that began it; 0 if that has ended and others go on. */
  readonly rootPid: number;
  /** Bytes of its shared memory that are in use by the system, in all processes together. */
  readonly sharedBytes: number;
  /** Its processes: each behind its parent, if that is there. */
  readonly processes: readonly LiveProcess[];
  /** Locks: `Lock`, `RLock`, and those of a `Value` or an `Array`. */
  readonly locks: readonly LiveLock[];
  readonly semaphores: readonly LiveSemaphore[];
  readonly events: readonly LiveEvent[];
  readonly conditions: readonly LiveCondition[];
  readonly barriers: readonly LiveBarrier[];
  readonly queues: readonly LiveQueue[];
  readonly pools: readonly LivePool[];
  /** What was left out, or looked corrupted: a sentence each. */
  readonly troubles: readonly string[];
}

/** A process of a tree. */
export interface LiveProcess {
  readonly pid: number;
  /** The pid of the process that has started it; `null` of the first, or if that has left its place. */
  readonly parentPid: number | null;
  /** The name, as `Process` has it; empty if it has none. */
  readonly name: string;
  /**
   * - `starting`: it was started, and has not entered its tree yet.
   * - `warm`: it has, and waits for work: it was started ahead, or is about to begin.
   * - `running`: it has begun its work.
   * - `ended`: it ended, or was killed, and nobody has cleared up behind it yet.
   */
  readonly state: "starting" | "warm" | "running" | "ended";
  /** Whether it is in a cage: with limited permissions. */
  readonly isCaged: boolean;
  /** Whether it is stopped, by a signal such as SIGSTOP or by a debugger: then it does nothing, whatever its state is. */
  readonly isStopped: boolean;
  /** Processor time so far, in milliseconds; `null` if that was not told. */
  readonly cpuMs: number | null;
  /** Of one processor, since the look before: 100 is all of it; `null` at the first look. */
  readonly cpuPercent: number | null;
  /** Resident bytes (RSS), with what it shares with others; `null` if that was not told. */
  readonly memoryBytes: number | null;
  /** When it started, as ISO 8601 has it; `null` if that was not told. */
  readonly startedAt: string | null;
  /** Those of its threads that have used shared memory: the main thread, Workers, and one that waits for promises. */
  readonly threads: readonly LiveThread[];
  /** What its promises wait for, the longest wait first. */
  readonly promises: readonly PromiseWait[];
  /** How many more promises wait for something, beyond those listed. */
  readonly morePromises: number;
}

/** A thread of a process that has used shared memory. */
export interface LiveThread {
  readonly tid: number;
  /** What the system calls it; empty if that was not told. */
  readonly name: string;
  /** What it sleeps for, blocked; `null` if it runs, or waits for something that is not this library's. */
  readonly waitsFor: LiveWait | null;
}

/** What something waits for. */
export interface LiveWait {
  /**
   * - `lock`: one of `locks` to become free.
   * - `semaphore`, `event`, `condition` (a notification), `barrier`: one of these.
   * - `queue-get`: a message; `queue-put`: room; `queue-join`: the last `taskDone`. One of `queues`.
   * - `queue-lock`: the short lock inside a queue.
   * - `process`: the end of process `pid`.
   * - `connection`: bytes from or to a connection, or something else outside the tree's memory.
   * - `memory`: the short lock of the tree's memory.
   * - `other`: something of this library that is none of these.
   */
  readonly kind:
    | "lock"
    | "semaphore"
    | "event"
    | "condition"
    | "barrier"
    | "queue-get"
    | "queue-put"
    | "queue-join"
    | "queue-lock"
    | "process"
    | "connection"
    | "memory"
    | "other";
  /** The `id` of what is waited for, in the tree's list of its kind; `null` if it is in none. */
  readonly object: string | null;
  /** The process whose end is waited for; `null` if it is something else. */
  readonly pid: number | null;
  /** For how long it has waited, in milliseconds. */
  readonly sinceMs: number;
}

/** What a promise waits for. */
export interface PromiseWait extends LiveWait {
  /** The thread in which it was made; 0 if that is not known. */
  readonly tid: number;
}

/** What every object of a tree has. */
export interface LiveObject {
  /** The same at each look, and no other object's of this tree, ever. */
  readonly id: string;
  /** The name that its maker gave it; empty for none. */
  readonly name: string;
}

/** A thread that has something. */
export interface LiveHolder {
  /** 0 if it was a client of a manager from another program. */
  readonly pid: number;
  readonly tid: number;
  /** The name of its process, also of one that has ended; empty if it is no longer known. */
  readonly processName: string;
  /** Whether its process lives. */
  readonly livesOn: boolean;
}

/** A lock. */
export interface LiveLock extends LiveObject {
  /** `value` is that of a `Value` or an `Array`. */
  readonly kind: "lock" | "rlock" | "value";
  /** Who has it; `null` if nobody does. */
  readonly holder: LiveHolder | null;
  /**
   * The holder has had it for so many milliseconds, or longer: since somebody found it held and began to wait, or since a
   * look of this viewer. `null` if it is free, or nobody has looked before.
   */
  readonly heldForAtLeastMs: number | null;
  /** How many acquisitions beyond the first its holder has to release; 0 of a `lock`. */
  readonly depth: number;
  /** How many threads and promises wait for it, as far as they are listed. */
  readonly waiters: number;
}

/** A semaphore. Who has acquired it is not recorded. */
export interface LiveSemaphore extends LiveObject {
  /** How many acquisitions would succeed now. */
  readonly value: number;
  /** Its bound; `null` if it has none. */
  readonly bound: number | null;
  readonly waiters: number;
}

/** An event. */
export interface LiveEvent extends LiveObject {
  readonly isSet: boolean;
  readonly waiters: number;
}

/** A condition. */
export interface LiveCondition extends LiveObject {
  /** The `id` of its lock in `locks`; `null` if that is not there. */
  readonly lock: string | null;
  readonly waiters: number;
}

/** A barrier. */
export interface LiveBarrier extends LiveObject {
  readonly parties: number;
  /** How many have arrived in this round. */
  readonly arrived: number;
  readonly isBroken: boolean;
  readonly waiters: number;
}

/** A thread or a promise that sleeps at a queue. */
export interface LiveSleeper {
  readonly pid: number;
  /** 0 if it is not known. */
  readonly tid: number;
  readonly isPromise: boolean;
  /** For how long, in milliseconds. */
  readonly sinceMs: number;
}

/** A queue. */
export interface LiveQueue extends LiveObject {
  /** How many messages are in it. */
  readonly length: number;
  /** How many may be; 0 is no limit. */
  readonly capacity: number;
  /** Bytes of its rings that messages take. Those longer than 2 MiB lie elsewhere, and count as a few. */
  readonly bytes: number;
  /** How many messages were ever put and taken, modulo 2³². */
  readonly put: number;
  readonly taken: number;
  /** Since the look before; `null` at the first. */
  readonly putPerSecond: number | null;
  readonly takenPerSecond: number | null;
  /** Messages that nobody has acknowledged, of a `JoinableQueue`; else `null`. */
  readonly unfinished: number | null;
  /** Whether it was shut down: nothing can be put any more. */
  readonly isShutDown: boolean;
  /** Pids of the living processes that have it, as far as it was ever sent to others; `null` if it was not. */
  readonly users: readonly number[] | null;
  /** Who waits for room. */
  readonly putters: readonly LiveSleeper[];
  /** Who waits for a message. */
  readonly takers: readonly LiveSleeper[];
  /** Who waits for the last acknowledgement. */
  readonly joiners: readonly LiveSleeper[];
}

/** A pool, as its maker has told last. */
export interface LivePool extends LiveObject {
  /** The process that has made it. */
  readonly pid: number;
  /** Whether its maker lives. */
  readonly livesOn: boolean;
  /** How many workers it is to have, at most. */
  readonly processes: number;
  /** How many of them have a task, or are about to take one. */
  readonly busy: number;
  /** How many tasks wait for a worker; a call whose input has not ended counts as one. */
  readonly queued: number;
  /** How many tasks have ended well, modulo 2³². */
  readonly done: number;
  /** How many have failed, modulo 2³². */
  readonly failed: number;
  /** Since the look before; `null` at the first. */
  readonly donePerSecond: number | null;
}
