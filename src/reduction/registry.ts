/**
 * Which classes travel by a reducer of their own: what Python calls `copyreg`, and the hook by which views of shared
 * memory travel as references.
 *
 * @module
 */
import { InvalidStateError } from "../errors.ts";
import { DOES_NOT_FIT } from "./writer.ts";

/** A class, whatever its constructor takes. */
// deno-lint-ignore ban-types -- the only type that also holds classes with private constructors
export type Class<T> = Function & { prototype: T };

/** How instances of a class become plain data and come back. */
export interface Reducer<T, D = unknown> {
  /** The name that both sides know the class by; `Class.name` if absent. */
  name?: string;
  /** Describes the instance by any value that can be serialised, other registered instances among them. */
  reduce(instance: T): D;
  /** Makes an instance from what `reduce` returned in another process. */
  restore(data: D): T;
}

/** How views of shared memory become references and come back. */
export interface ViewReducer {
  /** Describes `view`; `undefined` if it is ordinary memory, whose bytes are to be copied. */
  reduce(view: ArrayBufferView): unknown;
  /** Makes a view of the same memory from what `reduce` returned in another process. */
  restore(data: unknown): ArrayBufferView;
}

/** A registered class. */
export interface Registration {
  readonly name: string;
  readonly reducer: Reducer<unknown>;
}

const byName = new Map<string, Registration>();
const byPrototype = new Map<object, Registration>();
let viewReducer: ViewReducer | null = null;
let attachments: number[] | null = null;
let discarder: ((attachments: readonly number[]) => void) | null = null;

/** In the place of a list: the message cannot speak of blocks. */
export const NOWHERE: number[] = [];

/**
 * Makes instances of a class able to travel, as Python's `copyreg` does. Call it where the class is defined, so that
 * every process that imports the class knows it.
 *
 * Only the class itself is meant: instances of a subclass are refused until the subclass is registered too.
 *
 * @throws {RangeError} If the class or the name is registered already, or the name is empty.
 *
 * @example Send a class of your own
 * ```ts
 * import { dumps, loads, register } from "@parallel/multiprocessing/reduction";
 * import { assertEquals } from "@std/assert";
 *
 * class Money {
 *   readonly #cents: bigint;
 *   constructor(cents: bigint) {
 *     this.#cents = cents;
 *   }
 *   get cents() {
 *     return this.#cents;
 *   }
 * }
 * register(Money, { reduce: (money) => money.cents, restore: (cents) => new Money(cents) });
 *
 * const copy = loads(dumps(new Money(1250n)).bytes) as Money;
 * assertEquals(copy.cents, 1250n);
 * ```
 */
export function register<T extends object, D>(type: Class<T>, reducer: Reducer<T, D>): void {
  const name = reducer.name ?? type.name;
  if (name === "") throw new RangeError("Cannot register a class: it has no name, and no `name` was given");
  if (byName.has(name)) throw new RangeError(`Cannot register class "${name}": this name is registered already`);
  const known = byPrototype.get(type.prototype);
  if (known !== undefined) {
    throw new RangeError(`Cannot register class "${name}": it is registered already as "${known.name}"`);
  }
  // The type parameters tie `reduce` to `restore` for the caller; from here on only the name does.
  const registration = { name, reducer: reducer as unknown as Reducer<unknown> };
  byName.set(name, registration);
  byPrototype.set(type.prototype, registration);
}

/** Lets instances of a class that is made at run time travel by a registration that every process has. */
export function registerAlias(type: Class<object>, name: string): void {
  const registration = byName.get(name);
  if (registration === undefined) throw new RangeError(`Cannot register "${type.name}": "${name}" is not registered`);
  byPrototype.set(type.prototype, registration);
}

/**
 * Says how views of shared memory travel. Asked for every view before its bytes are copied, so it must answer fast
 * for ordinary ones.
 *
 * @throws {InvalidStateError} If a view reducer is set already.
 *
 * @example Refuse a second one
 * ```ts
 * import { setViewReducer } from "@parallel/multiprocessing/reduction";
 * import { assertThrows } from "@std/assert";
 *
 * const reducer = { reduce: () => undefined, restore: () => new Uint8Array() };
 * assertThrows(() => {
 *   setViewReducer(reducer);
 *   setViewReducer(reducer);
 * });
 * ```
 */
export function setViewReducer(reducer: ViewReducer): void {
  if (viewReducer !== null) throw new InvalidStateError("Cannot set the view reducer: one is set already");
  viewReducer = reducer;
}

/**
 * Notes, from inside a `reduce` function, that the message refers to a block of shared memory. The block is kept
 * while the message is under way.
 *
 * @throws {InvalidStateError} If no `reduce` function is running.
 *
 * @example A message lists the blocks it refers to
 * ```ts
 * import { attach, dumps, register } from "@parallel/multiprocessing/reduction";
 * import { assertEquals } from "@std/assert";
 *
 * class Cell {
 *   constructor(readonly block: number) {}
 * }
 * register(Cell, {
 *   reduce(cell) {
 *     attach(cell.block);
 *     return cell.block;
 *   },
 *   restore: (block) => new Cell(block),
 * });
 * assertEquals(dumps([new Cell(7), new Cell(9)]).attachments, [7, 9]);
 * ```
 */
export function attach(block: number): void {
  attachable();
  if (attachments === null) {
    throw new InvalidStateError(`Cannot attach block ${block}: attach() may be called only inside reduce()`);
  }
  if (!attachments.includes(block)) attachments.push(block);
}

/**
 * What a `reduce` function calls before it makes what it is going to attach: an attempt to write the message where no
 * attachments can go ends here, and `reduce` is called again.
 */
export function attachable(): void {
  if (attachments === NOWHERE) throw DOES_NOT_FIT;
}

/** Says how what a `reduce` function has made for a message ends, if the message is not sent. */
export function setDiscarder(discard: (attachments: readonly number[]) => void): void {
  discarder = discard;
}

/** Gives up a message that speaks of these blocks, and is not going to be sent. */
export function discard(attachments: readonly number[]): void {
  if (attachments.length > 0) discarder?.(attachments);
}

/** Calls `reduce` so that the blocks it attaches are added to `into`. */
export function reduceInto(into: number[] | null, reducer: { reduce(value: never): unknown }, value: unknown): unknown {
  const outer = attachments;
  attachments = into;
  try {
    return reducer.reduce(value as never);
  } finally {
    attachments = outer;
  }
}

/** The registration of the class whose prototype this is. */
export function registeredPrototype(prototype: object): Registration | undefined {
  return byPrototype.get(prototype);
}

/** The registration under this name. */
export function registeredName(name: string): Registration | undefined {
  return byName.get(name);
}

/** The view reducer, once set. */
export function currentViewReducer(): ViewReducer | null {
  return viewReducer;
}
