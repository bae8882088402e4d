// Values between Deno and Python, by the format of the tree's messages: what is written on one side and read on the other,
// and messages that are none. With the oldest CPython and the newest.

import { assert, assertEquals, assertMatch, assertStrictEquals } from "@std/assert";
import { Empty, EOFError } from "@parallel/multiprocessing";
import { dumps, loads, register } from "@parallel/multiprocessing/reduction";
import { pythonWithNumpy } from "../support/numpy.ts";
import { endpoints } from "../support/python_process.ts";

const VALUES = new URL("../fixtures/python/values/values.py", import.meta.url).pathname;

class Point {
  constructor(readonly x: unknown, readonly y: unknown) {}
}
register(Point, { name: "tests.Point", reduce: ({ x, y }) => [x, y], restore: ([x, y]) => new Point(x, y) });

async function run(path: string, args: readonly string[], messages: readonly Uint8Array[] = []): Promise<unknown[][]> {
  const child = new Deno.Command(path, { args: ["-B", VALUES, ...args], stdin: "piped", stdout: "piped" }).spawn();
  const writer = child.stdin.getWriter();
  const lines = messages.map((message) => `${message.toBase64()}\n`).join("");
  const written = writer.write(new TextEncoder().encode(lines)).then(() => writer.close());
  const [{ success, stdout }] = await Promise.all([child.output(), written]);
  assert(success, `${path} failed`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

const shared = { a: [1] };
const ring: unknown[] = [1];
ring.push({ itself: ring, map: new Map<unknown, unknown>([[1, ring]]) });
const holes: number[] = [];
holes[2] = 7;
const caused = new TypeError("outer", { cause: new RangeError("inner") });
const deep = () => {
  let value: unknown[] = [];
  for (let i = 0; i < 998; i++) value = [value];
  return value;
};

/** What is sent, what Python says of it, and what comes back, if that is something else. */
const TO_PYTHON: readonly (readonly [value: unknown, says: string, back?: unknown])[] = [
  [null, "NoneType(None)"],
  [undefined, "NoneType(None)", null],
  [[true, false], "list(bool(True), bool(False))"],
  [
    [0, -1, 300, -70_000, 2 ** 32 - 1, 2 ** 40, -(2 ** 53) + 1],
    "list(int(0), int(-1), int(300), int(-70000), " +
    "int(4294967295), int(1099511627776), int(-9007199254740991))",
  ],
  [[0.5, -0, 2 ** 60], "list(float(0.5), float(-0.0), float(1.152921504606847e+18))"],
  [[NaN, Infinity], "list(float(nan), float(inf))"],
  [
    [5n, -(2n ** 63n), 2n ** 64n, -(2n ** 100n)],
    "list(int(5), int(-9223372036854775808), int(18446744073709551616), " +
    "int(-1267650600228229401496703205376))",
    [5, -(2n ** 63n), 2n ** 64n, -(2n ** 100n)],
  ],
  [["", "é", "\ud800x"], "list(str(''), str('\\xe9'), str('\\ud800x'))"],
  [new Uint8Array([1, 255]), "bytes(b'\\x01\\xff')"],
  [new Uint8Array([1, 2]).buffer, "bytes(b'\\x01\\x02')", new Uint8Array([1, 2])],
  [{ b: 1, a: { c: [] } }, "dict(str('b'): int(1), str('a'): dict(str('c'): list()))"],
  [JSON.parse('{"__proto__": 1}'), "dict(str('__proto__'): int(1))"],
  [
    new Map<unknown, unknown>([[1, "a"], [[1, [2]], "b"]]),
    "dict(int(1): str('a'), tuple(int(1), tuple(int(2))): str('b'))",
  ],
  [new Map([["a", 1]]), "dict(str('a'): int(1))", { a: 1 }],
  [new Set<unknown>([1, [2], new Set([3])]), "set(frozenset(int(3)), int(1), tuple(int(2)))"],
  [new Date(1500), "datetime(datetime.datetime(1970, 1, 1, 0, 0, 1, 500000, tzinfo=datetime.timezone.utc))"],
  [/a+/gi, "RegExp(RegExp('a+', 'gi'))"],
  [Object("boxed"), "str('boxed')", "boxed"],
  [holes, "list(NoneType(None), NoneType(None), int(7))", [null, null, 7]],
  ["match".match(/(at)/), "list(str('at'), str('at'))", ["at", "at"]],
  [
    Array.from({ length: 9 }, (_, n) => ({ name: "x", size: n, kind: null })),
    `list(${
      Array.from(
        { length: 9 },
        (_, n) => `dict(str('name'): str('x'), str('size'): int(${n}), str('kind'): NoneType(None))`,
      )
        .join(", ")
    })`,
  ],
  [new RangeError("no"), "ValueErrortuple(str('no'))"],
  [new Error("no"), "RuntimeErrortuple(str('no'))"],
  [new Empty("none"), "Emptytuple(str('none'))"],
  [new EOFError("end"), "EOFErrortuple(str('end'))"],
  [new Deno.errors.NotFound("gone"), "FileNotFoundErrortuple(str('gone'))"],
  [new DOMException("stop", "AbortError"), "RuntimeErrortuple(str('stop'))"],
  [caused, "TypeErrortuple(str('outer')) from ValueErrortuple(str('inner'))"],
  [[shared, shared, shared.a], "list(dict(str('a'): list(int(1))), #1, #2)"],
  [ring, "list(int(1), dict(str('itself'): #0, str('map'): dict(int(1): #0)))"],
  [deep(), `${"list(".repeat(999)}${")".repeat(999)}`],
  [new URL("https://deno.com/"), "str('https://deno.com/')", "https://deno.com/"],
  [new Point(1, [2]), "Unknown(tests.Point, list(int(1), list(int(2))))"],
];

/** What of Python's corpus arrives here as something that its description would not say. */
const FROM_PYTHON: Readonly<Record<string, unknown>> = {
  none: null,
  flags: [true, false],
  ints: [
    0,
    1,
    -1,
    -32,
    -33,
    127,
    128,
    2 ** 15,
    -(2 ** 15) - 1,
    2 ** 31,
    2 ** 32 - 1,
    2 ** 32,
    2 ** 53 - 1,
    1 - 2 ** 53,
  ],
  bigs: [
    2n ** 53n,
    -(2n ** 53n),
    2n ** 63n,
    -(2n ** 63n),
    2n ** 64n - 1n,
    2n ** 64n,
    -(2n ** 64n),
    2n ** 521n - 1n,
    -(2n ** 2000n),
  ],
  floats: [0.5, -0, 1e300, Infinity, 2, -3],
  texts: [
    "",
    "a",
    "é".repeat(20),
    "€".repeat(100),
    "😀",
    "x".repeat(40),
    "x".repeat(300),
    "x".repeat(70_000),
    "\ud800",
    "\udc00 \ud83d",
  ],
  lists: [[], [[]], [1, [2, [3]]], Array.from({ length: 20 }, (_, n) => n), [], [1, [2]], [1, 2], [1, 2]],
  dicts: [
    {},
    JSON.parse('{"a": 1, "__proto__": 2, "constructor": 3}'),
    new Map([[1, 2]]),
    new Map([[[1, "a"], [1]]]),
    new Map<unknown, unknown>([[null, 1], ["b", 2]]),
    { "\ud800": 1 },
  ],
  "dicts of classes": [new Map([["a", 1]]), new Map([["a", 2], ["b", 1]])],
  rows: Array.from({ length: 12 }, (_, n) => ({ name: `n${n}`, size: n, kind: null })),
  dates: [new Date("2020-02-03T04:05:06.789Z"), new Date("0001-01-01T00:00:00Z")],
  arrays: [
    new Int8Array([-1]),
    new Int16Array([-2]),
    new Uint16Array([2]),
    new Int32Array([3]),
    new Uint32Array([4]),
    new BigInt64Array([-5n]),
    new BigUint64Array([5n]),
    new Float32Array([0.5]),
    new Float64Array([0.1, 2]),
    new Float64Array(),
    new Uint8Array([1]),
  ],
};

/** What is to be the same of an error that comes back. */
function partsOf(error: Error): unknown[] {
  // Python has nothing for a DOMException, and sends an Error of its name.
  const known = error instanceof DOMException ? "Error" : error.constructor.name;
  return [known, error.name, error.message, error.stack, error.cause !== undefined];
}

for (const { path, version } of endpoints) {
  const name = version.join(".");

  Deno.test(`what Deno writes is read by CPython ${name}, and comes back`, async () => {
    const answers = await run(path, ["read"], TO_PYTHON.map(([value]) => dumps(value).bytes));
    const wrong = answers.flatMap(([said], index) => said === TO_PYTHON[index][1] ? [] : [[said, TO_PYTHON[index][1]]]);
    assertEquals(wrong.slice(0, 3), []);
    TO_PYTHON.forEach(([value, says, ...back], index) => {
      const returned = loads(Uint8Array.fromBase64(`${answers[index][1]}`));
      if (value instanceof Error) assertEquals(partsOf(returned as Error), partsOf(value), says);
      else assertEquals(returned, back.length > 0 ? back[0] : value, says.slice(0, 200));
    });
    const [first, second, third] = loads(
      Uint8Array.fromBase64(
        `${answers[TO_PYTHON.findIndex(([value]) => Array.isArray(value) && value[0] === shared)][1]}`,
      ),
    ) as [typeof shared, unknown, unknown];
    assertStrictEquals(first, second);
    assertStrictEquals(first.a, third);
  });

  Deno.test(`what CPython ${name} writes is read by Deno; what cannot travel is refused in words`, async () => {
    const written = await run(path, ["write"]);
    const values = new Map(written.map(([name, message, says]) => [`${name}`, [`${message}`, `${says}`]]));
    for (const [name, wanted] of Object.entries(FROM_PYTHON)) {
      assertEquals(loads(Uint8Array.fromBase64(values.get(name)![0])), wanted, name);
    }
    const ring = loads(Uint8Array.fromBase64(values.get("ring")![0])) as [number, { itself: unknown }];
    assertStrictEquals(ring[1].itself, ring);
    const [no, key, gone, bare, zero] = loads(Uint8Array.fromBase64(values.get("errors")![0])) as Error[];
    assert(no instanceof RangeError && key instanceof RangeError && zero instanceof RangeError);
    assert(gone instanceof Deno.errors.NotFound);
    assertEquals(bare.message, "");
    assertEquals(Reflect.get(zero, "args"), ["z", 1]);
    assertEquals(Reflect.get(zero, "type"), "ZeroDivisionError");
    assertMatch(
      values.get("errors")![1],
      /^list\(ValueError.*KeyError.*FileNotFoundError.*Exception.*ZeroDivisionError/,
    );
    assertMatch(values.get("floats")![1], /float\(2\.0\), float\(-3\.0\)/);
    for (const name of ["object", "function", "module", "class", "complex", "naive", "date", "generator", "deeper"]) {
      assertEquals(values.get(name)?.[0], "refused", name);
      assertMatch(values.get(name)![1], /^Cannot serialise .*value\['at'\]\[0\].*: ./s);
    }
  });

  Deno.test(`CPython ${name} refuses messages that are cut short, damaged or made up, in one way`, async () => {
    const messages = TO_PYTHON.filter(([value]) => !(value instanceof Error)).map(([value]) => dumps(value).bytes);
    const read = await run(path, ["damage", "7"], [...messages, ...MADE_UP]);
    // No beginning of a message is one, since each value says how long it is.
    assertEquals(read, read.map(() => 0));
  });
}

const bytes = (...parts: readonly (number | readonly number[])[]) => Uint8Array.from(parts.flat());
/** Messages that say more than they have, or would take much more time or memory than they have bytes. */
const MADE_UP = [
  bytes(0xdd, 0x7f, 0xff, 0xff, 0xff),
  bytes(0xdf, 0x7f, 0xff, 0xff, 0xff),
  bytes(0xc6, 0xff, 0xff, 0xff, 0xff, 1),
  bytes(0xc7, 6, 8, 0xce, 0xff, 0xff, 0xff, 0xff, 0), // an array of 2^32 - 1 holes
  bytes(new Array(2000).fill(0x91)),
  bytes(0x92, 0x91, 0xd6, 1, 0, 0, 0, 0, 0xd6, 1, 0, 0, 0, 9),
  bytes(0xc7, 3, 6, 0x80, 0, 0), // a dict as a key
  keyOfManyParts(40),
];

/** A Map with a key of lists that are twice in lists that are twice in lists, and so on: hashing would never end. */
function keyOfManyParts(levels: number): Uint8Array {
  let key: number[] = [0x90];
  for (let level = 0; level < levels; level++) {
    // The inner one is number `levels - level + 1`: the Map is 0, and the outermost list 1.
    key = [0x92, ...key, 0xd6, 1, 0, 0, 0, levels - level + 1];
  }
  return bytes(0xc9, 0, 0, (key.length + 1) >> 8, (key.length + 1) & 0xff, 6, key, 1);
}

const numpy = pythonWithNumpy();
Deno.test({ name: "numpy's arrays of any shape go to Deno, and come back", ignore: numpy === undefined }, async () => {
  const written = await run(numpy!, ["numpy"]);
  const messages = written.map(([, message]) => Uint8Array.fromBase64(`${message}`));
  const [line, bytes, matrix, transposed, flags, single, ...scalars] = messages.map((message) => loads(message));
  assertEquals(line, new Float64Array([0, 1, 2]));
  assertEquals(bytes, new Uint8Array([0, 1, 2]));
  const data = new Float64Array([0, 1, 2, 3, 4, 5]);
  assertEquals(matrix, { dtype: "<f8", shape: [2, 3], data, fortran: false });
  assertEquals(transposed, { dtype: "<f8", shape: [3, 2], data, fortran: true });
  assertEquals(flags, { dtype: "|b1", shape: [1, 2], data: new Uint8Array([1, 0]), fortran: false });
  assertEquals(single, { dtype: "<i4", shape: [], data: new Int32Array([7]), fortran: false });
  assertEquals([scalars[0], scalars[1], scalars[3]], [0.5, -3, new Uint8Array([97])]);
  const [first, second] = scalars[2] as unknown[];
  assertStrictEquals(first, second);
  // What fits together no more is an object like any other.
  const wrong = { dtype: "<f8", shape: [4, 2], data, fortran: false };
  const back = await run(numpy!, ["read"], [...messages, dumps(wrong).bytes, dumps([new Float16Array([0.5])]).bytes]);
  const said = back.map(([it]) => `${it}`);
  const wanted = written.map(([it]) => `${it}`);
  wanted[1] = "bytes(b'\\x00\\x01\\x02')";
  wanted[6] = "float(0.5)";
  wanted[7] = "int(-3)";
  wanted[9] = "bytes(b'a')";
  assertEquals(said.slice(0, wanted.length), wanted);
  assertMatch(said.at(-2)!, /^dict\(str\('dtype'\)/);
  assertEquals(said.at(-1), "list(array(e, [0.5]))");
});

Deno.test({ name: "what of numpy's would lose a part is refused, in words", ignore: numpy === undefined }, async () => {
  const said = (await run(numpy!, ["numpy refused"])).map(([it]) => it);
  assertEquals(said.slice(0, 3), [
    "its mask would be lost; send what filled() gives, or its data and its mask",
    "numpy's type complex64 has no counterpart; send its real and imag",
    "numpy's type datetime64[D] has no counterpart; send str() of it",
  ]);
  for (const wide of said.slice(3)) {
    assertMatch(`${wide}`, /^numpy's type \w+ has no counterpart; send astype\('[fc]\d+'\)/);
  }
});
