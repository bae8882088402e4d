/**
 * Objects that live in a process of their own and are used from others by proxies, after Python's
 * `multiprocessing.managers`.
 *
 * @module
 */

export { BaseManager, type ManagerOptions } from "./managers/manager.ts";
export type * from "./managers/proxied.ts";
export { BaseProxy, type ProxyCallOptions, SyncProxy } from "./managers/proxy.ts";
export type { AnyCallable, Maker, RegisterOptions } from "./managers/registrations.ts";
export type { ManagerStats } from "./managers/server_object.ts";
export { Manager, SyncManager } from "./managers/sync_manager.ts";
export { RemoteError } from "./errors.ts";
