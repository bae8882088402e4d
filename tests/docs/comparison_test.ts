// docs/comparison.md: what its last column says of this package is shown by a test or a document that exists.

import { assert, assertEquals } from "@std/assert";
import { Document, ROOT } from "./markdown.ts";

const document = new Document("docs/comparison.md");
const sections = [...document.text.matchAll(/^## (.*)$/gm)].map(([, section]) => section);

/** What a cell of the last column may be, and what it claims. */
const CELL = /^(?:(no|yes)|\[[^\]]+\]\((\S+?)(?: "([^"]+)")?\))$/;

/** What is wrong with a link to a test, or `null`. */
function complaint(path: string, name: string | undefined): string | null {
  if (name === undefined) return path.startsWith("../tests/") ? "names no test" : null; // links_test.ts has the others
  const text = Deno.readTextFileSync(new URL(path, new URL(document.path, ROOT)));
  const isThere = ['"', "`"].some((quote) => {
    const at = text.indexOf(`${quote}${name}${quote}`);
    return at >= 0 && /\b(?:test|testUnless)\((?:\s*\{\s*name: |\s*\w+,)?\s*$/.test(text.slice(0, at));
  });
  return isThere ? null : `has no test "${name}"`;
}

Deno.test("comparison: each thing that this package does has a test of that name, or a document", () => {
  const complaints: string[] = [];
  let tests = 0;
  for (const section of sections) {
    for (const row of document.rows(section)) {
      const [whole, word, path, name] = row.at(-1)!.match(CELL) ?? [];
      assert(whole !== undefined, `${row[0]}: "${row.at(-1)}" is no link, and not "no"`);
      if (word !== undefined) continue;
      if (name !== undefined) tests++;
      const found = complaint(path, name);
      if (found !== null) complaints.push(`${row[0]}: ${path} ${found}`);
    }
  }
  assertEquals(complaints, []);
  assert(tests > 20, `only ${tests} tests`);
});

Deno.test("comparison: a link to a test that is not there is found", () => {
  assertEquals(complaint("../tests/docs/comparison_test.ts", "no such test"), 'has no test "no such test"');
  assertEquals(complaint("../tests/docs/comparison_test.ts", undefined), "names no test");
  assertEquals(
    complaint("../tests/docs/comparison_test.ts", "comparison: a link to a test that is not there is found"),
    null,
  );
});

Deno.test("comparison: each row says something of each package", () => {
  for (const section of sections) {
    for (const row of document.rows(section)) {
      assertEquals(row.length, 11, row[0]);
      assert(row.every((cell) => cell !== ""), `${section}: ${row[0]}`);
    }
  }
});

Deno.test("comparison: packages that the benchmark uses have the versions that it uses", () => {
  const { imports } = JSON.parse(Deno.readTextFileSync(new URL("deno.json", ROOT)));
  for (const name of ["piscina", "tinypool", "poolifier"]) {
    const version = imports[name].split("@").at(-1);
    assert(document.text.includes(`${name} ${version}`), `${name} is of version ${version}`);
  }
});
