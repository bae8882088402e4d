// What a method of ours asks an object of Python's for. A translation is a generator: it yields what is to be asked, gets the
// answer, or has the exception thrown into it, and returns what our method gives. So one translation serves promises and
// blocked threads.

import { InvalidStateError, type PythonError } from "../../errors.ts";
import { KeywordArguments } from "../../managers/keyword_arguments.ts";
import { type BaseProxy, insideOf } from "../../managers/proxy.ts";
import { FrozenSet } from "../../pickle/frozen_set.ts";
import { PythonName, PythonObject } from "../../pickle/python_object.ts";
import { tupleOf } from "../../pickle/tuple.ts";
import { GETVALUE } from "../wire.ts";

/** An answer as a translation sees it. */
export type Answer = { readonly value: unknown } | { readonly error: unknown };

/** What is asked of an object once. */
export interface Ask {
  readonly method: string;
  readonly args: readonly unknown[];
  readonly kwargs?: object;
  /** Another object's proxy that is asked. */
  readonly of?: BaseProxy;
  /** It may take its time: no other call waits behind it. */
  readonly isSlow?: boolean;
  /** It waits for something, and may be given up. */
  readonly wait?: Wait;
  /** What it has to do with a lock whose owner is a connection. */
  readonly role?: "acquire" | "release" | "held" | "wait";
  /** It is asked so often, one time behind the other; the answers are in an array. */
  readonly times?: number;
}

/** How something is waited for. */
export interface Wait {
  /** Milliseconds. */
  readonly timeout: number;
  /** The arguments of a wait that lasts so many seconds. */
  args(seconds: number | null): readonly unknown[];
  /** Whether an answer says that the time has passed; `null`: the wait is one, and must not be cut into several. */
  readonly isLate: ((answer: Answer) => boolean) | null;
  /** What is given when the time has passed here: Python gives the wait none. */
  readonly late?: unknown;
  /** What is asked to undo an answer that nobody wants any more. */
  undo?(answer: unknown): readonly Ask[];
  /** Asked at once when the wait is given up, on another connection. */
  readonly onGivenUp?: Ask;
}

/** A translation under way. */
export type Asking = Generator<Ask, unknown, unknown>;

/** What a method of ours asks for. */
export type Translation = (args: readonly unknown[]) => Asking;

/** The methods of a type of ours. */
export type Translations = Readonly<Record<string, Translation>>;

/** Asks for one method, whatever it gives. */
export function* ask(method: string, args: readonly unknown[] = [], more: Partial<Ask> = {}): Asking {
  return yield { ...more, method, args };
}

/** A method whose result is nobody's. */
export function silent(method: string): Translation {
  return function* (args) {
    yield* ask(method, args);
  };
}

/** The same, which gives something else if Python raises an exception of that type. */
export function* unless(type: string, asking: Asking, otherwise: unknown): Asking {
  try {
    return yield* asking;
  } catch (error) {
    if (isOf(error, type)) return otherwise;
    throw error;
  }
}

/** The same; what Python says against the state of the object is an error of that kind here. */
export function* inState(asking: Asking): Asking {
  try {
    return yield* asking;
  } catch (error) {
    if (!isOf(error, "RuntimeError") && !isOf(error, "ValueError")) throw error;
    const { message, type, args } = error as PythonError;
    throw Object.assign(new InvalidStateError(message, { cause: error }), { type, args });
  }
}

/** Whether an error was an exception of Python's of that type. */
export function isOf(error: unknown, type: string): boolean {
  return error instanceof Error && (error as { type?: unknown }).type === type;
}

/** The contents of an operand, which may be another container of the same server. */
export function* contents(operand: unknown): Asking {
  return isProxy(operand) ? yield* ask(GETVALUE, [], { of: operand }) : operand;
}

function isProxy(value: unknown): value is BaseProxy {
  return typeof value === "object" && value !== null && insideOf in value;
}

/** All operands, one after the other. */
export function* allContents(operands: readonly unknown[]): Generator<Ask, unknown[], unknown> {
  const all: unknown[] = [];
  for (const operand of operands) all.push(yield* contents(operand));
  return all;
}

/** A key of a dict, or a member of a set, as Python can hash it. */
export function hashed(value: unknown): unknown {
  if (Array.isArray(value)) return tupleOf(value.map(hashed));
  return value instanceof Set && !(value instanceof FrozenSet) ? new FrozenSet([...value].map(hashed)) : value;
}

const SLICE = new PythonName("builtins", "slice");

/** Python's `start:end`. */
export function slice(start: unknown = null, end: unknown = null): PythonObject {
  return new PythonObject(SLICE, [start, end, null]);
}

/** The arguments, and those of them that are given by name. */
export function splitArguments(args: readonly unknown[]): { args: readonly unknown[]; kwargs?: object } {
  const last = args.at(-1);
  if (!(last instanceof KeywordArguments)) return { args };
  return { args: args.slice(0, -1), kwargs: last.named };
}

/** Milliseconds as Python's seconds; `null` for ever. */
export function secondsOf(timeout: unknown): number | null {
  if (typeof timeout !== "number" || !(timeout < LONGEST)) return null;
  return Math.max(0, timeout) / 1000;
}

/** Python refuses to wait longer than some 292 years; 30 are for ever, too. */
const LONGEST = 1e12;

/** Milliseconds of the options of a call, which may say not to wait at all. */
export function timeoutIn(options: unknown): number {
  const { timeout, block } = (options ?? {}) as { timeout?: number | null; block?: boolean };
  if (block === false) return 0;
  return typeof timeout === "number" ? Math.max(0, timeout) : Infinity;
}
