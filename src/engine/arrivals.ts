// What a thread has taken from a queue and not said yet that it has: until it says so, it goes back should the process die.
//
// With "lose" that is said by the next get, or before the thread's next step, or when the event loop turns: whoever hears
// of what was done with a value may be sure that nobody else gets it. With "redeliver" a value counts as dealt with at the
// next get, or when the queue is closed, or the process ends in order.

import { Finalize } from "../runtime/finalize.ts";
import { setTimeout, unrefTimer } from "../runtime/timing.ts";
import type { Session } from "./session.ts";

/** The most that one step says. */
const BATCH = 256;
/** Before the tree is left. */
const BEFORE_LEAVING = -90;

/** The takes of one handle of a queue. */
export class Arrivals {
  readonly #session: Session;
  readonly #queue: string;
  readonly #isKept: boolean;
  #takes: string[] = [];
  #isAnnounced = false;
  #finalize: Finalize | null = null;

  /** `isKept`: a value counts as taken only at the next get. */
  constructor(session: Session, queue: string, isKept: boolean) {
    this.#session = session;
    this.#queue = queue;
    this.#isKept = isKept;
  }

  /** Notes a take whose value was handed out. */
  add(take: string): void {
    this.#takes.push(take);
    if (this.#isKept) {
      this.#finalize ??= new Finalize(() => this.#sayNow(), { priority: BEFORE_LEAVING, name: "a queue on an engine" });
    } else if (!this.#isAnnounced) {
      this.#isAnnounced = true;
      this.#session.before(this.#announced);
      unrefTimer(setTimeout(this.#announced));
    }
  }

  readonly #announced = () => {
    this.#isAnnounced = false;
    this.say();
  };

  /** What the next get is to say. */
  taken(): string[] {
    return this.#takes.length === 0 ? NONE : this.#takes.splice(0, BATCH);
  }

  /** Says it without a get. */
  say(): void {
    while (this.#takes.length > 0) {
      this.#session.look(this.#session.tree, "landed", this.#session.member, this.#queue, ...this.taken()).catch(
        ignore,
      );
    }
  }

  #sayNow(): void {
    while (this.#takes.length > 0 && !this.#session.closed) {
      this.#session.lookSync(this.#session.tree, "landed", this.#session.member, this.#queue, ...this.taken());
    }
  }

  /** The queue is about to be closed. */
  close(): void {
    this.say();
    this.#finalize?.cancel();
    this.#finalize = null;
  }
}

const NONE: string[] = [];

/** Where the tree is lost, or this process buried, nothing is to be said any more. */
function ignore(): void {}
