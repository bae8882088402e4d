/**
 * Objects that live in a process of their own and are used from others by proxies, after Python's
 * `multiprocessing.managers`.
 *
 * @module
 */

import "./runtime/requirement.ts";

export { KeywordArguments, kwargs } from "./managers/keyword_arguments.ts";
export { BaseManager } from "./managers/manager.ts";
export type { ManagerOptions } from "./managers/manager_options.ts";
export type * from "./managers/proxied.ts";
export { BaseProxy, type ProxyCallOptions, SyncProxy } from "./managers/proxy.ts";
export type { AnyCallable, Maker, RegisterOptions } from "./managers/registrations.ts";
export type { ManagerStats } from "./managers/server_object.ts";
export { type ContainerOptions, Manager, SyncManager } from "./managers/sync_manager.ts";
export { Namespace } from "./managers/namespace.ts";
export { type DictOperand, DictProxy } from "./managers/types/dict_proxy.ts";
export { SyncDict, type SyncDictOperand } from "./managers/types/dict_sync.ts";
export type { Key } from "./managers/types/keys.ts";
export { type ListOperand, ListProxy } from "./managers/types/list_proxy.ts";
export { SyncList, type SyncListOperand } from "./managers/types/list_sync.ts";
export type { Modifier, SyncModifier } from "./managers/types/modify.ts";
export { NamespaceProxy, SyncNamespace } from "./managers/types/namespace_proxy.ts";
export type { Compare, SortOptions } from "./managers/types/order.ts";
export { type SetOperand, SetProxy } from "./managers/types/set_proxy.ts";
export { SyncSet, type SyncSetOperand } from "./managers/types/set_sync.ts";
export {
  AcquirableProxy,
  type RemoteAcquisition,
  type SharedAcquirable,
  SyncAcquirable,
} from "./managers/types/acquirable.ts";
export { type AnySynchronizedArray, ArrayProxy, type ArrayProxyOf, SyncArray } from "./managers/types/array.ts";
export { AsyncResultProxy, SyncAsyncResult } from "./managers/types/async_result.ts";
export { BarrierProxy, SyncBarrier } from "./managers/types/barrier.ts";
export { ConditionProxy, SyncCondition } from "./managers/types/condition.ts";
export { DirectProxy } from "./managers/types/direct.ts";
export { EventProxy, SyncEvent } from "./managers/types/event.ts";
export { AnyLockProxy, LockProxy, RLockProxy, SyncLock } from "./managers/types/locks.ts";
export { PoolProxy, SyncPool } from "./managers/types/pool_proxy.ts";
export { JoinableQueueProxy, QueueProxy, type QueueShutdownOptions, SyncQueue } from "./managers/types/queue.ts";
export { BoundedSemaphoreProxy, SemaphoreProxy, SyncSemaphore } from "./managers/types/semaphores.ts";
export { type ManagedValueOptions, SyncValue, ValueProxy } from "./managers/types/value.ts";
export { PythonError, type PythonErrorOptions, RemoteError } from "./errors.ts";
export { Server } from "./managers/own_server.ts";
