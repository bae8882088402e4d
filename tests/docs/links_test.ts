// Links between the documents: the files and headings that they name exist.

import { assert } from "@std/assert";
import { Document, documentPaths, ROOT } from "./markdown.ts";

const documents = new Map(documentPaths().map((path) => [path, new Document(path)]));

Deno.test("documents: every link leads to a file, and to a heading in it", () => {
  for (const [path, document] of documents) {
    for (const { target, line } of document.links) {
      if (/^[a-z]+:/.test(target)) continue;
      const where = `${path}:${line}: ${target}`;
      const [file, anchor] = target.split("#");
      const url = new URL(file, new URL(path, ROOT));
      if (file === "") url.href = new URL(path, ROOT).href;
      assert(url.href.startsWith(ROOT.href) && isThere(url), `${where} names no file`);
      if (anchor === undefined) continue;
      const other = documents.get(url.href.slice(ROOT.href.length));
      if (other === undefined) throw new Error(`${where} names a heading of what is no document`);
      assert(other.anchors.has(anchor), `${where} names no heading: there are ${[...other.anchors].join(", ")}`);
    }
  }
});

Deno.test("documents: the README leads to every page of docs/", () => {
  const reached = new Set(["README.md"]);
  for (const path of reached) {
    for (const { target } of documents.get(path)?.links ?? []) {
      const file = target.split("#")[0];
      if (/^[a-z]+:/.test(target) || file === "") continue;
      reached.add(new URL(file, new URL(path, ROOT)).href.slice(ROOT.href.length));
    }
  }
  const lost = [...documents.keys()].filter((path) => path.startsWith("docs/"))
    .filter((path) => !reached.has(path) && !isFolderReached(path, reached));
  assert(lost.length === 0, `nothing leads to ${lost.join(", ")}`);
});

/** Whether something leads to a folder that the document is in. */
function isFolderReached(path: string, reached: ReadonlySet<string>): boolean {
  return [...reached].some((other) => other.endsWith("/") && path.startsWith(other));
}

function isThere(url: URL): boolean {
  try {
    Deno.statSync(url);
    return true;
  } catch {
    return false;
  }
}
