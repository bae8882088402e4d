/**
 * Bytes to values: the stack machine that a pickle is a program of. It knows the operations of protocols 2 to 5, and none
 * that runs anything.
 *
 * @module
 */
import { Budget } from "./budget.ts";
import { addAll } from "./crowd.ts";
import { MAX_DEPTH, requireShallow } from "./depth.ts";
import { Dicts, type Plan } from "./dicts.ts";
import { unreadable } from "./error.ts";
import { FrozenSet } from "./frozen_set.ts";
import { Memo } from "./memo.ts";
import { Objects } from "./objects.ts";
import type { Loading } from "./options.ts";
import { Pending } from "./pending.ts";
import { PythonObject } from "./python_object.ts";
import { Reader } from "./reader.ts";
import type { Restorers } from "./restorer.ts";
import { asTuple } from "./tuple.ts";

/** Values with so many containers in containers, or less, need no look at how deep they are: some count for a few levels. */
const FEW = MAX_DEPTH / 4;
/** Ints of so many bytes are read as numbers. */
const SHORT_INT = 6;

/** Reads one pickle, once. */
export class Machine {
  readonly #in: Reader;
  readonly #options: Loading;
  readonly #dicts: Dicts;
  readonly #objects: Objects;
  readonly #stack: unknown[] = [];
  /** Where the stack was at each mark. */
  readonly #marks: number[] = [];
  readonly #memo = new Memo();
  readonly #hasBigInts: boolean;
  #nextBuffer = 0;
  /** Whether there were objects of which something may still come. */
  #isPending = false;
  /** How many containers have a container in them. */
  #nested = 0;

  constructor(bytes: Uint8Array, options: Loading, tables: readonly Restorers[], plan: Plan) {
    this.#in = new Reader(bytes);
    this.#options = options;
    this.#hasBigInts = options.ints === "bigint";
    this.#dicts = new Dicts(plan, options.dicts);
    let size = bytes.length;
    for (const { length } of options.buffers) size += length;
    this.#objects = new Objects(options, tables, new Budget(size));
  }

  /** The value of the pickle. */
  run(): unknown {
    this.#begin();
    const input = this.#in;
    const stack = this.#stack;
    for (;;) {
      const operation = input.byte();
      switch (operation) {
        case 0x28: // MARK
          this.#marks.push(stack.length);
          break;
        case 0x2e: // STOP
          return this.#end();
        case 0x30: // POP
          this.#pop();
          break;
        case 0x31: // POP_MARK
          stack.length = this.#mark();
          break;
        case 0x42: // BINBYTES
          stack.push(input.copy(input.uint32()));
          break;
        case 0x43: // SHORT_BINBYTES
          stack.push(input.copy(input.byte()));
          break;
        case 0x47: // BINFLOAT
          stack.push(this.#objects.float(input.float64()));
          break;
        case 0x4a: // BININT
          this.#pushInt(input.int32());
          break;
        case 0x4b: // BININT1
          this.#pushInt(input.byte());
          break;
        case 0x4d: // BININT2
          this.#pushInt(input.uint16());
          break;
        case 0x4e: // NONE
          stack.push(null);
          break;
        case 0x52: // REDUCE
          this.#call(true);
          break;
        case 0x54: // BINSTRING
          stack.push(input.ascii(input.uint32()));
          break;
        case 0x55: // SHORT_BINSTRING
          stack.push(input.ascii(input.byte()));
          break;
        case 0x58: // BINUNICODE
          stack.push(input.text(input.uint32()));
          break;
        case 0x5d: // EMPTY_LIST
          stack.push([]);
          break;
        case 0x61: // APPEND
          this.#append(stack.length - 1);
          break;
        case 0x62: // BUILD
          this.#build();
          break;
        case 0x63: // GLOBAL
          stack.push(this.#objects.name(input.line(), input.line()));
          break;
        case 0x65: // APPENDS
          this.#append(this.#mark());
          break;
        case 0x68: // BINGET
          this.#get(input.byte());
          break;
        case 0x6a: // LONG_BINGET
          this.#get(input.uint32());
          break;
        case 0x71: // BINPUT
          this.#put(input.byte());
          break;
        case 0x72: // LONG_BINPUT
          this.#put(input.uint32());
          break;
        case 0x73: // SETITEM
          this.#setItems(stack.length - 2);
          break;
        case 0x74: // TUPLE
          this.#pushTuple(this.#mark());
          break;
        case 0x75: // SETITEMS
          this.#setItems(this.#mark());
          break;
        case 0x7d: // EMPTY_DICT
          stack.push(this.#dicts.begin(stack.length));
          break;
        case 0x81: // NEWOBJ
          this.#call(false);
          break;
        case 0x85: // TUPLE1
        case 0x86: // TUPLE2
        case 0x87: // TUPLE3
          this.#pushTuple(stack.length - (operation - 0x84));
          break;
        case 0x29: // EMPTY_TUPLE
          this.#pushTuple(stack.length);
          break;
        case 0x88: // NEWTRUE
          stack.push(true);
          break;
        case 0x89: // NEWFALSE
          stack.push(false);
          break;
        case 0x8a: // LONG1
          this.#pushLong(input.byte());
          break;
        case 0x8b: // LONG4
          this.#pushLong(input.int32());
          break;
        case 0x8c: // SHORT_BINUNICODE
          stack.push(input.text(input.byte()));
          break;
        case 0x8d: // BINUNICODE8
          stack.push(input.text(input.size64()));
          break;
        case 0x8e: // BINBYTES8
        case 0x96: // BYTEARRAY8
          stack.push(input.copy(input.size64()));
          break;
        case 0x8f: // EMPTY_SET
          stack.push(new Set());
          break;
        case 0x90: // ADDITEMS
          this.#addItems(this.#mark());
          break;
        case 0x91: // FROZENSET
          this.#pushFrozenSet(this.#mark());
          break;
        case 0x92: // NEWOBJ_EX
          this.#callWithNames();
          break;
        case 0x93: { // STACK_GLOBAL
          const name = this.#pop();
          stack.push(this.#objects.name(this.#pop(), name));
          break;
        }
        case 0x94: // MEMOIZE
          this.#memoize();
          break;
        case 0x95: // FRAME
          input.need(input.size64());
          break;
        case 0x97: // NEXT_BUFFER
          stack.push(this.#buffer());
          break;
        case 0x98: // READONLY_BUFFER
          if (!(this.#top() instanceof Uint8Array)) throw unreadable("what it says to be a buffer is none");
          break;
        default:
          throw unreadable(`operation 0x${operation.toString(16).padStart(2, "0")} is not one of protocols 2 to 5`);
      }
    }
  }

  #begin(): void {
    if (this.#in.left === 0) throw unreadable("it is empty");
    if (this.#in.byte() !== 0x80) throw unreadable("it does not begin as pickles of protocols 2 to 5 do");
    const protocol = this.#in.byte();
    if (protocol < 2 || protocol > 5) throw unreadable(`its protocol is ${protocol}, wanted 2 to 5`);
  }

  #end(): unknown {
    if (this.#stack.length !== 1 || this.#marks.length > 0) throw unreadable("values are left over at its end");
    if (this.#in.left > 0) throw unreadable(`${this.#in.left} bytes follow its end`);
    const value = this.#objects.settle(this.#stack[0]);
    if (this.#nested > FEW) requireShallow(value, this.#objects.made);
    return value;
  }

  /** Where the operation may not reach below. */
  get #floor(): number {
    return this.#marks.length === 0 ? 0 : this.#marks[this.#marks.length - 1];
  }

  #top(): unknown {
    if (this.#stack.length <= this.#floor) throw unreadable("it wants a value where there is none");
    return this.#stack[this.#stack.length - 1];
  }

  #pop(): unknown {
    if (this.#stack.length <= this.#floor) throw unreadable("it wants a value where there is none");
    return this.#objects.settle(this.#stack.pop());
  }

  /** Takes the last mark; where it was. */
  #mark(): number {
    const mark = this.#marks.pop();
    if (mark === undefined) throw unreadable("it wants a mark where there is none");
    return mark;
  }

  /** Sees that what an operation takes, the values from a place on, is there and complete. */
  #take(from: number): void {
    if (from < this.#floor) throw unreadable("it wants a value where there is none");
    const stack = this.#stack;
    if (this.#isPending) {
      for (let i = from; i < stack.length; i++) stack[i] = this.#objects.settle(stack[i]);
    }
    for (let i = from; i < stack.length; i++) {
      const value = stack[i];
      if (typeof value === "object" && value !== null && this.#isContainer(value)) {
        this.#nested++;
        return;
      }
    }
  }

  #isContainer(value: object): boolean {
    return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype || value instanceof Map ||
      value instanceof Set || value instanceof PythonObject || value instanceof Error ||
      this.#objects.made.has(value);
  }

  #pushInt(value: number): void {
    this.#stack.push(this.#hasBigInts ? BigInt(value) : value);
  }

  #pushLong(size: number): void {
    if (size < 0) throw unreadable("an int in it has a negative length");
    if (size <= SHORT_INT) this.#pushInt(this.#in.shortInt(size));
    else this.#stack.push(this.#objects.int(this.#in.int(size)));
  }

  #pushTuple(from: number): void {
    this.#take(from);
    const items = this.#cut(from);
    this.#stack.push(this.#options.tuples === "tuple" ? asTuple(items) : items);
  }

  /** Takes what is on the stack from a place on. To write short arrays down takes a fraction of a slice. */
  #cut(from: number): unknown[] {
    const stack = this.#stack;
    let items: unknown[];
    switch (stack.length - from) {
      case 0:
        return [];
      case 1:
        items = [stack[from]];
        break;
      case 2:
        items = [stack[from], stack[from + 1]];
        break;
      default:
        items = stack.slice(from);
    }
    stack.length = from;
    return items;
  }

  #pushFrozenSet(from: number): void {
    this.#take(from);
    const set = new Set<unknown>();
    addAll(set, this.#stack, from);
    this.#stack.length = from;
    this.#stack.push(new FrozenSet(set));
  }

  #append(from: number): void {
    this.#takeFor(from);
    const stack = this.#stack;
    const target = stack[from - 1];
    if (Array.isArray(target)) { for (let i = from; i < stack.length; i++) target.push(stack[i]); }
    else if (!this.#objects.extend(target, stack, from, false)) throw unreadable("it lengthens what is no list");
    stack.length = from;
  }

  #addItems(from: number): void {
    this.#takeFor(from);
    const stack = this.#stack;
    const target = stack[from - 1];
    if (!(target instanceof Set) || target instanceof FrozenSet) throw unreadable("it adds to what is no set");
    addAll(target, stack, from);
    stack.length = from;
  }

  #setItems(from: number): void {
    this.#takeFor(from);
    const stack = this.#stack;
    if ((stack.length - from) % 2 !== 0) throw unreadable("a key in it has no value");
    const isSet = this.#dicts.setItems(stack, from, this.#memo) ||
      this.#objects.extend(stack[from - 1], stack, from, true);
    if (!isSet) throw unreadable("it sets keys of what is no dict");
    stack.length = from;
  }

  /** As `#take`, where there must be something before the values that they are for. */
  #takeFor(from: number): void {
    this.#take(from);
    if (from <= this.#floor) throw unreadable("it wants a value where there is none");
  }

  #get(index: number): void {
    let value = this.#memo.get(index);
    if (typeof value === "object" && value !== null) {
      if (value instanceof Pending) value = this.#objects.settle(value);
      else this.#dicts.fetch(value);
    }
    this.#stack.push(value);
  }

  #put(index: number): void {
    this.#memo.set(index, this.#top());
    this.#dicts.remember(this.#stack.length - 1, index);
  }

  #memoize(): void {
    const value = this.#top();
    const index = this.#memo.add(value);
    if (typeof value === "object") this.#dicts.remember(this.#stack.length - 1, index);
  }

  #call(isCalled: boolean): void {
    const args = this.#pop();
    this.#made(this.#objects.call(this.#pop(), args, undefined, isCalled));
  }

  #callWithNames(): void {
    const kwargs = this.#pop();
    const args = this.#pop();
    this.#made(this.#objects.call(this.#pop(), args, kwargs, false));
  }

  #made(value: unknown): void {
    if (value instanceof Pending) this.#isPending = true;
    if (typeof value === "object" && value !== null && this.#isContainer(value)) this.#nested++;
    this.#stack.push(value);
  }

  #build(): void {
    const state = this.#pop();
    const target = this.#top();
    this.#nested++;
    this.#stack[this.#stack.length - 1] = this.#objects.build(target, state);
  }

  #buffer(): Uint8Array {
    const buffer = this.#options.buffers[this.#nextBuffer++];
    if (buffer === undefined) throw unreadable("it wants a buffer that is not with it");
    return buffer;
  }
}
