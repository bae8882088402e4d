// Releases that are given up since the engine is away: they are done when it is back, once, with what was written under the
// lock; and who releases once more hears of that.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  EngineUnavailableError,
  getContext,
  InvalidStateError,
  OwnerDiedError,
  ProcessError,
  StateLostError,
} from "@parallel/multiprocessing";
import { RemoteCondition } from "../../src/engine/condition.ts";
import { RemoteLock } from "../../src/engine/lock.ts";
import { RemoteQueue } from "../../src/engine/queue.ts";
import type { RemoteRLock } from "../../src/engine/rlock.ts";
import { RemoteBoundedSemaphore, RemoteSemaphore } from "../../src/engine/semaphore.ts";
import { type RemoteValue, remoteValue } from "../../src/engine/value.ts";
import { releaseAtSignals } from "../fixtures/engine_data_targets.ts";
import { AUTHKEY, startAgent } from "../support/agent.ts";
import { engineTest } from "../support/engine.ts";
import { PATIENCE, until } from "../support/helpers.ts";
import { type Stage, stageTest } from "../support/remote.ts";

const IMPATIENT = { patience: 100, lease: 12_000 };

/** How the engine may be away: it does what was sent, and nobody hears of it, which takes seconds; or it does nothing. */
const AWAY = {
  frozen: { begin: ({ engine }: Stage) => engine.freeze(), end: ({ engine }: Stage) => engine.thaw() },
  refusing: {
    begin: async ({ engine }: Stage) => void await engine.command("CONFIG", "SET", "min-replicas-to-write", "1"),
    end: async ({ engine }: Stage) => void await engine.command("CONFIG", "SET", "min-replicas-to-write", "0"),
  },
} as const;

const BOTH = ["frozen", "refusing"] as const;

/** A test of an engine that does nothing, and of one that is frozen as well. */
function awayTest(
  name: string,
  run: (stage: Stage, leaves: () => Promise<void>, returns: () => Promise<void>) => Promise<void>,
  ways: readonly (keyof typeof AWAY)[] = ["refusing"],
): void {
  for (const how of ways) {
    const { begin, end } = AWAY[how];
    stageTest(`release, engine ${how}: ${name}`, async (stage) => {
      let isAway = false;
      const leaves = async () => {
        isAway = true;
        await begin(stage);
      };
      const returns = async () => {
        if (isAway) await end(stage);
        isAway = false;
      };
      try {
        await run(stage, leaves, returns);
      } finally {
        await returns();
      }
    }, IMPATIENT);
  }
}

/** Does it until the engine answers, as whoever insists would. */
async function insist(what: () => void): Promise<void> {
  await until("an answer of the engine", () => {
    try {
      what();
      return true;
    } catch (error) {
      if (error instanceof EngineUnavailableError) return false;
      throw error;
    }
  });
}

function valueIn({ session }: Stage, init: number): RemoteValue<number> {
  return remoteValue(session, "i32", init) as RemoteValue<number>;
}

/** What others see of a value whose lock is free. */
function seenFree(value: RemoteValue<number>): number {
  const lock = value.getLock();
  assertEquals([lock.heldHere(), lock.locked()], [false, false]);
  return value.getObj().value;
}

const REPEATS: Record<string, (value: RemoteValue<number>, release: () => void) => void> = {
  "by its guard": (_, release) => release(),
  "by its lock": (value) => value.getLock().release(),
  "by its value": (value) => value.release(),
  "by nobody, and the thread goes on": (value) => assertEquals(value.value, 2),
  "by nobody, and it acquires the lock again": (value) => {
    using _guard = value.acquireSync();
    assertEquals(value.value, 2);
  },
};

for (const [repeat, again] of Object.entries(REPEATS)) {
  const ways = repeat === "by its guard" ? BOTH : undefined;
  awayTest(`what was written is not lost, repeated ${repeat}`, async (stage, leaves, returns) => {
    using value = valueIn(stage, 1);
    const guard = value.acquireSync();
    value.value = 2;
    await leaves();
    assertThrows(() => guard.release(), EngineUnavailableError);
    assertEquals(value.getLock().heldHere(), false);
    await returns();
    await insist(() => again(value, () => guard.release()));
    assertEquals(seenFree(value), 2);
    guard.release(); // which was told by now, or is
    assertThrows(() => value.release(), InvalidStateError, "not owned");
  }, ways);
}

awayTest("guards that are disposed of one after the other are all released", async (stage, leaves, returns) => {
  const values = [valueIn(stage, 1), valueIn(stage, 2), valueIn(stage, 3)];
  const guards = new DisposableStack();
  for (const value of values) {
    guards.use(value.acquireSync());
    value.value += 10;
  }
  await leaves();
  assertThrows(() => guards.dispose(), SuppressedError);
  await returns();
  await insist(() => stage.session.settle());
  assertEquals(values.map(seenFree), [11, 12, 13]);
  for (const value of values) value.close();
});

awayTest("levels of promises are released each, with what each has written", async (stage, leaves, returns) => {
  using value = valueIn(stage, 1);
  const [first, second] = await Promise.all([value.acquire(), value.acquire()]);
  value.value = 2;
  await leaves();
  assertThrows(() => first.release(), EngineUnavailableError);
  assertEquals([value.getLock().heldHere(), value.value], [true, 2]);
  value.value = 3;
  assertThrows(() => second.release(), EngineUnavailableError);
  assertEquals(value.getLock().heldHere(), false);
  await returns();
  for (const guard of [second, first]) await insist(() => guard.release());
  assertEquals(seenFree(value), 3);
});

awayTest("a level that is deeper asks nobody, and nothing is lost by it", async (stage, leaves, returns) => {
  using value = valueIn(stage, 1);
  const outer = value.acquireSync();
  await leaves();
  const inner = value.acquireSync();
  value.value = 2;
  inner.release();
  assertThrows(() => outer.release(), EngineUnavailableError);
  await returns();
  await insist(() => outer.release());
  assertEquals(seenFree(value), 2);
});

awayTest("the wait of a condition that is given up takes along what was written", async (stage, leaves, returns) => {
  for (const form of ["wait", "waitSync"] as const) {
    using value = valueIn(stage, 1);
    using condition = new RemoteCondition(stage.session, value.getLock() as RemoteRLock);
    value.acquireSync();
    value.value = 2;
    await leaves();
    await assertRejects(() => Promise.try(() => condition[form]()), EngineUnavailableError);
    await returns();
    await insist(() => stage.session.settle());
    await until("the lock to be free", () => !value.getLock().locked());
    assertEquals(seenFree(value), 2);
  }
});

stageTest("release: a condition's wait that was not begun leaves what was written for the release", async (stage) => {
  const { engine, session } = stage;
  using value = valueIn(stage, 1);
  using condition = new RemoteCondition(session, value.getLock() as RemoteRLock);
  const guard = value.acquireSync();
  value.value = 2;
  engine.freeze();
  try {
    const before = session.send("close"); // which is to be answered first
    assertThrows(() => condition.waitSync({ timeout: 100 }), EngineUnavailableError);
    assertEquals([value.getLock().heldHere(), value.value], [true, 2]);
    engine.thaw();
    await before;
  } finally {
    engine.thaw();
  }
  guard.release();
  assertEquals(seenFree(value), 2);
}, { patience: 10 * PATIENCE });

stageTest("release: one that comes before its acquisition was answered leaves nothing stale", async (stage) => {
  using value = valueIn(stage, 1);
  const lock = value.getLock();
  const acquiring = lock.acquire();
  await Promise.resolve();
  lock.release();
  await acquiring;
  const other = await stage.join();
  assertEquals((await other.step("poke", value["opened"].cell.handle.id, 0, Uint8Array.of(7, 0, 0, 0)))[0], "ok");
  using _guard = lock.acquireSync();
  assertEquals(value.value, 7);
});

awayTest("one that is repeated leaves alone who has the lock by then", async (stage, leaves, returns) => {
  const { session, join } = stage;
  using lock = new RemoteLock(session);
  const guard = lock.acquireSync();
  const other = await join();
  assertEquals(await other.step("lock_acquire", lock.handle.id, 1), ["later"]);
  await leaves();
  assertThrows(() => guard.release(), EngineUnavailableError);
  await returns();
  await insist(() => guard.release());
  guard.release();
  assertEquals(session.step("lock_look", lock.handle.id).text(0), `${other.member}/1`);
  await other.step("lock_release", lock.handle.id, 1);
}, BOTH);

awayTest("a lock that was inherited from the dead, and one whose handle is closed", async (stage, leaves, returns) => {
  const { session, join } = stage;
  using lock = new RemoteLock(session, { onOwnerDeath: "recover" });
  const closed = new RemoteLock(session);
  const dead = await join();
  await dead.step("lock_acquire", lock.handle.id, 1);
  await dead.bury();
  const guards = [lock.acquireSync(), closed.acquireSync()];
  assert(guards[0].ownerDied);
  await leaves();
  for (const guard of guards) assertThrows(() => guard.release(), EngineUnavailableError);
  closed[Symbol.dispose]();
  await returns();
  for (const guard of guards) await insist(() => guard.release());
  using again = lock.acquireSync();
  assertEquals(again.ownerDied, false);
});

awayTest("what a semaphore has given is given back once", async (stage, leaves, returns) => {
  using semaphore = new RemoteSemaphore(stage.session, 2);
  using bounded = new RemoteBoundedSemaphore(stage.session, 1);
  const guards = [semaphore.acquireSync(), bounded.acquireSync(), await semaphore.acquire()];
  await leaves();
  for (const guard of guards) assertThrows(() => guard.release(), EngineUnavailableError);
  await returns();
  for (const guard of guards) await insist(() => guard.release());
  assertEquals([semaphore.getValue(), bounded.getValue()], [2, 1]);
});

awayTest("a put that is refused then takes no release with it", async (stage, leaves, returns) => {
  const { engine, session } = stage;
  using queue = new RemoteQueue<number>(session);
  using value = valueIn(stage, 1);
  using first = new RemoteLock(session);
  using second = new RemoteSemaphore(session, 1);
  const guards = [value.acquireSync(), first.acquireSync()];
  const last = second.acquireSync();
  value.value = 2;
  await leaves();
  assertThrows(() => queue.putSync(1), EngineUnavailableError);
  for (const guard of guards) assertThrows(() => guard.release(), EngineUnavailableError);
  await engine.command("CONFIG", "SET", "maxmemory", "1");
  try {
    await returns();
    await insist(() => last.release()); // which has all the others done before
    assertEquals([seenFree(value), first.locked(), second.getValue(), queue.qsize()], [2, false, 1, 0]);
    for (const guard of guards) guard.release();
  } finally {
    await engine.command("CONFIG", "SET", "maxmemory", "0");
  }
});

stageTest("release: a guard whose release is refused holds on", async ({ engine, session }) => {
  using lock = new RemoteLock(session);
  using semaphore = new RemoteSemaphore(session, 1);
  const guards = [lock.acquireSync(), semaphore.acquireSync()];
  await engine.command("ACL", "SETUSER", "default", "-fcall");
  try {
    for (const guard of guards) assertThrows(() => guard.release(), ProcessError, "NOPERM");
    assertEquals(lock.heldHere(), true);
  } finally {
    await engine.command("ACL", "SETUSER", "default", "+fcall");
  }
  for (const guard of guards) guard.release();
  assertEquals([lock.locked(), semaphore.getValue()], [false, 1]);
  for (const guard of guards) guard.release();
});

awayTest("what another holds is released again when it holds it again", async (stage, leaves, returns) => {
  const { session, join } = stage;
  using lock = new RemoteLock(session);
  const other = await join();
  const isFree = () => session.step("lock_look", lock.handle.id).text(0) === "";
  await other.step("lock_acquire", lock.handle.id, 1);
  await leaves();
  assertThrows(() => lock.release(), EngineUnavailableError);
  await returns();
  await insist(() => session.settle());
  assert(isFree());
  await other.step("lock_acquire", lock.handle.id, 1);
  lock.release();
  assert(isFree());
});

awayTest("one that is lost with the tree throws that, whoever has heard of it before", async (stage, leaves) => {
  const { engine, session } = stage;
  const guards = [new RemoteLock(session).acquireSync(), new RemoteSemaphore(session, 1).acquireSync()];
  await leaves();
  for (const guard of guards) assertThrows(() => guard.release(), EngineUnavailableError);
  await engine.restart(); // which forgets all
  await assertRejects(() => insist(() => session.settle()), StateLostError);
  for (const guard of guards) assertThrows(() => guard.release(), StateLostError);
});

for (const end of ["in order", "by SIGKILL"] as const) {
  engineTest(`release: a process that ends ${end} after its release was given up`, async (engine) => {
    await using _agent = await startAgent(engine.url);
    using context = getContext(engine.url as "redis://", {
      authkey: AUTHKEY,
      startTimeout: PATIENCE,
      patience: 500,
    });
    using value = context.Value("i32", 1);
    const note = Deno.makeTempFileSync();
    const noted = (what: string) => until(what, () => Deno.readTextFileSync(note) === what);
    const child = new context.Process({ target: releaseAtSignals, args: [value, note] });
    child.start();
    await noted("held");
    engine.freeze();
    try {
      Deno.kill(child.pid!, "SIGUSR1");
      await noted("thrown");
      if (end === "by SIGKILL") Deno.kill(child.pid!, "SIGKILL");
    } finally {
      engine.thaw();
      Deno.removeSync(note);
    }
    if (end === "in order") Deno.kill(child.pid!, "SIGUSR2");
    assert(await child.join({ timeout: PATIENCE }));
    let told = false;
    await until("the value", () => {
      try {
        return value.value > 0;
      } catch (error) {
        if (!(error instanceof OwnerDiedError || error instanceof EngineUnavailableError)) throw error;
        told ||= error instanceof OwnerDiedError;
        return false;
      }
    });
    // Whoever was killed before the engine had heard of the release holds the lock, and has written nothing.
    assertEquals(value.value, told ? 1 : 2);
    if (end === "in order") assertEquals([told, child.exitcode], [false, 0]);
  });
}
