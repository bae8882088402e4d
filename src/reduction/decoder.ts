/**
 * Bytes to values. The bytes may come from a hostile or half-dead process: every length, number and tag is checked
 * before use, nothing is compiled, and no name becomes code or a prototype, but for exported classes of errors:
 * error_lookup.ts says which, and when.
 *
 * @module
 */
import { quoted } from "../runtime/harmless.ts";
import { domException } from "./dom_exception.ts";
import { errorOf, makeError } from "./error_classes.ts";
import { classFound, classKnown } from "./error_lookup.ts";
import { Extension, MAX_DEPTH, VIEWS } from "./format.ts";
import { type Incoming, plain, restored } from "./passage.ts";
import { currentViewReducer, registeredName } from "./registry.ts";
import { knownKey, readText } from "./text.ts";
import { Date } from "../runtime/timing.ts";

/** Holds the place of an object that is still being restored. */
const UNFINISHED = Symbol("an object that is still being restored");
const number = new DataView(new ArrayBuffer(8));
const numberBytes = new Uint8Array(number.buffer);

/** In the place of a message's passage, between two messages. */
const NOBODYS = plain();

/** Reads messages, one at a time. Not re-entrant: a `restore` that deserialises needs another one. */
export class Decoder {
  #bytes: Uint8Array = numberBytes;
  #position = 0;
  #end = 0;
  #depth = 0;
  #objects: unknown[] = [];
  #passage: Incoming = NOBODYS;

  /** The value of the one message that `bytes` hold between `start` and `end`, and what that may do. */
  load(bytes: Uint8Array, start: number, end: number, passage: Incoming): unknown {
    this.#passage = passage;
    this.#bytes = bytes;
    this.#position = start;
    this.#end = end;
    this.#depth = 0;
    try {
      const value = this.#read();
      if (this.#position !== end) throw this.#malformed(`${end - this.#position} bytes follow its end`);
      return value;
    } finally {
      this.#bytes = numberBytes;
      if (this.#objects.length > 0) {
        this.#objects = [];
        this.#passage = NOBODYS;
      }
    }
  }

  #malformed(what: string): RangeError {
    return new RangeError(`Cannot read message: it is malformed at byte ${this.#position}: ${what}`);
  }

  /** Checks that `size` bytes are there. */
  #need(size: number): void {
    if (size > this.#end - this.#position) {
      throw this.#malformed(`${size} bytes are wanted, ${this.#end - this.#position} are left`);
    }
  }

  #byte(): number {
    if (this.#position >= this.#end) throw this.#malformed("a byte is wanted, none is left");
    return this.#bytes[this.#position++];
  }

  #uint16(): number {
    this.#need(2);
    const at = this.#position;
    this.#position = at + 2;
    return (this.#bytes[at] << 8) | this.#bytes[at + 1];
  }

  #uint32(): number {
    this.#need(4);
    const bytes = this.#bytes;
    const at = this.#position;
    this.#position = at + 4;
    return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
  }

  /** Puts the next `size` bytes into `number`. */
  #loadNumber(size: number): DataView {
    this.#need(size);
    for (let i = 0; i < size; i++) numberBytes[i] = this.#bytes[this.#position + i];
    this.#position += size;
    return number;
  }

  #read(): unknown {
    const tag = this.#byte();
    if (tag < 0x80) return tag;
    if (tag >= 0xe0) return tag - 0x100;
    if (tag < 0x90) return this.#readObject(tag & 0x0f);
    if (tag < 0xa0) return this.#readArray(tag & 0x0f);
    if (tag < 0xc0) return this.#readString(tag & 0x1f);
    switch (tag) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
        return this.#readBytes(this.#byte());
      case 0xc5:
        return this.#readBytes(this.#uint16());
      case 0xc6:
        return this.#readBytes(this.#uint32());
      case 0xc7:
        return this.#readExtension(this.#byte());
      case 0xc8:
        return this.#readExtension(this.#uint16());
      case 0xc9:
        return this.#readExtension(this.#uint32());
      case 0xca:
        return this.#loadNumber(4).getFloat32(0);
      case 0xcb:
        return this.#loadNumber(8).getFloat64(0);
      case 0xcc:
        return this.#byte();
      case 0xcd:
        return this.#uint16();
      case 0xce:
        return this.#uint32();
      case 0xcf:
        return this.#loadNumber(8).getBigUint64(0);
      case 0xd0:
        return (this.#byte() << 24) >> 24;
      case 0xd1:
        return (this.#uint16() << 16) >> 16;
      case 0xd2:
        return this.#uint32() | 0;
      case 0xd3:
        return this.#loadNumber(8).getBigInt64(0);
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.#readExtension(1 << (tag - 0xd4));
      case 0xd9:
        return this.#readString(this.#byte());
      case 0xda:
        return this.#readString(this.#uint16());
      case 0xdb:
        return this.#readString(this.#uint32());
      case 0xdc:
        return this.#readArray(this.#uint16());
      case 0xdd:
        return this.#readArray(this.#uint32());
      case 0xde:
        return this.#readObject(this.#uint16());
      case 0xdf:
        return this.#readObject(this.#uint32());
    }
    throw this.#malformed(`tag 0x${tag.toString(16)} is not known`);
  }

  #readString(size: number): string {
    this.#need(size);
    const text = readText(this.#bytes, this.#position, size);
    if (text === null) throw this.#malformed("a string is not UTF-8");
    this.#position += size;
    return text;
  }

  #readKey(): string {
    const tag = this.#position < this.#end ? this.#bytes[this.#position] : 0;
    if (tag >= 0xa0 && tag < 0xc0) {
      const size = tag & 0x1f;
      if (size < this.#end - this.#position) {
        const known = knownKey(this.#bytes, this.#position + 1, size);
        if (known !== null) {
          this.#position += 1 + size;
          return known;
        }
      }
    }
    const key = this.#read();
    if (typeof key !== "string") throw this.#malformed(`a property name is wanted, got ${typeof key}`);
    return key;
  }

  #enter(): void {
    if (++this.#depth > MAX_DEPTH) throw this.#malformed(`it is nested more than ${MAX_DEPTH} levels deep`);
  }

  #readObject(count: number): Record<string, unknown> {
    this.#need(2 * count);
    this.#enter();
    const object: Record<string, unknown> = {};
    this.#objects.push(object);
    for (let i = 0; i < count; i++) {
      const key = this.#readKey();
      const value = this.#read();
      if (key === "__proto__") define(object, key, value, true);
      else object[key] = value;
    }
    this.#depth--;
    return object;
  }

  #readArray(count: number): unknown[] {
    this.#need(count);
    this.#enter();
    const array: unknown[] = [];
    this.#objects.push(array);
    for (let i = 0; i < count; i++) array.push(this.#read());
    this.#depth--;
    return array;
  }

  #readBytes(size: number): Uint8Array {
    this.#need(size);
    return this.#remember(this.#copy(size));
  }

  /** A copy of the next `size` bytes, the only one that is made, in a buffer of its own. */
  #copy(size: number): Uint8Array<ArrayBuffer> {
    const at = this.#position;
    this.#position = at + size;
    return this.#bytes.slice(at, at + size) as Uint8Array<ArrayBuffer>; // slice() never makes a shared buffer
  }

  /** Reads an extension of `size` payload bytes, its type first. The payload must be used up exactly. */
  #readExtension(size: number): unknown {
    const type = this.#byte();
    this.#need(size);
    const outerEnd = this.#end;
    const end = this.#position + size;
    this.#end = end;
    this.#enter();
    const value = this.#readPayload(type, size);
    this.#depth--;
    if (this.#position !== end) throw this.#malformed(`extension ${type} is longer than its content`);
    this.#end = outerEnd;
    return value;
  }

  #readPayload(type: number, size: number): unknown {
    switch (type) {
      case Extension.Undefined:
        this.#byte();
        return undefined;
      case Extension.Reference:
        return this.#readReference();
      case Extension.String16:
        return this.#readString16(size);
      case Extension.BigInt:
        return this.#readBigInt(size);
      case Extension.Date:
        return this.#remember(new Date(this.#loadNumber(8).getFloat64(0)));
      case Extension.RegExp:
        return this.#readRegExp();
      case Extension.Map:
        return this.#readMap();
      case Extension.Set:
        return this.#readSet();
      case Extension.SparseArray:
        return this.#readSparseArray();
      case Extension.View:
        return this.#readView(size);
      case Extension.ArrayBuffer:
        return this.#remember(this.#copy(size).buffer);
      case Extension.Error:
        return this.#readError();
      case Extension.Reduced:
        return this.#readReduced();
      case Extension.SharedView:
        return this.#readSharedView();
      case Extension.ExportedError:
        return this.#readExportedError();
      case Extension.Boxed:
        return this.#readBoxed();
      case Extension.DOMException:
        return this.#readDOMException();
    }
    throw this.#malformed(`extension ${type} is not known`);
  }

  #remember<T>(value: T): T {
    this.#objects.push(value);
    return value;
  }

  #readReference(): unknown {
    const index = this.#uint32();
    if (index >= this.#objects.length) throw this.#malformed(`it refers to object ${index}, which did not come yet`);
    const value = this.#objects[index];
    if (value === UNFINISHED) throw this.#malformed(`it refers to object ${index}, which is not complete yet`);
    return value;
  }

  #readString16(size: number): string {
    if (size % 2 !== 0) throw this.#malformed(`a string of 16-bit units has ${size} bytes`);
    const units = new Uint16Array(this.#copy(size).buffer);
    let text = "";
    for (let at = 0; at < units.length; at += 4096) text += String.fromCharCode(...units.subarray(at, at + 4096));
    return text;
  }

  #readBigInt(size: number): bigint {
    if (size < 2) throw this.#malformed(`a bigint has ${size} bytes`);
    const negative = this.#byte() === 1;
    const digits = ["0x"];
    for (const byte of this.#copy(size - 1)) digits.push(byte.toString(16).padStart(2, "0"));
    try {
      const magnitude = BigInt(digits.join(""));
      return negative ? -magnitude : magnitude;
    } catch {
      throw this.#malformed(`a bigint of ${size} bytes is too big`);
    }
  }

  #readRegExp(): RegExp {
    const source = this.#readText();
    const flags = this.#readText();
    try {
      return this.#remember(new RegExp(source, flags));
    } catch (cause) {
      throw this.#malformed(`a regular expression is not valid (${cause instanceof Error ? cause.message : cause})`);
    }
  }

  #readText(): string {
    const text = this.#read();
    if (typeof text !== "string") throw this.#malformed(`a string is wanted, got ${typeof text}`);
    return text;
  }

  #readMap(): Map<unknown, unknown> {
    const map = this.#remember(new Map<unknown, unknown>());
    while (this.#position < this.#end) map.set(this.#read(), this.#read());
    return map;
  }

  #readSet(): Set<unknown> {
    const set = this.#remember(new Set<unknown>());
    while (this.#position < this.#end) set.add(this.#read());
    return set;
  }

  #readSparseArray(): unknown[] {
    const array: unknown[] = this.#remember([]);
    const length = this.#readIndex(0xffff_ffff);
    // A store far beyond the end makes V8 keep the array as a dictionary; `array.length = length` would allocate it.
    if (length > 0) {
      array[length - 1] = undefined;
      delete array[length - 1];
    }
    while (this.#position < this.#end) {
      const key = this.#read();
      if (typeof key !== "string") array[this.#checkIndex(key, length - 1)] = this.#read();
      else define(array, this.#checkName(key), this.#read(), true);
    }
    return array;
  }

  #readIndex(limit: number): number {
    return this.#checkIndex(this.#read(), limit);
  }

  /** The name of an array's property, which is neither an index nor what the array is made of. */
  #checkName(name: string): string {
    const index = Number(name) >>> 0;
    if (name !== "length" && (String(index) !== name || index === 0xffff_ffff)) return name;
    throw this.#malformed(`an array has a property named ${quoted(name)}`);
  }

  #checkIndex(index: unknown, limit: number): number {
    if (typeof index === "number" && Number.isInteger(index) && index >= 0 && index <= limit) return index;
    throw this.#malformed(`an integer from 0 to ${limit} is wanted, got ${typeof index}`);
  }

  #readView(size: number): ArrayBufferView {
    const View = VIEWS[this.#byte()];
    if (View === undefined) throw this.#malformed(`view ${this.#bytes[this.#position - 1]} is not known`);
    const { buffer } = this.#copy(size - 1);
    try {
      return this.#remember(new View(buffer));
    } catch {
      throw this.#malformed(`a ${View.name} cannot have ${size - 1} bytes`);
    }
  }

  #readError(): Error {
    const error = this.#knownError(this.#readText());
    this.#readErrorProperties(error);
    return error;
  }

  #readBoxed(): object {
    const value = this.#read();
    if (BOXABLE.has(typeof value)) return this.#remember(Object(value));
    throw this.#malformed(`a number, string, boolean or bigint is wanted, got ${typeof value}`);
  }

  #readDOMException(): DOMException {
    const message = this.#readText();
    const name = this.#readText();
    const excess = this.#read() === true ? [this.#read(), this.#read()] : null;
    const error = domException(message, name, excess);
    if (error === null) throw this.#malformed("the quota of a QuotaExceededError is not valid");
    this.#readErrorProperties(error);
    return error;
  }

  #readExportedError(): Error {
    const [label, hash, module, name, member] = Array.from({ length: 5 }, () => this.#readText());
    const reference = { label, hash, module, name, member: member === "" ? null : member };
    const shown = this.#readText();
    const known = this.#readText();
    const { origin, missing } = this.#passage;
    const Class = origin === "outside" ? classKnown(reference) : classFound(reference, missing);
    const error = Class === null ? this.#knownError(known) : errorOf(Class);
    if (Class === null && shown !== "") define(error, "name", shown, false);
    this.#readErrorProperties(error);
    return error;
  }

  #knownError(name: string): Error {
    const error = makeError(name);
    if (error === undefined) throw this.#malformed(`error class ${quoted(name)} is not known`);
    return error;
  }

  #readErrorProperties(error: Error): void {
    this.#objects.push(error);
    setStack(error, this.#read());
    while (this.#position < this.#end) {
      const key = this.#readKey();
      define(error, key, this.#read(), !isHidden(error, key));
    }
  }

  #readReduced(): unknown {
    const place = this.#objects.push(UNFINISHED) - 1;
    const name = this.#readText();
    const registration = registeredName(name);
    if (registration === undefined) {
      throw new RangeError(
        `Cannot restore an object of class ${quoted(name)}: it is not registered in this process. ` +
          "Call register() in the module that defines the class, and import that module here",
      );
    }
    const value = restored(this.#passage, registration.reducer, this.#read());
    if ((typeof value !== "object" && typeof value !== "function") || value === null) {
      throw new RangeError(`Cannot restore an object of class ${quoted(name)}: its restore() gave no object`);
    }
    const stack = this.#position < this.#end ? this.#read() : undefined;
    if (value instanceof Error) setStack(value, stack ?? value.stack);
    this.#objects[place] = value;
    return value;
  }

  #readSharedView(): ArrayBufferView {
    const reducer = currentViewReducer();
    if (reducer === null) throw this.#malformed("it refers to shared memory, which was not set up here");
    const place = this.#objects.push(UNFINISHED) - 1;
    const view = restored(this.#passage, reducer, this.#read());
    this.#objects[place] = view;
    return view;
  }
}

/** What {@linkcode Extension.Boxed} may hold. */
const BOXABLE: ReadonlySet<string> = new Set(["number", "string", "boolean", "bigint"]);

/** Properties of all errors that the language makes non-enumerable, and of errors of one class. */
const HIDDEN_PROPERTIES: ReadonlySet<string> = new Set(["name", "message", "cause"]);

function isHidden(error: Error, key: string): boolean {
  if (key === "errors") return error instanceof AggregateError;
  if (key === "error" || key === "suppressed") return error instanceof SuppressedError;
  return HIDDEN_PROPERTIES.has(key);
}

/** Sets an own property without calling setters, `__proto__` among them. */
function define(object: object, key: string, value: unknown, enumerable: boolean): void {
  Object.defineProperty(object, key, { value, enumerable, writable: true, configurable: true });
}

function setStack(error: Error, stack: unknown): void {
  define(error, "stack", stack, false);
}
