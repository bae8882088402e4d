// Pools that cannot have as many workers as they are to have, for a while or for good.

import { getContext, Pool, ProcessError, Queue } from "@parallel/multiprocessing";
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { translate } from "../../src/addon/translate.ts";
import { Crew } from "../../src/pool/crew.ts";
import { LocalDesks } from "../../src/pool/local_desk.ts";
import * as targets from "../fixtures/pool/pool_targets.ts";
import { until } from "../support/helpers.ts";
import { poolEvents } from "../support/pool_events.ts";
import type { Suite } from "./suite.ts";

const numbers = (n: number) => Array.from({ length: n }, (_, i) => i);

const ofAddon = (code: string) => translate(Object.assign(new Error("too many"), { code })) as Error;

/** What the system says when it has nothing left, as the package passes it on. */
const scarcities: Record<string, () => Error> = {
  "no process": () => new Deno.errors.WouldBlock("no more processes"),
  "no descriptor": () => ofAddon("OS:24"),
  "no place in the tree": () => ofAddon("EXHAUSTED"),
};

export function shortagesOfPools({ method, test }: Suite): void {
  /** A class of processes of which so many can be started. */
  const scarce = (left: number, error = scarcities["no process"]) => {
    const state = { left };
    const Base = getContext(method).Process;
    class Scarce<A extends readonly unknown[]> extends Base<A> {
      override start(): void {
        if (state.left-- <= 0) throw error();
        super.start();
      }
    }
    return { state, context: { Process: Scarce } };
  };

  for (const [what, error] of Object.entries(scarcities)) {
    test(`a pool begins with the workers that could be started, and gets the others later: ${what}`, async () => {
      const { state, context } = scarce(2, error);
      await using pool = new Pool(3, { context });
      assertEquals(pool.stats().workers.length, 2);
      assertEquals(await pool.map(targets.square, numbers(9), { chunksize: 1 }), numbers(9).map(targets.square));
      assertEquals(pool.stats().workers.length, 2);
      state.left = 9;
      await pool.apply(targets.nothing);
      await until("all workers", () => pool.stats().idle === 3);
      assertThrows(() => new Pool(1, { context: scarce(0, error).context }), Error, error().message);
    });
  }

  test("a pool without a worker gets one as soon as there is one to be had", async () => {
    const { state, context } = scarce(1);
    await using pool = new Pool(1, { context });
    using queue = new Queue<number>();
    const lost = pool.apply(targets.tellAndSpin, [queue]);
    const waiting = pool.map(targets.square, [1, 2, 3]);
    Deno.kill(await queue.get(), "SIGKILL");
    await assertRejects(() => lost, Error, "SIGKILL");
    await until("no worker", () => pool.stats().workers.length === 0);
    state.left = 9; // nobody tells the pool
    assertEquals(await waiting, [1, 4, 9]);
  });

  test("a pool whose workers can never be replaced ends with the reason", async () => {
    const { context } = scarce(1, () => new Deno.errors.NotCapable("not any more"));
    await using pool = new Pool(1, { context, name: "Doomed" });
    using queue = new Queue<number>();
    const lost = assertRejects(() => pool.apply(targets.tellAndSpin, [queue]), Error, "SIGKILL");
    const waiting = assertRejects(() => pool.map(targets.square, [1, 2, 3]), ProcessError);
    Deno.kill(await queue.get(), "SIGKILL");
    await lost;
    const error = await waiting;
    assertEquals(error.message, 'Cannot go on with "Doomed": a worker cannot be started: not any more');
    assertEquals((error.cause as Error).name, "NotCapable");
  });

  test("a pool of { min: 0 } gets a worker as soon as there is one to be had", async () => {
    const { state, context } = scarce(0);
    await using pool = new Pool({ min: 0, max: 2 }, { context });
    const waiting = pool.map(targets.square, [1, 2, 3]);
    assertEquals(pool.stats().workers, []);
    state.left = 9; // nobody tells the pool
    assertEquals(await waiting, [1, 4, 9]);
  });

  for (const min of [1, 0]) {
    test(`calls that wait for a worker that cannot be had are told in the end, by a pool of at least ${min}`, async () => {
      const demand = { waiting: 1, given: 0, pace: 0, answers: 0 };
      const { context } = scarce(0);
      const { promise, resolve } = Promise.withResolvers<unknown[]>();
      const desks = new LocalDesks({ concurrency: 1 });
      using _tasks = desks.tasks;
      const crew = new Crew(poolEvents({ demand, workersLacking: (...told) => resolve(told) }), {
        ...{
          size: { min, max: 1, idleTimeout: Infinity },
          ProcessClass: context.Process,
          stderr: "inherit",
          desks,
          patience: 50,
          ...{ initializer: null, finalizer: null, grace: 0, hooks: { onWorkerStart: null, onWorkerExit: null } },
        },
        settings: {
          concurrency: 1,
          ...{ initializer: null, initargs: [], mayHaveChildren: false, memoryEvery: 250 },
          ...{ maxtasksperchild: Infinity, maxMemory: Infinity },
        },
      });
      crew.replace();
      crew.adapt();
      const [why, cause] = await promise;
      crew.terminate();
      assertEquals([why, (cause as Error).message], [
        "for 0.05 s no worker could be started: no more processes",
        "no more processes",
      ]);
    });
  }
}
