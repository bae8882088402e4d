// The classic deadlocks: a process is joined that cannot end before somebody takes from a queue, or reads its output.
// Whoever waits for such a process is told so, once.

import { shownName } from "../harmless.ts";
import { native } from "../native.ts";
import { tell } from "../notices.ts";
import type { Child } from "./child.ts";
import { clearTimeout, setTimeout } from "../timing.ts";

/** After how many milliseconds of waiting for a process it is asked for the first time why it does not end. */
const DOUBT_AFTER = 1000;

/** Asks about a process that somebody waits for, ever more seldom, until it has warned. */
export class Doubts {
  readonly #child: Child;
  /** The full queue that it was last seen waiting for, and how many messages had been taken from that. */
  #stuckAt: { queue: number; taken: number } | null = null;
  #nextIn = DOUBT_AFTER;

  constructor(child: Child) {
    this.#child = child;
  }

  /** How many milliseconds after the last look, or after the beginning, to {@linkcode look} again. */
  get nextIn(): number {
    return this.#nextIn;
  }

  /** Warns if the process cannot end. */
  look(): void {
    const why = this.#child.poll() === null ? this.#unreadOutput() ?? this.#fullQueue() : null;
    if (why !== null) {
      tell(`Waiting for "${shownName(this.#child.name)}" (pid ${this.#child.pid}), which cannot end: ${why}`, "warn");
    }
    this.#nextIn = why === null ? this.#nextIn * 2 : Infinity;
  }

  /** Looks by timers from now on. What this returns stops that. */
  lookInTime(): () => void {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const next = () => {
      timer = this.#nextIn === Infinity ? undefined : setTimeout(() => {
        this.look();
        next();
      }, this.#nextIn);
    };
    next();
    return () => clearTimeout(timer);
  }

  #unreadOutput(): string | null {
    const name = this.#child.outputs.full;
    return name && `its ${name} is a full pipe; read the stream, or cancel it, before you join the process`;
  }

  #fullQueue(): string | null {
    const addon = native();
    const queue = addon.childPutting(this.#child.pid);
    // As it was at the last look: else somebody takes, if slowly.
    const last = this.#stuckAt;
    if (queue === 0) {
      this.#stuckAt = null;
      return null;
    }
    const [size, maxsize, taken] = [addon.queueSize(queue), addon.queueMaxsize(queue), addon.queueTaken(queue)];
    this.#stuckAt = { queue, taken };
    if (size < maxsize || last?.queue !== queue || last.taken !== taken) return null;
    return `it waits to put into the full queue <Queue ${queue} (${size} of ${maxsize} values)>, and nobody takes from ` +
      "that; take from the queue before you join the process";
  }
}
