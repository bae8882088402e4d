// SyncManager: a manager with all types of Python's, and the function that starts one.

import { BaseManager, type ManagerOptions, registerBuiltIn } from "./manager.ts";

/** A manager with the types that Python's has. */
export class SyncManager extends BaseManager {
  static {
    registerBuiltIn(SyncManager, ["dict", "Iterator"]);
  }

  /** A manager without a server yet. */
  constructor(options?: ManagerOptions) {
    super(options);
  }
}

/** Starts a manager with all types of Python's. */
export async function Manager(options?: ManagerOptions): Promise<SyncManager> {
  const manager = new SyncManager(options);
  await manager.start();
  return manager;
}
