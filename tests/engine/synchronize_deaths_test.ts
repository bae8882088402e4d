// Processes on a host of their own hold and wait, and are killed: by their pid, as the kernel or anybody may.

import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { BrokenBarrierError, getContext, OwnerDiedError } from "@parallel/multiprocessing";
import type { ProcessLike, QueueLike, RemoteContext } from "@parallel/multiprocessing/context";
import * as crowd from "../fixtures/engine/crowd.ts";
import * as owners from "../fixtures/synchronize/owner_targets.ts";
import * as targets from "../fixtures/synchronize/synchronize_targets.ts";
import { AUTHKEY, startAgent } from "../support/agent.ts";
import { engineTest } from "../support/engine.ts";
import { PATIENCE, until } from "../support/helpers.ts";

const timeout = PATIENCE;
const FORMS = ["sync", "async"] as const;

/** A test with a context, and one host. */
function hostTest(name: string, run: (context: RemoteContext) => Promise<void>): void {
  engineTest(name, async (engine) => {
    await using _agent = await startAgent(engine.url, { slots: 6 });
    using context = getContext(engine.url as "redis://", { authkey: AUTHKEY, startTimeout: PATIENCE });
    await run(context);
  });
}

/** A process that runs a function of fixtures/synchronize/synchronize_targets.ts, which are written for local classes. */
class Actor implements AsyncDisposable {
  readonly process: ProcessLike;
  readonly #said: QueueLike<unknown>;
  readonly #orders: QueueLike<unknown>;

  constructor(context: RemoteContext, target: unknown, ...args: unknown[]) {
    this.#said = new context.Queue();
    this.#orders = new context.Queue();
    this.process = new context.Process({ target, args: [this.#said, this.#orders, ...args] } as never);
    this.process.start();
  }

  hear(): Promise<unknown> {
    return this.#said.get({ timeout });
  }

  tell(): void {
    this.#orders.putSync("go on");
  }

  async end(): Promise<void> {
    assert(await this.process.join({ timeout }));
    assertEquals(this.process.exitcode, 0);
  }

  /** Kills it as anybody on its host may, unless it has ended, of which nothing need be known here yet. */
  async kill(): Promise<void> {
    try {
      if (this.process.exitcode === null) Deno.kill(this.process.pid!, "SIGKILL");
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    assert(await this.process.join({ timeout }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    for (const queue of [this.#said, this.#orders]) queue[Symbol.dispose]();
  }
}

/** Waits for the end of a process that was killed at any moment, even before it had begun, which `join` throws. */
async function ended(process: ProcessLike): Promise<void> {
  assert(
    await process.join({ timeout }).catch((error) => {
      assertStringIncludes(error.message, "before it began");
      return true;
    }),
  );
}

const ENDS: [end: owners.End, told: string, exitcode: number][] = [
  ["SIGKILL", "was ended by SIGKILL", -9],
  ["SIGTERM", "was ended by SIGTERM", -15],
  [0, "ended with exit code 0", 0],
  [3, "ended with exit code 3", 3],
];

hostTest("remote locks: whoever inherits one is told who has held it, and how that ended", async (context) => {
  for (const [i, [end, told, exitcode]] of ENDS.entries()) {
    using lock = i % 2 === 0 ? new context.Lock() : new context.RLock();
    const process = new context.Process(
      { target: owners.acquireAndEnd, args: [lock, end], name: `culprit ${i}` } as never,
    );
    process.start();
    assert(await process.join({ timeout }));
    const error = i < 2
      ? assertThrows(() => lock.acquireSync({ timeout }), OwnerDiedError)
      : await assertRejects(() => lock.acquire({ timeout }), OwnerDiedError);
    const { pid, processName, host } = error;
    assertEquals({ pid, processName, exitcode: error.exitcode, host }, {
      pid: process.pid!,
      processName: `culprit ${i}`,
      exitcode,
      host: "east",
    });
    assertStringIncludes(error.message, `"culprit ${i}" (pid ${pid}) ${told} while it held it`);
    assert(!lock.locked());
  }
});

for (const form of FORMS) {
  hostTest(`remote waits: one that is killed costs nobody anything (${form})`, async (context) => {
    using semaphore = new context.Semaphore(0);
    using condition = new context.Condition();
    {
      await using first = new Actor(context, targets.acquireSemaphore, semaphore, form);
      await using second = new Actor(context, targets.acquireSemaphore, semaphore, form);
      for (const it of [first, second]) assertEquals(await it.hear(), "waits");
      await first.kill();
      semaphore.release();
      assertEquals(await second.hear(), "acquired");
      await second.end();
    }
    assertEquals(semaphore.getValue(), 0);
    await using first = new Actor(context, targets.waitCondition, condition, form);
    assertEquals(await first.hear(), "holds");
    await until("it to wait", () => String(condition).endsWith(", 1)>"));
    await using second = new Actor(context, targets.waitCondition, condition, form);
    assertEquals(await second.hear(), "holds");
    await until("it to wait, too", () => String(condition).endsWith(", 2)>"));
    {
      using _ = condition.acquireSync();
      condition.notify(); // the first, which is killed before it has the lock
      await first.kill();
    }
    assertEquals(await second.hear(), true);
    await second.end();
  });

  hostTest(`remote waits: a barrier tells the others which party was killed (${form})`, async (context) => {
    using barrier = new context.Barrier(2);
    await using party = new Actor(context, targets.waitBarrier, barrier, form, 2);
    await barrier.wait({ timeout });
    assertEquals(typeof await party.hear(), "number");
    await until("it to wait", () => barrier.nWaiting === 1);
    await party.kill();
    const error = await assertRejects(() => barrier.wait({ timeout }), BrokenBarrierError);
    assertStringIncludes(
      error.message,
      `(pid ${party.process.pid}) was ended by SIGKILL, which was one of its parties`,
    );
    assert(barrier.broken);
  });
}

hostTest("remote waits: a condition's lock that comes from the dead is held, and said to", async (context) => {
  using condition = new context.Condition();
  using _ = condition.acquireSync();
  const told = assertRejects(() => condition.wait({ timeout }), OwnerDiedError, "it is held again");
  await using actor = new Actor(context, targets.dieWithCondition, condition);
  assertEquals(await actor.hear(), "acquires");
  await told;
  assert(String(condition).includes("<RLock(MainProcess, 1)>"));
});

hostTest("remote locks: nobody is inside with another, though they are killed at any moment", async (context) => {
  using lock = new context.Lock({ onOwnerDeath: "recover" });
  using inside = new context.Semaphore(1);
  using said = new context.Queue<string>();
  const start = () => {
    const process = new context.Process({ target: crowd.goInAndOut, args: [lock, inside, said] });
    process.start();
    return process;
  };
  const running = [start(), start(), start()];
  for (let kills = 0; kills < 6; kills++) {
    assertEquals(await said.get({ timeout }), "busy");
    const victim = running.shift()!;
    Deno.kill(victim.pid!, "SIGKILL");
    running.push(start());
    await ended(victim);
  }
  for (const process of running) {
    process.kill();
    await ended(process);
  }
  for (let left; (left = await said.get({ block: false }).catch(() => null)) !== null;) assertEquals(left, "busy");
  using guard = lock.acquireSync({ timeout });
  assert(guard !== null && inside.getValue() <= 1);
});
