/**
 * What is inside of the language's own objects, read by the language's own methods: an object may have others of the same
 * name, by its class or as its own properties, and what those say is not what is there.
 *
 * @module
 */
import { Date } from "../runtime/timing.ts";

const mapEntries = Map.prototype.entries;
const setValues = Set.prototype.values;
const getTime = Date.prototype.getTime;
const mapSize = getterOf<number>(Map.prototype, "size");
const setSize = getterOf<number>(Set.prototype, "size");

/** What all typed arrays inherit from. */
const typedArray: object = Object.getPrototypeOf(Uint8Array.prototype);
const arrayTag = getterOf<string | undefined>(typedArray, Symbol.toStringTag);
const arrayBuffer = getterOf<ArrayBufferLike>(typedArray, "buffer");
const arrayOffset = getterOf<number>(typedArray, "byteOffset");
const arrayBytes = getterOf<number>(typedArray, "byteLength");
const arrayLength = getterOf<number>(typedArray, "length");
/** A method of all typed arrays that throws if the memory is not there. */
const arrayKeys = Uint8Array.prototype.keys;
const dataBuffer = getterOf<ArrayBufferLike>(DataView.prototype, "buffer");
const dataOffset = getterOf<number>(DataView.prototype, "byteOffset");
const dataBytes = getterOf<number>(DataView.prototype, "byteLength");
const bufferDetached = getterOf<boolean>(ArrayBuffer.prototype, "detached");
const sharedGrowable = getterOf<boolean>(SharedArrayBuffer.prototype, "growable");
const sharedBytes = getterOf<number>(SharedArrayBuffer.prototype, "byteLength");

const regExpSource = getterOf<string>(RegExp.prototype, "source");
/** The getter of `flags` would ask the object for each of them. */
const regExpFlags = ([
  ["d", "hasIndices"],
  ["g", "global"],
  ["i", "ignoreCase"],
  ["m", "multiline"],
  ["s", "dotAll"],
  ["u", "unicode"],
  ["v", "unicodeSets"],
  ["y", "sticky"],
] as const).map(([flag, name]) => [flag, getterOf<boolean>(RegExp.prototype, name)] as const);

/** A getter of the language. Each is called where it is the only one, so that the compiler knows it. */
function getterOf<T>(prototype: object, name: PropertyKey): () => T {
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

/** The pattern of a RegExp. */
export function sourceOf(pattern: object): string {
  return Reflect.apply(regExpSource, pattern, []);
}

/** The flags of a RegExp, in the order of the language. */
export function flagsOf(pattern: object): string {
  let flags = "";
  for (const [flag, has] of regExpFlags) if (Reflect.apply(has, pattern, [])) flags += flag;
  return flags;
}

/** The name of a view's built-in class, whatever class extends it, in whatever realm. */
export function viewName(view: ArrayBufferView): string {
  return Reflect.apply(arrayTag, view, []) ?? "DataView";
}

/** The buffer of a view whose built-in class is called `name`. */
export function bufferOf(view: ArrayBufferView, name: string): ArrayBufferLike {
  return name === "DataView" ? Reflect.apply(dataBuffer, view, []) : Reflect.apply(arrayBuffer, view, []);
}

/** Where a view begins in its buffer, whose memory is there. */
export function byteOffsetOf(view: ArrayBufferView, name: string): number {
  return name === "DataView" ? Reflect.apply(dataOffset, view, []) : Reflect.apply(arrayOffset, view, []);
}

/** The length of a view in bytes; 0 for a typed array whose memory is gone, which a DataView throws for. */
export function byteLengthOf(view: ArrayBufferView, name: string): number {
  return name === "DataView" ? Reflect.apply(dataBytes, view, []) : Reflect.apply(arrayBytes, view, []);
}

/** The length of a view as its constructor takes it: of a typed array in elements. */
export function lengthOf(view: ArrayBufferView, name: string): number {
  return name === "DataView" ? Reflect.apply(dataBytes, view, []) : Reflect.apply(arrayLength, view, []);
}

/** How many bytes a Uint8Array has. */
export function sizeOfBytes(bytes: Uint8Array): number {
  return Reflect.apply(arrayBytes, bytes, []);
}

/** Whether a typed array lies outside of its buffer. */
export function isOutside(array: ArrayBufferView): boolean {
  try {
    Reflect.apply(arrayKeys, array, []);
    return false;
  } catch {
    return true;
  }
}

/**
 * Whether the memory of a buffer was transferred.
 *
 * @throws {TypeError} If it is a SharedArrayBuffer, of whatever realm.
 */
export function isDetached(buffer: ArrayBufferLike): boolean {
  return Reflect.apply(bufferDetached, buffer, []);
}

/** Whether a SharedArrayBuffer can grow and has bytes. */
export function isGrowableMemory(buffer: SharedArrayBuffer): boolean {
  return Reflect.apply(sharedGrowable, buffer, []) && Reflect.apply(sharedBytes, buffer, []) > 0;
}
