// The handshake by which two ends prove to each other that both know a key: CPython's bytes, and no reading or writing.
//
// | step | who        | bytes                                                                                     |
// | ---- | ---------- | ----------------------------------------------------------------------------------------- |
// | 1    | challenger | `#CHALLENGE#`, then the challenge: `{sha256}` and 40 random bytes; CPython ≤ 3.11: 20 bytes |
// | 2    | answerer   | the digest's prefix as in the challenge, and the HMAC of the whole challenge               |
// | 3    | challenger | `#WELCOME#` or `#FAILURE#`                                                                 |
//
// A message of 20 or 16 bytes has no prefix and means MD5. An answer may have another digest than the challenge. Each
// end challenges the other once, the one that accepts a connection first.

import { AuthenticationError } from "../errors.ts";
import { nodeProcess } from "../runtime/node.ts";

/** The longest message of a handshake, in bytes. */
export const LONGEST = 256;

/** A digest that a challenge may ask for. */
export type DigestName = "md5" | "sha256" | "sha384" | "sha3_256" | "sha3_384";

/** Node.js's names of the digests that a prefix may name. */
const DIGESTS: Readonly<Record<DigestName, string>> = {
  md5: "md5",
  sha256: "sha256",
  sha384: "sha384",
  sha3_256: "sha3-256",
  sha3_384: "sha3-384",
};

const CHALLENGE = bytesOf("#CHALLENGE#");
const WELCOME = bytesOf("#WELCOME#");
const FAILURE = bytesOf("#FAILURE#");

/** Random bytes in a challenge of ours. */
const NONCE_SIZE = 40;
/** Bytes of a challenge of CPython up to 3.11, which is no longer and has no prefix. */
const LEGACY_CHALLENGE_SIZE = 20;
const MD5_SIZE = 16;
/** A prefix's brace closes before this byte. */
const PREFIX_END = 10;

/**
 * One end's part: it yields bytes to be sent, or `null` to be given the next message received. A failure to do so is to
 * be thrown into it.
 */
export type Handshake = Generator<Uint8Array | null, void, Uint8Array>;

/** Makes the other end prove that it knows `key`. */
export function* challenge(key: Uint8Array, digestName: DigestName = "sha256"): Handshake {
  const asked = concat(bytesOf(`{${digestName}}`), crypto.getRandomValues(new Uint8Array(NONCE_SIZE)));
  yield concat(CHALLENGE, asked);
  const flaw = flawOf(key, asked, yield null);
  if (flaw === null) {
    yield WELCOME;
    return;
  }
  try {
    yield FAILURE;
  } catch {
    // Whether the other end still hears of it does not matter any more.
  }
  throw new AuthenticationError(`Cannot authenticate the other end: ${flaw}`);
}

/** Proves to the other end that this one knows `key`. */
export function* answer(key: Uint8Array): Handshake {
  const message = yield null;
  if (!startsWith(message, CHALLENGE)) {
    throw new AuthenticationError(
      `Cannot authenticate: wanted a challenge, the other end sent ${message.length} bytes of something else`,
    );
  }
  const asked = message.subarray(CHALLENGE.length);
  if (asked.length < LEGACY_CHALLENGE_SIZE) {
    throw new AuthenticationError(
      `Cannot authenticate: challenge too short: ${asked.length} bytes, wanted ${LEGACY_CHALLENGE_SIZE} or more`,
    );
  }
  yield respond(key, asked);
  if (!equals(yield null, WELCOME)) {
    throw new AuthenticationError("Cannot authenticate: digest sent was rejected; do both ends have the same authkey?");
  }
}

/** The part of the end that accepted the connection. */
export function* serve(key: Uint8Array): Handshake {
  yield* challenge(key);
  yield* answer(key);
}

/** The part of the end that made the connection. */
export function* greet(key: Uint8Array): Handshake {
  yield* answer(key);
  yield* challenge(key);
}

/**
 * The answer to a challenge.
 *
 * @throws {AuthenticationError} If it names no digest that is known.
 */
export function respond(key: Uint8Array, asked: Uint8Array): Uint8Array {
  const split = splitPrefix(asked);
  if (split === null) throw new AuthenticationError(`Cannot authenticate: ${NO_DIGEST}`);
  if (split.name !== null) return concat(bytesOf(`{${split.name}}`), macOf(split.name, key, asked));
  try {
    return macOf("md5", key, asked);
  } catch {
    // A runtime without MD5; an end that is not older than Python 3.12 understands this.
    return concat(bytesOf("{sha256}"), macOf("sha256", key, asked));
  }
}

/** The fault of an answer; `null` if it proves that the other end knows the key. */
export function flawOf(key: Uint8Array, asked: Uint8Array, answered: Uint8Array): string | null {
  const split = splitPrefix(answered);
  if (split === null) return NO_DIGEST;
  const name = split.name ?? "md5";
  let wanted: Uint8Array;
  try {
    wanted = macOf(name, key, asked);
  } catch {
    return `this runtime has no digest "${name}"`;
  }
  if (wanted.length !== split.payload.length) {
    return `digest received has ${split.payload.length} bytes, wanted the ${wanted.length} of "${name}"`;
  }
  return cryptography().timingSafeEqual(wanted, split.payload) ? null : "digest received was wrong";
}

const NO_DIGEST = "unsupported message length, missing digest prefix, or unsupported digest";

/** A message's digest (`null`: without prefix, so MD5) and what follows its prefix; `null` if it has neither. */
function splitPrefix(message: Uint8Array): { name: DigestName | null; payload: Uint8Array } | null {
  if (message.length === LEGACY_CHALLENGE_SIZE || message.length === MD5_SIZE) return { name: null, payload: message };
  const end = message.subarray(0, PREFIX_END).indexOf(0x7d);
  if (message[0] !== 0x7b || end < 0) return null;
  const name = String.fromCharCode(...message.subarray(1, end));
  return Object.hasOwn(DIGESTS, name) ? { name: name as DigestName, payload: message.subarray(end + 1) } : null;
}

/** Loading it takes 20 ms, so it is loaded when the first key is used. */
function cryptography(): typeof import("node:crypto") {
  return nodeProcess().getBuiltinModule("node:crypto") as typeof import("node:crypto");
}

function macOf(name: DigestName, key: Uint8Array, message: Uint8Array): Uint8Array {
  return cryptography().createHmac(DIGESTS[name], key).update(message).digest();
}

/** Whether `name` is a digest's. */
export function isDigestName(name: unknown): name is DigestName {
  return typeof name === "string" && Object.hasOwn(DIGESTS, name);
}

/** The names of all digests, for messages. */
export function digestNames(): string {
  return Object.keys(DIGESTS).map((name) => `"${name}"`).join(", ");
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function concat(head: Uint8Array, tail: Uint8Array): Uint8Array {
  const whole = new Uint8Array(head.length + tail.length);
  whole.set(head);
  whole.set(tail, head.length);
  return whole;
}

function startsWith(message: Uint8Array, start: Uint8Array): boolean {
  return message.length >= start.length && start.every((byte, index) => message[index] === byte);
}

function equals(message: Uint8Array, wanted: Uint8Array): boolean {
  return message.length === wanted.length && startsWith(message, wanted);
}
