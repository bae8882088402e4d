// Event, between processes, Workers and promises.

import { Event, InvalidStateError, Queue } from "@parallel/multiprocessing";
import { dumps } from "@parallel/multiprocessing/reduction";
import { assert, assertEquals, assertMatch, assertRejects, assertStrictEquals } from "@std/assert";
import * as targets from "../fixtures/synchronize/synchronize_targets.ts";
import { begin } from "../support/children.ts";
import { assertNothingLeft, belongings, blocked, threads, within } from "../support/helpers.ts";
import {
  assertClosed,
  assertTimeoutsKept,
  assertTimeoutsRefused,
  Child,
  Children,
  FORMS,
  Thread,
} from "../support/synchronize.ts";

Deno.test.beforeAll(begin);

Deno.test("TestEvent.test_event: isSet, wait, set and clear, and a process that sets it", async () => {
  using event = new Event();
  assert(!event.isSet());
  await assertTimeoutsKept((options) => event.wait(options), (options) => event.waitSync(options), false);
  event.set();
  assert(event.isSet());
  for (const timeout of [undefined, null, 0, -1, 1e12, Infinity]) {
    assertEquals(await event.wait({ timeout }), true);
    assertEquals(event.waitSync({ timeout }), true);
  }
  event.set();
  assert(event.isSet());
  event.clear();
  event.clear();
  assert(!event.isSet());
  for (const form of FORMS) {
    await using child = Child.start(targets.setEvent, event);
    const waiting = form === "async" ? event.wait() : null;
    child.tell();
    assertEquals(waiting === null ? event.waitSync() : await within(waiting), true);
    await child.end();
    event.clear();
  }
});

Deno.test("TestEvent.test_repr: the text form says set or unset", () => {
  using event = new Event();
  assertMatch(String(event), /^<Event at 0x[0-9a-f]+ unset>$/);
  event.set();
  assertMatch(String(event), /^<Event at 0x[0-9a-f]+ set>$/);
});

for (const form of FORMS) {
  Deno.test(`Event: one set releases all processes that wait, even if it is cleared at once (${form})`, async () => {
    using event = new Event();
    await using children = new Children(3, () => Child.start(targets.waitEvent, event, form));
    assertEquals(await children.hear(), ["waits", "waits", "waits"]);
    // A promise of another process waits as soon as its event loop is at it; one of ours knows that by nothing but that.
    if (form === "sync") { for (const { pid } of children.all) await blocked(pid); }
    event.set();
    if (form === "sync") event.clear();
    assertEquals(await children.hear(), [true, true, true]);
    await children.end();
  });

  Deno.test(`Event: a waiter that is killed costs nobody anything (${form})`, async () => {
    using event = new Event();
    await using children = new Children(2, () => Child.start(targets.waitEvent, event, form));
    await children.hear();
    if (form === "sync") { for (const { pid } of children.all) await blocked(pid); }
    await children.all[0].kill();
    event.set();
    assertEquals(await children.all[1].hear(), true);
    await children.all[1].end();
  });
}

Deno.test("Event: promises that wait when it is set are released although it is cleared at once", async () => {
  using event = new Event();
  for (let round = 0; round < 100; round++) {
    const waiting = Array.from({ length: 5 }, () => event.wait());
    event.set();
    event.clear();
    assertEquals(await within(Promise.all(waiting)), [true, true, true, true, true]);
  }
});

Deno.test("Event: a Worker sets it for this thread, and this thread for a Worker", async () => {
  using event = new Event();
  using worker = new Thread(event);
  assertEquals(await worker.ask("isSet"), false);
  const waiting = event.wait();
  assertEquals(await worker.ask("set"), "done");
  assertEquals(await within(waiting), true);
  event.clear();
  assertEquals(await worker.ask("isSet"), false);
  const there = worker.ask("waitSync");
  event.set();
  assertEquals(await there, true);
});

Deno.test("Event: an abort, before or while it waits, rejects with its reason", async () => {
  using event = new Event();
  const reason = new Error("too late");
  assertStrictEquals(await event.wait({ signal: AbortSignal.abort(reason) }).catch((error) => error), reason);
  const abortion = new AbortController();
  const waiting = event.wait({ signal: abortion.signal }).catch((error) => error);
  const other = event.wait();
  abortion.abort(reason);
  assertStrictEquals(await within(waiting), reason);
  event.set();
  assertEquals(await within(other), true);
});

Deno.test("Event: 2000 promises that wait take no thread each, and leave nothing behind when they are aborted", async () => {
  using event = new Event();
  await event.wait({ timeout: 1 });
  const before = belongings();
  const count = threads().length;
  const abortion = new AbortController();
  const waiting = Array.from({ length: 2000 }, () => event.wait({ signal: abortion.signal }));
  const settled = Promise.allSettled(waiting);
  assert(threads().length <= count + 4);
  await within(Deno.readTextFile(new URL(import.meta.url)), "a file");
  abortion.abort();
  for (const { status } of await within(settled)) assertEquals(status, "rejected");
  await assertNothingLeft(before);
});

Deno.test("Event: timeouts that make no sense are refused", async () => {
  using event = new Event();
  await assertTimeoutsRefused((options) => event.wait(options), (options) => event.waitSync(options));
  event.set();
  await assertTimeoutsRefused((options) => event.wait(options), (options) => event.waitSync(options));
});

Deno.test("Event: travels on a queue", () => {
  using event = new Event();
  using queue = new Queue<Event>();
  queue.putSync(event);
  using received = queue.getSync();
  received.set();
  assert(event.isSet());
  assertEquals(String(received), String(event));
});

Deno.test("Event: after dispose every use but another dispose is refused", async () => {
  const event = new Event();
  using queue = new Queue<Event>();
  queue.putSync(event);
  using other = queue.getSync();
  const waiting = assertRejects(() => event.wait(), InvalidStateError, "the Event is closed");
  event[Symbol.dispose]();
  event[Symbol.dispose]();
  await within(waiting);
  other.set();
  await assertClosed("Event", {
    isSet: () => event.isSet(),
    set: () => event.set(),
    clear: () => event.clear(),
    wait: () => event.wait(),
    waitSync: () => event.waitSync(),
    dumps: () => dumps(event),
  });
});
