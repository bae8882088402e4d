// Locks whose owner is a connection: RLock and Condition. A connection is leased for each acquisition, and kept until the
// release; what is done with the lock meanwhile is done by it. So callers in one thread exclude each other until one has it,
// and who acquires what this thread has already acquires it once more, as threads of Python do.

import type { Ask } from "./ask.ts";
import type { Known } from "./known.ts";
import type { Wire } from "./wire.ts";

/** Which connection an ask of that role is for; `null`: any. */
export function wireOf(known: Known, { role }: Ask): Wire | null {
  return role === undefined ? null : known.holder;
}

/**
 * Notes that an ask is sent by a connection. What this gives is to be told the answer, or `undefined` if the connection has
 * ended, and says whether the connection is not needed any more.
 */
export function noteSent(known: Known, { role }: Ask, wire: Wire): (value: unknown, isError: boolean) => boolean {
  const isHolder = known.holder === wire;
  switch (role) {
    case "acquire":
      return (value) => {
        if (value !== true || known.holder !== null && known.holder !== wire) return known.holder !== wire;
        known.holder = wire;
        known.depth++;
        return false;
      };
    case "wait": {
      if (!isHolder) return () => true;
      const { depth } = known;
      known.holder = null; // others may have it meanwhile
      known.depth = 0;
      return () => {
        if (wire.isOver) return true;
        known.holder = wire;
        known.depth = depth;
        return false;
      };
    }
    case "release": {
      if (!isHolder) return () => true;
      if (--known.depth === 0) known.holder = null;
      return (_, isError) => {
        if (!isError || wire.isOver) return known.holder !== wire;
        known.holder = wire;
        known.depth++;
        return false;
      };
    }
    case "held":
      return () => !isHolder;
    case undefined:
      return () => true;
  }
}
