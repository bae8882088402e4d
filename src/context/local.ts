// The package's own contexts: its classes and functions as members, with a start method of their own. The functions that
// users call are in default.ts.

import type { AnyFunction } from "../callable/arguments.ts";
import { pythonOf } from "../callable/python_reference.ts";
import { callingModules, moduleUrl } from "../callable/reference.ts";
import { workIfChild } from "../runtime/freeze.ts";
import { Pipe } from "../connection/pipe.ts";
import type { ManagerOptions } from "../managers/manager_options.ts";
import type { SyncManager } from "../managers/sync_manager.ts";
import { Pool } from "../pool/pool.ts";
import type { PoolOptions } from "../pool/options.ts";
import { activeChildren } from "../process/children.ts";
import type { ProcessOptions } from "../process/options.ts";
import { Process } from "../process/process.ts";
import { JoinableQueue } from "../queues/joinable_queue.ts";
import { Queue } from "../queues/queue.ts";
import { SimpleQueue } from "../queues/simple_queue.ts";
import { Array, copy, RawArray, RawValue, synchronized, Value } from "../sharedctypes/factories.ts";
import { Structure } from "../sharedctypes/structure.ts";
import {
  bindMethod,
  MAIN,
  START_METHODS,
  type StartMethod,
  startMethodNamed,
  startSettings,
} from "../launch/settings.ts";
import { Barrier } from "../synchronize/barrier.ts";
import { BoundedSemaphore, Semaphore } from "../synchronize/semaphore.ts";
import { Condition } from "../synchronize/condition.ts";
import { Event } from "../synchronize/event.ts";
import { Lock } from "../synchronize/lock.ts";
import { RLock } from "../synchronize/rlock.ts";
import { requireFlag, requireKnown, withDefaults } from "../waiting/options.ts";
import { BaseContext } from "./base.ts";
import type { GetStartMethodOptions, SetStartMethodOptions } from "./contracts.ts";

/** A process that is always started by spawn, whatever the default. As `multiprocessing.context.SpawnProcess`. */
export class SpawnProcess<
  A extends readonly unknown[] = [],
  F extends AnyFunction = (...args: A) => unknown,
  K extends void = undefined,
> extends Process<A, F, K> {
  static {
    bindMethod(SpawnProcess, "spawn");
  }
}

/**
 * A process that is always started by forkserver, whatever the default. As
 * `multiprocessing.context.ForkServerProcess`.
 */
export class ForkServerProcess<
  A extends readonly unknown[] = [],
  F extends AnyFunction = (...args: A) => unknown,
  K extends void = undefined,
> extends Process<A, F, K> {
  static {
    bindMethod(ForkServerProcess, "forkserver");
  }
}

/** A process that runs a function of Python's, as `python` names one. */
export class PythonProcess<
  A extends readonly unknown[] = [],
  F extends AnyFunction = (...args: A) => unknown,
  K extends void = undefined,
> extends Process<A, F, K> {
  static {
    bindMethod(PythonProcess, "spawn");
  }

  /**
   * A process that has yet to be started.
   *
   * @throws {TypeError} If its target is no function of Python's, and as `Process` does.
   */
  constructor(options?: ProcessOptions<A, F, K>) {
    super(options);
    const { target } = (options ?? {}) as { readonly target?: unknown };
    if (pythonOf(target) === null) {
      throw new TypeError(
        `Cannot create a process of the context "python": its target is ${
          Deno.inspect(target, { depth: 0 })
        }, wanted a ` +
          "function of Python's: python(module, name)",
      );
    }
  }
}

/**
 * The package's own: its classes and functions as members. Only processes depend on the context; queues, locks and values
 * work with every method.
 */
export abstract class LocalContext extends BaseContext {
  /** The class of this context's processes. */
  abstract override readonly Process: typeof Process;
  /** The package's own `Pool`, whose workers are this context's processes unless its options say otherwise. */
  override readonly Pool: typeof Pool = poolIn(this);
  /** The package's own `Queue`. */
  override readonly Queue: typeof Queue = Queue;
  /** The package's own `JoinableQueue`. */
  override readonly JoinableQueue: typeof JoinableQueue = JoinableQueue;
  /** The package's own `SimpleQueue`. */
  override readonly SimpleQueue: typeof SimpleQueue = SimpleQueue;
  /** The package's own `Pipe`. */
  override readonly Pipe: typeof Pipe = Pipe;
  /** The package's own `Lock`. */
  override readonly Lock: typeof Lock = Lock;
  /** The package's own `RLock`. */
  override readonly RLock: typeof RLock = RLock;
  /** The package's own `Semaphore`. */
  override readonly Semaphore: typeof Semaphore = Semaphore;
  /** The package's own `BoundedSemaphore`. */
  override readonly BoundedSemaphore: typeof BoundedSemaphore = BoundedSemaphore;
  /** The package's own `Condition`. */
  override readonly Condition: typeof Condition = Condition;
  /** The package's own `Event`. */
  override readonly Event: typeof Event = Event;
  /** The package's own `Barrier`. */
  override readonly Barrier: typeof Barrier = Barrier;
  /** The package's own `Value`. */
  override readonly Value: typeof Value = Value;
  /** The package's own `Array`. */
  override readonly Array: typeof Array = Array;
  /** The package's own `RawValue`. */
  override readonly RawValue: typeof RawValue = RawValue;
  /** The package's own `RawArray`. */
  readonly RawArray: typeof RawArray = RawArray;
  /** The package's own `Structure`. */
  readonly Structure: typeof Structure = Structure;
  /** The package's own `copy`. */
  readonly copy: typeof copy = copy;
  /** The package's own `synchronized`. */
  readonly synchronized: typeof synchronized = synchronized;
  /** The package's own `Manager`, whose server is one of this context's processes unless its options say otherwise. */
  async Manager(options?: ManagerOptions): Promise<SyncManager> {
    const { Manager } = await import("../managers.ts"); // here, since it takes 4 ms to load
    return await Manager(withDefaults<ManagerOptions>({ ctx: this }, options));
  }

  /** The package's own `activeChildren`. */
  override readonly activeChildren: typeof activeChildren = activeChildren;

  /** The method of this context's processes. */
  abstract override getStartMethod(options?: GetStartMethodOptions): StartMethod | null;

  /**
   * The context of a method, or of Python processes, `"python"`; without one, this context.
   *
   * @throws {RangeError} If there is no such method.
   */
  override getContext(method?: string | null): LocalContext {
    if (method === undefined || method === null) return this;
    return method === "python" ? PYTHON : CONTEXTS[startMethodNamed(method)];
  }

  /** The methods that there are, the default first. */
  override getAllStartMethods(): StartMethod[] {
    return [...START_METHODS];
  }

  /**
   * Sets the program that processes are, for all contexts.
   *
   * @throws {TypeError} If it is neither a path nor a `file:` URL.
   */
  setExecutable(path: string | URL): void {
    startSettings.executable = path;
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
    startSettings.preload = specifiers.map((it) => it === MAIN ? it : moduleUrl(it, caller));
  }
}

/** The context of `"spawn"`: every process is a fresh Deno. */
export class SpawnContext extends LocalContext {
  /** {@linkcode SpawnProcess}. */
  override readonly Process: typeof Process = SpawnProcess as typeof Process;

  /** `"spawn"`. */
  override getStartMethod(options: GetStartMethodOptions = {}): StartMethod {
    requireStartMethodOptions(options);
    return "spawn";
  }
}

/** The context of `"forkserver"`: every process is a Deno that was started ahead, if there is one. */
export class ForkServerContext extends LocalContext {
  /** {@linkcode ForkServerProcess}. */
  override readonly Process: typeof Process = ForkServerProcess as typeof Process;

  /** `"forkserver"`. */
  override getStartMethod(options: GetStartMethodOptions = {}): StartMethod {
    requireStartMethodOptions(options);
    return "forkserver";
  }
}

/** The context of `"python"`: every process is a Python. */
export class PythonContext extends LocalContext {
  /** {@linkcode PythonProcess}. */
  override readonly Process: typeof Process = PythonProcess as typeof Process;
  /** The package's own `Pool`, whose workers run Python. */
  override readonly Pool: typeof Pool = poolIn(this, { python: true });

  /** `"spawn"`: each Python is started anew. */
  override getStartMethod(options: GetStartMethodOptions = {}): StartMethod {
    requireStartMethodOptions(options);
    return "spawn";
  }

  /**
   * Sets the Python that runs functions which name none, in all contexts.
   *
   * @throws {TypeError} If it is neither a path nor a `file:` URL.
   */
  override setExecutable(path: string | URL): void {
    startSettings.python = path;
  }

  /** For messages. */
  override toString(): string {
    return "<PythonContext(python)>";
  }
}

/** The context of the package's own functions and classes. Its method is chosen once, or by the first use. */
export class DefaultContext extends LocalContext {
  /** The package's own `Process`. */
  override readonly Process: typeof Process = Process;

  /** The context of a method; without one, that of the default method, which is chosen by that. */
  override getContext(method?: string | null): LocalContext {
    return super.getContext(method ?? startSettings.useMethod());
  }

  /** The method; unless `allowNone` is set, it is chosen by the question. */
  override getStartMethod(options: GetStartMethodOptions = {}): StartMethod | null {
    requireStartMethodOptions(options);
    return options.allowNone ? startSettings.method : startSettings.useMethod();
  }

  /**
   * Chooses the method; with `null` and `force`, the choice is open again.
   *
   * @throws {RangeError} If there is no such method.
   * @throws {InvalidStateError} If one was chosen or used before, and `force` is not set.
   */
  override setStartMethod(method: string | null, options: SetStartMethodOptions = {}): void {
    requireKnown("set the start method", options, ["force"]);
    const { force = false } = options;
    requireFlag("set the start method", "force", force);
    startSettings.chooseMethod(method, force);
  }
}

function requireStartMethodOptions(options: GetStartMethodOptions): void {
  requireKnown("tell the start method", options, ["allowNone"]);
  requireFlag("tell the start method", "allowNone", options.allowNone);
}

function poolIn(context: LocalContext, more: { readonly python?: true } = {}): typeof Pool {
  return class<I extends readonly unknown[]> extends Pool<I> {
    static {
      Object.defineProperty(this, "name", { value: "Pool" });
    }

    constructor(processes?: number | null, options: PoolOptions<I> = {}) {
      super(processes, withDefaults<PoolOptions<I>>({ context, ...more } as Partial<PoolOptions<I>>, options));
    }
  };
}

const CONTEXTS: Readonly<Record<StartMethod, LocalContext>> = {
  spawn: new SpawnContext(),
  forkserver: new ForkServerContext(),
};

/** It is no start method: what a process is made of, not how. */
const PYTHON = new PythonContext();
