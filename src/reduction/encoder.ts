/**
 * Values to bytes: which object is written how, and which is refused. The bytes themselves are the Writer's.
 *
 * @module
 */
import { isKnownClass, nearestClass, shownName } from "./error_classes.ts";
import { classReference } from "./error_exports.ts";
import { Extension, MAX_DEPTH, VIEWS } from "./format.ts";
import { FUNCTION, type Reason, Refusal, SELF_REFERENCE, SHARED_BUFFER, SYMBOL, whyRefused } from "./refusal.ts";
import {
  currentViewReducer,
  discard,
  NOWHERE,
  reduceInto,
  registeredPrototype,
  type Registration,
} from "./registry.ts";
import { DOES_NOT_FIT, Writer } from "./writer.ts";
import { Date } from "../timing.ts";

/** What `attachments` is for the many messages that have none. */
const NO_ATTACHMENTS: readonly number[] = Object.freeze([]);
/** Objects of one message that are looked up one by one before a Map is worth its making. */
const FEW = 8;

const viewKinds = new Map<object, number>(VIEWS.map((view, kind) => [view.prototype, kind]));
/** By prototype: why its instances are refused, or that they travel as plain objects. */
const verdicts = new WeakMap<object, Reason | "plain">();

/** A message, and the blocks of shared memory it refers to. */
export interface Dumped {
  /** The message, for `loads` in any process of the tree; a view of a buffer that may hold other messages too. */
  bytes: Uint8Array<ArrayBuffer>;
  /** The blocks that `attach` named, each once, in the order of their first use. */
  attachments: readonly number[];
}

/** Writes messages, one at a time. Not re-entrant: a getter or `reduce` that serialises needs another one. */
export class Encoder {
  readonly #out = new Writer();
  #depth = 0;
  /** How many objects came so far; an object's number is its place among them. */
  #count = 0;
  #few: (object | null)[] = new Array(FEW).fill(null);
  #many: Map<object, number> | null = null;
  /** Registered instances whose reduced data is being written. */
  #reducing: object[] = [];
  #attachments: number[] = [];
  /** Where `attach` puts them: the list above, or nowhere. */
  #attached: number[] = NOWHERE;

  /** The message for `value`. */
  dump(value: unknown): Dumped {
    this.#begin();
    this.#attached = this.#attachments;
    this.#out.begin();
    try {
      this.#write(value);
      const attachments = this.#attachments.length === 0 ? NO_ATTACHMENTS : this.#attachments;
      return { bytes: this.#out.takeBytes(), attachments };
    } catch (error) {
      discard(this.#attachments);
      throw error;
    } finally {
      this.#end();
    }
  }

  /** Writes the message into `target` from `start` on; where it ends, or -1 if it needs `dump`. */
  dumpInto(value: unknown, target: Uint8Array, start: number): number {
    this.#begin();
    this.#attached = NOWHERE;
    this.#out.beginIn(target, start);
    try {
      this.#write(value);
      return this.#out.position;
    } catch (error) {
      if (error === DOES_NOT_FIT) return -1;
      throw error;
    } finally {
      this.#end();
    }
  }

  #begin(): void {
    this.#depth = 0;
    this.#count = 0;
  }

  /** Lets go of everything that belongs to the message. */
  #end(): void {
    for (let i = 0; i < FEW && i < this.#count; i++) this.#few[i] = null;
    if (this.#many !== null) this.#many = null;
    if (this.#reducing.length > 0) this.#reducing = [];
    if (this.#attachments.length > 0) this.#attachments = [];
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
    const prototype = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) this.#writePlain(value);
    else if (Array.isArray(value)) this.#writeArray(value, prototype);
    else this.#writeSpecial(value, prototype);
    this.#depth--;
  }

  /** Writes a reference if `value` came before; otherwise gives it its number. */
  #writeReference(value: object): boolean {
    const number = this.#numberOf(value);
    if (number < 0) return false;
    if (this.#reducing.includes(value)) throw new Refusal(value, SELF_REFERENCE);
    this.#out.writeReference(number);
    return true;
  }

  /** The number of an object that came before, or -1 for a new one, which is counted. */
  #numberOf(value: object): number {
    const count = this.#count++;
    const few = this.#few;
    if (count < FEW) {
      for (let i = 0; i < count; i++) {
        if (few[i] === value) return this.#known(i);
      }
      few[count] = value;
      return -1;
    }
    this.#many ??= new Map(few.map((object, index) => [object as object, index]));
    const number = this.#many.get(value);
    if (number !== undefined) return this.#known(number);
    this.#many.set(value, count);
    return -1;
  }

  #known(number: number): number {
    this.#count--;
    return number;
  }

  #writePlain(value: object): void {
    const keys = Object.keys(value);
    this.#out.writeCount(keys.length, 0x80, 16, 0xde);
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i];
      this.#out.writeString(key);
      this.#write((value as Record<string, unknown>)[key]);
    }
  }

  #writeArray(value: readonly unknown[], prototype: object): void {
    if (prototype !== Array.prototype && this.#writeReduced(value, prototype)) return;
    const { length } = value;
    for (let i = 0; i < length; i++) {
      if (value[i] === undefined && !Object.hasOwn(value, i)) return this.#writeSparseArray(value);
    }
    this.#out.writeCount(length, 0x90, 16, 0xdc);
    for (let i = 0; i < length; i++) this.#write(value[i]);
  }

  #writeSparseArray(value: readonly unknown[]): void {
    const header = this.#out.openExtension(Extension.SparseArray);
    this.#out.writeNumber(value.length);
    for (const key of Object.keys(value)) {
      const index = Number(key) >>> 0;
      if (String(index) !== key || index >= value.length) continue; // a named property
      this.#out.writeNumber(index);
      this.#write(value[index]);
    }
    this.#out.closeExtension(header);
  }

  /** Writes what is neither a plain object nor an array. */
  #writeSpecial(value: object, prototype: object): void {
    if (ArrayBuffer.isView(value)) {
      if (prototype !== Uint8Array.prototype && this.#writeReduced(value, prototype)) return;
      return this.#writeView(value);
    }
    if (this.#writeReduced(value, prototype)) return;
    if (value instanceof Map) return this.#writeMap(value);
    if (value instanceof Set) return this.#writeSet(value);
    if (value instanceof Date) return this.#writeDate(value);
    if (value instanceof Error) return this.#writeError(value);
    if (value instanceof RegExp) return this.#writeRegExp(value);
    if (value instanceof ArrayBuffer) return this.#writeBytes(new Uint8Array(value), Extension.ArrayBuffer);
    if (value instanceof SharedArrayBuffer) throw new Refusal(value, SHARED_BUFFER);
    let verdict = verdicts.get(prototype);
    if (verdict === undefined) {
      verdict = whyRefused(prototype) ?? "plain";
      verdicts.set(prototype, verdict);
    }
    if (verdict !== "plain") throw new Refusal(value, verdict);
    this.#writePlain(value);
  }

  /** Writes an instance of a registered class; false if its class is not. */
  #writeReduced(value: object, prototype: object): boolean {
    const registration = registeredPrototype(prototype);
    if (registration === undefined) return false;
    const data = this.#reduce(value, registration);
    const header = this.#out.openExtension(Extension.Reduced);
    this.#out.writeString(registration.name);
    this.#reducing.push(value);
    this.#write(data);
    this.#reducing.pop();
    if (value instanceof Error) this.#write(value.stack);
    this.#out.closeExtension(header);
    return true;
  }

  #reduce(value: object, { reducer }: Registration): unknown {
    return reduceInto(this.#attached, reducer, value);
  }

  #writeView(view: ArrayBufferView): void {
    const reducer = currentViewReducer();
    if (reducer !== null) {
      const data = reduceInto(this.#attached, reducer, view);
      if (data !== undefined) return this.#writeSharedView(view, data);
    }
    if (view.buffer instanceof SharedArrayBuffer) throw new Refusal(view, SHARED_BUFFER);
    if (view instanceof Uint8Array) return this.#writeBytes(view, null);
    const kind = viewKind(view);
    const { byteLength } = view;
    this.#out.writeExtensionHeader(Extension.View, 1 + byteLength);
    this.#out.writeByte(kind);
    this.#out.writeRaw(new Uint8Array(view.buffer, view.byteOffset, byteLength));
  }

  #writeSharedView(view: ArrayBufferView, data: unknown): void {
    const header = this.#out.openExtension(Extension.SharedView);
    this.#reducing.push(view);
    this.#write(data);
    this.#reducing.pop();
    this.#out.closeExtension(header);
  }

  /** Writes bytes as MessagePack's `bin`, or as the payload of an extension. */
  #writeBytes(source: Uint8Array, extension: number | null): void {
    if (extension === null) this.#out.writeBytesHeader(source.length);
    else this.#out.writeExtensionHeader(extension, source.length);
    this.#out.writeRaw(source);
  }

  #writeMap(value: Map<unknown, unknown>): void {
    const header = this.#out.openExtension(Extension.Map);
    for (const [key, item] of value) {
      this.#write(key);
      this.#write(item);
    }
    this.#out.closeExtension(header);
  }

  #writeSet(value: Set<unknown>): void {
    const header = this.#out.openExtension(Extension.Set);
    for (const item of value) this.#write(item);
    this.#out.closeExtension(header);
  }

  #writeDate(value: Date): void {
    this.#out.writeExtensionHeader(Extension.Date, 8);
    this.#out.writeFloat64(value.getTime());
  }

  #writeRegExp(value: RegExp): void {
    const header = this.#out.openExtension(Extension.RegExp);
    this.#out.writeString(value.source);
    this.#out.writeString(value.flags);
    this.#out.closeExtension(header);
  }

  #writeError(value: Error): void {
    const known = nearestClass(value);
    const name = shownName(value, known);
    const reference = isKnownClass(value) ? null : classReference(value);
    if (reference === null) {
      const header = this.#out.openExtension(Extension.Error);
      this.#writeErrorHead(value, known);
      if (name !== undefined) this.#writeProperty("name", name);
      this.#writeErrorProperties(value);
      return this.#out.closeExtension(header);
    }
    const header = this.#out.openExtension(Extension.ExportedError);
    for (const text of [reference.name, reference.hash ?? "", reference.modules.join("\n"), name ?? ""]) {
      this.#out.writeString(text);
    }
    this.#writeErrorHead(value, known);
    if (Object.hasOwn(value, "name")) this.#writeProperty("name", value.name);
    this.#writeErrorProperties(value);
    this.#out.closeExtension(header);
  }

  #writeErrorHead({ stack }: Error, known: string): void {
    this.#out.writeString(known);
    this.#write(stack);
  }

  #writeErrorProperties(value: Error): void {
    if (value.message !== "") this.#writeProperty("message", value.message);
    if (Object.hasOwn(value, "cause")) this.#writeProperty("cause", value.cause);
    if (value instanceof AggregateError) this.#writeProperty("errors", value.errors);
    for (const key of Object.keys(value)) {
      if (!ERROR_PROPERTIES.has(key)) this.#writeProperty(key, Reflect.get(value, key));
    }
  }

  #writeProperty(key: string, value: unknown): void {
    this.#out.writeString(key);
    this.#write(value);
  }
}

/** The properties of errors that are written by name. */
const ERROR_PROPERTIES: ReadonlySet<string> = new Set(["name", "message", "cause", "errors", "stack"]);

/** The number of the view's class, or of the nearest class it extends. */
function viewKind(view: ArrayBufferView): number {
  for (let prototype = Object.getPrototypeOf(view); prototype !== null; prototype = Object.getPrototypeOf(prototype)) {
    const kind = viewKinds.get(prototype);
    if (kind !== undefined) return kind;
  }
  throw new Refusal(view, { why: "this kind of view is not known", instead: "Send its bytes as a Uint8Array" });
}
