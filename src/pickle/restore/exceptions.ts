/**
 * Restorers of exceptions.
 *
 * @module
 */
import { ITEM } from "../budget.ts";
import { entriesOf, itemOf } from "../dicts.ts";
import { BY_NUMBER, type ErrorClass, ERRORS, GROUPS, OTHERS, type PythonException } from "../exceptions.ts";
import { pythonFloat } from "../numbers.ts";
import { type Context, type Restorer, wholeOf } from "../restorer.ts";

/**
 * So many exceptions of a pickle are made by their classes, for each of which V8 walks the whole stack, whatever the limit:
 * it takes as long as twenty objects. Those beyond inherit from the same prototypes, and have the same properties.
 */
const MOST_MADE = 4096;
/** Of an argument, so many letters are in a message of several. */
const MOST_SHOWN = 200;

/** The restorer of exceptions of that name. */
function exception(name: string): Restorer {
  return {
    make: (args, context) => {
      const number = name === "OSError" && args.length > 1 ? wholeOf(args[0]) : null;
      return errorOf(number === null ? name : BY_NUMBER.get(number) ?? name, args, context);
    },
  };
}

/** The others in a group, which are copied; `null` if it is no group. */
function othersIn(type: string, args: readonly unknown[], { budget }: Context): readonly unknown[] | null {
  if (!GROUPS.includes(type) || !Array.isArray(args[1])) return null;
  budget.spend(ITEM * args[1].length);
  return args[1];
}

/** An error without a stack, since what it would show is this module. */
function errorOf(type: string, args: readonly unknown[], context: Context): Error {
  const others = othersIn(type, args, context);
  const Class = others === null ? ERRORS.get(type) ?? Error : AggregateError;
  return errorOfClass(Class, messageOf(type, args), { type, args, others }, context);
}

/** What an error has that was an exception, besides its message. */
interface Parts {
  readonly type: string;
  readonly args: readonly unknown[];
  readonly others: readonly unknown[] | null;
}

/** An error of that class. */
export function errorOfClass(
  Class: ErrorClass | typeof AggregateError,
  message: string,
  { type, args, others }: Parts,
  context: Context,
): Error {
  const error = context.exceptions++ < MOST_MADE ? made(Class, message, others) : likeOne(Class, message, others);
  const exception = error as PythonException;
  exception.type = type;
  exception.args = args as unknown[];
  return exception;
}

function made(Class: ErrorClass | typeof AggregateError, message: string, others: readonly unknown[] | null): Error {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return others === null ? new (Class as ErrorClass)(message) : new AggregateError(others, message);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

const HIDDEN = { writable: true, configurable: true, enumerable: false };

/** What all but its class has of an error. */
function likeOne({ prototype }: { prototype: Error }, message: string, others: readonly unknown[] | null): Error {
  const error = Object.create(prototype);
  Object.defineProperty(error, "stack", { ...HIDDEN, value: `${prototype.name}: ${message}` });
  Object.defineProperty(error, "message", { ...HIDDEN, value: message });
  if (others !== null) Object.defineProperty(error, "errors", { ...HIDDEN, value: [...others] });
  return error;
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

/** Gives an error that was made here its notes, and what else its exception had; false if it has these already. */
export function addState(error: Error, state: unknown): boolean {
  const target = error as PythonException;
  if (target.notes !== undefined || target.state !== undefined) return false;
  const notes = itemOf(state, "__notes__");
  if (Array.isArray(notes)) target.notes = notes;
  const others = entriesOf(state)?.filter(([key]) => key !== "__notes__") ?? [];
  if (others.length > 0) target.state = new Map(others);
  return true;
}

/** By the names of Python's builtins. */
export const EXCEPTIONS: readonly (readonly [string, Restorer])[] = [...ERRORS.keys(), ...OTHERS, ...GROUPS]
  .map((name) => [`builtins.${name}`, exception(name)]);
