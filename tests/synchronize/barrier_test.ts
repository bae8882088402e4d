// Barrier, between processes, Workers and promises.

import { Barrier, type BarrierAction, BrokenBarrierError, Queue } from "@parallel/multiprocessing";
import { dumps } from "@parallel/multiprocessing/reduction";
import { assert, assertEquals, assertMatch, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import * as targets from "../fixtures/synchronize/synchronize_targets.ts";
import { begin } from "../support/children.ts";
import { assertNothingLeft, belongings, until, within } from "../support/helpers.ts";
import { assertClosed, assertTimeoutsRefused, Child, Children, FORMS, Thread } from "../support/synchronize.ts";

Deno.test.beforeAll(begin);

const TARGETS = new URL("../fixtures/synchronize/synchronize_targets.ts", import.meta.url);

/** Waits until as many have arrived. */
async function arrived(barrier: Barrier, count: number): Promise<void> {
  await until(`${count} parties at the barrier`, () => barrier.nWaiting === count);
}

/** The outcomes of a wait of this process in that form, and of others. */
function pass(barrier: Barrier, form: targets.Form): number | Promise<number> {
  return form === "sync" ? barrier.waitSync() : within(barrier.wait());
}

for (const form of FORMS) {
  for (const rounds of [2, 10]) {
    const cited = rounds === 2 ? "test_barrier" : "test_barrier_10";
    Deno.test(`TestBarrier.${cited}: five parties move in lockstep through ${rounds} waits (${form})`, async () => {
      using barrier = new Barrier(5);
      using said = new Queue<number>();
      await using children = new Children(4, () => Child.start(targets.lockstep, said, barrier, form, rounds));
      for (let i = 0; i < rounds; i++) {
        await pass(barrier, form);
        await pass(barrier, form);
      }
      await children.end();
      const all = Array.from({ length: 4 * rounds }, () => said.getNowait());
      assertEquals(all, all.toSorted((a, b) => a - b));
      assertEquals([barrier.nWaiting, barrier.broken], [0, false]);
    });
  }

  Deno.test(`TestBarrier.test_wait_return: each of the five numbers is given once (${form})`, async () => {
    using barrier = new Barrier(5);
    await using children = new Children(4, () => Child.start(targets.waitBarrier, barrier, form));
    const mine = await pass(barrier, form);
    const indices = [mine, ...await children.hear()] as number[];
    assertEquals(indices.sort(), [0, 1, 2, 3, 4]);
    await children.end();
  });

  Deno.test(`TestBarrier.test_abort: all others fail, and the barrier stays broken (${form})`, async () => {
    using barrier = new Barrier(5);
    await using children = new Children(4, () => Child.start(targets.waitBarrier, barrier, form));
    await arrived(barrier, 4);
    barrier.abort();
    assertEquals(await children.hear(), Array(4).fill("BrokenBarrierError"));
    assert(barrier.broken);
    assertThrows(() => barrier.waitSync(), BrokenBarrierError);
    await assertRejects(() => barrier.wait(), BrokenBarrierError);
    await children.end();
  });

  Deno.test(`TestBarrier.test_reset: who waits fails, and the barrier is as new (${form})`, async () => {
    using barrier = new Barrier(3);
    {
      await using children = new Children(2, () => Child.start(targets.waitBarrier, barrier, form));
      await arrived(barrier, 2);
      barrier.reset();
      assertEquals(await children.hear(), Array(2).fill("BrokenBarrierError"));
      await children.end();
    }
    assertEquals([barrier.broken, barrier.nWaiting], [false, 0]);
    await using children = new Children(2, () => Child.start(targets.waitBarrier, barrier, form));
    await pass(barrier, form);
    await children.hear();
    await children.end();
  });

  for (const isDefault of [false, true]) {
    const cited = isDefault ? "test_default_timeout" : "test_timeout";
    Deno.test(`TestBarrier.${cited}: one late party breaks it for all (${form})`, async () => {
      using barrier = new Barrier(5, isDefault ? { timeout: 500 } : {});
      const timeout = isDefault ? undefined : 500;
      const begin = performance.now();
      await using children = new Children(
        4,
        () => Child.start(targets.waitBarrier, barrier, form, 1, timeout),
      );
      assertEquals(await children.hear(), Array(4).fill("BrokenBarrierError"));
      assert(performance.now() - begin >= 499);
      assert(barrier.broken);
      await assertRejects(() => barrier.wait({ timeout: null }), BrokenBarrierError);
      await children.end();
    });
  }

  Deno.test(`TestBarrier.test_thousand: a thousand rounds of five, none overtaken (${form})`, async () => {
    using barrier = new Barrier(5);
    await using children = new Children(5, () => Child.start(targets.march, barrier, form, 1000));
    const heard = children.all.map(() => 0);
    for (let i = 0; i < 1000; i++) {
      assertEquals(await children.hear(), Array(5).fill(i));
      heard.fill(i);
    }
    await children.end();
    assertEquals([barrier.nWaiting, barrier.broken], [0, false]);
  });

  Deno.test(`Barrier: a party that is killed while it waits breaks it for the others (${form})`, async () => {
    using barrier = new Barrier(4);
    await using children = new Children(3, () => Child.start(targets.waitBarrier, barrier, form));
    await arrived(barrier, 3);
    await children.all[0].kill();
    assertEquals(await children.all[1].hear(), "BrokenBarrierError");
    assertEquals(await children.all[2].hear(), "BrokenBarrierError");
    assert(barrier.broken);
    barrier.reset();
    assertEquals([barrier.nWaiting, barrier.broken], [0, false]);
  });

  Deno.test(`Barrier: the action runs once a round, in the party that comes last (${form})`, async () => {
    const file = Deno.makeTempFileSync();
    Deno.env.set("ACTION_FILE", file);
    try {
      const action = form === "sync" ? targets.sayWhere : targets.sayWhereLater;
      using barrier = new Barrier(3, { action });
      await using first = Child.start(targets.waitBarrier, barrier, form);
      await arrived(barrier, 1);
      await using second = Child.start(targets.waitBarrier, barrier, form);
      await arrived(barrier, 2);
      assertEquals(await pass(barrier, form), 2);
      assertEquals([await first.hear(), await second.hear()], [0, 1]);
      assertEquals(Deno.readTextFileSync(file), `${Deno.pid}\n`);
      // Now the last one is another process, which has the action by its name.
      const mine = barrier.wait();
      await arrived(barrier, 1);
      await using third = Child.start(targets.waitBarrier, barrier, form);
      await arrived(barrier, 2);
      await using fourth = Child.start(targets.waitBarrier, barrier, form);
      assertEquals(await within(mine), 0);
      assertEquals([await third.hear(), await fourth.hear()], [1, 2]);
      assertEquals(Deno.readTextFileSync(file), `${Deno.pid}\n${fourth.pid}\n`);
    } finally {
      Deno.removeSync(file);
    }
  });

  Deno.test(`Barrier: an action that fails breaks it, and its error comes where it ran (${form})`, async () => {
    using barrier = new Barrier(2, { action: targets.failingAction });
    await using child = Child.start(targets.waitBarrier, barrier, form);
    await arrived(barrier, 1);
    await assertRejects(async () => await pass(barrier, form), RangeError, "the action failed");
    assertEquals(await child.hear(), "BrokenBarrierError");
    assert(barrier.broken);
  });
}

Deno.test("TestBarrier.test_abort_and_reset: a broken one is reset behind a second barrier, and used again", async () => {
  using barrier = new Barrier(5);
  using second = new Barrier(5);
  await using children = new Children(5, (i) => Child.start(targets.recover, barrier, second, i === 2));
  const heard: unknown[] = [];
  for (const [i, child] of children.all.entries()) {
    if (i !== 2) assertEquals(await child.hear(), "BrokenBarrierError");
    heard.push(await child.hear());
  }
  assertEquals(heard.sort(), [0, 1, 2, 3, 4]);
  await children.end();
  assertEquals([barrier.broken, barrier.nWaiting, second.broken], [false, 0, false]);
});

Deno.test("TestBarrier.test_single_thread: a barrier of one lets its party pass", async () => {
  let runs = 0;
  using barrier = new Barrier(1, { action: () => runs++ });
  assertEquals(barrier.waitSync(), 0);
  assertEquals(await barrier.wait(), 0);
  assertEquals(await barrier.wait({ timeout: 0 }), 0);
  assertEquals(runs, 3);
});

Deno.test("Barrier: parties, whether they end or are killed, leave nothing behind", async () => {
  let before: ReturnType<typeof belongings> | null = null;
  for (let round = 0; round < 3; round++) {
    {
      using barrier = new Barrier(3);
      await using children = new Children(2, (i) => Child.start(targets.waitBarrier, barrier, FORMS[i], 2));
      await within(barrier.wait());
      await arrived(barrier, 2);
      await children.all[round % 2].kill();
      await until("the death noticed", () => barrier.broken);
      await assertRejects(() => barrier.wait(), BrokenBarrierError);
    }
    // The first round has started the threads that stay.
    if (before === null) before = belongings();
    else await assertNothingLeft(before);
  }
});

Deno.test("Barrier: promises and a Worker are parties like others", async () => {
  using barrier = new Barrier(4);
  using worker = new Thread(barrier);
  const all = [barrier.wait(), worker.ask("waitSync"), barrier.wait(), barrier.wait()];
  assertEquals((await within(Promise.all(all))).sort(), [0, 1, 2, 3]);
});

Deno.test("Barrier: a Worker that is terminated while it waits breaks it", async () => {
  using barrier = new Barrier(3);
  const waiting = barrier.wait().catch((error) => error);
  {
    using worker = new Thread(barrier);
    worker.tell("wait");
    await arrived(barrier, 2);
  }
  assert(await within(waiting) instanceof BrokenBarrierError);
});

Deno.test("Barrier: an abort breaks it; one that comes before the wait, or after the round, does nothing", async () => {
  using barrier = new Barrier(2);
  const reason = new Error("too late");
  const signal = AbortSignal.abort(reason);
  assertStrictEquals(await barrier.wait({ signal }).catch((error) => error), reason);
  assertEquals([barrier.broken, barrier.nWaiting], [false, 0]);
  const abortion = new AbortController();
  const both = [barrier.wait({ signal: abortion.signal }), barrier.wait()];
  const passed = Promise.all(both);
  await within(passed);
  abortion.abort(reason);
  assert(!barrier.broken);
  const later = new AbortController();
  const waiting = barrier.wait({ signal: later.signal }).catch((error) => error);
  await arrived(barrier, 1);
  later.abort(reason);
  assertStrictEquals(await within(waiting), reason);
  assert(barrier.broken);
});

Deno.test("Barrier: a timeout breaks it, not before its time", async () => {
  for (const form of FORMS) {
    for (const timeout of [0, -1, 1, 60.5]) {
      using barrier = new Barrier(2);
      const begin = performance.now();
      await assertRejects(
        async () => form === "sync" ? barrier.waitSync({ timeout }) : await barrier.wait({ timeout }),
        BrokenBarrierError,
      );
      assert(performance.now() - begin >= Math.max(0, timeout) - 1);
      assert(barrier.broken);
    }
  }
});

Deno.test("Barrier: a promise returned by the action is awaited by wait, and refused by waitSync", async () => {
  let isDone = false;
  const action = async () => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    isDone = true;
  };
  using barrier = new Barrier(1, { action });
  await barrier.wait();
  assert(isDone);
  assertThrows(() => barrier.waitSync(), TypeError, "returned a promise");
  assert(barrier.broken);
  await new Promise((resolve) => setTimeout(resolve, 10));
});

Deno.test("Barrier: an action that breaks or resets the barrier is heard", async () => {
  for (const method of ["abort", "reset"] as const) {
    using barrier: Barrier = new Barrier(2, { action: () => barrier[method]() });
    const outcomes = await within(Promise.allSettled([barrier.wait(), barrier.wait()]));
    for (const outcome of outcomes) {
      assert(outcome.status === "rejected" && outcome.reason instanceof BrokenBarrierError);
    }
    assertEquals(barrier.broken, method === "abort");
  }
});

for (const form of FORMS) {
  Deno.test(`Barrier: an action that disposes of it touches no other, and the round ends (${form})`, async () => {
    for (const fails of [false, true]) {
      const others: Barrier[] = [];
      const act = () => {
        barrier[Symbol.dispose]();
        for (let i = 0; i < 50; i++) others.push(new Barrier(2));
        if (fails) throw new RangeError("the action failed");
      };
      const action = form === "sync" ? act : () => Promise.resolve().then(act);
      const barrier: Barrier = new Barrier(1, { action });
      if (fails) await assertRejects(async () => await pass(barrier, form), RangeError, "the action failed");
      else assertEquals(await pass(barrier, form), 0);
      assertEquals(others.filter((other) => other.broken), []);
      others.forEach((other) => other[Symbol.dispose]());
    }
  });
}

Deno.test("Barrier: one whose action a module exports travels, also to who cannot wait for an import", async () => {
  const file = Deno.makeTempFileSync();
  Deno.env.set("ACTION_FILE", file);
  try {
    const actions: BarrierAction[] = [targets.sayWhere, { module: TARGETS, name: "sayWhere" }];
    for (const action of actions) {
      using barrier = new Barrier(2, { action });
      await using child = Child.start(targets.waitAtArriving);
      const mine = barrier.wait();
      await arrived(barrier, 1);
      child.tell(barrier);
      assertEquals(await child.hear(), 1);
      assertEquals(await within(mine), 0);
      await child.end();
      assert(Deno.readTextFileSync(file).endsWith(`${child.pid}\n`));
    }
  } finally {
    Deno.removeSync(file);
  }
});

Deno.test("Barrier: one whose action no other process can find does not travel", () => {
  using barrier = new Barrier(1, { action: targets.failingAction.bind(null) });
  assertThrows(() => dumps(barrier), TypeError, "it is a bound function");
  assertThrows(() => barrier.waitSync(), RangeError, "the action failed");
});

Deno.test("Barrier: arguments that make no sense are refused", async () => {
  for (const parties of [0, -1, 1.5, NaN, Infinity, 2 ** 20 + 1]) {
    assertThrows(() => new Barrier(parties), RangeError, `"parties" is ${parties}`);
  }
  assertThrows(() => new Barrier(0), RangeError, "parties must be >= 1");
  for (const parties of ["2", null, {}, 2n] as unknown as number[]) {
    assertThrows(() => new Barrier(parties), TypeError, '"parties"');
  }
  for (const action of ["run", 1, null, {}] as unknown as BarrierAction[]) {
    assertThrows(() => new Barrier(1, { action }), TypeError, "wanted a function");
  }
  assertThrows(() => new Barrier(1, { timeout: NaN }), RangeError, '"timeout" is NaN');
  using barrier = new Barrier(1);
  await assertTimeoutsRefused((options) => barrier.wait(options), (options) => barrier.waitSync(options));
});

Deno.test("Barrier: its text form counts who waits, or says that it is broken", async () => {
  using barrier = new Barrier(3);
  const prefix = "^<multiprocessing\\.synchronize\\.Barrier at 0x[0-9a-f]+: ";
  assertMatch(String(barrier), new RegExp(`${prefix}waiters=0/3>$`));
  const waiting = barrier.wait().catch((error) => error);
  await arrived(barrier, 1);
  assertMatch(String(barrier), new RegExp(`${prefix}waiters=1/3>$`));
  barrier.abort();
  assertMatch(String(barrier), new RegExp(`${prefix}broken>$`));
  await within(waiting);
  assertEquals([barrier.parties, barrier.nWaiting, barrier.broken], [3, 0, true]);
});

Deno.test("Barrier: after dispose every use but another dispose is refused", async () => {
  const barrier = new Barrier(2);
  barrier[Symbol.dispose]();
  barrier[Symbol.dispose]();
  await assertClosed("Barrier", {
    wait: () => barrier.wait(),
    waitSync: () => barrier.waitSync(),
    abort: () => barrier.abort(),
    reset: () => barrier.reset(),
    parties: () => barrier.parties,
    nWaiting: () => barrier.nWaiting,
    broken: () => barrier.broken,
    dumps: () => dumps(barrier),
  });
});
