// Makes text of other processes, such as their names, harmless before it is in a message. A terminal obeys control
// characters, so a name could hide or fake lines, or have the terminal type.

/** Longer names are cut. */
const LONGEST_NAME = 200;
/** As are longer texts … */
const LONGEST_QUOTED = 80;
/** … and values whose printed form is longer. */
const LONGEST_GLANCE = 400;

/** Control characters, marks and overrides of direction, separators of lines and paragraphs. */
// deno-lint-ignore no-control-regex -- those are meant
const STEERING = /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** A text with nothing in it that steers a terminal; lines stay lines if it is `multiline`. */
export function harmless(text: string, { multiline = false } = {}): string {
  return text.replace(STEERING, (character) => {
    if (multiline && (character === "\n" || character === "\t")) return character;
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** The name of a process, for a message. */
export function shownName(name: string): string {
  return harmless(name.length > LONGEST_NAME ? `${beginning(name, LONGEST_NAME)}…` : name);
}

/** A text, for a message: between quotes, and cut. */
export function quoted(text: string): string {
  return harmless(JSON.stringify(text.length <= LONGEST_QUOTED ? text : `${beginning(text, LONGEST_QUOTED)}…`));
}

/**
 * Describes a value at a glance, for a message. Its parts are left out: those of a value that others have sent might
 * have no end.
 */
export function glance(value: unknown): string {
  const shown = inspected(value, { depth: 0, iterableLimit: 10, strAbbreviateSize: LONGEST_QUOTED, compact: true });
  const text = shown.length <= LONGEST_GLANCE ? shown : `${beginning(shown, LONGEST_GLANCE)}…`;
  return harmless(text, { multiline: true });
}

/** The printed form of anything: what a value does to be printed may throw, and a proxy that was revoked has none. */
export function inspected(value: unknown, options: Deno.InspectOptions): string {
  try {
    return Deno.inspect(value, options);
  } catch {
    try {
      return Object.prototype.toString.call(value);
    } catch {
      return `[${typeof value}]`;
    }
  }
}

/** Describes a value in one line, for a message: its printed form, cut. What it does to be printed may throw. */
export function inOneLine(value: unknown): string {
  const options = {
    depth: 1,
    iterableLimit: 10,
    strAbbreviateSize: LONGEST_QUOTED,
    compact: true,
    breakLength: Infinity,
  };
  let shown: string;
  try {
    shown = Deno.inspect(value, { ...options, colors: false });
  } catch {
    shown = `[${typeof value}]`;
  }
  return cut(harmless(shown.replace(/\s*\n\s*/g, " ")));
}

/** A text that is no longer than may be quoted. */
export function cut(text: string): string {
  return text.length <= LONGEST_QUOTED ? text : `${beginning(text, LONGEST_QUOTED - 1)}…`;
}

/** The first letters of a text, of which there are more: so many, or one less, since half a letter is none. */
function beginning(text: string, length: number): string {
  return text.slice(0, length).replace(/[\ud800-\udbff]$/, "");
}
