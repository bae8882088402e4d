/**
 * Bytes to values. The bytes may come from a hostile or half-dead process: every length, number and tag is checked
 * before use, nothing is compiled, and no name becomes code or a prototype, but for exported classes of errors:
 * error_lookup.ts says which, and when.
 *
 * @module
 */
import { inward } from "../callable/places.ts";
import { quoted } from "../runtime/harmless.ts";
import { domException } from "./dom_exception.ts";
import { errorOf, makeError } from "./error_classes.ts";
import { classFound, classKnown } from "./error_lookup.ts";
import { Extension, MAX_DEPTH, VIEWS } from "./format.ts";
import { type Incoming, plain, restored } from "./passage.ts";
import { registeredLate } from "./late_classes.ts";
import { currentViewReducer, registeredName } from "./registry.ts";
import { define, isHidden, setStack } from "./properties.ts";
import { Reader } from "./reader.ts";
import { Date } from "../runtime/timing.ts";

/** Holds the place of an object that is still being restored. */
const UNFINISHED = Symbol("an object that is still being restored");

/** In the place of a message's passage, between two messages. */
const NOBODYS = plain();

/** Reads messages, one at a time. Not re-entrant: a `restore` that deserialises needs another one. */
export class Decoder {
  readonly #in = new Reader();
  #depth = 0;
  #objects: unknown[] = [];
  /** The names of each shape that the message has told of. */
  #shapes: (readonly string[])[] = [];
  #passage: Incoming = NOBODYS;

  /** The value of the one message that `bytes` hold between `start` and `end`, and what that may do. */
  load(bytes: Uint8Array, start: number, end: number, passage: Incoming): unknown {
    this.#passage = passage;
    this.#in.begin(bytes, start, end);
    this.#depth = 0;
    try {
      const value = this.#read();
      if (this.#in.hasMore) throw this.#in.malformed(`${this.#in.left} bytes follow its end`);
      return value;
    } finally {
      this.#in.end();
      if (this.#objects.length > 0) {
        this.#objects = [];
        if (this.#shapes.length > 0) this.#shapes = [];
        this.#passage = NOBODYS;
      }
    }
  }

  #read(): unknown {
    const tag = this.#in.byte();
    if (tag < 0x80) return tag;
    if (tag >= 0xe0) return tag - 0x100;
    if (tag < 0x90) return this.#readObject(tag & 0x0f);
    if (tag < 0xa0) return this.#readArray(tag & 0x0f);
    if (tag < 0xc0) return this.#in.text(tag & 0x1f);
    switch (tag) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
        return this.#readBytes(this.#in.byte());
      case 0xc5:
        return this.#readBytes(this.#in.uint16());
      case 0xc6:
        return this.#readBytes(this.#in.uint32());
      case 0xc7:
        return this.#readExtension(this.#in.byte());
      case 0xc8:
        return this.#readExtension(this.#in.uint16());
      case 0xc9:
        return this.#readExtension(this.#in.uint32());
      case 0xca:
        return this.#in.number(4).getFloat32(0);
      case 0xcb:
        return this.#in.number(8).getFloat64(0);
      case 0xcc:
        return this.#in.byte();
      case 0xcd:
        return this.#in.uint16();
      case 0xce:
        return this.#in.uint32();
      case 0xcf:
        return this.#in.number(8).getBigUint64(0);
      case 0xd0:
        return (this.#in.byte() << 24) >> 24;
      case 0xd1:
        return (this.#in.uint16() << 16) >> 16;
      case 0xd2:
        return this.#in.uint32() | 0;
      case 0xd3:
        return this.#in.number(8).getBigInt64(0);
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.#readExtension(1 << (tag - 0xd4));
      case 0xd9:
        return this.#in.text(this.#in.byte());
      case 0xda:
        return this.#in.text(this.#in.uint16());
      case 0xdb:
        return this.#in.text(this.#in.uint32());
      case 0xdc:
        return this.#readArray(this.#in.uint16());
      case 0xdd:
        return this.#readArray(this.#in.uint32());
      case 0xde:
        return this.#readObject(this.#in.uint16());
      case 0xdf:
        return this.#readObject(this.#in.uint32());
    }
    throw this.#in.malformed(`tag 0x${tag.toString(16)} is not known`);
  }

  #readKey(): string {
    const known = this.#in.knownKey();
    if (known !== null) return known;
    const key = this.#read();
    if (typeof key !== "string") throw this.#in.malformed(`a property name is wanted, got ${typeof key}`);
    return key;
  }

  #enter(): void {
    if (++this.#depth > MAX_DEPTH) throw this.#in.malformed(`it is nested more than ${MAX_DEPTH} levels deep`);
  }

  #readObject(count: number): Record<string, unknown> {
    this.#in.need(2 * count);
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

  #readArray(count: number): unknown {
    this.#in.need(count);
    const shape = count > 0 ? this.#in.shape() : -1;
    if (shape >= 0) return this.#readShaped(shape, count - 1);
    this.#enter();
    const array: unknown[] = [];
    this.#objects.push(array);
    for (let i = 0; i < count; i++) array.push(this.#read());
    this.#depth--;
    return array;
  }

  /** Reads the object of a shape, for which so many items are left. */
  #readShaped(shape: number, count: number): Record<string, unknown> {
    if (shape === this.#shapes.length) {
      this.#shapes.push(this.#readNames());
      count--;
    }
    const names = this.#shapes[shape];
    if (names?.length !== count) {
      throw this.#in.malformed(`an object of shape ${shape} has ${count} values, not ${names?.length ?? "known"}`);
    }
    this.#in.need(count);
    this.#enter();
    const object: Record<string, unknown> = {};
    this.#objects.push(object);
    for (let i = 0; i < count; i++) {
      const name = names[i];
      const value = this.#read();
      if (name === "__proto__") define(object, name, value, true);
      else object[name] = value;
    }
    this.#depth--;
    return object;
  }

  #readNames(): string[] {
    const count = this.#in.count();
    this.#in.need(count);
    const names: string[] = [];
    for (let i = 0; i < count; i++) names.push(this.#readKey());
    return names;
  }

  #readBytes(size: number): Uint8Array {
    this.#in.need(size);
    return this.#remember(this.#in.copy(size));
  }

  /** Reads an extension of `size` payload bytes, its type first. The payload must be used up exactly. */
  #readExtension(size: number): unknown {
    const type = this.#in.byte();
    const outerEnd = this.#in.open(size);
    this.#enter();
    const value = this.#readPayload(type, size);
    this.#depth--;
    if (this.#in.hasMore) throw this.#in.malformed(`extension ${type} is longer than its content`);
    this.#in.close(outerEnd);
    return value;
  }

  #readPayload(type: number, size: number): unknown {
    switch (type) {
      case Extension.Undefined:
        this.#in.byte();
        return undefined;
      case Extension.Reference:
        return this.#readReference();
      case Extension.String16:
        return this.#readString16(size);
      case Extension.BigInt:
        return this.#readBigInt(size);
      case Extension.Date:
        return this.#remember(new Date(this.#in.number(8).getFloat64(0)));
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
        return this.#remember(this.#in.copy(size).buffer);
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
    throw this.#in.malformed(`extension ${type} is not known`);
  }

  #remember<T>(value: T): T {
    this.#objects.push(value);
    return value;
  }

  #readReference(): unknown {
    const index = this.#in.uint32();
    if (index >= this.#objects.length) throw this.#in.malformed(`it refers to object ${index}, which did not come yet`);
    const value = this.#objects[index];
    if (value === UNFINISHED) throw this.#in.malformed(`it refers to object ${index}, which is not complete yet`);
    return value;
  }

  #readString16(size: number): string {
    if (size % 2 !== 0) throw this.#in.malformed(`a string of 16-bit units has ${size} bytes`);
    const units = new Uint16Array(this.#in.copy(size).buffer);
    let text = "";
    for (let at = 0; at < units.length; at += 4096) text += String.fromCharCode(...units.subarray(at, at + 4096));
    return text;
  }

  #readBigInt(size: number): bigint {
    if (size < 2) throw this.#in.malformed(`a bigint has ${size} bytes`);
    const negative = this.#in.byte() === 1;
    const digits = ["0x"];
    for (const byte of this.#in.copy(size - 1)) digits.push(byte.toString(16).padStart(2, "0"));
    try {
      const magnitude = BigInt(digits.join(""));
      return negative ? -magnitude : magnitude;
    } catch {
      throw this.#in.malformed(`a bigint of ${size} bytes is too big`);
    }
  }

  #readRegExp(): RegExp {
    const source = this.#readText();
    const flags = this.#readText();
    try {
      return this.#remember(new RegExp(source, flags));
    } catch (cause) {
      throw this.#in.malformed(`a regular expression is not valid (${cause instanceof Error ? cause.message : cause})`);
    }
  }

  #readText(): string {
    const text = this.#read();
    if (typeof text !== "string") throw this.#in.malformed(`a string is wanted, got ${typeof text}`);
    return text;
  }

  #readMap(): Map<unknown, unknown> {
    const map = this.#remember(new Map<unknown, unknown>());
    while (this.#in.hasMore) map.set(this.#read(), this.#read());
    return map;
  }

  #readSet(): Set<unknown> {
    const set = this.#remember(new Set<unknown>());
    while (this.#in.hasMore) set.add(this.#read());
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
    while (this.#in.hasMore) {
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
    throw this.#in.malformed(`an array has a property named ${quoted(name)}`);
  }

  #checkIndex(index: unknown, limit: number): number {
    if (typeof index === "number" && Number.isInteger(index) && index >= 0 && index <= limit) return index;
    throw this.#in.malformed(`an integer from 0 to ${limit} is wanted, got ${typeof index}`);
  }

  #readView(size: number): ArrayBufferView {
    const kind = this.#in.byte();
    const View = VIEWS[kind];
    if (View === undefined) throw this.#in.malformed(`view ${kind} is not known`);
    const { buffer } = this.#in.copy(size - 1);
    try {
      return this.#remember(new View(buffer));
    } catch {
      throw this.#in.malformed(`a ${View.name} cannot have ${size - 1} bytes`);
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
    throw this.#in.malformed(`a number, string, boolean or bigint is wanted, got ${typeof value}`);
  }

  #readDOMException(): DOMException {
    const message = this.#readText();
    const name = this.#readText();
    const excess = this.#read() === true ? [this.#read(), this.#read()] : null;
    const error = domException(message, name, excess);
    if (error === null) throw this.#in.malformed("the quota of a QuotaExceededError is not valid");
    this.#readErrorProperties(error);
    return error;
  }

  #readExportedError(): Error {
    const [label, hash, place, name, member] = Array.from({ length: 5 }, () => this.#readText());
    const { origin, missing, engine } = this.#passage;
    const module = engine === undefined ? place : inward(place);
    const reference = { label, hash, module, name, member: member === "" ? null : member };
    const shown = this.#readText();
    const known = this.#readText();
    const Class = origin === "outside" ? classKnown(reference) : classFound(reference, missing);
    const error = Class === null ? this.#knownError(known) : errorOf(Class);
    if (Class === null && shown !== "") define(error, "name", shown, false);
    this.#readErrorProperties(error);
    return error;
  }

  #knownError(name: string): Error {
    const error = makeError(name);
    if (error === undefined) throw this.#in.malformed(`error class ${quoted(name)} is not known`);
    return error;
  }

  #readErrorProperties(error: Error): void {
    this.#objects.push(error);
    setStack(error, this.#read());
    while (this.#in.hasMore) {
      const key = this.#readKey();
      define(error, key, this.#read(), !isHidden(error, key));
    }
  }

  #readReduced(): unknown {
    const place = this.#objects.push(UNFINISHED) - 1;
    const name = this.#readText();
    const registration = this.#passage.origin === "outside" ? registeredName(name) : registeredLate(name);
    if (registration === undefined) {
      throw new RangeError(
        `Cannot restore an object of class ${quoted(name)}: it is not registered in this process. ` +
          "Call register() in the module that defines the class, and import that module here",
      );
    }
    const value = restored(this.#passage, registration.reducer, this.#read());
    const isObject = typeof value === "object" && value !== null || typeof value === "function";
    if (!isObject && registration.isValue !== true) {
      throw new RangeError(`Cannot restore an object of class ${quoted(name)}: its restore() gave no object`);
    }
    const stack = this.#in.hasMore ? this.#read() : undefined;
    if (value instanceof Error) setStack(value, stack ?? value.stack);
    this.#objects[place] = value;
    return value;
  }

  #readSharedView(): ArrayBufferView {
    const reducer = currentViewReducer();
    if (reducer === null) throw this.#in.malformed("it refers to shared memory, which was not set up here");
    const place = this.#objects.push(UNFINISHED) - 1;
    const view = restored(this.#passage, reducer, this.#read());
    this.#objects[place] = view;
    return view;
  }
}

/** What {@linkcode Extension.Boxed} may hold. */
const BOXABLE: ReadonlySet<string> = new Set(["number", "string", "boolean", "bigint"]);
