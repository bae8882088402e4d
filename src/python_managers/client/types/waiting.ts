// What waits: locks, semaphores, conditions, events, barriers and queues. A wait is asked for in slices of a second, so that
// who has gone, or has given it up, does not take in the end what it waited for.

import { Empty, Full } from "../../../errors.ts";
import { performance } from "../../../runtime/timing.ts";
import {
  type Answer,
  type Ask,
  ask,
  type Asking,
  inState,
  silent,
  timeoutIn,
  type Translations,
  type Wait,
} from "../ask.ts";

function isFalse(answer: Answer): boolean {
  return "value" in answer && answer.value === false;
}

function isError(Class: new (message: string) => Error): (answer: Answer) => boolean {
  return (answer) => "error" in answer && answer.error instanceof Class;
}

function* waitFor(asked: Ask): Asking {
  return yield asked;
}

/** Acquires, by `acquire(blocking, timeout)`. */
function* acquire([options]: readonly unknown[], role?: Ask["role"]): Asking {
  const wait: Wait = {
    timeout: timeoutIn(options),
    args: (seconds) => seconds === null ? [] : seconds === 0 ? [false] : [true, seconds],
    isLate: isFalse,
    undo: (answer) => answer === true ? [{ method: "release", args: [], role }] : [],
  };
  const isHeld = yield { method: "acquire", args: [], wait, role };
  return isHeld === true ? { ownerDied: false } : null;
}

/** Of locks that anybody may release. */
export const LOCK: Translations = {
  acquire: (args) => acquire(args),
  *release() {
    yield* inState(ask("release"));
  },
  locked: () => ask("locked"),
};

/** Of locks whose owner is a connection. */
export const RLOCK: Translations = {
  acquire: (args) => acquire(args, "acquire"),
  *release() {
    yield* inState(ask("release", [], { role: "release" }));
  },
  locked: () => ask("locked"),
};

/** Of semaphores. */
export const SEMAPHORE: Translations = {
  ...LOCK,
  *release([n = 1]) {
    yield* inState(ask("release", n === 1 ? [] : [n]));
  },
};

/** Of conditions. */
export const CONDITION: Translations = {
  acquire: RLOCK.acquire,
  release: RLOCK.release,
  *wait([options]) {
    const wait: Wait = { timeout: timeoutIn(options), args: (seconds) => [seconds], isLate: isFalse };
    return (yield* inState(waitFor({ method: "wait", args: [], wait, role: "wait" }))) === true;
  },
  *notify([n = 1]) {
    yield* inState(ask("notify", [n], { role: "held" }));
  },
  *notifyAll() {
    yield* inState(ask("notify_all", [], { role: "held" }));
  },
};

/** Of events. */
export const EVENT: Translations = {
  isSet: () => ask("is_set"),
  set: silent("set"),
  clear: silent("clear"),
  *wait([options]) {
    const wait: Wait = { timeout: timeoutIn(options), args: (seconds) => [seconds], isLate: isFalse };
    return (yield { method: "wait", args: [], wait }) === true;
  },
};

/** Of barriers. A party that gives up breaks it, as one whose time has passed: others would count on it. */
export const BARRIER: Translations = {
  *wait([options]) {
    const wait: Wait = {
      timeout: timeoutIn(options),
      args: (seconds) => seconds === null ? [] : [seconds],
      isLate: null,
      onGivenUp: { method: "abort", args: [] },
    };
    return yield { method: "wait", args: [], wait };
  },
  abort: silent("abort"),
  reset: silent("reset"),
  ".parties": () => ask("__getattribute__", ["parties"]),
  ".nWaiting": () => ask("__getattribute__", ["n_waiting"]),
  ".broken": () => ask("__getattribute__", ["broken"]),
};

function* put(value: unknown, timeout: number): Asking {
  return yield {
    method: "put",
    args: [],
    wait: {
      timeout,
      args: (seconds) => seconds === null ? [value] : seconds === 0 ? [value, false] : [value, true, seconds],
      isLate: isError(Full),
      // It is in the queue, where others may have seen it: it cannot be taken back.
    },
  };
}

function* get(timeout: number): Asking {
  return yield {
    method: "get",
    args: [],
    wait: {
      timeout,
      args: (seconds) => seconds === null ? [] : seconds === 0 ? [false] : [true, seconds],
      isLate: isError(Empty),
      // Back into the queue, at its end, and the count of what is to be dealt with as it was.
      undo: (value) => [{ method: "put", args: [value], isSlow: true }, { method: "task_done", args: [] }],
    },
  };
}

/** Of queues. */
export const QUEUE: Translations = {
  put: ([value, options]) => put(value, timeoutIn(options)),
  putNowait: ([value]) => put(value, 0),
  get: ([options]) => get(timeoutIn(options)),
  getNowait: () => get(0),
  *putMany([values, options]) {
    const all = values as readonly unknown[];
    const timeout = timeoutIn(options);
    const until = performance.now() + timeout;
    for (const [i, value] of all.entries()) {
      try {
        yield* put(value, timeout === Infinity ? Infinity : Math.max(0, until - performance.now()));
      } catch (error) {
        throw error instanceof Full ? Object.assign(error, { put: i }) : error;
      }
    }
    return all.length;
  },
  *getMany([max, options]) {
    const values = [yield* get(timeoutIn(options))];
    try {
      while (values.length < (max as number)) values.push(yield* get(0));
    } catch (error) {
      if (!(error instanceof Error)) throw error; // what was taken is given, whatever comes behind it
    }
    return values;
  },
  qsize: () => ask("qsize"),
  empty: () => ask("empty"),
  full: () => ask("full"),
  *shutdown([options]) {
    const { immediate = false } = (options ?? {}) as { immediate?: boolean };
    yield* ask("shutdown", [immediate]);
  },
  *taskDone() {
    yield* inState(ask("task_done"));
  },
  *join([options]) {
    // Python's has no time; one that is given up does no harm.
    const wait: Wait = { timeout: timeoutIn(options), args: () => [], isLate: null, late: false };
    return (yield { method: "join", args: [], wait }) !== false;
  },
};

/** The result that is yet to come, of a pool. */
export const ASYNC_RESULT: Translations = {
  *get([options]) {
    const timeout = timeoutIn(options);
    const wait: Wait = { timeout, args: (seconds) => seconds === null ? [] : [seconds], isLate: null };
    return yield { method: "get", args: [], wait };
  },
  *wait([options]) {
    const wait: Wait = { timeout: timeoutIn(options), args: (seconds) => [seconds], isLate: null };
    yield { method: "wait", args: [], wait };
    return yield* ask("ready");
  },
  ready: () => ask("ready"),
  successful: () => inState(ask("successful")),
};
