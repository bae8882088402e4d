/**
 * Contexts, after Python's `multiprocessing.context`: the whole package with a start method of its own.
 *
 * | method | a process is | costs |
 * | --- | --- | --- |
 * | `"spawn"` (default) | a fresh Deno | the start of Deno, and of the modules |
 * | `"forkserver"` | a Deno that was started ahead and has imported the modules | the memory of those that wait |
 *
 * Python's third method, `"fork"`, is not offered: V8 does not survive `fork(2)`.
 *
 * @module
 */

import "./runtime/requirement.ts";

export { BaseContext } from "./context/base.ts";
export type * from "./context/contracts.ts";
export {
  DefaultContext,
  ForkServerContext,
  ForkServerProcess,
  LocalContext,
  PythonContext,
  PythonProcess,
  SpawnContext,
  SpawnProcess,
} from "./context/local.ts";
export type { RemoteContext } from "./context/remote.ts";
export type * from "./engine/contracts.ts";
export type { EngineUrl } from "./engine/engine_url.ts";
export type { RemoteContextOptions } from "./engine/options.ts";
export type { Durability } from "./engine/durability.ts";
export type { StartMethod } from "./launch/settings.ts";
export {
  freezeSupport,
  getAllStartMethods,
  getContext,
  getStartMethod,
  Manager,
  setExecutable,
  setForkserverPreload,
  setStartMethod,
} from "./context/default.ts";
