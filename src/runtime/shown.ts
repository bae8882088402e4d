// Shows an object by its toString(). Without this, `console.log` and `JSON.stringify` show the fields of the class,
// among them views of memory that all processes share.

/** What says by itself what it is. */
// deno-lint-ignore ban-types -- the only type that also holds classes with private constructors
type Described = Function & { prototype: { toString(): string } };

/** Has `console.log`, `node:util` and `JSON.stringify` show instances of a class, and of its subclasses, as text. */
export function showAsText(type: Described): void {
  function text(this: object): string {
    return textOf(this, type.name);
  }
  for (const key of [Symbol.for("Deno.customInspect"), Symbol.for("nodejs.util.inspect.custom"), "toJSON"]) {
    Object.defineProperty(type.prototype, key, { value: text, writable: true, configurable: true });
  }
}

function textOf(shown: object, name: string): string {
  try {
    return shown.toString();
  } catch {
    // It is closed, or no instance at all: the prototype of the class, or what only inherits from it.
    return `<${shown.constructor?.name ?? name}(closed)>`;
  }
}
