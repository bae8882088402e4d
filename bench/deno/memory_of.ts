// What things take of memory, in bytes: an idle child, a message that waits in a queue, a lock, a byte of a shared array.

import { Lock, Process, Queue, RawArray } from "@parallel/multiprocessing";
import { reportBytes, shareOf } from "./memory_share.ts";
import { iterations, variant } from "./start_line.ts";

/** Processes that use the array, this one included. */
const USERS = 3;
/** Messages that go through the queue before it is measured: what is compiled then is not counted. */
const WARM = 10_000;

/** Says that it is here, and waits for an order. */
export async function idle(said: Queue, orders: Queue): Promise<void> {
  said.putSync("here");
  await orders.get();
}

/** As {@linkcode idle}, after writing to all of the array. */
export async function use(said: Queue, orders: Queue, array: Uint8Array): Promise<void> {
  array.fill(1);
  await idle(said, orders);
}

/** What `look` says while so many children are there. */
async function among(
  children: number,
  target: typeof idle | typeof use,
  args: [] | [Uint8Array],
  look: (pids: number[]) => number,
): Promise<number> {
  const [said, orders] = [new Queue(), new Queue()];
  const all = Array.from(
    { length: children },
    () =>
      new Process({ target: target as typeof use, args: [said, orders, ...args] as unknown as Parameters<typeof use> }),
  );
  for (const child of all) child.start();
  for (const _ of all) await said.get();
  const seen = look(all.map((child) => child.pid!));
  for (const _ of all) await orders.put("end");
  for (const child of all) await child.join();
  return seen;
}

const VARIANTS: Record<string, (n: number) => number | Promise<number>> = {
  child: () => among(1, idle, [], ([pid]) => shareOf(pid)),
  backlog: (n) => {
    const queue = new Queue<number>();
    for (let i = 0; i < WARM; i++) {
      queue.putSync(i);
      queue.getSync();
    }
    const before = shareOf("self");
    for (let i = 0; i < n; i++) queue.putSync(i);
    return (shareOf("self") - before) / n;
  },
  lock: (n) => {
    const before = shareOf("self");
    const locks = Array.from({ length: n }, () => new Lock());
    const bytes = (shareOf("self") - before) / n;
    locks.forEach((lock) => lock[Symbol.dispose]());
    return bytes;
  },
  array: async (n) => {
    const total = (pids: number[]) => shareOf("self") + pids.reduce((sum, pid) => sum + shareOf(pid), 0);
    const without = await among(USERS - 1, idle, [], total);
    const array = RawArray("u8", n);
    array.fill(1);
    return (await among(USERS - 1, use, [array], total) - without) / n;
  },
};

if (import.meta.main) {
  const n = iterations();
  const kind = variant(VARIANTS);
  reportBytes(`memory_of ${kind}`, await VARIANTS[kind](n));
  Deno.exit(); // what is left in the queue need not be taken
}
