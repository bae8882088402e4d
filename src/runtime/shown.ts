// Shows an object by its toString(): by `console.log` and `Deno.inspect`, by `node:util` and in JSON, which would otherwise
// show the fields of its class, among them views of memory that all processes share. There is one rule for all classes:
//
// | where | what is shown |
// | --- | --- |
// | `String(object)`, in JSON, without colours | the text |
// | with colours | the text, in the colour of what Deno shows in `<>` or `[]`, such as `<pending>` and `[class Queue]` |
// | a prototype | `<Queue.prototype>` |
// | an instance of a user's class that extends one of ours | the text, without the fields of that class |

/** What says by itself what it is. */
// deno-lint-ignore ban-types -- the only type that also holds classes with private constructors
type Described = Function & { prototype: { toString(): string } };

/** What of the options of Deno's and of Node's inspection is used here. */
interface Styling {
  stylize(text: string, style: "special"): string;
}

/** How many elements of an array are shown at most. */
const MOST_ELEMENTS = 32;

/** Has `console.log`, `node:util` and `JSON.stringify` show instances of a class, and of its subclasses, as text. */
export function showAsText(type: Described): void {
  const text = (it: object) => textOf(it, type.name);
  inspectAs(type.prototype, text);
  Object.defineProperty(type.prototype, "toJSON", {
    value(this: object): string {
      return text(this);
    },
    writable: true,
    configurable: true,
  });
}

/** Has `console.log` and `node:util` show what has that prototype as the text that `text` gives. */
export function inspectAs<T extends object>(prototype: T, text: (it: T) => string): void {
  // Deno's inspection and Node's agree in that options, if there are any, come second.
  function inspect(this: T, _first?: unknown, options?: unknown): string {
    return isStyling(options) ? options.stylize(text(this), "special") : text(this);
  }
  for (const key of [Symbol.for("Deno.customInspect"), Symbol.for("nodejs.util.inspect.custom")]) {
    Object.defineProperty(prototype, key, { value: inspect, writable: true, configurable: true });
  }
}

function isStyling(options: unknown): options is Styling {
  return typeof (options as Partial<Styling> | null | undefined)?.stylize === "function";
}

function textOf(shown: object, name: string): string {
  const named = shown.constructor?.name || name;
  if (Object.hasOwn(shown, "constructor")) return `<${named}.prototype>`;
  try {
    return shown.toString();
  } catch {
    return `<${named}(no instance)>`; // it only inherits from the class, or the user's own `toString` fails
  }
}

/** A value inside of the text of an object: in one line, and without colours. */
export function shownValue(value: unknown): string {
  return Deno.inspect(value, { breakLength: Infinity, compact: true, iterableLimit: MOST_ELEMENTS, colors: false });
}
