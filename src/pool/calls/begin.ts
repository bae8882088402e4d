// The beginning of a call: what the user has given is checked, and becomes a call that the engine is handed.

import type { Callable, ModuleExport } from "../../callable/types.ts";
import { TimeoutError } from "../../errors.ts";
import { type Limits, Watch } from "../../waiting/limits.ts";
import { timeoutIn } from "../../waiting/options.ts";
import { CallSite } from "../../runtime/stack.ts";
import type { Engine } from "../engine.ts";
import { type Input, inputOf, type Items, ListInput } from "../input.ts";
import { Flag } from "../messages.ts";
import {
  type ApplyOptions,
  type CallOptions,
  countOf,
  type ImapOptions,
  type MapOptions,
  NO_OPTIONS,
  priorityOf,
  requireCallOptions,
  taskTimeoutOf,
} from "../options.ts";
import { meterOf } from "../progress.ts";
import { retriesOf } from "../retries.ts";
import { tellCaller, tellRefusal } from "../where.ts";
import { type Begun, type Call, CALL_FLAGS } from "./call.ts";
import { ImapCall, ImapIterator } from "./imap.ts";
import { MapCall } from "./map.ts";
import { SingleCall } from "./single.ts";

/** A function that is exported by a module, or the name of one. */
export type AnyTarget = Callable | ModuleExport;

/** Begins the calls of one pool. */
export class Caller {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** A call of the function with all of its arguments. */
  single(
    call: "apply" | "applyAsync",
    target: AnyTarget,
    args: readonly unknown[],
    options: ApplyOptions<object>,
  ): SingleCall {
    const above = Caller.prototype.single;
    try {
      // To note the line takes as long as a trivial task.
      const site = this.#engine.isQuick ? null : new CallSite(above);
      const action = "apply";
      requireCallOptions(call, options);
      if (!Array.isArray(args)) {
        throw new TypeError(`Cannot ${action}: "args" is ${Deno.inspect(args)}, wanted an array of arguments`);
      }
      const { kwargs } = options;
      const all = kwargs === undefined ? args : [...args, kwargs];
      const limits = this.#limits(action, options);
      const parts = this.#parts(action, target, options, { method: call, site }, CALL_FLAGS.apply);
      if (kwargs !== undefined && this.#engine.isPython) parts.flags |= Flag.named;
      return this.#begin(new SingleCall(parts, all), limits);
    } catch (error) {
      throw refused(error, above);
    }
  }

  /** A call of the function for each item. */
  many(
    call: "map" | "mapAsync" | "starmap" | "starmapAsync",
    target: AnyTarget,
    items: Items<unknown>,
    options: MapOptions<boolean>,
  ): MapCall {
    const above = Caller.prototype.many;
    try {
      const site = new CallSite(above);
      requireCallOptions(call, options);
      const action = call.startsWith("star") ? "starmap" : "map";
      const given = countOf(action, "chunksize", options.chunksize, null);
      const limits = this.#limits(action, options);
      const parts = this.#parts(action, target, options, { method: call, site }, CALL_FLAGS[action]);
      const chunksize = given ?? (parts.taskTimeout < Infinity ? 1 : null); // the time is meant for each item
      const input = this.#input(items);
      const { settled } = options;
      // The items of a chunk that fail are begun anew alone, or are told alone.
      if (settled || parts.retries.isOfErrors) parts.flags |= Flag.lenient;
      const meter = meterOf(options.progress, this.#engine.name);
      return this.#begin(new MapCall(parts, { input, chunksize, meter, settled }), limits);
    } catch (error) {
      throw refused(error, above);
    }
  }

  /** All of them, unless they come in time: then their number is known. */
  #input(items: Items<unknown>): Input {
    if (items !== null && items !== undefined && Symbol.iterator in Object(items)) {
      // The caller may change its array while the call is under way.
      return new ListInput(Array.isArray(items) ? items.slice() : [...items as Iterable<unknown>]);
    }
    return inputOf(items, () => this.#engine.tasksAvailable());
  }

  /** A call of the function for each item, whose results are asked for one by one. */
  iterate(
    call: "imap" | "imapUnordered" | "toTransformStream",
    target: AnyTarget,
    items: Items<unknown>,
    options: ImapOptions<boolean>,
    ordered: boolean,
  ): ImapIterator<unknown> {
    const above = Caller.prototype.iterate;
    const events = this.#engine;
    try {
      const site = new CallSite(above);
      requireCallOptions(call, options);
      const { settled } = options;
      const chunksize = countOf(call, "chunksize", options.chunksize, 1);
      const buffersize = countOf(call, "buffersize", options.buffersize, null);
      const limits = this.#limits(call, options);
      const parts = this.#parts(call, target, options, { method: call, site }, CALL_FLAGS.imap);
      const input = inputOf(items, () => events.tasksAvailable());
      const meter = meterOf(options.progress, events.name);
      const imap = { input, chunksize, buffersize, ordered, meter, settled };
      const made = this.#begin(new ImapCall(parts, imap), limits);
      return new ImapIterator(made, () => events.cancel(made, () => made.leave(), { kill: false }));
    } catch (error) {
      throw refused(error, above);
    }
  }

  /** What may end a call before its tasks have. */
  #limits(action: string, options: CallOptions): Limits {
    this.#engine.requireRunning(action);
    if (options === NO_OPTIONS) return NO_LIMITS;
    const limits = { timeout: timeoutIn(options), signal: options.signal };
    limits.signal?.throwIfAborted();
    return limits;
  }

  /** What all calls are made with. */
  #parts(action: string, target: AnyTarget, options: CallOptions, begun: Begun, flags: number) {
    const engine = this.#engine;
    const parts = {
      events: engine,
      retries: retriesOf(action, options.retries),
      priority: priorityOf(action, options.priority),
      taskTimeout: taskTimeoutOf(action, options.taskTimeout, engine.taskTimeout),
      fn: engine.functionOf(target),
      flags,
      begun,
      onReport: options.onReport ?? undefined,
    };
    engine.requireRoom(action);
    return parts;
  }

  #begin<C extends Call>(call: C, limits: Limits): C {
    // The input that has just been listed may have aborted it.
    if (limits.signal?.aborted) call.end(limits.signal.reason);
    else this.#engine.submit(call);
    limit(this.#engine, call, limits);
    return call;
  }
}

/** Nothing ends a call before its tasks have. */
const NO_LIMITS: Limits = { timeout: Infinity, signal: undefined };

/** What a call is refused with names the line that has called `above`. */
// deno-lint-ignore ban-types -- V8 takes any function
function refused(error: unknown, above: Function): unknown {
  return tellRefusal(error, new CallSite(above).frames);
}

/** Ends a call when its time has passed, or when it is aborted. */
function limit(engine: Engine, call: Call, { timeout, signal }: Limits): void {
  if (signal === undefined && timeout === Infinity) return;
  const late = () => {
    const message = `Cannot finish "${call.fn.given.label}": it took more than ${timeout} ms`;
    return tellCaller(new TimeoutError(message), call.begun?.site ?? null);
  };
  const isLate = () => engine.cancel(call, () => call.end(late()), { timedOut: true });
  const watch = new Watch({ timeout, signal }, {
    late: isLate,
    aborted: (reason) => engine.cancel(call, () => call.end(reason)),
  }).unref();
  call.whenOver(() => watch[Symbol.dispose]());
  // What has been serialised or taken since the call began may have aborted it.
  if (signal?.aborted) engine.cancel(call, () => call.end(signal.reason));
  // A quick worker's answer does not race with a timer of 0 ms.
  else if (timeout <= 0) isLate();
}
