// What a thread has taken from a queue or a pipe and not said yet that it has: until it says so, it goes back should the process die.
//
// With "lose" that is said at once: the thread may compute for hours now. Where one value follows the other fast, it is said
// by the next get, or before the thread's next step, or when the event loop turns: so whoever hears of what was done with
// a value may be sure that nobody else gets it. What a thread that blocks takes is noted in its lane's ledger (records.lua),
// and has landed with the next step of that lane, or after some milliseconds (native/engine): nothing is to be said but
// before a promise's step, which goes by another lane. With "redeliver" a value counts as dealt with at the
// next get, or when the queue is closed, or the process ends in order.

import { EngineUnavailableError } from "../errors.ts";
import { Finalize } from "../runtime/finalize.ts";
import { performance, setTimeout, unrefTimer } from "../runtime/timing.ts";
import { parting } from "./parting.ts";
import type { Session } from "./session.ts";

/** The most that one step says. */
const BATCH = 256;
/** Values follow each other fast where there are so few milliseconds between them. */
const FAST = 0.3;
/** Before the tree is left. */
const BEFORE_LEAVING = -90;

/** When a value counts as taken: once it is here; with the next get; or not by this, but when its task is done. */
export type When = "here" | "next" | "done";

/** The takes of one handle of a queue, or of an end of a pipe; `look` is the one that tells of them. */
export class Arrivals {
  readonly #session: Session;
  readonly #queue: string;
  readonly #when: When;
  readonly #look: string;
  #takes: string[] = [];
  #isAnnounced = false;
  /** When the last value was handed out. */
  #last = -Infinity;
  #finalize: Finalize | null = null;
  #forget = () => {};

  constructor(session: Session, queue: string, when: When, look = "landed") {
    this.#session = session;
    this.#queue = queue;
    this.#when = when;
    this.#look = look;
  }

  /** Notes a take whose value was handed out. */
  add(take: string): void {
    if (this.#when === "done") return;
    if (take.includes("#")) return this.#session.beforePromise(() => this.settle([take]));
    this.#takes.push(take);
    if (this.#when === "next") {
      if (this.#finalize === null) {
        const saying = new Finalize(() => parting(this.#session, () => this.#sayNow()), {
          priority: BEFORE_LEAVING,
          name: "a queue on an engine",
        });
        this.#finalize = saying;
        this.#forget = this.#session.onLeave(() => this.close());
      }
      return;
    }
    const now = performance.now();
    const isFast = now - this.#last < FAST;
    this.#last = now;
    if (!isFast) {
      this.say();
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
    while (this.#takes.length > 0) this.settle(this.taken());
  }

  /** Says of these takes that they are over. Where the tree is lost, or this process buried, nothing is to be said. */
  settle(takes: readonly string[]): void {
    const { tree, member } = this.#session;
    this.#session.look(tree, this.#look, member, this.#queue, ...takes).catch((error) => {
      if (error instanceof EngineUnavailableError) this.#takes.unshift(...takes); // the next get says it
    });
  }

  #sayNow(): void {
    while (this.#takes.length > 0 && !this.#session.closed) {
      this.#session.lookSync(this.#session.tree, this.#look, this.#session.member, this.#queue, ...this.taken());
    }
  }

  /** The queue is about to be closed, or the tree to be left. */
  close(): void {
    this.say();
    this.#finalize?.cancel();
    this.#finalize = null;
    this.#forget();
  }
}

const NONE: string[] = [];
