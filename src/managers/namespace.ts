// What a Namespace's copy is: an object with its attributes.

import { register } from "../reduction/registry.ts";
import { inspectAs, shownValue } from "../runtime/shown.ts";

/**
 * Names with values: the copy that `getvalue` of a {@linkcode NamespaceProxy} gives. Shown without the names that begin
 * with `_`. As `multiprocessing.managers.Namespace`.
 *
 * @example
 * ```ts
 * import { Namespace } from "@parallel/multiprocessing/managers";
 * import { assertEquals } from "@std/assert";
 *
 * const namespace = new Namespace({ y: "two", x: 1, _hidden: true });
 * assertEquals(String(namespace), 'Namespace(x=1, y="two")');
 * assertEquals(Object.keys(namespace), ["y", "x", "_hidden"]);
 * ```
 */
export class Namespace {
  static {
    // Not by `toString`, which may be the name of an attribute.
    inspectAs(Namespace.prototype, textOf);
    register(Namespace, {
      name: "multiprocessing.managers.Namespace",
      reduce: (namespace: Namespace) => Object.entries(namespace),
      restore: (entries) => Namespace.of(entries),
    });
  }

  /** `attributes`: names and their values. */
  constructor(attributes: object = {}) {
    for (const [name, value] of Object.entries(attributes)) define(this, name, value);
  }

  /** @ignore From the entries in a message. */
  static of(entries: unknown): Namespace {
    const namespace = new Namespace();
    if (!Array.isArray(entries)) throw new RangeError("Cannot restore a Namespace: its description is malformed");
    for (const entry of entries) {
      if (!Array.isArray(entry) || typeof entry[0] !== "string") {
        throw new RangeError("Cannot restore a Namespace: its description is malformed");
      }
      define(namespace, entry[0], entry[1]);
    }
    return namespace;
  }

  /** Such as `Namespace(x=1, y="two")`: the names in their order, without those that begin with `_`. */
  toString(): string {
    return textOf(this);
  }
}

function textOf(namespace: Namespace): string {
  const shown = Object.keys(namespace).filter((name) => !name.startsWith("_")).sort()
    .map((name) => `${name}=${shownValue(Reflect.get(namespace, name))}`);
  return `Namespace(${shown.join(", ")})`;
}

/** An own property, whatever it is called: `__proto__` and `toString` are names as any other. */
function define(namespace: Namespace, name: string, value: unknown): void {
  Object.defineProperty(namespace, name, { value, writable: true, enumerable: true, configurable: true });
}
