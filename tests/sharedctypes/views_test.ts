// Arrays in shared memory as users get them: SharedArrayBuffers, whose memory goes when nobody has them any more.

import { assert, assertEquals, assertInstanceOf, assertStrictEquals, assertThrows } from "@std/assert";
import { Event } from "../../src/synchronize.ts";
import { native } from "../../src/addon/load.ts";
import { getContext } from "../../src/context/default.ts";
import { Queue } from "../../src/queues.ts";
import { dumps } from "../../src/reduction/serialise.ts";
import {
  Array as SharedArray,
  copy,
  RawArray,
  RawValue,
  synchronized,
  Value,
} from "../../src/sharedctypes/factories.ts";
import { Structure } from "../../src/sharedctypes/structure.ts";
import { Lock } from "../../src/synchronize.ts";
import { churn } from "../soak/views.ts";
import { fill, hoard } from "../fixtures/sharedctypes/shared_views_targets.ts";
import { begin } from "../support/children.ts";
import { startProgram, within } from "../support/helpers.ts";
import { CODES, collectUntil, sent } from "../support/sharedctypes.ts";

Deno.test.beforeAll(begin);

const METHODS = ["spawn", "forkserver"] as const;

Deno.test("every view that users get is of a SharedArrayBuffer as long as was asked for, and copies are not", () => {
  const Point = Structure({ x: "f64", label: ["u8", 100] });
  using array = SharedArray("f64", [1, 2, 3]);
  using text = SharedArray("c", "text");
  using point = Value(Point);
  using raw = RawValue(Point);
  using points = RawArray(Point, 2);
  const views = [
    ...CODES.map((code) => RawArray(code, 3)),
    SharedArray("u8", 5, { lock: false }),
    array.getObj(),
    text.getObj(),
    point.label,
    point.getObj().label,
    raw.label,
    points.get(1).label,
    copy(RawArray("i8", 2)),
    RawArray("i16", 9).subarray(2),
    sent(RawArray("i32", 9).subarray(2)),
    sent(array).getObj(),
    synchronized(RawArray("u8", 2)).getObj(),
    RawArray("u8", 0),
  ];
  for (const view of views) assertInstanceOf(view.buffer, SharedArrayBuffer);
  assertEquals(RawArray("f64", 1000).buffer.byteLength, 8000);
  assertThrows(() => RawArray("u8", 10).buffer.grow(11), RangeError);
  for (const own of [array.slice(), text.value, point.value.label, RawArray("u8", 3).slice()]) {
    assertInstanceOf(own.buffer, ArrayBuffer);
  }
});

Deno.test("nothing that users can reach has an ordinary buffer over shared memory", () => {
  using value = Value("i32", 1);
  using raw = RawValue("f64", 1);
  using point = Value(Structure({ x: "u8" }));
  using array = SharedArray("u8", 1);
  using lock = new Lock();
  const seen = new Set<unknown>();
  const walk = (object: unknown, path: string) => {
    if ((typeof object !== "object" && typeof object !== "function") || object === null || seen.has(object)) return;
    seen.add(object);
    assert(!(object instanceof ArrayBuffer), `${path} is an ArrayBuffer`);
    if (ArrayBuffer.isView(object)) return walk(object.buffer, `${path}.buffer`);
    if (object instanceof SharedArrayBuffer) return;
    for (const key of Reflect.ownKeys(object)) {
      const { value, get } = Reflect.getOwnPropertyDescriptor(object, key)!;
      walk(value ?? get, `${path}.${String(key)}`);
    }
    walk(Object.getPrototypeOf(object), `${path}.__proto__`);
  };
  for (const object of [value, value.getObj(), raw, point, point.getObj(), array, lock]) {
    walk(object, Deno.inspect(object));
  }
});

Deno.test("nothing detaches an array from its memory", async () => {
  const array = RawArray("u8", [1, 2, 3]);
  const { buffer } = array;
  const unsafe = buffer as unknown as ArrayBuffer;
  assertEquals((buffer as unknown as Partial<ArrayBuffer>).transfer, undefined);
  assertThrows(() => ArrayBuffer.prototype.transfer.call(unsafe), TypeError);
  assertThrows(() => structuredClone(array, { transfer: [unsafe] }));
  const { port1, port2 } = new MessageChannel();
  assertThrows(() => port1.postMessage(array, [unsafe]));
  port1.close();
  port2.close();
  const stream = new ReadableStream({
    type: "bytes",
    start: (controller) =>
      assertThrows(() => controller.enqueue(array as unknown as Uint8Array<ArrayBuffer>), TypeError),
    pull: (controller) => controller.enqueue(new Uint8Array(1)),
  });
  const reader = stream.getReader({ mode: "byob" });
  const refused = await reader.read(array as unknown as Uint8Array<ArrayBuffer>).then(() => null, (error) => error);
  assertInstanceOf(refused, TypeError);
  await reader.cancel();
  assertEquals([...array], [1, 2, 3]);
  // A clone shares the memory.
  structuredClone(array)[0] = 9;
  assertEquals(array[0], 9);
});

Deno.test("whatever is done to an array while processes without permissions write into it, this one lives", async () => {
  const script = new URL("../soak/scribble.ts", import.meta.url);
  await using program = startProgram(script, { flags: ["-A", "--no-check", "--config=deno.json"], args: ["3"] });
  const { code, signal, stdout, stderr } = await program.outcome();
  assertEquals([code, signal, stderr], [0, null, ""]);
  for (const method of METHODS) assert(stdout.includes(`survived ${method}: {"sort":`), stdout);
});

for (const method of METHODS) {
  Deno.test(`${method}: arrays there and back, also made in a child that has ended since`, async () => {
    for (const permissions of ["inherit", "none"] as const) {
      const array = RawArray("i32", 5);
      using answers = new Queue<Int32Array>();
      const child = new (getContext(method).Process)({ target: fill, args: [array, answers], permissions });
      child.start();
      const [part, own] = [await answers.get(), await answers.get()];
      await child.join();
      assertEquals([...array], [7, 7, 7, 7, 7]);
      assertStrictEquals(part.buffer, array.buffer);
      assertEquals([part.byteOffset, part.length], [4, 2]);
      assertEquals([...own], [1, 2]);
      assertInstanceOf(own.buffer, SharedArrayBuffer);
      child.close();
    }
  });

  Deno.test(`${method}: what a killed process had of arrays is given back`, async () => {
    const { blocks } = native().memoryUsage();
    using ready = new Event();
    for (const permissions of ["inherit", "none"] as const) {
      const child = new (getContext(method).Process)({ target: hoard, args: [ready], permissions });
      child.start();
      await ready.wait();
      ready.clear();
      child.kill();
      await child.join();
      child.close();
    }
    await collectUntil(() => native().memoryUsage().blocks <= blocks + 1);
  });
}

/** A Worker that has done what it was asked for. */
async function posted(worker: Worker, message: unknown): Promise<void> {
  const done = new Promise((resolve) => worker.onmessage = resolve);
  worker.postMessage(message);
  await within(done, "the Worker", 60_000);
}

Deno.test("a Worker shares what it is posted, sends it on, and keeps its memory, which is given back after it", async () => {
  const { blocks } = native().memoryUsage();
  const worker = new Worker(new URL("../fixtures/sharedctypes/shared_views_worker.ts", import.meta.url), {
    type: "module",
  });
  await (async () => {
    using queue = new Queue<Int32Array>();
    const array = RawArray("i32", 3);
    await posted(worker, { arrays: [array], queue: dumps(queue).bytes });
    const back = await queue.get();
    assertEquals([...array, ...back], [1, 1, 1, 1, 1]);
    back[0] = 5;
    assertEquals([...array], [1, 5, 1]);
    // A growable buffer that has nothing to do with shared memory does not travel.
    const other = new Int32Array(new SharedArrayBuffer(8, { maxByteLength: 8 }), 0, 2);
    assertThrows(() => dumps(other), TypeError);
  })();
  await posted(worker, { arrays: Array.from({ length: 200 }, () => RawArray("i32", 1000)), queue: null });
  // This thread has let go of them; the Worker still writes there, and reaches nobody else's.
  await collectUntil(() => true);
  const others = Array.from({ length: 400 }, () => RawArray("i32", 1000));
  await posted(worker, { arrays: [], queue: null });
  assert(others.every((array) => array.every((it) => it === 0)), "a Worker wrote into another's memory");
  others.length = 0;
  worker.terminate();
  await collectUntil(() => native().memoryUsage().blocks <= blocks + 1);
});

Deno.test("a closed array gives its memory back at once if nobody has a view of it, and otherwise with the last", () => {
  const before = native().memoryUsage().bytes;
  const size = 10_000_000;
  const more = () => native().memoryUsage().bytes - before >= size;
  const array = SharedArray("u8", size);
  assert(more());
  array.close();
  assert(!more());
  assertThrows(() => array.getObj(), Error, "closed");
  const points = RawArray(Structure({ x: "f64" }), size / 8);
  assert(more());
  points.close();
  assert(!more());
  const shown = SharedArray("u8", size);
  const view = shown.getObj();
  shown.close();
  view[5] = 1;
  assert(more());
  assertStrictEquals(shown.getObj(), view);
  assertEquals(view[5], 1);
});

Deno.test("many small arrays live at a time, go and come, and their pages are few mappings", async () => {
  // The soak has a hundred thousand, and more than the system can have.
  const script = new URL("../soak/views.ts", import.meta.url);
  await using program = startProgram(script, { flags: ["-A", "--no-check", "--config=deno.json"], args: ["5000"] });
  const { code, stdout, stderr } = await program.outcome();
  assertEquals([code, stderr], [0, ""], stdout);
  const said = Object.fromEntries(stdout.trim().split("\n").map((line) => [line.split(" ")[0], line]));
  assert(Number(said.together.split(" ")[1]) < 1_500, said.together);
  assertEquals(said.again, "again true");
  assert(Number(said.end.split(" ")[1]) < 5_500, said.end);
  assertStrictEquals(said.churned, "churned 10");
});

Deno.test("an array of 8 GiB, and 5 GiB of live arrays of changing sizes", () => {
  assertEquals(RawArray("u8", 2 ** 33).length, 2 ** 33);
  assertEquals(churn(25).length, 10);
});
