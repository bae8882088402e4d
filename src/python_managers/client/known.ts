// The objects of a server of Python's that this thread has proxies of, and how many references it has to each.
//
// A reference is counted by the server: with `create` and `#PROXY` the client has one, a proxy in a value is asked for
// (`incref`). However many proxies there are here, one reference will do; it is given back (`decref`) with the last of them.

import { randomNumber } from "../../managers/gate.ts";
import type { ObjectId } from "../../managers/line.ts";
import type { Translations } from "./ask.ts";
import type { Wire } from "./wire.ts";

/** An object. */
export interface Known {
  readonly id: ObjectId;
  /** What the server calls it. */
  readonly ident: string;
  /** The type, as it was registered there. */
  readonly typeid: string;
  /** The class of its proxies there, with the module. */
  readonly className: string;
  /** What it exposes there; `null` if that is not known. */
  readonly names: readonly string[] | null;
  /** Which of our types it is used as; `null`: as one of none. */
  readonly type: string | null;
  readonly translations: Translations | null;
  /** How many proxies there are. */
  proxies: number;
  /** How many references the server counts. */
  shares: number;
  /** While one is asked for. */
  taking: Promise<void> | null;
  /** Of a lock whose owner is a connection: that which holds it, and how often. */
  holder: Wire | null;
  depth: number;
}

/** All of them. */
export class KnownObjects {
  readonly #byId = new Map<ObjectId, Known>();
  readonly #byIdent = new Map<string, Known>();

  get(id: ObjectId): Known | undefined {
    return this.#byId.get(id);
  }

  named(ident: string): Known | undefined {
    return this.#byIdent.get(ident);
  }

  /** One more. */
  add(said: Pick<Known, "ident" | "typeid" | "className" | "names" | "type" | "translations">): Known {
    const known = {
      ...said,
      id: this.#numberFor(said.ident),
      proxies: 0,
      shares: 0,
      taking: null,
      holder: null,
      depth: 0,
    };
    this.#byId.set(known.id, known);
    this.#byIdent.set(known.ident, known);
    return known;
  }

  /** The number that the server calls it by, if it is one that can be; else any. */
  #numberFor(ident: string): ObjectId {
    const number = /^[0-9a-f]{1,13}$/.test(ident) ? parseInt(ident, 16) : 0;
    return number > 0 && Number.isSafeInteger(number) && !this.#byId.has(number) ? number : randomNumber();
  }

  delete(known: Known): void {
    if (this.#byId.get(known.id) === known) this.#byId.delete(known.id);
    if (this.#byIdent.get(known.ident) === known) this.#byIdent.delete(known.ident);
  }

  /** Forgets all; what there was. */
  clear(): Known[] {
    const all = [...this.#byId.values()];
    this.#byId.clear();
    this.#byIdent.clear();
    return all;
  }
}
