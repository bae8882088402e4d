/**
 * The error classes that every process knows: the language's, WebAssembly's, Deno's and this package's. Errors of other classes keep
 * theirs if a module exports it (error_reference.ts, error_lookup.ts); otherwise they arrive as their nearest known ancestor, with the
 * `name` they had.
 *
 * @module
 */
import {
  AuthenticationError,
  BrokenBarrierError,
  BufferTooShort,
  Empty,
  EngineUnavailableError,
  EOFError,
  FencedError,
  Full,
  InvalidStateError,
  MaybeEncodingError,
  OwnerDiedError,
  ProcessError,
  PythonError,
  RemoteError,
  ShutDown,
  StateLostError,
  TimeoutError,
  WorkerLostError,
} from "../errors.ts";

/** An error class; its constructor is never called for a received error. */
export type ErrorClass = Error["constructor"] & { prototype: Error };

const LANGUAGE = [
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
  AggregateError,
  SuppressedError,
];

/** The classes by their wire names, and these by the classes' prototypes. */
interface Known {
  classes: ReadonlyMap<string, ErrorClass>;
  names: ReadonlyMap<object, string>;
}

let made: Known | undefined;

/** This package's. By their names: an object of all that a module exports would be made at each start. */
export function ownClasses(): Readonly<Record<string, ErrorClass>> {
  return {
    AuthenticationError,
    BrokenBarrierError,
    BufferTooShort,
    EOFError,
    Empty,
    EngineUnavailableError,
    FencedError,
    Full,
    InvalidStateError,
    MaybeEncodingError,
    OwnerDiedError,
    ProcessError,
    PythonError,
    RemoteError,
    ShutDown,
    StateLostError,
    TimeoutError,
    WorkerLostError,
  };
}

/** Made at the first need: few processes have an error to send, and each would spend 0.3 ms of its start on it. */
function known(): Known {
  if (made !== undefined) return made;
  const of = (prefix: string, classes: object) =>
    Object.entries(classes).map(([name, known]): [string, ErrorClass] => [prefix + name, known]);
  const all = [
    ...LANGUAGE.map((known): [string, ErrorClass] => [known.name, known]),
    ...of("WebAssembly.", {
      CompileError: WebAssembly.CompileError,
      LinkError: WebAssembly.LinkError,
      RuntimeError: WebAssembly.RuntimeError,
    }),
    ...of("multiprocessing.", ownClasses()),
    ...of("Deno.errors.", Deno.errors),
  ];
  return made = { classes: new Map(all), names: new Map(all.map(([name, known]) => [known.prototype, name])) };
}

/** The wire name of the class of that prototype, if every process knows it; also of the language's of another realm. */
function nameOf(prototype: object): string | undefined {
  const name = known().names.get(prototype);
  if (name !== undefined) return name;
  const constructor: unknown = Object.getOwnPropertyDescriptor(prototype, "constructor")?.value;
  if (typeof constructor !== "function" || !LANGUAGE.some((known) => known.name === constructor.name)) return undefined;
  return /\{\s*\[native code\]\s*\}$/.test(Function.prototype.toString.call(constructor))
    ? constructor.name
    : undefined;
}

/** Whether every process knows the class of an error. */
export function isKnownClass(error: Error): boolean {
  const prototype = Object.getPrototypeOf(error);
  return prototype !== null && nameOf(prototype) !== undefined;
}

/** The wire name of the nearest known class of `error`. */
export function nearestClass(error: Error): string {
  for (let prototype = Object.getPrototypeOf(error); prototype !== null; prototype = Object.getPrototypeOf(prototype)) {
    const name = nameOf(prototype);
    if (name !== undefined) return name;
  }
  return "Error";
}

/** The class of an error, and what that calls itself; each is asked for once. */
export interface NamedClass {
  /** `undefined` if the error has none. */
  readonly Class: unknown;
  readonly prototype: object | null;
  /** `undefined` if it is no text. */
  readonly name: string | undefined;
}

/** The class of an error, as its prototype names it. */
export function classOf(error: Error): NamedClass {
  const prototype = Object.getPrototypeOf(error);
  const Class: unknown = prototype?.constructor;
  const name: unknown = typeof Class === "function" ? Class.name : undefined;
  return { Class, prototype, name: typeof name === "string" ? name : undefined };
}

/**
 * The `name` that an error must show where its class is that of the wire name `known`; `undefined` if it shows it by
 * itself.
 *
 * @param name The `name` that it has.
 * @param className What its class is called, if that is not known.
 */
export function shownName(name: unknown, known: string, className: string | undefined): unknown {
  if (name !== nameShownBy(known)) return name;
  // A subclass that sets no name of its own would arrive without any trace of its class.
  return className;
}

function nameShownBy(wireName: string): string | undefined {
  return known().classes.get(wireName)?.prototype?.name;
}

/** An error of the known class called `name`, made without running its constructor; `undefined` if none is known. */
export function makeError(name: string): Error | undefined {
  const found = known().classes.get(name);
  return found === undefined ? undefined : errorOf(found);
}

/** An error of a class, made without running its constructor. */
export function errorOf(Class: ErrorClass): Error {
  return Reflect.construct(Error, [], Class);
}
