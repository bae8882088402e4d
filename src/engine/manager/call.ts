// A call of a proxy's method on an engine. It is written as a generator that yields steps and is given their answers, so that
// the same code serves promises and calls that block.

import { RemoteError } from "../../errors.ts";
import { bare, GETVALUE, INNER, TO_STRING } from "../../managers/names.ts";
import { BaseProxy } from "../../managers/proxy.ts";
import { exposedByBuiltIn } from "../../managers/proxy_classes.ts";
import { printed } from "../../pool/failures.ts";
import type { ObjectHandle } from "../handles.ts";
import { copyOf, readMessage, writeMessage } from "../messages.ts";
import { tooLarge } from "../records.ts";
import type { Answer, Session, StepArgument } from "../session.ts";

/** A step to be done: its name, and what it is given behind the object. */
export type Wanted = readonly [name: string, ...args: StepArgument[]];

/** What a method does: steps, and what it gives in the end. */
export type Plan = Generator<Wanted, unknown, Answer>;

/** A method: what it does with an object for a call with these arguments. */
export type Method = (call: Call, ...args: never[]) => Plan;

/** The methods of a type, by the names that a request has (managers/names.ts). */
export type Methods = Readonly<Record<string, Method>>;

/** A value as a step is given it: the ids of its objects, and its bytes. */
export type KeptValue = [objects: string, bytes: Uint8Array];

/** One call of a method of an object. */
export class Call {
  readonly handle: ObjectHandle;
  /** Whether copies of what is inside are frozen. */
  readonly isFrozen: boolean;
  readonly #letGo: (() => void)[] = [];
  /** What was read and may have proxies inside. */
  readonly #read: unknown[] = [];

  constructor(handle: ObjectHandle, isFrozen: boolean) {
    this.handle = handle;
    this.isFrozen = isFrozen;
  }

  get #session(): Session {
    return this.handle.session;
  }

  /**
   * A value as a step is given it.
   *
   * @throws {TypeError} If it cannot be sent.
   * @throws {RangeError} If it is longer than the context allows.
   */
  write(value: unknown): KeptValue {
    const { bytes, objects, letGo } = writeMessage(this.#session, value);
    this.#letGo.push(letGo);
    const { maxMessage } = this.#session;
    if (bytes.length > maxMessage) throw tooLarge("store", bytes.length, maxMessage);
    return [objects, bytes];
  }

  /** Several, one after the other. */
  writeAll(values: Iterable<unknown>): (string | Uint8Array)[] {
    const parts: (string | Uint8Array)[] = [];
    for (const value of values) parts.push(...this.write(value));
    return parts;
  }

  /** The value of which an answer has the objects and the bytes from an index on. */
  read(answer: Answer, index: number): unknown {
    const objects = answer.text(index);
    const value = readMessage(this.#session, answer.bytes(index + 1), objects);
    if (objects !== "") this.#read.push(value);
    return value;
  }

  /** A value that was given, as it would be if it had been to a server. */
  copy<T>(value: T): T {
    return typeof value === "object" && value !== null ? copyOf(this.#session, value) as T : value;
  }

  /** Closes the proxies in what was read: nobody else gets them. */
  drop(): void {
    closeProxies(this.#read.splice(0));
  }

  /** The values that an answer has from an index on. */
  readAll(answer: Answer, from: number): unknown[] {
    const values: unknown[] = [];
    for (let i = from; i + 1 < answer.length; i += 2) values.push(this.read(answer, i));
    return values;
  }

  /** Its steps have been sent, or will not be. */
  end(): void {
    for (const letGo of this.#letGo.splice(0)) letGo();
  }
}

/** Closes the proxies in a value, which is nobody else's. */
export function closeProxies(value: unknown): void {
  const seen = new Set<object>();
  const left = [value];
  while (left.length > 0) {
    const next = left.pop();
    if (typeof next !== "object" || next === null || seen.has(next)) continue;
    seen.add(next);
    if (next instanceof BaseProxy) next[Symbol.dispose]();
    else if (Array.isArray(next) || next instanceof Set) left.push(...next);
    else if (next instanceof Map) left.push(...next.values());
    else if (isPlain(next)) left.push(...Object.values(next));
  }
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

/** What a method of an object does. */
export function planOf(typeid: string, methods: Methods, call: Call, asked: string, args: readonly unknown[]): Plan {
  if (asked === TO_STRING) return shown(methods, call);
  if (!Object.hasOwn(methods, asked)) throw notExposed(typeid, asked);
  return methods[asked](call, ...args as never[]);
}

function* shown(methods: Methods, call: Call): Plan {
  return printed(yield* methods[GETVALUE](call));
}

function notExposed(typeid: string, asked: string): RemoteError {
  const names = exposedByBuiltIn(typeid)!.map(bare).filter((name) => !name.startsWith(INNER));
  return new RemoteError(
    `Cannot call "${bare(asked)}" of a "${typeid}": it does not expose it, but ` +
      names.slice(0, 30).map((name) => `"${name}"`).join(", ") + (names.length > 30 ? " and others" : ""),
  );
}

/** What an answer says, unless it refuses for a reason that the method does not know. */
function looked(answer: Answer, asked: string, typeid: string): Answer {
  const { refusal } = answer;
  if (refusal === "gone") {
    throw new RemoteError(
      `Cannot call "${asked}" of a "${typeid}": the engine has it, or an object in what was sent, no more`,
    );
  }
  if (refusal === "malformed") {
    throw new RemoteError(`Cannot call "${asked}" of a "${typeid}": the engine cannot read it`);
  }
  return answer;
}

/** Does the steps of a plan one after the other, this thread being blocked. */
export function doSync(plan: Plan, call: Call, asked: string, typeid: string): unknown {
  const { handle } = call;
  try {
    let next = plan.next();
    while (!next.done) {
      const [name, ...args] = next.value;
      next = plan.next(looked(handle.session.step(name, handle.id, ...args), asked, typeid));
    }
    return next.value;
  } finally {
    call.end();
  }
}

/** As {@linkcode doSync}, in promises. `isWanted` says whether further steps are to be done. */
export async function doLater(
  plan: Plan,
  call: Call,
  asked: string,
  typeid: string,
  isWanted: () => boolean,
): Promise<unknown> {
  const { handle } = call;
  using kept = handle.share();
  try {
    let next = plan.next();
    while (!next.done) {
      const [name, ...args] = next.value;
      const answer = await handle.session.send(name, kept.id, ...args);
      if (!isWanted()) return undefined;
      next = plan.next(looked(answer, asked, typeid));
    }
    return next.value;
  } finally {
    call.end();
  }
}
