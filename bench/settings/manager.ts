// Calls of a manager's dict by so many processes until the time is over.

import { Manager, RawArray, type SyncManager } from "@parallel/multiprocessing";
import type { StartLine } from "../deno/start_line.ts";
import { given, lap, type Laps, sumOfLaps, tell } from "./program.ts";

interface Setting {
  readonly clients: number;
  readonly call: "get" | "set";
  readonly size: number;
  readonly seconds: number;
}

type Table = Awaited<ReturnType<SyncManager["dict"]>>;

export function client(
  line: StartLine,
  lane: number,
  laps: Laps,
  table: Table,
  { call, size, seconds }: Setting,
): void {
  const { sync } = table;
  const value = size > 0 ? new Uint8Array(size).fill(107) : 1;
  sync.set("key", value);
  lap(line, lane, laps, seconds, 1, call === "get" ? () => sync.get("key") : () => sync.set("key", value));
}

if (import.meta.main) {
  const setting = given<Setting>();
  const { clients } = setting;
  const manager = await Manager();
  const table = await manager.dict();
  tell(sumOfLaps(client, clients, RawArray("f64", clients), table, setting));
  await manager.shutdown();
}
