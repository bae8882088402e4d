// Named shared memory and CPython's: what one writes the other reads, to the byte, and neither removes what is the other's.

import { dumps, float, loads, PickleError, PythonName, PythonObject } from "@parallel/multiprocessing/pickle";
import { ShareableList, SharedMemory } from "@parallel/multiprocessing/shared_memory";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { within } from "../support/helpers.ts";
import { pythonWithNumpy } from "../support/numpy.ts";
import { isFrom, type Python, pythons } from "../support/python.ts";

const PEER = new URL("../fixtures/shared_memory/peer.py", import.meta.url).pathname;

/** What the peer tells of a block and a list. */
interface Contents {
  /** The first eight, and the last. */
  bytes: number[];
  size: number;
  format: string;
  items: [type: string, value: unknown][];
}

const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** What a command of the peer answers, which must succeed without a word on standard error. */
async function ask<T>(path: string, ...args: string[]): Promise<T> {
  const command = new Deno.Command(path, { args: [PEER, ...args], stdin: "null", stdout: "piped", stderr: "piped" });
  const { code, stdout, stderr } = await within(command.output());
  assertEquals([code, textOf(stderr)], [0, ""]);
  return JSON.parse(textOf(stdout));
}

/** What a Python has at its end in a block of 1000 bytes and a list that it has made; until then `use` runs. */
async function whileKept({ path }: Python, name: string, items: string, use: () => void): Promise<Contents> {
  const args = [PEER, "make", name, "1000", `${name}_list`, items];
  const child = new Deno.Command(path, { args, stdin: "piped", stdout: "piped", stderr: "piped" }).spawn();
  const reader = child.stdout.getReader();
  await within(reader.read());
  reader.releaseLock();
  try {
    use();
  } finally {
    await child.stdin.close();
  }
  const { code, stdout, stderr } = await within(child.output());
  assertEquals([code, textOf(stderr)], [0, ""]); // it has removed both: nobody has done that before it
  return JSON.parse(textOf(stdout));
}

/** What Python has for items of ours, as the peer tells it. */
const ITEMS: [ours: unknown, told: [type: string, value: unknown], format: string][] = [
  [0, ["int", "0"], "q"],
  [-5, ["int", "-5"], "q"],
  [2 ** 53 - 1, ["int", "9007199254740991"], "q"],
  [2n ** 63n - 1n, ["int", "9223372036854775807"], "q"],
  [-(2n ** 63n), ["int", "-9223372036854775808"], "q"],
  [0.5, ["float", "0.5"], "d"],
  [float(2), ["float", "2.0"], "d"],
  [-0, ["float", "-0.0"], "d"],
  [1e300, ["float", "1e+300"], "d"],
  [Infinity, ["float", "inf"], "d"],
  [true, ["bool", "True"], "xxxxxxx?"],
  [false, ["bool", "False"], "xxxxxxx?"],
  [null, ["NoneType", null], "xxxxxx?x"],
  ["", ["str", ""], "8s"],
  ["1234567", ["str", "1234567"], "8s"],
  ["12345678", ["str", "12345678"], "16s"],
  ["é".repeat(7), ["str", "é".repeat(7)], "16s"], // which CPython itself would cut
  ["😀", ["str", "😀"], "8s"],
  ["\ufeffa", ["str", "\ufeffa"], "8s"],
  [new Uint8Array([0, 255, 1]), ["bytes", [0, 255, 1]], "8s"],
  [new Uint8Array(), ["bytes", []], "8s"],
];

if (pythons.length === 0) {
  Deno.test({ name: "shared memory with CPython: skipped, there is none on this machine", ignore: true, fn() {} });
}

for (const python of pythons) {
  const title = `CPython ${python.version.join(".")}`;
  const name = `psm_test_py_${python.version.join("_")}_${Deno.pid}`;

  Deno.test(`${title} reads and writes a block and a list of ours, and leaves them there`, async () => {
    using memory = new SharedMemory({ name, create: true, size: 5000 });
    using list = new ShareableList(ITEMS.map(([ours]) => ours) as never[], { name: `${name}_list` });
    try {
      memory.buf.set([1, 2, 3, 4, 5, 6, 7, 8]);
      const sets = JSON.stringify([[0, "'né'"], [14, "2.0"], [10, "None"], [16, "'é' * 8"]]);
      const format = ITEMS.map(([, , format]) => format).join("");
      assertEquals(await ask<Contents>(python.path, "use", name, list.shm.name, sets), {
        bytes: [1, 2, 3, 4, 5, 6, 7, 8, 0],
        size: 5000,
        format,
        items: ITEMS.map(([, told]) => told),
      });
      assertEquals(memory.buf[4999], 99);
      assertEquals([list.get(0), list.get(14), list.get(10), list.get(16)], ["né", 2, null, "é".repeat(8)]);
      using again = new SharedMemory({ name });
      assertEquals(again.size, 5000);
    } finally {
      memory.unlink();
      list.shm.unlink();
    }
  });

  Deno.test(`TestSharedMemory.test_shared_memory_tracking: what ${title} has made is read, written, and stays Python's`, async () => {
    const items = "[0, -2**63, 2**63 - 1, 1.0, float('-inf'), True, None, 'abc', b'\\x00\\x01', 'x' * 30]";
    const end = await whileKept(python, name, items, () => {
      using memory = new SharedMemory({ name });
      assertEquals([memory.size, memory.buf[0], memory.buf[255], memory.buf[999]], [1000, 0, 255, 999 % 256]);
      memory.buf.set([50], 0);
      memory.buf.set([60], 999);
      assertThrows(() => new SharedMemory({ name, create: true, size: 1 }), Deno.errors.AlreadyExists);
      using list = new ShareableList(null, { name: `${name}_list` });
      const bytes = new Uint8Array([0, 1]);
      const read = [0, -(2n ** 63n), 2n ** 63n - 1n, 1, -Infinity, true, null, "abc", bytes, "x".repeat(30)];
      assertEquals([...list], read);
      assertEquals(list.format, "qqqddxxxxxxx?xxxxxx?x8s8s32s");
      const set = [2 ** 40, "eight by", 0.25, null, bytes, 5n, false, 7, "é", "é".repeat(15)];
      set.forEach((item, index) => list.set(index, item));
      assertEquals([...list], set.map((item) => item === 5n ? 5 : item));
      assertThrows(() => list.set(0, "nine char"), RangeError, "exceeds available storage");
    });
    assertEquals(end, {
      bytes: [50, 1, 2, 3, 4, 5, 6, 7, 60],
      size: 1000,
      format: "q8sdxxxxxx?x8sqxxxxxxx?q8s32s",
      items: [
        ["int", String(2 ** 40)],
        ["str", "eight by"],
        ["float", "0.25"],
        ["NoneType", null],
        ["bytes", [0, 1]],
        ["int", "5"],
        ["bool", "False"],
        ["int", "7"],
        ["str", "é"],
        ["str", "é".repeat(15)],
      ],
    });
    assertThrows(() => new SharedMemory({ name }), Deno.errors.NotFound);
  });
}

Deno.test({
  name: "a list of ours is the bytes that CPython has for it",
  ignore: pythons.length === 0,
  async fn() {
    const name = `psm_test_bytes_${Deno.pid}`;
    const items = [1, 2.5, true, null, "abc", new Uint8Array([1, 2]), "x".repeat(8)];
    using ours = new ShareableList(items as never[]);
    ours.shm.unlink();
    const list = "[1, 2.5, True, None, 'abc', b'\\x01\\x02', 'x' * 8]";
    await whileKept(pythons.at(-1)!, name, list, () => {
      using theirs = new SharedMemory({ name: `${name}_list` });
      assertEquals(ours.shm.buf.slice(), theirs.buf.slice());
    });
  },
});

Deno.test({
  name: "a Python of 3.13 that says that it does not track a block leaves it there",
  ignore: !pythons.some((python) => isFrom(python, 13)), // older ones track all blocks, and cannot be told not to
  async fn() {
    const python = pythons.find((it) => isFrom(it, 13))!;
    using memory = new SharedMemory({ create: true, size: 10 });
    try {
      const lines = [
        "from multiprocessing.shared_memory import SharedMemory",
        `memory = SharedMemory("${memory.name}", track=False)`,
        "memory.buf[0] = 3",
        "memory.close()",
      ];
      const { code, stderr } = await new Deno.Command(python.path, { args: ["-c", lines.join("\n")] }).output();
      assertEquals([code, textOf(stderr), memory.buf[0]], [0, "", 3]);
    } finally {
      memory.unlink();
    }
  },
});

Deno.test({
  name: "a block is sent to Python in a pickle, and comes back in one",
  ignore: pythons.length === 0,
  async fn() {
    using memory = new SharedMemory({ create: true, size: 10 });
    try {
      const lines = [
        "import pickle, sys",
        "from multiprocessing import resource_tracker",
        "given = pickle.loads(sys.stdin.buffer.read())",
        "memory = given['memory']",
        "resource_tracker.unregister(memory._name, 'shared_memory')",
        "memory.buf[0] = 3",
        "sys.stdout.buffer.write(pickle.dumps([memory, memory]))",
        "memory.close()",
      ];
      const options = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;
      const child = new Deno.Command(pythons.at(-1)!.path, { args: ["-c", lines.join("\n")], ...options }).spawn();
      const writer = child.stdin.getWriter();
      await writer.write(dumps({ memory }) as Uint8Array<ArrayBuffer>);
      await writer.close();
      const { code, stdout, stderr } = await within(child.output());
      assertEquals([code, textOf(stderr), memory.buf[0]], [0, "", 3]);
      const [back, same] = loads(stdout) as SharedMemory[];
      assert(back instanceof SharedMemory && back === same);
      back.buf[1] = 4;
      assertEquals([back.name, back.size, memory.buf[1]], [memory.name, 10, 4]);
      back.close();
    } finally {
      memory.unlink();
    }
    assert(assertThrows(() => loads(dumps(memory)), PickleError).cause instanceof Deno.errors.NotFound);
    // A pickle may name a block, and not make one.
    for (const args of [[memory.name, true, 10], [5, false, 1], []]) {
      const pickle = dumps(new PythonObject(new PythonName("multiprocessing.shared_memory", "SharedMemory"), args));
      assertThrows(() => loads(pickle), PickleError);
    }
  },
});

const withNumpy = pythonWithNumpy();

Deno.test({
  name: `numpy computes in a block of ours without a copy${
    withNumpy === undefined ? ": skipped, there is none here" : ""
  }`,
  ignore: withNumpy === undefined,
  async fn() {
    using memory = new SharedMemory({ create: true, size: 8 * 100_000 });
    const numbers = new Float64Array(memory.buf.buffer, 0, 100_000);
    for (let at = 0; at < numbers.length; at++) numbers[at] = at / 2;
    const sum = numbers.reduce((sum, number) => sum + number);
    assertEquals(await ask<number>(withNumpy!, "numpy", memory.name, String(numbers.length)), sum);
    assert(numbers.every((number, at) => number === at));
    memory.unlink();
  },
});
