// Queues, as Python calls them.

import { InvalidStateError } from "../../../errors.ts";
import { argumentsOf, type Call, isTrue, type Method, milliseconds, or, orElse, then } from "../call.ts";
import { as, raised } from "../raised.ts";
import { forQueue, fromQueue } from "../travel.ts";

/** How long a call may wait. */
function limits(block: unknown, timeout: unknown): { block: boolean; timeout: number | null } {
  if (typeof timeout === "number" && timeout < 0) {
    throw raised("ValueError", "'timeout' must be a non-negative number");
  }
  return { block: isTrue(or(block, true)), timeout: milliseconds(timeout) };
}

const nothing = () => null;

function put(call: Call, item: unknown, block: unknown, timeout: unknown): unknown {
  return then(call.ask("put", forQueue(item), limits(block, timeout)), nothing);
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
    return then(call.ask("get", limits(block, timeout)), fromQueue);
  }],
  ["get_nowait", (call) => {
    argumentsOf(call, []);
    return then(call.ask("get", limits(false, null)), fromQueue);
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
