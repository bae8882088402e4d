// A process's membership in a tree on an engine: steps out, answers back. See library/frame.lua for what a step is.

import type { Answer, StepArgument } from "./answer.ts";
import type { Bell } from "./bell.ts";
import type { EngineNative } from "./native.ts";

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
