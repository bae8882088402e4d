// Contexts on engines: the package's classes for processes on several machines. What each of them does is in src/engine.

import type { PipeOptions } from "../connection/pipe.ts";
import { engineAddressOf } from "../engine/address.ts";
import { remoteArray } from "../engine/array.ts";
import { RemoteBarrier } from "../engine/barrier.ts";
import { boundClass } from "../engine/bound.ts";
import { RemoteCondition } from "../engine/condition.ts";
import type {
  RemoteJoinableQueueConstructor,
  RemoteProcessConstructor,
  RemoteQueueConstructor,
} from "../engine/contracts.ts";
import { beginTree, type RemoteTree, treeAt } from "../engine/current.ts";
import { RemoteEvent } from "../engine/event.ts";
import type { RemoteSharedOptions } from "../engine/guarded.ts";
import { RemoteLock } from "../engine/lock.ts";
import { remotePipe } from "../engine/pipe.ts";
import { RemotePool } from "../engine/pool.ts";
import { type RemoteContextOptions, type RemoteContextPlan, remotePlanOf } from "../engine/options.ts";
import { remoteActiveChildren, remoteProcessClass, workerProcessClass } from "../engine/process.ts";
import { RemoteQueue } from "../engine/queue.ts";
import { RemoteJoinableQueue } from "../engine/joinable_queue.ts";
import { RemoteSimpleQueue } from "../engine/simple_queue.ts";
import { refused } from "../engine/refusals.ts";
import { RemoteRLock } from "../engine/rlock.ts";
import { RemoteBoundedSemaphore, RemoteSemaphore } from "../engine/semaphore.ts";
import type { Session } from "../engine/session.ts";
import { remoteValue } from "../engine/value.ts";
import { InvalidStateError } from "../errors.ts";
import type { SyncManager } from "../managers/sync_manager.ts";
import type { PoolOptions } from "../pool/options.ts";
import type { cpuCount } from "../process/cpu_count.ts";
import { requireFlag, requireKnown } from "../waiting/options.ts";
import { BaseContext } from "./base.ts";
import type {
  BarrierConstructor,
  ConditionConstructor,
  ConnectionLike,
  Context,
  EventConstructor,
  GetStartMethodOptions,
  LockConstructor,
  PoolConstructor,
  ProcessLike,
  SemaphoreConstructor,
  SimpleQueueConstructor,
} from "./contracts.ts";

/** The name of the only start method: hosts start processes anew. */
const METHOD = "spawn";

/** The context of each tree. */
const contexts = new WeakMap<Session, RemoteContext>();

/**
 * The package on an engine: its classes have the same names, parameters and errors as those for one machine, and their
 * objects are shared by processes on all hosts. Made by `getContext` with a URL.
 *
 * @example A pool on all hosts
 * ```ts ignore
 * import { type EngineUrl, getContext } from "@parallel/multiprocessing";
 *
 * const mp = getContext(Deno.env.get("MULTIPROCESSING_URL") as EngineUrl, { authkey: Deno.readFileSync("mp.key") });
 *
 * export function square(n: number): number {
 *   return n * n;
 * }
 *
 * if (import.meta.main) {
 *   await using pool = new mp.Pool();
 *   console.log(await pool.map(square, [1, 2, 3])); // [ 1, 4, 9 ]
 *   console.log(mp.getAllStartMethods()); // [ "spawn" ]
 * }
 * ```
 */
export class RemoteContext extends BaseContext implements Disposable {
  readonly #tree: RemoteTree;

  /** The class of its processes, which run on any host. */
  override readonly Process: RemoteProcessConstructor;
  /** The class of its pools, whose workers run on any host. */
  override readonly Pool: PoolConstructor = this.#pool();
  /** The class of its queues. */
  override readonly Queue: RemoteQueueConstructor = this.#class(RemoteQueue, "Queue");
  /** The class of its queues that count their tasks. */
  override readonly JoinableQueue: RemoteJoinableQueueConstructor = this.#class(RemoteJoinableQueue, "JoinableQueue");
  /** The class of its simple queues. */
  override readonly SimpleQueue: SimpleQueueConstructor = this.#class(RemoteSimpleQueue, "SimpleQueue");
  /** The class of its locks. */
  override readonly Lock: LockConstructor = this.#class(RemoteLock, "Lock");
  /** The class of its recursive locks. */
  override readonly RLock: LockConstructor = this.#class(RemoteRLock, "RLock");
  /** The class of its semaphores. */
  override readonly Semaphore: SemaphoreConstructor = this.#class(RemoteSemaphore, "Semaphore");
  /** The class of its semaphores that are not released more often than acquired. */
  override readonly BoundedSemaphore: SemaphoreConstructor = this.#class(RemoteBoundedSemaphore, "BoundedSemaphore");
  /** The class of its conditions. */
  override readonly Condition: ConditionConstructor = this.#class(RemoteCondition, "Condition");
  /** The class of its events. */
  override readonly Event: EventConstructor = this.#class(RemoteEvent, "Event");
  /** The class of its barriers. */
  override readonly Barrier: BarrierConstructor = this.#class(RemoteBarrier, "Barrier");
  /** Values with a lock, or without. */
  override readonly Value: Context["Value"] =
    ((code: unknown, init?: unknown, options?: RemoteSharedOptions) =>
      remoteValue(this.#session, code, init, options)) as Context["Value"];
  /** Refused: there is no memory that hosts share. */
  override readonly RawValue: Context["RawValue"] = refused("RawValue");
  /** Arrays with a lock. */
  override readonly Array: Context["Array"] =
    ((code: unknown, init: unknown, options?: RemoteSharedOptions) =>
      remoteArray(this.#session, code, init, options)) as Context["Array"];
  /** Refused: there is no memory that hosts share. */
  readonly RawArray: () => never = refused("RawArray");
  /** Refused: there is no memory that hosts share. */
  readonly Structure: () => never = refused("Structure");
  /** Refused: there is no memory that hosts share. */
  readonly copy: () => never = refused("copy");
  /** Refused: there is no memory that hosts share. */
  readonly synchronized: () => never = refused("synchronized");
  /** Refused: agents start processes, each with its own Deno. */
  readonly setExecutable: () => never = refused("setExecutable");
  /** Refused: agents start processes anew. */
  readonly setForkserverPreload: () => never = refused("setForkserverPreload");
  /** A manager: its objects live on the engine. */
  async Manager(options?: object): Promise<SyncManager> {
    const { remoteManager } = await import("../engine/manager.ts"); // here, since it takes 4 ms to load
    return await remoteManager(this.#session, options);
  }
  /** Two connections between processes on any hosts. */
  override readonly Pipe: <Sent = unknown, Received = Sent>(
    options?: PipeOptions,
  ) => [ConnectionLike<Sent, Received>, ConnectionLike<Received, Sent>] = (options) =>
    remotePipe(this.#session, options);

  /** @ignore Made by `getContext`. */
  constructor(tree: RemoteTree) {
    super();
    this.#tree = tree;
    this.Process = remoteProcessClass(tree);
  }

  /** How many processes the hosts that fit can run at a time: the sum of their slots. */
  override readonly cpuCount: typeof cpuCount = () => this.#session.lookSync("hosts", "hosts", this.#labels).number(1);

  /** A class of the engine as one of this context. */
  #class<C>(Class: Parameters<typeof boundClass>[0], name: string): C {
    return boundClass(Class, () => this.#session, name);
  }

  #pool(): PoolConstructor {
    const parts = () => ({
      tree: { ...this.#tree, session: this.#session },
      Process: workerProcessClass(this.#tree),
      own: this,
    });
    return class<I extends readonly unknown[]> extends RemotePool<I> {
      static {
        Object.defineProperty(this, "name", { value: "Pool" });
      }

      constructor(processes?: number | null, options?: PoolOptions<I>) {
        super(parts(), processes, options);
      }
    };
  }

  get #session(): Session {
    const { session, shown } = this.#tree;
    if (!session.closed) return session;
    throw new InvalidStateError(`Cannot use the context of ${shown}: it is closed`);
  }

  get #labels(): string {
    return this.#tree.plan.hosts.join(",");
  }

  /** Its processes that were started here and are running. */
  override activeChildren(): ProcessLike[] {
    return remoteActiveChildren(this.#tree);
  }

  /** `"spawn"`: hosts start processes anew. */
  override getStartMethod(options: GetStartMethodOptions = {}): string {
    requireKnown("tell the start method", options, ["allowNone"]);
    requireFlag("tell the start method", "allowNone", options.allowNone);
    return METHOD;
  }

  /** `"spawn"` alone. */
  override getAllStartMethods(): string[] {
    return [METHOD];
  }

  /**
   * This context, which has one start method.
   *
   * @throws {RangeError} If another is named.
   */
  override getContext(method?: string | null): RemoteContext {
    if (method === undefined || method === null || method === METHOD) return this;
    throw new RangeError(
      `Cannot get a context: there is no start method ${Deno.inspect(method)} on hosts, wanted "${METHOD}"`,
    );
  }

  /** Does nothing: hosts run the program's modules, and no compiled program. */
  freezeSupport(): Promise<void> {
    return Promise.resolve();
  }

  /** Leaves the tree. In its root, that ends it: daemons are killed, and what it has on the engine is removed when the
   * last process has left. A process on a host leaves it when it ends: to its parent, to leave is to have ended with exit code 0.
   * What is closed again stays so. */
  close(): void {
    this.#tree.session.close(0);
  }

  /** As {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** For messages: `<RemoteContext(redis://db.example:6379/0)>`, without a password. */
  override toString(): string {
    return `<RemoteContext(${this.#tree.shown})>`;
  }
}

/** The context of a tree: one for each. */
function contextOf(tree: RemoteTree): RemoteContext {
  const known = contexts.get(tree.session) ?? new RemoteContext(tree);
  contexts.set(tree.session, known);
  return known;
}

/**
 * The context of an engine. Where this process is in a tree there, it is the context of that tree.
 *
 * @throws {RangeError} If it is no URL of an engine.
 * @throws {InvalidStateError} If this process has begun a tree there with other options.
 */
export function openRemote(url: string, options?: RemoteContextOptions): RemoteContext {
  const address = engineAddressOf(url);
  const plan = remotePlanOf(options);
  const tree = treeAt(address.shown);
  if (tree === null) return contextOf(beginTree(address, plan));
  if (tree.isRoot && options !== undefined && !isSame(tree.plan, plan)) {
    throw new InvalidStateError(
      `Cannot get a context of ${address.shown} with those options: it was made with others before; close that first`,
    );
  }
  return contextOf(tree);
}

function isSame({ authkey, ...plan }: RemoteContextPlan, { authkey: other, ...others }: RemoteContextPlan): boolean {
  return JSON.stringify(plan) === JSON.stringify(others) && authkey?.toString() === other?.toString();
}
