// A program with a tree of its own that is to be killed as it is: a pool at work, a manager, processes with locks and
// queues. It says when all of that is there.

import { Lock, Manager, Pool, Process, Queue, RawArray } from "@parallel/multiprocessing";
import { setPriority } from "node:os";
import { keep, squareLater } from "./pool_tasks.ts";

/** Passes messages on under a lock, for ever. */
export async function passOn(lock: Lock, queue: Queue<number>): Promise<void> {
  setPriority(5);
  for (;;) {
    using _guard = await lock.acquire();
    queue.putSync(await queue.get() + 1);
  }
}

if (import.meta.main) {
  const [lock, queue] = [new Lock(), new Queue<number>()];
  queue.putSync(0);
  for (let i = 0; i < 2; i++) new Process({ target: passOn, args: [lock, queue], daemon: true }).start();
  const pool = new Pool(2, { initializer: keep, initargs: [RawArray("i32", 1)] });
  const manager = await Manager();
  const list = await manager.list([0]);
  const squares = pool.imap(squareLater, Array.from({ length: 1e6 }, (_, n) => [n, 1, 0] as const), { buffersize: 8 });
  await squares.next();
  console.log("ready");
  for await (const _ of squares) await list.append(await list.pop() as number + 1);
}
