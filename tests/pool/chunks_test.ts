// How many items a task of `map` has, for few workers and for many that share a CPU.

import { assert, assertEquals } from "@std/assert";
import { type CallParts, noteItems } from "../../src/pool/calls/call.ts";
import { MapCall } from "../../src/pool/calls/map.ts";
import { inputOf, ListInput } from "../../src/pool/input.ts";

/** What a pool says of itself. */
interface Of {
  readonly slots: number;
  readonly crowding: number;
  /** Milliseconds that an item of the function takes, as far as that is known. */
  readonly itemTime?: number;
  readonly chunksize?: number;
}

/** How many items each task of a map has, in the order of the tasks. */
function chunks(count: number, { slots, crowding, itemTime, chunksize }: Of, isList = true): number[] {
  const fn = { id: 1, itemTime: itemTime ?? null };
  const parts = {
    events: { slots, crowding, hold() {}, release() {}, callOver() {} },
    fn,
    flags: 0,
  } as unknown as CallParts;
  const items = Array.from({ length: count }, (_, i) => i);
  const input = isList ? new ListInput(items) : inputOf(items.values(), () => {});
  const call = new MapCall({ ...parts }, { input, chunksize: chunksize ?? null });
  call.promise.catch(() => {});
  const taken = [];
  for (let task = call.take(); task !== null; task = call.take()) taken.push(task.list);
  assertEquals(taken.flat(), items, "each item is in one task, in their order");
  return taken.map((list) => list.length);
}

const largest = (sizes: number[]) => sizes.reduce((most, size) => Math.max(most, size), 0);

Deno.test("of a list each of two workers has four chunks, and smaller ones in the end", () => {
  for (const itemTime of [undefined, 1e-4, 50]) {
    const sizes = chunks(1000, { slots: 2, crowding: 1, itemTime });
    assertEquals(sizes.slice(0, 2), [125, 125]);
    assertEquals(sizes.toSorted((a, b) => b - a), sizes, "none is larger than the one before");
    assertEquals(sizes.at(-1), 1);
  }
});

Deno.test("64 workers on 2 CPUs get more of quick items at a time, eight times as many at most", () => {
  const many = { slots: 64, crowding: 32 };
  const fair = chunks(25_600, many);
  assertEquals([largest(fair), fair.at(-1)], [100, 1]);
  const quick = chunks(25_600, { ...many, itemTime: 1e-4 });
  assertEquals([largest(quick), quick.length], [800, 32]);
  assert(quick.length < fair.length / 8, `${quick.length} chunks instead of ${fair.length}`);
});

Deno.test("a chunk is worth a turn of the CPU, and no longer", () => {
  const many = { slots: 64, crowding: 32 };
  assertEquals(largest(chunks(25_600, { ...many, itemTime: 0.005 })), 200); // 1 ms
  const slow = chunks(25_600, { ...many, itemTime: 0.05 }); // 100 of them are 5 ms: no more are given than were before
  assertEquals([largest(slow), Math.min(...slow.slice(0, -1))], [100, 20]);
  for (const itemTime of [1.5, 1000]) assertEquals(chunks(640, { ...many, itemTime }), chunks(640, many));
});

Deno.test("less crowded workers get less more", () => {
  assertEquals(largest(chunks(25_600, { slots: 64, crowding: 2, itemTime: 1e-4 })), 200);
  assertEquals(largest(chunks(25_600, { slots: 64, crowding: 1, itemTime: 1e-4 })), 100);
});

Deno.test("few items go to many workers one by one, unless they are quick", () => {
  const many = { slots: 64, crowding: 32 };
  assertEquals(chunks(10, many), Array(10).fill(1));
  assertEquals(chunks(10, { ...many, itemTime: 1e-4 }), [8, 2]);
  assertEquals(chunks(0, { ...many, itemTime: 1e-4 }), []);
});

Deno.test("who says how large chunks are gets such, however many workers there are", () => {
  assertEquals(chunks(10, { slots: 64, crowding: 32, itemTime: 1e-4, chunksize: 4 }), [4, 4, 2]);
});

Deno.test("of an input without a length chunks grow with what there was, up to a limit", () => {
  const sizes = chunks(100_000, { slots: 2, crowding: 1 }, false);
  assertEquals([sizes[0], largest(sizes)], [1, 1024]);
  assertEquals(sizes.slice(0, -1).toSorted((a, b) => a - b), sizes.slice(0, -1));
  assertEquals(chunks(1000, { slots: 64, crowding: 32, itemTime: 1e-4 }, false).slice(0, 100), Array(100).fill(1));
});

Deno.test("what is known of a function's items is the least time, and slowly more", () => {
  const fn = { id: 1, itemTime: null } as unknown as CallParts["fn"];
  noteItems(fn, 10, 50);
  assertEquals(fn.itemTime, 5);
  noteItems(fn, 100, 100);
  assertEquals(fn.itemTime, 1);
  noteItems(fn, 1, 11); // it may have waited for its CPU
  assertEquals(fn.itemTime, 2);
});
