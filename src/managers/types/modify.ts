// Changing what is stored in a container without losing what others change meanwhile: the value is fetched with its
// version, changed here, and put back if it still has that version; else all of it again.

import { isThenable } from "../../runtime/thenable.ts";
import type { BaseProxy, SyncProxy } from "../proxy.ts";
import { ASSIGN, READ } from "./container.ts";
import { limited, limitedSync } from "./limited.ts";
import type { Read } from "./versions.ts";

/**
 * Gives the next value for one that it is given, which is a copy: it may change that, and give nothing. It may be called
 * several times.
 */
export type Modifier<V> = (value: V) => V | undefined | void | Promise<V | undefined | void>;

/** As {@linkcode Modifier}, without promises. */
export type SyncModifier<V> = (value: V) => V | undefined | void;

/** Changes the value under a key, by the method that is `asked` for; what is there then. */
export async function modify(
  proxy: BaseProxy,
  key: unknown,
  change: (value: never) => unknown,
  asked = "modify",
): Promise<unknown> {
  requireFunction(key, change);
  return await limited(proxy, asked, async (server) => {
    let read = await server.callmethod(READ, [key]) as Read;
    for (;;) {
      const [before, version, isThere] = read;
      const given = await change(before as never);
      const after = given === undefined ? before : given;
      if (after === undefined && !isThere) return after;
      const newer = await server.callmethod(ASSIGN, [key, version, after]) as Read | null;
      if (newer === null) return after;
      read = newer;
    }
  });
}

/** As {@linkcode modify}, blocking the thread. */
export function modifySync(
  proxy: SyncProxy,
  key: unknown,
  change: (value: never) => unknown,
  asked = "modify",
): unknown {
  requireFunction(key, change);
  return limitedSync(proxy, asked, (call) => {
    let read = call(READ, [key]) as Read;
    for (;;) {
      const [before, version, isThere] = read;
      const given = change(before as never);
      if (isThenable(given)) throw givesPromise(key);
      const after = given === undefined ? before : given;
      if (after === undefined && !isThere) return after;
      const newer = call(ASSIGN, [key, version, after]) as Read | null;
      if (newer === null) return after;
      read = newer;
    }
  });
}

function givesPromise(key: unknown): TypeError {
  return new TypeError(
    `Cannot modify ${Deno.inspect(key)} with the thread blocked: the function gave a promise; use modify() of the ` +
      "proxy itself",
  );
}

function requireFunction(key: unknown, change: unknown): void {
  if (typeof change === "function") return;
  throw new TypeError(`Cannot modify ${Deno.inspect(key)}: ${Deno.inspect(change)} was given, wanted a function`);
}
