// The classic deadlocks: a process is joined that cannot end before somebody takes from a queue, or reads its output.
// The process that joins is told so, once; but not while somebody may be about to take or read, if slowly.

import { shownName } from "../runtime/harmless.ts";
import { nameOfBlock } from "../addon/handles.ts";
import { native } from "../addon/load.ts";
import { tell } from "../runtime/notices.ts";
import { nameField } from "../runtime/object_name.ts";
import { Activity, activity } from "../queues/activity.ts";
import { clearTimeout, performance, setTimeout, unrefTimer } from "../runtime/timing.ts";
import type { Child } from "./child.ts";
import { Company } from "../addon/numbers.ts";

/** After how many milliseconds of waiting for a process it is asked for the first time why it does not end. */
const LOOK_AFTER = 1000;

/** For how many milliseconds nobody may have taken from a queue before that is told though somebody still might. */
const LONG = 30_000;

/** Those who wait for a process that waits itself: they do nothing for each other's. */
const stuck = new Set<DeadlockWatch>();

/** What a process waits for. */
interface Obstacle {
  /** Why it cannot end, if only the process that waits for it could help. */
  readonly why: string;
  /** Whether another process or thread might help. */
  readonly isShared: boolean;
  /** What has not happened for long. */
  readonly fact?: string;
}

/** Asks about a process that somebody waits for, ever more seldom, until it has warned. */
export class DeadlockWatch implements Disposable {
  readonly #child: Child;
  /** The full queue that it was last seen waiting for, how many messages had been taken from that, and since when. */
  #stuckAt: { queue: number; taken: number; since: number } | null = null;
  #nextIn = LOOK_AFTER;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(child: Child) {
    this.#child = child;
  }

  /** How many milliseconds after the last look, or after the beginning, to {@linkcode look} again. */
  get nextIn(): number {
    return this.#nextIn;
  }

  /** Warns if the process cannot end: if this thread `isBlocked`, or its program does nothing but wait. */
  look(isBlocked: boolean): void {
    const obstacle = this.#child.poll() === null ? this.#unreadOutput() ?? this.#fullQueue() : null;
    if (obstacle === null) stuck.delete(this);
    const said = obstacle && this.#say(obstacle, isBlocked);
    if (said) tell(`Waiting for "${shownName(this.#child.name)}" (pid ${this.#child.pid}), which ${said}`, "warn");
    this.#nextIn = said ? Infinity : this.#nextIn * 2;
  }

  #say({ why, isShared, fact }: Obstacle, isBlocked: boolean): string | undefined {
    stuck.add(this);
    const mayHelp = isShared || !isBlocked && activity(stuck.size) !== Activity.nothing;
    return mayHelp ? fact : `cannot end: ${why}`;
  }

  /** Looks by timers from now on, until this is disposed of. */
  lookInTime(): this {
    if (this.#nextIn === Infinity) return this;
    this.#timer = setTimeout(() => {
      this.look(false);
      this.lookInTime();
    }, this.#nextIn);
    unrefTimer(this.#timer); // the wait itself keeps the event loop alive
    return this;
  }

  #unreadOutput(): Obstacle | null {
    const name = this.#child.outputs.full;
    if (!name) return null;
    const advice = "read the stream, or cancel it, before you join the process";
    return {
      why: `its ${name} is a full pipe; ${advice}`,
      isShared: false,
      fact: this.#child.outputs[name]?.isRead ? undefined : `waits until its ${name}, a full pipe, is read; ${advice}`,
    };
  }

  #fullQueue(): Obstacle | null {
    const addon = native();
    const queue = addon.childPutting(this.#child.pid);
    // As it was at the last look: else somebody takes, if slowly.
    const last = this.#stuckAt;
    this.#stuckAt = null;
    if (queue === 0) return null;
    const [size, maxsize, taken] = [addon.queueSize(queue), addon.queueMaxsize(queue), addon.queueTaken(queue)];
    const isAsItWas = last?.queue === queue && last.taken === taken;
    const since = isAsItWas ? last.since : performance.now();
    this.#stuckAt = { queue, taken, since };
    if (size < maxsize || !isAsItWas) return null;
    const name = `<Queue ${queue} (${size} of ${maxsize} values${nameField(nameOfBlock(queue))})>`;
    const waited = performance.now() - since;
    return {
      why: `it waits to put into the full queue ${name}, and nobody takes from that; take from the queue before you ` +
        "join the process",
      isShared: addon.queueCompany(queue) === Company.awake,
      fact: waited < LONG ? undefined : `has waited for ${Math.round(waited / 1000)} s to put into the full queue ` +
        `${name}: nobody has taken from that meanwhile`,
    };
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    stuck.delete(this);
  }
}
