// What objects say about themselves, by their class or by own properties, changes nothing about what travels: it is read
// by the language's own getters, as the structured clone does it. An error's properties are asked for once.

import { deepStrictEqual } from "node:assert";
import { Buffer } from "node:buffer";
import vm from "node:vm";
import { assert, assertEquals, assertInstanceOf, assertStrictEquals, assertThrows } from "@std/assert";
import * as mp from "@parallel/multiprocessing";
import { register } from "../../src/reduction/registry.ts";
import { dumpInto, dumps, loads } from "../../src/reduction/serialise.ts";
import { Asked, askedFor, asking, asks, mirror } from "../fixtures/reduction/reduction_targets.ts";
import { same } from "../fixtures/pool/pool_targets.ts";
import { within } from "../support/helpers.ts";

function roundTrip<T>(value: T): T {
  return loads(dumps(value).bytes) as T;
}

class Secret {
  readonly #text = "hidden";
  get text(): string {
    return this.#text;
  }
}
register(Secret, { name: "test.own.Secret", reduce: (secret) => secret.text, restore: () => new Secret() });

class Payment extends Error {}
register(Payment, { name: "test.own.Payment", reduce: () => 0, restore: () => new Payment() });

const FORBIDDEN = (name: string) => (): never => {
  throw new Error(`${name} was asked for`);
};

/** The object, with own properties in the way of its class's, each of which lies; those called "!" throw. */
function lying<T extends object>(object: T, lies: Record<PropertyKey, unknown>): T {
  for (const name of Reflect.ownKeys(lies)) {
    const value = Reflect.get(lies, name);
    const descriptor = value === "!" ? { get: FORBIDDEN(String(name)) } : { value };
    Object.defineProperty(object, name, { ...descriptor, configurable: true });
  }
  return object;
}

class Long extends Uint8Array<ArrayBuffer> {
  override get length(): number {
    return 1000;
  }
}

class Elsewhere extends Uint8Array<ArrayBuffer> {
  override get byteOffset(): number {
    return 0;
  }
  override get byteLength(): number {
    return 8;
  }
  override get buffer(): ArrayBuffer {
    return new ArrayBuffer(64);
  }
}

/** What views may say about themselves. */
const VIEW_LIES = {
  ...{ length: "!", byteLength: "!", byteOffset: "!", buffer: "!", constructor: "!", slice: "!", subarray: "!" },
  ...{ [Symbol.iterator]: "!", [Symbol.toStringTag]: "!", set: "!", toString: "!" },
};
const VIEWS = [
  ...[Uint8Array, Int8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array],
  ...[Float16Array, Float32Array, Float64Array, BigInt64Array, BigUint64Array],
] as unknown as (new (buffer: ArrayBuffer, at: number, length: number) => Uint8Array<ArrayBuffer>)[];

/** An array buffer of the bytes 1 to 64. */
function counting(options?: { maxByteLength: number }): ArrayBuffer {
  const buffer = new ArrayBuffer(64, options);
  new Uint8Array(buffer).forEach((_, i, bytes) => bytes[i] = i + 1);
  return buffer;
}

/** Objects that lie, and what arrives of each. */
function liars(): [what: string, value: object, wanted: object][] {
  const shrunk = counting({ maxByteLength: 64 });
  const tracking = new Uint8Array(shrunk, 8);
  shrunk.resize(16);
  return [
    ["a subclass that says it is longer", new Long(new Uint8Array([1, 2, 3]).buffer), new Uint8Array([1, 2, 3])],
    ["a subclass that says it is elsewhere", new Elsewhere(counting(), 4, 2), new Uint8Array([5, 6])],
    ["own properties", lying(new Uint8Array(counting(), 4, 2), VIEW_LIES), new Uint8Array([5, 6])],
    ["shorter", lying(new Uint8Array([1, 2, 3]), { length: 1, byteLength: 1 }), new Uint8Array([1, 2, 3])],
    ["long bytes", lying(new Uint8Array(5000).fill(7), { length: 9000 }), new Uint8Array(5000).fill(7)],
    ["short bytes that say they are long", lying(new Uint8Array(3), { length: 9000 }), new Uint8Array(3)],
    ["a Buffer", lying(Buffer.from("abc"), { length: 5000 }), new Uint8Array([97, 98, 99])],
    ...VIEWS.map((View): [string, object, object] => [
      View.name,
      lying(new View(counting(), 16, 2), VIEW_LIES),
      new View(counting(), 16, 2).slice(),
    ]),
    ["DataView", lying(new DataView(counting(), 8, 2), VIEW_LIES), new DataView(new Uint8Array([9, 10]).buffer)],
    ["a view that follows its buffer", lying(tracking, VIEW_LIES), new Uint8Array(counting().slice(8, 16))],
    [
      "ArrayBuffer",
      lying(new ArrayBuffer(4), { byteLength: "!", detached: "!", slice: "!", resizable: "!" }),
      new ArrayBuffer(4),
    ],
    [
      "a subclass of ArrayBuffer",
      new (class extends ArrayBuffer {
        override get byteLength() {
          return 400;
        }
        override get detached() {
          return true;
        }
      })(4),
      new ArrayBuffer(4),
    ],
    [
      "flags",
      new (class extends RegExp {
        override get flags() {
          return "gx";
        }
        override get global() {
          return true;
        }
      })("a", "i"),
      /a/i,
    ],
    ["own flags", lying(/a+/dsy, { flags: "!", source: "!", exec: "!", global: "!", sticky: "!" }), /a+/dsy],
    ["all flags", lying(/[a&&b]/dgimsvy, { flags: "", hasIndices: "!", unicodeSets: "!" }), /[a&&b]/dgimsvy],
    ["unicode, and where it stopped", lying(Object.assign(/./u, { lastIndex: 3 }), { unicode: "!" }), /./u],
    ["Number", lying(new Number(3), { valueOf: () => ({ a: 1 }), toString: "!" }), new Number(3)],
    [
      "a subclass of Number",
      new (class extends Number {
        override valueOf(): number {
          return { amount: 1 } as never;
        }
      })(5),
      new Number(5),
    ],
    ["String", lying(new String("ab"), { valueOf: "!", toString: "!" }), new String("ab")],
    ["Boolean", lying(new Boolean(true), { valueOf: () => false }), new Boolean(true)],
    ["BigInt", lying(Object(7n), { valueOf: () => 1 }), Object(7n)],
    ["Date", lying(new Date(7), { getTime: "!", valueOf: "!", toJSON: "!" }), new Date(7)],
    ["Map", lying(new Map([[1, 2]]), { size: "!", entries: "!", [Symbol.iterator]: "!" }), new Map([[1, 2]])],
    ["Set", lying(new Set([1]), { size: "!", values: "!", keys: "!", [Symbol.iterator]: "!" }), new Set([1])],
    ["Array", lying([1, 2], { [Symbol.iterator]: "!", map: "!", values: "!" }), [1, 2]],
    ["a number of another realm", vm.runInNewContext("Object.assign(new Number(3), { valueOf: null })"), new Number(3)],
    ["a RegExp of another realm", vm.runInNewContext("Object.defineProperty(/b/gi, 'flags', { value: 'x' })"), /b/gi],
    [
      "a view of another realm",
      vm.runInNewContext("new DataView(new ArrayBuffer(0))"),
      new DataView(new ArrayBuffer(0)),
    ],
  ];
}

Deno.test("own ideas: an object is read by the language's own getters", () => {
  for (const [what, value, wanted] of liars()) {
    dumps("older messages".repeat(200)); // what stands where a message is written
    const [copy, again] = roundTrip([value, value]);
    deepStrictEqual(copy, wanted, what);
    assertStrictEquals(copy, again, what);
    const room = new Uint8Array(8192).fill(0xaa);
    const end = dumpInto(value, room, 0) as number;
    deepStrictEqual(loads(room, 0, end), wanted, what);
  }
});

for (const method of ["spawn", "forkserver"] as const) {
  Deno.test(`own ideas: as in one process, so through queues, pipes and pools (${method})`, async () => {
    const context = mp.getContext(method);
    using requests = new context.Queue<unknown>();
    using replies = new context.Queue<unknown>();
    const process = new context.Process({ target: mirror, args: [requests, replies] });
    process.start();
    const [reader, writer] = context.Pipe({ duplex: false });
    using _ = reader;
    using __ = writer;
    await using pool = new context.Pool(1);
    for (const [what, value, wanted] of liars()) {
      requests.putSync("older messages".repeat(100));
      await within(replies.get());
      requests.putSync(value);
      deepStrictEqual(await within(replies.get()), wanted, what);
      writer.sendSync(value);
      deepStrictEqual(reader.recvSync(), wanted, what);
      if (ArrayBuffer.isView(value)) {
        writer.sendBytesSync(value);
        const { buffer, byteOffset, byteLength } = wanted as Uint8Array<ArrayBuffer>;
        assertEquals(reader.recvBytesSync(), new Uint8Array(buffer.slice(byteOffset, byteOffset + byteLength)), what);
      }
    }
    const sent = liars();
    const results = await within(pool.map(same, sent.map(([, value]) => value)));
    results.forEach((got, i) => deepStrictEqual(got, sent[i][2], sent[i][0]));
    requests.putSync(null);
    assertEquals(await within(process.join()), true);
  });
}

Deno.test("own ideas: a view of shared memory arrives as what it is", () => {
  const values = mp.RawArray("f64", [1, 2, 3, 4]);
  const { buffer } = values;
  const part = lying(values.subarray(1, 3), VIEW_LIES);
  const bytes = lying(new DataView(buffer, 8, 8), VIEW_LIES);
  for (const [view, wanted] of [[part, new Float64Array(buffer, 8, 2)], [bytes, new DataView(buffer, 8, 8)]]) {
    const copy = roundTrip(view) as unknown as DataView;
    assertStrictEquals(copy.buffer, buffer);
    assertEquals([copy.constructor, copy.byteOffset, copy.byteLength], [wanted.constructor, 8, wanted.byteLength]);
  }
  const empty = lying(new SharedArrayBuffer(0), { growable: true, byteLength: 9 });
  assertThrows(() => dumps([new Uint8Array(empty)]), TypeError, "at value[0]: a SharedArrayBuffer is shared by");
  const disguised = Object.setPrototypeOf(new SharedArrayBuffer(0), ArrayBuffer.prototype);
  assertThrows(() => dumps([new Uint8Array(disguised)]), TypeError, "at value[0]: a SharedArrayBuffer is shared by");
});

Deno.test("own ideas: memory that is gone is told, whatever the view says", () => {
  const gone = new ArrayBuffer(8);
  const views = [new Uint8Array(gone), new Float64Array(gone), new DataView(gone)];
  structuredClone(gone, { transfer: [gone] });
  for (const it of [lying(gone, { detached: false }), ...views.map((view) => lying(view, VIEW_LIES))]) {
    assertThrows(() => dumps([it]), TypeError, "at value[0]: its memory was transferred");
  }
  const buffer = counting({ maxByteLength: 64 });
  const outside = [
    new Uint8Array(buffer, 8),
    new BigInt64Array(buffer, 8, 2),
    new DataView(buffer, 8),
    new DataView(buffer, 0, 64),
  ];
  buffer.resize(4);
  for (const view of outside) {
    assertThrows(
      () => dumps([lying(view, { byteLength: 8 })]),
      TypeError,
      "at value[0]: its buffer has become shorter",
    );
  }
});

Deno.test("own ideas: arrays, views and texts are that, whatever their prototype is", () => {
  const makers: (() => object)[] = [
    () => [1, 2],
    () => [1, , 3],
    () => Object.assign([1], { named: 2 }),
    () => new Uint8Array([1, 2]),
    () => new Float64Array([0.5]),
    () => new DataView(new ArrayBuffer(2)),
    () => new String("ab"),
  ];
  class Plain {}
  const prototypes = [null, Object.prototype, Array.prototype, Uint8Array.prototype, Plain.prototype, Map.prototype];
  for (const make of makers) {
    for (const [i, prototype] of prototypes.entries()) {
      const value = Object.setPrototypeOf(make(), prototype);
      // A text with the prototype of plain objects is one, and with that of a class that does not travel it is refused.
      if (make() instanceof String && [1, 2, 3].includes(i)) continue;
      deepStrictEqual(roundTrip([value]), [make()], `${make} with prototype ${i}`);
    }
  }
  deepStrictEqual(roundTrip({ 0: "a", length: 1 }), { 0: "a", length: 1 });
  deepStrictEqual(roundTrip(Object.assign(Object.create(null), { 0: "a" })), { 0: "a" });
});

Deno.test("own ideas: what is no iterator's data, no lock and nothing at all is refused in words", () => {
  class Own extends Iterator<number> {
    override next(): IteratorResult<number> {
      return { done: true, value: undefined };
    }
  }
  const revoked = (target: object) => {
    const { proxy, revoke } = Proxy.revocable(target, {});
    revoke();
    return proxy;
  };
  using lock = new mp.Lock();
  using queue = new mp.Queue();
  const made = [
    "Lock",
    "RLock",
    "Semaphore",
    "BoundedSemaphore",
    "Event",
    "Condition",
    "Barrier",
    "Queue",
    "SimpleQueue",
  ];
  const hollow = "it has nothing of what an object of its class holds inside";
  const refused: [value: unknown, words: string][] = [
    [new Own(), "Send an array of its items"],
    [Object.assign(new Own(), { items: [1] }), "Send an array of its items"],
    [vm.runInNewContext("new (class Own extends Iterator { next() {} })()"), "Send an array of its items"],
    [new Proxy(lock, {}), hollow],
    [new Proxy(queue, {}), hollow],
    [new Proxy(new Secret(), {}), hollow],
    [new Proxy(new URL("a:b"), {}), hollow],
    [Object.create(URL.prototype), hollow],
    [Object.setPrototypeOf(new Map(), URL.prototype), hollow],
    ...made.map((name): [unknown, string] => [Object.create(Reflect.get(mp, name).prototype), hollow]),
    ...[{}, [], new Map()].map((target): [unknown, string] => [revoked(target), "it is a Proxy that was revoked"]),
    [revoked(() => {}), "a function cannot be copied"],
    ...[-1, 1.5, 2 ** 32, NaN, "2", undefined].map((length): [unknown, string] => [
      new Proxy([1, 2], { get: (array, key) => key === "length" ? length : Reflect.get(array, key) }),
      "it inherits from a built-in class, but has nothing",
    ]),
  ];
  for (const [value, words] of refused) {
    const { message } = assertThrows(() => dumps({ a: [value] }), TypeError) as Error;
    assert(message.includes(" at value.a[0]: ") && message.includes(words), message);
  }
});

Deno.test("own ideas: an error of reduce() about something else passes unchanged", () => {
  class Careless {}
  const wrong = new TypeError("Cannot read private member #other from an object whose class did not declare it");
  register(Careless, {
    name: "test.Careless",
    reduce: () => {
      throw wrong;
    },
    restore: () => new Careless(),
  });
  assertStrictEquals(assertThrows(() => dumps([new Careless()])), wrong);
});

Deno.test("own ideas: the language's own classes cannot be registered", () => {
  const classes = [
    ...[Object, Array, Map, Set, Date, RegExp, Number, String, Boolean, BigInt, ArrayBuffer, DataView],
    ...[Error, TypeError, AggregateError, DOMException, ...VIEWS, Object.getPrototypeOf(Uint8Array)],
  ];
  for (const type of classes as { new (): object; name: string }[]) {
    const told = `Cannot register class "${type.name}": how instances of the language's own classes travel`;
    assertThrows(() => register(type, { reduce: () => 0, restore: () => ({}) }), RangeError, told);
    assertThrows(() => register(type, { name: "test.Mine", refuse: "no" }), RangeError, "is not to be changed");
  }
  class Extended extends Map {}
  deepStrictEqual([{ a: 1 }, new Map(), new Extended()].map(roundTrip), [{ a: 1 }, new Map(), new Map()]);
});

Deno.test("own ideas: what is no message, and no room for one, is told", () => {
  for (const bytes of [null, undefined, "x", [1], {}, new ArrayBuffer(1), new DataView(new ArrayBuffer(1)), 5]) {
    const given = bytes as unknown as Uint8Array;
    assertThrows(() => loads(given), TypeError, "was given, wanted a Uint8Array");
    assertThrows(() => dumpInto(1, given, 0), TypeError, "was given, wanted a Uint8Array");
  }
  const message = dumps([1, 2]).bytes;
  for (const [start, end] of [[-1, 3], [0, 4], [2, 1], [NaN, 3], [0.5, 3], [0, 2.5]]) {
    assertThrows(() => loads(message, start, end), RangeError, "Cannot read message: 3 bytes were given");
  }
  for (const start of [-1, 4, NaN, 0.5]) {
    assertThrows(() => dumpInto(1, new Uint8Array(3), start), RangeError, "Cannot write message: 3 bytes were given");
  }
  assertEquals(loads(lying(message.slice(), { length: 1000 })), [1, 2]);
  assertEquals(loads(Buffer.from(message)), [1, 2]);
  const room = lying(new Uint8Array(2), { length: 1000 });
  const { bytes } = dumpInto([1, 2], room, 0) as { bytes: Uint8Array };
  assertEquals(loads(bytes), [1, 2]);
});

/** What was asked for since the last call, and how often at most. */
function questions(): Record<string, number> {
  const now = { ...asking };
  for (const name of Object.keys(asking)) delete asking[name];
  return now;
}

const ONCE = { name: 1, message: 1, stack: 1 };

/** Errors that count who asks them for what, and what is to have been asked. */
function asked(): [what: string, error: Error, wanted: Record<string, number>][] {
  class Unseen extends Error {
    override get name(): string {
      return asks("name", "Unseen");
    }
  }
  class Caught extends DOMException {
    override get name(): string {
      return asks("name", "AbortError");
    }
    override get message(): string {
      return asks("message", "stopped");
    }
  }
  const every = <T extends Error>(error: T): T => {
    for (const name of ["message", "stack", "cause"]) askedFor(error, name, `its ${name}`);
    return Object.defineProperty(error, "detail", { get: () => asks("detail", 5), enumerable: true });
  };
  return [
    ["an error", every(askedFor(new Error(), "name", "Mine")), { ...ONCE, cause: 1, detail: 1 }],
    ["an error that shows its class's name", every(askedFor(new RangeError(), "name", "RangeError")), {
      ...ONCE,
      cause: 1,
      detail: 1,
    }],
    ["of a class that no module exports", every(new Unseen()), { ...ONCE, cause: 1, detail: 1 }],
    ["of an exported class", new Asked(), ONCE],
    ["of an exported class, with a name of its own", askedFor(new Asked(), "name", "Own"), ONCE],
    ["several", askedFor(every(new AggregateError([])), "errors", []), {
      ...{ message: 1, stack: 1, cause: 1, detail: 1, errors: 1 },
    }],
    ["a DOMException", askedFor(new Caught(), "stack", "its stack"), ONCE],
  ];
}

Deno.test("own ideas: an error is asked for each of its properties once", () => {
  using queue = new mp.Queue<Error>();
  for (const [what, , wanted] of asked()) {
    for (const round of [1, 2]) {
      const error = asked().find((it) => it[0] === what)![1];
      questions();
      const copy = roundTrip(error);
      assertEquals(questions(), wanted, `${what}, round ${round}`);
      assertEquals(copy.message === "", false, what);
      queue.putSync(error);
      assertEquals(questions(), wanted, `${what}, by a queue`);
      queue.getSync();
      questions();
      dumps([error, { cause: error }]);
      assertEquals(questions(), wanted, `${what}, twice in a message`);
    }
  }
  const payment = askedFor(new Payment(), "stack", "its stack");
  questions();
  assertInstanceOf(roundTrip(payment), Payment);
  assertEquals(questions().stack, 1);
});

Deno.test("own ideas: what an error calls itself need not be text", () => {
  for (const name of [5, { length: 5 }, null, Symbol("n"), () => {}, undefined]) {
    const named = Object.assign(new Error("m"), { name });
    assertEquals(roundTrip(named).message, "m");
    assertEquals(roundTrip(Object.defineProperty(new Asked(), "name", { value: name })).message, "told");
  }
});
