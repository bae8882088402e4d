// Iterations that are given up while something is under way for them.

import { assertEquals, assertRejects } from "@std/assert";
import { type ChunkSource, Iteration } from "../../src/managers/iteration.ts";
import type { Chunk } from "../../src/managers/messages.ts";

const OVER = { done: true, value: undefined };

/** What items come from when the test says so. */
class Source implements ChunkSource {
  /** Resolved by each `fetch`. */
  readonly asked: PromiseWithResolvers<void> = Promise.withResolvers<void>();
  readonly chunk: PromiseWithResolvers<Chunk> = Promise.withResolvers<Chunk>();
  fetches = 0;
  hasEnded = false;

  fetch(): Promise<Chunk> {
    this.fetches++;
    this.asked.resolve();
    return this.chunk.promise;
  }

  end(): void {
    this.hasEnded = true;
  }
}

Deno.test("what comes after an iteration was given up is nobody's", async () => {
  const source = new Source();
  const iteration = new Iteration(() => Promise.resolve(source));
  const [first, second] = [iteration.next(), iteration.next()];
  await source.asked.promise;
  assertEquals(await iteration.return(7), { done: true, value: 7 });
  source.chunk.resolve([["a", "b", "c"], false]);
  assertEquals([await first, await second, await iteration.next()], [OVER, OVER, OVER]);
  assertEquals([source.fetches, source.hasEnded], [1, true]);
});

Deno.test("an iteration that is given up while it begins fetches nothing, and ends what it has begun", async () => {
  const source = new Source();
  const opened = Promise.withResolvers<Source>();
  const begun = Promise.withResolvers<void>();
  const iteration = new Iteration(() => {
    begun.resolve();
    return opened.promise;
  });
  const first = iteration.next();
  await begun.promise;
  await iteration.return();
  opened.resolve(source);
  assertEquals([await first, await iteration.next()], [OVER, OVER]);
  assertEquals([source.fetches, source.hasEnded], [0, true]);
});

Deno.test("a failure is told, but not of what was given up", async () => {
  for (const isGivenUp of [false, true]) {
    const source = new Source();
    const iteration = new Iteration(() => Promise.resolve(source));
    const first = iteration.next();
    first.catch(() => {});
    await source.asked.promise;
    if (isGivenUp) await iteration.return();
    source.chunk.reject(new RangeError("no items"));
    if (isGivenUp) assertEquals(await first, OVER);
    else await assertRejects(() => first, RangeError, "no items");
    assertEquals([await iteration.next(), source.hasEnded], [OVER, true]);
  }
});
