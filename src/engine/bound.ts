// Classes and functions of the engine, bound to the session of a context: users give them what they give the local ones.

import type { Session } from "./session.ts";

/** A class whose constructor takes a session before what users give. */
// deno-lint-ignore no-explicit-any -- of any kind
type TakesSession = abstract new (...args: any[]) => object;

/**
 * A class of a context. What it makes are instances of `Class` itself, which travel; what a class that extends it makes are
 * instances of that.
 *
 * @param session The session, asked for at each call.
 * @param name What users call it.
 */
// deno-lint-ignore no-explicit-any -- a contract says what it is
export function boundClass(Class: TakesSession, session: () => Session, name: string): any {
  const Bound = function (...args: unknown[]): object {
    if (new.target === undefined) throw new TypeError(`Class constructor ${name} cannot be invoked without "new"`);
    // deno-lint-ignore no-explicit-any -- that of a class that extends this one, or of this one
    const target = new.target as any;
    return Reflect.construct(Class, [session(), ...args], target === Bound ? Class : target);
  };
  Bound.prototype = Class.prototype;
  Object.setPrototypeOf(Bound, Class);
  Object.defineProperty(Bound, "name", { value: name, configurable: true });
  return Bound;
}
