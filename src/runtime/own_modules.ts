// Which modules are the package's own, and where they are: in the folders of the sources, or side by side in `dist/`.

/** How the URL of an entry module of a child begins (launch/entry.ts). */
export const ENTRY_PREFIX = "data:text/javascript;x=multiprocessing";

/** How the names of the files begin that {@linkcode isOwnModule} tells by them: there are no such files. */
export const LINKING_NAME = "$multiprocessing_";

// Making a `URL` would take 0.3 ms of every process's start, and the first regular expression 0.1: so these are texts.

/** What this module is called in the sources, without its extension, which the others have, too. */
const OWN_NAME = "runtime/own_modules.";

/** Where that begins, and the extension; `null` in `dist/`. */
const SOURCE = sourceIn(import.meta.url);

/** The folder of the package's modules. */
const OWN_FOLDER = SOURCE === null ? folderOf(import.meta.url) : import.meta.url.slice(0, SOURCE.at);

/** The folder of the package: that of its sources and of `dist/`. */
export const PACKAGE_FOLDER: string = folderOf(OWN_FOLDER);

/** The module that every child's entry calls (child/main.ts). */
export const CHILD_MAIN: string = OWN_FOLDER + (SOURCE === null ? "child_main.js" : `child/main${SOURCE.extension}`);

/** The module that a pool's workers run (pool/worker_main.ts). */
export const WORKER_MAIN: string = OWN_FOLDER +
  (SOURCE === null ? "worker_main.js" : `pool/worker_main${SOURCE.extension}`);

/** The module that the workers of a pool on an engine run (engine/pool/worker_main.ts). */
export const ENGINE_WORKER_MAIN: string = OWN_FOLDER +
  (SOURCE === null ? "engine_worker_main.js" : `engine/pool/worker_main${SOURCE.extension}`);

/** The module that a manager's server runs (managers/server_main.ts). */
export const SERVER_MAIN: string = OWN_FOLDER +
  (SOURCE === null ? "server_main.js" : `managers/server_main${SOURCE.extension}`);

/** Managers, which are loaded when the first is used (managers.ts). */
export const MANAGERS: string = OWN_FOLDER + (SOURCE === null ? "managers_inside.js" : `managers${SOURCE.extension}`);

/** Shared memory with names, which programs import by themselves, or a message that has some loads (shared_memory.ts). */
export const SHARED_MEMORY: string = OWN_FOLDER +
  (SOURCE === null ? "shared_memory.js" : `shared_memory${SOURCE.extension}`);

/** Managers on an engine, which are loaded when the first is used (engine/manager.ts). */
export const ENGINE_MANAGERS: string = OWN_FOLDER +
  (SOURCE === null ? "engine_managers.js" : `engine/manager${SOURCE.extension}`);

/** What managers need to speak with Python's, loaded when the first does (python_managers/load.ts). */
export const PYTHON_MANAGERS: string = OWN_FOLDER +
  (SOURCE === null ? "python_managers.js" : `python_managers/load${SOURCE.extension}`);

/** Contexts on engines, which are loaded when the first is wanted (context/remote.ts). */
export const ENGINE_CONTEXT: string = OWN_FOLDER +
  (SOURCE === null ? "engine.js" : `context/remote${SOURCE.extension}`);

const OWN_ENTRY = `${PACKAGE_FOLDER}mod.ts`;

/**
 * True for the modules of this package, which never export a user's function: its sources, the entry modules of its
 * children, and what it has V8 link to others. To import an entry would start a child once more, or wait for oneself.
 */
export function isOwnModule(url: string): boolean {
  return url.startsWith(OWN_FOLDER) || url === OWN_ENTRY || url.startsWith(ENTRY_PREFIX) ||
    url.includes(`/${LINKING_NAME}`);
}

/** Where the same modules are for the children of a process that has loaded the sources: `dist/` beside them. */
const CHILDRENS_FOLDER = SOURCE === null ? OWN_FOLDER : `${PACKAGE_FOLDER}dist/`;

/**
 * How the places of this package's modules begin in stacks: as their URLs do, or as Deno writes these where the file has a
 * source map, with spaces and other letters as they are.
 */
const PLACES = [OWN_FOLDER, OWN_ENTRY, CHILDRENS_FOLDER].flatMap((url) => [url, decoded(url)]);

/** Whether a frame of a stack, in this process or a child, is of this package. */
export function isOwnFrame(place: string): boolean {
  return isOwnModule(place) || PLACES.some((own) => place.startsWith(own));
}

function decoded(url: string): string {
  try {
    return decodeURIComponent(url);
  } catch {
    return url; // bytes that are no UTF-8
  }
}

/** Whether a main module is in no file: that of `deno test`, `deno eval` and of a program on standard input. */
export function isInNoFile(url: string): boolean {
  return /\/\$deno\$[^/]*$/.test(url);
}

function sourceIn(url: string): { readonly at: number; readonly extension: string } | null {
  const at = url.lastIndexOf(OWN_NAME);
  if (at < 0 || url.includes("/", at + OWN_NAME.length)) return null;
  return { at, extension: url.slice(at + OWN_NAME.length - 1) };
}

/** The folder of the module or folder of that URL. */
function folderOf(url: string): string {
  return url.slice(0, url.lastIndexOf("/", url.length - 2) + 1);
}
