// The work of bench/several_machines.ts on our side: on a Redis server, by the classes of its context.
//
// usage: several_machines.ts ITERATIONS ROW PORT

import { getContext } from "@parallel/multiprocessing";
import type { QueueLike } from "@parallel/multiprocessing/context";
import { iterations, variant } from "./start_line.ts";

/** Puts and gets that are under way at a time. */
const BATCH = 1000;
const WORKERS = 2;
const KEY = new TextEncoder().encode("the key of the benchmark");

const mp = getContext(`redis://127.0.0.1:${Deno.args[2]}/0`, { authkey: KEY });

/** Does so much of a row's work. */
type Work = (n: number) => unknown;

/** What is done with each other while it is measured, and how that begins and ends. */
interface Row {
  begin(): Promise<{ work: Work; end?: () => unknown }> | { work: Work; end?: () => unknown };
}

/** Sends back what comes, until that is `null`. */
export function answer(requests: QueueLike<number | null>, replies: QueueLike<number | null>): void {
  for (;;) {
    const value = requests.getSync();
    replies.putSync(value);
    if (value === null) return;
  }
}

/** The task of the pool. */
export function increment(x: number): number {
  return x + 1;
}

const ROWS: Record<string, Row> = {
  lock: {
    begin() {
      const lock = new mp.Lock();
      return {
        work(n) {
          for (let i = 0; i < n; i++) {
            lock.acquireSync();
            lock.release();
          }
        },
      };
    },
  },
  value: {
    begin() {
      const value = mp.Value("i32");
      return {
        work(n) {
          for (let i = 0; i < n; i++) {
            using _guard = value.acquireSync();
            value.value += 1;
          }
        },
      };
    },
  },
  queue: {
    begin() {
      const queue = new mp.Queue<number>();
      return {
        work(n) {
          for (let i = 0; i < n; i++) {
            queue.putSync(i);
            queue.getSync();
          }
        },
      };
    },
  },
  batch: {
    begin() {
      const queue = new mp.Queue<number>();
      return {
        async work(n) {
          for (let done = 0; done < n; done += BATCH) {
            const count = Math.min(BATCH, n - done);
            await Promise.all(Array.from({ length: count }, (_, i) => queue.put(done + i)));
            await Promise.all(Array.from({ length: count }, () => queue.get()));
          }
        },
      };
    },
  },
  reply: {
    begin() {
      const [requests, replies] = [new mp.Queue<number | null>(), new mp.Queue<number | null>()];
      const other = new mp.Process({ target: answer, args: [requests, replies] });
      other.start();
      return {
        work(n) {
          for (let i = 0; i < n; i++) {
            requests.putSync(i);
            replies.getSync();
          }
        },
        async end() {
          requests.putSync(null);
          await other.join();
        },
      };
    },
  },
  pool: {
    begin() {
      const pool = new mp.Pool(WORKERS);
      return {
        async work(n) {
          const results = await pool.map(increment, Array.from({ length: n }, (_, i) => i));
          if (results.some((it, i) => it !== i + 1)) throw new Error("Cannot measure: the results are wrong");
        },
        async end() {
          pool.close();
          await pool.join();
        },
      };
    },
  },
};

if (import.meta.main) {
  const row = variant(ROWS);
  const n = iterations();
  const { work, end } = await ROWS[row].begin();
  await work(Math.max(1, Math.ceil(n / 10)));
  const start = performance.now();
  await work(n);
  const ns = (performance.now() - start) * 1e6 / n;
  await end?.();
  mp.close();
  console.log(JSON.stringify({ work: row, ns }));
}
