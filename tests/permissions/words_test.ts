// A caged child tries to write into the words of locks and of what else it was given, in the name of its parent. Whatever
// it does: when it has ended, all of it can be used.

import {
  Barrier,
  BoundedSemaphore,
  Condition,
  Event,
  getContext,
  JoinableQueue,
  Lock,
  Queue,
  RLock,
  type Synchronized,
  Value,
} from "@parallel/multiprocessing";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { native } from "../../src/addon/load.ts";
import { disguise, forge, type Given } from "../fixtures/permissions/cage_words_targets.ts";
import { within } from "../support/helpers.ts";

const robust = { onOwnerDeath: "recover" } as const;

function everything(): Given {
  return {
    lock: new Lock(robust),
    rlock: new RLock(robust),
    value: Value("i", 1) as Synchronized<number>,
    semaphore: new BoundedSemaphore(2),
    event: new Event(),
    condition: new Condition(new Lock(robust)),
    barrier: new Barrier(2),
    tasks: new JoinableQueue<number>(),
  };
}

/** Uses everything as if nobody had done anything to it. */
async function assertSound({ lock, rlock, value, semaphore, event, condition, barrier, tasks }: Given): Promise<void> {
  for (const it of [lock, rlock, value.getLock()] as const) {
    using _ = await within(it.acquire().catch(() => it.acquire()), `${it}`); // the first may be told of a death
    it.release();
    assert(!it.locked(), `${it} has no further level`);
    it.acquireSync();
  }
  assert(semaphore.getValue() <= 2);
  event.clear();
  assertEquals(event.waitSync({ timeout: 0 }), false);
  const set = event.wait();
  event.set();
  assertEquals(await within(set), true);
  {
    using _ = await within(condition.acquire());
    const told = condition.wait();
    await within(condition.acquire());
    condition.notifyAll(); // of those that wait some may have ended
    condition.release();
    assertEquals(await within(told), true);
  }
  barrier.reset();
  assertEquals((await within(Promise.all([barrier.wait(), barrier.wait()]))).toSorted(), [0, 1]);
  tasks.putSync(1);
  assertEquals(await within(tasks.get()), 1);
  tasks.taskDone();
  await within(tasks.join());
}

function dispose(given: Given): void {
  const { value, tasks, ...others } = given;
  value.close();
  tasks[Symbol.dispose]();
  for (const it of Object.values(others)) it[Symbol.dispose]();
}

for (const method of ["spawn", "forkserver"] as const) {
  Deno.test(`a caged forger leaves nothing in its parent's name when it is killed (${method})`, async () => {
    const [given, sent] = [everything(), everything()];
    using later = new Queue<Given>();
    using said = new Queue<number>();
    const child = new (getContext(method).Process)({
      target: forge,
      args: [given, later, native().threadToken(), said],
      permissions: "none",
    });
    child.start();
    later.putSync(sent);
    assert(await within(said.get()) > 0, "it has seen something to write into");
    child.kill();
    await within(child.join());
    child.close();
    await assertSound(given);
    await assertSound(sent);
    dispose(given);
    dispose(sent);
  });
}

Deno.test("what a caged child sends under the name of another kind is refused, so that nobody writes its words for it", async () => {
  using lock = new Lock();
  const value = Value("i", 1) as Synchronized<number>;
  using sent = new Queue<unknown>();
  const child = new (getContext("spawn").Process)({ target: disguise, args: [lock, value, sent], permissions: "none" });
  child.start();
  for (let k = 0; k < 6; k++) await assertRejects(() => within(sent.get()), RangeError, "Cannot restore");
  await within(child.join());
  assertEquals(child.exitcode, 0);
  child.close();
  assert(!lock.locked());
  assertEquals(value.value, 1);
  value.close();
});
