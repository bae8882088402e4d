// The objects that the processes of a soak share.

import type {
  BarrierLike,
  ConditionLike,
  ConnectionLike,
  EventLike,
  JoinableQueueLike,
  LockLike,
  QueueLike,
  RemoteContext,
  ScalarLike,
  SemaphoreLike,
  SimpleQueueLike,
  SynchronizedArrayLike,
  SynchronizedLike,
} from "@parallel/multiprocessing/context";
import type { DictProxy, ListProxy, NamespaceProxy, SetProxy } from "@parallel/multiprocessing/managers";
import { PARTIES, PERMITS, type Permitted, type Queued } from "./parts.ts";
import { noteAction } from "./worker.ts";

/** How long those wait for each other that meet at the barrier, in milliseconds. */
const MEETING = 400;
/** Values that a bounded queue holds. */
const ROOM = 8;
/** How often a value may be given to those that die: as often as there is. */
const DELIVERIES = 255;

/** A message. */
export interface Parcel {
  readonly id: string;
  readonly length: number;
  readonly filler: string;
}

/** All that the processes share. */
export interface Rig {
  readonly lock: LockLike;
  readonly rlock: LockLike;
  readonly condition: ConditionLike;
  /** What the three of them guard. */
  readonly counts: Readonly<Record<"Lock" | "RLock" | "Condition", ScalarLike<number>>>;
  readonly value: SynchronizedLike<number>;
  /** Two counts and their sum. */
  readonly array: SynchronizedArrayLike<number>;
  readonly permits: Readonly<Record<Permitted, SemaphoreLike>>;
  readonly event: EventLike;
  readonly barrier: BarrierLike;
  readonly queues: Readonly<Record<Exclude<Queued, "SimpleQueue">, QueueLike<Parcel> | JoinableQueueLike<Parcel>>>;
  readonly simple: SimpleQueueLike<Parcel>;
  /** The end that receives, and the one that sends. */
  readonly pipe: readonly [ConnectionLike<Parcel>, ConnectionLike<Parcel>];
  readonly dict: DictProxy<string, number>;
  readonly namespace: NamespaceProxy<Record<string, number>>;
  readonly list: ListProxy<string>;
  readonly set: SetProxy<string>;
}

/** One of each. */
export async function createRig(context: RemoteContext): Promise<Rig> {
  const manager = await context.Manager();
  const count = () => context.Value("i32", 0, { lock: false });
  const redelivers = { onConsumerDeath: "redeliver", maxDeliveries: DELIVERIES } as const;
  return {
    lock: new context.Lock({ onOwnerDeath: "recover" }),
    rlock: new context.RLock(),
    condition: new context.Condition(new context.Lock()),
    counts: { Lock: count(), RLock: count(), Condition: count() },
    value: context.Value("i32"),
    array: context.Array("i32", 3),
    permits: {
      Semaphore: new context.Semaphore(PERMITS),
      BoundedSemaphore: new context.BoundedSemaphore(PERMITS),
    },
    event: new context.Event(),
    barrier: new context.Barrier(PARTIES, { action: noteAction, timeout: MEETING }),
    queues: {
      "Queue": new context.Queue(ROOM),
      "Queue-redeliver": new context.Queue(ROOM, redelivers),
      "JoinableQueue": new context.JoinableQueue(ROOM),
      "JoinableQueue-redeliver": new context.JoinableQueue(ROOM, redelivers),
    },
    simple: new context.SimpleQueue(),
    pipe: context.Pipe<Parcel>({ duplex: false }),
    dict: await manager.dict({ all: 0 }),
    namespace: await manager.Namespace<Record<string, number>>({ all: 0 }),
    list: await manager.list(),
    set: await manager.set(),
  };
}

/** Lets go of them. */
export function disposeRig(rig: Rig): void {
  const { counts, permits, queues, pipe, ...single } = rig;
  const several = [counts, permits, queues, pipe].flatMap((all): Disposable[] => Object.values(all));
  for (const it of [...Object.values(single), ...several]) it[Symbol.dispose]();
}
