// The connections of a line: one for what takes no time, those that are leased for a call, and a few that are kept for later.

import { EOFError } from "../../errors.ts";
import { describe } from "../../connection/address.ts";
import { dumps } from "../../pickle/dumps.ts";
import { tuple } from "../../pickle/tuple.ts";
import { performance } from "../../runtime/timing.ts";
import { Asked } from "../wire.ts";
import { answerOf, NO_PROXIES } from "./answers.ts";
import { late, type Limits, NO_LIMITS } from "./limits.ts";
import { roundTrip, roundTripSync } from "./round_trip.ts";
import { type Place, Wire } from "./wire.ts";

/** The most connections that are kept for calls to come. */
const MOST_FREE = 4;

/** Connections with one server. */
export class Stock {
  readonly place: Place;
  /** Whether a server has been there. */
  wasOpen = false;
  /** Whether no call is to be made any more. */
  isOver = false;
  #quick: Wire | null = null;
  #opening: Promise<Wire> | null = null;
  readonly #free: Wire[] = [];
  /** All that have been accepted for calls. */
  readonly #wires = new Set<Wire>();

  constructor(place: Place) {
    this.place = place;
  }

  get server(): string {
    return `at ${describe(this.place.address)}`;
  }

  /** A connection that is not accepted for calls. */
  async open({ asked, until, timeout, signal }: Limits): Promise<Wire> {
    try {
      return await Wire.open(this.place, until, signal);
    } catch (error) {
      if (signal?.aborted) throw error;
      throw performance.now() >= until ? late(asked, timeout) : this.#whyNot(error);
    }
  }

  /** As {@linkcode open}, blocking the thread. */
  openSync({ asked, until, timeout }: Limits): Wire {
    try {
      return Wire.openSync(this.place, until);
    } catch (error) {
      throw performance.now() >= until ? late(asked, timeout) : this.#whyNot(error);
    }
  }

  /** A server that was there and is not any more has ended. */
  #whyNot(error: unknown): unknown {
    const isOther = error instanceof TypeError || error instanceof RangeError ||
      error instanceof Deno.errors.NotCapable;
    return this.wasOpen && !isOther ? this.gone(error) : error;
  }

  /** The error of what wants a server that has ended. */
  gone(cause?: unknown): EOFError {
    return new EOFError(
      `Cannot use the manager's server ${this.server}: it has ended, or the connection to it`,
      cause === undefined ? undefined : { cause },
    );
  }

  async #accepted(): Promise<Wire> {
    const wire = await this.open(NO_LIMITS);
    return this.#ready(wire, await roundTrip(wire, ACCEPTANCE, NO_LIMITS));
  }

  #acceptedSync(limits: Limits): Wire {
    const wire = this.openSync(limits);
    try {
      return this.#ready(wire, roundTripSync(wire, ACCEPTANCE, limits));
    } catch (error) {
      wire.close();
      throw error;
    }
  }

  #ready(wire: Wire, bytes: Uint8Array | null): Wire {
    const answer = bytes === null || this.isOver ? { error: this.gone() } : answerOf(bytes, NO_PROXIES, this.server);
    if ("error" in answer) {
      wire.close();
      throw answer.error;
    }
    for (const it of this.#wires) if (it.isOver) this.#wires.delete(it);
    this.#wires.add(wire);
    return wire;
  }

  /** That for what takes no time. */
  quick(): Wire | Promise<Wire> {
    if (this.isOver) throw this.gone();
    if (this.#quick !== null && !this.#quick.isOver) return this.#quick;
    this.#opening ??= this.#accepted()
      .then((wire) => this.#quick = wire)
      .finally(() => this.#opening = null);
    return this.#opening;
  }

  /** As {@linkcode quick}, blocking the thread. */
  quickSync(limits: Limits): Wire {
    if (this.isOver) throw this.gone();
    if (this.#quick === null || this.#quick.isOver) this.#quick = this.#acceptedSync(limits);
    return this.#quick;
  }

  /** One that nobody else uses until it is given back. */
  lease(): Wire | Promise<Wire> {
    if (this.isOver) throw this.gone();
    return this.#freeOne() ?? this.#accepted();
  }

  /** As {@linkcode lease}, blocking the thread. */
  leaseSync(limits: Limits): Wire {
    if (this.isOver) throw this.gone();
    return this.#freeOne() ?? this.#acceptedSync(limits);
  }

  #freeOne(): Wire | null {
    for (let wire = this.#free.pop(); wire !== undefined; wire = this.#free.pop()) if (!wire.isOver) return wire;
    return null;
  }

  /** One that is not needed any more is kept for the next, or closed. */
  giveBack(wire: Wire): void {
    if (wire === this.#quick || wire.isOver) return;
    if (this.#free.length < MOST_FREE && !this.isOver) this.#free.push(wire);
    else wire.close();
  }

  /** Ends all. */
  close(): void {
    for (const wire of this.#wires) wire.close();
  }
}

const ACCEPTANCE = dumps(tuple(null, Asked.accept, tuple(`deno-${Deno.pid}`), {}));
