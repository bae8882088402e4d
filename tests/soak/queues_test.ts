// The soak of the queues, five seconds of it; `tests/soak/queues.ts` runs as long as is wanted.

import { assertEquals } from "@std/assert";
import { PATIENCE, within } from "../support/helpers.ts";
import { soak } from "./queues.ts";

Deno.test("four producers and four consumers pass large messages while they are killed one after the other", async () => {
  const { violations } = await within(soak(5), "the soak", 3 * PATIENCE);
  assertEquals(violations, []);
});
