// SharedMemory in one process and in its children: names, sizes, what is refused, and how blocks travel.

import { Process, Queue } from "@parallel/multiprocessing";
import { ShareableList, SharedMemory } from "@parallel/multiprocessing/shared_memory";
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { dumps, loads } from "@parallel/multiprocessing/reduction";
import { FROM_OUTSIDE, overEngine } from "../../src/reduction/passage.ts";
import { registeredName } from "../../src/reduction/registry.ts";
import { dumpsForEngine, read } from "../../src/reduction/serialise.ts";
import * as targets from "../fixtures/shared_memory/targets.ts";
import { within } from "../support/helpers.ts";
import { collectUntil } from "../support/sharedctypes.ts";

const { AlreadyExists, NotFound } = Deno.errors;
const pathOf = (name: string) => `/dev/shm/${name}`;
/** A name that no other test has. */
const newName = (of: string) => `psm_test_${of}_${Deno.pid}`;

Deno.test("TestSharedMemory.test_shared_memory_basics: a block is one file, which any handle of its name sees", () => {
  using memory = new SharedMemory({ create: true, size: 512 });
  assertMatch(memory.name, /^psm_[0-9a-f]{8}$/);
  assertEquals([memory.size, memory.buf.length, memory.buf.byteOffset, memory.buf.buffer.byteLength], [
    512,
    512,
    0,
    512,
  ]);
  assertEquals(String(memory), `SharedMemory("${memory.name}", size=512)`);
  assertEquals(Deno.inspect(memory), String(memory));
  const { size, mode } = Deno.statSync(pathOf(memory.name));
  assertEquals([size, mode! & 0o777], [512, 0o600]);
  assert(memory.buf.every((byte) => byte === 0));

  using other = new SharedMemory({ name: memory.name, size: 10 }); // the size is that of the block
  memory.buf[0] = 42;
  other.buf[511] = 9;
  assertEquals([other.buf[0], memory.buf[511], other.size, other.name], [42, 9, 512, memory.name]);

  const error = assertThrows(() => new SharedMemory({ name: memory.name, create: true, size: 1 }), AlreadyExists);
  assertMatch(error.message, RegExp(`^Cannot create the shared memory "${memory.name}": `));
  assertEquals(memory.buf[0], 42);
  memory.unlink();
  assertThrows(() => memory.unlink(), NotFound, "is not there any more");
  assertThrows(() => other.unlink(), NotFound);
  assertThrows(() => new SharedMemory({ name: memory.name }), NotFound, "Cannot attach to the shared memory");
  assertEquals(other.buf[0], 42); // who has it keeps it
});

Deno.test("TestSharedMemory.test_shared_memory_basics: a name of one's own, sizes that are no whole pages", () => {
  for (const size of [1, 4095, 4096, 4097, 100_000]) {
    const name = newName("sizes");
    using memory = new SharedMemory({ name, create: true, size });
    try {
      using other = new SharedMemory({ name });
      memory.buf[size - 1] = 1;
      assertEquals([other.size, other.buf.at(-1), Deno.readFileSync(pathOf(name)).at(-1)], [size, 1, 1]);
    } finally {
      memory.unlink();
    }
  }
});

Deno.test("TestSharedMemory.test_invalid_shared_memory_creation: sizes and names that cannot be are refused", () => {
  const refused = (options: unknown, Class: new (...args: never[]) => Error, message: string) =>
    void assertThrows(() => new SharedMemory(options as never), Class, message);
  for (const size of [-1, 0, 0.5, NaN, Infinity, 2 ** 60]) refused({ create: true, size }, RangeError, "Cannot ");
  refused({ create: true }, RangeError, '"size" is 0, wanted a whole number of bytes, 1 or more');
  refused({ name: newName("none"), size: -1 }, RangeError, '"size" is -1');
  refused({}, RangeError, '"name" can only be absent');
  refused({ create: false, size: 10 }, RangeError, '"name" can only be absent');
  refused({ create: 1, size: 10 }, TypeError, '"create" is 1');
  refused({ create: true, size: "10" }, TypeError, '"size" is "10"');
  refused({ create: true, size: 10, track: 0 }, TypeError, '"track" is 0');
  refused({ create: true, size: 10, Name: "a" }, TypeError, 'did you mean "name"?');
  refused(undefined, TypeError, "wanted an object of options");
  refused({ name: 5 }, TypeError, '"name" is 5');
});

Deno.test("TestSharedMemory.test_shared_memory_name_with_embedded_null: names that no file can have are refused", () => {
  for (
    const name of ["a\0b", "\0", "", ".", "..", "/a", "a/b", "../tmp/x", "a\ud800", "x".repeat(256), "é".repeat(128)]
  ) {
    assertThrows(() => new SharedMemory({ name }), RangeError, "the name");
    assertThrows(() => new SharedMemory({ name, create: true, size: 1 }), RangeError, "the name");
  }
});

Deno.test(
  "TestSharedMemoryNames.test_that_shared_memory_name_with_colons_has_no_resource_tracker_errors: any other name will do",
  () => {
    for (const name of ["a:b:c", "a\nb", "é 名", " ", '"']) {
      const whole = `${newName("odd")}${name}`;
      using memory = new SharedMemory({ name: whole, create: true, size: 1 });
      assertEquals(memory.name, whole);
      using other = new SharedMemory({ name: whole });
      other.unlink();
      assert(![...Deno.readDirSync("/dev/shm")].some((it) => it.name === whole));
    }
  },
);

Deno.test("TestSharedMemory.test_shared_memory_recreate: if the random name is taken, another is tried", () => {
  const { getRandomValues } = crypto;
  const own = [Deno.pid & 255, Deno.pid >> 8 & 255, Deno.pid >> 16 & 255];
  const draws = [[...own, 1], [...own, 1], [...own, 1], [...own, 2]];
  crypto.getRandomValues = ((array: Uint8Array) => (array.set(draws.shift()!), array)) as typeof getRandomValues;
  const made: SharedMemory[] = [];
  try {
    made.push(new SharedMemory({ create: true, size: 1 }), new SharedMemory({ create: true, size: 1 }));
  } finally {
    crypto.getRandomValues = getRandomValues;
    for (const memory of made) memory.unlink();
  }
  const names = [1, 2].map((last) => `psm_${new Uint8Array([...own, last]).toHex()}`);
  assertEquals([...made.map(({ name }) => name), draws.length], [...names, 0]);
});

Deno.test("what is closed is not used any more, and arrays over it reach nobody", () => {
  const memory = new SharedMemory({ create: true, size: 8192 });
  using other = new SharedMemory({ name: memory.name });
  const { buf } = memory;
  const words = new Int32Array(buf.buffer, 4096, 8);
  buf.fill(7);
  memory.close();
  memory.close();
  assertThrows(() => memory.buf, Error, "is closed");
  assertThrows(() => dumps(memory), Error, "is closed");
  assertEquals([buf[0], words[0], memory.size, other.buf[0]], [0, 0, 8192, 7]);
  words[0] = 5;
  assertEquals(other.buf[4096], 7);
  memory.unlink(); // which a closed one may
});

Deno.test("TestSharedMemory.test_shared_memory_pickle_unpickle: what is sent is another handle of the same block", () => {
  using memory = new SharedMemory({ create: true, size: 64 });
  const { bytes } = dumps(memory);
  using copy = loads(bytes) as SharedMemory;
  assert(copy instanceof SharedMemory && copy !== memory);
  assertEquals([copy.name, copy.size], [memory.name, 64]);
  memory.buf[0] = 1;
  copy.buf[1] = 2;
  assertEquals([copy.buf[0], memory.buf[1]], [1, 2]);
  assertThrows(() => dumps(memory.buf), TypeError); // the bytes alone are nothing that travels
  memory.unlink();
});

Deno.test("TestSharedMemory.test_shared_memory_pickle_unpickle_dead_object: what is unlinked cannot be had, nor another of its name", () => {
  const name = newName("dead");
  using memory = new SharedMemory({ name, create: true, size: 64 });
  const { bytes } = dumps(memory);
  memory.unlink();
  assertThrows(() => loads(bytes), NotFound);
  using next = new SharedMemory({ name, create: true, size: 64 });
  try {
    assertThrows(() => loads(bytes), NotFound, "is not there any more");
    assertThrows(() => memory.unlink(), NotFound); // it is not for the old handle to remove
  } finally {
    next.unlink();
  }
});

for (const method of ["spawn", "forkserver"] as const) {
  Deno.test(`TestSharedMemory.test_shared_memory_across_processes: a child writes into the block, ${method}`, async () => {
    const { getContext } = await import("@parallel/multiprocessing");
    const context = getContext(method);
    using memory = new SharedMemory({ create: true, size: 300 });
    using said = new Queue<number>();
    const children = [
      new context.Process({ target: targets.write, args: [memory, 5] }),
      new context.Process({ target: targets.writeByName, args: [memory.name, 6, said] }),
    ];
    for (const child of children) child.start();
    for (const child of children) {
      await within(child.join());
      assertEquals(child.exitcode, 0);
    }
    assertEquals([memory.buf[0], memory.buf[1], said.getSync()], [6, 5, 300]);
    memory.unlink(); // it is still there: children that attach do not own it
  });
}

Deno.test("a block is named in messages of this tree alone, which may say anything", () => {
  using memory = new SharedMemory({ create: true, size: 8 });
  memory.unlink();
  const engine = { tree: "0".repeat(32) };
  const error = assertThrows(() => dumpsForEngine({ memory }, engine), TypeError);
  assertMatch(error.message, /at value\.memory: it is in the memory of this machine.*Send what is in it/s);
  using list = new ShareableList([1]);
  const bytes = [memory, list].map((it) => dumps(it).bytes);
  list.shm.unlink();
  for (const message of bytes) {
    assertThrows(() => read(message, 0, message.length, FROM_OUTSIDE), TypeError, "from outside of this process tree");
    assertThrows(() => read(message, 0, message.length, overEngine(engine)), TypeError, "over an engine");
  }
  const described = (name: string, data: unknown) =>
    registeredName(`multiprocessing.shared_memory.${name}`)!.reducer.restore(data);
  for (
    const data of [null, "a", [], ["a"], ["a", 1], [1, "0:0"], ["a", "0:0", 1], ["a/b", "0:0"], [list.shm, 1], [[]]]
  ) {
    assertThrows(() => described("SharedMemory", data), RangeError);
    assertThrows(() => described("ShareableList", data), RangeError);
  }
});

Deno.test("what nobody uses any more is collected, and is mapped no longer", async () => {
  const mapped = () => Deno.readTextFileSync("/proc/self/maps").includes(`/dev/shm/${name}`);
  const name = newName("collected");
  let numbers: Float64Array | null = (() => {
    const memory = new SharedMemory({ name, create: true, size: 8000 });
    return new Float64Array(memory.buf.buffer, 0, 1000);
  })();
  using other = new SharedMemory({ name });
  other.unlink();
  other.close();
  assert(mapped() && numbers[0] === 0);
  numbers = null;
  await within(collectUntil(() => !mapped()));
});

Deno.test("a Worker shares a block, which goes from memory with the last array over it", async () => {
  const source = `self.onmessage = ({ data }) => { data[0]++; self.postMessage("done"); };`;
  const worker = new Worker(`data:text/javascript,${encodeURIComponent(source)}`, { type: "module" });
  const memory = new SharedMemory({ create: true, size: 10 });
  try {
    const done = new Promise((resolve) => worker.onmessage = resolve);
    worker.postMessage(memory.buf);
    await within(done);
    assertEquals(memory.buf[0], 1);
  } finally {
    worker.terminate();
    memory.close();
    memory.unlink();
  }
});

Deno.test("files that are no shared memory are refused", () => {
  const name = newName("kinds");
  Deno.mkdirSync(pathOf(name));
  try {
    assertThrows(() => new SharedMemory({ name }), Deno.errors.IsADirectory);
  } finally {
    Deno.removeSync(pathOf(name));
  }
  Deno.symlinkSync("/etc/passwd", pathOf(name));
  try {
    assertThrows(() => new SharedMemory({ name }), Deno.errors.FilesystemLoop);
    assertThrows(() => new SharedMemory({ name, create: true, size: 1 }), AlreadyExists);
  } finally {
    Deno.removeSync(pathOf(name));
  }
  Deno.writeFileSync(pathOf(name), new Uint8Array());
  try {
    assertThrows(() => new SharedMemory({ name }), Error, "it is empty; its creator has not given it a size yet");
  } finally {
    Deno.removeSync(pathOf(name));
  }
});

Deno.test("a child needs permission for the file, whatever it calls", async () => {
  using memory = new SharedMemory({ create: true, size: 3 });
  memory.buf[0] = 77;
  using said = new Queue<string[]>();
  const path = pathOf(memory.name);
  const outcomes = async (permissions: object | "none", target: typeof targets.tryAll, ...args: string[]) => {
    const child = new Process({
      target,
      args: [memory.name, ...args, said] as never,
      permissions: permissions as never,
    });
    child.start();
    const [outcome] = await Promise.all([within(said.get()), within(child.join())]);
    return outcome;
  };
  const folder = new URL("../../", import.meta.url).pathname;
  const Refused = "NotCapable";
  assertEquals(await outcomes({ read: [folder], import: true }, targets.tryAll), [Refused, Refused, Refused]);
  assertEquals(await outcomes({ read: [folder, path], write: [path] }, targets.tryAll), ["77", Refused, Refused]);
  const { bytes } = dumps(memory);
  const identity = new TextDecoder().decode(bytes).match(/[0-9a-f]+:[0-9a-f]+/)![0];
  const all = await outcomes({ read: [folder] }, targets.tryNative as never, identity);
  assertEquals(all, [...Array(5).fill(Refused), "RangeError"]);
  assertEquals(memory.buf[0], 77);
  memory.unlink();
});
