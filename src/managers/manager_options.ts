// The options of a manager.

import { type Address, placeOf } from "../connection/address.ts";
import { type SerializerName, serializerOf } from "../connection/serializer.ts";
import { currentAuthkey, toAuthkey } from "../launch/authkey.ts";
import type { ProcessClass } from "../pool/options.ts";
import { Process } from "../process/process.ts";
import { requireKnown } from "../waiting/options.ts";

/** Options of `BaseManager`. */
export interface ManagerOptions {
  /**
   * Where the server listens for other programs, or where the one listens that is connected to: `[host, port]`, with
   * port 0 for any that is free, or the path of a UNIX socket, or behind a NUL its abstract name, which is in no folder.
   * Default: a UNIX socket which is opened when the manager's `address` is first read. It has an abstract name, so that
   * nothing is left of it if the manager is killed; without a key, or without all of `--allow-net`, a path in a folder
   * that only this user can enter.
   */
  address?: Address | null;
  /**
   * What other programs must know to use the server; both sides prove that they know it. `null`: nobody is asked, which is
   * allowed only where no other machine can connect. Default: the key of this process, which its children inherit.
   */
  authkey?: Uint8Array | null;
  /**
   * How values become bytes. `"pickle"`: the server is one of Python's, or clients are; the program is to import `./pickle`,
   * which says what becomes of what. Default: `"reduction"`, this package's own.
   */
  serializer?: SerializerName;
  /** Milliseconds that the server has to end by itself, and again after SIGTERM. Default: 1000. */
  shutdownTimeout?: number;
  /** The context whose processes the server is one of. Default: that of the default start method. */
  ctx?: { readonly Process: ProcessClass };
}

const KNOWN = ["address", "authkey", "serializer", "shutdownTimeout", "ctx"];
const SHUTDOWN_TIMEOUT = 1000;

/** Options of a manager with their defaults. */
export interface CheckedOptions {
  readonly address: Address | null;
  /** What strangers must know; `null`: nothing. */
  readonly authkey: Uint8Array | null;
  readonly serializer: SerializerName;
  readonly shutdownTimeout: number;
  readonly Process: ProcessClass;
}

/**
 * Checks the options of a manager.
 *
 * @throws {TypeError} If one is of the wrong type, or unknown; or if the serializer is pickle and nobody has imported that.
 * @throws {RangeError} If `shutdownTimeout` is less than 0.
 */
export function checkedOptions(options: ManagerOptions): CheckedOptions {
  const action = "create a manager";
  requireKnown(action, options, KNOWN);
  const { address = null, authkey, serializer = "reduction", shutdownTimeout = SHUTDOWN_TIMEOUT, ctx } = options;
  if (address !== null) placeOf(address, undefined, "listen on");
  if (authkey !== undefined && authkey !== null && !(authkey instanceof Uint8Array)) {
    // Not shown: it may be a secret, as text.
    throw new TypeError(`Cannot ${action}: "authkey" is of type "${typeof authkey}", wanted a Uint8Array or null`);
  }
  serializerOf(action, serializer);
  if (typeof shutdownTimeout !== "number" || !(shutdownTimeout >= 0)) {
    const Refusal = typeof shutdownTimeout === "number" ? RangeError : TypeError;
    throw new Refusal(
      `Cannot create a manager: "shutdownTimeout" is ${Deno.inspect(shutdownTimeout)}, wanted milliseconds >= 0`,
    );
  }
  if (ctx !== undefined && typeof ctx?.Process !== "function") {
    throw new TypeError(
      `Cannot create a manager: "ctx" is ${Deno.inspect(ctx, { depth: 0 })}, wanted a context of getContext()`,
    );
  }
  return {
    address,
    authkey: authkey === null ? null : toAuthkey(authkey ?? currentAuthkey()),
    serializer,
    shutdownTimeout,
    Process: ctx?.Process ?? Process,
  };
}
