// A proxy between a client and an engine, for tests of broken connections: it cuts at the n-th byte of either direction,
// lets bytes through in small pieces, delays them, or swallows them.

import type { Place } from "./resp.ts";

/** Which way bytes go: to the engine, or from it. */
export type Direction = "up" | "down";

/** Where the next connections are cut. */
export interface Cut {
  readonly direction: Direction;
  /** How many bytes of that direction still get through. */
  readonly after: number;
}

/** One connection through the proxy. */
class Passage {
  readonly passed: Record<Direction, number> = { up: 0, down: 0 };
  readonly #ends: readonly Deno.Conn[];
  #isClosed = false;

  constructor(readonly client: Deno.Conn, readonly server: Deno.Conn, readonly cut: Cut | null) {
    this.#ends = [client, server];
  }

  /** What comes from here on in these directions vanishes. */
  readonly swallowed = new Set<Direction>();

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const end of this.#ends) end.close();
  }
}

/** A proxy that listens at a port of 127.0.0.1. */
export class Proxy implements AsyncDisposable {
  #target: Place;
  readonly #passages = new Set<Passage>();
  readonly #work = new Set<Promise<unknown>>();
  #listener: Deno.TcpListener;
  #cuts: Cut[] = [];
  #gate: Promise<void> = Promise.resolve();
  #openGate = () => {};
  /** Where it listens. */
  readonly port: number;
  /** Milliseconds by which each portion of bytes comes later. */
  delay = 0;
  /** How many bytes are passed on at a time, at most. */
  portion = 65_536;
  /** How many connections there have been. */
  connections = 0;

  constructor(target: Place) {
    this.#target = target;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.port = this.#listener.addr.port;
    this.#follow(this.#accept(this.#listener));
  }

  /** The engine's URL through the proxy. */
  get url(): string {
    return `redis://127.0.0.1:${this.port}/0`;
  }

  /** How many connections go through it now. */
  get open(): number {
    return this.#passages.size;
  }

  /** The next connections are cut there, one after the other: as if the peer had vanished in the midst of a message. */
  cutNext(...cuts: Cut[]): void {
    this.#cuts.push(...cuts);
  }

  /** Cuts all connections now. */
  cut(): void {
    for (const passage of this.#passages) passage.close();
  }

  /** From now on nothing gets through, though all connections stay: as when a cable is out. */
  hold(): void {
    this.#gate = new Promise((resolve) => this.#openGate = resolve);
  }

  /** What was held goes on. */
  letGo(): void {
    this.#openGate();
    this.#gate = Promise.resolve();
  }

  /** The next connections go to another server, as to the one that has taken the place of the first; those that there are
   * are cut. */
  redirect(target: Place): void {
    this.#target = target;
    this.cut();
  }

  /** From now on what is sent in a direction over the connections that there are vanishes; new ones are as they should be. */
  swallow(direction: Direction): void {
    for (const passage of this.#passages) passage.swallowed.add(direction);
  }

  /** Cuts all connections, and takes none from now on. */
  down(): void {
    this.#listener.close();
    this.cut();
  }

  /** Takes connections again. */
  up(): void {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: this.port });
    this.#follow(this.#accept(this.#listener));
  }

  #follow(work: Promise<unknown>): void {
    const ended = work.catch(() => {}).finally(() => this.#work.delete(ended));
    this.#work.add(ended);
  }

  async #accept(listener: Deno.Listener): Promise<void> {
    for await (const client of listener) {
      this.connections++;
      this.#follow(this.#connect(client));
    }
  }

  async #connect(client: Deno.Conn): Promise<void> {
    const cut = this.#cuts.shift() ?? null;
    let server: Deno.Conn;
    try {
      const target = this.#target;
      server = "path" in target ? await Deno.connect({ ...target, transport: "unix" }) : await Deno.connect(target);
    } catch {
      client.close();
      return;
    }
    const passage = new Passage(client, server, cut);
    this.#passages.add(passage);
    await Promise.allSettled([
      this.#pass(passage, "up", client, server),
      this.#pass(passage, "down", server, client),
    ]);
    this.#passages.delete(passage);
  }

  async #pass(passage: Passage, direction: Direction, from: Deno.Conn, to: Deno.Conn): Promise<void> {
    const limit = passage.cut?.direction === direction ? passage.cut.after : Infinity;
    try {
      for (;;) {
        if (passage.passed[direction] >= limit) break;
        const buffer = new Uint8Array(Math.min(this.portion, limit - passage.passed[direction]));
        const count = await from.read(buffer);
        if (count === null) break;
        await this.#gate;
        if (passage.swallowed.has(direction)) continue;
        if (this.delay > 0) await new Promise((resolve) => setTimeout(resolve, this.delay));
        for (let sent = 0; sent < count;) sent += await to.write(buffer.subarray(sent, count));
        passage.passed[direction] += count;
      }
    } finally {
      passage.close();
    }
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.letGo();
    try {
      this.#listener.close();
    } catch {
      // It is down.
    }
    this.cut();
    await Promise.all(this.#work);
  }
}
