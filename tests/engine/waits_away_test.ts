// Waits that are given up since the engine is away for longer than a session's patience: what they get afterwards, when it
// is back, goes back to it.

import { assertEquals, assertRejects } from "@std/assert";
import { EngineUnavailableError } from "@parallel/multiprocessing";
import { RemoteCondition } from "../../src/engine/condition.ts";
import { RemoteLock } from "../../src/engine/lock.ts";
import { RemoteSemaphore } from "../../src/engine/semaphore.ts";
import { until } from "../support/helpers.ts";
import { type Stage, stageTest } from "../support/remote.ts";
import type { Reply } from "../support/resp.ts";

/** The mailbox is read for a quarter of the lease at a time; an answer that is overdue then says that the engine is away. */
const IMPATIENT = { patience: 100, lease: 12_000 };

/** Waits until a lock has been acquired so often, and is free again. */
async function untilFree({ engine, session }: Stage, lock: RemoteLock, acquisitions: number): Promise<void> {
  const key = `mp:{${session.tree}}:o:${lock.handle.id}`;
  await until("the lock to be free again", async () => {
    const [owner, token] = await engine.command("HMGET", key, "owner", "token") as Reply[];
    return owner === null && token === `${acquisitions}`;
  });
}

stageTest("what is got when the engine is back, after it was given up, is given back", async (stage) => {
  const { engine, session } = stage;
  using lock = new RemoteLock(session);
  using semaphore = new RemoteSemaphore(session, 1);
  engine.freeze();
  const given = [lock.acquire(), semaphore.acquire()];
  for (const it of given) await assertRejects(() => it, EngineUnavailableError);
  engine.thaw();
  await untilFree(stage, lock, 1);
  await until("the semaphore to be free again", () => semaphore.getValue() === 1);
}, IMPATIENT);

stageTest("a condition's wait that was given up leaves its lock free", async (stage) => {
  const { engine, session } = stage;
  using lock = new RemoteLock(session);
  using condition = new RemoteCondition(session, lock);
  const guard = lock.acquireSync();
  const waiting = condition.wait();
  await session.send("lock_look", lock.handle.id);
  engine.freeze();
  await assertRejects(() => waiting, EngineUnavailableError);
  engine.thaw();
  await untilFree(stage, lock, 2);
  assertEquals([lock.heldHere(), guard.token], [false, 1]);
}, IMPATIENT);
