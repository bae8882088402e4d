// Pickles that somebody has made to do harm: nothing is run, imported or looked up, and what they take stays in proportion
// to their size.

import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  dumps,
  loads,
  type LoadsOptions,
  PickleError,
  type PythonException,
  PythonName,
  PythonObject,
} from "@parallel/multiprocessing/pickle";
import { assertIs } from "../support/pickles.ts";
import { childrenOf } from "../support/helpers.ts";
import { fuzz } from "../fuzz/pickle.ts";

const ascii = (text: string) => [...new TextEncoder().encode(text)];
const str = (text: string) => [0x8c, text.length, ...ascii(text)];
const name = (module: string, name: string) => [...str(module), ...str(name), 0x93];
const uint32 = (value: number) => [value & 0xff, value >>> 8 & 0xff, value >>> 16 & 0xff, value >>> 24];
const size64 = (value: number) => [...uint32(value % 2 ** 32), ...uint32(value / 2 ** 32)];
const pickle = (...parts: (number | readonly number[])[]) => new Uint8Array([0x80, 5, ...parts.flat(), 0x2e]);

const MARK = 0x28;
const REDUCE = 0x52;
const BUILD = 0x62;
const LIST = 0x5d;
const DICT = 0x7d;
const MEMOIZE = 0x94;
const TUPLE1 = 0x85;

function refused(bytes: Uint8Array, said: string, options?: LoadsOptions): void {
  assertThrows(() => loads(bytes, options), PickleError, said);
}

/** `count` times the same operations, between others. */
function repeated(
  before: readonly number[],
  part: readonly number[],
  count: number,
  after: readonly number[],
): Uint8Array {
  const bytes = new Uint8Array(3 + before.length + part.length * count + after.length);
  bytes.set([0x80, 5, ...before]);
  for (let i = 0; i < count; i++) bytes.set(part, 2 + before.length + i * part.length);
  bytes.set([...after, 0x2e], bytes.length - after.length - 1);
  return bytes;
}

Deno.test("whatever a pickle wants to be called is refused, or described", () => {
  const before = childrenOf().length;
  const wanted: [string, string][] = [
    ...[["os", "system"], ["posix", "system"], ["subprocess", "Popen"], ["builtins", "eval"], ["builtins", "exec"]],
    ...[["builtins", "__import__"], ["builtins", "getattr"], ["Deno", "Command"], ["globalThis", "eval"]],
    ...[["constructor", "constructor"], ["__proto__", "toString"], ["", ""], ["multiprocessing", "Process"]],
  ] as [string, string][];
  for (const [module, called] of wanted) {
    const bytes = pickle(name(module, called), str("touch /tmp/x"), TUPLE1, REDUCE);
    refused(bytes, "Cannot read the pickle: it has an object of ");
    const said = loads(bytes, { unknown: "object" });
    assertIs(said, PythonObject);
    assertEquals([`${said.type}`, [...said.args]], [`${module}.${called}`, ["touch /tmp/x"]]);
    assertIs(loads(pickle(name(module, called))), PythonName);
  }
  assertEquals(childrenOf().length, before);
});

Deno.test("every name of the table, called with anything, makes a value or is refused", () => {
  const args = [[0x4e], str("a"), [0x4b, 1], [0x43, 1, 0], [LIST], [DICT], name("numpy", "ndarray"), [0x8f], [
    0x47,
    ...size64(0),
  ]];
  const names = [
    ...["bytes", "bytearray", "set", "frozenset", "complex", "getattr", "ValueError", "OSError", "ExceptionGroup"]
      .map((it) => ["builtins", it]),
    ...["OrderedDict", "Counter", "defaultdict", "deque"].map((it) => ["collections", it]),
    ...["datetime", "date", "time", "timedelta", "timezone"].map((it) => ["datetime", it]),
    ...[["_codecs", "encode"], ["decimal", "Decimal"], ["uuid", "UUID"], ["zoneinfo", "ZoneInfo"], ["array", "array"]],
    ...[["array", "_array_reconstructor"], ["numpy", "dtype"], ["numpy", "ndarray"], [
      "numpy._core.multiarray",
      "scalar",
    ]],
    ...[["numpy._core.multiarray", "_reconstruct"], ["numpy._core.numeric", "_frombuffer"]],
  ];
  let made = 0;
  for (const [module, called] of names) {
    for (const first of args) {
      for (const rest of [[], ...args]) {
        const call = [...name(module, called), MARK, ...first, ...rest, ...rest, 0x74, REDUCE];
        for (const bytes of [pickle(call), pickle(call, first, BUILD), pickle(call, MARK, first, 0x65)]) {
          try {
            dumps(loads(bytes, { unknown: "object" }));
            made++;
          } catch (error) {
            assertIs(error, PickleError, `${module}.${called}: ${bytes.toHex()}`);
            assert(
              !(error.cause instanceof TypeError && /undefined|not a function/.test(error.cause.message)),
              `${error.cause}`,
            );
          }
        }
      }
    }
  }
  assert(made > 500, `${made}`);
});

Deno.test("what belongs to other protocols, or to nothing, is refused", () => {
  for (let code = 0; code < 256; code++) {
    if ("IFLSVGTiopPlQ\x82\x83\x84".includes(String.fromCharCode(code))) {
      if (code !== 0x47 && code !== 0x54) refused(pickle(code, 1, 1, 1, 1), "is not one of protocols 2 to 5");
    }
  }
  refused(new Uint8Array([0x80, 1, 0x4e, 0x2e]), "its protocol is 1, wanted 2 to 5");
  refused(new Uint8Array([0x80, 6, 0x4e, 0x2e]), "its protocol is 6");
  refused(new Uint8Array([0x4e, 0x2e]), "it does not begin as pickles");
  refused(new Uint8Array(0), "it is empty");
  refused(pickle(0x4e, 0x80, 4), "operation 0x80 is not one");
  refused(pickle(0x4e, 0x4e), "values are left over");
  refused(pickle(), "values are left over");
  refused(pickle(0x4e, MARK), "values are left over");
  refused(new Uint8Array([...pickle(0x4e), 0]), "1 bytes follow its end");
});

Deno.test("operations that want what is not there are refused", () => {
  for (
    const code of [
      0x30,
      0x31,
      REDUCE,
      0x61,
      BUILD,
      0x65,
      0x73,
      0x74,
      0x75,
      0x81,
      0x85,
      0x86,
      0x87,
      0x90,
      0x91,
      0x92,
      0x93,
    ]
  ) {
    for (const before of [[], [0x4e], [MARK], [0x4e, MARK], [0x4e, 0x4e, MARK, 0x4e]]) {
      try {
        loads(pickle(...before, code));
      } catch (error) {
        assertIs(error, PickleError);
      }
    }
  }
  refused(pickle(LIST, MARK, 0x61), "it wants a value where there is none");
  refused(pickle(DICT, MARK, 0x4e, 0x75), "a key in it has no value");
  refused(pickle(0x4e, 0x4e, 0x61), "it lengthens what is no list");
  refused(pickle(LIST, 0x4e, 0x4e, 0x73), "it sets keys of what is no dict");
  refused(pickle(LIST, MARK, 0x4e, 0x90), "it adds to what is no set");
  refused(pickle(MARK, 0x91, MARK, 0x4e, 0x90), "it adds to what is no set");
  refused(pickle(0x68, 5), "it refers to object 5, which did not come yet");
  refused(pickle(0x6a, uint32(0xffff_ffff)), "it refers to object 4294967295");
  refused(pickle(LIST, 0x4e, BUILD), "a state in it is of what has none");
  refused(pickle(0x4e, 0x29, REDUCE), "what it calls is no name");
  refused(pickle(name("a", "b"), 0x4e, REDUCE), 'what it gives to "a.b" is no tuple');
  refused(pickle(0x4b, 1, str("x"), 0x93), "a name in it is no text");
  assertEquals(loads(pickle(0x4e, 0x72, uint32(0xffff_fffe), 0x30, 0x6a, uint32(0xffff_fffe))), null);
});

Deno.test("lengths that lie are found out before anything is made", () => {
  for (const code of [0x42, 0x54, 0x58]) refused(pickle(code, uint32(0xffff_fff0)), "it ends too early");
  for (const code of [0x8d, 0x8e, 0x95, 0x96]) refused(pickle(code, size64(2 ** 60)), "it ends too early");
  for (const code of [0x43, 0x55, 0x8c]) refused(pickle(code, 200), "it ends too early");
  refused(pickle(0x8b, uint32(0x7fff_ffff)), "it ends too early");
  refused(pickle(0x8b, uint32(0x8000_0000)), "an int in it has a negative length");
  refused(pickle(0x63, ascii("a\nb")), "it ends too early");
  refused(pickle(0x63, ascii(`${"a".repeat(1001)}\nb\n`)), "a name in it is longer than 1000 bytes");
});

Deno.test("a pickle that is cut at any byte is refused", () => {
  const value = [
    { a: [1, 2.5, "é"], b: new Map([[1, new Set([2n ** 70n])]]) },
    new Date(0),
    new Float64Array(3),
    new Error("x"),
  ];
  const bytes = dumps(value);
  for (let length = 0; length < bytes.length; length++) {
    assertThrows(() => loads(bytes.subarray(0, length)), PickleError, undefined, `${length}`);
  }
});

Deno.test("20 000 levels are refused, whichever way they are made", () => {
  const levels = 20_000;
  const empty = (part: readonly number[], after: readonly number[]) => repeated([], part, levels, after);
  const tooDeep = "it is nested more than 1000 levels deep";
  refused(repeated([LIST], [TUPLE1], levels, []), tooDeep);
  refused(empty([LIST], Array(levels - 1).fill(0x61)), tooDeep);
  refused(empty([DICT, 0x4b, 1], [0x4e, ...Array(levels).fill(0x73)]), tooDeep);
  refused(repeated([0x29], [MARK, 0x4e, 0x4e, 0x31, TUPLE1], levels, []), tooDeep);
  // A chain whose tail is lengthened: each list is put into the one before, and only then gets the next.
  const chain = [0x80, 5, LIST, MEMOIZE];
  for (let i = 0; i < levels; i++) chain.push(0x6a, ...uint32(i), LIST, MEMOIZE, 0x61, 0x30);
  refused(new Uint8Array([...chain, 0x2e]), tooDeep);
  // By objects, their arguments and states, and exceptions.
  const nested = repeated(
    [...name("a", "b"), MEMOIZE, 0x30, 0x4e],
    [0x71, 9, 0x30, 0x68, 0, 0x68, 9, TUPLE1, REDUCE],
    levels,
    [],
  );
  refused(nested, tooDeep, { unknown: "object" });
  const errors = [...name("builtins", "ValueError"), MEMOIZE, 0x30, 0x4e];
  refused(repeated(errors, [0x71, 9, 0x30, 0x68, 0, 0x68, 9, TUPLE1, REDUCE], levels, []), tooDeep);
  // As many beside each other are no depth, and 900 levels are none either.
  assertEquals((loads(repeated([LIST, MARK], [LIST, TUPLE1], levels, [0x65])) as unknown[]).length, levels);
  assertIs(loads(repeated([LIST], [TUPLE1], 900, [])), Array);
});

Deno.test("a billion laughs are one object for each of their lines", () => {
  // Ten lists, each of ten times the one before.
  const ten = (index: number) => Array.from({ length: 10 }, () => [0x68, index]).flat();
  const lines = Array.from({ length: 9 }, (_, i) => [LIST, MEMOIZE, MARK, ...ten(i), 0x65, 0x30]);
  let value = loads(pickle(LIST, MEMOIZE, 0x30, ...lines, 0x68, 9)) as unknown[];
  for (let i = 0; i < 9; i++) {
    assertEquals([value.length, value.every((it) => it === value[0])], [10, true]);
    value = value[0] as unknown[];
  }
  assertEquals(value, []);
});

Deno.test("copies of what is written once are paid for: sets, bytes, arrays, texts", () => {
  const tooMuch = "it takes far more memory than its size allows";
  const items = Array.from({ length: 5000 }, (_, i) => [0x4d, i & 0xff, i >> 8]).flat();
  const list = [LIST, MEMOIZE, MARK, ...items, 0x65];
  const text = [0x58, ...uint32(20_000), ...Array(20_000).fill(0x31), MEMOIZE];
  const raw = [0x42, ...uint32(20_000), ...Array(20_000).fill(0), MEMOIZE];
  const bomb = (parts: readonly number[], module: string, called: string, ...args: readonly (readonly number[])[]) => {
    const call = [0x68, 1, MARK, ...args.flat(), 0x74, REDUCE];
    return repeated([...parts, ...name(module, called), MEMOIZE, MARK], call, 2000, [0x31, 0x30, 0x30]);
  };
  for (const called of ["set", "frozenset"]) refused(bomb(list, "builtins", called, [0x68, 0]), tooMuch);
  refused(bomb(list, "collections", "deque", [0x68, 0]), tooMuch);
  refused(bomb(list, "array", "array", str("d"), [0x68, 0]), tooMuch);
  refused(bomb(raw, "builtins", "bytearray", [0x68, 0]), tooMuch);
  refused(bomb(text, "_codecs", "encode", [0x68, 0], str("latin1")), tooMuch);
  refused(bomb(text, "decimal", "Decimal", [0x68, 0]), tooMuch);
  const group = [...str("some"), MEMOIZE, ...list];
  refused(
    repeated(
      [...group, ...name("builtins", "ExceptionGroup"), 0x94, MARK],
      [0x68, 2, 0x68, 0, 0x68, 1, 0x86, REDUCE],
      2000,
      [0x31, 0x30, 0x30, 0x30],
    ),
    tooMuch,
  );
  const dict = [
    DICT,
    MEMOIZE,
    MARK,
    ...Array.from({ length: 5000 }, (_, i) => [0x4d, i & 0xff, i >> 8, 0x4e]).flat(),
    0x75,
  ];
  refused(bomb(dict, "collections", "Counter", [0x68, 0]), tooMuch);
});

Deno.test("exceptions by the thousand are as few of them, but for what V8 knows of its own", () => {
  const count = 5000;
  const error = [...name("builtins", "KeyError"), MEMOIZE, ...str("why"), MEMOIZE, 0x30, 0x30, MARK];
  const errors = loads(repeated(error, [0x68, 0, 0x68, 1, 0x85, REDUCE], count, [0x74])) as PythonException[];
  assertEquals(errors.length, count);
  const seen = (it: PythonException) => [
    ...[it instanceof RangeError, Object.keys(it), Object.getOwnPropertyNames(it).sort(), it.name, it.message],
    ...[`${it}`, it.stack, it.type, it.args],
  ];
  assertEquals(seen(errors[count - 1]), seen(errors[0]));
  assertEquals(loads(dumps(errors[count - 1])), loads(dumps(errors[0])));
  const built = [0x68, 0, 0x29, REDUCE, DICT, ...str("a"), 0x4e, 0x73];
  assertIs(loads(pickle(error.slice(0, -1), built, BUILD)), RangeError);
  refused(pickle(error.slice(0, -1), built, BUILD, DICT, BUILD), "a state in it is of what has none");
});

Deno.test("names stay short, however they are put together", () => {
  const long = [0x58, ...uint32(2000), ...Array(2000).fill(0x61)];
  refused(pickle(long, str("x"), 0x93), "a name in it is longer than 1000 characters");
  const getattr = [...name("builtins", "getattr"), MEMOIZE, ...str("a".repeat(200)), MEMOIZE, ...name("m", "n")];
  const more = [0x71, 9, 0x30, 0x68, 0, 0x68, 9, 0x68, 1, 0x86, REDUCE];
  refused(repeated(getattr, more, 10, []), "a name in it is longer than 1000 characters");
});

Deno.test("numbers that V8 would all find in one place are refused, others are not", () => {
  const refusedAs = "too many of the keys in it are found in one place";
  const bigs = (of: (i: number) => bigint) => dumps(new Set(Array.from({ length: 5000 }, (_, i) => of(i))));
  refused(bigs((i) => BigInt(i) << 64n), refusedAs);
  assertEquals((loads(bigs((i) => BigInt(i) << 60n | BigInt(i))) as Set<bigint>).size, 5000);
  const together: number[] = [];
  for (let i = 0; together.length < 5000; i++) if ((hashOf(i) & 0x7ff) < 2) together.push(i);
  refused(dumps(new Set(together)), refusedAs);
  refused(dumps(new Map(together.map((it) => [it, it]))), refusedAs);
  assertEquals((loads(dumps(new Set(together.map((_, i) => 4096 * i)))) as Set<number>).size, 5000);
  assertEquals((loads(dumps(new Set(together.map((_, i) => i / 3)))) as Set<number>).size, 5000);
});

/** V8's hash of small ints. */
function hashOf(key: number): number {
  let hash = ~key + (key << 15) | 0;
  hash ^= hash >>> 12;
  hash = hash + (hash << 2) | 0;
  hash ^= hash >>> 4;
  hash = Math.imul(hash, 2057);
  return hash ^ hash >>> 16;
}

Deno.test("dates and numbers out of range are refused", () => {
  const of = (called: string, ...bytes: number[]) =>
    pickle(name("datetime", called), [0x43, bytes.length, ...bytes], TUPLE1, REDUCE);
  refused(of("date", 0, 0, 1, 1), "a date in it is of the year 0");
  refused(of("date", 7, 228, 13, 1), '"datetime.date" that cannot be');
  refused(of("date", 7, 228, 2, 30), "cannot be");
  refused(of("date", 7, 228, 2), "has a wrong size");
  refused(of("datetime", 0xff, 0xff, 1, 1, 0, 0, 0, 0, 0, 0), "of the year 65535");
  refused(of("datetime", 7, 228, 1, 1, 24, 0, 0, 0, 0, 0), "cannot be");
  refused(of("datetime", 7, 228, 1, 1, 0, 0, 0, 0xff, 0, 0), "more than a million microseconds");
  refused(of("time", 1, 60, 0, 0, 0, 0), "cannot be");
  const delta = (...args: number[]) => pickle(name("datetime", "timedelta"), MARK, args, 0x74, REDUCE);
  refused(delta(0x4b, 0, 0x4a, ...uint32(-1)), "a timedelta in it is out of range");
  refused(delta(0x4a, ...uint32(1_000_000_000)), "a timedelta in it is out of range");
  refused(delta(0x4e), "Cannot read the pickle");
  refused(pickle(name("uuid", "UUID"), 0x29, 0x81), "a UUID in it is no number of 128 bits");
  refused(pickle(name("decimal", "Decimal"), str("1/2"), TUPLE1, REDUCE), "Cannot make a decimal");
});

Deno.test("changed pickles make values or PickleErrors", () => {
  const { inputs, restored, violations } = fuzz(0.5, { seed: 5 });
  assertEquals(violations, []);
  assert(inputs > 20 && restored > 0, `${inputs}, ${restored}`);
});
