// The functions that the tasks of a pool are run with, on their way to its workers. Each is signed with the key that the
// program and its hosts share: whoever can but write to the engine must not be able to have a worker import a module.

import type { FunctionReference } from "../../callable/types.ts";
import { areSame, hmac } from "../digests.ts";
import { inward, outward } from "../../callable/places.ts";
import { bytesOf, textOf } from "../text.ts";

const SIGNATURE_BYTES = 32;

/** What a signature is for. */
export interface FunctionSeal {
  readonly key: Uint8Array;
  readonly tree: string;
  readonly pool: string;
  /** What tasks call the function. */
  readonly name: string;
}

/** A function that has arrived, or why there is none. */
export interface ReadFunction {
  readonly found: FunctionReference | { readonly refused: string };
  /** Whether it certainly comes from the pool. */
  readonly isSigned: boolean;
}

function signatureOf({ key, tree, pool, name }: FunctionSeal, body: Uint8Array): Uint8Array {
  const head = bytesOf(JSON.stringify(["pool function", tree, pool, name]));
  const all = new Uint8Array(head.length + body.length);
  all.set(head);
  all.set(body, head.length);
  return hmac(key, all);
}

/** Writes a function, or the reason why there is none. */
export function writeFunction(
  seal: FunctionSeal,
  given: FunctionReference | { readonly refused: string },
): Uint8Array {
  const sent = "refused" in given ? given : { ...given, module: outward(given.module) };
  const body = bytesOf(JSON.stringify(sent));
  const bytes = new Uint8Array(SIGNATURE_BYTES + body.length);
  bytes.set(signatureOf(seal, body));
  bytes.set(body, SIGNATURE_BYTES);
  return bytes;
}

/** Reads a function. */
export function readFunction(seal: FunctionSeal, bytes: Uint8Array): ReadFunction {
  const body = bytes.subarray(SIGNATURE_BYTES);
  const isSigned = areSame(signatureOf(seal, body), bytes.subarray(0, SIGNATURE_BYTES));
  const given = JSON.parse(textOf(body));
  if (typeof given.refused === "string") return { found: { refused: given.refused }, isSigned };
  return { found: { ...given, module: inward(given.module) }, isSigned };
}
