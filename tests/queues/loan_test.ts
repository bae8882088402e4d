// Loans and views: bytes that are written and read where they lie; whatever is done wrong with them; kills.

import {
  Empty,
  EOFError,
  Full,
  InvalidStateError,
  JoinableQueue,
  Lock,
  Process,
  Queue,
  RawArray,
  ShutDown,
} from "@parallel/multiprocessing";
import { dumps } from "@parallel/multiprocessing/reduction";
import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { native } from "../../src/addon/load.ts";
import { Kind, MessageTag } from "../../src/addon/numbers.ts";
import { openScratch } from "../../src/addon/scratch.ts";
import { inside } from "../../src/queues/queue.ts";
import * as targets from "../fixtures/queues/loan_targets.ts";
import { ended, killed, leavingNothing, started } from "../support/children.ts";
import { assertNoMoreBlocks, blocked, FIXTURES, PATIENCE, until, within } from "../support/helpers.ts";
import { collectUntil } from "../support/sharedctypes.ts";

const patiently = { timeout: PATIENCE };
const atOnce = { timeout: 0 };
const blocks = () => native().memoryUsage().blocks;

/** Puts these bytes by a loan. */
function lend(queue: Queue<never> | Queue<Uint8Array> | Queue, ...bytes: number[]): void {
  using slot = queue.loan(Math.max(1, bytes.length));
  slot.bytes.set(bytes);
  slot.putSync(bytes.length);
}

Deno.test("what is written into a loan is got by every way to get", async () => {
  using queue = new Queue<Uint8Array>();
  using slot = queue.loan(10_000);
  assertEquals([slot.bytes.length, slot.bytes.buffer instanceof SharedArrayBuffer, String(slot)], [
    10_000,
    true,
    "<Loan(length=10000)>",
  ]);
  slot.bytes.set([1, 2, 3]);
  await slot.put(3);
  assertEquals(String(slot), "<Loan(length=10000, put)>");
  for (const n of [4, 5, 6, 7, 8, 9]) lend(queue, n);
  using view = await queue.getView();
  assertEquals([...view.bytes], [1, 2, 3]);
  assert(view.bytes.buffer instanceof SharedArrayBuffer);
  using other = queue.getViewSync();
  assertEquals([[...other.bytes], [...view.bytes], String(other)], [[4], [1, 2, 3], "<BytesView(length=1)>"]);
  assertEquals(await queue.get(), Uint8Array.of(5));
  assertEquals(queue.getSync(), Uint8Array.of(6));
  assertEquals(await queue.getMany(2), [Uint8Array.of(7), Uint8Array.of(8)]);
  queue.shutdown();
  assertEquals(await Array.fromAsync(queue), [Uint8Array.of(9)]);
});

Deno.test("loans keep their order among other values, in runs as well", async () => {
  using queue = new Queue<unknown>();
  queue.putManySync([1, 2]);
  lend(queue, 3);
  queue.putSync(4);
  lend(queue, 5, 6);
  lend(queue);
  assertEquals(queue.qsize(), 6);
  assertEquals(queue.getManySync(3), [1, 2, Uint8Array.of(3)]);
  assertEquals(await queue.getMany(9), [4, Uint8Array.of(5, 6), new Uint8Array()]);
});

Deno.test("memory that came back is lent again", () => {
  using queue = new Queue<Uint8Array>();
  lend(queue, 1);
  queue.getSync();
  const before = blocks();
  for (let n = 0; n < 50; n++) {
    lend(queue, n);
    using view = queue.getViewSync();
    assertEquals([...view.bytes], [n]);
  }
  {
    using slot = queue.loan(4096);
    slot.bytes.fill(1);
  }
  assertEquals(blocks(), before);
  // While it is viewed, it is not lent.
  lend(queue, 7);
  using view = queue.getViewSync();
  using slot = queue.loan(1);
  slot.bytes[0] = 8;
  assertEquals([...view.bytes], [7]);
});

Deno.test("a loan and a view that are dropped without a word come back by garbage collection", async () => {
  using queue = new Queue<Uint8Array>();
  const borrow = () => void queue.loan(1).bytes.fill(77);
  borrow();
  await collectUntil(() => isBack(queue));
  lend(queue, 77);
  const view = () => void assertEquals(queue.getViewSync().bytes[0], 77);
  view();
  assert(!isBack(queue));
  await collectUntil(() => isBack(queue));
});

Deno.test("many loans at a time, longer and shorter ones, and all of it goes with the queue", async () => {
  const before = blocks();
  {
    using queue = new Queue<Uint8Array>();
    const sizes = [1, 4096, 4097, 100_000, 3_000_000, 10, 50];
    const put = () => {
      for (const [n, size] of sizes.entries()) {
        using slot = queue.loan(size);
        targets.fill(slot.bytes, n);
        slot.putSync();
      }
    };
    for (let round = 0; round < 3; round++) {
      put();
      for (const [n, size] of sizes.entries()) {
        using view = queue.getViewSync();
        assertEquals([view.bytes.length, targets.isFilled(view.bytes, n)], [size, true]);
      }
    }
    const views = [];
    for (let i = 0; i < 30; i++) put();
    for (let i = 0; i < 30 * sizes.length; i++) views.push(queue.getViewSync());
    views.forEach((view, i) => assert(targets.isFilled(view.bytes.subarray(0, 99), i % sizes.length)));
    for (const view of views) view.close();
    const { blocks, bytes } = native().memoryUsage();
    assert(blocks < 300 && bytes < 160 * 2 ** 20, `${blocks} blocks of ${bytes} bytes are kept for the next loans`);
  }
  await assertNoMoreBlocks({ blocks: before });
});

const BYTES: [what: string, Uint8Array][] = [
  ["none", new Uint8Array()],
  ["few", Uint8Array.of(1, 2, 3)],
  ["300", new Uint8Array(300).fill(1)],
  ["long", new Uint8Array(5000).fill(2)],
  ["longer than the scratch buffer", new Uint8Array(100_000).fill(3)],
  ["in a block of their own", new Uint8Array(3_000_000).fill(4)],
  ["of a subclass", new (class Bytes extends Uint8Array {})(5)],
];
for (const [what, bytes] of BYTES) {
  Deno.test(`bytes that were put as usual can be viewed: ${what}`, async () => {
    using queue = new Queue();
    queue.putSync(bytes);
    queue.putSync(bytes);
    using view = queue.getViewSync();
    assert(view.bytes.length === bytes.length && view.bytes.every((byte, i) => byte === bytes[i]));
    using another = await queue.getView();
    assertEquals(another.bytes.length, bytes.length);
  });
}

const OTHERS: [what: string, value: unknown][] = [
  ["a number", 5],
  ["undefined", undefined],
  ["a text", "abc"],
  ["a long text", "abc".repeat(100_000)],
  ["a list of bytes", [Uint8Array.of(1)]],
  ["an object", { bytes: Uint8Array.of(1) }],
  ["another array", Float64Array.of(1)],
  ["an ArrayBuffer", new ArrayBuffer(3)],
  ["a shared array", RawArray("u8", 3)],
  ["a lock", new Lock()],
];
for (const [what, value] of OTHERS) {
  Deno.test(`a value that is no bytes cannot be viewed, and stays: ${what}`, async () => {
    using queue = new Queue<unknown>(0, { name: "mixed" });
    queue.putSync(value);
    lend(queue, 7);
    const message = 'Cannot view the next value of the queue "mixed": it is not a Uint8Array; it stays the next one';
    assertThrows(() => queue.getViewSync(), TypeError, message);
    assertThrows(() => queue.getViewSync(atOnce), TypeError, message);
    await assertRejects(() => queue.getView(), TypeError, message);
    await assertRejects(() => queue.getView(atOnce), TypeError, message);
    assertEquals(queue.qsize(), 2);
    assertEquals(Object.prototype.toString.call(queue.getSync()), Object.prototype.toString.call(value));
    using view = queue.getViewSync();
    assertEquals([...view.bytes], [7]);
  });
}

Deno.test("who waits for a view is told of a value that is no bytes, and leaves it to others", async () => {
  using queue = new Queue<unknown>();
  const viewing = queue.getView(patiently);
  const getting = queue.get(patiently);
  queue.putSync("a text");
  await assertRejects(() => viewing, TypeError, "it is not a Uint8Array");
  assertEquals(await within(getting), "a text");
});

Deno.test("a process that is told so wakes the one behind it, which takes the value", async () => {
  using queue = new Queue<unknown>();
  using said = new Queue<string>();
  const viewer = started(targets.tryToView, queue, said);
  assertEquals(await said.get(patiently), "begins");
  await blocked(viewer.pid!);
  const getter = started(targets.getOne, queue, said);
  assertEquals(await said.get(patiently), "begins");
  await blocked(getter.pid!);
  queue.putSync("a text");
  const first = await said.get(patiently);
  if (first === "a text") queue.putSync("for the viewer"); // the other was quicker
  const second = await said.get(patiently);
  assertEquals([first, second].sort(), ["TypeError", "a text"]);
  await ended(viewer, getter);
});

const SIZES: [size: unknown, kind: typeof RangeError | typeof TypeError, message: RegExp][] = [
  [0, RangeError, /"size" is 0, wanted a whole number from 1 to 4294967295/],
  [-1, RangeError, /"size" is -1/],
  [NaN, RangeError, /"size" is NaN/],
  [1.5, RangeError, /"size" is 1.5/],
  [Infinity, RangeError, /"size" is Infinity/],
  [2 ** 32, RangeError, /"size" is 4294967296/],
  ["1", TypeError, /"size" is "1"/],
  [undefined, TypeError, /"size" is undefined/],
  [1n, TypeError, /"size" is 1n/],
];
for (const [size, kind, message] of SIZES) {
  Deno.test(`a loan of ${Deno.inspect(size)} bytes is refused`, () => {
    using queue = new Queue();
    assertMatch(assertThrows(() => queue.loan(size as number), kind).message, message);
  });
}

const LENGTHS: [length: unknown, kind: typeof RangeError | typeof TypeError][] = [
  [-1, RangeError],
  [11, RangeError],
  [NaN, RangeError],
  [0.5, RangeError],
  [Infinity, RangeError],
  ["3", TypeError],
  [null, TypeError],
];
for (const [length, kind] of LENGTHS) {
  Deno.test(`a loan of 10 bytes cannot be put with a length of ${Deno.inspect(length)}, and can be put then`, async () => {
    using queue = new Queue<Uint8Array>();
    using slot = queue.loan(10);
    const message = `Cannot put the loan: "length" is ${Deno.inspect(length)}, wanted a whole number from 0 to 10`;
    await assertRejects(() => slot.put(length as number), kind, message);
    assertThrows(() => slot.putSync(length as number), kind, message);
    assertEquals(queue.qsize(), 0);
    await slot.put();
    assertEquals(queue.getSync().length, 10);
  });
}

Deno.test("a loan is used once", async () => {
  using queue = new Queue<Uint8Array>(0, { name: "once" });
  const put = queue.loan(10);
  put.putSync(1);
  const refused = (what: string) => [InvalidStateError, `the loan of the queue "once": it was ${what}`] as const;
  assertThrows(() => put.bytes, ...refused("put"));
  assertThrows(() => put.putSync(1), ...refused("put"));
  await assertRejects(() => put.put(1), ...refused("put"));
  put.close();
  assertEquals(queue.qsize(), 1);
  const back = queue.loan(10);
  back.close();
  back.close();
  assertThrows(() => back.bytes, ...refused("given back"));
  assertThrows(() => back.putSync(1), ...refused("given back"));
  assertEquals(String(back), "<Loan(length=10, given back)>");
});

Deno.test("a loan that its own options close while it is put is not lent again", async () => {
  using queue = new Queue<Uint8Array>();
  for (const isSync of [true, false]) {
    const slot = queue.loan(10);
    slot.bytes[0] = 1;
    const closing = {
      get timeout(): number {
        slot.close();
        assertThrows(() => slot.putSync(1), InvalidStateError, "it is being put");
        return 0;
      },
    };
    if (isSync) slot.putSync(1, closing);
    else await slot.put(1, closing);
    using other = queue.loan(10);
    other.bytes[0] = 2;
    assertEquals([queue.qsize(), [...queue.getViewSync().bytes]], [1, [1]]);
  }
});

Deno.test("a view that this process can map no more is a copy: its message is not lost", () => {
  using queue = new Queue<Uint8Array>();
  lend(queue, 1, 2);
  const addon = native();
  const { loanOpen } = addon;
  addon.loanOpen = () => {
    throw new RangeError("too many mappings");
  };
  try {
    using view = queue.getViewSync();
    assertEquals([view.bytes.buffer instanceof ArrayBuffer, [...view.bytes]], [true, [1, 2]]);
  } finally {
    addon.loanOpen = loanOpen;
  }
  lend(queue, 3);
  using view = queue.getViewSync();
  assertEquals([view.bytes.buffer instanceof SharedArrayBuffer, [...view.bytes]], [true, [3]]);
});

Deno.test("an array that is used without its view keeps the memory from the next loan", async () => {
  using queue = new Queue<Uint8Array>();
  lend(queue, 77);
  const { bytes } = queue.getViewSync();
  let collections = 0;
  await collectUntil(() => ++collections > 5);
  assert(!isBack(queue));
  assertEquals(bytes[0], 77);
});

Deno.test("an array that is written without its loan keeps the memory from the next loan", async () => {
  using queue = new Queue<Uint8Array>();
  const { bytes } = queue.loan(10);
  bytes[0] = 77;
  let collections = 0;
  await collectUntil(() => ++collections > 5);
  assert(!isBack(queue));
  assertEquals(bytes[0], 77);
});

Deno.test("a view is used until it is given back", () => {
  using queue = new Queue<Uint8Array>();
  lend(queue, 1);
  queue.putSync(Uint8Array.of(2));
  for (const view of [queue.getViewSync(), queue.getViewSync()]) {
    const { bytes } = view;
    view.close();
    view.close();
    assertThrows(() => view.bytes, InvalidStateError, "Cannot use the bytes of a view: it was given back");
    assertEquals([String(view), bytes.length], ["<BytesView(given back)>", 1]);
  }
});

Deno.test("of a queue that is closed nothing can be borrowed, put or viewed, and what is viewed stays", async () => {
  const before = blocks();
  const queue = new Queue<Uint8Array>();
  lend(queue, 5);
  lend(queue, 6);
  const view = queue.getViewSync();
  const slot = queue.loan(10);
  const { bytes } = slot;
  bytes.fill(1);
  queue.close();
  assertEquals([...view.bytes], [5]);
  assertEquals([...bytes], Array(10).fill(0), "its memory is gone, and zeroes stand for it");
  assertThrows(() => slot.bytes, InvalidStateError, "given back, as the queue was closed");
  assertEquals(String(slot), "<Loan(length=10, given back)>");
  assertThrows(() => slot.putSync(), InvalidStateError);
  await assertRejects(() => slot.put(), InvalidStateError);
  assertThrows(() => queue.loan(1), InvalidStateError, "Cannot borrow memory of the queue: the Queue is closed");
  assertThrows(() => queue.getViewSync(), InvalidStateError);
  await assertRejects(() => queue.getView(), InvalidStateError);
  slot.close();
  const kept = view.bytes;
  view.close();
  assertEquals([...kept], [0]);
  await assertNoMoreBlocks({ blocks: before });
});

Deno.test("a queue that is shut down takes no loan, and gives those that it has", async () => {
  using queue = new Queue<Uint8Array>();
  lend(queue, 1);
  using slot = queue.loan(1);
  queue.shutdown();
  await assertRejects(() => slot.put(), ShutDown);
  assertThrows(() => slot.putSync(), ShutDown);
  assertEquals(slot.bytes.length, 1, "it can still be used");
  assertEquals([...queue.getViewSync().bytes], [1]);
  assertThrows(() => queue.getViewSync(), ShutDown);
  await assertRejects(() => queue.getView(), ShutDown);
});

Deno.test("an empty queue gives no view: at once, in time, aborted, or because nobody is left", async () => {
  using queue = new Queue<Uint8Array>();
  assertThrows(() => queue.getViewSync({ block: false }), Empty, "Cannot get from the queue: it is empty");
  assertThrows(() => queue.getViewSync({ timeout: 1 }), Empty, "and was for 1 ms");
  await assertRejects(() => queue.getView(atOnce), Empty);
  await assertRejects(() => queue.getView({ timeout: 1 }), Empty);
  const controller = new AbortController();
  const getting = queue.getView({ signal: controller.signal });
  controller.abort("not any more");
  assertEquals(await getting.catch((reason) => reason), "not any more");
  assertEquals(await queue.getView({ signal: AbortSignal.abort("before") }).catch((reason) => reason), "before");
  assertThrows(() => queue.getViewSync(), EOFError);
  await assertRejects(() => queue.getView({ until: 3 } as never), TypeError, '"until"');
  const waiting = [queue.getView(), queue.getView()];
  lend(queue, 1);
  queue.putSync(Uint8Array.of(2));
  const [first, second] = await within(Promise.all(waiting));
  assertEquals([[...first.bytes], [...second.bytes]], [[1], [2]]);
});

Deno.test("a loan that finds no room can be put later; aborted or closed meanwhile, it was not put", async () => {
  using queue = new Queue<Uint8Array>(1);
  lend(queue, 1);
  using slot = queue.loan(4);
  slot.bytes[0] = 2;
  assertThrows(() => slot.putSync(1, atOnce), Full, "Cannot put into the queue: it is full");
  assertThrows(() => slot.putSync(1, { timeout: 1 }), Full);
  await assertRejects(() => slot.put(1, atOnce), Full);
  await assertRejects(() => slot.put(1, { timeout: 1 }), Full);
  await assertRejects(() => slot.put(1, { atonce: true } as never), TypeError, '"atonce"');
  const controller = new AbortController();
  const aborted = slot.put(1, { signal: controller.signal });
  assertThrows(() => slot.bytes, InvalidStateError, "it is being put");
  assertThrows(() => slot.putSync(1), InvalidStateError, "it is being put");
  controller.abort("enough");
  assertEquals(await aborted.catch((reason) => reason), "enough");
  const late = slot.put(1);
  using behind = queue.loan(4);
  behind.bytes[0] = 3;
  const later = behind.put(1);
  assertEquals([...queue.getViewSync().bytes], [1]);
  await late;
  assertEquals([...queue.getViewSync().bytes], [2]);
  await later;
  // Closed while it waits: it is given back when the wait has failed.
  const closed = queue.loan(4);
  const failing = closed.put(1, { timeout: 5 });
  closed.close();
  await assertRejects(() => failing, Full);
  assertThrows(() => closed.bytes, InvalidStateError, "it was given back");
  assertEquals([queue.qsize(), [...queue.getViewSync().bytes]], [1, [3]]);
});

Deno.test("files are read straight into a loan, and written from a view, in promises and blocking", async () => {
  using queue = new Queue<Uint8Array>();
  const path = await Deno.makeTempFile();
  const copy = await Deno.makeTempFile();
  try {
    await Deno.writeFile(path, new Uint8Array(5000).fill(9));
    for (const isSync of [false, true]) {
      using file = await Deno.open(path);
      using slot = queue.loan(10_000);
      slot.putSync((isSync ? file.readSync(slot.bytes) : await file.read(slot.bytes)) ?? 0);
      using view = queue.getViewSync();
      assertEquals(view.bytes.length, 5000);
      if (isSync) Deno.writeFileSync(copy, view.bytes);
      else await Deno.writeFile(copy, view.bytes);
      assertEquals(await Deno.readFile(copy), new Uint8Array(5000).fill(9));
      await Deno.truncate(copy);
    }
  } finally {
    for (const file of [path, copy]) await Deno.remove(file);
  }
});

Deno.test("a joinable queue counts loans that were viewed", async () => {
  using queue = new JoinableQueue<Uint8Array>();
  lend(queue, 1);
  {
    using _view = queue.getViewSync();
    assertEquals(await queue.join(atOnce), false);
  }
  queue.taskDone();
  assertEquals(await queue.join(patiently), true);
});

Deno.test("the memory of a loan or view is not sent; a copy is", async () => {
  using queue = new Queue<Uint8Array>();
  using other = new Queue<Uint8Array>();
  using slot = queue.loan(3);
  assertThrows(() => other.putSync(slot.bytes), TypeError, "send a copy made with slice()");
  assertThrows(() => other.putSync(slot as never), TypeError, "put it, or send a copy of its bytes");
  slot.putSync();
  using view = queue.getViewSync();
  await assertRejects(() => other.put(view.bytes), TypeError, "send a copy made with slice()");
  await assertRejects(() => other.put(view as never), TypeError, "send a copy of its bytes made with slice()");
  other.putSync(view.bytes.slice());
  assertEquals(other.getSync().length, 3);
});

Deno.test("what says that it is a loan and is none is an error, and costs no other message", () => {
  using queue = new Queue<unknown>();
  const addon = native();
  const block = addon.createBlock(Kind.bytes, 1);
  const id = queue[inside]().block("be tested");
  const generation = addon.generationOf(block);
  const forged = [
    new Uint8Array(3),
    new Uint8Array(Uint32Array.of(block, generation, block, generation, 5).buffer),
    new Uint8Array(Uint32Array.of(block, generation + 1, block, generation, 5).buffer),
    new Uint8Array(Uint32Array.of(2 ** 31, 1, block, generation, 2 ** 32 - 1).buffer),
  ];
  const put = (bytes: Uint8Array) => addon.queuePutBytes(id, MessageTag.loan, bytes, [block], 0);
  for (const bytes of forged) {
    for (let i = 0; i < 3; i++) put(bytes);
    queue.putSync("behind it");
    assertThrows(() => queue.getSync());
    assertThrows(() => queue.getViewSync());
    assertEquals(queue.getManySync(9), ["behind it"]);
    assertThrows(() => queue.getSync());
  }
  addon.releaseBlock(block);
});

Deno.test("a message that says something else of memory that is viewed is an error, and the view stays", () => {
  using queue = new Queue<Uint8Array>();
  const addon = native();
  const id = queue[inside]().block("be tested");
  lend(queue, 1, 2, 3);
  assert(addon.queueGet(id, 0, 0) > 20);
  const holds = addon.takenAttachments();
  const [block, generation, receipt, itsGeneration] = new Uint32Array(openScratch().bytes.slice(0, 20).buffer);
  const put = (...numbers: number[]) => {
    const bytes = new Uint8Array(Uint32Array.of(...numbers).buffer);
    addon.queuePutBytes(id, MessageTag.loan, bytes, [receipt, block], 0);
  };
  put(block, generation, receipt, itsGeneration, 3);
  addon.unpin(holds);
  using view = queue.getViewSync();
  for (const get of [() => queue.getViewSync(), () => queue.getSync()]) {
    put(block, generation + 1, receipt, itsGeneration, 3);
    assertThrows(get, InvalidStateError);
    put(block, generation, receipt, itsGeneration, 5000);
    assertThrows(get, RangeError, "5000 bytes are announced, there are 4096");
  }
  put(block, generation, receipt, itsGeneration + 1, 3);
  assertThrows(() => queue.getViewSync(), InvalidStateError);
  assertEquals([[...view.bytes], queue.qsize()], [[1, 2, 3], 0]);
});

const STREAMS = [
  { producer: targets.lendAll, maxsize: 0 },
  { producer: targets.lendAll, maxsize: 2 },
  { producer: targets.lendAllAsync, maxsize: 3 },
];
for (const { producer, maxsize } of STREAMS) {
  Deno.test(`loans through ${producer.name} with maxsize ${maxsize} to another process: whole, in order`, async () => {
    await leavingNothing(async () => {
      using queue = new Queue<Uint8Array>(maxsize);
      using said = new Queue<number>();
      const children = [started(producer, queue, 150), started(targets.viewAll, queue, said, 150)];
      assertEquals(await said.get(patiently), 150);
      await ended(...children);
    });
  });
}

Deno.test("a child without permissions views and lends as others do", async () => {
  await leavingNothing(async () => {
    using queue = new Queue<Uint8Array>(2);
    using back = new Queue<Uint8Array>(2);
    const child = new Process({ target: targets.echo, args: [queue, back, 20], permissions: "none" });
    child.start();
    for (let n = 0; n < 20; n++) {
      using slot = queue.loan(9000);
      targets.fill(slot.bytes, n);
      await slot.put(9000, patiently);
      using view = await back.getView(patiently);
      assert(targets.isFilled(view.bytes, n));
    }
    await ended(child);
  });
});

Deno.test("killed between loan and put, a process leaves what it had put, and its memory comes back", async () => {
  await leavingNothing(async () => {
    using queue = new Queue<Uint8Array>();
    using said = new Queue<string>();
    const before = blocks();
    for (const target of [targets.borrowFor, targets.putAndBorrow]) {
      const child = started(target, queue, said);
      assertEquals(await said.get(patiently), "borrowed");
      assert(blocks() > before);
      await killed(child);
      if (target === targets.putAndBorrow) {
        using view = await queue.getView(patiently);
        assert(targets.isFilled(view.bytes, 3));
      }
      assertEquals(queue.qsize(), 0);
    }
  });
});

Deno.test("killed while it views, a process leaves the others, and the memory is lent again", async () => {
  await leavingNothing(async () => {
    using queue = new Queue<Uint8Array>();
    using said = new Queue<string>();
    lend(queue, 77);
    lend(queue, 4);
    const child = started(targets.viewFor, queue, said);
    assertEquals(await said.get(patiently), "viewed");
    using view = queue.getViewSync();
    assertEquals([...view.bytes], [4]);
    assert(!isBack(queue));
    await killed(child);
    await until("the memory back", () => isBack(queue));
    assertEquals([...view.bytes], [4]);
  });
});

/** Whether the memory that was lent with 77 as its first byte is lent again. */
function isBack(queue: Queue<Uint8Array>): boolean {
  using one = queue.loan(1);
  using two = queue.loan(1);
  return [one, two].some(({ bytes }) => bytes[0] === 77);
}

Deno.test("a Worker that is terminated while it views gives the memory back", async () => {
  using queue = new Queue<Uint8Array>();
  lend(queue, 77);
  const worker = new Worker(new URL("queues/loan_worker.ts", FIXTURES), { type: "module" });
  const { promise, resolve } = Promise.withResolvers<void>();
  worker.onmessage = () => resolve();
  const message = dumps(queue);
  worker.postMessage(message.bytes);
  await within(promise);
  assert(message.bytes.length > 0); // what a message offers is taken back when its bytes are collected
  assert(!isBack(queue));
  worker.terminate();
  await until("the memory back", () => isBack(queue));
});
