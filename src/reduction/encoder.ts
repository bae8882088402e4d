/**
 * Values to bytes: which object is written how, and which is refused. The bytes themselves are the Writer's.
 *
 * @module
 */
import { ofUsersCall } from "../runtime/stack.ts";
import { outward } from "../callable/places.ts";
import {
  entriesOf,
  flagsOf,
  isDetached,
  sizeOfMap,
  sizeOfSet,
  sourceOf,
  timeOf,
  valuesOf,
  viewName,
} from "./contents.ts";
import { quotaOf } from "./dom_exception.ts";
import { ownPropertiesOf, partsOf, type Property, stackOf, textOf } from "./error_parts.ts";
import { Extension, MAX_DEPTH, VIEWS } from "./format.ts";
import { type Boxed, isHollow, isOf, isText, type Kind, kindOf, primitiveOf, requireNothingHidden } from "./kinds.ts";
import { itemsOf } from "./names.ts";
import { ObjectNumbers } from "./object_numbers.ts";
import {
  DETACHED,
  FUNCTION,
  HOLLOW,
  IMPOSTOR,
  keyText,
  propertyStep,
  Refusal,
  REVOKED,
  SELF_REFERENCE,
  SHARED_BUFFER,
  SYMBOL,
  UNKNOWN_VIEW,
} from "./refusal.ts";
import { type EngineTree, type Outgoing, reduced } from "./passage.ts";
import { currentViewReducer, discard, registeredPrototype } from "./registry.ts";
import { AGAIN, ALONE, ROWS, Shapes } from "./shapes.ts";
import { bytesOfView, sizeOfView } from "./views.ts";
import { Writer } from "./writer.ts";

/** What `attachments` is for the many messages that have none. */
const NO_ATTACHMENTS: readonly number[] = Object.freeze([]);
/** Where messages begin that are not written where they are wanted; what is longer grows out of it. */
const ROOM_BYTES = 16 * 1024;

/** The place on the wire of every kind of view. */
const viewKinds = new Map<unknown, number>(VIEWS.map((view, kind) => [view.name, kind]));

/** A message, and the blocks of shared memory it refers to. */
export interface Dumped {
  /** The message, for `loads` in any process of the tree, in memory that nothing else is in. */
  bytes: Uint8Array<ArrayBuffer>;
  /** The blocks that `attach` named, each once, in the order of their first use. */
  attachments: readonly number[];
}

/** What a message is for. */
export interface Destination {
  /** Whether it starts a process. */
  readonly isStart: boolean;
  /** The tree on an engine that it goes to; `null`: it stays on this machine. */
  readonly engine: EngineTree | null;
}

/** A message for a tree on an engine, and the ids of the engine's objects that it refers to. */
export interface DumpedForEngine {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly objects: readonly string[];
}

const NO_OBJECTS: readonly string[] = Object.freeze([]);

/** Writes messages, one at a time. Not re-entrant: a getter or `reduce` that serialises needs another one. */
export class Encoder {
  readonly #out = new Writer();
  readonly #numbers = new ObjectNumbers();
  readonly #shapes = new Shapes();
  #depth = 0;
  /** How many of the arrays that are being written may be tables. */
  #tables = 0;
  /** Registered instances whose reduced data is being written. */
  #reducing: object[] = [];
  /** What the message may do; made for the first `reduce` that runs. */
  #passage: Outgoing | null = null;
  #isStart = false;
  #engine: EngineTree | null = null;
  /** Its bytes are never handed out. */
  #room: Uint8Array<ArrayBuffer> | null = null;

  /** The message for `value`; one that starts a process may carry the tree's key. */
  dump(value: unknown, { isStart, engine }: Destination): Dumped & DumpedForEngine {
    this.#room ??= new Uint8Array(ROOM_BYTES);
    this.#isStart = isStart;
    this.#engine = engine;
    return this.#dump(value, this.#room, 0);
  }

  /** Writes the message into `target` from `start` on: where it ends, or the message, if it cannot be there alone. */
  dumpInto(value: unknown, target: Uint8Array, start: number, engine: EngineTree | null): number | Dumped {
    this.#engine = engine;
    return this.#dump(value, target, start, true);
  }

  #dump(value: unknown, target: Uint8Array, start: number): Dumped & DumpedForEngine;
  #dump(value: unknown, target: Uint8Array, start: number, inPlace: true): number | Dumped;
  #dump(value: unknown, target: Uint8Array, start: number, inPlace = false): number | (Dumped & DumpedForEngine) {
    this.#depth = 0;
    this.#tables = 0;
    this.#out.begin(target, start);
    try {
      this.#write(value);
      const attachments = this.#passage === null ? NO_ATTACHMENTS : attachmentsOf(this.#passage);
      if (inPlace && attachments === NO_ATTACHMENTS && !this.#out.outgrown) return this.#out.position;
      return { bytes: this.#out.takeBytes(), attachments, objects: this.#passage?.objects ?? NO_OBJECTS };
    } catch (error) {
      if (this.#passage !== null) discard(this.#passage.attachments);
      throw error instanceof Refusal ? error.explain() : ofUsersCall(error);
    } finally {
      this.#end();
    }
  }

  /** Lets go of everything that belongs to the message. */
  #end(): void {
    this.#numbers.forget();
    this.#shapes.forget();
    if (this.#reducing.length > 0) this.#reducing = [];
    if (this.#passage !== null) this.#passage = null;
    this.#isStart = false;
    this.#engine = null;
    this.#out.end();
  }

  #write(value: unknown): void {
    switch (typeof value) {
      case "number":
        return this.#out.writeNumber(value);
      case "string":
        return this.#out.writeString(value);
      case "boolean":
        return this.#out.writeByte(value ? 0xc3 : 0xc2);
      case "undefined":
        return this.#out.writeUndefined();
      case "bigint":
        return this.#out.writeBigInt(value);
      case "object":
        return value === null ? this.#out.writeByte(0xc0) : this.#writeObject(value);
      case "function":
        throw new Refusal(value, FUNCTION);
      default:
        throw new Refusal(value, SYMBOL);
    }
  }

  #writeObject(value: object): void {
    if (this.#writeReference(value)) return;
    if (++this.#depth > MAX_DEPTH) {
      throw new RangeError(`Cannot serialise value: it is nested more than ${MAX_DEPTH} levels deep`);
    }
    // What an array or a view is does not depend on its prototype, which may have been changed.
    if (isArray(value)) this.#writeArray(value);
    else if (ArrayBuffer.isView(value)) this.#writeView(value);
    else {
      const prototype = Object.getPrototypeOf(value);
      if (prototype === Object.prototype) this.#writePlain(value, Object.keys(value));
      else this.#writeSpecial(value, prototype);
    }
    this.#depth--;
  }

  /** Writes a reference if `value` came before; otherwise gives it its number. */
  #writeReference(value: object): boolean {
    const number = this.#numbers.numberOf(value);
    if (number < 0) return false;
    if (this.#reducing.includes(value)) throw new Refusal(value, SELF_REFERENCE);
    this.#out.writeReference(number);
    return true;
  }

  #writePlain(value: object, keys: readonly string[]): void {
    const shape = this.#tables > 0 ? this.#shapes.numberOf(keys) : ALONE;
    if (shape !== ALONE) return this.#writeShaped(value, keys, shape);
    this.#out.writeCount(keys.length, 0x80, 16, 0xde);
    let i = 0;
    try {
      for (; i < keys.length; i++) {
        const key = keys[i];
        this.#out.writeString(key);
        this.#write((value as Record<string, unknown>)[key]);
      }
    } catch (error) {
      throw error instanceof Refusal ? error.within(propertyStep(keys[i])) : error;
    }
  }

  /** Writes a plain object whose names are those of an earlier one: an array of its shape and its values. */
  #writeShaped(value: object, keys: readonly string[], shape: number): void {
    const isTold = shape !== AGAIN;
    this.#out.writeCount(keys.length + (isTold ? 1 : 2), 0x90, 16, 0xdc);
    this.#out.writeShape(isTold ? shape : this.#shapes.latest);
    if (!isTold) {
      this.#out.writeCount(keys.length, 0x90, 16, 0xdc);
      for (const key of keys) this.#out.writeString(key);
    }
    let i = 0;
    try {
      for (; i < keys.length; i++) this.#write((value as Record<string, unknown>)[keys[i]]);
    } catch (error) {
      throw error instanceof Refusal ? error.within(propertyStep(keys[i])) : error;
    }
  }

  #writeArray(value: readonly unknown[]): void {
    const prototype = Object.getPrototypeOf(value);
    if (prototype !== Array.prototype && this.#writeReduced(value, prototype)) return;
    const { length } = value;
    if (length >>> 0 !== length) throw new Refusal(value, IMPOSTOR); // a Proxy may say anything
    const items = itemsOf(value, length);
    if (items === null) return this.#writeSparseArray(value, length, null);
    if (items.length !== length) return this.#writeSparseArray(value, length, items);
    for (let i = 0; i < length; i++) {
      if (!(i in value)) return this.#writeSparseArray(value, length, items === value ? null : items);
    }
    this.#out.writeCount(length, 0x90, 16, 0xdc);
    if (length >= ROWS) this.#tables++;
    let i = 0;
    try {
      for (; i < length; i++) this.#write(items[i]);
    } catch (error) {
      throw error instanceof Refusal ? error.within(`[${i}]`) : error;
    }
    if (length >= ROWS) this.#tables--;
  }

  /** Writes an array by its properties, those among them that have names; `values` are theirs, once they were read. */
  #writeSparseArray(array: readonly unknown[], length: number, values: readonly unknown[] | null): void {
    const header = this.#out.openExtension(Extension.SparseArray);
    this.#out.writeNumber(length);
    const keys = Object.keys(array);
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i];
      const index = Number(key) >>> 0;
      const isIndex = String(index) === key && index < length;
      if (isIndex) this.#out.writeNumber(index);
      else this.#out.writeString(key);
      this.#writeAt(isIndex ? `[${key}]` : propertyStep(key), values === null ? Reflect.get(array, key) : values[i]);
    }
    this.#out.closeExtension(header);
  }

  /** Writes what stands in a container, `step` from it. */
  #writeAt(step: string, value: unknown): void {
    try {
      this.#write(value);
    } catch (error) {
      throw error instanceof Refusal ? error.within(step) : error;
    }
  }

  /** Writes what is neither a plain object, an array nor a view. */
  #writeSpecial(value: object, prototype: object | null): void {
    if (prototype === null) return this.#writeInstance(value, null);
    if (this.#writeReduced(value, prototype)) return;
    const kind = kindOf(value, prototype);
    if (kind !== null) return this.#writeKind(kind, value);
    this.#writeInstance(value, prototype);
  }

  /** Writes an object whose class is not known to travel as a plain one. */
  #writeInstance(value: object, prototype: object | null): void {
    const keys = Object.keys(value);
    if (keys.length > 0) {
      return keys[0] === "0" && isText(value) ? this.#writeKind("String", value) : this.#writePlain(value, keys);
    }
    const kind = requireNothingHidden(value, prototype);
    if (kind === null) this.#out.writeCount(0, 0x80, 16, 0xde);
    else this.#writeKind(kind, value);
  }

  #writeKind(kind: Kind, value: object): void {
    switch (kind) {
      case "Map":
        return this.#writeMap(value as Map<unknown, unknown>);
      case "Set":
        return this.#writeSet(value as Set<unknown>);
      case "Date":
        return this.#writeDate(value);
      case "RegExp":
        return this.#writeRegExp(value);
      case "Error":
        return this.#writeError(value as Error);
      case "ArrayBuffer":
        return this.#writeBuffer(value as ArrayBuffer);
      case "SharedArrayBuffer":
        throw new Refusal(value, SHARED_BUFFER);
      case "Symbol":
        throw new Refusal(value, SYMBOL);
      default:
        return this.#writeBoxed(kind, value);
    }
  }

  /** Writes an instance of a registered class; false if its class is not. */
  #writeReduced(value: object, prototype: object): boolean {
    const registration = registeredPrototype(prototype);
    if (registration === undefined) return false;
    if ("refuse" in registration) throw new Refusal(value, { why: registration.refuse });
    let data: unknown;
    try {
      data = this.#reduced(registration.reducer, value);
    } catch (error) {
      throw isHollow(prototype, error) ? new Refusal(value, HOLLOW) : error;
    }
    const header = this.#out.openExtension(Extension.Reduced);
    this.#out.writeString(registration.name);
    this.#reducing.push(value);
    try {
      this.#write(data);
    } catch (error) {
      throw error instanceof Refusal ? error.behind(value) : error;
    }
    this.#reducing.pop();
    if (Error.isError(value)) this.#write(stackOf(value));
    this.#out.closeExtension(header);
    return true;
  }

  #reduced(reducer: { reduce(value: never): unknown }, value: object): unknown {
    const passage = this.#passage ??= {
      attachments: [],
      isStart: this.#isStart,
      engine: this.#engine,
      objects: [],
    };
    return reduced(passage, reducer, value);
  }

  #writeView(view: ArrayBufferView): void {
    const prototype = Object.getPrototypeOf(view);
    if (prototype !== Uint8Array.prototype && this.#writeReduced(view, prototype)) return;
    const reducer = currentViewReducer();
    if (reducer !== null) {
      const data = this.#reduced(reducer, view);
      if (data !== undefined) return this.#writeSharedView(view, data);
    }
    const name = viewName(view);
    const size = sizeOfView(view, name);
    if (name === "Uint8Array") {
      this.#out.writeBytesHeader(size);
      return this.#out.writeRaw(view as Uint8Array, size);
    }
    const kind = viewKinds.get(name);
    if (kind === undefined) throw new Refusal(view, UNKNOWN_VIEW);
    this.#out.writeExtensionHeader(Extension.View, 1 + size);
    this.#out.writeByte(kind);
    this.#out.writeRaw(bytesOfView(view, name, size), size);
  }

  #writeSharedView(view: ArrayBufferView, data: unknown): void {
    const header = this.#out.openExtension(Extension.SharedView);
    this.#reducing.push(view);
    this.#write(data);
    this.#reducing.pop();
    this.#out.closeExtension(header);
  }

  #writeBuffer(value: ArrayBuffer): void {
    if (isDetached(value)) throw new Refusal(value, DETACHED);
    const bytes = new Uint8Array(value);
    this.#out.writeExtensionHeader(Extension.ArrayBuffer, bytes.length);
    this.#out.writeRaw(bytes, bytes.length);
  }

  #writeBoxed(kind: Boxed, value: object): void {
    const header = this.#out.openExtension(Extension.Boxed);
    this.#write(primitiveOf(kind, value));
    this.#out.closeExtension(header);
  }

  #writeMap(value: Map<unknown, unknown>): void {
    const header = this.#out.openExtension(Extension.Map);
    let left = sizeOfMap(value); // a getter in it might add to it for ever
    for (const [key, item] of entriesOf(value)) {
      if (left-- === 0) break;
      try {
        this.#write(key);
      } catch (error) {
        throw error instanceof Refusal ? error.within(`.keys(${keyText(key)})`) : error;
      }
      try {
        this.#write(item);
      } catch (error) {
        throw error instanceof Refusal ? error.within(`.get(${keyText(key)})`) : error;
      }
    }
    this.#out.closeExtension(header);
  }

  #writeSet(value: Set<unknown>): void {
    const header = this.#out.openExtension(Extension.Set);
    const size = sizeOfSet(value);
    let index = 0;
    for (const item of valuesOf(value)) {
      if (index === size) break;
      this.#writeAt(`.values()[${index++}]`, item);
    }
    this.#out.closeExtension(header);
  }

  #writeDate(value: object): void {
    this.#out.writeExtensionHeader(Extension.Date, 8);
    this.#out.writeFloat64(timeOf(value));
  }

  #writeRegExp(value: object): void {
    const header = this.#out.openExtension(Extension.RegExp);
    this.#out.writeString(sourceOf(value));
    this.#out.writeString(flagsOf(value));
    this.#out.closeExtension(header);
  }

  #writeError(value: Error): void {
    if (value instanceof DOMException) return this.#writeDOMException(value);
    const { reference, known, shown, stack, properties } = partsOf(value);
    const header = this.#out.openExtension(reference === null ? Extension.Error : Extension.ExportedError);
    if (reference !== null) {
      const { label, hash, name, member } = reference;
      const module = this.#engine === null ? reference.module : outward(reference.module);
      for (const text of [label, hash ?? "", module, name, member ?? "", shown]) this.#out.writeString(text);
    }
    this.#out.writeString(known);
    this.#write(stack);
    this.#writeProperties(properties);
    this.#out.closeExtension(header);
  }

  #writeDOMException(value: DOMException): void {
    if (!isOf("Error", value)) throw new Refusal(value, IMPOSTOR);
    const header = this.#out.openExtension(Extension.DOMException);
    this.#out.writeString(textOf(value.message));
    this.#out.writeString(textOf(value.name));
    const excess = quotaOf(value);
    this.#out.writeByte(excess === null ? 0xc2 : 0xc3);
    excess?.forEach((it) => this.#write(it));
    this.#write(stackOf(value));
    this.#writeProperties(ownPropertiesOf(value));
    this.#out.closeExtension(header);
  }

  #writeProperties(properties: readonly Property[]): void {
    let i = 0;
    try {
      for (; i < properties.length; i++) {
        this.#out.writeString(properties[i][0]);
        this.#write(properties[i][1]);
      }
    } catch (error) {
      throw error instanceof Refusal ? error.within(propertyStep(properties[i][0])) : error;
    }
  }
}

/** Whether an object is an array. */
function isArray(value: object): value is readonly unknown[] {
  try {
    return Array.isArray(value);
  } catch {
    throw new Refusal(value, REVOKED); // which is the only reason to throw
  }
}

function attachmentsOf({ attachments }: Outgoing): readonly number[] {
  return attachments.length === 0 ? NO_ATTACHMENTS : attachments;
}
