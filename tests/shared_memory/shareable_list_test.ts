// ShareableList in one process: its items, its bytes, and blocks that lie about what they have.

import { ShareableList, SharedMemory } from "@parallel/multiprocessing/shared_memory";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { dumps, loads } from "@parallel/multiprocessing/reduction";
import * as fc from "fast-check";
import * as targets from "../fixtures/shared_memory/targets.ts";
import { run } from "../support/sharedctypes.ts";

/** A list that is gone at the end of its test. */
function listOf(items: Iterable<unknown>): ShareableList & Disposable {
  const list = new ShareableList(items as never[]);
  list.shm.unlink();
  return list;
}

const bytes = (...values: number[]) => new Uint8Array(values);

Deno.test("TestSharedMemory.test_shared_memory_ShareableList_basics: items of all kinds are had, replaced, counted and found", () => {
  const items = ["howdy", bytes(104, 111), -273.154, 100, null, true, 42n, 2n ** 63n - 1n, "", "né", -0, NaN];
  using list = listOf(items);
  assertEquals([...list], ["howdy", bytes(104, 111), -273.154, 100, null, true, 42, 2n ** 63n - 1n, "", "né", -0, NaN]);
  assertEquals(list.length, 12);
  assertEquals(list.format, "8s8sdqxxxxxx?xxxxxxxx?qq8s8sdd");
  assertEquals([list.get(-1), list.get(-12), list.get(0)], [NaN, "howdy", "howdy"]);
  for (const index of [12, -13, 0.5, NaN, Infinity]) {
    assertThrows(() => list.get(index), RangeError, "index out of range");
    assertThrows(() => list.set(index, 1), RangeError, "assignment index out of range");
  }
  assertThrows(() => list.get("1" as never), TypeError, 'the index is "1"');

  list.set(3, 42); // of the same type
  list.set(4, "some"); // of another, which has room for eight bytes
  list.set(5, 2.5);
  list.set(-3, null);
  assertEquals([list.get(3), list.get(4), list.get(5), list.get(9)], [42, "some", 2.5, null]);
  assertEquals(list.format, "8s8sdq8sdqq8sxxxxxx?xdd");
  for (const [index, item] of [[0, "nine char"], [0, bytes(...Array(9).fill(1))], [4, "é".repeat(5)]] as const) {
    const before = list.get(index);
    assertThrows(() => list.set(index, item), RangeError, "bytes/str item exceeds available storage");
    assertEquals(list.get(index), before);
  }
  list.set(0, "éé"); // shorter: nothing of the former is left
  assertEquals(list.get(0), "éé");
  assertEquals([list.count(42), list.count(42n), list.count("some"), list.count("none")], [2, 2, 1, 0]);
  assertEquals([list.index(42), list.index(null), list.index(bytes(104, 111))], [3, 9, 1]);
  assertThrows(() => list.index(100), RangeError, "it is not in this list");
  assertEquals(String(list), `ShareableList(12 items, "${list.shm.name}")`);
});

Deno.test("TestSharedMemory.test_shared_memory_ShareableList_basics: a copy, an empty list, and a second handle", () => {
  const name = `psm_test_list_${Deno.pid}`;
  using list = new ShareableList([1, "a"], { name });
  try {
    using same = new ShareableList(null, { name });
    same.set(0, -1);
    assertEquals([list.get(0), same.shm.name, same.length], [-1, name, 2]);
    using copy = listOf(list as Iterable<unknown>);
    copy.set(0, 5);
    assertEquals([list.get(0), copy.shm.name !== name], [-1, true]);
    assertThrows(() => new ShareableList([1], { name }), Deno.errors.AlreadyExists);
  } finally {
    list.shm.unlink();
  }
  assertThrows(() => new ShareableList(undefined, { name }), Deno.errors.NotFound);
  using empty = listOf([]);
  assertEquals([empty.length, [...empty], empty.format, empty.shm.size], [0, [], "", 16]);
  assertThrows(() => empty.get(0), RangeError);
});

Deno.test("a text has room for as many bytes as it was given, in whatever letters", () => {
  for (const text of ["é".repeat(7), "é".repeat(8), "😀", "😀".repeat(100), "\ufeffa", "x".repeat(8)]) {
    using list = listOf([text]);
    assertEquals(list.get(0), text);
    list.set(0, text);
    assertEquals(list.get(0), text);
  }
});

Deno.test("NULs at the end of a text or of bytes are not kept, as in Python", () => {
  using list = listOf(["a\0b\0\0", bytes(0, 1, 0), "\0", bytes(0)]);
  assertEquals([...list], ["a\0b", bytes(0, 1), "", bytes()]);
});

Deno.test("items that a list cannot hold are refused, and leave nothing", () => {
  const before = names();
  for (const item of [{}, [], Symbol("a"), () => {}, new Date(), new Float64Array(1), new Map()]) {
    assertThrows(() => new ShareableList([1, item as never]), TypeError, "Cannot store");
  }
  for (const item of [2n ** 63n, -(2n ** 63n) - 1n, "\ud800", "x".repeat(10_000_000)]) {
    assertThrows(() => new ShareableList([1, item]), RangeError, "Cannot store");
  }
  assertThrows(() => new ShareableList(5 as never), TypeError, "cannot be iterated");
  assertEquals(names().filter((name) => !before.includes(name)), []);
  using list = listOf([1]);
  assertThrows(() => list.set(0, {} as never), TypeError, "Cannot store");
  assertThrows(() => list.set(0, 2n ** 64n), RangeError, "Cannot store");
  assertEquals(list.get(0), 1);
});

/** The blocks that this process has mapped. */
function names(): string[] {
  const maps = Deno.readTextFileSync("/proc/self/maps").split("\n");
  return [...new Set(maps.flatMap((line) => line.match(/\/dev\/shm\/(.*?)(?: \(deleted\))?$/)?.[1] ?? []))];
}

Deno.test("TestSharedMemory.test_shared_memory_ShareableList_pickling: a list that is sent is the same list", async () => {
  using list = new ShareableList([1, 2.5, 3]);
  using longer = listOf(["x".repeat(10_000)]);
  const { bytes } = dumps(list);
  assert(Math.abs(bytes.length - dumps(longer).bytes.length) < 16, "its size depends on what is in it");
  using copy = loads(bytes) as ShareableList;
  copy.set(0, 10);
  assertEquals(list.get(0), 10);
  await run(targets.double, list);
  assertEquals([...list], [20, 5, 6]);
  list.shm.unlink();
});

Deno.test("TestSharedMemory.test_shared_memory_ShareableList_pickling_dead_object: an unlinked list cannot be had", () => {
  using list = new ShareableList([1]);
  const { bytes } = dumps(list);
  list.shm.unlink();
  assertThrows(() => loads(bytes), Deno.errors.NotFound);
});

Deno.test("a list of anything comes back as it was, also in another handle", () => {
  const item = fc.oneof(
    fc.maxSafeInteger(),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).filter((it) => !Number.isSafeInteger(Number(it))),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    fc.string({ unit: "grapheme", maxLength: 20 }).filter((it) => !it.endsWith("\0")),
    fc.uint8Array({ maxLength: 20 }).filter((it) => it.at(-1) !== 0),
  );
  fc.assert(
    fc.property(fc.array(item, { maxLength: 8 }), (items) => {
      using list = new ShareableList(items);
      try {
        using same = new ShareableList(null, { name: list.shm.name });
        assertEquals([...same], items.map((it) => it instanceof Uint8Array ? new Uint8Array(it) : it));
      } finally {
        list.shm.unlink();
      }
    }),
    { numRuns: 60 },
  );
});

Deno.test("a block that lies about its list is refused, and nothing beyond the list is read or written", () => {
  // Two items: "ab" and 5. 16 bytes of numbers, 24 of offsets less the first, data, formats and codes.
  const write = (memory: SharedMemory, at: number, value: bigint) =>
    new DataView(memory.buf.buffer).setBigInt64(at, value, true);
  const lies: [at: number, value: bigint][] = [
    ...[-1n, 3n, 1000n, 2n ** 62n, -(2n ** 63n)].map((value): [number, bigint] => [0, value]),
    ...[1n, -1n, 8n].map((value): [number, bigint] => [8, value]),
    ...[-8n, 17n, 2n ** 40n, 2n ** 63n - 1n].map((value): [number, bigint] => [16, value]),
    ...[0n, 4n, 24n, 2n ** 53n].map((value): [number, bigint] => [24, value]),
  ];
  for (const [at, value] of lies) {
    using list = new ShareableList(["ab", 5]);
    write(list.shm, at, value);
    assertThrows(
      () => new ShareableList(null, { name: list.shm.name }),
      RangeError,
      "Cannot read the list",
      `${at}: ${value}`,
    );
    assertEquals([...list], ["ab", 5]); // where its slots are it knows already
    list.shm.unlink();
  }
  for (const size of [1, 15]) {
    using memory = new SharedMemory({ create: true, size });
    assertThrows(() => new ShareableList(null, { name: memory.name }), RangeError, "too short");
    memory.unlink();
  }
});

Deno.test("a slot that lies about what it holds is refused at each use, and can be written anew", () => {
  const formats = ["16s", "9999999s", "-8s", "8", "s", "qq", "Q", "8 s", "\xff", "", "d8s"];
  for (const format of formats) {
    using list = listOf(["ab", 5]);
    const at = 32 + 16;
    list.shm.buf.fill(0, at, at + 8);
    for (let i = 0; i < format.length; i++) list.shm.buf[at + i] = format.charCodeAt(i);
    assertThrows(() => list.get(0), RangeError, "Cannot get item 0", format);
    list.set(0, "abcdefgh");
    assertEquals([...list], ["abcdefgh", 5], format);
  }
  for (const code of [4, 127, 128, 255]) {
    using list = listOf(["ab", 5]);
    list.shm.buf[32 + 32] = code;
    list.shm.buf[32 + 33] = code;
    assertThrows(() => list.get(0), RangeError, "there is no item of format");
    assertThrows(() => list.get(1), RangeError, "there is no item of format");
  }
  using list = listOf(["ab", 5]);
  list.shm.buf[32] = 0xff;
  assertThrows(() => list.get(0), RangeError, "its bytes are no text in UTF-8");
});

Deno.test("any bytes in any block are a list or refused, and never more than that", () => {
  using memory = new SharedMemory({ create: true, size: 200 });
  const small = fc.bigInt({ min: -20n, max: 220n });
  fc.assert(
    fc.property(fc.array(small, { minLength: 25, maxLength: 25 }), fc.uint8Array({ maxLength: 40 }), (words, noise) => {
      const view = new DataView(memory.buf.buffer);
      words.forEach((word, at) => view.setBigInt64(8 * at, word, true));
      memory.buf.set(noise, 200 - noise.length);
      view.setBigInt64(0, words[0] % 6n, true);
      view.setBigInt64(8, 0n, true);
      let list: ShareableList;
      try {
        list = new ShareableList(null, { name: memory.name });
      } catch (error) {
        assert(error instanceof RangeError, String(error));
        return;
      }
      using _ = list;
      for (let at = 0; at < list.length; at++) {
        for (const use of [() => list.get(at), () => list.set(at, "x"), () => list.set(at, 1), () => list.format]) {
          try {
            use();
          } catch (error) {
            assert(error instanceof RangeError, String(error));
          }
        }
      }
    }),
    { numRuns: 300 },
  );
  memory.unlink();
});
