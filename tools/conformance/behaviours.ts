// The behaviours that CPython's test suite asserts, and what this package makes of each: read from the files in
// tests/conformance/.
//
// ```text
// ## Barriers
//
// TestBarrier.test_abort: All others that wait fail, and the barrier stays broken.
//   shown by: the name of a test that does not cite it
//   adapted: what is another here, and asserted so
//   not offered: why
// ```
//
// A behaviour is also shown by every test whose name cites it.

const FOLDER = new URL("../../tests/conformance/", import.meta.url);
/** Files of behaviours, in the order of the document. */
const FILES = ["processes", "messages", "shared", "pools_and_managers"];

/** What one test of CPython asserts. */
export interface Behaviour {
  /** The class and the name of that test. */
  readonly name: string;
  readonly what: string;
  /** The heading that it stands under. */
  readonly group: string;
  /** Names of tests that show it, besides those that cite it. */
  readonly shownBy: readonly string[];
  readonly adapted?: string;
  readonly notOffered?: string;
}

/** All behaviours. */
export function readBehaviours(): Behaviour[] {
  return FILES.flatMap((name) => parseBehaviours(Deno.readTextFileSync(new URL(`${name}.txt`, FOLDER))));
}

/**
 * The behaviours of a text.
 *
 * @throws {SyntaxError} If a line is of no form that is known.
 */
export function parseBehaviours(text: string): Behaviour[] {
  type Draft = { -readonly [K in keyof Behaviour]: Behaviour[K] } & { shownBy: string[] };
  const behaviours: Draft[] = [];
  let group = "";
  for (const line of text.split("\n").filter((line) => line.trim() !== "")) {
    const { heading, name, what, key, value } = line.match(
      /^## (?<heading>.+)$|^(?<name>\w+\.test_\w+): (?<what>.+)$|^ {2}(?<key>shown by|adapted|not offered): (?<value>.+)$/,
    )?.groups ?? {};
    const last = behaviours.at(-1);
    if (heading !== undefined) group = heading;
    else if (name !== undefined) behaviours.push({ name, what, group, shownBy: [] });
    else if (key === undefined || last === undefined) throw new SyntaxError(`Cannot read the behaviour "${line}"`);
    else if (key === "shown by") last.shownBy.push(value);
    else last[key === "adapted" ? "adapted" : "notOffered"] = value;
  }
  return behaviours;
}
