// What every context has, whoever implements it. The package's own are in local.ts.

import type { PipeOptions } from "../connection/pipe.ts";
import { AuthenticationError, BufferTooShort, InvalidStateError, ProcessError, TimeoutError } from "../errors.ts";
import { cpuCount } from "../process/cpu_count.ts";
import { currentProcess } from "../process/current_process.ts";
import { parentProcess } from "../process/parent.ts";
import { register } from "../reduction/registry.ts";
import { getLogger, logToStderr } from "../runtime/logging.ts";
import { showAsText } from "../runtime/shown.ts";
import type {
  BarrierConstructor,
  ConditionConstructor,
  ConnectionLike,
  Context,
  EventConstructor,
  GetStartMethodOptions,
  JoinableQueueConstructor,
  LockConstructor,
  PoolConstructor,
  ProcessConstructor,
  ProcessLike,
  QueueConstructor,
  SemaphoreConstructor,
  SetStartMethodOptions,
  SimpleQueueConstructor,
} from "./contracts.ts";

/**
 * A context to be implemented: its classes are those of the contracts, such as {@linkcode QueueConstructor}, so that they
 * need not be the package's own. What does not depend on how processes and queues are made is there already.
 */
export abstract class BaseContext implements Context {
  static {
    showAsText(BaseContext);
    register(BaseContext, {
      refuse: "a context belongs to one process; send the name of its start method, and call getContext() with it",
    });
  }

  /** The class of its processes. */
  abstract readonly Process: ProcessConstructor;
  /** The class of its pools. */
  abstract readonly Pool: PoolConstructor;
  /** The class of its queues. */
  abstract readonly Queue: QueueConstructor;
  /** The class of its queues that count their tasks. */
  abstract readonly JoinableQueue: JoinableQueueConstructor;
  /** The class of its simple queues. */
  abstract readonly SimpleQueue: SimpleQueueConstructor;
  /** The class of its locks. */
  abstract readonly Lock: LockConstructor;
  /** The class of its recursive locks. */
  abstract readonly RLock: LockConstructor;
  /** The class of its semaphores. */
  abstract readonly Semaphore: SemaphoreConstructor;
  /** The class of its semaphores that are not released more often than acquired. */
  abstract readonly BoundedSemaphore: SemaphoreConstructor;
  /** The class of its conditions. */
  abstract readonly Condition: ConditionConstructor;
  /** The class of its events. */
  abstract readonly Event: EventConstructor;
  /** The class of its barriers. */
  abstract readonly Barrier: BarrierConstructor;
  /** Values with a lock. */
  abstract readonly Value: Context["Value"];
  /** Values without a lock. */
  abstract readonly RawValue: Context["RawValue"];
  /** Arrays with a lock. */
  abstract readonly Array: Context["Array"];
  /** The package's own `ProcessError`. */
  readonly ProcessError: typeof ProcessError = ProcessError;
  /** The package's own `BufferTooShort`. */
  readonly BufferTooShort: typeof BufferTooShort = BufferTooShort;
  /** The package's own `TimeoutError`. */
  readonly TimeoutError: typeof TimeoutError = TimeoutError;
  /** The package's own `AuthenticationError`. */
  readonly AuthenticationError: typeof AuthenticationError = AuthenticationError;
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

  /** Two connections, each of which receives what the other sends. */
  abstract Pipe<Sent = unknown, Received = Sent>(
    options?: PipeOptions,
  ): [ConnectionLike<Sent, Received>, ConnectionLike<Received, Sent>];

  /** Its processes that were started here and are running. */
  abstract activeChildren(): ProcessLike[];

  /** The method of this context's processes. */
  abstract getStartMethod(options?: GetStartMethodOptions): string | null;

  /** The methods that there are, the default first. */
  abstract getAllStartMethods(): string[];

  /**
   * The context of a method; without one, this context.
   *
   * @throws {RangeError} If there is no such method.
   */
  abstract getContext(method?: string | null): BaseContext;

  /**
   * Chooses the method, where that is possible.
   *
   * @throws {InvalidStateError} In a context that was made for one method.
   */
  setStartMethod(method: string | null, _options?: SetStartMethodOptions): void {
    throw new InvalidStateError(
      `Cannot set the start method to ${Deno.inspect(method)}: cannot set start method of concrete context`,
    );
  }

  /** For messages: `<SpawnContext(spawn)>`, with the start method if it is chosen. */
  toString(): string {
    return `<${this.constructor.name}(${this.getStartMethod({ allowNone: true }) ?? "no start method yet"})>`;
  }
}
