// Pickles that every CPython of this machine has written are read as what Python says that they are; and what was read is
// written again, and is for Python what it was. Of numpy's arrays as well, where a CPython has numpy.

import { assert, assertEquals } from "@std/assert";
import { dumps, loads, type LoadsOptions } from "../../src/pickle.ts";
import { picklers, type Python } from "../support/python.ts";
import { Describer } from "../support/pickles.ts";

const CORPUS = new URL("../fixtures/pickle/corpus.py", import.meta.url).pathname;
/** Nothing that can be kept apart is lost. */
const KEPT: LoadsOptions = { tuples: "tuple", floats: "keep", unknown: "object" };
const GENERATED = 100;
/** Complaints that are told. */
const MOST_TOLD = 5;

/** A pickle, and what Python says of it. */
interface Line {
  readonly name: string;
  readonly pickle: string;
  readonly says: unknown;
}

async function run(python: Python, args: readonly string[], input: string): Promise<string> {
  const child = new Deno.Command(python.path, { args: ["-B", CORPUS, ...args], stdin: "piped", stdout: "piped" })
    .spawn();
  const writer = child.stdin.getWriter();
  const written = writer.write(new TextEncoder().encode(input)).then(() => writer.close());
  const [{ success, stdout }] = await Promise.all([child.output(), written]);
  assert(success, `CPython ${python.version.join(".")} failed`);
  return new TextDecoder().decode(stdout);
}

function linesOf(text: string): Line[] {
  return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
}

/** What is wrong with what was read of a pickle, or nothing. */
function complaintOf({ name, says }: Line, value: unknown): string[] {
  const said = JSON.stringify(new Describer().of(value));
  const wanted = JSON.stringify(says);
  return said === wanted ? [] : [`${name}: ${said.slice(0, 600)}, wanted ${wanted.slice(0, 600)}`];
}

for (const python of picklers) {
  const version = python.version.join(".");
  // Another seed each, the same each time.
  const args = [`${python.version[1]}`, `${GENERATED}`];

  Deno.test(`pickles of CPython ${version} are read, and read by it when they are sent back`, async () => {
    const lines = linesOf(await run(python, ["write", ...args], ""));
    assert(lines.length > 500, `${lines.length} pickles`);
    const complaints: string[] = [];
    const back: string[] = [];
    for (const line of lines) {
      const value = loads(Uint8Array.fromBase64(line.pickle), KEPT);
      complaints.push(...complaintOf(line, value));
      for (const protocol of [4, 5] as const) {
        const pickle = dumps(value, { protocol });
        back.push(JSON.stringify({ name: line.name, pickle: pickle.toBase64() }));
      }
    }
    assertEquals(complaints.slice(0, MOST_TOLD), []);
    const verdict = (await run(python, ["check", ...args], `${back.join("\n")}\n`)).trim().split("\n");
    assertEquals(verdict.slice(0, MOST_TOLD), [`${back.length} checked, 0 wrong`]);
  });
}
