// Waits for ever at a queue of an engine, by promises: they end where no other process has the queue any more, and this
// program does not go on by itself. See src/queues/company.ts, which does the same on one machine.
//
// Who waits so is asked to wait anew now and then, behind others: so it is nothing for puts, whose order is kept.

import { Activity, activity, isToldOfEnd, isVisible } from "../queues/activity.ts";
import { LoopEnd } from "../queues/company.ts";
import type { ObjectHandle } from "./handles.ts";
import { type ObjectWait, waitFor, waitToEnd } from "./object_waits.ts";
import type { Answer, StepArgument } from "./session.ts";
import { foregroundTickets } from "./waits.ts";

/** How a step at a queue is to wait. */
export const Mode = {
  /** Not at all. */
  now: 0,
  /** Until it is time. */
  waiting: 1,
  /** For ever, as a thread that does nothing else. */
  threadForEver: 2,
  /** For ever, while this program may have something else to do. */
  promiseForEver: 3,
} as const;

/** How a thread waits that blocks for so many milliseconds. */
export function threadMode(timeout: number): number {
  if (timeout === 0) return Mode.now;
  return timeout === Infinity ? Mode.threadForEver : Mode.waiting;
}

/** Milliseconds between two looks at what this program has to do, where Deno does not tell; two must find nothing. */
const BETWEEN_LOOKS = 300;
const LOOKS = 2;

/** How many waits look at what else there is. */
let lookers = 0;

/** What a wait for ever needs besides its step. */
export interface Forever extends Omit<ObjectWait, "timeout"> {
  /** What the step is given, but for its mode. */
  readonly args: (mode: number) => StepArgument[];
  /** What is thrown where nobody is left. */
  readonly deserted: () => Error;
}

/** Waits for as long as it takes; `null` if it was stopped. */
export async function waitForEver(handle: ObjectHandle, name: string, wait: Forever): Promise<Answer | null> {
  const { args, signal, deserted } = wait;
  const patient = { ...wait, timeout: Infinity };
  if (!isVisible()) return await waitFor(handle, name, args(Mode.waiting), patient);
  for (let idle = 0, isOver = false;;) {
    const answer = await waitFor(handle, name, args(Mode.promiseForEver), patient);
    if (answer?.refusal !== "alone") return answer;
    if (isOver) throw deserted();
    if (isToldOfEnd()) {
      using end = new LoopEnd();
      const either = signal === undefined ? end.signal : AbortSignal.any([signal, end.signal]);
      const inBackground = { timeout: Infinity, signal: either, inBackground: true };
      const last = await waitToEnd(handle, name, args(Mode.waiting), inBackground);
      if (last !== null || signal?.aborted || handle.closed) return last;
      isOver = true; // unless somebody has it by now
    } else {
      const last = await looking(() => waitToEnd(handle, name, args(Mode.waiting), { timeout: BETWEEN_LOOKS, signal }));
      if (last !== null || signal?.aborted || handle.closed) return last;
      idle = isIdle() ? idle + 1 : 0;
      isOver = idle >= LOOKS;
    }
  }
}

async function looking<T>(wait: () => Promise<T>): Promise<T> {
  lookers++;
  try {
    return await wait();
  } finally {
    lookers--;
  }
}

/** Whether this program has nothing but such waits. */
function isIdle(): boolean {
  return foregroundTickets() <= lookers && activity() === Activity.nothing;
}
