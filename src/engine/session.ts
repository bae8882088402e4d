// A process's membership in a tree on an engine: steps out, answers back. See library/frame.lua for what a step is.

import type { EngineNative } from "./native.ts";

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
  /** Hears what is told to this member without having been asked: `tell` of library/frame.lua. */
  on(event: string, listener: (...parts: Uint8Array[]) => void): void;
}
