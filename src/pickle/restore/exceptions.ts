/**
 * Restorers of exceptions.
 *
 * @module
 */
import { entriesOf, itemOf } from "../dicts.ts";
import { BY_NUMBER, ERRORS, GROUPS, OTHERS, type PythonException } from "../exceptions.ts";
import { pythonFloat } from "../numbers.ts";
import { type Restorer, wholeOf } from "../restorer.ts";

/** Of an argument, so many letters are in a message of several. */
const MOST_SHOWN = 200;

/** The restorer of exceptions of that name. */
function exception(name: string): Restorer {
  return {
    keeps: true,
    make: (args) => {
      const number = name === "OSError" && args.length > 1 ? wholeOf(args[0]) : null;
      return errorOf(number === null ? name : BY_NUMBER.get(number) ?? name, args);
    },
    build: addState,
  };
}

/** An error without a stack, since what it would show is this module. */
function errorOf(type: string, args: readonly unknown[]): Error {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    const message = messageOf(type, args);
    const error = GROUPS.includes(type) && Array.isArray(args[1])
      ? new AggregateError(args[1], message)
      : new (ERRORS.get(type) ?? Error)(message);
    return Object.assign(error, { type, args });
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** What Python would print of the exception, or nearly so. */
function messageOf(type: string, args: readonly unknown[]): string {
  const [first, second, third] = args;
  if (args.length === 0) return "";
  if (GROUPS.includes(type)) return shown(first);
  if (args.length === 1) return typeof first === "string" && type !== "KeyError" ? first : shown(first);
  if (wholeOf(first) !== null && typeof second === "string" && BY_NUMBER.has(Number(first))) {
    const place = third === undefined || third === null ? "" : `: ${shown(third)}`;
    return `[Errno ${first}] ${second}${place}`;
  }
  return `(${args.slice(0, 4).map(shown).join(", ")}${args.length > 4 ? ", …" : ""})`;
}

/** A value at a glance: looking into it would take long where there are many. */
function shown(value: unknown): string {
  if (typeof value === "string") return `'${value.slice(0, MOST_SHOWN)}${value.length > MOST_SHOWN ? "…" : ""}'`;
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : pythonFloat(value);
  return typeof value === "bigint" && value < 2n ** 64n && value > -(2n ** 64n) ? String(value) : "…";
}

/** Gives an error its notes, and what else its exception had. */
function addState(error: unknown, state: unknown): void {
  const target = error as PythonException;
  const notes = itemOf(state, "__notes__");
  if (Array.isArray(notes)) target.notes = notes;
  const others = entriesOf(state)?.filter(([key]) => key !== "__notes__") ?? [];
  if (others.length > 0) target.state = new Map(others);
}

/** By the names of Python's builtins. */
export const EXCEPTIONS: readonly (readonly [string, Restorer])[] = [...ERRORS.keys(), ...OTHERS, ...GROUPS]
  .map((name) => [`builtins.${name}`, exception(name)]);
