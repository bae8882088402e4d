// Waits that are given up since the engine is away for longer than a session's patience: what they get afterwards, when it
// is back, goes back to it.

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { EngineUnavailableError } from "@parallel/multiprocessing";
import { RemoteCondition } from "../../src/engine/condition.ts";
import { RemoteEvent } from "../../src/engine/event.ts";
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

stageTest(
  "an engine that refuses whatever writes is away for that time, and nobody ends",
  async ({ engine, session }) => {
    await engine.command("CONFIG", "SET", "min-replicas-to-write", "1");
    await assertRejects(() => session.send("make", "event", ""), EngineUnavailableError, "NOREPLICAS");
    assertThrows(() => session.step("make", "event", ""), EngineUnavailableError);
    await engine.command("CONFIG", "SET", "min-replicas-to-write", "0");
    await until("the engine to do steps again", async () => {
      try {
        return (await session.send("make", "event", "")).refusal === null;
      } catch (error) {
        if (error instanceof EngineUnavailableError) return false;
        throw error;
      }
    });
  },
  IMPATIENT,
);

stageTest("a time that is too long to be added to another is as good as none", async ({ session }) => {
  using event = new RemoteEvent(session);
  const waiting = event.wait({ timeout: Number.MAX_VALUE });
  event.set();
  assertEquals([await waiting, event.waitSync({ timeout: Number.MAX_VALUE })], [true, true]);
});
