// Whose a block is: it goes with the process that has created it, and with no other.

import { SharedMemory } from "@parallel/multiprocessing/shared_memory";
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { FIXTURES, outputOf, runProgram } from "../support/helpers.ts";

const CREATOR = new URL("shared_memory/creator.ts", FIXTURES);
const ATTACHER = new URL("shared_memory/attacher.ts", FIXTURES);
const nameIn = (output: string) => output.match(/^name (.+)$/m)![1];
const isThere = (name: string) => [...Deno.readDirSync("/dev/shm")].some((it) => it.name === name);

for (const [how, code] of [["end", 0], ["exit", 3], ["throw", 1]] as const) {
  Deno.test(`TestResourceTracker.test_resource_tracker: a block goes with its creator, with a note: "${how}"`, async () => {
    const { stdout, stderr, code: ended } = await runProgram(CREATOR, { args: [how] });
    const name = nameIn(stdout);
    assert(!isThere(name));
    const note =
      `multiprocessing: shared memory that nobody has unlinked was removed at the end of its creator: "${name}"`;
    assertEquals([stderr.trim().split("\n").filter((line) => line === note).length, ended], [1, code], stderr);
  });
}

Deno.test("a block that is not tracked stays", async () => {
  const name = nameIn(await outputOf(CREATOR, { args: ["keep"] }));
  using memory = new SharedMemory({ name });
  assertEquals([memory.buf[0], memory.size], [7, 5000]);
  memory.unlink();
});

Deno.test("TestSharedMemory.test_shared_memory_untracking: TestSharedMemory.test_shared_memory_tracking: who attaches never removes a block, and says nothing", async () => {
  using memory = new SharedMemory({ create: true, size: 10 });
  for (let round = 1; round <= 2; round++) {
    assertEquals(await outputOf(ATTACHER, { args: [memory.name] }), "size 10\n");
    assertEquals(memory.buf[1], round);
  }
  memory.unlink();
  assertThrows(() => new SharedMemory({ name: memory.name }), Deno.errors.NotFound);
});

Deno.test("a program needs permission for the file, and is told the flag", async () => {
  const addon = new URL("../../target/release/libmultiprocessing.so", import.meta.url).pathname;
  const flags = [`--allow-ffi=${addon}`];
  const { stderr, code } = await runProgram(CREATOR, { flags, args: ["keep"] });
  assertEquals(code, 1);
  assertMatch(
    stderr,
    /NotCapable: Cannot create shared memory: it requires read access to "\/dev\/shm\/psm_\w+", run again with the --allow-read=\/dev\/shm flag/,
  );
  const granted = [...flags, "--allow-read=/dev/shm", "--allow-write=/dev/shm"];
  await outputOf(CREATOR, { flags: granted, args: ["keep"] }).then((output) => {
    using memory = new SharedMemory({ name: nameIn(output) });
    memory.unlink();
  });
});
