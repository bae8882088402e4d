// The life of process objects: start, join, close, and everything out of turn. Run once for each start method: see suite.ts.

import { activeChildren, cpuCount, InvalidStateError, type Process, Queue } from "@parallel/multiprocessing";
import { assert, assertEquals, assertMatch, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { native } from "../../src/addon/load.ts";
import * as targets from "../fixtures/targets.ts";
import {
  assertNoMoreBlocks,
  assertNothingLeft,
  belongings,
  childrenOf,
  PATIENCE,
  until,
  within,
} from "../support/helpers.ts";
import { ended, type Suite } from "./suite.ts";

/** The tests, with processes of the suite's kind. */
export function livesOfProcesses({ Process }: Suite): void {
  Deno.test("TestProcess.test_process: the life of a process, from the start to the end", async () => {
    const before = belongings();
    using said = new Queue();
    using orders = new Queue();
    const child = new Process({ target: targets.block, args: [said, orders] });
    const name = child.name;
    assertEquals([child.pid, child.ident, child.exitcode, child.isAlive()], [null, null, null, false]);
    assertMatch(String(child), new RegExp(`^<${Process.name} name='${name}' parent=${Deno.pid} initial>$`));
    assert(!activeChildren().includes(child));
    child.start();
    assertEquals(await said.get({ timeout: PATIENCE }), child.pid);
    assertEquals([child.exitcode, child.isAlive(), child.ident === child.pid], [null, true, true]);
    assertEquals(String(child), `<${Process.name} name='${name}' pid=${child.pid} parent=${Deno.pid} started>`);
    assert(activeChildren().includes(child));
    assertEquals([child.joinSync({ timeout: 0 }), await child.join({ timeout: -1 })], [false, false]);
    orders.putSync("end");
    assert(await child.join({ timeout: PATIENCE }));
    assertEquals([child.exitcode, child.isAlive()], [0, false]);
    assertEquals(
      String(child),
      `<${Process.name} name='${name}' pid=${child.pid} parent=${Deno.pid} stopped exitcode=0>`,
    );
    assert(!activeChildren().includes(child));
    assert(await child.join());
    assert(child.joinSync());
    assertEquals(childrenOf(), before.children);
  });

  Deno.test("names are the class and the numbers from the root on", async () => {
    class Miner extends Process {}
    const [first, second] = [new Process(), new Miner()];
    const number = first.identity[0];
    assertEquals(first.name, `${Process.name}-${number}`);
    assertEquals([second.name, second.identity], [`Miner-${number + 1}`, [number + 1]]);
    assertEquals(new Process({ name: "Ada" }).name, "Ada");
    using said = new Queue();
    const child = new Process({ target: targets.startChild, args: [said] });
    assertEquals(await ended(child), 0);
    assertEquals(await said.get({ timeout: PATIENCE }), [0, `Process-${number + 3}:1`]);
  });

  Deno.test("a class without a name has the name of its base, and is called a class where it is not found", () => {
    const [Unnamed] = [class extends Process {}];
    const unnamed = new Unnamed();
    assertEquals(String(unnamed), `<Process name='Process-${unnamed.identity[0]}' parent=${Deno.pid} initial>`);
    const Nameless = [
      class extends Process {
        override run(): void {}
      },
    ][0];
    const nameless = new Nameless({ stderr: "null" });
    assertThrows(() => nameless.start(), TypeError, "Cannot run a class without a name");
  });

  Deno.test("the name may be changed at any time, to any text", () => {
    const child = new Process({ name: "a" });
    for (const name of ["b", "", "ü\n'"]) {
      child.name = name;
      assertEquals(child.name, name);
    }
    assertThrows(() => child.name = 5 as unknown as string, TypeError, "wanted a string");
  });

  const MISUSES: [what: string, run: (child: Process) => unknown, message: string][] = [
    ["join before the start", (child) => child.join(), "can only join a started process"],
    ["joinSync before the start", (child) => child.joinSync(), "can only join a started process"],
    [
      "terminate before the start (an attribute error in CPython)",
      (child) => child.terminate(),
      "can only terminate a started process",
    ],
    [
      "kill before the start (an attribute error in CPython)",
      (child) => child.kill(),
      "can only kill a started process",
    ],
    ["interrupt before the start", (child) => child.interrupt(), "can only interrupt a started process"],
  ];
  for (const [what, run, message] of MISUSES) {
    Deno.test(`${what} is refused`, async () => {
      await assertRejects(async () => await run(new Process({ target: targets.nothing })), InvalidStateError, message);
    });
  }

  Deno.test("a second start, and a new daemon flag after the start, are refused", async () => {
    const child = new Process({ target: targets.nothing });
    child.daemon = true;
    child.daemon = false;
    child.start();
    assertThrows(() => child.start(), InvalidStateError, "cannot start a process twice");
    assertThrows(() => child.daemon = true, InvalidStateError, "process has already started");
    assert(await child.join({ timeout: PATIENCE }));
    assertThrows(() => child.start(), InvalidStateError, "cannot start a process twice");
  });

  Deno.test("TestProcess.test_close: a running process cannot be closed, one that has ended can, twice", async () => {
    using said = new Queue();
    using orders = new Queue();
    const child = new Process({ target: targets.block, args: [said, orders] });
    child.start();
    assertThrows(() => child.close(), InvalidStateError, "still running");
    orders.putSync("end");
    assert(await child.join({ timeout: PATIENCE }));
    child.close();
    child.close();
    const uses: (() => unknown)[] = [
      () => child.pid,
      () => child.ident,
      () => child.exitcode,
      () => child.start(),
      () => child.join(),
      () => child.joinSync(),
      () => child.isAlive(),
      () => child.terminate(),
      () => child.kill(),
    ];
    for (const use of uses) {
      await assertRejects(async () => await use(), InvalidStateError, "process object is closed");
    }
    assertMatch(String(child), / closed>$/);
    assertEquals([typeof child.name, child.daemon], ["string", false]);
    new Process().close();
  });

  Deno.test("join waits as long as it was told, and no longer matters to the process", async () => {
    using said = new Queue();
    using orders = new Queue();
    const child = new Process({ target: targets.idle, args: [said, orders] });
    child.start();
    await said.get({ timeout: PATIENCE });
    for (const join of [() => child.joinSync({ timeout: 60 }), () => child.join({ timeout: 60 })]) {
      const begin = performance.now();
      assertEquals(await join(), false);
      assert(performance.now() - begin >= 58);
    }
    for (const [timeout, ErrorClass] of [["1", TypeError], [NaN, RangeError]] as [never, typeof RangeError][]) {
      assertThrows(() => child.joinSync({ timeout }), ErrorClass);
      await assertRejects(() => child.join({ timeout }), ErrorClass);
    }
    assert(child.isAlive());
    const joins = [child.join(), child.join({ timeout: PATIENCE })];
    orders.putSync("end");
    assertEquals(await within(Promise.all(joins)), [true, true]);
    assertEquals(child.exitcode, 0);
  });

  Deno.test("an abort of join rejects with its reason and leaves the process alone", async () => {
    using said = new Queue();
    using orders = new Queue();
    const child = new Process({ target: targets.idle, args: [said, orders] });
    child.start();
    await said.get({ timeout: PATIENCE });
    const reason = new Error("enough");
    for (const signal of [AbortSignal.abort(reason), undefined]) {
      const abortion = new AbortController();
      const joining = child.join({ signal: signal ?? abortion.signal, timeout: PATIENCE }).catch((error) => error);
      abortion.abort(reason);
      assertStrictEquals(await within(joining), reason);
    }
    assert(child.isAlive());
    orders.putSync("end");
    assert(await child.join({ timeout: PATIENCE }));
  });

  Deno.test("joinSync of many, which block the thread of their parent", () => {
    const children = Array.from({ length: 5 }, (_, i) => new Process({ target: targets.exit, args: [i] }));
    children.forEach((child) => child.start());
    children.forEach((child) => assert(child.joinSync({ timeout: PATIENCE })));
    assertEquals(children.map((child) => child.exitcode), [0, 1, 2, 3, 4]);
  });

  Deno.test("await using terminates a process and waits for its end", async () => {
    using said = new Queue<number>();
    using orders = new Queue();
    let child: Process;
    {
      await using blocking = new Process({ target: targets.block, args: [said, orders] });
      child = blocking;
      blocking.start();
      await said.get({ timeout: PATIENCE });
    }
    assertEquals([child.isAlive(), child.exitcode], [false, -15]);
    {
      await using _unstarted = new Process();
      await using ended = new Process({ target: targets.nothing });
      ended.start();
      await ended.join({ timeout: PATIENCE });
      ended.close();
    }
  });

  Deno.test("processes that nobody joins are reaped all the same", async () => {
    const before = belongings();
    for (let i = 0; i < 3; i++) new Process({ target: targets.nothing }).start();
    await until("all children gone", () => childrenOf().length === before.children.length);
    await assertNothingLeft(before);
  });

  Deno.test("TestProcess.test_active_children: a fresh list of those that run", async () => {
    using said = new Queue();
    using orders = new Queue();
    const children = [0, 1].map(() => new Process({ target: targets.idle, args: [said, orders] }));
    assertEquals(activeChildren(), []);
    children.forEach((child) => child.start());
    assertEquals(activeChildren(), children);
    activeChildren().pop();
    assertEquals(activeChildren().length, 2);
    children.forEach((child) => child.kill());
    for (const child of children) await child.join({ timeout: PATIENCE });
    assertEquals(activeChildren(), []);
  });

  Deno.test("TestProcess.test_cpu_count: at least one, at most what the system has", () => {
    assert(Number.isInteger(cpuCount()) && cpuCount() >= 1 && cpuCount() <= navigator.hardwareConcurrency);
  });

  Deno.test("TestProcess.test_many_processes: 50 in a row leave no process, descriptor or thread", async () => {
    assertEquals(await ended(new Process({ target: targets.nothing })), 0);
    const before = belongings();
    const memory = native().memoryUsage();
    for (let i = 0; i < 50; i++) assertEquals(await ended(new Process({ target: targets.exit, args: [i] })), i);
    await assertNothingLeft(before);
    await assertNoMoreBlocks(memory);
  });

  Deno.test("TestProcess.test_many_processes: 10 at a time, terminated right after the start", async () => {
    assertEquals(await ended(new Process({ target: targets.nothing })), 0);
    const before = belongings();
    const { blocks } = native().memoryUsage();
    const children = Array.from({ length: 10 }, () => new Process({ target: targets.goOn }));
    children.forEach((child) => child.start());
    children.forEach((child) => child.terminate());
    for (const child of children) assert(await child.join({ timeout: PATIENCE }));
    assertEquals(children.map((child) => child.exitcode), children.map(() => -15));
    await assertNothingLeft(before);
    await assertNoMoreBlocks({ blocks });
  });

  Deno.test("TestProcess.test_child_fd_inflation: siblings give a child no descriptor", async () => {
    using said = new Queue<{ descriptors: number }>();
    using orders = new Queue();
    using running = new Queue();
    const siblings = Array.from({ length: 4 }, () => new Process({ target: targets.idle, args: [running, orders] }));
    const counts: number[] = [];
    for (const sibling of siblings) {
      assertEquals(await ended(new Process({ target: targets.describe, args: [said] })), 0);
      counts.push((await said.get({ timeout: PATIENCE })).descriptors);
      sibling.start();
      await running.get({ timeout: PATIENCE });
    }
    siblings.forEach((sibling) => sibling.kill());
    for (const sibling of siblings) await sibling.join({ timeout: PATIENCE });
    // One or two of Deno's own, of its caches, come and go. Each sibling's would stay.
    const few = counts.length - 1;
    assert(counts[few] - counts[0] < few, `${counts}`);
  });
}
