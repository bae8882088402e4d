// The contract suite: what every context must do, whoever implements it. It knows a context by its interfaces alone. Each
// file beside this one is about one kind of object; the test files hand all of them a context and a way to test with it.

import { connections } from "./connections.ts";
import { contexts } from "./contexts.ts";
import { locks } from "./locks.ts";
import { pools } from "./pools.ts";
import { processes } from "./processes.ts";
import { queues } from "./queues.ts";
import { sharedData } from "./shared_data.ts";
import type { Suite } from "./suite.ts";
import { waits } from "./waits.ts";

/** Registers all tests. */
export function contract(suite: Suite): void {
  for (const part of [contexts, processes, queues, connections, locks, waits, sharedData, pools]) part(suite);
}
