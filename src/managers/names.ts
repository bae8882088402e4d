// Which names of a managed object may be used from other processes, and how a request names them.
//
// | in a description | what it is | in a request |
// | --- | --- | --- |
// | `put` | a method | `put` |
// | `*keys` | a method that is a generator | `keys` |
// | `.size` | a property that is read | `.size` |
// | `=name` | a property that is read and assigned | `.name`, `=name` |
//
// Besides, every object answers to `#getvalue` and `#tostring`.

import { glance } from "../runtime/harmless.ts";

/** Asks for a copy of the whole object. */
export const GETVALUE = "#getvalue";
/** Asks for its printed form. */
export const TO_STRING = "#tostring";

/** Names of built-in types that begin with this are between a proxy's class and its object: no copies for the user. */
export const INNER = "_";

/** The names of one object, as the table at the head of this file writes them. */
export type Exposed = readonly string[];

/** The name without what says how it is used. */
export function bare(name: string): string {
  return /^[*.=]/.test(name) ? name.slice(1) : name;
}

/**
 * Never exposed unless they are listed: `then` would be called by who awaits the proxy; `toJSON` by `JSON.stringify`,
 * which cannot wait; the others are no part of an object's interface.
 */
const NOT_BY_ITSELF = ["constructor", "then", "toJSON", "toString", "toLocaleString", "valueOf"];

/** Never exposed: they lead to the class, and from there to whatever it can do. */
const NEVER = ["constructor", "__proto__", "prototype"];

/**
 * What every proxy has itself, and no name of an object hides: a method of such a name is called by `callmethod`. Any
 * other name of an object comes first, such as `close`.
 */
const OF_PROXIES = ["callmethod", "callmethodSync", "getvalue", "sync", "with", "then", "toJSON", "toString"];

/** Whether proxies get no method or property of this name. */
export function isOfProxies(name: string): boolean {
  return OF_PROXIES.includes(name) || NEVER.includes(name);
}

/** The public methods and getters of an object: those of its classes, without names that begin with `_`. */
export function publicNames(value: object): Exposed {
  const found = new Map<string, string>();
  for (let it = Object.getPrototypeOf(value); it !== null && it !== Object.prototype; it = Object.getPrototypeOf(it)) {
    for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(it))) {
      if (found.has(name) || /^[_#*.=]|^$/.test(name) || NOT_BY_ITSELF.includes(name) || NEVER.includes(name)) continue;
      const written = writtenAs(name, property);
      if (written !== null) found.set(name, written);
    }
  }
  return [...found.values()];
}

/** The listed names, as they are used in this object: its own properties among them. */
export function listedNames(value: object, names: readonly string[]): Exposed {
  return names.map((name) => {
    for (let it: object | null = value; it !== null; it = Object.getPrototypeOf(it)) {
      const property = Object.getOwnPropertyDescriptor(it, name);
      if (property !== undefined) return writtenAs(name, property) ?? `=${name}`;
    }
    return name; // whoever calls it learns that there is none
  });
}

/** How the name is written; `null` for data of the class, which is no method. */
function writtenAs(name: string, { value, get, set }: PropertyDescriptor): string | null {
  if (get !== undefined || set !== undefined) return set === undefined ? `.${name}` : `=${name}`;
  if (typeof value !== "function") return null;
  return isGenerator(value) ? `*${name}` : name;
}

const GENERATORS: readonly object[] = [
  Object.getPrototypeOf(function* () {}),
  Object.getPrototypeOf(async function* () {}),
];

function isGenerator(fn: unknown): boolean {
  return GENERATORS.includes(Object.getPrototypeOf(fn));
}

/**
 * Refuses names that cannot be exposed.
 *
 * @throws {TypeError} If there is one.
 */
export function requireExposable(names: readonly string[], action: string): void {
  const bad = names.findIndex((name) => typeof name !== "string" || /^[#*.=]|^$/.test(name) || NEVER.includes(name));
  if (bad < 0) return;
  throw new TypeError(
    `Cannot ${action}: ${glance(names[bad])} cannot be exposed, wanted the name of a method or property that does ` +
      `not begin with any of #*.= and is none of ${NEVER.join(", ")}`,
  );
}

/** Whether a description allows what a request asks for. */
export function allows(exposed: ReadonlySet<string>, asked: string): boolean {
  if (exposed.has(asked)) return !/^\*/.test(asked);
  if (asked.startsWith(".")) return exposed.has(`=${asked.slice(1)}`);
  return exposed.has(`*${asked}`);
}
