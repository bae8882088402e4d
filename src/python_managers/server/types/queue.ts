// Queues, as Python calls them.

import { Empty, Full, InvalidStateError } from "../../../errors.ts";
import { endingWith } from "../../../runtime/thenable.ts";
import type { JoinableQueue } from "../../../queues/joinable_queue.ts";
import { passed } from "../../../managers/types/contents.ts";
import { argumentsOf, type Call, isTrue, type Method, milliseconds, or, orElse, secondsOf, then } from "../call.ts";
import { as, raised } from "../raised.ts";
import { forQueue, fromQueue } from "../travel.ts";

/** How long a call may wait. */
function limits(block: unknown, timeout: unknown): { block: boolean; timeout: number | null } {
  const blocks = isTrue(or(block, true));
  if (!blocks) return { block: false, timeout: null };
  if (secondsOf(timeout) < 0) throw raised("ValueError", "'timeout' must be a non-negative number");
  return { block: true, timeout: milliseconds(timeout) };
}

const nothing = () => null;

/** How many calls wait for room, or for a value, in each queue: nobody overtakes them. */
const waiting: Readonly<Record<"put" | "get", WeakMap<object, number>>> = { put: new WeakMap(), get: new WeakMap() };

/**
 * Does what a call asks for by `atOnce` if that is possible at once, without a promise; else by `later`. Most queues have
 * room, or a value.
 */
function done(
  { object }: Call,
  sort: "put" | "get",
  { atOnce, later, mayWait }: { atOnce: () => unknown; later: () => unknown; mayWait: boolean },
): unknown {
  const queue = object.value as object;
  const waits = waiting[sort];
  const count = waits.get(queue) ?? 0;
  if (!mayWait || count === 0) {
    try {
      return atOnce();
    } catch (error) {
      if (!mayWait || !(error instanceof Full || error instanceof Empty)) throw error;
    }
  }
  waits.set(queue, count + 1);
  return endingWith(() => void waits.set(queue, waits.get(queue)! - 1), later);
}

function put(call: Call, item: unknown, block: unknown, timeout: unknown): unknown {
  const options = limits(block, timeout);
  const value = forQueue(item);
  return done(call, "put", {
    atOnce: () => call.ask("putNowait", value) ?? null,
    later: () => then(call.ask("put", value, options), nothing),
    mayWait: options.block,
  });
}

/** What Python gets of a value that was taken at once: proxies in it are let go once the answer names what they stand for. */
function taken(value: unknown): unknown {
  passed([value]);
  return fromQueue(value);
}

function get(call: Call, block: unknown, timeout: unknown): unknown {
  const options = limits(block, timeout);
  return done(call, "get", {
    atOnce: () => taken((call.object.value as JoinableQueue).getNowait()),
    later: () => then(call.ask("get", options), fromQueue),
    mayWait: options.block,
  });
}

/** A call without arguments. */
function told(asked: string): Method {
  return (call) => {
    argumentsOf(call, []);
    return call.ask(asked);
  };
}

/** By the names of Python's methods. */
export const QUEUE_METHODS: ReadonlyMap<string, Method> = new Map<string, Method>([
  ["put", (call) => {
    const [item, block, timeout] = argumentsOf(call, ["item", "block", "timeout"], 1);
    return put(call, item, block, timeout);
  }],
  ["put_nowait", (call) => put(call, argumentsOf(call, ["item"], 1)[0], false, null)],
  ["get", (call) => {
    const [block, timeout] = argumentsOf(call, ["block", "timeout"]);
    return get(call, block, timeout);
  }],
  ["get_nowait", (call) => {
    argumentsOf(call, []);
    return get(call, false, null);
  }],
  ["qsize", told("qsize")],
  ["empty", told("empty")],
  ["full", told("full")],
  ["task_done", (call) => {
    argumentsOf(call, []);
    return orElse(() => call.ask("taskDone"), (error) => {
      if (error instanceof InvalidStateError) throw raised("ValueError", "task_done() called too many times");
      throw error;
    });
  }],
  ["join", (call) => {
    argumentsOf(call, []);
    return orElse(() => then(call.ask("join"), nothing), as("RuntimeError", InvalidStateError));
  }],
  ["shutdown", (call) => {
    const [immediate] = argumentsOf(call, ["immediate"]);
    return call.ask("shutdown", { immediate: isTrue(or(immediate, false)) });
  }],
]);
