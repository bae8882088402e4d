// What the tests of pools share. Each runs once for each start method: spawn_test.ts and forkserver_test.ts hand the
// method to `poolSuite`.

import { getContext, type Pool, type PoolOptions, type PoolSize, type StartMethod } from "@parallel/multiprocessing";
import { assertNothingLeft, belongings, within } from "../support/helpers.ts";
import { callsOfPools } from "./calls.ts";
import { endsOfWorkers } from "./ends.ts";
import { concurrencyOfPools } from "./concurrency.ts";
import { errorsOfPools } from "./errors.ts";
import { idlenessOfPools } from "./idleness.ts";
import { iterationsOfPools } from "./iterations.ts";
import { lifetimesOfPools } from "./lifetimes.ts";
import { lossesOfPools } from "./losses.ts";
import { orderOfPools } from "./order.ts";
import { prioritiesOfPools } from "./priorities.ts";
import { deadlinesOfPools } from "./deadlines.ts";
import { queueLimitsOfPools } from "./queue_limits.ts";
import { cancellationsOfPools } from "./cancellations.ts";
import { reportsOfPools } from "./reports.ts";
import { retriesOfPools } from "./retries.ts";
import { settledCallsOfPools } from "./settled.ts";
import { shortagesOfPools } from "./shortages.ts";
import { signalsOfPools } from "./signals.ts";
import { sizesOfPools } from "./sizes.ts";
import { streamsOfPools } from "./streams.ts";
import { timesOfPools } from "./times.ts";
import { tellingsOfPools } from "./tellings.ts";

/** What a part of the suite runs its tests with. */
export interface Suite {
  method: StartMethod;
  /** A pool whose workers are started so. */
  pool<I extends readonly unknown[]>(processes?: number | PoolSize, options?: PoolOptions<I>): Pool<I>;
  /** Registers a test that must end in time and leave nothing behind. */
  test(name: string, run: () => Promise<void> | void): void;
}

/** Registers all tests of pools whose workers are started by `method`. */
export function poolSuite(method: StartMethod): void {
  const context = getContext(method);
  /** From the first pool on, the threads that wait are there, and the processes that wait to be used. */
  let begun: Promise<void> | undefined;
  const suite: Suite = {
    method,
    pool: (processes = 2, options) => new context.Pool(processes, options),
    test: (name, run) =>
      Deno.test(`${name} (${method})`, async () => {
        await (begun ??= new context.Pool(1).terminate());
        const before = belongings();
        await within(Promise.try(run), "the test");
        if (method === "spawn") await assertNothingLeft(before);
      }),
  };
  const parts = [
    ...[signalsOfPools, endsOfWorkers, sizesOfPools],
    ...[callsOfPools, iterationsOfPools, errorsOfPools, lifetimesOfPools, lossesOfPools, cancellationsOfPools],
    ...[orderOfPools, shortagesOfPools, streamsOfPools, prioritiesOfPools, idlenessOfPools],
    ...[tellingsOfPools, retriesOfPools, deadlinesOfPools, settledCallsOfPools, queueLimitsOfPools, concurrencyOfPools],
    ...[timesOfPools, reportsOfPools],
  ];
  for (const part of parts) part(suite);
}
