// What a worker process runs whose pool is on an engine.

import { currentAuthkey } from "../../launch/authkey.ts";
import type { WorkerSettings } from "../../pool/messages.ts";
import { workAt } from "../../pool/worker.ts";
import { sessionOf } from "../current.ts";
import type { PoolTicket } from "./messages.ts";
import { EngineWorkerSide } from "./worker_side.ts";

/** Runs tasks until it is told to stop. */
export async function work(ticket: PoolTicket, settings: WorkerSettings): Promise<void> {
  const side = new EngineWorkerSide(sessionOf(ticket[0]), currentAuthkey(), ticket, settings);
  if (side.enter()) await workAt(side, settings);
}
