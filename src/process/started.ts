// A process that was started, as its object has it, wherever it runs: child.ts is one of this machine. Each class of
// processes may have a way of its own to start them.

import type { WaitOptions, WaitSyncOptions } from "../waiting/options.ts";
import { begin, type Beginning } from "./begin.ts";
import type { Sentinel } from "./sentinel.ts";

/** One output of a process that is piped, which is read once. */
export interface StartedOutput {
  /** The stream, always the same. */
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Whether it was closed before anybody asked for the stream. */
  readonly isDiscarded: boolean;
}

/** The outputs of a process: those that are piped. */
export interface StartedOutputs {
  readonly stdout: StartedOutput | null;
  readonly stderr: StartedOutput | null;
  /** Closes what nobody has asked for. */
  discard(): void;
}

/** A process that was started. */
export interface StartedProcess {
  readonly pid: number;
  readonly outputs: StartedOutputs;
  /** Ready when it has ended. */
  readonly sentinel: Sentinel;
  /** The exit code, if it has ended. */
  poll(): number | null;
  /** Waits for its end. */
  ended(): Promise<void>;
  /** As `Process.join`. */
  join(options?: WaitOptions): Promise<boolean>;
  /** As `Process.joinSync`. */
  joinSync(options?: WaitSyncOptions): boolean;
  /** Sends it a signal, unless it has ended. */
  send(signal: number): void;
}

/** Starts a process: it exists when this returns. */
export type Starter = (beginning: Beginning) => StartedProcess;

/** The classes whose processes are started in another way than {@linkcode begin}. */
const starters = new WeakMap<object, Starter>();

/** Says that processes of `Class` and of what extends it are started by `starter`. */
export function startBy(Class: object, starter: Starter): void {
  starters.set(Class, starter);
}

/** How processes of `Class` are started. */
export function starterOf(Class: unknown): Starter {
  for (let it = Class; typeof it === "function"; it = Object.getPrototypeOf(it)) {
    const starter = starters.get(it);
    if (starter !== undefined) return starter;
  }
  return begin;
}
