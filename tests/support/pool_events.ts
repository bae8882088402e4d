// A stand-in for the engine of a pool, for tests of its parts.

import type { PoolEvents } from "../../src/pool/events.ts";

/** Events that nothing comes of, but for those that are given. */
export function poolEvents(given: Partial<PoolEvents>): PoolEvents {
  return {
    processes: 1,
    ahead: 2,
    isJoined: false,
    needsWorkers: true,
    hasCalls: true,
    running: () => 0,
    demand: { waiting: 0, given: 0, pace: 0, answers: 0 },
    runsWanted: () => false,
    slots: 1,
    crowding: 1,
    cancel() {},
    tasksAvailable() {},
    callOver() {},
    hold() {},
    release() {},
    framesArrived() {},
    catchUp() {},
    workerEnded() {},
    workerStarted() {},
    workersUseless() {},
    workersLacking() {},
    taskUnsendable() {},
    ...given,
  };
}
