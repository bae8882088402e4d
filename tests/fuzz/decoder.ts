// Hostile bytes for the decoder: every registered name with every shape of data, and honest messages that were damaged,
// as a stranger sends them and as a caged child does. Nothing may come of them but values and the errors that `loads`
// tells of: no process, thread, descriptor or block, and no module is loaded.
//
// usage: deno run -A tests/fuzz/decoder.ts [--seconds=600] [--seed=1]

import fc from "fast-check";
import {
  Array as SharedArray,
  Barrier,
  BoundedSemaphore,
  Condition,
  Event,
  InvalidStateError,
  JoinableQueue,
  Lock,
  Pipe,
  Process,
  Queue,
  RawArray,
  RawValue,
  RLock,
  Semaphore,
  SimpleQueue,
  Structure,
  Value,
} from "@parallel/multiprocessing";
import { dumps, loads } from "@parallel/multiprocessing/reduction";
import { restoringFromOutside } from "../../src/blocks.ts";
import { native } from "../../src/native.ts";
import { Extension } from "../../src/reduction/format.ts";
import { registeredNames } from "../../src/reduction/registry.ts";
import { childrenOf, descriptorCount, TARGETS, threads, until } from "../helpers.ts";

/** Messages between two looks at what there is. */
const BATCH = 400;
/** Bytes of memory that may be kept at the end: most of it is garbage that V8 has not collected yet. */
const SLACK = 384 * 2 ** 20;
const TRAP = new URL("../fixtures/trap.ts", import.meta.url).href;
/** Of classes that never travel. */
const REFUSED = ["Pool", "Process", "Listener", "AsyncResult", "ImapIterator", "Sentinel", "Guard", "ParentProcess"];

/** What came of it. */
export interface Findings {
  readonly messages: number;
  /** How many were restored. */
  readonly restored: number;
  readonly violations: string[];
}

const ascii = (text: string) => [...new TextEncoder().encode(text)];
const text = (value: string) => [0xd9, Math.min(255, value.length), ...ascii(value.slice(0, 255))];
const longText = (value: string) => [0xda, value.length >> 8, value.length & 0xff, ...ascii(value)];
const uint32 = (value: number) => [value >>> 24 & 0xff, value >>> 16 & 0xff, value >>> 8 & 0xff, value & 0xff];
const extension = (type: number, payload: readonly number[]) => [0xc9, ...uint32(payload.length), type, ...payload];

/** Objects of every kind, so that there is something to forge a reference to. */
class Targets implements Disposable {
  readonly #stack = new DisposableStack();
  readonly honest: Uint8Array[];
  readonly references: [block: number, generation: number][];

  constructor() {
    const use = <T extends Disposable>(it: T) => this.#stack.use(it);
    const point = Structure({ x: "f64", label: ["c", 8] });
    const lock = use(new Lock());
    const [reader, writer] = Pipe();
    const action = { module: TRAP, name: "trapped" };
    const shared = [
      lock,
      use(new RLock()),
      use(new Semaphore(2)),
      use(new BoundedSemaphore(2)),
      use(new Condition(lock)),
      use(new Event()),
      use(new Barrier(2)),
      use(new Queue(3)),
      use(new JoinableQueue()),
      use(new SimpleQueue()),
      use(Value("i32", 7)),
      use(Value(point, { x: 1 })),
      use(SharedArray("f64", [1, 2])),
      use(SharedArray("c", 4)),
      use(RawValue("i32", 1)),
      use(RawArray(point, 2)),
      RawArray("u8", 100),
      point,
      use(reader),
      use(writer),
    ];
    const plain = [
      new URL("https://example.org/?a#b"),
      new DOMException("m", "AbortError"),
      new SuppressedError(new Error("a"), new Error("b")),
      new AggregateError([new RangeError("x")], "y", { cause: new Map([[1, new Set([2n])]]) }),
      [/x/g.exec("axb"), [1, , 3], Object(5n), new Date(5), /a/gi, new Float64Array(3), new ArrayBuffer(9)],
      { "__proto__": null, nested: { text: "ä\ud800", bytes: new Uint8Array(70) }, big: 2n ** 90n },
    ];
    // A connection in a message is a descriptor that its sender offers: that one may be fetched is what it is for.
    const messages = [...shared.slice(0, -2), ...plain].map((it) => dumps([it, { again: it }]));
    this.honest = messages.map(({ bytes }) => bytes);
    const blocks = [...new Set(messages.flatMap(({ attachments }) => attachments))];
    this.references = blocks.map((block) => [block, native().generationOf(block)]);
    this.honest.push(dumps(use(new Barrier(1, { action: { ...action, module: TARGETS, name: "nothing" } }))).bytes);
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }
}

/** Any data as a message's bytes, in which references and names stand where they hurt. */
function dataOf(references: readonly [number, number][], names: readonly string[]): fc.Arbitrary<number[]> {
  const reference = fc.constantFrom(...references);
  const word = fc.constantFrom("x", "f64", "u8", "c", "", "__proto__", "constructor", TRAP, "Trapped", "trapped");
  const leaf: fc.Arbitrary<unknown> = fc.oneof(
    fc.constantFrom<unknown>(null, undefined, true, false, 0, -1, 1, 8, 64, 2 ** 31, 2 ** 32, 2 ** 53, NaN, Infinity),
    fc.constantFrom<unknown>(0.5, 5n, "1", [], {}, new Map(), new Set(), new Uint8Array(8), new Date(NaN)),
    word,
    reference.map(([block]) => block),
    reference,
    reference.map(([block, generation]) => [block, generation, 0]),
    reference.map(([block, generation]) => [block, generation + 1]),
    fc.nat(2 ** 16).map((block) => [block, 1]),
    fc.constant({ name: "trapped", hash: null, modules: [TRAP] }),
    fc.constant({ module: TRAP, name: "trapped" }),
    fc.constant({ x: "f64", label: ["c", 8] }),
    fc.constant({ x: "f64", label: ["c", 2 ** 40] }),
  );
  const plain = fc.oneof(
    { maxDepth: 3 },
    leaf,
    fc.array(leaf, { maxLength: 5 }),
    fc.tuple(reference, leaf, leaf).map(([[block, generation], a, b]) => [block, generation, a, b]),
    fc.dictionary(word, leaf, { maxKeys: 3 }),
  ).map((value) => [...dumps(value).bytes]);
  const { data } = fc.letrec<{ data: number[]; reduced: number[]; list: number[] }>((tie) => ({
    data: fc.oneof({ maxDepth: 4 }, plain, tie("reduced"), tie("list")),
    list: fc.array(tie("data"), { maxLength: 4 }).map((items) => [0x90 | items.length, ...items.flat()]),
    reduced: fc.tuple(fc.constantFrom(...names), tie("data"))
      .map(([name, data]) => extension(Extension.Reduced, [...text(name), ...data])),
  }));
  return data;
}

/** Messages that name every class, views of shared memory, and errors of modules. */
function forged(targets: Targets): fc.Arbitrary<Uint8Array> {
  const names = [...registeredNames(), ...REFUSED, "Object", "Deno.Command", "__proto__", "constructor"];
  const data = dataOf(targets.references, names);
  const reduced = fc.tuple(fc.constantFrom(...names), data)
    .map(([name, data]) => extension(Extension.Reduced, [...text(name), ...data]));
  const view = fc.tuple(
    fc.constantFrom("Uint8Array", "Float64Array", "DataView", "Pool"),
    fc.constantFrom(...targets.references),
    fc.integer({ min: -1, max: 200 }),
    fc.oneof(fc.integer({ min: -1, max: 200 }), fc.constant(2 ** 40)),
  ).map(([kind, reference, at, length]) =>
    extension(Extension.SharedView, [...dumps([kind, ...reference, at, length]).bytes])
  );
  const error = fc.tuple(
    fc.constantFrom("Trapped", "Error", "TypeError", "AggregateError", "Deno.errors.NotFound"),
    fc.constantFrom(TRAP, "data:text/javascript,globalThis[Symbol.for('trap')]=true", "node:child_process", "npm:x"),
    data,
  ).map(([name, module, data]) =>
    extension(Extension.ExportedError, [
      ...text(name),
      ...text("1:abc"),
      ...longText(`${TRAP}\n${module}`),
      ...text(""),
      ...text("Error"),
      ...text("stack"),
      ...text("more"),
      ...data,
    ])
  );
  const kinds = Object.values(Extension);
  const odd = fc.tuple(fc.constantFrom(...kinds), fc.array(data, { maxLength: 4 }))
    .map(([type, parts]) => extension(type, parts.flat()));
  return fc.oneof({ arbitrary: reduced, weight: 6 }, view, error, odd, data).map((bytes) => new Uint8Array(bytes));
}

/** Honest messages with a few bytes changed, cut, or with another message inside. */
function damaged(targets: Targets): fc.Arbitrary<Uint8Array> {
  const change = fc.tuple(fc.nat(), fc.nat(255));
  return fc.tuple(
    fc.constantFrom(...targets.honest),
    fc.array(change, { maxLength: 6 }),
    fc.option(fc.tuple(fc.constantFrom(...targets.honest), fc.nat())),
    fc.option(fc.nat(), { freq: 8 }),
  ).map(([honest, changes, splice, cut]) => {
    let bytes = honest.slice();
    if (splice !== null) {
      const at = splice[1] % bytes.length;
      bytes = new Uint8Array([...bytes.subarray(0, at), ...splice[0], ...bytes.subarray(at)]);
    }
    for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
    return cut === null ? bytes : bytes.subarray(0, cut % (bytes.length + 1));
  });
}

/** What there is in this process that a message could have made. */
function inventory(): Record<string, number> {
  return {
    children: childrenOf().length,
    descriptors: descriptorCount(),
    threads: threads().length,
    blocks: native().memoryUsage().blocks,
    trapped: Reflect.has(globalThis, Symbol.for("trap")) ? 1 : 0,
    global: Object.getOwnPropertyNames(globalThis).length,
    prototype: Object.getOwnPropertyNames(Object.prototype).length,
  };
}

/** Whether `loads` tells of such an error. */
function isTold(error: unknown): boolean {
  if (error instanceof RangeError || error instanceof InvalidStateError) return true;
  return error instanceof TypeError && /^Cannot receive a shared object|Invalid URL/.test(error.message);
}

/** Reads one message; the complaint, or whether there was a value. */
function attempt(bytes: Uint8Array, fromOutside: boolean): string | boolean {
  try {
    const value = fromOutside ? restoringFromOutside(() => loads(bytes)) : loads(bytes);
    // What was made of it is looked at, as a program would that logs it.
    Deno.inspect(value, { depth: 2, iterableLimit: 5 });
    return true;
  } catch (error) {
    return isTold(error) ? false : `throws ${error instanceof Error ? error.stack : error}`;
  }
}

/** Numbers of threads may fall; nothing may rise. */
function whatRose(before: Record<string, number>, now: Record<string, number>): string[] {
  return Object.keys(now).filter((key) => now[key] > before[key]).map((key) => `${key}: ${before[key]} → ${now[key]}`);
}

/** A tree with a cage: from then on, no message of it loads a module that is not known. */
async function startCage(): Promise<void> {
  const caged = new Process({ target: { module: TARGETS, name: "nothing" }, permissions: "none" });
  caged.start();
  await caged.join();
  caged.close();
}

/** Reads hostile messages for so many seconds. */
export async function fuzz(seconds: number, seed = crypto.getRandomValues(new Int32Array(1))[0]): Promise<Findings> {
  await startCage();
  using targets = new Targets();
  const sources = [forged(targets), damaged(targets)];
  const violations: string[] = [];
  let [messages, restored] = [0, 0];
  // Everything that is made at the first need is made.
  for (const bytes of targets.honest) attempt(bytes, false);
  await new Promise((resolve) => setTimeout(resolve, 0));
  const before = inventory();
  const { rss } = Deno.memoryUsage();
  const until_ = performance.now() + seconds * 1000;
  for (let round = seed; performance.now() < until_ && violations.length === 0; round++) {
    for (const source of sources) {
      for (const bytes of fc.sample(source, { seed: round, numRuns: BATCH })) {
        for (const fromOutside of [true, false]) {
          const came = attempt(bytes, fromOutside);
          messages++;
          if (came === true) restored++;
          if (typeof came === "string") violations.push(`${came} (round ${round}): ${bytes.toHex()}`);
        }
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 0));
    const rose = whatRose(before, inventory());
    // A thread of the runtime's may come by itself, and goes.
    if (rose.length > 0) await until("less", () => whatRose(before, inventory()).length === 0).catch(() => {});
    const stayed = rose.length === 0 ? [] : whatRose(before, inventory());
    if (stayed.length > 0) violations.push(`there is more than before (round ${round}): ${stayed.join(", ")}`);
  }
  const grown = Deno.memoryUsage().rss - rss;
  if (grown > SLACK) violations.push(`memory has grown by ${grown} bytes`);
  return { messages, restored, violations };
}

if (import.meta.main) {
  const option = (name: string) => Deno.args.find((it) => it.startsWith(`--${name}=`))?.split("=")[1];
  const seed = option("seed");
  const findings = await fuzz(Number(option("seconds") ?? 600), seed === undefined ? undefined : Number(seed));
  for (const violation of findings.violations) console.log(violation);
  const { messages, restored, violations } = findings;
  console.log(`${messages} messages, ${restored} of them restored, ${violations.length} violations`);
  Deno.exit(violations.length === 0 ? 0 : 1);
}
