// References that follow later. The exports of a main module that awaits at its top level are known some turns of the
// event loop after they were asked for. A process that is started meanwhile is not kept waiting: it is given a promise
// in shared memory, and needs the answer only when it has booted.
//
// | state | the lock | `said` |
// | --- | --- | --- |
// | open | held by the giver of the promise | zeroes |
// | kept, or broken | free | the length, then JSON: a {@linkcode Word} |
// | given up | its holder has ended | anything |

import type { FunctionReference } from "./types.ts";
import { InvalidStateError, OwnerDiedError } from "../errors.ts";
import { harmless } from "../runtime/harmless.ts";

/** The lock of a promise. */
export interface PromiseLock {
  acquire(): Promise<unknown>;
  acquireSync(): unknown;
  release(): void;
}

/**
 * What makes the shared parts of promises. The classes for it stand above this folder, since functions are in their
 * messages: so they are given from there (process/promises.ts).
 */
export interface PromiseParts {
  lock(): PromiseLock;
  /** So many bytes of shared memory. */
  bytes(size: number): Uint8Array;
  isLock(value: unknown): value is PromiseLock;
}

let parts: PromiseParts | null = null;

/** Gives what promises are made of from now on. */
export function makePromisesOf(given: PromiseParts): void {
  parts = given;
}

/** A reference that follows. */
export interface LateReference {
  /** The name of the function in error messages. */
  readonly label: string;
  readonly lock: PromiseLock;
  readonly said: Uint8Array;
}

/** A reference as it travels. */
export type TravellingReference = FunctionReference | LateReference;

/** The answer in the end: where the function is, or why it cannot be run. */
type Word = { readonly found: FunctionReference } | { readonly refused: string };

const SIZE = 16 * 1024;
const LENGTH_BYTES = 4;

/** Whether a reference follows later. */
export function isLate(reference: TravellingReference): reference is LateReference {
  return "said" in reference;
}

/**
 * A reference as it has arrived in a message, which may be anybody's.
 *
 * @throws {RangeError} If it is none.
 */
export function arrivedReference(value: unknown): TravellingReference {
  const it = (value ?? {}) as Partial<LateReference & FunctionReference>;
  const areTexts = (texts: readonly unknown[]) => texts.every((text) => typeof text === "string");
  if (parts?.isLock(it.lock) && it.said instanceof Uint8Array && it.said.length === SIZE && areTexts([it.label])) {
    return { label: harmless(it.label!), lock: it.lock, said: it.said };
  }
  const { label, module, name, member, hash } = it;
  if (areTexts([label, module, name, member ?? "", hash ?? ""])) {
    return { label: harmless(label!), module, name, member: member ?? null, hash: hash ?? null } as FunctionReference;
  }
  throw new RangeError("Cannot restore a function: its reference is malformed");
}

/** The half of the promise's giver. Each promise is for one receiver: no other reads what that one writes into it. */
export class Pledge {
  readonly reference: LateReference;

  constructor(label: string) {
    if (parts === null) {
      throw new InvalidStateError(
        `Cannot send "${label}" yet: wanted a program that has imported the package's processes`,
      );
    }
    const lock = parts.lock();
    lock.acquireSync();
    this.reference = { label, lock, said: parts.bytes(SIZE) };
  }

  /** Says the word. */
  say(word: Word): void {
    const { lock, said, label } = this.reference;
    let bytes = new TextEncoder().encode(JSON.stringify(word));
    if (bytes.length > SIZE - LENGTH_BYTES) {
      const refused = `Cannot run "${label}": the URL of its module is too long; give { module, name }`;
      bytes = new TextEncoder().encode(JSON.stringify({ refused }));
    }
    said.set(new Uint8Array(Uint32Array.of(bytes.length).buffer));
    said.set(bytes, LENGTH_BYTES);
    lock.release();
  }
}

/** The reference that was promised. Throws a TypeError that says why there is none. */
export async function promised(late: LateReference): Promise<FunctionReference> {
  try {
    await late.lock.acquire();
    late.lock.release();
  } catch (error) {
    throw givenUp(late, error);
  }
  return wordOf(late);
}

/** As {@linkcode promised}, blocking the thread. */
export function promisedSync(late: LateReference): FunctionReference {
  try {
    late.lock.acquireSync();
    late.lock.release();
  } catch (error) {
    throw givenUp(late, error);
  }
  return wordOf(late);
}

function givenUp({ label }: LateReference, cause: unknown): unknown {
  if (!(cause instanceof OwnerDiedError)) return cause;
  return new TypeError(
    `Cannot run "${label}": the process that gave it has ended before it could say which module exports it`,
    { cause },
  );
}

function wordOf({ label, said }: LateReference): FunctionReference {
  const bytes = Uint8Array.from(said); // a copy: others may write meanwhile
  const [length] = new Uint32Array(bytes.buffer, 0, 1);
  const word = JSON.parse(new TextDecoder().decode(bytes.subarray(LENGTH_BYTES, LENGTH_BYTES + length)));
  if (typeof word.refused === "string") throw new TypeError(harmless(word.refused, { multiline: true }));
  const found = arrivedReference({ ...word.found, label });
  if (isLate(found)) throw new TypeError(`Cannot run "${label}": it was promised twice`);
  return found;
}
