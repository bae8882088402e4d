// What the benchmark makes of its results: ratios and verdicts, the documents, the pictures, the page.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { DOCUMENTS, pictures, withBlocks } from "../../bench/report/documents.ts";
import { inOneLine, withoutPlaces } from "../../bench/machine.ts";
import { page } from "../../bench/report/page.ts";
import {
  type CaseResult,
  isReached,
  ratiosTo,
  readResults,
  type Results,
  spreadOf,
  startOfBin,
  textOf,
} from "../../bench/results.ts";
import { othersTable } from "../../bench/table.ts";

const ROOT = new URL("../../", import.meta.url);
const results = readResults(new URL("bench/results.json", ROOT));

function row(target: CaseResult["target"], runs: CaseResult["runs"]): CaseResult {
  return { work: "a case", group: "queues", unit: "ns", target, runs };
}

Deno.test("results: a ratio is of two runs beside each other, and the target counts its median and its worst", () => {
  const runs = { ours: [10, 20, 90], CPython: [100, 100, 100], floor: [10, 10, 10] };
  assertEquals(ratiosTo("CPython", row(null, runs)), [0.1, 0.2, 0.9]);
  assertEquals(isReached(row(null, runs)), null);
  assertEquals(isReached(row({ ratio: 0.2, to: "CPython" }, runs)), true);
  assertEquals(isReached(row({ ratio: 0.19, to: "CPython" }, runs)), false);
  assertEquals(isReached(row({ ratio: 0.2, to: "CPython", worst: 0.8 }, runs)), false);
  assertEquals(isReached(row({ over: 10, to: "floor" }, runs)), true);
  assertEquals(isReached(row({ over: 9, to: "floor" }, runs)), false);
  assertEquals(isReached(row({ most: 20 }, runs)), true);
  assertEquals(isReached(row({ ratio: 1, to: "floor" }, { ours: [1] })), null);
});

Deno.test("results: what a case is compared with besides has a row of its own, of runs beside each other", () => {
  const runs = { ours: [10, 20, 90], CPython: [100, 100, 100], floor: [1, 1, 1], JSON: [5, 40], "a pool": [] };
  const [head, , ...rows] = othersTable([row(null, runs), row(null, { ours: [1], CPython: [1] })]).split("\n");
  assertEquals(head.split(/ *\| */).slice(1, -1), ["case", "beside", "ours", "theirs", "ours / theirs", "worst run"]);
  assertEquals(rows.map((line) => line.split(/ *\| */).slice(1, -1)), [
    ["a case", "JSON", "20.0 ns", "22.5 ns", "1.250", "2.000"],
  ]);
  assertEquals(othersTable([row(null, { ours: [1], CPython: [1] })]), "");
});

Deno.test("results: times are in the bin that begins before them", () => {
  const spread = spreadOf("ours", [1_000, 2_000, 2_000, 900_000]);
  assertEquals([spread.count, spread.p50, spread.most], [4, 2_000, 900_000]);
  assertEquals(spread.bins.map(([, count]) => count), [1, 2, 1]);
  for (const [bin] of spread.bins) {
    assert([1_000, 2_000, 900_000].some((it) => startOfBin(bin) <= it * 1.0001 && it < startOfBin(bin + 1)));
  }
});

Deno.test("results: their text is what was written", () => {
  assertEquals(JSON.parse(textOf(results)), JSON.parse(JSON.stringify(results)));
});

Deno.test("results: a failure is one line with its reason, and says nothing of where things are on this machine", () => {
  const folder = ROOT.pathname;
  const said =
    `Pool, piscina: Cannot run "${Deno.execPath()} run ${folder}bench/a.ts": exit code 1\n\n  \x1b[31merror\x1b[0m: no\n  at b`;
  assertEquals(inOneLine(said), 'Pool, piscina: Cannot run "deno run bench/a.ts": exit code 1 error: no');
  assertEquals(withoutPlaces(`Python 3 (${Deno.env.get("HOME")}/bin/python3)`), "Python 3 (~/bin/python3)");
  assertEquals(withoutPlaces(textOf(results)), textOf(results));
});

Deno.test("documents: their figures are those of bench/results.json", () => {
  for (const path of DOCUMENTS) {
    const text = Deno.readTextFileSync(new URL(path, ROOT));
    assertEquals(text, withBlocks(path, text, results), `${path}: run "deno task figures"`);
  }
  assertThrows(() => withBlocks("README.md", "no marks", results), Error, "Cannot write the figures into README.md");
});

Deno.test("documents: their pictures are those of bench/results.json, and each is shown", () => {
  const drawn = pictures(results);
  const shown = Deno.readTextFileSync(new URL("docs/performance.md", ROOT));
  const kept = [...Deno.readDirSync(new URL("docs/pictures/", ROOT))].map(({ name }) => name).sort();
  assertEquals(kept, [...drawn.keys()].sort());
  for (const [name, svg] of drawn) {
    assertEquals(
      Deno.readTextFileSync(new URL(`docs/pictures/${name}`, ROOT)),
      `${svg}\n`,
      `${name}: run "deno task figures"`,
    );
    assert(shown.includes(`(pictures/${name})`), `docs/performance.md does not show ${name}`);
  }
});

Deno.test("page: it needs nothing else, and has every case", () => {
  const html = page(results);
  assertEquals(
    [...html.matchAll(/<(?:script|link|img|iframe)\b|\b(?:src|href)="(?!#)[^"]*"|url\(|@import/g)].map(String),
    [],
  );
  for (const { work } of results.cases) {
    assert(html.includes(`>${work.replace(/[&<>"]/g, (it) => `&#${it.charCodeAt(0)};`)}<`), work);
  }
  for (const { title } of [...results.curves, ...results.distributions]) assert(html.includes(`>${title}</h3>`), title);
});

Deno.test("page: what was not measured is said, and nothing is drawn of nothing", () => {
  const empty: Results = { ...results, cases: [], curves: [], distributions: [], missing: ["Queue <fast>: it broke"] };
  const html = page(empty);
  assert(html.includes("<li>Queue &#60;fast&#62;: it broke</li>"));
  assert(!html.includes("<svg"));
  assertEquals(pictures(empty).size, 0);
});
