/**
 * The classes that travel by a reducer of their own (Python's `copyreg`), and the hook by which views of shared memory
 * travel as references.
 *
 * @module
 */
import { InvalidStateError } from "../errors.ts";
import { Date } from "../runtime/timing.ts";
import { VIEWS } from "./format.ts";

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

/** Why no instance of a class travels. */
export interface Refuse {
  /** Why, and behind a semicolon what to do instead. */
  refuse: string;
  /** What messages call the class; `Class.name` if absent. */
  name?: string;
}

/** How views of shared memory become references and come back. */
export interface ViewReducer {
  /** Describes `view`; `undefined` if it is ordinary memory, whose bytes are to be copied. */
  reduce(view: ArrayBufferView): unknown;
  /** Makes a view of the same memory from what `reduce` returned in another process. */
  restore(data: unknown): ArrayBufferView;
}

/** A class whose instances travel. */
export interface Registration {
  readonly name: string;
  readonly reducer: Reducer<unknown>;
  /** Whether `restore` may give what is no object. */
  readonly isValue?: boolean;
}

/** A class whose instances do not travel. */
export interface Refused {
  readonly name: string;
  readonly refuse: string;
}

/** Prototypes of the language's classes whose instances, and most of what extends them, travel without anybody's help. */
const OF_THE_LANGUAGE: ReadonlySet<object> = new Set(
  [
    ...[Object, Array, Map, Set, Date, RegExp, Number, String, Boolean, BigInt, ArrayBuffer],
    ...[Object.getPrototypeOf(Uint8Array), Uint8Array, ...VIEWS],
    ...[Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError, AggregateError],
    ...[SuppressedError, DOMException],
  ].map(({ prototype }) => prototype),
);

/** The receiver's half: only what travels is in here, so that no message can name anything else. */
const byName = new Map<string, Registration>();
/** The sender's half. Some classes are made at run time, and go. */
const byPrototype = new WeakMap<object, Registration | Refused>();
let viewReducer: ViewReducer | null = null;
let discarder: ((attachments: readonly number[]) => void) | null = null;
let follower: ((bytes: Uint8Array, attachments: readonly number[]) => void) | null = null;

/**
 * Makes instances of a class able to travel, as Python's `copyreg` does, or says why they are not. Call it where the
 * class is defined, so that every process that imports the class knows it.
 *
 * Only the class itself is meant: instances of a subclass are refused until the subclass is registered too.
 *
 * `reduce` runs once for each message that the instance is part of. `restore` gets what the message says, which may
 * come from anybody who can send one: it should check it, and do nothing but make the instance. A class that is
 * registered with `refuse` has no `restore`, and no message can name it.
 *
 * @throws {TypeError} If `type` is not a class, or the second argument has neither `reduce` and `restore`, which are
 * functions, nor `refuse`, which is a text; or if it has something else.
 * @throws {RangeError} If the class or the name is registered already, the name is empty, or the class is one of the
 * language's whose instances have a way of their own, such as Object, Map and Error.
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
 *
 * @example Refuse to send one
 * ```ts
 * import { dumps, register } from "@parallel/multiprocessing/reduction";
 * import { assertThrows } from "@std/assert";
 *
 * class Database {
 *   readonly path = "shop.db";
 * }
 * register(Database, { refuse: "its connection belongs to one process; send the path, and open it there" });
 *
 * assertThrows(() => dumps({ db: new Database() }), TypeError, "at value.db: its connection belongs to one process");
 * ```
 */
export function register<T extends object, D>(type: Class<T>, reducer: Reducer<T, D>): void;
/** As above, for a class whose instances do not travel. */
export function register<T extends object>(type: Class<T>, refusal: Refuse): void;
export function register<T extends object, D>(type: Class<T>, given: Reducer<T, D> | Refuse): void {
  requireClass(type);
  requireReducer(type, given);
  const name = given.name ?? type.name;
  if (name === "") throw new RangeError("Cannot register a class: it has no name, and no `name` was given");
  if (byName.has(name)) throw new RangeError(`Cannot register class "${name}": this name is registered already`);
  if (OF_THE_LANGUAGE.has(type.prototype)) {
    throw new RangeError(
      `Cannot register class "${name}": how instances of the language's own classes travel is not to be changed. ` +
        "Register a class that extends it",
    );
  }
  const known = byPrototype.get(type.prototype);
  if (known !== undefined) {
    throw new RangeError(`Cannot register class "${name}": it is registered already as "${known.name}"`);
  }
  if ("refuse" in given) return void byPrototype.set(type.prototype, { name, refuse: given.refuse });
  // The type parameters tie `reduce` to `restore` for the caller; from here on only the name does.
  const registration = { name, reducer: given as unknown as Reducer<unknown> };
  byName.set(name, registration);
  byPrototype.set(type.prototype, registration);
}

function requireClass(type: unknown): asserts type is Class<object> {
  const prototype: unknown = typeof type === "function" ? type.prototype : undefined;
  if (typeof prototype === "object" && prototype !== null) return;
  throw new TypeError(`Cannot register ${Deno.inspect(type)}: it is no class; give the class, not an instance`);
}

/** What there may be in the second argument of {@linkcode register}, and what that is. */
const PARTS = new Map([["name", "string"], ["reduce", "function"], ["restore", "function"], ["refuse", "string"]]);

function requireReducer(type: Class<object>, given: unknown): void {
  const action = `Cannot register class "${type.name}"`;
  const wanted =
    "wanted { reduce, restore }, which are functions, or { refuse }, a text that says why it does not travel";
  if (typeof given !== "object" || given === null) {
    throw new TypeError(`${action}: ${Deno.inspect(given)} was given as its reducer, ${wanted}`);
  }
  for (const key of Object.keys(given)) {
    if (!PARTS.has(key)) throw new TypeError(`${action}: its reducer has an unknown part "${key}", ${wanted}`);
  }
  const needed = "refuse" in given ? ["refuse"] : ["reduce", "restore"];
  if (needed.length === 1 && ("reduce" in given || "restore" in given)) {
    throw new TypeError(`${action}: its reducer has "refuse" and a function, ${wanted}`);
  }
  for (const [key, kind] of PARTS) {
    const part: unknown = Reflect.get(given, key);
    if (typeof part === kind || (part === undefined && !needed.includes(key))) continue;
    throw new TypeError(`${action}: "${key}" of its reducer is ${Deno.inspect(part)}, ${wanted}`);
  }
}

/** As {@linkcode register}, of a class whose instances stand for any value, which `restore` gives. */
export function registerValue<T extends object>(
  type: Class<T>,
  { name, ...functions }: { name: string; reduce(instance: T): unknown; restore(data: unknown): unknown },
): void {
  const registration = { name, reducer: functions as unknown as Reducer<unknown>, isValue: true };
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
 * Says how what a `reduce` function has made for a message ends, if the message is not sent: by `discard`; `follow` is
 * told of each message, to find out that its bytes have been forgotten.
 */
export function setDiscarder(
  discard: (attachments: readonly number[]) => void,
  follow: (bytes: Uint8Array, attachments: readonly number[]) => void,
): void {
  discarder = discard;
  follower = follow;
}

/** Notes a message that speaks of these blocks. */
export function follow(bytes: Uint8Array, attachments: readonly number[]): void {
  if (attachments.length > 0) follower?.(bytes, attachments);
}

/** Gives up a message that speaks of these blocks, and is not going to be sent. */
export function discard(attachments: readonly number[]): void {
  if (attachments.length > 0) discarder?.(attachments);
}

/** The registration of the class whose prototype this is, or why it does not travel. */
export function registeredPrototype(prototype: object): Registration | Refused | undefined {
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

/** The names that messages may name, for tests that try them all. */
export function registeredNames(): string[] {
  return [...byName.keys()];
}
