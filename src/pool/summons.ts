// Which workers of a pool are called to take the tasks that wait: those that rest, if no other is about to come.

import { Mode } from "./messages.ts";
import type { WorkerHandle } from "./worker_handle.ts";

/** Milliseconds for which a worker is counted on after it was called, or has answered. */
export const SIGN_LASTS = 50;

/**
 * Calls as many of the workers that rest as there are tasks, of those that are given, that nobody has taken, nor is about
 * to. Whether that is all that can be done: none rests while another is but counted on.
 */
export function callWorkers(
  given: ReadonlyMap<number, unknown>,
  workers: Iterable<WorkerHandle>,
  concurrency: number,
): boolean {
  let missing = given.size;
  let coming = 0;
  const seats: Seat[] = [];
  for (const worker of workers) {
    const running = worker.countBegun(given);
    missing -= running;
    if (worker.state !== "ready" || worker.isRetired) continue;
    const { mode } = worker;
    if (mode === Mode.resting || mode === Mode.asleep) {
      // If it never rests while it runs one, the answer of that is yet to be read.
      seats.push(new Seat(worker, concurrency === 1 ? 0 : running, true));
    } else {
      const some = comingTo(worker, running);
      coming += some;
      if (some > 0 && concurrency > 1) seats.push(new Seat(worker, running + some, false));
    }
  }
  share(missing - coming, seats, concurrency);
  let hasRoom = false;
  for (const { worker, rests, load, more } of seats) {
    if (!rests) continue;
    if (more > 0) worker.call(more);
    if (load + more < concurrency) hasRoom = true;
  }
  return missing <= 0 || !hasRoom;
}

/** A worker that may have a share of the tasks. */
class Seat {
  readonly worker: WorkerHandle;
  /** How many tasks it runs, or is about to. */
  readonly load: number;
  /** Whether it rests. Otherwise it says itself when it has room. */
  readonly rests: boolean;
  /** Its share. */
  more = 0;

  constructor(worker: WorkerHandle, load: number, rests: boolean) {
    this.worker = worker;
    this.load = load;
    this.rests = rests;
  }
}

/** Shares tasks out to those who run the fewest; among these, to the one that has worked last: it is the quickest to come. */
function share(tasks: number, seats: Seat[], concurrency: number): void {
  if (tasks <= 0) return;
  seats.sort((a, b) => a.load - b.load || b.worker.lastAnswer - a.worker.lastAnswer);
  for (let level = 0; level < concurrency; level++) {
    for (const seat of seats) {
      if (tasks === 0) return;
      if (seat.load > level) break;
      seat.more++;
      tasks--;
    }
  }
}

/**
 * How many tasks a worker is about to take. One that has ended its last, and done no more than to say so, is about to look
 * for another.
 */
export function comingTo(worker: WorkerHandle, running: number): number {
  const { mode } = worker;
  if (mode === Mode.away || mode === Mode.resting || mode === Mode.asleep) return 0;
  if (mode === Mode.running && running > 0) return 0;
  if (worker.sinceSign >= SIGN_LASTS) return 0;
  return mode === Mode.called ? worker.calledFor : 1;
}
