// Workers of a JoinableQueue. join() must come to an end: because all was dealt with, or because it says which worker died
// over a task. A task may be lost by a death only.

import { type JoinableQueue, type OwnerDiedError, RawArray } from "@parallel/multiprocessing";
import { type Books, Clerk } from "../books.ts";
import { Crew } from "../crew.ts";
import type { Stage } from "../stage.ts";
import { started } from "../victims.ts";

const ROW = "JoinableQueue";
/** The most tasks of a batch. */
const MOST = 200;
/** Says that a worker is to end. */
const END = -1;

/** What is shared. */
interface Rig {
  readonly tasks: JoinableQueue<number>;
  /** By task of the batch: how often it was dealt with. */
  readonly done: Int32Array;
}

/** Deals with tasks, one after the other. */
export async function deal({ tasks, done }: Rig, books: Books, seat: number): Promise<void> {
  const clerk = new Clerk(books, seat);
  for (let turn = 0;; turn++) {
    const task = turn % 2 === 0 ? await tasks.get() : tasks.getSync();
    if (task !== END) Atomics.add(done, task, 1);
    tasks.taskDone();
    if (task === END) return;
    clerk.done();
  }
}

export async function joinableQueue(stage: Stage): Promise<void> {
  const { random } = stage;
  using tasks = new stage.context.JoinableQueue<number>(random.between(4, 64));
  const rig: Rig = { tasks, done: RawArray("i32", MOST) };
  const seats = random.between(2, 4);
  const crew: Crew = new Crew(stage, [ROW], seats, { most: 300, gap: 200, least: 1 }, (seat) => ({
    name: `worker ${seat} of a JoinableQueue`,
    kind: "worker",
    start: () => started(new stage.context.Process({ target: deal, args: [rig, crew.books, seat] })),
  }));
  const [deaths] = await Promise.all([batches(stage, rig), crew.work()]);
  for (let i = 0; i < seats; i++) await stage.soon(tasks.put(END), "a put into a JoinableQueue");
  await crew.ended();
  const all = deaths + await stage.soon(joined(stage, tasks), "the last join of a JoinableQueue");
  if (all > crew.kills) stage.violate(`${all} deaths were told, ${crew.kills} workers were killed`);
}

/** Puts batches and joins; how many deaths were told. */
async function batches(stage: Stage, { tasks, done }: Rig): Promise<number> {
  let deaths = 0;
  while (!stage.isOver()) {
    const count = stage.random.between(1, MOST);
    done.fill(0);
    for (let task = 0; task < count; task++) await stage.soon(tasks.put(task), "a put into a JoinableQueue");
    const told = await stage.soon(joined(stage, tasks), "the join of a JoinableQueue");
    deaths += told;
    const missing = done.subarray(0, count).filter((times) => times === 0).length;
    if (missing > told) stage.violate(`${missing} of ${count} tasks are missing, ${told} deaths were told`);
    if (done.some((times) => times > 1)) stage.violate("a task was dealt with twice");
  }
  return deaths;
}

/** Joins, acknowledging for the dead, who took one task each; how many died over a task. */
async function joined(stage: Stage, tasks: JoinableQueue<number>): Promise<number> {
  for (let deaths = 0;;) {
    try {
      await tasks.join();
      return deaths;
    } catch (error) {
      stage.told(ROW, error, "OwnerDiedError");
      const count = Number((error as OwnerDiedError).message.match(/took (\d+) value/)?.[1]);
      for (let i = 0; i < count; i++) tasks.taskDone();
      deaths += count;
    }
  }
}
