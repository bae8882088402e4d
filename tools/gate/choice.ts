// A part of the gate: `deno task test -- WORD …`.
//
// A word is looked for in the names of the steps; where it is in none, in the paths of test files; where it is in none of
// those, in the names of tests. Each word adds to what is run. Capitals do not matter.

import { APART, cargoTest, denoTest, docTest, ROOT, type Step, steps } from "./steps.ts";

/** What there is to choose from. */
export interface Offer {
  readonly steps: readonly Step[];
  /** Paths and texts of the modules in `tests/`. */
  readonly tests: ReadonlyMap<string, string>;
  /** Paths of what has code in its documentation. */
  readonly documented: readonly string[];
  /** The texts of the native code. */
  readonly native: string;
}

/** The steps that the words choose. */
export function choose(words: readonly string[], offer: Offer): Step[] {
  const whole = new Set<Step>();
  const files = new Set<string>();
  const documents = new Set<string>();
  const named: Step[] = [];
  const testFiles = [...offer.tests.keys()].filter((path) => path.endsWith("_test.ts"));
  for (const word of words) {
    const has = (text: string) => text.toLowerCase().includes(word.toLowerCase());
    const found = {
      steps: offer.steps.filter(({ name }) => has(name)),
      files: testFiles.filter(has),
      documents: offer.documented.filter((path) => path === word || path.startsWith(`${word.replace(/\/$/, "")}/`)),
    };
    if (found.steps.length > 0) found.steps.forEach((step) => whole.add(step));
    else if (found.files.length + found.documents.length > 0) {
      found.files.forEach((file) => files.add(file));
      found.documents.forEach((document) => documents.add(document));
    } else named.push(...stepsOfName(word, testFiles, offer));
  }
  return [
    ...offer.steps.filter((step) => whole.has(step)),
    ...testsIn([...files], "deno test"),
    ...documents.size > 0 ? [docTest("deno test --doc, chosen", [...documents])] : [],
    ...named,
  ];
}

/** Deno's tests in the files, with the queues' in a step of their own. */
function testsIn(files: readonly string[], name: string, flags: readonly string[] = []): Step[] {
  const apart = files.filter((file) => file.startsWith(APART));
  const others = files.filter((file) => !file.startsWith(APART));
  return [
    ...others.length > 0 ? [denoTest(`${name}, ${count(others)}`, [...flags, ...others])] : [],
    ...apart.length > 0 ? [denoTest(`${name}, queues, ${count(apart)}`, [...flags, ...apart])] : [],
  ];
}

function count(files: readonly string[]): string {
  return files.length === 1 ? files[0] : `${files.length} files`;
}

/** The tests whose names contain the word. Where no text has it, a name may be put together from several: then all files
 * are asked. */
function stepsOfName(word: string, testFiles: readonly string[], { tests, native }: Offer): Step[] {
  const pattern = RegExp.escape(word);
  const isNative = new RegExp(`\\bfn \\w*${RegExp.escape(word.split("::").at(-1)!)}`, "i").test(native);
  const saying = testFiles.filter((file) => texts(file, tests).some((text) => new RegExp(pattern, "i").test(text)));
  const files = saying.length === 0 && !isNative ? testFiles : saying;
  const found = [
    ...testsIn(files, `deno test named "${word}"`, [`--filter=/(?i)${pattern}/`]),
    ...isNative ? [cargoTest(`cargo test named "${word}"`, [word])] : [],
  ];
  return found.map((step) => ({ ...step, word }));
}

/** The text of the test file, and of the modules of tests that it imports. */
function texts(file: string, tests: ReadonlyMap<string, string>): string[] {
  const seen = new Set([file]);
  for (const path of seen) {
    for (const [, specifier] of tests.get(path)!.matchAll(/"(\.{1,2}\/[^"]+\.ts)"/g)) {
      const imported = new URL(specifier, `file:///${path}`).pathname.slice(1);
      if (tests.has(imported)) seen.add(imported);
    }
  }
  return [...seen].map((path) => tests.get(path)!);
}

/** What this checkout has to choose from. */
export function offer(): Offer {
  const read = (folder: string, ending: string): [string, string][] =>
    [...Deno.readDirSync(new URL(`${folder}/`, ROOT))].flatMap(({ name, isDirectory }) => {
      const path = `${folder}/${name}`;
      if (isDirectory) return read(path, ending);
      return name.endsWith(ending) ? [[path, Deno.readTextFileSync(new URL(path, ROOT))]] : [];
    });
  return {
    steps: steps(),
    tests: new Map(read("tests", ".ts").sort()),
    documented: ["mod.ts", ...read("src", ".ts").map(([path]) => path)],
    native: read("native", ".rs").map(([, text]) => text).join("\n"),
  };
}
