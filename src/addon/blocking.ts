// Calls of the addon that block their thread for long, and what is to be done before.

import { InvalidStateError } from "../errors.ts";
import type { Native } from "./binding.ts";
import { native } from "./load.ts";
import { PutStatus } from "./numbers.ts";

/**
 * The functions that may block the thread for long, and which of their arguments says for how long: milliseconds, or
 * whether at all. Of puts it is tried first whether they have to.
 */
const BLOCKING = {
  lockAcquire: 1,
  semaphoreAcquire: 1,
  eventWait: 1,
  conditionWait: 1,
  barrierWait: 2,
  queuePut: 2,
  queuePutBytes: 4,
  queueGet: 1,
  queueJoin: 1,
  connectionSend: 2,
  connectionSendBytes: 2,
  connectionReceive: 2,
  connectionPoll: 1,
  descriptorsPoll: 1,
  searchFinish: 1,
  listenerAccept: 1,
  dialFinish: 1,
  childJoin: 1,
  parentJoin: 1,
} as const satisfies Partial<Record<keyof Native, number>>;

const PUTS: readonly string[] = ["queuePut", "queuePutBytes"];
/** Those that seldom have to, and cannot be tried. */
const SENDS: readonly string[] = ["connectionSend", "connectionSendBytes"];

/** Waits that are no longer than this, in milliseconds, block nobody to speak of. */
const SHORT_WAIT = 50;

/** The functions themselves, while others are in their places. */
let unguarded: Partial<Record<keyof Native, unknown>> | null = null;

/**
 * Has `act` called before the thread is blocked, until it is set to `null`: that costs nothing while there is none. The
 * functions are replaced in the addon's own object, since some keep that.
 */
export function beforeBlocking(act: (() => void) | null): void {
  const addon = native() as unknown as Record<string, unknown>;
  if (unguarded !== null) Object.assign(addon, unguarded);
  unguarded = null;
  if (act === null) return;
  unguarded = {};
  for (const [name, place] of Object.entries(BLOCKING)) {
    const block = addon[name] as (...args: unknown[]) => unknown;
    unguarded[name as keyof typeof BLOCKING] = block;
    addon[name] = (...args: unknown[]) => {
      const patience = args[place] as number;
      if (SENDS.includes(name)) {
        if (patience) attempt(act);
        return block(...args);
      }
      if (patience <= SHORT_WAIT) return block(...args);
      if (PUTS.includes(name)) {
        const status = block(...args.with(place, 0));
        if (status !== PutStatus.full) return status;
      }
      act();
      return block(...args);
    };
  }
}

function attempt(act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof InvalidStateError)) throw error;
  }
}
