// Where a manager's server may be reached, and by whom.

import { type Address, describe } from "../connection/address.ts";
import { queryDeno } from "../runtime/permissions.ts";

/** Whether only this machine can reach an address: `null` is one of a listener's own. */
function isOfThisMachine(address: Address | null): boolean {
  if (address === null || typeof address === "string") return true;
  const [host] = address;
  return host === "localhost" || host === "::1" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host);
}

/**
 * Refuses to be reached from other machines by whoever likes: what a server has could be read and changed by them.
 *
 * @throws {RangeError} If there is no key, or an empty one, and the address is not only of this machine.
 */
export function requireSafe(address: Address | null, authkey: Uint8Array | null): void {
  if (authkey !== null && authkey.length > 0 || isOfThisMachine(address)) return;
  throw new RangeError(
    `Cannot listen on ${describe(address)} without an authkey: any machine that reaches it could use the manager's ` +
      'objects; give "authkey", or listen on "127.0.0.1", "::1" or a UNIX socket',
  );
}

/**
 * An address of a server's own that nobody else has, and of which nothing is left, whoever is killed: the name of a UNIX
 * socket that is in no folder. `null` if it must be a path: Deno permits such a name only with all of `--allow-net`; and
 * where nobody is asked for a key, not every user of this machine may connect, which no folder would keep from it.
 */
export function ownAddress(authkey: Uint8Array | null): Address | null {
  if (authkey === null || authkey.length === 0 || queryDeno({ name: "net" }).state !== "granted") return null;
  return `\0multiprocessing-${crypto.randomUUID()}`;
}
