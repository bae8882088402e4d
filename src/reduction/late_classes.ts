// Classes of the package that few programs use, and that each start of a process would pay for. They are registered when
// their module is loaded: by who uses it, by the child of a process that has loaded it, or else by the first message that
// names one of them.

import { requireModule } from "../callable/modules.ts";
import { MANAGERS } from "../runtime/own_modules.ts";
import { registeredName, type Registration } from "./registry.ts";

/** How the names of the classes of managers begin. */
const OF_MANAGERS = "multiprocessing.managers.";
/** One of them. */
const PROXY = `${OF_MANAGERS}Proxy`;

/** Whether this process has the classes of managers. */
export function hasManagers(): boolean {
  return registeredName(PROXY) !== undefined;
}

/** The registration under a name that a message of this tree has, which may be one of a module to be loaded for it. */
export function registeredLate(name: string): Registration | undefined {
  const known = registeredName(name);
  if (known !== undefined || !name.startsWith(OF_MANAGERS) || hasManagers()) return known;
  return requireModule(MANAGERS) === null ? undefined : registeredName(name);
}
