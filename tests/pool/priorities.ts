// Calls that go before others.

import { type Pool, Queue } from "@parallel/multiprocessing";
import { assertEquals } from "@std/assert";
import * as targets from "../fixtures/pool/pool_order_targets.ts";
import { nothing, square } from "../fixtures/pool/pool_targets.ts";
import type { Suite } from "./suite.ts";

const numbers = (n: number) => Array.from({ length: n }, (_, i) => i);

/** A pool's only worker, which waits for `go`, and a log of what is run. */
class Blocked implements Disposable {
  readonly log = new Queue<string>();
  readonly #go = new Queue<string>();
  readonly #call: Promise<unknown>;
  readonly #pool: Pool;

  constructor(pool: Pool) {
    this.#pool = pool;
    this.#call = pool.apply(targets.noteAndBlock, [this.log, "first", this.#go]);
  }

  /** Resolves when it waits, and the pool takes each task for a quick one. */
  static async of(pool: Pool): Promise<Blocked> {
    await pool.map(nothing, Array(1000), { chunksize: 1 }); // quick tasks are put into the channel ahead
    const blocked = new Blocked(pool);
    assertEquals(await blocked.log.get(), "first");
    return blocked;
  }

  /** What is run in which order once it goes on. */
  async order(): Promise<string[]> {
    this.#go.putSync("on");
    await this.#call;
    await this.#pool.idle();
    const all: string[] = [];
    while (!this.log.empty()) all.push(this.log.getSync());
    return all;
  }

  [Symbol.dispose](): void {
    this.log[Symbol.dispose]();
    this.#go[Symbol.dispose]();
  }
}

export function prioritiesOfPools({ pool: poolOf, test }: Suite): void {
  test("tasks of a higher priority overtake all that wait, and are in order among themselves", async () => {
    await using pool = poolOf(1);
    using blocked = await Blocked.of(pool);
    const { log } = blocked;
    const item = (i: number | string) => [log, `${i}`] as const;
    void pool.apply(targets.note, [item("late")], { priority: -1 });
    void pool.map(targets.note, numbers(300).map(item), { chunksize: 1 });
    void pool.apply(targets.note, [item("first")], { priority: 1 });
    void pool.starmap(targets.noteAndWait, [[log, "second", 0], [log, "third", 0]], { priority: 1, chunksize: 1 });
    void Array.fromAsync(pool.imap(targets.note, [item("fourth"), item("fifth")], { priority: 1 }));
    void pool.apply(targets.note, [item("highest")], { priority: 1.5 });
    void pool.apply(targets.note, [item("300")]);
    assertEquals(await blocked.order(), [
      ...["highest", "first", "second", "third", "fourth", "fifth"],
      ...numbers(301).map(String),
      "late",
    ]);
  });

  test("several tasks of a higher priority are given while an answer of a lower one has not been read", async () => {
    await using pool = poolOf(1);
    using log = new Queue<string>();
    using go = new Queue<string>();
    await pool.apply(square, [1]); // its worker is ready
    const low = [pool.apply(targets.note, [[log, "quick"]]), pool.apply(targets.noteAndBlock, [log, "blocked", go])];
    assertEquals([log.getSync(), log.getSync()], ["quick", "blocked"]); // this thread reads no answer meanwhile
    const high = pool.map(targets.note, numbers(5).map((i) => [log, `${i}`] as const), { chunksize: 1, priority: 1 });
    go.putSync("on");
    assertEquals(await high, numbers(5).map(String));
    await Promise.all(low);
  });

  test("calls that have each a priority of their own go in the order of these, also after some were aborted", async () => {
    await using pool = poolOf(1);
    using blocked = await Blocked.of(pool);
    const priorities = numbers(500).map((i) => (i * 7919 % 500 - 250) / 8);
    const aborter = new AbortController();
    const aborted = priorities.filter((_, i) => i % 3 === 0);
    const calls = priorities.map((priority) => {
      const signal = aborted.includes(priority) ? aborter.signal : undefined;
      return pool.apply(targets.note, [[blocked.log, `${priority}`]], { priority, signal });
    });
    aborter.abort();
    const settled = await Promise.all([Promise.allSettled(calls), blocked.order()]);
    assertEquals(settled[0].filter(({ status }) => status === "rejected").length, aborted.length);
    const left = priorities.filter((priority) => !aborted.includes(priority));
    assertEquals(settled[1], left.sort((a, b) => b - a).map(String));
  });

  test("a call of the highest priority that gives no task now keeps no others from being given", async () => {
    await using pool = poolOf(1);
    using log = new Queue<string>();
    using go = new Queue<string>();
    await pool.map(nothing, Array(1000), { chunksize: 1 }); // quick tasks are put into the channel ahead
    const iteration = pool.imap(square, numbers(10), { priority: 2, buffersize: 1 });
    assertEquals(await iteration.next(), { done: false, value: 0 });
    await pool.apply(square, [1]); // the second item is done, too, and no third is given until that is taken
    // An answer of a low one has not been read, and others of a middle priority are to overtake the rest.
    const low = [pool.apply(targets.note, [[log, "quick"]]), pool.apply(targets.noteAndBlock, [log, "blocked", go])];
    assertEquals([log.getSync(), log.getSync()], ["quick", "blocked"]); // this thread reads no answer meanwhile
    const middle = pool.map(targets.note, numbers(5).map((i) => [log, `${i}`] as const), { chunksize: 1, priority: 1 });
    go.putSync("on");
    assertEquals(await middle, numbers(5).map(String));
    await Promise.all(low);
    assertEquals(await Array.fromAsync(iteration), numbers(10).slice(1).map((n) => n * n));
  });

  test("a task whose item comes late overtakes those that were put before it came", async () => {
    await using pool = poolOf(1);
    using blocked = await Blocked.of(pool);
    const { log } = blocked;
    const gate = Promise.withResolvers<void>();
    async function* late(): AsyncGenerator<readonly [Queue<string>, string]> {
      yield [log, "early"];
      await gate.promise;
      yield [log, "late"];
    }
    const iteration = Array.fromAsync(pool.imap(targets.note, late(), { priority: 7 }));
    void pool.map(targets.note, numbers(10).map((i) => [log, `${i}`] as const), { chunksize: 1 });
    gate.resolve();
    await new Promise((resolve) => setTimeout(resolve, 0)); // a turn, in which the item comes
    assertEquals(await blocked.order(), ["early", "late", ...numbers(10).map(String)]);
    assertEquals(await iteration, ["early", "late"]);
  });

  test("what is begun anew does not overtake a higher priority, nor is it overtaken by its equals", async () => {
    await using pool = poolOf(1);
    using log = new Queue<string>();
    void pool.apply(targets.noteAndDie, [log, "dies"], { retries: 1 });
    assertEquals(await log.get(), "dies 0");
    // Its death is not known yet, or is: in both cases it waits with the others.
    void pool.apply(targets.note, [[log, "equal"]]);
    void pool.apply(targets.note, [[log, "higher"]], { priority: 1 });
    await pool.idle();
    const order = numbers(3).map(() => log.getSync());
    assertEquals(order, ["higher", "dies 1", "equal"]);
  });

  test("calls of all priorities run each task once, also where workers are replaced", async () => {
    await using pool = poolOf(2, { maxtasksperchild: 40 });
    const calls = numbers(200).map((i) => pool.apply(square, [i], { priority: i * 7 % 5 - 2 }));
    const lists = numbers(5).map((i) => pool.map(square, numbers(40), { priority: 2 - i, chunksize: 3 }));
    const controller = new AbortController();
    const { signal } = controller;
    const aborted = numbers(50).map((i) => pool.apply(square, [i], { priority: i % 3, signal }).catch(() => -1));
    controller.abort();
    assertEquals(await Promise.all(calls), numbers(200).map(square));
    for (const list of lists) assertEquals(await list, numbers(40).map(square));
    assertEquals(await Promise.all(aborted), Array(50).fill(-1));
    assertEquals(pool.stats().done, 200 + 5 * 14);
  });
}
