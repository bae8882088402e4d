// What the types of containers have in common: dict, list, set and Namespace.

import type { ServedType } from "../objects.ts";

/** What is different between them. `bare` gives an object's contents: what other objects of the server get for a proxy. */
export function containerType<T extends { drop(): void }>(
  typeid: string,
  exposed: readonly string[],
  make: (...args: unknown[]) => T,
  bare: (object: T) => unknown,
): ServedType {
  return {
    typeid,
    make,
    exposed,
    methodToTypeid: {},
    concurrency: Infinity,
    keepsProxies: true,
    isDirect: false,
    referent: bare as (value: never) => unknown,
    copy: bare as (value: never) => unknown,
    drop: (object: T) => object.drop(),
  };
}

/** Between a proxy's class and its object: what {@linkcode modify} of modify.ts asks for. */
export const READ = "_read";
/** As {@linkcode READ}. */
export const ASSIGN = "_assign";
