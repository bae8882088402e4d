// A process's membership in a tree on an engine: steps out, answers back. See library/frame.lua for what a step is.

import type { EngineNative, EngineSettings } from "./native.ts";

/** What a step is given besides its name. Numbers are written as decimal text. */
export type StepArgument = string | number | Uint8Array;

/** How long a step is waited for, and what stops it. */
export interface StepWait {
  /** Milliseconds; `Infinity` for as long as it takes. */
  timeout: number;
  signal?: AbortSignal;
  /** Gives back what an aborted step has got in spite of that. */
  giveBack?: (answer: Answer) => void;
}

/** What a step has answered: `ok`, or `no` and why. */
export class Answer {
  readonly #parts: readonly Uint8Array[];

  constructor(parts: readonly Uint8Array[]) {
    this.#parts = parts;
  }

  /** Why it was refused; `null` if it was done. */
  get refusal(): string | null {
    return this.#text(0) === "ok" ? null : this.#text(1);
  }

  /** How many values there are. */
  get length(): number {
    return this.#parts.length - (this.refusal === null ? 1 : 2);
  }

  /** A value, as it is. */
  bytes(index: number): Uint8Array {
    return this.#parts[index + (this.refusal === null ? 1 : 2)];
  }

  /** A value that is text. */
  text(index: number): string {
    return decoder.decode(this.bytes(index));
  }

  /** A value that is a number. */
  number(index: number): number {
    return Number(this.text(index));
  }

  #text(index: number): string {
    return decoder.decode(this.#parts[index]);
  }
}

const decoder = new TextDecoder();

/** To be written. */
export interface Session {
  readonly native: EngineNative;
  /** The tree: 32 hexadecimal digits. */
  readonly tree: string;
  readonly member: number;
  /** Does a step that never waits; this thread is blocked meanwhile. */
  step(name: string, ...args: StepArgument[]): Answer;
  /** Does a step in the order of the calls; this thread goes on. */
  send(name: string, ...args: StepArgument[]): Promise<Answer>;
  /** Does a step that may have to wait; `null` if it was not done in time. The object is the step's first argument. */
  waitSync(name: string, args: StepArgument[], wait: Pick<StepWait, "timeout">): Answer | null;
  /** Likewise; this thread goes on. */
  wait(name: string, args: StepArgument[], wait: StepWait): Promise<Answer | null>;
  /** Calls a function that may be called again at any time, on the tree `tree`, or on `"hosts"`; blocks this thread. */
  lookSync(tree: string, name: string, ...args: StepArgument[]): Answer;
  /** Likewise; this thread goes on. */
  look(tree: string, name: string, ...args: StepArgument[]): Promise<Answer>;
  /** Leaves the tree, once: an orderly end with an exit code. */
  close(exitcode?: number): void;
  /** Whether this process has left the tree. */
  readonly closed: boolean;
  /** Hears what is told to this member without having been asked: `tell` of library/frame.lua. */
  on(event: string, listener: (...parts: Uint8Array[]) => void): void;
}

/** What a session is opened with. */
export interface SessionSettings extends EngineSettings {
  /** The engine's URL with its password, in the form that `address.ts` gives it. Never to be shown. */
  readonly url: string;
  /** The engine's URL without its password, for messages. */
  readonly shown: string;
  /** What an acknowledged step has outlived. */
  readonly durability: "memory" | "disk" | { replicas: number };
  /** The largest message, in bytes. */
  readonly maxMessage: number;
}

/**
 * Connects to an engine, and begins a tree there or enters one.
 *
 * @throws {EngineUnavailableError} If it does not answer.
 */
export function openSession({ shown }: SessionSettings): Session {
  throw new Deno.errors.NotSupported(`Cannot connect to the engine at ${shown}: the client is not there yet`);
}
