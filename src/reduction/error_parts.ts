/**
 * The parts of an error that travel: its class, as far as the receiver can know it, and some of its properties.
 *
 * @module
 */
import { RemoteError } from "../errors.ts";
import { classOf, isKnownClass, nearestClass, shownName } from "./error_classes.ts";
import { classReference } from "./error_reference.ts";

/** Properties that the language makes and that are not enumerable, in the order in which they are written. */
const INSTALLED = ["cause", "errors", "error", "suppressed"] as const;
/** What travels otherwise than by its name. */
const APART: ReadonlySet<string> = new Set([...INSTALLED, "name", "message", "stack"]);

/** What travels of an error that is no DOMException. */
export interface ErrorParts {
  /** Where its class is exported; `null` if nobody is seen to. */
  readonly reference: ReturnType<typeof classReference>;
  /** The wire name of the nearest class that every process knows. */
  readonly known: string;
  /** The `name` that it is to show if it arrives as that; empty if it does by itself. */
  readonly shown: string;
  readonly stack: string | undefined;
  readonly properties: readonly Property[];
}

/** The parts of an error. Each of its properties is asked for once: a getter may count, or say something else each time. */
export function partsOf(error: Error): ErrorParts {
  const stack = stackOf(error);
  const name: unknown = error.name;
  const known = nearestClass(error);
  const Class = isKnownClass(error) ? null : classOf(error);
  const reference = Class === null ? null : classReference(Class, stack);
  const shown = shownName(name, known, Class?.name);
  const properties = propertiesOf(error);
  if (reference === null && shown !== undefined) properties.unshift(["name", shown]);
  else if (reference !== null && Object.hasOwn(error, "name")) properties.unshift(["name", name]);
  return { reference, known, shown: textOf(shown), stack, properties: properties.filter(isToBeTold) };
}

/** The stack, if it is text: `Error.prepareStackTrace` may have made anything of it. */
export function stackOf({ stack }: Error): string | undefined {
  return typeof stack === "string" ? stack : undefined;
}

/** The text of an error that others see, even where its class makes something else of it. */
export function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** A property by name, with its value. */
export type Property = readonly [key: string, value: unknown];

/** The properties that travel, some of which {@linkcode isToBeTold} leaves out; `name` is not among them. */
function propertiesOf(error: Error): Property[] {
  const properties: Property[] = [];
  const message: unknown = error.message;
  if (message !== "") properties.push(["message", message]);
  for (const key of INSTALLED) {
    if (Object.hasOwn(error, key)) properties.push([key, Reflect.get(error, key)]);
  }
  // What it hides from being printed.
  if (error instanceof RemoteError) properties.push(["remote", Reflect.get(error, "remote")]);
  return [...properties, ...ownPropertiesOf(error)];
}

/** The properties that travel, without those that the language makes. */
export function ownPropertiesOf(error: Error): Property[] {
  const keys = Object.keys(error).filter((key) => !APART.has(key));
  return keys.map((key): Property => [key, Reflect.get(error, key)]).filter(isToBeTold);
}

/**
 * Whether a property travels. Functions and symbols are left out: they are no part of what the error tells, and an error
 * that cannot be told is worse than one without its methods. A cause is what it is about, so it travels or is refused.
 */
function isToBeTold([key, value]: Property): boolean {
  return key === "cause" || (typeof value !== "function" && typeof value !== "symbol");
}
