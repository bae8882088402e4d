// Semaphore and BoundedSemaphore, between processes and promises.

import { BoundedSemaphore, InvalidStateError, Queue, Semaphore } from "@parallel/multiprocessing";
import { dumps } from "@parallel/multiprocessing/reduction";
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import * as targets from "../fixtures/synchronize/synchronize_targets.ts";
import { begin } from "../support/children.ts";
import { assertNothingLeft, belongings, blocked, PATIENCE, within } from "../support/helpers.ts";
import {
  assertClosed,
  assertTimeoutsKept,
  assertTimeoutsRefused,
  Child,
  Children,
  FORMS,
} from "../support/synchronize.ts";

Deno.test.beforeAll(begin);

const KINDS = [Semaphore, BoundedSemaphore];
const SEM_VALUE_MAX = 2 ** 31 - 1;

for (const Kind of KINDS) {
  const test = (what: string, run: () => void | Promise<void>) => Deno.test(`${Kind.name}: ${what}`, run);
  const cited = Kind === Semaphore ? "test_semaphore" : "test_bounded_semaphore";

  Deno.test(`TestSemaphore.${cited}: counts down to 0 and up again`, async () => {
    using semaphore = new Kind(2);
    assertEquals(semaphore.getValue(), 2);
    assert(semaphore.acquireSync());
    assertEquals(semaphore.getValue(), 1);
    assert(await semaphore.acquire());
    assertEquals(semaphore.getValue(), 0);
    assert(semaphore.locked());
    assertEquals(semaphore.acquireSync({ block: false }), null);
    assertEquals(await semaphore.acquire({ block: false }), null);
    assertEquals(semaphore.tryAcquire(), null);
    semaphore.release();
    assertEquals(semaphore.getValue(), 1);
    assert(!semaphore.locked());
    semaphore.release();
    assertEquals(semaphore.getValue(), 2);
  });

  Deno.test(`TestSemaphore.test_timeout: a ${Kind.name} keeps timeouts, and ignores them if it may not block`, async () => {
    using semaphore = new Kind(0);
    assertEquals(semaphore.acquireSync({ block: false, timeout: 1e9 }), null);
    assertEquals(await semaphore.acquire({ block: false, timeout: 1e9 }), null);
    await assertTimeoutsKept(
      (options) => semaphore.acquire(options),
      (options) => semaphore.acquireSync(options),
      null,
    );
  });

  test("the default value is 1, and a value above 0 is taken whatever the timeout", async () => {
    using semaphore = new Kind();
    assertEquals(semaphore.getValue(), 1);
    for (const timeout of [0, -1, 1, 1e12, Infinity, null, undefined]) {
      semaphore.acquireSync({ timeout })!.release();
      (await semaphore.acquire({ timeout }))!.release();
    }
    assertEquals(semaphore.getValue(), 1);
  });

  test("guards release once", async () => {
    using semaphore = new Kind(3);
    {
      using guard = await semaphore.acquire();
      using _second = semaphore.acquireSync();
      using _third = semaphore.tryAcquire();
      assertEquals(semaphore.getValue(), 0);
      guard.release();
      guard.release();
      assertEquals(semaphore.getValue(), 1);
    }
    assertEquals(semaphore.getValue(), 3);
  });

  test("values that make no sense are refused", async () => {
    for (const value of [-1, 0.5, NaN, Infinity, SEM_VALUE_MAX + 1]) {
      assertThrows(() => new Kind(value), RangeError, `"value" is ${value}`);
    }
    for (const value of ["1", null, 1n, {}] as unknown as number[]) {
      assertThrows(() => new Kind(value), TypeError, '"value"');
    }
    using semaphore = new Kind(0);
    for (const n of [0, -1, 1.5, NaN, Infinity, SEM_VALUE_MAX + 1]) {
      assertThrows(() => semaphore.release(n), RangeError, `"n" is ${n}`);
    }
    for (const n of ["2", null, 2n] as unknown as number[]) assertThrows(() => semaphore.release(n), TypeError, '"n"');
    assertEquals(semaphore.getValue(), 0);
    await assertTimeoutsRefused((options) => semaphore.acquire(options), (options) => semaphore.acquireSync(options));
  });

  test("an abort, before or while it waits, rejects with its reason and takes nothing", async () => {
    using semaphore = new Kind(1);
    const reason = new Error("too late");
    assertStrictEquals(await semaphore.acquire({ signal: AbortSignal.abort(reason) }).catch((error) => error), reason);
    assertEquals(semaphore.getValue(), 1);
    const guard = semaphore.acquireSync();
    const abortion = new AbortController();
    const waiting = semaphore.acquire({ signal: abortion.signal }).catch((error) => error);
    abortion.abort(reason);
    assertStrictEquals(await within(waiting), reason);
    guard.release();
    assertEquals(semaphore.getValue(), 1);
  });

  test("an abort that races with a release loses nothing", async () => {
    using semaphore = new Kind(1);
    for (let round = 0; round < 200; round++) {
      const held = semaphore.acquireSync();
      const abortion = new AbortController();
      const waiting = semaphore.acquire({ signal: abortion.signal });
      held.release();
      if (round % 3 > 0) await new Promise((resolve) => setTimeout(resolve));
      abortion.abort();
      (await waiting.catch(() => null))?.release();
      (await within(semaphore.acquire())).release();
    }
    assertEquals(semaphore.getValue(), 1);
  });

  test("after dispose every use but another dispose is refused", async () => {
    const semaphore = new Kind();
    semaphore[Symbol.dispose]();
    semaphore[Symbol.dispose]();
    await assertClosed(Kind.name, {
      acquire: () => semaphore.acquire(),
      acquireSync: () => semaphore.acquireSync(),
      tryAcquire: () => semaphore.tryAcquire(),
      release: () => semaphore.release(),
      getValue: () => semaphore.getValue(),
      locked: () => semaphore.locked(),
      dumps: () => dumps(semaphore),
    });
  });

  test("its text form is CPython's, here and in another process, where the bound is the same", async () => {
    using semaphore = new Kind(4);
    const bound = Kind === BoundedSemaphore ? ", maxvalue=4" : "";
    assertEquals(String(semaphore), `<${Kind.name}(value=4${bound})>`);
    semaphore.acquireSync();
    assertEquals(String(semaphore), `<${Kind.name}(value=3${bound})>`);
    semaphore.release();
    await using child = Child.start(targets.describeSemaphore, semaphore);
    const released = Kind === BoundedSemaphore ? "InvalidStateError" : null;
    assertEquals(await child.hear(), [`<${Kind.name}(value=4${bound})>`, Kind.name, released ?? undefined]);
    await child.end();
    assertEquals(semaphore.getValue(), released === null ? 5 : 4);
  });

  for (const form of FORMS) {
    test(`release(n) lets n waiting processes in (${form})`, async () => {
      using semaphore = new Kind(3);
      for (let i = 0; i < 3; i++) semaphore.acquireSync();
      await using children = new Children(3, () => Child.start(targets.acquireSemaphore, semaphore, form));
      assertEquals(await children.hear(), ["waits", "waits", "waits"]);
      if (form === "sync") { for (const { pid } of children.all) await blocked(pid); }
      semaphore.release(3);
      assertEquals(await children.hear(), ["acquired", "acquired", "acquired"]);
      await children.end();
      assertEquals(semaphore.getValue(), 0);
    });

    test(`a waiter that is killed costs nobody anything (${form})`, async () => {
      using semaphore = new Kind(1);
      const held = semaphore.acquireSync();
      await using children = new Children(3, () => Child.start(targets.acquireSemaphore, semaphore, form));
      await children.hear();
      if (form === "sync") { for (const { pid } of children.all) await blocked(pid); }
      await children.all[0].kill();
      await children.all[1].kill();
      held.release();
      assertEquals(await children.all[2].hear(), "acquired");
      await children.all[2].end();
      assertEquals(semaphore.getValue(), 0);
    });
  }

  test("what a killed process had acquired stays taken, and any process may give it back", async () => {
    using semaphore = new Kind(1);
    await using child = Child.start(targets.holdSemaphore, semaphore);
    assertEquals(await child.hear(), "acquired");
    await child.kill();
    assertEquals(semaphore.acquireSync({ timeout: 150 }), null);
    semaphore.release();
    assert(await semaphore.acquire({ timeout: PATIENCE }));
  });

  test("never are more inside than its value", async () => {
    using semaphore = new Kind(2);
    using inside = new Semaphore(2);
    const before = belongings();
    {
      await using children = new Children(3, () => Child.start(targets.crowd, semaphore, inside, 3000));
      assertEquals(await children.hear(), [0, 0, 0]);
      await children.end();
    }
    assertEquals([semaphore.getValue(), inside.getValue()], [2, 2]);
    await assertNothingLeft(before);
  });

  test("500 promises wait for one at once, and each gets it", async () => {
    using semaphore = new Kind(1);
    const held = semaphore.acquireSync();
    let acquired = 0;
    const waiting = Array.from({ length: 500 }, async () => {
      using _guard = await semaphore.acquire();
      acquired++;
    });
    held.release();
    await within(Promise.all(waiting));
    assertEquals([acquired, semaphore.getValue()], [500, 1]);
  });

  test("travels on a queue", () => {
    using semaphore = new Kind(3);
    using queue = new Queue<Semaphore>();
    queue.putSync(semaphore);
    using received = queue.getSync();
    assert(received instanceof Kind);
    received.acquireSync();
    assertEquals(semaphore.getValue(), 2);
  });
}

Deno.test("TestSemaphore.test_bounded_semaphore: a release beyond the bound is refused, and adds nothing", async () => {
  for (const value of [0, 1, 5]) {
    using semaphore = new BoundedSemaphore(value);
    assertThrows(() => semaphore.release(), InvalidStateError, "semaphore or lock released too many times");
    for (let i = 0; i < value; i++) await semaphore.acquire();
    assertThrows(() => semaphore.release(value + 1), InvalidStateError, "released too many times");
    assertEquals(semaphore.getValue(), 0);
    if (value > 0) semaphore.release(value);
    assertEquals(semaphore.getValue(), value);
  }
});

Deno.test("Semaphore: the largest value is a bound, too", () => {
  using semaphore = new Semaphore(SEM_VALUE_MAX);
  assertEquals(semaphore.getValue(), SEM_VALUE_MAX);
  assertThrows(() => semaphore.release(), InvalidStateError, "released too many times");
  const guard = semaphore.acquireSync();
  assertThrows(() => semaphore.release(2), InvalidStateError, "released too many times");
  guard.release();
  assertEquals(semaphore.getValue(), SEM_VALUE_MAX);
});
