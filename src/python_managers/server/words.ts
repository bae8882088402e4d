// What Python's messages call values, and how it would write them.

import { ownObject } from "../../managers/local_line.ts";
import { Namespace } from "../../managers/namespace.ts";
import { BaseProxy } from "../../managers/proxy.ts";
import { FrozenSet } from "../../pickle/frozen_set.ts";
import { Float, pythonFloat } from "../../pickle/numbers.ts";
import { PythonName, PythonObject } from "../../pickle/python_object.ts";
import { Tuple } from "../../pickle/tuple.ts";
import { printed } from "../../pool/failures.ts";

/** The name of a value's type. */
export function typeNameOf(value: unknown): string {
  if (value === null || value === undefined) return "NoneType";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "string") return "str";
  if (typeof value === "number") return isInt(value) ? "int" : "float";
  if (typeof value === "bigint") return "int";
  if (value instanceof Float) return "float";
  if (value instanceof Tuple) return "tuple";
  if (Array.isArray(value)) return "list";
  if (value instanceof FrozenSet) return "frozenset";
  if (value instanceof Set) return "set";
  if (value instanceof Uint8Array) return "bytes";
  if (value instanceof PythonObject) return value.type.name;
  if (value instanceof PythonName) return "type";
  const prototype = typeof value === "object" ? Object.getPrototypeOf(value) : null;
  if (value instanceof Map || prototype === Object.prototype || prototype === null) return "dict";
  return prototype?.constructor?.name ?? "object";
}

/** Whether Python gets an int for a number. */
function isInt(value: number): boolean {
  return Number.isSafeInteger(value) && !Object.is(value, -0);
}

/** Items of a container that are written, and of all containers in a value together; and levels. */
const MOST_ITEMS = 1000;
const MOST_IN_ALL = 10_000;
const DEEPEST = 20;

/** How Python would write a value, or nearly so. */
export function reprOf(value: unknown): string {
  return new Printer().write(value, 0);
}

/** Writes one value: where one object stands in many places, it would not end without a limit for the whole. */
class Printer {
  #left = MOST_IN_ALL;

  write(value: unknown, depth: number): string {
    if (value === null || value === undefined) return "None";
    if (typeof value === "boolean") return value ? "True" : "False";
    if (typeof value === "bigint") return String(value);
    if (typeof value === "number") return isInt(value) ? String(value) : pythonFloat(value);
    if (typeof value === "string") return quotedText(value);
    if (value instanceof Float || value instanceof PythonName) return String(value);
    if (value instanceof Uint8Array) return `b${quotedBytes(value)}`;
    if (typeof value !== "object") return printed(value);
    if (depth > DEEPEST) return "...";
    return this.#object(value, depth + 1);
  }

  #object(value: object, depth: number): string {
    const list = (items: Iterable<unknown>) => this.#limited(items, (item) => this.write(item, depth));
    if (value instanceof Tuple) return value.length === 1 ? `(${list(value)},)` : `(${list(value)})`;
    if (Array.isArray(value)) return `[${list(value)}]`;
    if (value instanceof FrozenSet) return value.size === 0 ? "frozenset()" : `frozenset({${list(value)}})`;
    if (value instanceof Set) return value.size === 0 ? "set()" : `{${list(value)}}`;
    const pair = ([key, item]: readonly [unknown, unknown]) => `${this.write(key, depth)}: ${this.write(item, depth)}`;
    if (value instanceof Map) return `{${this.#limited(value, pair)}}`;
    if (value instanceof Namespace) return this.#namespace(value, depth);
    if (value instanceof BaseProxy) return ofProxy(value);
    if (value instanceof PythonObject) return `<${value.type} object>`;
    const prototype = Object.getPrototypeOf(value);
    if (prototype === null || prototype === Object.prototype) return `{${this.#limited(Object.entries(value), pair)}}`;
    return printed(value);
  }

  #limited<T>(items: Iterable<T>, write: (item: T) => string): string {
    const written: string[] = [];
    for (const item of items) {
      if (written.length === MOST_ITEMS || --this.#left < 0) {
        written.push("...");
        break;
      }
      written.push(write(item));
    }
    return written.join(", ");
  }

  #namespace(value: Namespace, depth: number): string {
    const names = Object.keys(value).filter((name) => !name.startsWith("_")).sort();
    return `Namespace(${this.#limited(names, (name) => `${name}=${this.write(Reflect.get(value, name), depth)}`)})`;
  }
}

function ofProxy(proxy: BaseProxy): string {
  const object = ownObject(proxy);
  if (object === null) return String(proxy);
  return `<proxy of '${object.type.typeid}' object ${object.id.toString(16)}>`;
}

/** A text in quotes, as Python writes it. */
function quotedText(text: string): string {
  return inQuotes(text.replaceAll(/\\|(?! )[\p{C}\p{Z}]/gu, escaped), text);
}

function inQuotes(inside: string, text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  return quote + inside.replaceAll(quote, `\\${quote}`) + quote;
}

/** A letter that is not printed as it is. */
function escaped(letter: string): string {
  const known = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" }[letter];
  if (known !== undefined) return known;
  const code = letter.codePointAt(0)!;
  const [mark, digits] = code < 0x100 ? ["x", 2] : code < 0x10000 ? ["u", 4] : ["U", 8];
  return `\\${mark}${code.toString(16).padStart(digits, "0")}`;
}

function quotedBytes(bytes: Uint8Array): string {
  const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return inQuotes(text.replaceAll(/[^ -~]|\\/g, escaped), text);
}
