// Whether two values have the same contents. What is in a container never is the very object that somebody looks for,
// since values travel as copies.

import { Date } from "../../runtime/timing.ts";
import { BaseProxy, insideOf } from "../proxy.ts";

/** Whether they are equal: numbers and texts as by `Object.is`, but 0 and -0 too; objects by what is in them. */
export function isEqual(one: unknown, other: unknown): boolean {
  return equal(one, other, new Map());
}

/** `assumed`: what is being compared with what, around. A cycle that comes back to these is equal so far. */
function equal(one: unknown, other: unknown, assumed: Map<object, object>): boolean {
  if (one === other || Object.is(one, other)) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  if (one instanceof BaseProxy) return other instanceof BaseProxy && one[insideOf]().id === other[insideOf]().id;
  if (Object.getPrototypeOf(one) !== Object.getPrototypeOf(other)) return false;
  if (assumed.get(one) === other) return true;
  assumed.set(one, other);
  return equalObjects(one, other, assumed);
}

function equalObjects(one: object, other: object, assumed: Map<object, object>): boolean {
  if (one instanceof Date) return Object.is(one.getTime(), (other as Date).getTime());
  if (one instanceof RegExp) return String(one) === String(other);
  if (ArrayBuffer.isView(one)) return equalBytes(bytesOf(one), bytesOf(other as ArrayBufferView));
  if (one instanceof ArrayBuffer) return equalBytes(new Uint8Array(one), new Uint8Array(other as ArrayBuffer));
  if (one instanceof Map) return equalMaps(one, other as Map<unknown, unknown>, assumed);
  if (one instanceof Set) return equalSets(one, other as Set<unknown>, assumed);
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length &&
    keys.every((key) => Object.hasOwn(other, key) && equal(Reflect.get(one, key), Reflect.get(other, key), assumed));
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function equalBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, i) => byte === other[i]);
}

function equalMaps(one: Map<unknown, unknown>, other: Map<unknown, unknown>, assumed: Map<object, object>): boolean {
  if (one.size !== other.size) return false;
  for (const [key, value] of one) {
    if (!other.has(key) || !equal(value, other.get(key), assumed)) return false;
  }
  return true;
}

function equalSets(one: Set<unknown>, other: Set<unknown>, assumed: Map<object, object>): boolean {
  if (one.size !== other.size) return false;
  const left = [...other].filter((it) => !one.has(it));
  return [...one].every((it) => {
    if (other.has(it)) return true;
    // Which may be wrong: then nothing that was assumed holds.
    const at = left.findIndex((candidate) => equal(it, candidate, new Map(assumed)));
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  });
}
