// A party of a Barrier that ends between two waits: the others are told, if those that have ever waited are too few
// without it; if others may come in its place, they go on.

import { Barrier, BrokenBarrierError, getContext, Queue } from "@parallel/multiprocessing";
import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { type End, passAndEnd, passWhenTold } from "../fixtures/synchronize/party_targets.ts";
import { PATIENCE, until, within } from "../support/helpers.ts";
import { Thread } from "../support/synchronize.ts";

/** How the party ends, after how many rounds, how the others wait, and what they are told. */
const DEATHS: [end: End, rounds: number, form: "sync" | "async", told: string][] = [
  ["SIGKILL", 1, "async", "was ended by SIGKILL"],
  ["SIGTERM", 3, "sync", "was ended by SIGTERM"],
  [0, 2, "async", "ended with exit code 0"],
  [5, 1, "sync", "ended with exit code 5"],
];

for (const method of ["spawn", "forkserver"] as const) {
  Deno.test(`the parties of a Barrier are told who ended between two waits, and how (${method})`, async () => {
    const { Process } = getContext(method);
    await Promise.all(DEATHS.map(async ([end, rounds, form, told], i) => {
      // This process has no part in it, though it has the barrier.
      using barrier = new Barrier(2);
      using orders = new Queue<string | null>();
      using said = new Queue<string>();
      const doomed = new Process({ target: passAndEnd, args: [barrier, rounds, end], name: `doomed ${i}` });
      const other = new Process({ target: passWhenTold, args: [barrier, orders, said] });
      doomed.start();
      other.start();
      for (let round = 0; round < rounds; round++) {
        orders.putSync(form);
        assertEquals(await said.get({ timeout: PATIENCE }), "passed");
      }
      orders.putSync(form);
      const message = await said.get({ timeout: PATIENCE });
      assertStringIncludes(message, "BrokenBarrierError: ");
      assertStringIncludes(message, `"doomed ${i}" (pid ${doomed.pid}) ${told}`);
      assert(barrier.broken);
      orders.putSync(null);
      for (const process of [doomed, other]) assert(await process.join({ timeout: PATIENCE }));
    }));
  });
}

/** A party that passes a round when told. */
class Party implements AsyncDisposable {
  readonly orders = new Queue<string | null>();
  readonly said = new Queue<string>();
  readonly process;

  constructor(barrier: Barrier) {
    const { Process } = getContext("spawn");
    this.process = new Process({ target: passWhenTold, args: [barrier, this.orders, this.said] });
    this.process.start();
  }

  pass(form = "async"): void {
    this.orders.putSync(form);
  }

  hear(): Promise<string> {
    return this.said.get({ timeout: PATIENCE });
  }

  async kill(): Promise<void> {
    this.process.kill();
    assert(await this.process.join({ timeout: PATIENCE }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    this.orders.close();
    this.said.close();
  }
}

Deno.test("a Barrier that more processes use in turns goes on when one of them ends", async () => {
  using barrier = new Barrier(2);
  await using first = new Party(barrier);
  await using second = new Party(barrier);
  await using third = new Party(barrier);
  for (const [one, two] of [[first, second], [second, third], [third, first]]) {
    one.pass();
    two.pass();
    assertEquals([await one.hear(), await two.hear()], ["passed", "passed"]);
  }
  await first.kill();
  third.pass();
  await until("one party", () => barrier.nWaiting === 1);
  await new Promise((resolve) => setTimeout(resolve, 1500)); // longer than a barrier without hope lasts
  second.pass();
  assertEquals([await second.hear(), await third.hear()], ["passed", "passed"]);
  assert(!barrier.broken);
});

Deno.test("a Barrier goes on if another process is there in place of the one that ended, which has not waited yet", async () => {
  using barrier = new Barrier(2);
  await using first = new Party(barrier);
  await using second = new Party(barrier);
  first.pass();
  second.pass();
  assertEquals([await first.hear(), await second.hear()], ["passed", "passed"]);
  await first.kill();
  await using replacement = new Party(barrier);
  second.pass();
  await until("one party", () => barrier.nWaiting === 1);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  replacement.pass();
  assertEquals([await second.hear(), await replacement.hear()], ["passed", "passed"]);
});

Deno.test("a Worker that is terminated between two waits breaks the Barrier, and reset makes it as new", async () => {
  using barrier = new Barrier(2);
  {
    using thread = new Thread(barrier);
    const passed = thread.ask("wait");
    barrier.waitSync();
    await passed;
  }
  const error = await assertRejects(() => within(barrier.wait()), BrokenBarrierError);
  assertStringIncludes(error.message, `a Worker or another thread of "MainProcess" (pid ${Deno.pid}) ended`);
  assertThrows(() => barrier.waitSync(), BrokenBarrierError);
  barrier.reset();
  using thread = new Thread(barrier);
  const passed = thread.ask("wait");
  // Nobody is known any more: it is waited for.
  await until("the Worker", () => barrier.nWaiting === 1);
  barrier.waitSync();
  await passed;
});
