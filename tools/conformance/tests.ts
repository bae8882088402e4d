// The tests that there are, in TypeScript and in Rust: their names, where they are written, and which start method each is
// for.

import type { Recorded, Recording } from "./recorder.ts";

const ROOT = new URL("../../", import.meta.url);

/** A test. */
export interface Test {
  /** Its name, without the start method. */
  readonly title: string;
  /** The file that the name is written in, from the root. */
  readonly file: string;
  /** The start method it is for; `null` if it names none. */
  readonly method: "spawn" | "forkserver" | null;
  /** The tests of CPython that it cites. */
  readonly cites: readonly string[];
}

/** All tests, each name once for each start method. */
export async function allTests(): Promise<Test[]> {
  // Those of engines have the tests of others done once more, with another context: those are read first.
  const isLast = (path: string) => Number(path.startsWith("tests/engine/"));
  const paths = filesOf("tests/", "_test.ts").toSorted((a, b) => isLast(a) - isLast(b));
  const files = paths.map((path) => new URL(path, ROOT).href);
  const { tests, failed } = await recorded(files);
  // Some files cannot be in one program with others: they set what the package sets.
  const alone = failed.length === 0 ? { tests: [], failed: [] } : await recorded(failed);
  if (alone.failed.length > 0) throw new Error(`Cannot import the tests of ${alone.failed.join(", ")}`);
  const all = [...tests, ...alone.tests].map(testOf);
  const unique = new Map([...all, ...rustTests()].map((test) => [`${test.title}\n${test.method}`, test]));
  return [...unique.values()];
}

async function recorded(files: readonly string[]): Promise<Recording> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--quiet", new URL("recorder.ts", import.meta.url).href, ...files],
    cwd: ROOT,
  }).output();
  const decoder = new TextDecoder();
  if (code !== 0) throw new Error(`Cannot tell which tests there are: ${decoder.decode(stderr)}`);
  return JSON.parse(decoder.decode(stdout));
}

/** What a test is that was registered so. */
function testOf({ name, file, frames }: Recorded): Test {
  const suffix = name.match(/ \((spawn|forkserver)\)$/);
  const method = suffix?.[1] ?? name.match(/\b(spawn|forkserver)\b(?!_)/)?.[1] ??
    file.match(/\b(spawn|forkserver)_test\.ts$/)?.[1];
  const title = suffix === null ? name : name.slice(0, suffix.index);
  const cites = citationsOf(title);
  return {
    title,
    file: writtenIn(title, cites, frames).slice(ROOT.href.length),
    method: (method ?? null) as Test["method"],
    cites,
  };
}

/** The tests of CPython that a name cites: `TestBarrier.test_abort, test_reset: …` cites two of one class. */
export function citationsOf(title: string): string[] {
  const cites: string[] = [];
  let owner = "";
  for (const match of title.matchAll(/(?:\b([A-Z]\w+)\.)?\b(test_\w+)/g)) {
    owner = match[1] ?? owner;
    if (owner !== "") cites.push(`${owner}.${match[2]}`);
  }
  return cites;
}

const texts = new Map<string, string>();

/** The innermost file whose text has what the name begins with, or the test that it cites. */
function writtenIn(title: string, cites: readonly string[], frames: readonly string[]): string {
  const marks = [cites[0] ?? title.slice(0, 16), cites[0]?.split(".")[1] ?? title.slice(0, 8)];
  for (const mark of marks) {
    const found = frames.find((url) => textOf(url).includes(mark));
    if (found !== undefined) return found;
  }
  return frames[0];
}

function textOf(url: string): string {
  let text = texts.get(url);
  if (text === undefined) texts.set(url, text = Deno.readTextFileSync(new URL(url)));
  return text;
}

/** Tests of the native code whose documentation cites a test of CPython. */
function rustTests(): Test[] {
  return filesOf("native/", ".rs").flatMap((file) => {
    const text = Deno.readTextFileSync(new URL(file, ROOT));
    const cited = text.matchAll(/^\/\/\/ `(\w+\.test_\w+)`(?:[^\n]*\n\/\/\/)*[^\n]*\n#\[test\]\nfn (\w+)/gm);
    return Array.from(cited, ([, name, title]) => ({ title, file, method: null, cites: [name] }));
  });
}

function filesOf(folder: string, ending: string): string[] {
  return [...Deno.readDirSync(new URL(folder, ROOT))].flatMap(({ name, isDirectory }) => {
    if (isDirectory) return filesOf(`${folder}${name}/`, ending);
    return name.endsWith(ending) ? [`${folder}${name}`] : [];
  }).sort();
}
