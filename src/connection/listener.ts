// Waiting for connections from other processes. They need not be of this tree, nor run Deno.

import { closedError } from "../addon/handles.ts";
import { TimeoutError } from "../errors.ts";
import { Finalize } from "../runtime/finalize.ts";
import type { SocketName } from "../addon/binding.ts";
import { native } from "../addon/load.ts";
import { translated } from "../addon/translate.ts";
import { requireCount } from "../waiting/count.ts";
import { requireKnown, timeoutOf, WAIT_SYNC, type WaitOptions, type WaitSyncOptions } from "../waiting/options.ts";
import { descriptorOf, type Waitable } from "../waiting/waitable.ts";
import { type Address, addressOf, checkFamily, describe, type Family, LONGEST_PATH } from "./address.ts";
import { checkedKey, handshakeTimeoutOf } from "./authentication.ts";
import { Connection } from "./connection.ts";
import { serve } from "./handshake.ts";
import { type Door, Lobby } from "./lobby.ts";
import { Search } from "./resolve.ts";
import { type SerializerName, serializerOf } from "./serializer.ts";
import type { Serializer } from "../runtime/serializers.ts";
import { endWaits } from "./wait.ts";
import { register } from "../reduction/registry.ts";
import { showAsText } from "../runtime/shown.ts";

/** Names the property of listeners that tells how many clients are about to be let in. */
export const entering: unique symbol = Symbol("entering");
/** Names the method of listeners that tells where a connection comes from. */
export const admit: unique symbol = Symbol("admit");

/** Options of {@linkcode Listener}. */
export interface ListenerOptions {
  /** The kind of address. Default: as the address says; without one, `"AF_UNIX"`. */
  family?: Family;
  /** How many connections wait to be accepted before others are turned away or wait; the system may allow fewer (`net.core.somaxconn`). Default: 128. */
  backlog?: number;
  /** The key that a client must know; the client asks for the same. Default: nobody is asked for any. */
  authkey?: Uint8Array;
  /** Milliseconds that a client has to prove that it knows the key; `null`: any time. Default: 10 000. */
  handshakeTimeout?: number | null;
  /**
   * The format of the values that its connections send and receive. `"pickle"`: what the `send` and `recv` of a Python
   * mean; the program is to import `./pickle`, which says what becomes of what. Default: `"reduction"`, this package's own.
   */
  serializer?: SerializerName;
}

/** What a listener that is not closed consists of. */
interface Opened {
  readonly id: number;
  /** Closes it; at the latest at the end of the program, so that no file of its is left. */
  readonly finalizer: Finalize;
  /** Those who have come in. */
  readonly lobby: Lobby;
}

const LISTEN = "listen on";

/** The names of {@linkcode ListenerOptions}. */
const KNOWN = ["family", "backlog", "authkey", "handshakeTimeout", "serializer"];

/** Last resort for listeners that nobody closed. */
const collected = new FinalizationRegistry<Finalize>((finalizer) => finalizer.run());

/**
 * Waits for connections of {@linkcode Client}s, those of Python's `multiprocessing.connection` among them. As
 * `multiprocessing.connection.Listener`.
 *
 * Any process that can reach the address can connect. With an `authkey`, only clients that prove to know it get a
 * connection, and the listener proves to them that it knows it, too; the key is not sent. Messages after the handshake
 * are neither encrypted nor signed.
 *
 * `Sent` and `Received` are the types of the values that its connections send and receive; nothing checks them.
 *
 * @example Accept a connection
 * ```ts
 * import { Client, Listener } from "@parallel/multiprocessing/connection";
 * import { assertEquals } from "@std/assert";
 *
 * const authkey = new TextEncoder().encode("secret");
 * using listener = new Listener(["127.0.0.1", 0], { authkey });
 * const [server, client] = await Promise.all([listener.accept(), Client(listener.address, { authkey })]);
 * await client.send({ question: "how many?" });
 * assertEquals(await server.recv(), { question: "how many?" });
 * server.close();
 * client.close();
 * ```
 */
export class Listener<Sent = unknown, Received = Sent> implements Disposable, Waitable {
  static {
    showAsText(Listener);
    register(Listener, {
      refuse: "a Listener belongs to the process that listens; send its address, or the connections that it accepts",
    });
  }

  #opened: Opened | null;
  readonly #address: Address;
  #lastAccepted: Address | null = null;

  /**
   * Listens at an address, or at one of its own: a UNIX socket in a temporary folder that only this user can enter; with
   * `family: "AF_INET"`, a free port of this machine that only this machine can reach.
   *
   * @throws {RangeError} If it is no address of this system or of the family, or `backlog` is out of range.
   * @throws {TypeError} If an option is of the wrong type, or unknown.
   * @throws {Deno.errors.NotCapable} If Deno does not permit it: that takes `--allow-net` of the host and port; for a
   * UNIX socket `--allow-read` and `--allow-write` of its path, and `--allow-net=unix:<path>`; for an abstract name or
   * an address of its own all of `--allow-net`. No other spelling or link leads to what was denied.
   * @throws {Deno.errors.AddrInUse} If somebody listens there, or a file of that name exists.
   * @throws What else the operating system says against it, as the matching `Deno.errors`.
   */
  constructor(address?: Address | null, options: ListenerOptions = {}) {
    requireKnown("listen", options, KNOWN);
    const { family, backlog = 128, authkey, handshakeTimeout } = options;
    const key = authkey === undefined || authkey === null ? null : checkedKey(authkey);
    const patience = handshakeTimeoutOf(handshakeTimeout, "listen");
    const format = serializerOf("listen", options.serializer);
    requireCount("listen", "backlog", backlog, { most: 2 ** 31 - 1 });
    const { id, name, finalizer } = address === undefined || address === null
      ? listenAnywhere(family, backlog)
      : listenAt(address, family, { backlog, ownsFolder: false });
    this.#address = addressOf(name);
    this.#opened = { id, finalizer, lobby: new Lobby(this.#door(id, key, patience, format)) };
    collected.register(this, finalizer, this);
  }

  /** Where it listens: with the port that it got, if it was to have any. */
  get address(): Address {
    return this.#address;
  }

  /** Where the connection that was accepted last comes from: a UNIX socket mostly has no name there, `""`. */
  get lastAccepted(): Address | null {
    return this.#lastAccepted;
  }

  /** Whether {@linkcode close} was called. */
  get closed(): boolean {
    return this.#opened === null;
  }

  /**
   * Waits for a connection without blocking the thread. `timeout` is for somebody to connect; the handshake then has a
   * time of its own, see {@linkcode ListenerOptions.handshakeTimeout}. The handshakes of up to 256 clients go on side by
   * side, and the first that comes to its end ends the call that has waited longest: slow and silent clients keep nobody
   * waiting. If more come, the eldest is sent away.
   *
   * @throws {AuthenticationError} If the one who connected does not know the key, is silent or goes away. Its connection
   * is closed, and the listener goes on: call `accept` again.
   * @throws {TimeoutError} If nobody has connected in time.
   * @throws {InvalidStateError} If the listener is closed, also while this waits.
   * @throws What `signal` was aborted with; a client that has come in already is left for the next call.
   */
  async accept(options?: WaitOptions): Promise<Connection<Sent, Received>> {
    return (await this[admit](options)).connection;
  }

  /** @ignore How many have come in, and are in their handshake. */
  get [entering](): number {
    return this.#opened?.lobby.size ?? 0;
  }

  /** @ignore As {@linkcode accept}, with where the connection comes from: of several that wait, each has its own. */
  async [admit](options?: WaitOptions): Promise<{ connection: Connection<Sent, Received>; peer: Address }> {
    const timeout = timeoutOf(options);
    const signal = options?.signal;
    signal?.throwIfAborted();
    const visitor = await this.#require().lobby.accept({ timeout, signal });
    return { connection: this.#letThrough(visitor), peer: visitor.peer };
  }

  /** As {@linkcode accept}, blocking the thread. */
  acceptSync(options?: WaitSyncOptions): Connection<Sent, Received> {
    const timeout = timeoutOf(options, WAIT_SYNC);
    return this.#letThrough(this.#require().lobby.acceptSync(timeout));
  }

  /**
   * Stops listening, and removes the file of a UNIX socket. Connections stay; what waits for the listener, or for a
   * handshake of its, throws {@linkcode InvalidStateError}. Again: nothing happens.
   */
  close(): void {
    if (this.#opened === null) return;
    const { finalizer, lobby } = this.#opened;
    this.#opened = null;
    collected.unregister(this);
    finalizer.run();
    lobby.close(closedError("accept a connection", "listener"));
    endWaits(this);
  }

  /** As {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Such as `<Listener(127.0.0.1:4711)>`; for messages. */
  toString(): string {
    return `<Listener(${this.closed ? "closed" : describe(this.#address)})>`;
  }

  /** @ignore What `wait` looks at: readable when somebody can be accepted. */
  [descriptorOf](): number | null {
    const { id, lobby } = this.#require();
    return lobby.hasOutcome ? null : native().listenerFileno(id);
  }

  #require(): Opened {
    if (this.#opened === null) throw closedError("accept a connection", "listener");
    return this.#opened;
  }

  /** What is at the door of the lobby of this listener. */
  #door(id: number, authkey: Uint8Array | null, patience: number, serializer: Serializer | null): Door {
    return {
      take() {
        const accepted = translated(() => native().listenerAccept(id, 0));
        if (accepted === null) return null;
        const end = { id: accepted.connection, readable: true, writable: true, pipe: null, serializer };
        const connection = new Connection(end);
        return { connection, peer: addressOf(accepted.peer) };
      },
      descriptor: () => native().listenerFileno(id),
      handshake: authkey === null ? null : () => serve(authkey),
      patience,
      late: (timeout) => this.#late(timeout),
    };
  }

  #letThrough(visitor: { peer: Address; outcome(): Connection }): Connection<Sent, Received> {
    this.#lastAccepted = visitor.peer;
    return visitor.outcome() as Connection<Sent, Received>;
  }

  #late(timeout: number): TimeoutError {
    const where = describe(this.#address);
    return new TimeoutError(`Cannot accept a connection at ${where}: nobody connected within ${timeout} ms`);
  }
}

/** A listener of the addon and the name it got. */
interface Listening {
  id: number;
  name: SocketName;
  finalizer: Finalize;
}

function listenAt(
  address: Address,
  family: Family | undefined,
  { backlog, ownsFolder }: { backlog: number; ownsFolder: boolean },
): Listening {
  using search = new Search(address, { action: LISTEN, family });
  search.finish(Infinity);
  const id = search.attempt(() => native().listen(search.id, backlog, ownsFolder));
  const name = native().listenerAddress(id);
  const finalizer = new Finalize(() => native().listenerClose(id), {
    priority: 0,
    name: `listener at ${describe(addressOf(name))}`,
  });
  return { id, name, finalizer };
}

function listenAnywhere(family: Family | undefined, backlog: number): Listening {
  checkFamily(family, "listen");
  if (family === "AF_INET") return listenAt(["127.0.0.1", 0], family, { backlog, ownsFolder: false });
  if (family === "AF_INET6") return listenAt(["::1", 0], family, { backlog, ownsFolder: false });
  const folder = makeFolder();
  try {
    return listenAt(`${folder}/socket`, "AF_UNIX", { backlog, ownsFolder: true });
  } catch (error) {
    Deno.removeSync(folder);
    throw error;
  }
}

/** The longest path of a folder for which `/socket` behind it can be that of a socket. */
const LONGEST_FOLDER = LONGEST_PATH - "/socket".length;

/** A new folder that nobody but this user can enter: where TMPDIR says, else in /tmp. */
function makeFolder(): string {
  const prefix = "multiprocessing-";
  const failures: string[] = [];
  for (const dir of [undefined, "/tmp"]) {
    const where = dir ?? "the folder for temporary files";
    try {
      const made = Deno.makeTempDirSync({ dir, prefix });
      if (!made.includes("/")) { // an empty TMPDIR is none, but Deno takes it for the working directory
        Deno.removeSync(made);
        failures.push("TMPDIR is empty");
        continue;
      }
      const folder = made.startsWith("/") ? made : Deno.realPathSync(made); // others may be in another directory
      const { length } = new TextEncoder().encode(folder);
      if (length <= LONGEST_FOLDER) return folder;
      Deno.removeSync(folder);
      failures.push(`a path in ${where} has ${length} bytes, wanted ${LONGEST_FOLDER} or less`);
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) throw error;
      failures.push(`${where}: ${(error as Error).message}`);
    }
  }
  throw new Deno.errors.NotFound(
    `Cannot listen at a path of the listener's own: no folder can be made for it (${failures.join("; ")}); ` +
      "set TMPDIR to a folder with a short path that can be written",
  );
}
