// SharedMemoryManager: its blocks go when its server does, however that ends.

import { Process } from "@parallel/multiprocessing";
import { ShareableList, SharedMemory, SharedMemoryManager } from "@parallel/multiprocessing/shared_memory";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import * as targets from "../fixtures/shared_memory/targets.ts";
import { FIXTURES, outputOf, within } from "../support/helpers.ts";

const { NotFound } = Deno.errors;
const MAIN = new URL("shared_memory/manager_main.ts", FIXTURES);

Deno.test("TestSharedMemory.test_shared_memory_SharedMemoryManager_basics: a manager makes blocks and lists, and removes them at its end", async () => {
  const manager = new SharedMemoryManager();
  await assertRejects(() => manager.SharedMemory(10), Error, "server not yet started");
  await manager.start();
  using memory = await manager.SharedMemory(64);
  using list = await manager.ShareableList(range(5));
  assertEquals([memory.size, [...list]], [64, [0, 1, 2, 3, 4]]);
  await assertRejects(() => manager.SharedMemory(0), RangeError, '"size" is 0');
  await assertRejects(() => manager.ShareableList([{} as never]), TypeError, "Cannot store");
  const child = new Process({ target: targets.write, args: [memory, 9] });
  child.start();
  await within(child.join());
  assertEquals([memory.buf[1], child.exitcode], [9, 0]);
  using other = new SharedMemory({ name: memory.name });
  await manager.shutdown();
  assertThrows(() => new SharedMemory({ name: memory.name }), NotFound);
  assertThrows(() => new ShareableList(null, { name: list.shm.name }), NotFound);
  assertEquals([other.buf[1], list.get(4)], [9, 4]); // who has them keeps them
  await assertRejects(() => manager.SharedMemory(10), Error, "Manager has shut down");
});

const range = (length: number) => Array.from({ length }, (_, index) => index);

Deno.test("a block of a manager that was unlinked by hand is another's, if there is one of its name again", async () => {
  await using manager = new SharedMemoryManager();
  await manager.start();
  using memory = await manager.SharedMemory(64);
  memory.unlink();
  using next = new SharedMemory({ name: memory.name, create: true, size: 1 });
  await manager.shutdown();
  using same = new SharedMemory({ name: next.name });
  same.unlink();
});

Deno.test("TestSharedMemory.test_shared_memory_SharedMemoryServer_ignores_sigint: its server goes on after SIGINT", async () => {
  await using manager = new SharedMemoryManager();
  await manager.start();
  using memory = await manager.SharedMemory(1);
  Deno.kill((await manager.stats()).pid, "SIGINT");
  using other = await manager.SharedMemory(1);
  using same = new SharedMemory({ name: memory.name });
  assert(same.name !== other.name);
});

Deno.test("a manager removes its blocks also if its server was killed", async () => {
  const manager = new SharedMemoryManager();
  await manager.start();
  using memory = await manager.SharedMemory(1);
  Deno.kill((await manager.stats()).pid, "SIGKILL");
  await within(manager.shutdown());
  assertThrows(() => memory.unlink(), NotFound);
});

Deno.test("a manager that this process itself serves removes its blocks when it stops", async () => {
  const authkey = new TextEncoder().encode("secret");
  const server = new SharedMemoryManager({ address: ["127.0.0.1", 0], authkey }).getServer();
  const serving = server.serveForever();
  const client = new SharedMemoryManager({ address: server.address, authkey });
  await client.connect();
  using memory = await client.SharedMemory(10);
  await client.shutdown(); // which ends its connection alone
  using same = new SharedMemory({ name: memory.name });
  server.stop();
  await serving;
  assertThrows(() => same.unlink(), NotFound);
});

Deno.test("TestSharedMemory.test_shared_memory_SharedMemoryManager_reuses_resource_tracker: a program with a manager says nothing, and leaves nothing", async () => {
  for (const how of ["shutdown", "forget"]) {
    const names = (await outputOf(MAIN, { args: [how] })).trim().split("\n");
    assertEquals(names.length, 2);
    for (const name of names) assertThrows(() => new SharedMemory({ name }), NotFound);
  }
});
