// Processes of Deno and of Python in one tree, at the same locks, values, arrays and queues, and a pool of Python's, while
// they are killed, in each of the three one every 50 ms at most. What must hold is what must hold without Python.

import { python } from "@parallel/multiprocessing";
import { hammer, NAMES } from "../hammers.ts";
import { consume, produce } from "../parcels.ts";
import type { keep, square } from "../pool_tasks.ts";
import type { Stage } from "../stage.ts";
import { hammered } from "./locks.ts";
import { pooled } from "./pool.ts";
import { Queues, type Traffic } from "./queues.ts";

const MODULE = new URL("../hammers.py", import.meta.url).pathname;
/** Milliseconds between two kills at least. */
const GAP = 50;
/** Python adds up the words of a message one by one. */
const LARGEST = [4096, 16 * 1024, 64 * 1024];

/** Every other process is of Python, of a version that the seed chooses. */
export async function pythonToo(stage: Stage): Promise<void> {
  // Those are asked for their versions, by processes that no other part is to have.
  const { pythons } = await import("../../support/python.ts");
  if (pythons.length === 0) throw new Error("Cannot soak: there is no Python from 3.9 on");
  const executable = stage.random.of("version").pick(pythons).path;
  const own = <T extends typeof hammer | typeof produce | typeof consume>(ours: T, name: string) => {
    const theirs = python<T>(MODULE, name, { executable });
    return (seat: number): T => seat % 2 === 0 ? ours : theirs;
  };
  const rows = NAMES.map((name) => `${name}, with Python`);
  await Promise.all([
    hammered(stage, { rows, gap: GAP, targetAt: own(hammer, "hammer") }),
    passedOn(stage, own(produce, "produce"), own(consume, "consume")),
    pooled(stage, {
      ...{ row: "Pool, of Python", gap: GAP, python: executable },
      keep: python<typeof keep>(MODULE, "keep", { executable }),
      square: python<typeof square>(MODULE, "square", { executable }),
    }),
  ]);
}

async function passedOn(stage: Stage, producerAt: Traffic["producerAt"], consumerAt: Traffic["consumerAt"]) {
  using queue = new stage.context.Queue<never>(stage.random.between(1, 32));
  await new Queues(stage, queue, { name: "Queue, with Python", gap: GAP, largest: LARGEST, producerAt, consumerAt })
    .run();
}
