// Counting with several processes.
//
// Portions of the files go to the workers through a JoinableQueue; each worker counts the portions it takes and sends what it
// has found back through a Queue. A shared Value counts finished files for the progress bar, an Array how often each portion
// was begun: on several machines, that of a host which is lost is another's.

import * as local from "@parallel/multiprocessing";
import type {
  BarrierLike,
  BaseContext,
  JoinableQueueLike,
  QueueLike,
  SemaphoreLike,
  SynchronizedArrayLike,
  SynchronizedLike,
} from "@parallel/multiprocessing/context";
import { countAlone, countFile, type Findings, merge, nothing, pack, type PackedFindings } from "./counts.ts";
import { Crew } from "./crew.ts";
import { progressBar } from "./progress.ts";
import { type Corpus, CountError } from "./texts.ts";

/** Files that one worker counts. */
export interface Portion {
  readonly number: number;
  readonly files: string[];
}

/** So many portions there are for each worker: fewer cost less, more are spread better. */
const PORTIONS_EACH = 8;

/** What a worker sends back for a portion: what it has found, or why it could not go on. */
export type Outcome = { number: number; found: PackedFindings } | { failure: string };

/** What each worker process runs: takes portions until there are no more, and sends what it finds in each. */
export async function worker(
  jobs: JoinableQueueLike<Portion>,
  results: QueueLike<Outcome>,
  finished: SynchronizedLike<number>,
  begun: SynchronizedArrayLike<number>,
  ready: SemaphoreLike,
  isTagged: boolean,
): Promise<void> {
  ready.release();
  for await (const { number, files } of jobs) {
    {
      using _ = begun.getLock().acquireSync();
      begun.set(number, begun.get(number) + 1);
    }
    const found = nothing();
    try {
      for (const path of files) {
        countFile(found, path, isTagged);
        using _ = finished.getLock().acquireSync();
        finished.value++;
      }
    } catch (error) {
      if (!(error instanceof CountError)) throw error;
      return results.putSync({ failure: error.message });
    }
    results.putSync({ number, found: pack(found) });
    jobs.taskDone(); // a worker that is lost before this has its portion given to another
  }
}

/** What was counted in parallel, and how long it took. */
export interface ParallelCount {
  readonly findings: Findings;
  /** How many portions were begun anew, since a host was lost. */
  readonly anew: number;
  /** Milliseconds until all workers could begin. */
  readonly startUp: number;
  /** Milliseconds from then on until everything was counted and added up. */
  readonly time: number;
}

/** The processes that count. */
export interface Workers {
  /** Where they run. */
  readonly mp: BaseContext;
  readonly processes: number;
  /** What queues do whose consumer is lost, where there is more than one machine. */
  readonly queueOptions: object;
}

/**
 * Counts with several worker processes. Throws a {@linkcode CountError}, with no process left, if a file cannot be counted or
 * a worker ends early, unless others are left whose host is not lost.
 */
export async function countInParallel({ files, isTagged }: Corpus, workers: Workers): Promise<ParallelCount> {
  const { mp, processes, queueOptions } = workers;
  const portions = portionsOf(files, processes * PORTIONS_EACH);
  const jobs = new mp.JoinableQueue<Portion>(0, queueOptions);
  const results = new mp.Queue<Outcome>();
  const ready = new mp.Semaphore(0);
  // A worker killed inside the lock cannot spoil a single number, so the others go on.
  const lock = () => new mp.RLock({ onOwnerDeath: "recover" });
  const finished = mp.Value("u32", 0, { lock: lock() });
  const begun = mp.Array("u32", portions.length, { lock: lock() });

  await using crew = new Crew(mp, () => ready.release()); // nobody waits for one that is lost
  const { signal } = crew;
  using _ = progressBar(finished, files.length);

  const begin = performance.now();
  for (let i = 0; i < processes; i++) crew.start(worker, [jobs, results, finished, begun, ready, isTagged]);
  for (let i = 0; i < processes; i++) await crew.unlessLost(ready.acquire({ signal }));
  const started = performance.now();

  for (const portion of portions) await jobs.put(portion, { signal });
  const findings = nothing();
  const missing = new Set(portions.keys());
  while (missing.size > 0) {
    const outcome = await crew.unlessLost(results.get({ signal }));
    if ("failure" in outcome) throw new CountError(outcome.failure);
    // A worker may be lost after it has sent this, and before it has said that it is done with it: then it comes twice.
    if (missing.delete(outcome.number)) merge(findings, outcome.found);
  }
  await crew.unlessLost(jobs.join({ signal }));
  const time = performance.now() - started;
  jobs.shutdown();
  await crew.ended();
  const anew = [...begun].filter((times) => times > 1).length;
  return { findings, anew, startUp: started - begin, time };
}

/** At most so many portions, of as many files each. */
function portionsOf(files: readonly string[], most: number): Portion[] {
  const size = Math.ceil(files.length / most);
  return Array.from({ length: Math.ceil(files.length / size) }, (_, number) => ({
    number,
    files: files.slice(number * size, (number + 1) * size),
  }));
}

/** Counts one of several equal parts, when all processes have come to the line, and notes how long that takes. */
export function countPart(corpus: Corpus, part: number, line: BarrierLike, times: Float64Array): void {
  const files = corpus.files.filter((_, i) => i % times.length === part);
  line.waitSync();
  const begin = performance.now();
  countAlone({ ...corpus, files });
  times[part] = performance.now() - begin;
}

/**
 * How long this machine takes at best with so many processes: each counts its part, from the same moment on, and has
 * nothing to do with the others, nor sends anything. The slowest counts.
 */
export async function idealTime(corpus: Corpus, processes: number): Promise<number> {
  const line = new local.Barrier(processes);
  const times = local.RawArray("f64", processes);
  await using crew = new Crew(local.getContext());
  for (let part = 0; part < processes; part++) crew.start(countPart, [corpus, part, line, times]);
  await crew.ended();
  return Math.max(...times);
}
