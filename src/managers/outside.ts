// While a message to a stranger is written, or one of a stranger's is read, proxies in it are named otherwise than among
// relatives: the connection between them keeps the object, not a block.

import type { BaseProxy, Travelling } from "./proxy.ts";

/** What becomes of proxies in messages of one connection between a server and a stranger. */
export interface OutsidePassage {
  /** Describes one: to the client, and the connection keeps its object from now on; or to its own server. */
  reduce(proxy: Travelling): unknown;
  /** The one that is described. */
  restore(data: unknown): BaseProxy;
}

let current: OutsidePassage | null = null;

/** The connection whose message is being written or read; `null` if it is a message among relatives. */
export function outside(): OutsidePassage | null {
  return current;
}

/** Writes or reads a message of a connection. */
export function passOutside<T>(passage: OutsidePassage, act: () => T): T {
  const outer = current;
  current = passage;
  try {
    return act();
  } finally {
    current = outer;
  }
}
