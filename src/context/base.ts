// A context: the package's classes and functions as members, with a start method of its own. The functions that
// users call are in context.ts.

import { callingModules, moduleUrl } from "../callable/reference.ts";
import * as errors from "../errors.ts";
import { workIfChild } from "../runtime/freeze.ts";
import { Pipe } from "../connection/pipe.ts";
import { getLogger, logToStderr } from "../runtime/logging.ts";
import { Pool } from "../pool/pool.ts";
import type { PoolOptions } from "../pool/options.ts";
import { activeChildren } from "../process/children.ts";
import type { AnyFunction } from "../process/options.ts";
import { cpuCount } from "../process/cpu_count.ts";
import { currentProcess } from "../process/current_process.ts";
import { parentProcess } from "../process/parent.ts";
import { Process } from "../process/process.ts";
import { JoinableQueue } from "../queues/joinable_queue.ts";
import { Queue } from "../queues/queue.ts";
import { SimpleQueue } from "../queues/simple_queue.ts";
import { Array, copy, RawArray, RawValue, synchronized, Value } from "../sharedctypes/factories.ts";
import { Structure } from "../sharedctypes/structure.ts";
import {
  bindMethod,
  chooseExecutable,
  chosenMethod,
  MAIN,
  methodInUse,
  preloadModules,
  setMethod,
  START_METHODS,
  type StartMethod,
  startMethodNamed,
} from "../launch/settings.ts";
import { Barrier } from "../synchronize/barrier.ts";
import { BoundedSemaphore, Semaphore } from "../synchronize/semaphore.ts";
import { Condition } from "../synchronize/condition.ts";
import { Event } from "../synchronize/event.ts";
import { Lock, RLock } from "../synchronize/lock.ts";
import { register } from "../reduction/registry.ts";

/** Options of `getStartMethod`. */
export interface GetStartMethodOptions {
  /** Whether a method that nobody has chosen or used is `null`, instead of being chosen by the question. */
  allowNone?: boolean;
}

/** Options of `setStartMethod`. */
export interface SetStartMethodOptions {
  /** Whether a method that was chosen or used before is replaced. */
  force?: boolean;
}

/** A process that is always started by spawn, whatever the default. As `multiprocessing.context.SpawnProcess`. */
export class SpawnProcess<A extends readonly unknown[] = unknown[], K = never, F extends AnyFunction = never>
  extends Process<A, K, F> {
  static {
    bindMethod(SpawnProcess, "spawn");
  }
}

/**
 * A process that is always started by forkserver, whatever the default. As
 * `multiprocessing.context.ForkServerProcess`.
 */
export class ForkServerProcess<A extends readonly unknown[] = unknown[], K = never, F extends AnyFunction = never>
  extends Process<A, K, F> {
  static {
    bindMethod(ForkServerProcess, "forkserver");
  }
}

/**
 * Everything that the package offers, as members: `new context.Process(…)`, `new context.Queue()`, `context.Value(…)`.
 * Only processes depend on the context; queues, locks and values work with every method.
 */
export abstract class BaseContext {
  static {
    register(BaseContext, {
      refuse: "a context belongs to one process; send the name of its start method, and call getContext() with it",
    });
  }

  /** The class of this context's processes. */
  abstract readonly Process: typeof Process;
  /** The package's own `Pool`, whose workers are this context's processes unless its options say otherwise. */
  readonly Pool: typeof Pool = poolIn(this);
  /** The package's own `Queue`. */
  readonly Queue: typeof Queue = Queue;
  /** The package's own `JoinableQueue`. */
  readonly JoinableQueue: typeof JoinableQueue = JoinableQueue;
  /** The package's own `SimpleQueue`. */
  readonly SimpleQueue: typeof SimpleQueue = SimpleQueue;
  /** The package's own `Pipe`. */
  readonly Pipe: typeof Pipe = Pipe;
  /** The package's own `Lock`. */
  readonly Lock: typeof Lock = Lock;
  /** The package's own `RLock`. */
  readonly RLock: typeof RLock = RLock;
  /** The package's own `Semaphore`. */
  readonly Semaphore: typeof Semaphore = Semaphore;
  /** The package's own `BoundedSemaphore`. */
  readonly BoundedSemaphore: typeof BoundedSemaphore = BoundedSemaphore;
  /** The package's own `Condition`. */
  readonly Condition: typeof Condition = Condition;
  /** The package's own `Event`. */
  readonly Event: typeof Event = Event;
  /** The package's own `Barrier`. */
  readonly Barrier: typeof Barrier = Barrier;
  /** The package's own `Value`. */
  readonly Value: typeof Value = Value;
  /** The package's own `Array`. */
  readonly Array: typeof Array = Array;
  /** The package's own `RawValue`. */
  readonly RawValue: typeof RawValue = RawValue;
  /** The package's own `RawArray`. */
  readonly RawArray: typeof RawArray = RawArray;
  /** The package's own `Structure`. */
  readonly Structure: typeof Structure = Structure;
  /** The package's own `copy`. */
  readonly copy: typeof copy = copy;
  /** The package's own `synchronized`. */
  readonly synchronized: typeof synchronized = synchronized;
  /** The package's own `ProcessError`. */
  readonly ProcessError: typeof errors.ProcessError = errors.ProcessError;
  /** The package's own `BufferTooShort`. */
  readonly BufferTooShort: typeof errors.BufferTooShort = errors.BufferTooShort;
  /** The package's own `TimeoutError`. */
  readonly TimeoutError: typeof errors.TimeoutError = errors.TimeoutError;
  /** The package's own `AuthenticationError`. */
  readonly AuthenticationError: typeof errors.AuthenticationError = errors.AuthenticationError;
  /** The package's own `activeChildren`. */
  readonly activeChildren: typeof activeChildren = activeChildren;
  /** The package's own `cpuCount`. */
  readonly cpuCount: typeof cpuCount = cpuCount;
  /** The package's own `currentProcess`. */
  readonly currentProcess: typeof currentProcess = currentProcess;
  /** The package's own `parentProcess`. */
  readonly parentProcess: typeof parentProcess = parentProcess;
  /** The package's own `getLogger`. */
  readonly getLogger: typeof getLogger = getLogger;
  /** The package's own `logToStderr`. */
  readonly logToStderr: typeof logToStderr = logToStderr;

  /** The method of this context's processes. */
  abstract getStartMethod(options?: GetStartMethodOptions): StartMethod | null;

  /**
   * Chooses the method, where that is possible.
   *
   * @throws {InvalidStateError} In a context that was made for one method.
   */
  setStartMethod(method: string | null, _options?: SetStartMethodOptions): void {
    throw new errors.InvalidStateError(
      `Cannot set the start method to ${Deno.inspect(method)}: cannot set start method of concrete context`,
    );
  }

  /**
   * The context of a method; without one, this context.
   *
   * @throws {RangeError} If there is no such method.
   */
  getContext(method?: string | null): BaseContext {
    return method === undefined || method === null ? this : CONTEXTS[startMethodNamed(method)];
  }

  /** The methods that there are, the default first. */
  getAllStartMethods(): StartMethod[] {
    return [...START_METHODS];
  }

  /**
   * Sets the program that processes are, for all contexts.
   *
   * @throws {TypeError} If it is neither a path nor a `file:` URL.
   */
  setExecutable(path: string | URL): void {
    chooseExecutable(path);
  }

  /** The package's own `freezeSupport`. */
  async freezeSupport(): Promise<void> {
    await workIfChild({
      args: Deno.args,
      async work(args) {
        Object.defineProperty(Deno, "args", { value: args, configurable: true, enumerable: true });
        const { start } = await import("../child/main.ts");
        await start({});
        Deno.exit();
      },
    });
  }

  /**
   * Sets what processes of `"forkserver"` import while they wait to be used, for all contexts.
   *
   * @throws {TypeError} If it is not an array of strings, or one of them names no module.
   */
  setForkserverPreload(specifiers: readonly string[]): void {
    if (!globalThis.Array.isArray(specifiers) || specifiers.some((it) => typeof it !== "string")) {
      throw new TypeError(
        `Cannot preload ${Deno.inspect(specifiers)}: wanted an array of strings, each a module or "${MAIN}"`,
      );
    }
    const caller: string | undefined = callingModules()[0] ?? Deno.mainModule;
    preloadModules(specifiers.map((it) => it === MAIN ? it : moduleUrl(it, caller)));
  }
}

/** The context of `"spawn"`: every process is a fresh Deno. */
export class SpawnContext extends BaseContext {
  /** {@linkcode SpawnProcess}. */
  override readonly Process: typeof Process = SpawnProcess as typeof Process;

  /** `"spawn"`. */
  override getStartMethod(): StartMethod {
    return "spawn";
  }
}

/** The context of `"forkserver"`: every process is a Deno that was started ahead, if there is one. */
export class ForkServerContext extends BaseContext {
  /** {@linkcode ForkServerProcess}. */
  override readonly Process: typeof Process = ForkServerProcess as typeof Process;

  /** `"forkserver"`. */
  override getStartMethod(): StartMethod {
    return "forkserver";
  }
}

/** The context of the package's own functions and classes. Its method is chosen once, or by the first use. */
export class DefaultContext extends BaseContext {
  /** The package's own `Process`. */
  override readonly Process: typeof Process = Process;

  /** The context of a method; without one, that of the default method, which is chosen by that. */
  override getContext(method?: string | null): BaseContext {
    return super.getContext(method ?? methodInUse());
  }

  /** The method; unless `allowNone` is set, it is chosen by the question. */
  override getStartMethod(options: GetStartMethodOptions = {}): StartMethod | null {
    return options.allowNone ? chosenMethod() : methodInUse();
  }

  /**
   * Chooses the method; with `null` and `force`, the choice is open again.
   *
   * @throws {RangeError} If there is no such method.
   * @throws {InvalidStateError} If one was chosen or used before, and `force` is not set.
   */
  override setStartMethod(method: string | null, options: SetStartMethodOptions = {}): void {
    setMethod(method, options.force === true);
  }
}

function poolIn(context: BaseContext): typeof Pool {
  return class<I extends readonly unknown[]> extends Pool<I> {
    static {
      Object.defineProperty(this, "name", { value: "Pool" });
    }

    constructor(processes?: number | null, options: PoolOptions<I> = {}) {
      super(processes, { context, ...options });
    }
  };
}

const CONTEXTS: Readonly<Record<StartMethod, BaseContext>> = {
  spawn: new SpawnContext(),
  forkserver: new ForkServerContext(),
};
