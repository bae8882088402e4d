/**
 * Finds out what an object is, in whatever realm it was made, by what it holds inside. That cannot be forged.
 *
 * @module
 */
import { IMPOSTOR, PRIVATE_STATE, type Reason, Refusal, SYMBOL_STATE } from "./refusal.ts";
import { registeredPrototype } from "./registry.ts";
import { Date } from "../runtime/timing.ts";

/** The built-in objects that travel, other than arrays and views. */
export type Kind = "Map" | "Set" | "Date" | "RegExp" | "Error" | "ArrayBuffer" | "SharedArrayBuffer" | Boxed;
/** The objects that stand for primitive values. */
export type Boxed = "Number" | "String" | "Boolean" | "BigInt" | "Symbol";

/** By prototype: what instances should be, why they are refused, or that they travel as plain objects. */
const verdicts = new WeakMap<object, Kind | Reason | "plain">();
/** By prototype: whether a class of theirs has private members. */
const isPrivate = new WeakMap<object, boolean>();

function getter(prototype: object, name: string): () => unknown {
  return Object.getOwnPropertyDescriptor(prototype, name)!.get!;
}

/** Methods that throw for whatever is not of their kind, and change nothing. */
const TOUCHSTONES: Readonly<Record<Exclude<Kind, "Error">, () => unknown>> = {
  Map: getter(Map.prototype, "size"),
  Set: getter(Set.prototype, "size"),
  Date: Date.prototype.getTime,
  RegExp: getter(RegExp.prototype, "source"),
  ArrayBuffer: getter(ArrayBuffer.prototype, "byteLength"),
  SharedArrayBuffer: getter(SharedArrayBuffer.prototype, "byteLength"),
  Number: Number.prototype.valueOf,
  String: String.prototype.valueOf,
  Boolean: Boolean.prototype.valueOf,
  BigInt: BigInt.prototype.valueOf,
  Symbol: Symbol.prototype.valueOf,
};
const KINDS = Object.keys(TOUCHSTONES) as (keyof typeof TOUCHSTONES)[];
const LANGUAGE_ERROR = /^(Aggregate|Eval|Range|Reference|Suppressed|Syntax|Type|URI)?Error$/;

/** Whether an object is of that kind. */
export function isOf(kind: Kind, value: object): boolean {
  if (kind === "Error") return Error.isError(value);
  try {
    Reflect.apply(TOUCHSTONES[kind], value, []);
    return true;
  } catch {
    return false;
  }
}

/** What an object holds that stands for a primitive value. */
export function primitiveOf(kind: Boxed, value: object): unknown {
  return Reflect.apply(TOUCHSTONES[kind], value, []);
}

/** Whether an object with a property named 0 is the text of which that is the first character. */
export function isText(value: object): boolean {
  return Object.hasOwn(value, "length") && isOf("String", value);
}

/**
 * What an object that is neither an array nor a view is: a kind, or `null` for a plain object.
 *
 * @throws {Refusal} If it cannot travel.
 */
export function kindOf(value: object, prototype: object): Kind | null {
  let verdict = verdicts.get(prototype);
  if (verdict === undefined) {
    verdict = judge(prototype);
    verdicts.set(prototype, verdict);
  }
  if (verdict === "plain") return null;
  if (typeof verdict !== "string") throw new Refusal(value, verdict);
  if (isOf(verdict, value)) return verdict;
  // Its prototype was changed, or it is made of one, as classes were before there was `class`.
  const real = KINDS.find((kind) => isOf(kind, value));
  if (real !== undefined) return real;
  if (verdict === "Error") return verdict;
  throw new Refusal(value, IMPOSTOR);
}

/**
 * Refuses a plain object without properties that is one by mistake: what it holds would be lost without a word.
 *
 * @param prototype Its prototype, which is not Object's.
 * @throws {Refusal} If it would be.
 */
export function requireNothingHidden(value: object, prototype: object | null): Kind | null {
  if (prototype !== null) {
    if (Object.getOwnPropertySymbols(value).length > 0) throw new Refusal(value, SYMBOL_STATE);
    if (hasPrivateMembers(prototype)) throw new Refusal(value, PRIVATE_STATE);
  }
  // Its prototype may have been taken away. The structured clone looks inside, and there is nothing to copy.
  try {
    if (Object.getPrototypeOf(structuredClone(value)) === Object.prototype) return null;
  } catch { /* something that is inside of the runtime */ }
  const kind = isOf("Error", value) ? "Error" : KINDS.find((kind) => isOf(kind, value));
  if (kind === undefined) throw new Refusal(value, INSIDE);
  return kind;
}

function hasPrivateMembers(prototype: object): boolean {
  const known = isPrivate.get(prototype);
  if (known !== undefined) return known;
  const constructor: unknown = Object.getOwnPropertyDescriptor(prototype, "constructor")?.value;
  const above: object | null = Object.getPrototypeOf(prototype);
  const found = (typeof constructor === "function" && usesPrivateMembers(constructor)) ||
    (above !== null && above !== Object.prototype && hasPrivateMembers(above));
  isPrivate.set(prototype, found);
  return found;
}

/** Whether the text of a class, without comments and strings, uses private members of its instances. */
// deno-lint-ignore ban-types -- its text is all that is wanted
function usesPrivateMembers(constructor: Function): boolean {
  const source = Function.prototype.toString.call(constructor)
    .replace(/\/\*[^]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g, " ");
  for (const [, name] of source.matchAll(/\bthis\s*\??\.\s*#([\w$]+)/g)) {
    const isStatic = new RegExp(String.raw`\bstatic\s+(?:(?:async|get|set)\s+)?\*?\s*#${name.replaceAll("$", "\\$")}`);
    if (!isStatic.test(source)) return true;
  }
  return false;
}

/** What is said of an object that has nothing of what its class keeps inside: which class, or which private member. */
const LACKING =
  /^(?:Receiver|Object) must be an instance of class (.+)$|^Cannot read private member (#[\w$]+) |^Illegal invocation$/;

/** Whether an error tells of an object of that prototype that it is a Proxy, or was made by Object.create(). */
export function isHollow(prototype: object, error: unknown): boolean {
  const said = Error.isError(error) ? LACKING.exec(error.message) : null;
  if (said === null) return false;
  const [, name, member] = said;
  for (let at: object | null = prototype; at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    const constructor: unknown = Object.getOwnPropertyDescriptor(at, "constructor")?.value;
    if (typeof constructor !== "function") continue;
    if (isBuiltIn(constructor) || constructor.name === name) return true;
    if (member !== undefined && Function.prototype.toString.call(constructor).includes(member)) return true;
  }
  return false;
}

const INSIDE: Reason = {
  why: "its state is inside the runtime and cannot be read",
  instead: "Send the data it stands for",
};

/** Advice, by the names of classes. */
const ADVICE: readonly [classes: RegExp, instead: string][] = [
  [/^Promise$/, "Await it, and send what comes of it"],
  [/Generator|Iterator/, "Send an array of its items, as Array.from() makes it"],
  [/^(Blob|File|Request|Response)$/, "Send its bytes, as `await it.bytes()` gives them"],
  [/^(Headers|FormData|URLSearchParams)$/, "Send its entries, as Array.from() gives them"],
  [/^CryptoKey$/, "Send what crypto.subtle.exportKey() makes of it"],
  [/^(MessagePort|BroadcastChannel)$/, "Use Pipe() or a Queue between processes"],
  [/^(Abort.*|EventTarget|.*Event)$/, "Send the data it stands for, or use an Event of this package"],
  [/Stream/, "Send what it gives, chunk by chunk"],
  [/^(Instant|Duration|Plain.*|Zoned.*|Now)$/, "Send it as text, as toString() gives it"],
];

function inside(name: string): Reason {
  const instead = ADVICE.find(([classes]) => classes.test(name))?.[1];
  return instead === undefined ? INSIDE : { why: INSIDE.why, instead };
}

const NAMESPACES = ["Deno", "Intl", "Temporal", "WebAssembly"];

function judge(prototype: object): Kind | Reason | "plain" {
  const inherited = refusalOfBase(prototype);
  if (inherited !== undefined) return inherited;
  if (prototype === Error.prototype || prototype instanceof Error) return "Error";
  for (let at: object | null = prototype; at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    const constructor = languageValue(at, "constructor");
    // Generators and iterators have a prototype of the language's own, but no constructor that could be named.
    const tag = languageValue(at, Symbol.toStringTag);
    if (typeof tag === "string" && /Generator|Iterator/.test(tag)) return inside(tag);
    if (typeof constructor !== "function" || !isBuiltIn(constructor)) continue;
    const { name } = constructor;
    if (name === "Object") break; // of another realm
    if (Object.hasOwn(TOUCHSTONES, name)) return name as Kind;
    return LANGUAGE_ERROR.test(name) ? "Error" : inside(name);
  }
  return "plain";
}

/** What a prototype has by that name; behind a getter, only if that is the language's, as both are of Iterator's. */
function languageValue(prototype: object, name: PropertyKey): unknown {
  const { value, get } = Object.getOwnPropertyDescriptor(prototype, name) ?? {};
  if (get === undefined || !isNative(get)) return value;
  try {
    return Reflect.apply(get, prototype, []);
  } catch {
    return undefined; // it is asked for instances only
  }
}

function refusalOfBase(prototype: object): Reason | undefined {
  for (let above = Object.getPrototypeOf(prototype); above !== null; above = Object.getPrototypeOf(above)) {
    const base = registeredPrototype(above);
    if (base === undefined) continue;
    if ("refuse" in base) return { why: base.refuse };
    return {
      why: `its class extends the registered class "${base.name}" but is not registered itself`,
      instead: "Call register() for it",
    };
  }
  return undefined;
}

/** Whether a class is the runtime's: a global one, or in the language's own code, of whatever realm. */
// deno-lint-ignore ban-types -- compared by identity, and its text is looked at
function isBuiltIn(constructor: Function): boolean {
  const { name } = constructor;
  if (ownValue(globalThis, name) === constructor) return true;
  if (NAMESPACES.some((space) => ownValue(ownValue(globalThis, space), name) === constructor)) return true;
  return isNative(constructor);
}

/** Whether a function is in the language's own code, of whatever realm. */
// deno-lint-ignore ban-types -- only its text is looked at
function isNative(it: Function): boolean {
  return /\{\s*\[native code\]\s*\}$/.test(Function.prototype.toString.call(it));
}

function ownValue(holder: unknown, name: string): unknown {
  if (typeof holder !== "object" || holder === null || !Object.hasOwn(holder, name)) return undefined;
  return Reflect.get(holder, name);
}
