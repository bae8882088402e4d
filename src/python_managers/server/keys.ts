// Which values are equal in Python, and so which key of a dict is meant: 1, 1.0 and True are one, and tuples are by their items.
//
// In a container of the server a key is what JavaScript has for it: a number for 1 and for 1.0, and the very object that
// came first for a tuple and its like. The ring of a container knows these objects by what is in them.

import { BaseProxy, insideOf } from "../../managers/proxy.ts";
import { admitKey } from "../../managers/types/keys.ts";
import { dumps } from "../../pickle/dumps.ts";
import { FrozenSet } from "../../pickle/frozen_set.ts";
import { Float } from "../../pickle/numbers.ts";
import { Tuple } from "../../pickle/tuple.ts";
import { raised } from "./raised.ts";
import { typeNameOf } from "./words.ts";

/** The most letters that the text of a container has: where one object stands in many places, it would not end. */
const LONGEST = 2 ** 27;

/** The texts of containers that were met already. */
type Met = Map<object, string>;

/**
 * A text that two values have alike if they are equal in Python. `isKey`: refuses what has no hash there.
 *
 * @throws A MemoryError of Python's if it would be too long.
 */
export function identityOf(value: unknown, isKey: boolean = false, met: Met = new Map()): string {
  switch (typeof value) {
    case "string":
      return `s${value.length}:${value}`;
    case "boolean":
      return value ? "n1" : "n0";
    case "bigint":
      return `n${value}`;
    case "number":
      return ofNumber(value);
    case "undefined":
      return "N";
  }
  return value === null ? "N" : ofObject(value as object, isKey, met);
}

function ofNumber(value: number): string {
  if (!Number.isInteger(value)) return `f${value}`;
  return `n${Number.isSafeInteger(value) ? (value === 0 ? 0 : value) : BigInt(value)}`;
}

function ofObject(value: object, isKey: boolean, met: Met): string {
  if (value instanceof Float) return ofNumber(value.value);
  if (value instanceof Uint8Array) return `b${value.toHex()}`;
  if (value instanceof BaseProxy) return `p${value[insideOf]().id}`;
  const isFixed = value instanceof Tuple || value instanceof FrozenSet;
  const isContainer = Array.isArray(value) || value instanceof Set || value instanceof Map || isPlain(value);
  if (!isContainer) return `o${dumps(value).toHex()}`;
  if (isKey && !isFixed) throw raised("TypeError", `unhashable type: '${typeNameOf(value)}'`);
  let text = met.get(value);
  if (text === undefined) met.set(value, text = ofContainer(value, isKey, met));
  return text;
}

function ofContainer(value: object, isKey: boolean, met: Met): string {
  if (value instanceof Tuple) return `(${joined(value.map((it) => identityOf(it, isKey, met)))})`;
  if (Array.isArray(value)) return `[${joined(value.map((it) => identityOf(it, false, met)))}]`;
  if (value instanceof Set) return `{${joined(Array.from(value, (it) => identityOf(it, true, met)).sort())}}`;
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  const texts = entries.map(([key, item]) => joined([identityOf(key, false, met), identityOf(item, false, met)], "="));
  return `d{${joined(texts.sort())}}`;
}

function joined(texts: readonly string[], between = ","): string {
  let length = 0;
  for (const text of texts) length += text.length + 1;
  if (length > LONGEST) throw raised("MemoryError", "the value is too large to be compared");
  return texts.join(between);
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

/** Whether two values are equal in Python. */
export function isEqual(one: unknown, other: unknown): boolean {
  return equalTo(one)(other);
}

/** Whether others are equal in Python to a value. */
export function equalTo(value: unknown): (other: unknown) => boolean {
  if (typeof value === "string") return (other) => other === value;
  const isScalar = isSimple(value);
  let identity: string | null = null;
  return (other) => {
    if (other === value) return true;
    // What is written in many letters is never compared with what is not.
    if (typeof other === "string" || isSimple(other) !== isScalar) return false;
    return (identity ??= identityOf(value)) === identityOf(other);
  };
}

/** Whether a value is a number, a boolean, or nothing. */
function isSimple(value: unknown): boolean {
  return typeof value !== "object" || value === null || value instanceof Float;
}

/** What has keys, or members. */
interface Keyed {
  has(key: unknown): boolean;
  readonly size: number;
}

const rings = new WeakMap<Keyed, KeyRing>();
/** So many objects are known before those are looked for that the container does not have any more. */
const FEW_OBJECTS = 64;

/** The keys of a container that are objects, by what is in them. */
export class KeyRing {
  /** That of a container. */
  static of(keyed: Keyed): KeyRing {
    let ring = rings.get(keyed);
    if (ring === undefined) rings.set(keyed, ring = new KeyRing(keyed));
    return ring;
  }

  readonly #keyed: Keyed;
  readonly #objects = new Map<string, object>();
  #most = FEW_OBJECTS;

  constructor(keyed: Keyed) {
    this.#keyed = keyed;
  }

  /**
   * The key that a value of Python's means: the equal one that is there, or else itself.
   *
   * @throws A TypeError of Python's if it has no hash.
   */
  find(value: unknown): unknown {
    if (typeof value === "string") return value;
    if (typeof value === "object" && value !== null && !(value instanceof Float)) return this.#object(value);
    const known = equals(value).find((key) => this.#keyed.has(key));
    if (known !== undefined) return known;
    return value instanceof Float ? value.value : value ?? (this.#keyed.has(undefined) ? undefined : null);
  }

  #object(value: object): object {
    const identity = identityOf(value, true);
    const known = this.#objects.get(identity);
    if (known !== undefined && this.#keyed.has(known)) return known;
    admitKey(value);
    this.#objects.set(identity, value);
    if (this.#objects.size > this.#most) this.#tidy();
    return value;
  }

  #tidy(): void {
    for (const [identity, key] of this.#objects) if (!this.#keyed.has(key)) this.#objects.delete(identity);
    this.#most = FEW_OBJECTS + 2 * this.#objects.size;
  }
}

/** The keys of JavaScript's that are equal to a number in Python. */
function equals(value: unknown): unknown[] {
  if (value === null || value === undefined) return [];
  const given = value instanceof Float ? value.value : value;
  const number = Number(given);
  if (typeof given !== "bigint" && !Number.isInteger(number)) return [given];
  const exact = typeof given === "bigint" ? given : BigInt(number);
  const keys: unknown[] = [exact];
  if (BigInt(Number(exact)) === exact) keys.unshift(Number(exact));
  if (exact === 0n || exact === 1n) keys.push(exact === 1n);
  return keys;
}
