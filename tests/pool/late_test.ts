// The time of a task that passes just when its answer comes.

import { assertEquals } from "@std/assert";
import { Deadlines } from "../../src/pool/deadlines.ts";
import type { Task } from "../../src/pool/calls/call.ts";
import type { Frame } from "../../src/queues/frame.ts";
import type { WorkerHandle } from "../../src/pool/worker_handle.ts";
import { ticksOf } from "../../src/pool/clock.ts";

Deno.test("when the time of a task has passed and its answer is there, it has not failed, and others are dispatched", async () => {
  const { promise: dispatched, resolve: dispatch } = Promise.withResolvers<void>();
  const told: string[] = [];
  let task: Task | null = { call: { isOver: false, taskTimeout: 1 } } as Task;
  const deadlines = new Deadlines({
    dispatcher: { taskOf: () => task },
    grace: 0,
    read: () => void (task = null, told.push("read")),
    fail: () => void told.push("failed"),
    dispatch,
  });
  const begun = ticksOf(performance.now());
  const alive = setTimeout(() => {}, 60_000);
  deadlines.begun({ clockLag: 0 } as WorkerHandle, { task: 1, begun } as Frame);
  await dispatched;
  clearTimeout(alive);
  assertEquals(told, ["read"]);
});
