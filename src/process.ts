/**
 * Processes, after Python's `multiprocessing.process`.
 *
 * @module
 */

import "./runtime/requirement.ts";

export type { AuthenticationString } from "./launch/authkey.ts";
export type {
  AnyFunction,
  ArgumentLists,
  ArgumentsOf,
  BeforeLast,
  CallArguments,
  KnownList,
  KwargsOf,
  LastOf,
  Presence,
  Results,
  Target,
} from "./callable/arguments.ts";
export type { ModuleExport } from "./callable/reference.ts";
export type { ChildPermissions, Grant } from "./launch/permissions.ts";
export { activeChildren } from "./process/children.ts";
export { cpuCount } from "./process/cpu_count.ts";
export { currentProcess } from "./process/current_process.ts";
export type {
  NamedProcessOptions,
  ProcessArguments,
  ProcessOptions,
  ProcessSettings,
  ProcessSurroundings,
  ProcessWork,
} from "./process/options.ts";
export { type ParentProcess, parentProcess } from "./process/parent.ts";
export { Process } from "./process/process.ts";
export { python, type PythonOptions } from "./process/python.ts";
export type { Sentinel } from "./process/sentinel.ts";
