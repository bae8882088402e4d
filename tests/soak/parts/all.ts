// All parts of the soak, by the names under which the seed knows them.

import type { Stage } from "../stage.ts";
import { clients } from "./clients.ts";
import { joinableQueue } from "./joinable.ts";
import { locks } from "./locks.ts";
import { managers } from "./managers.ts";
import { pipes } from "./pipes.ts";
import { pool } from "./pool.ts";
import { processes } from "./processes.ts";
import { pythonToo } from "./python.ts";
import { queue, simpleQueue } from "./queues.ts";
import { trees } from "./trees.ts";

export const PARTS: Readonly<Record<string, (stage: Stage) => Promise<void>>> = {
  locks,
  queue,
  simpleQueue,
  joinableQueue,
  pool,
  managers,
  pipes,
  clients,
  processes,
  trees,
  python: pythonToo,
};

/** What runs where nothing else is said: what needs nothing else on the machine. */
export const USUAL: readonly string[] = Object.keys(PARTS).filter((name) => name !== "python");
