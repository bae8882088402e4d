// What each class of managers has registered, with what it inherits.

import { type Registration, registrationOf } from "./registrations.ts";

/** What each class of managers has registered itself. */
const registries = new WeakMap<object, Map<string, Registration>>();

/** The registrations of a class: its own, and those of the classes it extends. */
export function registrationsOf(Class: object): Map<string, Registration> {
  const all: Map<string, Registration>[] = [];
  for (let it: object | null = Class; it !== null; it = Object.getPrototypeOf(it)) {
    all.unshift(registries.get(it) ?? new Map());
  }
  return new Map(all.flatMap((own) => [...own]));
}

/** Notes what a class registers itself. */
export function noteRegistrations(Class: object, registrations: readonly Registration[]): void {
  const own = registries.get(Class) ?? new Map<string, Registration>();
  registries.set(Class, own);
  for (const registration of registrations) own.set(registration.typeid, registration);
}

/** Notes types of the package's own for a class. */
export function registerBuiltIn(Class: object, typeids: readonly string[]): void {
  noteRegistrations(Class, typeids.map((typeid) => ({ ...registrationOf(typeid, null), isBuiltIn: true })));
}
