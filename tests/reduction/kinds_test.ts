// What objects are is told by their inside: of whatever realm, class or disguise, they arrive as structured clone has
// them, or are refused in words; none arrives as `{}` that was more.

import { deepStrictEqual } from "node:assert";
import vm from "node:vm";
import { assert, assertEquals, assertInstanceOf, assertStrictEquals, assertThrows } from "@std/assert";
import * as mp from "@parallel/multiprocessing";
import { mirror } from "../fixtures/reduction/reduction_targets.ts";
import { dumps, loads } from "../../src/reduction/serialise.ts";
import { TARGETS, within } from "../support/helpers.ts";

function roundTrip<T>(value: T): T {
  return loads(dumps(value).bytes) as T;
}

const other = vm.createContext({});
const there = (code: string): unknown => vm.runInContext(`(${code})`, other);

/** Values that structured clone copies. */
const CLONED: string[] = [
  "new Map([[1, new Map([[2, 3]])]])",
  "new Set([1, new Set(['a'])])",
  "new Date(5)",
  "new Date(NaN)",
  "/a(?<n>b)/giu",
  "Object.assign(/a/g, { lastIndex: 3 })",
  "new ArrayBuffer(4)",
  "new Uint8Array([1, 2])",
  "new Float64Array([0.5]).subarray(0)",
  "new BigInt64Array([5n])",
  "new DataView(new ArrayBuffer(3))",
  "new Number(-0)",
  "new String('boxed')",
  "new Boolean(false)",
  "Object(7n)",
  "[1, , 3]",
  "Object.assign([1, 2], { named: 'x', 'two words': [1] })",
  "Object.assign([, 2], { named: 'x' })",
  "Object.assign(new Array(1000).fill(1), { late: true })",
  "Object.assign(new Array(70000).fill(1), { late: true })",
  "'born 1912'.match(/(?<year>\\d+)/d)",
  "[...'a1b2'.matchAll(/\\d/g)]",
  "({ plain: { nested: [undefined, null] } })",
  "new (class Point { x = 1; y = [2] })()",
  "new (class extends Map { extra = 1 })([[1, 2]])",
  "new (class extends Set {})([1])",
  "new (class extends Array {})(1, 2, 3)",
  "new (class extends Date {})(7)",
  "({ [Symbol.toStringTag]: 'Map', size: 1 })",
  "Object.defineProperty(new Map([[1, 2]]), Symbol.toStringTag, { value: 'Object' })",
  "Object.setPrototypeOf(new Map([[1, 2]]), null)",
  "Object.setPrototypeOf(new Date(9), null)",
  "Object.assign(Object.create(null), { a: 1 })",
];

for (const where of ["this realm", "another realm"]) {
  const make = where === "this realm" ? (code: string): unknown => (0, eval)(`(${code})`) : there;
  Deno.test(`kinds: what structured clone copies of ${where} arrives as it would have it`, () => {
    for (const code of CLONED) deepStrictEqual(roundTrip(make(code)), structuredClone(make(code)), code);
    const cycle = make("(() => { const m = new Map(); const a = [m, m]; m.set('a', a); return a })()") as Map<
      string,
      unknown
    >[];
    const copy = roundTrip(cycle);
    assertStrictEquals(copy[0], copy[1]);
    assertStrictEquals(copy[0].get("a"), copy);
  });

  Deno.test(`kinds: errors of ${where} keep class, message, cause and properties`, () => {
    for (const name of ["Error", "EvalError", "RangeError", "ReferenceError", "SyntaxError", "TypeError", "URIError"]) {
      const copy = roundTrip(
        make(`Object.assign(new ${name}('m', { cause: new Set([1]) }), { code: 'E', n: 1 })`),
      ) as Error;
      assertStrictEquals(Object.getPrototypeOf(copy), Reflect.get(globalThis, name).prototype);
      deepStrictEqual([copy.name, copy.message, copy.cause, { ...copy }], [name, "m", new Set([1]), {
        code: "E",
        n: 1,
      }]);
    }
    const several = roundTrip(make("new AggregateError([new TypeError('a'), 5], 'b')")) as AggregateError;
    assertInstanceOf(several, AggregateError);
    assertEquals([several.errors[0].constructor, several.errors[1]], [TypeError, 5]);
    const suppressed = roundTrip(
      make("new SuppressedError(new RangeError('a'), new TypeError('b'), 'c')"),
    ) as SuppressedError;
    assertInstanceOf(suppressed, SuppressedError);
    assertEquals([suppressed.error.constructor, suppressed.suppressed.constructor], [RangeError, TypeError]);
    assertEquals([suppressed.error.message, suppressed.suppressed.message, suppressed.message], ["a", "b", "c"]);
    assertEquals(Object.keys(suppressed), []);
  });

  Deno.test(`kinds: what cannot be copied of ${where} is refused in words, and where it stands`, () => {
    const refused = [
      ...[
        "Promise.resolve()",
        "new WeakMap()",
        "new WeakSet()",
        "new WeakRef({})",
        "new FinalizationRegistry(() => {})",
      ],
      ...["[].values()", "new Map().keys()", "new Set().entries()", "''[Symbol.iterator]()", "''.matchAll(/x/g)"],
      ...["(function* () {})()", "(async function* () {})()", "[1].values().map((x) => x)", "Object(Symbol('s'))"],
      ...["() => 1", "class {}", "Symbol('s')", "new SharedArrayBuffer(1)", "new Uint8Array(new SharedArrayBuffer(1))"],
      ...[
        "new Intl.NumberFormat()",
        "new Proxy(new Map(), {})",
        "new Proxy(new Date(), {})",
        "Object.create(Set.prototype)",
      ],
      ...[
        "Object.setPrototypeOf(Promise.resolve(), null)",
        "new (class { #secret = 1; get it() { return this.#secret } })()",
      ],
      "new (class { constructor() { this[Symbol('state')] = 1 } })()",
    ];
    for (const code of refused) {
      const error = assertThrows(() => dumps({ at: [make(code)] }), TypeError, undefined, code) as Error;
      assert(/^Cannot serialise .+ at value\.at\[0\]: .+\. ?.*\.$/.test(error.message), `${code}: ${error.message}`);
    }
  });
}

/** Instances of the runtime's classes that need arguments, or are made by something else. */
const MADE: Record<string, () => unknown> = {
  AbortSignal: () => AbortSignal.abort(),
  BroadcastChannel: () => {
    const channel = new BroadcastChannel("kinds");
    channel.close();
    return channel;
  },
  CompressionStream: () => new CompressionStream("gzip"),
  CountQueuingStrategy: () => new CountQueuingStrategy({ highWaterMark: 1 }),
  CustomEvent: () => new CustomEvent("x"),
  DecompressionStream: () => new DecompressionStream("gzip"),
  Event: () => new Event("x"),
  File: () => new File([], "x"),
  FinalizationRegistry: () => new FinalizationRegistry(() => {}),
  ImageData: () => new ImageData(1, 1),
  Iterator: () => [].values(),
  MessageChannel: () => closedChannel(),
  MessagePort: () => closedChannel().port1,
  Promise: () => Promise.resolve(),
  ReadableStreamDefaultReader: () => new ReadableStream().getReader(),
  Request: () => new Request("http://localhost"),
  WeakRef: () => new WeakRef({}),
  WritableStreamDefaultWriter: () => new WritableStream().getWriter(),
  "crypto": () => crypto,
  "crypto.subtle": () => crypto.subtle,
  "performance": () => performance,
  "Deno.Command": () => new Deno.Command("true"),
  "Deno.permissions": () => Deno.permissions,
  "Deno.stdin": () => Deno.stdin,
  "WebAssembly.Memory": () => new WebAssembly.Memory({ initial: 1 }),
  "WebAssembly.Global": () => new WebAssembly.Global({ value: "i32" }, 1),
  "WebAssembly.Module": () => new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])),
  "Temporal.Instant": () =>
    (globalThis as unknown as { Temporal: { Now: { instant(): unknown } } }).Temporal.Now.instant(),
};

function closedChannel(): MessageChannel {
  const channel = new MessageChannel();
  channel.port1.close();
  channel.port2.close();
  return channel;
}

/** Global classes whose instances travel. */
const TRAVELS = new Set([
  ...[
    "Object",
    "Array",
    "Number",
    "Boolean",
    "String",
    "Date",
    "RegExp",
    "Map",
    "Set",
    "ArrayBuffer",
    "DataView",
    "URL",
  ],
  ...["DOMException", "QuotaExceededError", "SuppressedError", "AggregateError"],
]);

Deno.test("kinds: no instance of a global class arrives as {}", () => {
  let tried = 0;
  for (
    const name of [
      ...Object.getOwnPropertyNames(globalThis).filter((name) => /^[A-Z]/.test(name)),
      ...Object.keys(MADE),
    ]
  ) {
    if (TRAVELS.has(name) || /(Array|Error)$/.test(name)) continue;
    let instance: unknown;
    try {
      instance = (MADE[name] ?? (() => new (Reflect.get(globalThis, name))()))();
    } catch {
      continue; // it cannot be made like this
    }
    if (typeof instance !== "object" || instance === null) continue;
    tried++;
    assertThrows(() => dumps([instance]), TypeError, " at value[0]: ", name);
  }
  assert(tried >= 50, `only ${tried} classes were tried`);
});

Deno.test("kinds: no object of this package arrives as {}", async () => {
  const nothing = { module: TARGETS, name: "nothing" };
  const queue = new mp.Queue<unknown>();
  using lock = new mp.Lock();
  await using pool = new mp.Pool(1);
  const process = new mp.Process({ target: nothing });
  process.start();
  using listener = new mp.Listener(["127.0.0.1", 0]);
  const result = pool.applyAsync(nothing);
  const guard = lock.acquireSync();
  const local: [name: string, object: unknown, words: string][] = [
    ["Process", process, "send what is to be done instead"],
    ["Process", new (class Mine extends mp.Process {})(), "send what is to be done instead"],
    ["Pool", pool, "make one there"],
    ["Listener", listener, "send its address"],
    ["Sentinel", process.sentinel, "wait for it there"],
    ["AsyncResult", result, "send what comes of it"],
    ["ImapIterator", pool.imap(nothing, [1]), "send its items"],
    ["Guard", guard, "send the lock"],
    ["DefaultContext", mp.getContext(), "getContext()"],
    ["ForkServerContext", mp.getContext("forkserver"), "getContext()"],
  ];
  for (const [name, object, words] of local) {
    const error = assertThrows(
      () => queue.putSync({ deep: [object] }),
      TypeError,
      " at value.deep[0]: ",
      name,
    ) as Error;
    assert(error.message.includes(words), error.message);
  }
  assertEquals(queue.qsize(), 0);
  guard.release();
  await result;
  await process.join();
  queue.close();
});

Deno.test("kinds: DOMException and its subclasses keep name, message, quota and properties", () => {
  for (const name of ["AbortError", "DataCloneError", "NotFoundError", "TimeoutError", "MyOwnError", ""]) {
    const copy = roundTrip(Object.assign(new DOMException("m", name), { code2: 5 }));
    assertInstanceOf(copy, DOMException);
    assertEquals([copy.name, copy.message, copy.code2, copy.code], [name, "m", 5, new DOMException("", name).code]);
  }
  const { QuotaExceededError } = globalThis as unknown as {
    QuotaExceededError: new (
      message: string,
      options?: object,
    ) => DOMException & { quota: unknown; requested: unknown };
  };
  for (const options of [{ quota: 10, requested: 20 }, { quota: 0 }, {}]) {
    const [copy, again] = roundTrip(
      [0, 0].fill(new QuotaExceededError("full", options) as never),
    ) as unknown as InstanceType<
      typeof QuotaExceededError
    >[];
    assertInstanceOf(copy, QuotaExceededError);
    assertStrictEquals(copy, again);
    const { quota = null, requested = null } = options as { quota?: number; requested?: number };
    assertEquals([copy.name, copy.message, copy.quota, copy.requested], [
      "QuotaExceededError",
      "full",
      quota,
      requested,
    ]);
  }
  class Mine extends DOMException {
    readonly detail = "d";
  }
  const mine = roundTrip(new Mine("m", "DataError"));
  assertInstanceOf(mine, DOMException);
  assertEquals([mine.name, mine.message, mine.detail], ["DataError", "m", "d"]);
});

Deno.test("kinds: WebAssembly's errors, AssertionError, system errors, and errors with methods", async () => {
  for (const Class of [WebAssembly.CompileError, WebAssembly.LinkError, WebAssembly.RuntimeError]) {
    const copy = roundTrip(new Class("m"));
    assertStrictEquals(Object.getPrototypeOf(copy), Class.prototype);
    assertEquals([copy.name, copy.message], [Class.name, "m"]);
  }
  const { default: assert } = await import("node:assert");
  const assertion = assertThrows(() => assert.strictEqual(1, 2)) as Error & { actual: number };
  const { name, message, actual, expected, operator, code, generatedMessage } = roundTrip(assertion) as never;
  assertEquals([name, message], ["AssertionError", assertion.message]);
  assertEquals([actual, expected, operator, code, generatedMessage], [1, 2, "strictEqual", "ERR_ASSERTION", true]);

  const fs = await import("node:fs");
  const system = roundTrip(assertThrows(() => fs.openSync("/does/not/exist", "r")) as NodeJS.ErrnoException);
  assertEquals([system.code, system.syscall, system.path, system.errno], ["ENOENT", "open", "/does/not/exist", -2]);
  const { Buffer } = await import("node:buffer");
  const range = roundTrip(assertThrows(() => Buffer.alloc(-1)) as NodeJS.ErrnoException);
  assertInstanceOf(range, RangeError);
  assertEquals(range.code, "ERR_OUT_OF_RANGE");
  const denied = roundTrip(assertThrows(() => Deno.readFileSync("/does/not/exist")));
  assertInstanceOf(denied, Deno.errors.NotFound);

  const withMethods = Object.assign(new TypeError("m"), { retry() {}, mark: Symbol("m"), errors: [1], error: 2, n: 3 });
  const copy = roundTrip(withMethods);
  deepStrictEqual({ ...copy }, { errors: [1], error: 2, n: 3 });
  assertInstanceOf(copy, TypeError);
  const prepared = new Error("m");
  Object.defineProperty(prepared, "stack", { value: [() => {}] });
  assertEquals([roundTrip(prepared).message, roundTrip(prepared).stack], ["m", undefined]);
});

Deno.test("kinds: views that lie outside of a buffer that has shrunk are refused, empty ones travel", () => {
  const buffer = new ArrayBuffer(16, { maxByteLength: 16 });
  const views = [new Uint8Array(buffer, 8, 8), new Float64Array(buffer, 8, 1), new DataView(buffer, 8, 8)];
  buffer.resize(4);
  for (const view of views) assertThrows(() => dumps([view]), TypeError, "at value[0]: its buffer has become shorter");
  const empty = [new Uint8Array(0), new Float64Array(0), new DataView(new ArrayBuffer(8), 8)];
  assertEquals(roundTrip(empty).map(({ byteLength }) => byteLength), [0, 0, 0]);
});

Deno.test("kinds: what is called like an index, and is none; an error whose prototype was taken away", () => {
  const array = Object.assign([1], { 4294967295: "a", 4294967296: "b", "-1": "c", "01": "d", "1.5": "e" });
  assertEquals(Object.entries(roundTrip(array)), Object.entries(array));
  const copy = roundTrip(Object.setPrototypeOf(new Error("bare"), null));
  assertInstanceOf(copy, Error);
  assertEquals(copy.message, "bare");
});

Deno.test("kinds: detached memory, and maps and sets that grow while they are read", () => {
  const buffer = new ArrayBuffer(8);
  const view = new Uint8Array(buffer);
  structuredClone(buffer, { transfer: [buffer] });
  assertThrows(() => dumps({ buffer }), TypeError, "at value.buffer: its memory was transferred");
  assertThrows(() => dumps([view]), TypeError, "at value[0]: its memory was transferred");
  const map = new Map<unknown, unknown>();
  const set = new Set<unknown>();
  const more = () => ({
    get more() {
      return map.set({}, more()) && set.add(more()) && 1;
    },
  });
  map.set(1, more());
  set.add(more());
  assertEquals(roundTrip(map).size, 1);
  const { size } = set;
  assertEquals(roundTrip(set).size, size);
});

Deno.test("kinds: the place of what is refused is told at once, however large and endless the value", () => {
  const node = (): object => ({
    get f() {
      return () => {};
    },
    get next() {
      return node();
    },
  });
  assertThrows(() => dumps(node()), TypeError, "an anonymous function at value.f: ");
  const later = (): object => ({
    get next() {
      return later();
    },
    get f() {
      return () => {};
    },
  });
  assertThrows(() => dumps(later()), RangeError, "nested more than 1000 levels deep");
  const long = new Array(1_000_000).fill({ a: [1] });
  long.push(new Map([[{ key: 1 }, new Set([Symbol("s")])]]));
  assertThrows(
    () => dumps({ long }),
    TypeError,
    'Symbol(s) at value.long[1000000].get(an object of kind "Object").values()[0]: ',
  );
  let deep: unknown = () => {};
  for (let i = 0; i < 900; i++) deep = { ["k".repeat(200)]: deep };
  const error = assertThrows(() => dumps(deep), TypeError) as Error;
  assert(error.message.length < 1000, error.message);
});

for (const method of ["spawn", "forkserver"] as const) {
  Deno.test(`kinds: there and back through another process (${method})`, async () => {
    const context = mp.getContext(method);
    using requests = new context.Queue<unknown>();
    using replies = new context.Queue<unknown>();
    const process = new context.Process({ target: mirror, args: [requests, replies] });
    process.start();
    for (const code of CLONED) {
      requests.putSync(there(code));
      deepStrictEqual(await within(replies.get()), structuredClone(there(code)), code);
    }
    requests.putSync(new SuppressedError(new TypeError("a"), new DOMException("b", "AbortError"), "c"));
    const suppressed = await within(replies.get()) as SuppressedError;
    assertEquals([suppressed.error.message, suppressed.suppressed.name], ["a", "AbortError"]);
    requests.putSync(null);
    assertEquals(await within(process.join()), true);
  });
}
