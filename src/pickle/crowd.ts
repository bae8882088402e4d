/**
 * Fills sets and Maps with keys that come from outside.
 *
 * V8 finds a number in a set by a hash that is the same in every process, and of a bigint it takes the lowest 64 bits alone.
 * So a pickle could be made of numbers that are all found in one place, and each of them would be compared with all before:
 * a few hundred KiB would take minutes. Whoever has many keys is looked at now and then: whether too many of them are
 * together.
 *
 * @module
 */
import { unreadable } from "./error.ts";

/** With so many keys there is the first look; with twice as many the next one. A power of two. */
const FIRST_LOOK = 4096;
/** So many keys may be together. By chance there are hardly more than ten. */
const MOST_TOGETHER = 512;

const number = new Float64Array(1);
const bits = new BigUint64Array(number.buffer);

/** Adds items of an array, from one on, to a set. */
export function addAll(set: Set<unknown>, items: readonly unknown[], from = 0): void {
  let limit = nextLook(set.size);
  for (let i = from; i < items.length; i++) {
    set.add(items[i]);
    if (set.size >= limit) limit = look(set);
  }
}

/** Sets keys and values of an array, in turn from one on, in a Map. */
export function setAll(map: Map<unknown, unknown>, items: readonly unknown[], from = 0): void {
  let limit = nextLook(map.size);
  for (let i = from; i < items.length; i += 2) {
    map.set(items[i], items[i + 1]);
    if (map.size >= limit) limit = look(map);
  }
}

function nextLook(size: number): number {
  let limit = FIRST_LOOK;
  while (limit <= size) limit *= 2;
  return limit;
}

/** Refuses keys of which too many are together; how many there are at the next look. */
function look(keyed: ReadonlySet<unknown> | ReadonlyMap<unknown, unknown>): number {
  const places = new Uint32Array(keyed.size >>> 1 || 1);
  const mask = 2 ** Math.floor(Math.log2(places.length)) - 1;
  for (const key of keyed.keys()) {
    if (typeof key !== "number" && typeof key !== "bigint") continue;
    const hash = typeof key === "number" && (key | 0) === key ? hashOfInt(key) : hashOfLong(key);
    if (++places[hash & mask] > MOST_TOGETHER) throw unreadable("too many of the keys in it are found in one place");
  }
  return nextLook(keyed.size);
}

/** As V8 has it of ints of 32 bits; were it another one, keys would be spread by this one, too. */
function hashOfInt(key: number): number {
  let hash = ~key + (key << 15);
  hash ^= hash >>> 12;
  hash = hash + (hash << 2) | 0;
  hash ^= hash >>> 4;
  hash = Math.imul(hash, 2057);
  return hash ^ hash >>> 16;
}

/** As V8 has it of the bits of other numbers, and of the lowest bits of a bigint. */
function hashOfLong(key: number | bigint): number {
  const cut = (value: bigint) => BigInt.asUintN(64, value);
  if (typeof key === "number") number[0] = key;
  const low = typeof key === "number" ? bits[0] : cut(key < 0n ? -key : key);
  let hash = cut(~low + (low << 18n));
  hash ^= hash >> 31n;
  hash = cut(hash * 21n);
  hash ^= hash >> 11n;
  hash = cut(hash + (hash << 6n));
  hash ^= hash >> 22n;
  return Number(hash & 0x3fffffffn);
}
