/**
 * Why a value cannot be serialised, in words, and where in the message it stands. Everything here runs only after a
 * failure, except {@linkcode whyRefused}, whose answers the encoder keeps by class.
 *
 * @module
 */
import { discard, reduceInto, registeredPrototype } from "./registry.ts";

/** Why a value cannot travel and what to do instead. */
export interface Reason {
  readonly why: string;
  readonly instead: string;
}

/** Thrown by the encoder at the value that cannot travel; {@linkcode explain} turns it into a TypeError. */
export class Refusal {
  /** The value that cannot travel. */
  readonly culprit: unknown;
  readonly reason: Reason;

  constructor(culprit: unknown, reason: Reason) {
    this.culprit = culprit;
    this.reason = reason;
  }
}

/** For functions. */
export const FUNCTION: Reason = {
  why: "a function cannot be copied to another process",
  instead: "Export it from a module and import it there",
};
/** For symbols. */
export const SYMBOL: Reason = {
  why: "a symbol is known to one process only",
  instead: "Send a string",
};
/** For an object that `reduce` describes by itself. */
export const SELF_REFERENCE: Reason = {
  why: "what its reduce() returned refers back to it",
  instead: "Return data that does not contain the instance",
};
/** For SharedArrayBuffer and views of it. */
export const SHARED_BUFFER: Reason = {
  why: "a SharedArrayBuffer is shared by the threads of one process only",
  instead: "Use RawArray() or SharedMemory, or send a copy made with slice()",
};

const NAMESPACES = ["Deno", "Intl", "Temporal", "WebAssembly"];

/** Why no object with this prototype can travel; `undefined` if it travels as a plain object. */
export function whyRefused(prototype: object): Reason | undefined {
  for (let above = Object.getPrototypeOf(prototype); above !== null; above = Object.getPrototypeOf(above)) {
    const base = registeredPrototype(above);
    if (base === undefined) continue;
    return {
      why: `its class extends the registered class "${base.name}" but is not registered itself`,
      instead: "Call register() for it",
    };
  }
  for (let at: object | null = prototype; at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    const constructor = Object.getOwnPropertyDescriptor(at, "constructor")?.value;
    // Generators and iterators have a prototype of the language's own, but no constructor that could be named.
    const tag = Object.getOwnPropertyDescriptor(at, Symbol.toStringTag)?.value;
    const anonymous = typeof tag === "string" && /Generator|Iterator/.test(tag);
    if (anonymous || (typeof constructor === "function" && isBuiltIn(constructor))) {
      return {
        why: "its state is inside the runtime and cannot be read",
        instead: "Send the data it stands for",
      };
    }
  }
  return undefined;
}

// deno-lint-ignore ban-types -- compared by identity only
function isBuiltIn(constructor: Function): boolean {
  const { name } = constructor;
  if (ownValue(globalThis, name) === constructor) return true;
  return NAMESPACES.some((space) => ownValue(ownValue(globalThis, space), name) === constructor);
}

function ownValue(holder: unknown, name: string): unknown {
  if (typeof holder !== "object" || holder === null || !Object.hasOwn(holder, name)) return undefined;
  return Reflect.get(holder, name);
}

/** The error that tells the user what could not be serialised, where it stands in `root`, why, and what to do. */
export function explain(refusal: Refusal, root: unknown): TypeError {
  const { culprit, reason } = refusal;
  const path = pathTo(culprit, root);
  return new TypeError(`Cannot serialise ${describe(culprit)} at ${path}: ${reason.why}. ${reason.instead}.`);
}

function describe(value: unknown): string {
  if (typeof value === "function") {
    return value.name === "" ? "an anonymous function" : `function "${value.name}"`;
  }
  if (typeof value === "symbol") return String(value);
  const name: unknown = Object.getPrototypeOf(value)?.constructor?.name;
  if (typeof name === "string" && name !== "" && name !== "Object") return `an object of class "${name}"`;
  return `an object of kind "${Object.prototype.toString.call(value).slice(8, -1)}"`;
}

/** Where `culprit` stands, as `value.items[3].fn`; found breadth first, so the shortest way is named. */
function pathTo(culprit: unknown, root: unknown): string {
  const seen = new Set<unknown>();
  let level: [path: string, value: unknown][] = [["value", root]];
  while (level.length > 0) {
    const below: typeof level = [];
    for (const [path, value] of level) {
      if (Object.is(value, culprit)) return path;
      if (typeof value !== "object" || value === null || seen.has(value)) continue;
      seen.add(value);
      for (const [step, child] of children(value)) below.push([path + step, child]);
    }
    level = below;
  }
  return "value"; // A getter or reduce() made the culprit afresh.
}

function* children(value: object): Generator<[step: string, value: unknown]> {
  const registration = registeredPrototype(Object.getPrototypeOf(value) ?? Object.prototype);
  if (registration !== undefined) {
    const attachments: number[] = [];
    const reduced = reduceInto(attachments, registration.reducer, value);
    discard(attachments); // nothing is sent
    yield [".reduce()", reduced];
    return;
  }
  if (ArrayBuffer.isView(value)) return;
  if (value instanceof Map) {
    for (const [key, item] of value) {
      yield [`.keys(${Deno.inspect(key, { depth: 0 })})`, key];
      yield [`.get(${Deno.inspect(key, { depth: 0 })})`, item];
    }
  } else if (value instanceof Set) {
    let index = 0;
    for (const item of value) yield [`.values()[${index++}]`, item];
  } else {
    if (value instanceof Error) yield [".cause", value.cause];
    const inArray = Array.isArray(value);
    for (const key of Object.keys(value)) {
      const step = inArray
        ? `[${key}]`
        : /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key)
        ? `.${key}`
        : `[${JSON.stringify(key)}]`;
      yield [step, Reflect.get(value, key)];
    }
  }
}
