// Counting with several processes.
//
// File paths go to the workers through a JoinableQueue; each worker counts the files it takes and sends what it has found
// back through a Queue. A shared Value counts finished files for the progress bar.

import * as mp from "@parallel/multiprocessing";
import { countAlone, countFile, type Findings, merge, nothing, pack, type PackedFindings } from "./counts.ts";
import { Crew } from "./crew.ts";
import { progressBar } from "./progress.ts";
import { type Corpus, CountError } from "./texts.ts";

/** What a worker sends back: what it has found, or why it could not go on. */
export type Outcome = PackedFindings | { failure: string };

/** What each worker process runs: takes paths until it takes `null`, then sends its findings. */
export function worker(
  jobs: mp.JoinableQueue<string | null>,
  results: mp.Queue<Outcome>,
  finished: mp.Synchronized<number>,
  ready: mp.Semaphore,
  isTagged: boolean,
): void {
  ready.release();
  const findings = nothing();
  try {
    for (let path = jobs.getSync(); path !== null; path = jobs.getSync()) {
      countFile(findings, path, isTagged);
      {
        using _ = finished.getLock().acquireSync();
        finished.value++;
      }
      jobs.taskDone();
    }
    results.putSync(pack(findings));
    jobs.taskDone();
  } catch (error) {
    if (!(error instanceof CountError)) throw error;
    results.putSync({ failure: error.message });
  }
}

/** What was counted in parallel, and how long it took. */
export interface ParallelCount {
  readonly findings: Findings;
  /** Milliseconds until all workers could begin. */
  readonly startUp: number;
  /** Milliseconds from then on until everything was counted and added up. */
  readonly time: number;
}

/**
 * Counts with `processes` worker processes. Throws a {@linkcode CountError}, with no process left, if a file cannot be
 * counted or a worker ends early.
 */
export async function countInParallel({ files, isTagged }: Corpus, processes: number): Promise<ParallelCount> {
  const jobs = new mp.JoinableQueue<string | null>();
  const results = new mp.Queue<Outcome>();
  const ready = new mp.Semaphore(0);
  // A worker killed inside the lock cannot spoil a single number, so the others go on.
  const finished = mp.Value("u32", 0, { lock: new mp.RLock({ onOwnerDeath: "recover" }) });

  await using crew = new Crew();
  const { signal } = crew;
  using _ = progressBar(finished, files.length);

  const begin = performance.now();
  for (let i = 0; i < processes; i++) crew.start(worker, [jobs, results, finished, ready, isTagged]);
  for (let i = 0; i < processes; i++) await crew.unlessLost(ready.acquire({ signal }));
  const started = performance.now();

  for (const path of [...files, ...Array(processes).fill(null)]) await jobs.put(path, { signal });
  const findings = nothing();
  for (let i = 0; i < processes; i++) {
    const outcome = await crew.unlessLost(results.get({ signal }));
    if ("failure" in outcome) throw new CountError(outcome.failure);
    merge(findings, outcome);
  }
  await crew.unlessLost(jobs.join({ signal }));
  const time = performance.now() - started;
  await crew.ended();
  return { findings, startUp: started - begin, time };
}

/** Counts one of several equal parts, when all processes have come to the line, and notes how long that takes. */
export function countPart(corpus: Corpus, part: number, line: mp.Barrier, times: Float64Array): void {
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
  const line = new mp.Barrier(processes);
  const times = mp.RawArray("f64", processes);
  await using crew = new Crew();
  for (let part = 0; part < processes; part++) crew.start(countPart, [corpus, part, line, times]);
  await crew.ended();
  return Math.max(...times);
}
