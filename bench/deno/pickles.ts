// Pickles: a small object, 1000 rows, 1 MiB of float64, out and in; the same as JSON with "JSON" behind the variant.

import { dumps, loads } from "@parallel/multiprocessing/pickle";
import { iterations, report, timeOf, variant } from "./start_line.ts";

const row = (i: number) => ({
  id: i,
  name: `user ${i}`,
  email: `user${i}@example.org`,
  score: i / 3,
  active: i % 2 === 0,
  tags: ["x", "y"],
  count: 1000 * i,
  note: null,
});

const VALUES = {
  small: () => ({ id: 17, name: "Ada Lovelace", ok: true, score: 2.5, tags: ["a", "b", "c"] }),
  rows: () => Array.from({ length: 1000 }, (_, i) => row(i)),
  floats: () => new Float64Array(2 ** 17).map((_, i) => i / 7),
};

/** What is timed, over a value and what it is as a pickle, or as JSON. */
function work(value: unknown, isIn: boolean, isJson: boolean): () => unknown {
  if (!isJson) {
    const pickle = dumps(value);
    return isIn ? () => loads(pickle) : () => dumps(value);
  }
  // JSON has no typed arrays: numbers go out, and come in as they are to be used.
  const isFloats = value instanceof Float64Array;
  const out = isFloats ? () => JSON.stringify(Array.from(value)) : () => JSON.stringify(value);
  const text = out();
  const read = isFloats ? () => new Float64Array(JSON.parse(text)) : () => JSON.parse(text);
  return isIn ? read : out;
}

if (import.meta.main) {
  const known = Object.keys(VALUES).flatMap((name) => [`${name} out`, `${name} in`]);
  const wanted = variant(Object.fromEntries(known.map((name) => [name, null])));
  const [name, way] = wanted.split(" ") as [keyof typeof VALUES, string];
  const act = work(VALUES[name](), way === "in", Deno.args[2] === "JSON");
  const n = iterations();
  for (let i = 0; i < n / 10; i++) act();
  report(
    "pickles",
    timeOf(() => {
      for (let i = 0; i < n; i++) act();
    }) / n,
  );
}
