// Objects of the user's types, as Python calls them: their methods by the names that they have, and by those with which
// Python's would be written: `addAll` is `add_all`, too. A property `size` is read by `size()`, and assigned by `set_size()`.

import { bare } from "../../../managers/names.ts";
import type { ManagedObject } from "../../../managers/objects.ts";
import { Float } from "../../../pickle/numbers.ts";
import { argumentsOf, type Call, type Given, type Method } from "../call.ts";
import { raised } from "../raised.ts";

/** Words that are no names in Python: a client would make a method of each name, and fail. */
const KEYWORDS: ReadonlySet<string> = new Set(
  ("False None True and as assert async await break class continue def del elif else except finally for from global if " +
    "import in is lambda nonlocal not or pass raise return try while with yield __debug__").split(" "),
);

/** Names with underscores that an object may have in Python without its proxies losing what makes them proxies. */
const SPECIAL =
  /^__(len|getitem|setitem|delitem|contains|iter|next|call|enter|exit|bool|(r|i)?(add|sub|mul|and|or|xor))__$/;

/** Whether a proxy of Python's can have a method of this name. */
function isName(name: string): boolean {
  if (!/^[\p{ID_Start}_][\p{ID_Continue}]*$/u.test(name) || KEYWORDS.has(name)) return false;
  return !name.startsWith("_") || SPECIAL.test(name);
}

/** A name as Python's are written: `getHTTPResponse` is `get_http_response`. */
export function snakeCase(name: string): string {
  return name.replaceAll(/([\p{Ll}\p{Nd}])(\p{Lu})/gu, "$1_$2").replaceAll(/(\p{Lu})(\p{Lu}\p{Ll})/gu, "$1_$2")
    .toLowerCase();
}

/** The methods of each list of names. */
const known = new WeakMap<readonly string[], ReadonlyMap<string, Method>>();

/** The methods of an object of the user's, by the names that Python has for them. */
export function registeredMethods({ description: { exposed } }: ManagedObject): ReadonlyMap<string, Method> {
  let methods = known.get(exposed);
  if (methods === undefined) known.set(exposed, methods = methodsOf(exposed));
  return methods;
}

function methodsOf(exposed: readonly string[]): ReadonlyMap<string, Method> {
  const methods = new Map<string, Method>();
  const add = (name: string, method: Method) => {
    if (isName(name) && !methods.has(name)) methods.set(name, method);
  };
  // What an object calls so itself comes first.
  for (const spelt of [(name: string) => name, snakeCase]) {
    for (const written of exposed) {
      const name = bare(written);
      const isProperty = /^[.=]/.test(written);
      add(spelt(name), isProperty ? reading(name) : calling(name));
      if (written.startsWith("=")) add(`set_${spelt(name)}`, assigning(name));
    }
  }
  return methods;
}

/** Arguments by name come as one object, the last argument. */
function calling(name: string): Method {
  return (call) => call.ask(name, ...givenTo(call));
}

/** What a function of JavaScript's gets: floats as numbers, and arguments by name as one object behind the others. */
export function givenTo({ args, named }: Pick<Given, "args" | "named">): unknown[] {
  const plain = args.map((arg) => plainOf(arg));
  return named.size === 0 ? plain : [...plain, Object.fromEntries([...named].map(([key, arg]) => [key, plainOf(arg)]))];
}

function reading(name: string): Method {
  return (call) => {
    argumentsOf(call, []);
    return call.ask(`.${name}`);
  };
}

function assigning(name: string): Method {
  return (call) => call.ask(`=${name}`, plainOf(argumentsOf(call, ["value"], 1)[0]));
}

/** Attributes, for proxies that somebody has written in Python. */
export const ATTRIBUTES: ReadonlyMap<string, Method> = new Map<string, Method>([
  ["__getattribute__", (call) => call.ask(`.${attributeOf(call)}`)],
  ["__setattr__", (call) => call.ask(`=${attributeOf(call)}`, plainOf(argumentsOf(call, ["name", "value"], 2)[1]))],
]);

function attributeOf(call: Call): string {
  const [name] = argumentsOf(call, ["name", "value"], 1);
  const { exposed } = call.object.description;
  const has = (name: string) => exposed.some((written) => /^[.=]/.test(written) && bare(written) === name);
  const found = typeof name !== "string" ? undefined : has(name) ? name : bareOf(exposed, name);
  if (found !== undefined) return found;
  throw raised("AttributeError", `'${call.object.type.typeid}' object has no attribute '${name}'`);
}

/** The property whose name Python would write so. */
function bareOf(exposed: readonly string[], name: string): string | undefined {
  return exposed.filter((written) => /^[.=]/.test(written)).map(bare).find((it) => snakeCase(it) === name);
}

/** A value whose floats are numbers: the same object if there is none in it. */
function plainOf(value: unknown, seen: Map<object, unknown> = new Map()): unknown {
  if (value instanceof Float) return value.value;
  if (typeof value !== "object" || value === null) return value;
  if (seen.has(value)) return seen.get(value);
  seen.set(value, value);
  // What has just come with a message is nobody else's.
  if (Array.isArray(value)) { for (let i = 0; i < value.length; i++) value[i] = plainOf(value[i], seen); }
  else if (value instanceof Map) {
    const entries = [...value];
    if (entries.some(([key]) => key instanceof Float)) value.clear();
    for (const [key, item] of entries) value.set(plainOf(key, seen), plainOf(item, seen));
  } else if (value instanceof Set) {
    const members = [...value];
    if (!members.some((it) => it instanceof Float) || value.constructor !== Set) return value;
    value.clear();
    for (const member of members) value.add(plainOf(member, seen));
  } else if (Object.getPrototypeOf(value) === Object.prototype) {
    const object = value as Record<string, unknown>;
    for (const key of Object.keys(object)) {
      if (typeof object[key] === "object") object[key] = plainOf(object[key], seen);
    }
  }
  return value;
}
