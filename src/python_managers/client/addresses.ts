// Whether a token is of the server that was dialled: it has the address as the server itself has it.

import type { Address } from "../../connection/address.ts";
import type { PythonAddress } from "../token.ts";

/** As Python has the address of a listener, most likely. */
export function likelyAddress(dialled: Address): PythonAddress {
  if (typeof dialled === "string") return dialled.startsWith("\0") ? new TextEncoder().encode(dialled) : dialled;
  return dialled[0] === "localhost" ? ["127.0.0.1", dialled[1]] : dialled;
}

/** An address of Python's as it is dialled. */
export function dialledAs(address: PythonAddress): Address {
  return address instanceof Uint8Array ? new TextDecoder().decode(address) : address;
}

/** Whether two are the same to the letter. */
export function isSame(one: PythonAddress, other: PythonAddress): boolean {
  if (one instanceof Uint8Array || other instanceof Uint8Array) {
    return one instanceof Uint8Array && other instanceof Uint8Array && one.toHex() === other.toHex();
  }
  return JSON.stringify(one) === JSON.stringify(other);
}

/** Whether an address is that of a server with the dialled port which listens everywhere, or on this machine. */
export function isHere(address: PythonAddress, dialled: Address): boolean {
  if (typeof address === "string" || typeof dialled === "string" || address instanceof Uint8Array) return false;
  return address[1] === dialled[1] && /^(0\.0\.0\.0|::|127\.|localhost$|::1$)/.test(address[0]);
}
