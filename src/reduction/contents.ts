/**
 * What is inside of the language's own objects, read by the language's own methods: an instance of a class that extends
 * Map may have others of the same name.
 *
 * @module
 */
import { Date } from "../runtime/timing.ts";

const mapEntries = Map.prototype.entries;
const setValues = Set.prototype.values;
const getTime = Date.prototype.getTime;
const mapSize = getterOf(Map.prototype, "size");
const setSize = getterOf(Set.prototype, "size");

function getterOf(prototype: object, name: string): () => number {
  return Object.getOwnPropertyDescriptor(prototype, name)!.get!;
}

/** How many entries a Map has. */
export function sizeOfMap(map: Map<unknown, unknown>): number {
  return Reflect.apply(mapSize, map, []);
}

/** The entries of a Map. */
export function entriesOf(map: Map<unknown, unknown>): MapIterator<[unknown, unknown]> {
  return Reflect.apply(mapEntries, map, []);
}

/** How many values a Set has. */
export function sizeOfSet(set: Set<unknown>): number {
  return Reflect.apply(setSize, set, []);
}

/** The values of a Set. */
export function valuesOf(set: Set<unknown>): SetIterator<unknown> {
  return Reflect.apply(setValues, set, []);
}

/** The time that a Date stands for. */
export function timeOf(date: object): number {
  return Reflect.apply(getTime, date, []);
}
