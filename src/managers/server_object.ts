// What every server answers to by itself, without an object: SERVER_ID of messages.ts.

import { RemoteError } from "../errors.ts";
import { native } from "../addon/load.ts";
import type { Address } from "../connection/address.ts";
import { currentAuthkey } from "../launch/authkey.ts";
import type { Caller } from "./objects.ts";
import type { Server } from "./server.ts";

/** How a manager's server is at a moment. */
export interface ManagerStats {
  /** Objects that somebody has a proxy of. */
  readonly objects: number;
  /** Threads of processes of this tree that have called it. */
  readonly clients: number;
  /** Connections of other programs. */
  readonly strangers: number;
  /** Calls that it has had. */
  readonly calls: number;
  /** Milliseconds since it began. */
  readonly uptime: number;
  /** The process id of the server. */
  readonly pid: number;
  /** The bytes that its process has in memory. */
  readonly memory: number;
  /** Blocks of shared memory that the whole tree has. */
  readonly blocks: number;
}

type Methods = Readonly<Record<string, (...args: unknown[]) => unknown>>;

/** Answers for the server itself. */
export class ServerObject {
  readonly #server: Server;
  readonly #methods: Methods;
  /** What nobody outside of the tree may ask for. */
  readonly #ofRelatives: Methods;

  constructor(server: Server) {
    this.#server = server;
    this.#methods = Object.assign(Object.create(null), {
      create: (typeid: unknown, args: unknown, options: unknown) => this.#create(typeid, args, options),
      dummy: () => {},
      numberOfObjects: () => this.#count(),
      debugInfo: () => this.#debugInfo(),
      stats: () => this.#stats(),
      trackSegment: (name: unknown, identity: unknown) => server.segments.track(name, identity),
    });
    this.#ofRelatives = Object.assign(Object.create(null), {
      shutdown: () => server.stop(),
      listen: (address: unknown, asksForKey: unknown) =>
        server.listen(address as Address | null, asksForKey === true ? currentAuthkey() : null),
    });
  }

  /**
   * Does what is asked for.
   *
   * @throws {RemoteError} If the server has no such function.
   */
  act(asked: string, args: readonly unknown[], caller: Caller): unknown {
    const method = this.#methods[asked] ?? (caller.isRelative ? this.#ofRelatives[asked] : undefined);
    if (method !== undefined) return method(...args);
    throw new RemoteError(`Cannot call "${asked}" of a manager's server: there is no such function`);
  }

  #create(typeid: unknown, args: unknown, options: unknown): unknown {
    if (typeof typeid !== "string" || !Array.isArray(args)) {
      throw new RemoteError("Cannot create an object: the request does not say of which type, or what with");
    }
    this.#server.sweepSoon();
    const isFrozen = (options as { freeze?: unknown } | null | undefined)?.freeze === true;
    return this.#server.objects.create(typeid, args, isFrozen);
  }

  #count(): number {
    this.#server.sweep();
    return this.#server.objects.size;
  }

  #debugInfo(): string {
    this.#server.sweep();
    const lines = [...this.#server.objects].map(({ id, description: { typeid }, referent }) =>
      `  0x${id.toString(16)}: ${typeid}\n      ${shown(referent)}`
    );
    return lines.sort().join("\n");
  }

  #stats(): ManagerStats {
    this.#server.sweep();
    const { clients, strangers, calls, uptime, objects } = this.#server;
    const { blocks } = native().memoryUsage();
    return {
      objects: objects.size,
      clients,
      strangers,
      calls,
      uptime,
      pid: Deno.pid,
      memory: Deno.memoryUsage().rss,
      blocks,
    };
  }
}

/** The most characters of an object in `debugInfo`, as in CPython. */
const LONGEST = 75;

function shown(value: unknown): string {
  try {
    return Deno.inspect(value, { breakLength: Infinity, colors: false }).slice(0, LONGEST);
  } catch {
    return Object.prototype.toString.call(value);
  }
}
