// Locks, semaphores, conditions, events and barriers, as Python calls them: times are in seconds, and what is acquired is told
// by True.

import { InvalidStateError } from "../../../errors.ts";
import {
  argumentsOf,
  type Call,
  isTrue,
  type Method,
  milliseconds,
  or,
  orElse,
  secondsOf,
  then,
  wholeNumber,
} from "../call.ts";
import { as, raised } from "../raised.ts";

const NAMES = ["blocking", "timeout"];

/** What a client in another program has in the place of a lock. */
interface AtOnce {
  tryAcquire?(): unknown;
}

/** Has a lock acquired; `patience` says for how many milliseconds it may wait, `null` for ever. */
function acquiring(patience: (seconds: unknown, blocks: boolean) => number | null): Method {
  return (call) => {
    const [blocking, timeout] = argumentsOf(call, NAMES);
    const block = isTrue(or(blocking, true));
    const options = { block, timeout: patience(or(timeout, null), block) };
    const { object: { type, value }, caller } = call;
    // Most locks are free: then there is nothing to wait for, and so no promise.
    const lock = type.forStranger?.(value as never, caller) as AtOnce | undefined;
    const guard = lock?.tryAcquire?.();
    if (guard !== null && guard !== undefined) return true;
    return then(call.ask("acquire", options), (guard) => guard !== null && guard !== undefined);
  };
}

/** Of locks, -1 is for ever, and no other negative time is one. */
const acquire = acquiring((seconds, blocks) => {
  const time = milliseconds(seconds);
  const given = secondsOf(seconds);
  if (given === -1) return null;
  if (!blocks && time !== null) throw raised("ValueError", "can't specify a timeout for a non-blocking call");
  if (given < 0) throw raised("ValueError", "timeout value must be a non-negative number");
  return time;
});

/** Of semaphores, a negative time is over at once. */
const acquireSemaphore = acquiring((seconds, blocks) => {
  const time = milliseconds(seconds);
  if (blocks || time === null) return time;
  throw raised("ValueError", "can't specify timeout for non-blocking acquire");
});

const ofState = as("RuntimeError", InvalidStateError);

/** A call without arguments and without a result. */
function plain(asked: string): Method {
  return (call) => {
    argumentsOf(call, []);
    return orElse(() => then(call.ask(asked), () => null), ofState);
  };
}

/** A call without arguments. */
function told(asked: string): Method {
  return (call) => {
    argumentsOf(call, []);
    return call.ask(asked);
  };
}

function wait(call: Call): unknown {
  const [timeout] = argumentsOf(call, ["timeout"]);
  return orElse(() => call.ask("wait", { timeout: milliseconds(timeout) }), ofState);
}

/** By the names of Python's methods. */
export const LOCK_METHODS: ReadonlyMap<string, Method> = new Map<string, Method>([
  ["acquire", acquire],
  ["release", plain("release")],
  ["locked", told("locked")],
]);

/** The same, of semaphores. */
export const SEMAPHORE_METHODS: ReadonlyMap<string, Method> = new Map<string, Method>([
  ["acquire", acquireSemaphore],
  ["release", (call) => {
    const [n] = argumentsOf(call, ["n"]);
    const count = wholeNumber(or(n, 1), "n");
    if (count < 1) throw raised("ValueError", "n must be one or more");
    return orElse(() => call.ask("release", count), as("ValueError", InvalidStateError));
  }],
  ["get_value", told("getValue")],
  ["locked", told("locked")],
]);

/** The same, of conditions. */
export const CONDITION_METHODS: ReadonlyMap<string, Method> = new Map<string, Method>([
  ["acquire", acquire],
  ["release", plain("release")],
  ["wait", wait],
  ["notify", (call) => {
    const [n] = argumentsOf(call, ["n"]);
    return orElse(() => call.ask("notify", wholeNumber(or(n, 1), "n")), ofState);
  }],
  ["notify_all", plain("notifyAll")],
]);

/** The same, of events. */
export const EVENT_METHODS: ReadonlyMap<string, Method> = new Map<string, Method>([
  ["is_set", told("isSet")],
  ["set", plain("set")],
  ["clear", plain("clear")],
  ["wait", wait],
]);

/** The attributes of barriers. */
const OF_BARRIERS: ReadonlyMap<unknown, string> = new Map([
  ["parties", ".parties"],
  ["n_waiting", ".nWaiting"],
  ["broken", ".broken"],
]);

/** The same, of barriers. */
export const BARRIER_METHODS: ReadonlyMap<string, Method> = new Map<string, Method>([
  ["__getattribute__", (call) => {
    const [name] = argumentsOf(call, ["name"], 1);
    const asked = OF_BARRIERS.get(name);
    if (asked === undefined) throw raised("AttributeError", `'Barrier' object has no attribute '${name}'`);
    return call.ask(asked);
  }],
  ["wait", (call) => {
    const [timeout] = argumentsOf(call, ["timeout"]);
    const time = milliseconds(timeout);
    return time === null ? call.ask("wait") : call.ask("wait", { timeout: time });
  }],
  ["abort", plain("abort")],
  ["reset", plain("reset")],
]);
