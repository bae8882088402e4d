// Classes of the package that few programs use, and that each start of a process would pay for. They are registered when
// their module is loaded: by who uses it, by the child of a process that has loaded it, or else by the first message that
// names one of them.

import { requireModule } from "../callable/modules.ts";
import { MANAGERS, PYTHON_MANAGERS, SHARED_MEMORY } from "../runtime/own_modules.ts";
import { registeredName, type Registration } from "./registry.ts";

/** How the names of the classes of managers begin. */
const OF_MANAGERS = "multiprocessing.managers.";
/** How those of shared memory with names begin. */
const OF_SHARED_MEMORY = "multiprocessing.shared_memory.";
/** How those of values that Python has given to a manager begin. */
const OF_PICKLES = "multiprocessing.pickle.";
/** One of the managers'. */
const PROXY = `${OF_MANAGERS}Proxy`;

/** Whether this process has the classes of managers. */
export function hasManagers(): boolean {
  return registeredName(PROXY) !== undefined;
}

/** The registration under a name that a message of this tree has, which may be one of a module to be loaded for it. */
export function registeredLate(name: string): Registration | undefined {
  const known = registeredName(name);
  const module = known === undefined ? moduleOf(name) : undefined;
  if (module === undefined || requireModule(module) === null) return known;
  return registeredName(name);
}

/** Which module registers a name, unless it is loaded already. */
function moduleOf(name: string): string | undefined {
  if (name.startsWith(OF_SHARED_MEMORY)) return SHARED_MEMORY;
  if (name.startsWith(OF_PICKLES)) return PYTHON_MANAGERS;
  return name.startsWith(OF_MANAGERS) && !hasManagers() ? MANAGERS : undefined;
}
