/**
 * The key of this process: what connections of one tree of processes authenticate each other with. The root makes one
 * up, children inherit it.
 *
 * @module
 */

import { native } from "../addon/load.ts";
import { isStart } from "../reduction/passage.ts";
import { register } from "../reduction/registry.ts";
import { inspectAs } from "../runtime/shown.ts";

/** How many bytes a key that is made up has. */
const KEY_SIZE = 32;

let current: AuthenticationString | null = null;

/**
 * A key, which travels to a process only at its start, lest a message carries it to a stranger, and which is neither
 * printed nor turned into text or JSON. Its bytes are those of any Uint8Array: what copies them, such as
 * `new Uint8Array(key)`, `structuredClone(key)` and `postMessage(key)` to a Worker, gives bytes that are not protected.
 *
 * @example It is not sent by mistake
 * ```ts
 * import { AuthenticationString } from "@parallel/multiprocessing";
 * import { dumps } from "@parallel/multiprocessing/reduction";
 * import { assertThrows } from "@std/assert";
 *
 * const key = new AuthenticationString([1, 2, 3]);
 * assertThrows(() => dumps({ key }), TypeError, "Cannot serialise an AuthenticationString");
 * assertThrows(() => JSON.stringify({ key }), TypeError, "Cannot serialise an AuthenticationString");
 * ```
 */
export class AuthenticationString extends Uint8Array {
  static {
    inspectAs(AuthenticationString.prototype, (key) => key.toString());
    register<AuthenticationString, Uint8Array>(AuthenticationString, {
      reduce(key) {
        if (isStart()) return new Uint8Array(key);
        throw refusal();
      },
      restore(bytes) {
        if (bytes instanceof Uint8Array) return new AuthenticationString(bytes);
        throw new RangeError("Cannot restore an AuthenticationString: it has no bytes");
      },
    });
  }

  /** Not its bytes: they do not belong into logs. */
  override toString(): string {
    return `AuthenticationString(${this.length})`;
  }

  /** As {@linkcode toString}. */
  override toLocaleString(): string {
    return this.toString();
  }

  /**
   * Refuses to be part of JSON.
   *
   * @throws {TypeError} Always.
   */
  toJSON(): never {
    throw refusal();
  }
}

function refusal(): TypeError {
  return new TypeError(
    "Cannot serialise an AuthenticationString: it is a secret, which only a process that is being started may be " +
      "given; use `new Uint8Array(key)` if its bytes are what you want",
  );
}

/** The key of this process. */
export function currentAuthkey(): AuthenticationString {
  return current ??= new AuthenticationString(agreed(crypto.getRandomValues(new Uint8Array(KEY_SIZE))));
}

/** What all threads of this process take, of which each may be the first to make one up. */
function agreed(key: Uint8Array): Uint8Array {
  try {
    return native().agree(NOTE, key);
  } catch {
    return key; // without the addon there are no processes to share it with
  }
}

const NOTE = "authkey";

/**
 * Gives this process another key; children that are made from now on inherit it.
 *
 * @throws {TypeError} If it is not a Uint8Array.
 */
export function setCurrentAuthkey(key: Uint8Array): void {
  current = toAuthkey(key);
  try {
    native().note(NOTE, current);
  } catch {
    return; // as above
  }
}

/**
 * A protected copy of the bytes.
 *
 * @throws {TypeError} If they are not a Uint8Array.
 */
export function toAuthkey(key: Uint8Array): AuthenticationString {
  if (key instanceof Uint8Array) return new AuthenticationString(key);
  throw new TypeError(`Cannot set the authkey to ${Deno.inspect(key)}: wanted a Uint8Array`);
}
