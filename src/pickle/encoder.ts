/**
 * Values to bytes: the operations of a pickle that makes such a value in Python.
 *
 * @module
 */
import { MAX_DEPTH } from "./depth.ts";
import { FrozenSet } from "./frozen_set.ts";
import { Float } from "./numbers.ts";
import type { Dumping } from "./options.ts";
import { PythonName, PythonObject, type PythonObjectParts } from "./python_object.ts";
import { reduced } from "./reduce/table.ts";
import { keyStep, Refusal } from "./refusal.ts";
import { registrationOf } from "./registry.ts";
import { Buffer, type Call, type Reduction } from "./reduction.ts";
import { Tuple } from "./tuple.ts";
import { Writer } from "./writer.ts";

/** Shorter texts are written each time. */
const SHORTEST_NOTED = 3;

/** The keys of a dict, and the number of each; `UNNOTED`: it has none. */
interface Shape {
  readonly keys: readonly string[];
  readonly numbers: number[];
}

const UNNOTED = -1;

/** Writes one pickle. */
export class Encoder {
  readonly #out = new Writer();
  readonly #options: Dumping;
  /** What was written already, by its number. A text that is there twice is written once. */
  readonly #memo = new Map<unknown, number>();
  /** The same, of arrays and sets that were written as tuples and frozensets. */
  #hashed: Map<object, number> | null = null;
  /** Names, which are no values. */
  #names: Map<string, number> | null = null;
  /** By depth, the last dict there: in a list of rows, the next one has the same keys. */
  readonly #shapes: (Shape | undefined)[] = [];
  #count = 0;
  #depth = 0;

  /** What somebody says of instances, before anybody else is asked. */
  readonly #reduce: ((instance: object) => Call | undefined) | null;

  constructor(options: Dumping, reduce: ((instance: object) => Call | undefined) | null = null) {
    this.#options = options;
    this.#reduce = reduce;
  }

  /** The pickle of a value. */
  dump(value: unknown): Uint8Array<ArrayBuffer> {
    const out = this.#out;
    let isWhole = false;
    try {
      out.operation(0x80); // PROTO
      out.operation(this.#options.protocol);
      this.#save(value);
      out.operation(0x2e); // STOP
      isWhole = true;
      return out.end();
    } finally {
      if (!isWhole) out.abandon();
    }
  }

  #save(value: unknown): void {
    switch (typeof value) {
      case "string":
        this.#saveText(value);
        return;
      case "number":
        if (Number.isSafeInteger(value) && !Object.is(value, -0)) return this.#out.int(value);
        return this.#out.float(value);
      case "boolean":
        return this.#out.operation(value ? 0x88 : 0x89); // NEWTRUE, NEWFALSE
      case "undefined":
        return this.#out.operation(0x4e); // NONE
      case "bigint":
        return this.#out.bigint(value);
      case "object":
        if (value === null) return this.#out.operation(0x4e); // NONE
        return this.#saveObject(value);
    }
    throw new Refusal(value, `a ${typeof value} is nothing that Python has`);
  }

  /** Writes a text; its number. */
  #saveText(text: string): number {
    if (text.length < SHORTEST_NOTED) {
      this.#out.text(text);
      return UNNOTED;
    }
    const known = this.#memo.get(text);
    if (known !== undefined) {
      this.#out.get(known);
      return known;
    }
    this.#out.text(text);
    this.#note(this.#memo, text);
    return this.#count - 1;
  }

  /** Gives what was just written the next number. */
  #note<K>(memo: Map<K, number>, key: K): void {
    memo.set(key, this.#count++);
    this.#out.operation(0x94); // MEMOIZE
  }

  #saveObject(value: object): void {
    const known = this.#memo.get(value);
    if (known !== undefined) return this.#out.get(known);
    if (++this.#depth > MAX_DEPTH) throw new Refusal(value, `it is nested more than ${MAX_DEPTH} levels deep`);
    const prototype = Object.getPrototypeOf(value);
    if (prototype === Object.prototype) this.#saveDict(value);
    else if (prototype === Array.prototype) this.#saveList(value as unknown[]);
    else this.#saveInstance(value, prototype);
    this.#depth--;
  }

  #saveInstance(value: object, prototype: object | null): void {
    if (value instanceof Tuple) return this.#saveTuple(value, false);
    if (Array.isArray(value)) return this.#saveList(value);
    if (value instanceof Map) return this.#saveMap(value);
    if (value instanceof FrozenSet) return this.#saveFrozenSet(value, this.#memo);
    if (value instanceof Set) return this.#saveSet(value);
    if (value instanceof Uint8Array) return this.#saveBytes(value, value);
    if (value instanceof Float) return this.#out.float(value.value);
    if (value instanceof PythonName) return this.#saveName(value);
    if (value instanceof PythonObject) return this.#saveReduced(value.type, value.args, value, value);
    const call = this.#reduce?.(value);
    if (call !== undefined) return this.#saveReduction(call, value);
    const registration = registrationOf(value);
    if (registration !== undefined) {
      const { args = [], ...parts } = registration.reduce(value);
      return this.#saveReduced(registration.name, args, parts, value);
    }
    const reduction = reduced(value, this.#options);
    if (reduction !== undefined) return this.#saveReduction(reduction, value);
    // The root of what objects inherit from: a plain object, of another realm perhaps, or one without a prototype.
    if (prototype === null || Object.getPrototypeOf(prototype) === null) return this.#saveDict(value);
    throw new Refusal(value, "its class is not registered for pickles");
  }

  #saveReduction(reduction: Reduction, value: object): void {
    if (reduction instanceof Uint8Array) return this.#saveBytes(reduction, value);
    if (reduction instanceof Refusal) throw reduction;
    const { name, args, ...parts } = reduction;
    this.#saveReduced(name, args, parts, value);
  }

  #saveDict(value: object): void {
    const out = this.#out;
    out.operation(0x7d); // EMPTY_DICT
    this.#note(this.#memo, value);
    const keys = Object.keys(value);
    if (keys.length === 0) return;
    out.operation(0x28); // MARK
    const depth = this.#depth;
    const shape = this.#shapes[depth];
    const numbers = shape?.numbers ?? [];
    let isAlike = shape?.keys.length === keys.length;
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i];
      isAlike &&= shape!.keys[i] === key;
      if (isAlike && numbers[i] !== UNNOTED) out.get(numbers[i]);
      else numbers[i] = this.#saveText(key);
      this.#saveWithin(key, (value as Record<string, unknown>)[key]);
    }
    out.operation(0x75); // SETITEMS
    // There is no second one in the place of all.
    if (!isAlike && depth > 1) this.#shapes[depth] = { keys, numbers };
  }

  #saveMap(map: ReadonlyMap<unknown, unknown>): void {
    this.#out.operation(0x7d); // EMPTY_DICT
    this.#note(this.#memo, map);
    this.#saveEntries(map);
  }

  #saveEntries(entries: Iterable<readonly [unknown, unknown]>): void {
    this.#out.operation(0x28); // MARK
    for (const [key, value] of entries) {
      this.#saveHashed(key);
      this.#saveWithin(key, value);
    }
    this.#out.operation(0x75); // SETITEMS
  }

  #saveList(items: readonly unknown[]): void {
    this.#out.operation(0x5d); // EMPTY_LIST
    this.#note(this.#memo, items);
    if (items.length > 0) this.#saveItems(items);
  }

  #saveItems(items: readonly unknown[]): void {
    this.#out.operation(0x28); // MARK
    for (let i = 0; i < items.length; i++) this.#saveWithin(i, items[i]);
    this.#out.operation(0x65); // APPENDS
  }

  /** Writes what stands in a container, so that an error says where. */
  #saveWithin(key: unknown, value: unknown): void {
    if (typeof value === "string") return void this.#saveText(value);
    try {
      this.#save(value);
    } catch (error) {
      throw error instanceof Refusal ? error.within(typeof key === "number" ? `[${key}]` : keyStep(key)) : error;
    }
  }

  #saveSet(set: ReadonlySet<unknown>): void {
    this.#out.operation(0x8f); // EMPTY_SET
    this.#note(this.#memo, set);
    this.#out.operation(0x28); // MARK
    for (const item of set) this.#saveHashed(item);
    this.#out.operation(0x90); // ADDITEMS
  }

  #saveFrozenSet(set: ReadonlySet<unknown>, memo: Map<unknown, number>): void {
    this.#out.operation(0x28); // MARK
    for (const item of set) this.#saveHashed(item);
    this.#out.operation(0x91); // FROZENSET
    this.#note(memo, set);
  }

  /** Writes a key of a dict or an item of a set: in Python these never change, so lists become tuples there. */
  #saveHashed(value: unknown): void {
    if (typeof value !== "object" || value === null) return this.#save(value);
    const isTuple = Array.isArray(value);
    if (!isTuple && !(value instanceof Set)) {
      const isChanging = value instanceof Map || Object.getPrototypeOf(value) === Object.prototype;
      if (isChanging) throw new Refusal(value, "a dict can be no key of a dict, and no item of a set");
      return this.#save(value);
    }
    const hashed = this.#hashed ??= new Map();
    const known = hashed.get(value);
    if (known !== undefined) return this.#out.get(known);
    if (++this.#depth > MAX_DEPTH) throw new Refusal(value, `it is nested more than ${MAX_DEPTH} levels deep`);
    if (isTuple) this.#saveTuple(value, true);
    else this.#saveFrozenSet(value, hashed);
    this.#depth--;
  }

  /** Writes a tuple, whose items are written before it: one of them may have led back to it. */
  #saveTuple(items: readonly unknown[], isHashed: boolean): void {
    const out = this.#out;
    const memo = isHashed ? this.#hashed ??= new Map() : this.#memo;
    const { length } = items;
    if (length === 0) return out.operation(0x29); // EMPTY_TUPLE
    if (length > 3) out.operation(0x28); // MARK
    for (let i = 0; i < length; i++) {
      if (isHashed) this.#saveHashed(items[i]);
      else this.#saveWithin(i, items[i]);
    }
    const known = memo.get(items);
    if (known !== undefined) {
      if (length > 3) out.operation(0x31); // POP_MARK
      else for (let i = 0; i < length; i++) out.operation(0x30); // POP
      return out.get(known);
    }
    out.operation(length > 3 ? 0x74 : 0x84 + length); // TUPLE, TUPLE1 to TUPLE3
    this.#note(memo as Map<unknown, number>, items);
  }

  /** Writes bytes, which the value counts as. */
  #saveBytes(bytes: Uint8Array, value: object): void {
    this.#out.bytes(bytes);
    this.#note(this.#memo, value);
  }

  #saveName({ module, name }: PythonName): void {
    const key = `${module}\n${name}`;
    const names = this.#names ??= new Map();
    const known = names.get(key);
    if (known !== undefined) return this.#out.get(known);
    this.#saveText(module);
    this.#saveText(name);
    this.#out.operation(0x93); // STACK_GLOBAL
    this.#note(names, key);
  }

  /** Writes an object that Python makes by calling something. */
  #saveReduced(name: PythonName, args: readonly unknown[], parts: PythonObjectParts, value: object): void {
    const { isCalled = true, kwargs, state, items, entries } = parts;
    const out = this.#out;
    this.#saveName(name);
    this.#saveArguments(args);
    if (kwargs !== undefined) {
      this.#save(kwargs);
      out.operation(0x92); // NEWOBJ_EX
    } else {
      out.operation(isCalled ? 0x52 : 0x81); // REDUCE, NEWOBJ
    }
    this.#note(this.#memo, value);
    if (items !== undefined && items.length > 0) this.#saveItems(items);
    if (entries !== undefined && entries.length > 0) this.#saveEntries(entries);
    if (state !== undefined) {
      this.#saveWithin("state", state);
      out.operation(0x62); // BUILD
    }
  }

  #saveArguments(args: readonly unknown[]): void {
    const { length } = args;
    if (length === 0) return this.#out.operation(0x29); // EMPTY_TUPLE
    if (length > 3) this.#out.operation(0x28); // MARK
    for (let i = 0; i < length; i++) {
      const argument = args[i];
      if (argument instanceof Buffer) this.#saveBuffer(argument.bytes);
      else this.#saveWithin(i, argument);
    }
    this.#out.operation(length > 3 ? 0x74 : 0x84 + length); // TUPLE, TUPLE1 to TUPLE3
  }

  /** Writes memory that may change there: by itself, or outside of the pickle. */
  #saveBuffer(bytes: Uint8Array): void {
    const { protocol, bufferCallback } = this.#options;
    if (protocol < 5) return this.#saveReduced(BYTEARRAY, [bytes], {}, {});
    if (bufferCallback !== undefined && bufferCallback(bytes) !== true) return this.#out.operation(0x97); // NEXT_BUFFER
    this.#out.bytearray(bytes);
  }
}

const BYTEARRAY = new PythonName("builtins", "bytearray");
