// The proxies inside of containers, such as a list in a dict.
//
// A proxy that is stored in a container is the server's own, and holds its object. It is closed when nothing that was
// stored has it any more: the container was dropped, or the value was removed or overwritten. Then the object is dropped
// with it unless somebody else wants it, and so on, whatever that has inside.
//
// C1. A value is given up after it was removed and before the event loop's next turn, so that an answer that takes it
//     along, such as that of `pop`, is written first.
// C2. One proxy may be stored more than once, since one message may name it more than once: it counts.
// C3. Nobody else has these proxies: code in the server that uses a container by a proxy gets copies as everybody does.
//     A method that is given a whole container, as a Map or an array, may use what is inside while it is there.

import { setTimeout, unrefTimer } from "../../runtime/timing.ts";
import { ownObject } from "../local_line.ts";
import { BaseProxy } from "../proxy.ts";

/** How often a proxy is stored. */
const stored = new WeakMap<BaseProxy, number>();
/** Values that were removed, whose proxies are still to be let go. */
const removed: unknown[] = [];
/** Values that came with calls. */
const arrived: unknown[] = [];
let isScheduled = false;
/** Whether this thread has ever made a proxy of an object of its own server: without one, no value need be searched. */
let isNested = false;

/** Notes that proxies may be stored from now on. */
export function noteLocalProxy(): void {
  isNested = true;
}

/** The same value, whose proxies are held from now on, once more. */
export function kept<T>(value: T): T {
  if (!isNested || typeof value !== "object" || value === null) return value;
  for (const proxy of proxiesIn(value)) stored.set(proxy, (stored.get(proxy) ?? 0) + 1);
  return value;
}

/** The same value, which was removed: its proxies are let go, see C1. */
export function givenUp<T>(value: T): T {
  if (!isNested || typeof value !== "object" || value === null) return value;
  removed.push(value);
  letGoSoon();
  return value;
}

/** Arguments of a call that has come to its end: of their proxies, those that were not stored are let go. */
export function passed(args: readonly unknown[]): void {
  if (!isNested || args.length === 0) return;
  arrived.push(args);
  letGoSoon();
}

function letGoSoon(): void {
  if (isScheduled) return;
  isScheduled = true;
  unrefTimer(setTimeout(letGo));
}

/** Closes the proxies in everything that was given up; and in what is dropped by that. */
export function letGo(): void {
  isScheduled = false;
  for (const value of arrived.splice(0)) {
    for (const proxy of proxiesIn(value)) if (!stored.has(proxy)) proxy.close();
  }
  while (removed.length > 0) {
    const value = removed.pop();
    for (const proxy of proxiesIn(value)) {
      const times = stored.get(proxy) ?? 0;
      if (times > 1) stored.set(proxy, times - 1);
      else if (stored.delete(proxy)) proxy.close();
    }
  }
}

/** The own proxies in a value, each as often as it is there. */
function* proxiesIn(value: unknown): Generator<BaseProxy> {
  const seen = new Set<object>();
  const left = [value];
  while (left.length > 0) {
    const next = left.pop();
    if (typeof next !== "object" || next === null) continue;
    if (next instanceof BaseProxy) {
      if (ownObject(next) !== null) yield next;
      continue;
    }
    if (seen.has(next)) continue;
    seen.add(next);
    for (const item of itemsOf(next)) left.push(item);
  }
}

function itemsOf(value: object): Iterable<unknown> {
  if (Array.isArray(value)) return value;
  if (value instanceof Map) return value.values();
  return isPlain(value) ? Object.values(value) : [];
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}
