// Where clients outside of the tree reach a manager's server: a listener that lets in who knows the key, and those who have
// come in.

import { native } from "../addon/load.ts";
import { Patience } from "../addon/numbers.ts";
import { translated } from "../addon/translate.ts";
import { admit, entering, Listener } from "../connection/listener.ts";
import { performance, setTimeout, unrefTimer } from "../runtime/timing.ts";
import { Glances } from "../waiting/glance.ts";
import { type Address, describe } from "../connection/address.ts";
import type { Connection } from "../connection/connection.ts";
import type { ObjectTable } from "./object_table.ts";
import { ownAddress, requireSafe } from "./addresses.ts";
import type { PythonServing } from "./python_form.ts";
import { Stranger, type StrangerEvents } from "./stranger.ts";
import { Visitor } from "./visitor.ts";

/** Milliseconds after its last word for which a client is waited for with the thread blocked. */
const HOT = 100;
/** Connections that the system keeps until they are let in: more are told to try again, which takes a second. */
const BACKLOG = 1024;
/** Milliseconds after somebody has come within which others are expected. */
const EXPECTED = 5;
/** How many are let in, or sent away, in one turn of the event loop. */
const AT_ONCE = 32;
/** Milliseconds until the next try, where the system lets nobody in: no descriptor may be left. */
const PAUSE = 50;

/** The first byte of a pickle. */
const PICKLE = 0x80;

/** What the clients of a listener are served by. */
export interface Served {
  readonly table: ObjectTable;
  readonly events: StrangerEvents;
  /** Who understands Python's clients, where these are let in, too. */
  readonly python: PythonServing | null;
}

/** Lets clients in, and serves them. */
export class ServerListener {
  readonly #listener: Listener;
  readonly #served: Served;
  readonly #visitors = new Set<Visitor>();
  readonly #glances = new Glances();
  /** How many clients it has let in. */
  #admitted = 0;
  #hasBegun = false;
  /** When somebody came or was let in last; and how many were about to be. */
  #lastCame = -Infinity;
  #entering = 0;
  #isClosed = false;

  /**
   * Listens. `authkey` is what clients must know; `null`: nobody is asked for any.
   *
   * @throws {RangeError} If nobody is asked for a key where others than this machine can reach it.
   * @throws What the system says against the address, as of a {@linkcode Listener}.
   */
  constructor(address: Address | null, authkey: Uint8Array | null, served: Served) {
    requireSafe(address, authkey);
    this.#served = served;
    this.#listener = new Listener(address ?? ownAddress(authkey), { backlog: BACKLOG, authkey: authkey ?? undefined });
  }

  /** Lets in who has come, and who comes. Again: nothing happens. */
  begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    for (let n = 0; n < AT_ONCE; n++) void this.#letIn();
  }

  get address(): Address {
    return this.#listener.address;
  }

  /** How many clients it has. */
  get size(): number {
    return this.#visitors.size;
  }

  async #letIn(): Promise<void> {
    while (!this.#isClosed) {
      try {
        const { connection, peer } = await this.#listener[admit]();
        const visitor = this.#visitorOf(connection, this.#nameOf(peer));
        this.#lastCame = performance.now();
        this.#visitors.add(visitor);
        void visitor.serve().then(() => this.#visitors.delete(visitor));
      } catch (error) {
        // Who does not know the key is of no interest; the others can wait.
        if (!(error instanceof Error && error.name === "AuthenticationError") && !this.#isClosed) await pause();
      }
    }
  }

  /** Where Python's clients may come, it is the client that speaks first: a pickle begins as no message of ours does. */
  #visitorOf(connection: Connection, name: string): Visitor {
    const { table, events, python } = this.#served;
    const welcomed = (visitor: Visitor) => {
      const stranger = new Stranger(visitor, table, events);
      visitor.meet(stranger);
      stranger.welcome();
      return stranger;
    };
    const meet = (visitor: Visitor, first: Uint8Array) =>
      python !== null && first[0] === PICKLE ? python.speaker(visitor) : welcomed(visitor);
    const visitor = new Visitor(connection, name, { heard: () => events.heard(), meet });
    if (python === null) welcomed(visitor);
    return visitor;
  }

  /** A client's address; or, where UNIX sockets have none, the how many-th it is, and of which server. */
  #nameOf(peer: Address): string {
    const number = ++this.#admitted;
    const { address } = this;
    if (typeof address !== "string") return JSON.parse(describe(peer));
    return `#${number} of ${address.replace("\0", "@")}`;
  }

  /**
   * Whether somebody has come, or just went, who may be back: all of that goes on in promises. Python's clients have a
   * connection of its own for each reference.
   */
  get isExpecting(): boolean {
    const now = performance.now();
    const number = this.#listener[entering];
    if (number !== this.#entering) this.#lastCame = now;
    this.#entering = number;
    return now - this.#lastCame < EXPECTED;
  }

  /** Whether a client has said something shortly before. */
  get isHot(): boolean {
    const since = performance.now() - HOT;
    for (const { lastWord, descriptor } of this.#visitors) if (lastWord > since && descriptor >= 0) return true;
    return false;
  }

  /**
   * Serves those clients with the thread blocked while they say nothing, for so many milliseconds at most, and while
   * `mayGoOn`.
   */
  serveNow(timeout: number, mayGoOn: () => boolean): void {
    const begin = performance.now();
    const until = begin + timeout;
    const hot = [...this.#visitors].filter(({ lastWord, descriptor }) => lastWord > begin - HOT && descriptor >= 0);
    for (let now = begin; now < until && hot.length > 0 && mayGoOn(); now = performance.now()) {
      if (hot.length === 1 && this.#glance(hot[0])) continue;
      const descriptors = hot.map(({ descriptor }) => descriptor);
      if (descriptors.includes(-1)) return;
      const ready = translated(() => native().descriptorsPoll(descriptors, until - now));
      if (ready.length === 0) return;
      this.#glances.waited(performance.now() - now);
      for (const place of ready) hot[place].serveAtOnce();
    }
  }

  /** Looks out for what the only client says next, if that pays; whether it has said something. */
  #glance(visitor: Visitor): boolean {
    if (this.#glances.begin() === 0) return false;
    const { words } = visitor;
    visitor.serveAtOnce(Patience.microseconds);
    this.#glances.end(visitor.words > words);
    return visitor.words > words;
  }

  /** Stops listening, and ends the connections of all clients. */
  close(): void {
    this.#isClosed = true;
    this.#listener.close();
    for (const visitor of this.#visitors) visitor.close();
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => unrefTimer(setTimeout(resolve, PAUSE)));
}
