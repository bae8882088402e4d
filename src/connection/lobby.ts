// The clients that have come in at a listener, until it is decided whether they get a connection.
//
// The handshakes of all of them go on side by side, so slow and silent clients keep nobody waiting. Each outcome, a
// connection or an error, is for the accept that has waited longest. While no accept waits, nobody is let in: clients
// stay in the system's backlog.
//
// | a visitor                                     | then                                                     |
// | --------------------------------------------- | -------------------------------------------------------- |
// | proves that it knows the key                  | an accept gets its connection                            |
// | fails, leaves, or is silent for too long      | an accept gets an error; the connection is closed        |
// | is the eldest of `MOST_VISITORS`, or no       | as above, for the next one                               |
// | descriptor is left, and another one comes     |                                                          |
// | is here when the listener is closed           | is closed                                                |

import { AuthenticationError } from "../errors.ts";
import { Watch } from "../waiting/limits.ts";
import { yieldToLoop } from "../waiting/turns.ts";
import { native } from "../addon/load.ts";
import { codeOf, translated } from "../addon/translate.ts";
import { performance } from "../runtime/timing.ts";
import { holdLoop, releaseLoop, wait } from "../addon/waits.ts";
import type { Address } from "./address.ts";
import { Exchange } from "./authentication.ts";
import { confirm, type Connection } from "./connection.ts";
import type { Handshake } from "./handshake.ts";

/** How many visitors may be in their handshake. */
const MOST_VISITORS = 256;
/** How many are let in before the event loop turns. */
const LET_IN_AT_ONCE = 64;

/** A connection that has come in. */
export interface Incoming {
  readonly connection: Connection;
  readonly peer: Address;
}

/** What a lobby needs of its listener. */
export interface Door {
  /** The next one that has come in, if there is any. */
  take(): Incoming | null;
  /** The number of the descriptor that is readable when there is one. */
  descriptor(): number;
  /** The handshake of each; `null`: none. */
  handshake: (() => Handshake) | null;
  /** Milliseconds that it may take. */
  readonly patience: number;
  /** The error for an accept whose time has passed. */
  late(timeout: number): Error;
}

/** Limits of an accept. */
interface AcceptLimits {
  readonly timeout: number;
  readonly signal?: AbortSignal;
}

/** An accept that waits. */
interface Caller {
  settle(visitor: Visitor): void;
  reject(reason: unknown): void;
  /** Set when its time has passed while visitors were here: it waits for what becomes of one of them. */
  lateness: Error | null;
}

/** A client that has come in. */
class Visitor {
  readonly connection: Connection;
  readonly peer: Address;
  readonly #exchange: Exchange | null;
  readonly #leaving = new AbortController();
  /** Why it was not let through. */
  error: unknown = null;
  isDecided = false;

  constructor({ connection, peer }: Incoming, exchange: Exchange | null) {
    this.connection = connection;
    this.peer = peer;
    this.#exchange = exchange;
  }

  /** Aborted when it is decided. */
  get leaving(): AbortSignal {
    return this.#leaving.signal;
  }

  /** Milliseconds that are left to it. */
  get left(): number {
    return this.#exchange?.left ?? Infinity;
  }

  /** Goes on with the handshake as far as that is possible without waiting; whether the outcome is known. */
  advance(isLate = !(this.left > 0)): boolean {
    if (this.isDecided) return true;
    try {
      if (this.#exchange !== null && !this.#exchange.advance(isLate)) return false;
      this.connection[confirm](); // the last word of the handshake is the client's
      this.decide(null);
    } catch (error) {
      this.decide(error);
    }
    return true;
  }

  decide(error: unknown): void {
    this.isDecided = true;
    this.error = error;
    if (error !== null) this.connection.close();
    this.#leaving.abort();
  }

  /** The connection, or the error. */
  outcome(): Connection {
    if (this.error !== null) throw this.error;
    return this.connection;
  }
}

/** Those who are to be let through. */
export class Lobby {
  readonly #door: Door;
  /** The eldest first. */
  readonly #visitors = new Set<Visitor>();
  /** Whose outcome nobody has been told. */
  readonly #decided: Visitor[] = [];
  readonly #callers: Caller[] = [];
  readonly #closing = new AbortController();
  #isListening = false;

  constructor(door: Door) {
    this.#door = door;
  }

  /** How many are in their handshake. */
  get size(): number {
    return this.#visitors.size;
  }

  /** Whether an accept would get something at once. */
  get hasOutcome(): boolean {
    return this.#decided.length > 0;
  }

  /** The next client that is let through, without blocking the thread; `timeout` is for a client to come. */
  async accept({ timeout, signal }: AcceptLimits): Promise<Visitor> {
    const { promise, resolve, reject } = Promise.withResolvers<Visitor>();
    const caller: Caller = { settle: resolve, reject, lateness: null };
    using _ = new Watch({ timeout, signal }, {
      late: () => this.#noteLate(caller, timeout),
      aborted: (reason) => this.#dismiss(caller, reason),
    });
    this.#callers.push(caller);
    holdLoop();
    try {
      this.#attendAll();
      return await promise;
    } finally {
      releaseLoop();
    }
  }

  /** As {@linkcode accept}, blocking the thread. */
  acceptSync(timeout: number): Visitor {
    const until = performance.now() + timeout;
    for (;;) {
      const decided = this.#decided.shift();
      if (decided !== undefined) return decided;
      const left = until - performance.now();
      const mayCome = left > 0 || this.#visitors.size === 0;
      while (mayCome && this.#decided.length === 0) {
        const visitor = this.#letIn();
        if (visitor === null) break;
        if (visitor.advance()) this.#leave(visitor);
      }
      if (this.#decided.length > 0) continue;
      if (this.#visitors.size === 0 && !(left > 0)) throw this.#door.late(timeout);
      this.#sleep(mayCome ? left : Infinity, mayCome);
    }
  }

  /** Ends all that waits, and closes those who were not let through. */
  close(reason: unknown): void {
    for (const caller of this.#callers.splice(0)) caller.reject(reason);
    this.#closing.abort(reason);
    for (const visitor of [...this.#visitors, ...this.#decided.splice(0)]) {
      visitor.decide(reason);
      visitor.connection.close();
    }
    this.#visitors.clear();
  }

  /** Blocks the thread until somebody has come, said something, or had all its time; so many milliseconds at most. */
  #sleep(timeout: number, mayCome: boolean): void {
    const visitors = [...this.#visitors];
    const limit = Math.max(0, Math.min(timeout, ...visitors.map(({ left }) => left)));
    const descriptors = visitors.map(({ connection }) => connection.fileno());
    if (mayCome) descriptors.push(this.#door.descriptor());
    const ready = new Set(translated(() => native().descriptorsPoll(descriptors, limit)));
    visitors.forEach((visitor, place) => {
      if ((ready.has(place) || !(visitor.left > 0)) && visitor.advance()) this.#leave(visitor);
    });
  }

  /** Lets in those who have come, while accepts wait, and tells these what is known. */
  #attendAll(): void {
    this.#tell();
    for (let n = 0; this.#callers.length > 0; n++) {
      if (n === LET_IN_AT_ONCE) {
        void yieldToLoop().then(() => this.#closing.signal.aborted || this.#attendAll());
        return;
      }
      let visitor: Visitor | null;
      try {
        visitor = this.#letIn();
      } catch (error) {
        this.#callers.shift()?.reject(error);
        continue;
      }
      if (visitor === null) return void this.#listen();
      void this.#attend(visitor);
    }
  }

  /** Waits for the next one to come. */
  async #listen(): Promise<void> {
    if (this.#isListening) return;
    this.#isListening = true;
    try {
      await this.#readable(this.#door.descriptor(), this.#closing.signal);
    } catch (error) {
      if (!this.#closing.signal.aborted) this.#callers.shift()?.reject(error);
      return;
    } finally {
      this.#isListening = false;
    }
    this.#attendAll();
  }

  /** Takes part in a handshake to its end. */
  async #attend(visitor: Visitor): Promise<void> {
    // Those who wait keep the event loop alive; visitors do not.
    using _ = new Watch({ timeout: visitor.left, signal: visitor.leaving }, {
      late: () => visitor.advance(true) && this.#leave(visitor),
      aborted: () => {},
    }).unref();
    try {
      while (!visitor.advance()) await this.#readable(visitor.connection.fileno(), visitor.leaving);
    } catch (error) {
      if (!visitor.isDecided) visitor.decide(error);
    }
    this.#leave(visitor);
  }

  async #readable(descriptor: number, signal: AbortSignal): Promise<void> {
    await wait(() => translated(() => native().descriptorsAwait([descriptor])), { signal, inBackground: true });
  }

  /** Lets in the next client that has come, if there is any. */
  #letIn(): Visitor | null {
    if (this.#visitors.size >= MOST_VISITORS && this.#door.handshake !== null) {
      // A client outside would wait for ever if all in here were silent.
      if (translated(() => native().descriptorsPoll([this.#door.descriptor()], 0)).length === 0) return null;
      this.#sendEldestAway();
    }
    let incoming: Incoming | null;
    for (;;) {
      try {
        incoming = this.#door.take();
        break;
      } catch (error) {
        if (!isOutOfDescriptors(error) || this.#visitors.size === 0) throw error;
        this.#sendEldestAway();
      }
    }
    if (incoming === null) return null;
    const { handshake, patience } = this.#door;
    const exchange = handshake === null ? null : new Exchange(incoming.connection, handshake(), patience);
    const visitor = new Visitor(incoming, exchange);
    this.#visitors.add(visitor);
    return visitor;
  }

  #sendEldestAway(): void {
    const [eldest] = this.#visitors;
    eldest.decide(
      new AuthenticationError(
        "Cannot authenticate: the other end was silent, and its place was wanted for the next one",
      ),
    );
    this.#leave(eldest);
  }

  /** Notes a visitor whose outcome is known. */
  #leave(visitor: Visitor): void {
    if (!this.#visitors.delete(visitor)) return;
    this.#decided.push(visitor);
    this.#tell();
  }

  /** Tells those who wait what is known. */
  #tell(): void {
    while (this.#callers.length > 0 && this.#decided.length > 0) this.#callers.shift()!.settle(this.#decided.shift()!);
    // More are late than there are visitors left for them.
    const late = this.#callers.filter(({ lateness }) => lateness !== null);
    for (const caller of late.slice(this.#visitors.size)) this.#dismiss(caller, caller.lateness);
  }

  #noteLate(caller: Caller, timeout: number): void {
    caller.lateness = this.#door.late(timeout);
    this.#tell();
  }

  #dismiss(caller: Caller, reason: unknown): void {
    const place = this.#callers.indexOf(caller);
    if (place >= 0) this.#callers.splice(place, 1);
    caller.reject(reason);
  }
}

function isOutOfDescriptors(error: unknown): boolean {
  const code = codeOf(error);
  return code === "OS:24" || code === "OS:23"; // EMFILE, ENFILE
}
