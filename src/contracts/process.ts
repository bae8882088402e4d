// The contract of processes.

import type { AnyFunction } from "../callable/arguments.ts";
import type { ProcessOptions } from "../process/options.ts";
import type { WaitOptions, WaitSyncOptions } from "../waiting/options.ts";
import type { Waitable } from "../waiting/waitable.ts";

/** What can be done with a process, whoever implements it: as {@linkcode Process}, which is one implementation. */
export interface ProcessLike extends AsyncDisposable {
  /** For messages. */
  name: string;
  /** Whether it ends when its parent does. */
  daemon: boolean;
  /** The key that its connections authenticate each other with. */
  authkey: Uint8Array;
  /** The id that the operating system of its machine gave it; `null` before the start. */
  readonly pid: number | null;
  /** As {@linkcode pid}. */
  readonly ident: number | null;
  /** What `connection.wait` waits for until the process has ended. */
  readonly sentinel: Waitable;
  /** How it ended: 0 normally, n by `Deno.exit(n)`, −n by signal n; `null` while it runs or before it was started. */
  readonly exitcode: number | null;
  /** What it writes to its standard output, if that is `"piped"`. */
  readonly stdout: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** As {@linkcode stdout}, its standard error. */
  readonly stderr: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** What the process does. */
  run(): void | Promise<void>;
  /** Starts it. */
  start(): void;
  /** Waits for its end without blocking the thread; `false` if it did not end in time. */
  join(options?: WaitOptions): Promise<boolean>;
  /** As {@linkcode join}, blocking the thread. */
  joinSync(options?: WaitSyncOptions): boolean;
  /** Whether it has been started and has not ended. */
  isAlive(): boolean;
  /** Asks it to end (SIGTERM). */
  terminate(): void;
  /** Ends it (SIGKILL). */
  kill(): void;
  /** Interrupts it (SIGINT). */
  interrupt(): void;
  /** Lets go of what is known about a process that has ended. */
  close(): void;
}

/** A class of processes. Its options are those of {@linkcode Process}. */
export interface ProcessConstructor {
  /** A process that has yet to be started. */
  new <
    A extends readonly unknown[] = [],
    F extends AnyFunction = (...args: A) => unknown,
    K extends void = undefined,
  >(options?: ProcessOptions<A, F, K>): ProcessLike;
}
