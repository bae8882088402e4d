// dict, in the server: a Map whose keys are equal to their copies. Its proxies are in dict_proxy.ts.

import { contentsOf } from "../local_line.ts";
import { containerType } from "./container.ts";
import { givenUp, kept } from "./contents.ts";
import { entriesOf, itemsOf, requireKey } from "./keys.ts";
import { DICT_NAMES } from "./dict_proxy.ts";
import { type Read, Versions } from "./versions.ts";

const KEY = "a key of a dict";

/** The object that proxies of a dict stand for. */
export class ServedDict {
  readonly map: Map<unknown, unknown> = new Map();
  readonly #versions = new Versions();

  constructor(init?: unknown) {
    if (init !== undefined) this.update(init);
  }

  get size(): number {
    return this.map.size;
  }

  get(key: unknown, fallback?: unknown): unknown {
    requireKey(key, KEY);
    return this.map.has(key) ? this.map.get(key) : fallback;
  }

  has(key: unknown): boolean {
    requireKey(key, KEY);
    return this.map.has(key);
  }

  set(key: unknown, value: unknown): void {
    requireKey(key, KEY);
    givenUp(this.map.get(key));
    this.map.set(key, kept(value));
    this.#versions.changed(key);
  }

  delete(key: unknown): boolean {
    requireKey(key, KEY);
    if (!this.map.has(key)) return false;
    this.#take(key);
    return true;
  }

  #take(key: unknown): unknown {
    const value = givenUp(this.map.get(key));
    this.map.delete(key);
    this.#versions.changed(key);
    return value;
  }

  pop(key: unknown, ...fallback: unknown[]): unknown {
    requireKey(key, KEY);
    if (this.map.has(key)) return this.#take(key);
    if (fallback.length > 0) return fallback[0];
    throw new RangeError(
      `Cannot pop ${Deno.inspect(key)}: there is no such key in the dict, and no fallback was given`,
    );
  }

  popitem(): [unknown, unknown] {
    if (this.map.size === 0) throw new RangeError("Cannot pop an item: the dict is empty");
    const key = [...this.map.keys()].at(-1);
    return [key, this.#take(key)];
  }

  setdefault(key: unknown, value?: unknown): unknown {
    requireKey(key, KEY);
    if (!this.map.has(key)) this.set(key, value);
    return this.map.get(key);
  }

  update(other: unknown): void {
    const entries = entriesIn(other, "update the dict");
    for (const [key, value] of entries) this.set(key, value);
  }

  clear(): void {
    for (const value of this.map.values()) givenUp(value);
    this.map.clear();
    this.#versions.allChanged();
  }

  copy(): Map<unknown, unknown> {
    return this.map;
  }

  items(): [unknown, unknown][] {
    return [...this.map];
  }

  merged(other: unknown): Map<unknown, unknown> {
    return new Map([...this.map, ...entriesIn(other, "merge the dict")]);
  }

  mergedInto(other: unknown): Map<unknown, unknown> {
    return new Map([...entriesIn(other, "merge the dict"), ...this.map]);
  }

  fromkeys(keys: unknown, value: unknown = null): Map<unknown, unknown> {
    const list = itemsOf(contentsOf(keys), "make a dict of keys");
    for (const key of list) requireKey(key, KEY);
    return new Map(list.map((key) => [key, value]));
  }

  keys(): MapIterator<unknown> {
    return this.map.keys();
  }

  values(): MapIterator<unknown> {
    return this.map.values();
  }

  entries(): MapIterator<[unknown, unknown]> {
    return this.map.entries();
  }

  /** Of the keys that there are now, but without those that go meanwhile. */
  *reversed(): Generator<unknown> {
    for (const key of [...this.map.keys()].reverse()) if (this.map.has(key)) yield key;
  }

  _read(key: unknown): Read {
    requireKey(key, KEY);
    return this.#versions.read(key, this.map.get(key), this.map.has(key));
  }

  _assign(key: unknown, version: unknown, value: unknown): Read | null {
    requireKey(key, KEY);
    if (!this.#versions.isCurrent(key, version, this.map.get(key), this.map.has(key))) return this._read(key);
    this.set(key, value);
    return null;
  }

  /** Whoever in the server has been given the Map goes on having it. */
  drop(): void {
    this.map.forEach(givenUp);
  }
}

function entriesIn(value: unknown, action: string): Map<unknown, unknown> {
  const entries = entriesOf(contentsOf(value), action);
  for (const key of entries.keys()) requireKey(key, KEY);
  return entries;
}

/** The type of dicts. */
export const DICT = containerType("dict", DICT_NAMES, (init) => new ServedDict(init), ({ map }) => map);
