// Hostile bytes for the decoder: every registered name with every shape of data, and honest messages that were damaged,
// as a stranger sends them and as a caged child does. Nothing may come of them but values and the errors that `loads`
// tells of: no process, thread, descriptor or block, and no module is loaded.
//
// usage: deno run -A tests/fuzz/decoder.ts [--seconds=600] [--seed=1]

import fc from "fast-check";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
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
import { FROM_OUTSIDE } from "../../src/reduction/passage.ts";
import { read } from "../../src/reduction/serialise.ts";
import { arrivals } from "../../src/callable/arrival.ts";
import { native } from "../../src/addon/load.ts";
import { nodeProcess } from "../../src/runtime/node.ts";
import { Extension } from "../../src/reduction/format.ts";
import { registeredNames } from "../../src/reduction/registry.ts";
import { childrenOf, descriptorCount, TARGETS, threads } from "../support/helpers.ts";

/** Messages between two looks at what there is. */
const BATCH = 400;
/** Bytes that V8 may keep at the end, when garbage has been collected: what is compiled, and known names. */
const MOST_KEPT = 8 * 2 ** 20;
const TRAP = new URL("../fixtures/reduction/trap.ts", import.meta.url).href;
/** Of classes that never travel. */
const REFUSED = ["Pool", "Process", "Listener", "AsyncResult", "ImapIterator", "Sentinel", "Guard", "ParentProcess"];

/** So many looks in a row, 20 ms apart, show the same before it begins. */
const SETTLED = 25;

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
      Array.from({ length: 9 }, (_, id) => ({ id, "__proto__": null, inner: { a: id, b: [id], c: "x" }, end: 1n })),
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

/** Values that stand where they hurt. */
function leavesOf(references: readonly [number, number][]): unknown[] {
  return [
    ...[null, undefined, true, false, 0, -1, 1, 8, 64, 0.5, 2 ** 31, 2 ** 32, 2 ** 53, NaN, Infinity, 5n],
    ...["", "1", "x", "f64", "u8", "c", "__proto__", "constructor", "Trapped", TRAP, "file:///etc/passwd"],
    ...[[], {}, new Map(), new Set(), new Uint8Array(8), new Date(NaN), new Error("x"), Object(1)],
    ...references.map(([block]) => block),
    ...references,
    ...references.map(([block, generation]) => [block, generation, 0]),
    ...references.map(([block, generation]) => [block, generation + 1]),
    { name: "trapped", hash: null, modules: [TRAP] },
    { module: TRAP, name: "trapped" },
    { x: "f64", label: ["c", 8] },
    { x: "f64", label: ["c", 2 ** 40] },
  ];
}

/** Every name, and an error of a module, with every leaf, alone and in short lists. */
function* sweep(targets: Targets, names: readonly string[]): Generator<Uint8Array> {
  const leaves = leavesOf(targets.references);
  const data = [
    ...leaves,
    ...leaves.map((it) => [it]),
    ...leaves.map((it) => [it, null]),
    ...leaves.map((it) => [1, it]),
  ];
  const bodies = data.map((it) => [...dumps(it).bytes]);
  for (const body of bodies) yield new Uint8Array(exportedError("Trapped", [TRAP], body));
  for (const name of names) {
    for (const body of bodies) yield new Uint8Array(extension(Extension.Reduced, [...text(name), ...body]));
  }
}

/** Any data as a message's bytes, with references and names in it. */
function dataOf(references: readonly [number, number][], names: readonly string[]): fc.Arbitrary<number[]> {
  const reference = fc.constantFrom(...references);
  const leaf = fc.constantFrom(...leavesOf(references));
  const plain = fc.oneof(
    { arbitrary: leaf, weight: 3 },
    fc.array(leaf, { maxLength: 5 }),
    fc.tuple(reference, leaf, leaf).map(([[block, generation], a, b]) => [block, generation, a, b]),
    fc.tuple(leaf, reference, leaf, leaf),
    fc.dictionary(fc.constantFrom("x", "label", "__proto__", "name", "module"), leaf, { maxKeys: 3 }),
  ).map((value) => [...dumps(value).bytes]);
  const { data } = fc.letrec<{ data: number[]; reduced: number[]; list: number[] }>((tie) => ({
    data: fc.oneof({ maxDepth: 4 }, { arbitrary: plain, weight: 6 }, tie("reduced"), tie("list")),
    list: fc.array(tie("data"), { maxLength: 4 }).map((items) => [0x90 | items.length, ...items.flat()]),
    reduced: fc.tuple(fc.constantFrom(...names), tie("data"))
      .map(([name, data]) => extension(Extension.Reduced, [...text(name), ...data])),
  }));
  return data;
}

/** The names of all classes that travel, of some that never do, and of what is no class. */
function allNames(): string[] {
  return [...registeredNames(), ...REFUSED, "Object", "Deno.Command", "__proto__", "constructor"];
}

/** An error whose class some module is said to export, with a property that is any data. */
function exportedError(name: string, modules: readonly string[], data: readonly number[]): number[] {
  return extension(Extension.ExportedError, [
    ...text(name),
    ...text("1:abc"),
    ...longText(modules.join("\n")),
    ...text(""),
    ...text("Error"),
    ...text("stack"),
    ...text("more"),
    ...data,
  ]);
}

/** Messages that name every class, views of shared memory, and errors of modules. */
function forged(targets: Targets): fc.Arbitrary<Uint8Array> {
  const names = allNames();
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
  ).map(([name, module, data]) => exportedError(name, [TRAP, module], data));
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
    // Those of the runtime come and go.
    threads: threads().filter((name) => name.startsWith("mp-")).length,
    blocks: native().memoryUsage().blocks,
    trapped: Reflect.has(globalThis, Symbol.for("trap")) ? 1 : 0,
    global: Object.getOwnPropertyNames(globalThis).length,
    prototype: Object.getOwnPropertyNames(Object.prototype).length,
  };
}

/** Whether `loads` tells of such an error. */
function isTold(error: unknown): boolean {
  if (error instanceof RangeError || error instanceof InvalidStateError) return true;
  return error instanceof TypeError &&
    /^Cannot receive a shared object|Cannot receive an object of an engine|Invalid URL/.test(error.message);
}

/** Reads one message; the complaint, or whether there was a value. */
function attempt(bytes: Uint8Array, fromOutside: boolean): string | boolean {
  try {
    const value = fromOutside ? read(bytes, 0, bytes.length, FROM_OUTSIDE) : loads(bytes);
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

/** The memory that V8 keeps, its buffers included, without garbage. */
async function keptBytes(): Promise<number> {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  for (let i = 0; i < 5; i++) {
    gc();
    // What waits for the end of a thing's life has a turn.
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

/** A tree with a cage: from then on, no message of it loads a module that is not known. */
async function startCage(): Promise<void> {
  const caged = new Process({ target: { module: TARGETS, name: "nothing" }, permissions: "none" });
  caged.start();
  await caged.join();
  caged.close();
}

/** Reads messages, and notes what it complains of. */
class Reader {
  messages = 0;
  restored = 0;
  readonly violations: string[] = [];
  #before: Record<string, number> = {};

  /** From here on, nothing may be there that is not there now, when the runtime has set up what it does by itself. */
  async begin(): Promise<void> {
    for (let i = 0; i < SETTLED;) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      const now = inventory();
      i = Deno.inspect(now) === Deno.inspect(this.#before) ? i + 1 : 0;
      this.#before = now;
    }
  }

  read(bytes: Uint8Array, fromOutside: boolean, round: number): void {
    const came = attempt(bytes, fromOutside);
    this.messages++;
    if (came === true) this.restored++;
    if (typeof came === "string") this.violations.push(`${came} (round ${round}): ${bytes.toHex()}`);
    // Before anything is collected as garbage, which takes a turn of the event loop.
    if (this.messages % BATCH === 0) this.#compare(round);
  }

  #compare(round: number): string[] {
    const rose = whatRose(this.#before, inventory());
    if (rose.length > 0) this.violations.push(`there is more than before (round ${round}): ${rose.join(", ")}`);
    return rose;
  }

  /** Looks whether there is more than at the beginning: at once, and when what was begun has had a moment. */
  async look(round: number): Promise<void> {
    if (this.#compare(round).length > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.#compare(round);
  }
}

/** Reads hostile messages for so many seconds. */
export async function fuzz(seconds: number, seed = crypto.getRandomValues(new Int32Array(1))[0]): Promise<Findings> {
  using targets = new Targets();
  const reader = new Reader();
  // Everything that is made at the first need is made.
  for (const bytes of targets.honest) attempt(bytes, false);
  await arrivals();
  // The runtime sets Node up at the first look for a function in a module that is loaded.
  nodeProcess().getBuiltinModule("node:module");
  using event = new Event();
  await event.wait({ timeout: 10 });
  await reader.begin();
  for (const bytes of sweep(targets, allNames())) reader.read(bytes, true, 0);
  await reader.look(0);
  await startCage();
  await reader.begin();
  for (const bytes of sweep(targets, allNames())) reader.read(bytes, false, 0);
  await reader.look(0);
  const before = await keptBytes();
  const sources = [forged(targets), damaged(targets)];
  const end = performance.now() + seconds * 1000;
  for (let round = seed; performance.now() < end && reader.violations.length === 0; round++) {
    for (const bytes of sources.flatMap((source) => fc.sample(source, { seed: round, numRuns: BATCH }))) {
      reader.read(bytes, true, round);
      reader.read(bytes, false, round);
    }
    await reader.look(round);
  }
  const grown = await keptBytes() - before;
  if (grown > MOST_KEPT) reader.violations.push(`memory has grown by ${grown} bytes`);
  return reader;
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
