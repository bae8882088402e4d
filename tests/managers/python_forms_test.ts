// What a manager's server does as Python would, beside Python itself: which values are equal, in what order they are, and how
// they are written.

import { Decimal, dumps, float, FrozenSet, tuple, Uuid } from "@parallel/multiprocessing/pickle";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { identityOf, isEqual, KeyRing } from "../../src/python_managers/server/keys.ts";
import { sorted } from "../../src/python_managers/server/types/order.ts";
import { snakeCase } from "../../src/python_managers/server/types/registered.ts";
import { reprOf } from "../../src/python_managers/server/words.ts";
import { type Python, pythons } from "../support/python.ts";

const VALUES: readonly unknown[] = [
  ...[
    null,
    true,
    false,
    0,
    1,
    -1,
    2 ** 53,
    2n ** 70n,
    float(0),
    float(1),
    float(-0),
    float(2 ** 53),
    0.5,
    1e300,
    Infinity,
  ],
  ...["", "a", "it's", 'a "b"', "\n\t\\\0\x7f", "ü😀", new Uint8Array(), new Uint8Array([0, 39, 92, 127, 255])],
  ...[tuple(), tuple(1), tuple(float(1)), tuple(true, "a"), tuple(1, "a"), tuple(tuple(1), null)],
  ...[new FrozenSet(), new FrozenSet([1]), new FrozenSet([float(1)]), new FrozenSet(["a"])],
  ...[new Decimal("1.50"), new Uuid("12345678-1234-1234-1234-123456789abc")],
];
const LISTS: readonly (readonly unknown[])[] = [
  [3, float(1), true, 2n ** 70n, -0.5, 0],
  ["b", "a", "B", "", "ü", "\uffff", "😀"],
  [tuple(1, "b"), tuple(1, "a"), tuple(float(0), "z"), tuple()],
  [new Uint8Array([1, 2]), new Uint8Array([1]), new Uint8Array([255])],
];
const UNHASHABLE: readonly unknown[] = [[], [1], {}, new Map([[1, 2]]), new Set(), tuple([1])];

/** What Python prints for such values. */
async function said(python: Python, code: string, values: unknown): Promise<unknown> {
  const program = `import json, pickle, sys\nvalues = pickle.loads(bytes.fromhex(sys.argv[1]))\n${code}`;
  const args = ["-c", program, dumps(values).toHex()];
  const { stdout } = await new Deno.Command(python.path, { args, stderr: "inherit" }).output();
  return JSON.parse(new TextDecoder().decode(stdout));
}

for (const python of pythons.slice(-1)) {
  Deno.test("values are equal where they are in Python, and are written as there", async () => {
    const written = await said(python, "print(json.dumps([repr(it) for it in values]))", VALUES);
    const plain = VALUES.filter((it) => !(it instanceof Decimal || it instanceof Uuid));
    assertEquals(plain.map((it) => reprOf(it)), (written as string[]).slice(0, plain.length));
    const equal = await said(python, "print(json.dumps([[a == b for a in values] for b in values]))", VALUES);
    assertEquals(VALUES.map((one) => VALUES.map((other) => isEqual(other, one))), equal);
  });

  Deno.test("a key is found by whatever is equal to it in Python", async () => {
    const code = "print(json.dumps([[{a: 0}.get(b) is not None for a in values] for b in values]))";
    const found = VALUES.map((one) =>
      VALUES.map((other) => {
        const map = new Map<unknown, unknown>();
        map.set(new KeyRing(map).find(other), 0);
        const ring = KeyRing.of(map);
        ring.find(other);
        return map.has(ring.find(one)) || identityOf(one, true) === identityOf(other, true);
      })
    );
    assertEquals(found, await said(python, code, VALUES));
    for (const value of UNHASHABLE) assertThrows(() => new KeyRing(new Map()).find(value), Error, "unhashable type");
  });

  Deno.test("a list is sorted as Python sorts it", async () => {
    const order = await said(python, "print(json.dumps([[repr(it) for it in sorted(a)] for a in values]))", LISTS);
    assertEquals(LISTS.map((list) => sorted(list, false).map((it) => reprOf(it))), order);
    const reversed = await said(
      python,
      "print(json.dumps([[repr(it) for it in sorted(a, reverse=True)] for a in values]))",
      LISTS,
    );
    assertEquals(LISTS.map((list) => sorted(list, true).map((it) => reprOf(it))), reversed);
    assertThrows(() => sorted([1, "a"], false), Error, "'<' not supported between instances of");
    assertThrows(() => sorted([null, null], false), Error, "'<' not supported between instances of");
  });
}

Deno.test("names as Python would write them", () => {
  const names = { add: "add", addAll: "add_all", getHTTPResponse: "get_http_response", x2y: "x2y", size: "size" };
  for (const [name, snake] of Object.entries(names)) assertEquals(snakeCase(name), snake);
});

/** A value that has so many levels, with the level below ten times in each: few objects, that stand in countless places. */
function laughs(make: (items: unknown[]) => unknown): unknown {
  let value = make(["lol"]);
  for (let i = 0; i < 18; i++) value = make(Array(10).fill(value));
  return value;
}

const tupled = (items: unknown[]) => tuple(...items);
const asMap = (items: unknown[]) => new Map(items.map((item, i) => [i, item]));

for (const [name, make] of Object.entries({ lists: (items: unknown[]) => [...items], tuples: tupled, dicts: asMap })) {
  Deno.test(`nested ${name} that stand in countless places are written, and are not compared`, () => {
    const times = reprOf(laughs(make)).match(/lol/g)?.length ?? 0;
    assert(times > 1000 && times < 10_000, `${times} times`);
    assertThrows(() => isEqual(laughs(make), laughs(make)), Error, "too large to be compared");
  });
}

Deno.test("a key that stands in countless places is refused, and one that stands in a few is found", () => {
  const map = new Map<unknown, unknown>();
  assertThrows(() => KeyRing.of(map).find(laughs(tupled)), Error, "too large to be compared");
  const pair = (one: unknown) => tuple(one, one);
  map.set(KeyRing.of(map).find(pair(pair("a"))), 1);
  assertEquals(map.get(KeyRing.of(map).find(tuple(tuple("a", "a"), tuple("a", "a")))), 1);
});
