// Resolves an address, and asks for the permission for what it leads to, before anything listens or connects there.

import { native } from "../addon/load.ts";
import { translated } from "../addon/translate.ts";
import { descriptorOf, type Waitable } from "../waiting/waitable.ts";
import { type Address, type Family, type Place, placed, placeOf, requireFound, requirePermission } from "./address.ts";

/** What is to be done with an address. */
export interface Purpose {
  /** For messages: "listen on". */
  action: string;
  family: Family | undefined;
}

/** A search for what an address leads to, under the addon's number: a name of a host may take its time. */
export class Search implements Waitable, Disposable {
  readonly #address: Address;
  readonly #action: string;
  readonly #place: Place;
  readonly #id: number;
  readonly #isUnderWay: boolean;

  /**
   * Begins it.
   *
   * @throws {TypeError} If it is no address; {@linkcode RangeError} if it is none of this system or the family.
   * @throws {Deno.errors.NotCapable} If Deno does not permit it as it is written.
   */
  constructor(address: Address, { action, family }: Purpose) {
    this.#address = address;
    this.#action = action;
    const place = this.#place = placeOf(address, family, action);
    requirePermission(place, action);
    const begin = () =>
      place.kind === "inet" ? native().seekInet(place.host, place.port, place.version) : native().seekUnix(place.path);
    const { search, isUnderWay } = this.attempt(begin);
    this.#id = search;
    this.#isUnderWay = isUnderWay;
  }

  /** Its number in the addon. */
  get id(): number {
    return this.#id;
  }

  /** Ready when there is nothing to wait for. */
  [descriptorOf](): number | null {
    return this.#isUnderWay ? native().searchFileno(this.#id) : null;
  }

  /**
   * Whether it is done within `timeout` milliseconds.
   *
   * @throws {Deno.errors.NotFound} If there is no such host.
   * @throws {Deno.errors.NotCapable} If Deno does not permit what was found.
   */
  finish(timeout: number): boolean {
    const found = this.attempt(() => native().searchFinish(this.#id, timeout));
    if (found === null) return false;
    requireFound(this.#place, found, this.#action);
    return true;
  }

  /** What `run` of the addon gives; its errors say what could not be done and where. */
  attempt<T>(run: () => T): T {
    try {
      return translated(run);
    } catch (error) {
      throw placed(error, this.#action, this.#address);
    }
  }

  /** Forgets it; what listens or is dialled goes on. */
  [Symbol.dispose](): void {
    native().searchClose(this.#id);
  }
}
