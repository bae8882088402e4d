// What goes to the engine as text: keys and members, and lists of texts as one (library/kept.lua).

import { requireKey } from "../../managers/types/keys.ts";
import { glance } from "../../runtime/harmless.ts";
import { bytesOf, textOf } from "../text.ts";

/** What a key is the key of, for messages. */
export type KeyRole = Parameters<typeof requireKey>[1];

/**
 * A key as the engine keeps it: a letter for its type, and its text. Keys that are the same to a `Map` are the same text.
 *
 * @throws {TypeError} If it is an object, a function or a symbol.
 */
export function keyText(key: unknown, role: KeyRole): Uint8Array<ArrayBuffer> {
  requireKey(key, role);
  switch (typeof key) {
    case "string":
      return key.isWellFormed() ? bytesOf(`s${key}`) : bytesOf(`w${JSON.stringify(key)}`);
    case "number":
      return bytesOf(`n${key}`);
    case "bigint":
      return bytesOf(`i${key}`);
    case "boolean":
      return bytesOf(key ? "t" : "f");
    case "undefined":
      return bytesOf("u");
    case "object":
      return bytesOf("z");
    default:
      throw new TypeError(
        `Cannot use ${glance(key)} as ${role}: wanted a string, a number, a bigint, a boolean, null or undefined`,
      );
  }
}

/**
 * The key of a text.
 *
 * @throws {RangeError} If it is none.
 */
export function keyOf(bytes: Uint8Array): unknown {
  const text = textOf(bytes.subarray(1));
  switch (String.fromCharCode(bytes[0])) {
    case "s":
      return text;
    case "w":
      return JSON.parse(text);
    case "n":
      return Number(text);
    case "i":
      return BigInt(text);
    case "t":
      return true;
    case "f":
      return false;
    case "u":
      return undefined;
    case "z":
      return null;
    default:
      throw new RangeError("Cannot read a key: the engine has something else");
  }
}

/** A list of texts as one: MessagePack's array of 32 bits' length, of texts likewise. */
export function packed(parts: readonly (string | Uint8Array)[]): Uint8Array<ArrayBuffer> {
  const texts = parts.map((part) => typeof part === "string" ? bytesOf(part) : part);
  const bytes = new Uint8Array(texts.reduce((sum, text) => sum + HEAD + text.length, HEAD));
  const view = new DataView(bytes.buffer);
  let at = head(view, 0, 0xdd, texts.length);
  for (const text of texts) {
    at = head(view, at, 0xdb, text.length);
    bytes.set(text, at);
    at += text.length;
  }
  return bytes;
}

const HEAD = 5;

function head(view: DataView, at: number, type: number, length: number): number {
  view.setUint8(at, type);
  view.setUint32(at + 1, length);
  return at + HEAD;
}
