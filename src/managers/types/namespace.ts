// Namespace, in the server: values by their names. Its proxies are in namespace_proxy.ts.

import { contentsOf } from "../local_line.ts";
import { Namespace } from "../namespace.ts";
import { containerType } from "./container.ts";
import { givenUp, kept } from "./contents.ts";
import { NAMESPACE_NAMES } from "./namespace_proxy.ts";
import { type Read, Versions } from "./versions.ts";

/** The object that proxies of a Namespace stand for. */
export class ServedNamespace {
  readonly #values = new Map<string, unknown>();
  readonly #versions = new Versions();

  constructor(init?: unknown) {
    if (init !== undefined) this.update(init);
  }

  get(name: unknown): unknown {
    return this.#values.get(required(name));
  }

  has(name: unknown): boolean {
    return this.#values.has(required(name));
  }

  set(name: unknown, value: unknown): void {
    const known = required(name);
    givenUp(this.#values.get(known));
    this.#values.set(known, kept(value));
    this.#versions.changed(known);
  }

  delete(name: unknown): boolean {
    const known = required(name);
    givenUp(this.#values.get(known));
    this.#versions.changed(known);
    return this.#values.delete(known);
  }

  update(attributes: unknown): void {
    const contents = contentsOf(attributes);
    if (typeof contents !== "object" || contents === null || Array.isArray(contents)) {
      throw new TypeError(
        `Cannot update the Namespace: ${Deno.inspect(contents)} was given, wanted an object with the attributes`,
      );
    }
    const entries = contents instanceof Map ? [...contents] : Object.entries(contents);
    for (const [name] of entries) required(name);
    for (const [name, value] of entries) this.set(name, value);
  }

  names(): string[] {
    return [...this.#values.keys()];
  }

  _read(name: unknown): Read {
    const known = required(name);
    return this.#versions.read(known, this.#values.get(known), this.#values.has(known));
  }

  _assign(name: unknown, version: unknown, value: unknown): Read | null {
    const known = required(name);
    if (!this.#versions.isCurrent(known, version, this.#values.get(known), this.#values.has(known))) {
      return this._read(known);
    }
    this.set(known, value);
    return null;
  }

  /** A copy of it, as far as the names go. */
  bare(): Namespace {
    return Namespace.of([...this.#values]);
  }

  drop(): void {
    this.#values.forEach(givenUp);
  }
}

function required(name: unknown): string {
  if (typeof name === "string") return name;
  throw new TypeError(`Cannot use ${Deno.inspect(name, { depth: 0 })} as the name of an attribute: wanted a string`);
}

/** The type of namespaces. */
export const NAMESPACE = containerType(
  "Namespace",
  NAMESPACE_NAMES,
  (init) => new ServedNamespace(init),
  (namespace) => namespace.bare(),
);
