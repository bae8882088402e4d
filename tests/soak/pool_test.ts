// The soak of the pool, five seconds of it; `tests/soak/pool.ts` runs as long as is wanted.

import { assertEquals } from "@std/assert";
import { PATIENCE, within } from "../support/helpers.ts";
import { soak } from "./pool.ts";

Deno.test("a pool of four gives right results or WorkerLostError while its workers are killed", async () => {
  const { violations } = await within(soak(5), "the soak", 3 * PATIENCE);
  assertEquals(violations, []);
});
