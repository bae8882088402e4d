// The addon: found, loaded and checked. Nothing else in the package knows that it exists as a file.
//
// It is loaded at the first use, not at import: importing the package needs no permission.

import { ProcessError } from "../errors.ts";
import { requireSameCopy, URL_OF_COPY } from "../runtime/copies.ts";
import { isWorker } from "../runtime/current.ts";
import { leaveOutOwnFrames } from "../runtime/stack.ts";
import { numberWorkers, watchWorkers } from "./terminated.ts";
import type { Joined, Native } from "./binding.ts";
import { INTERFACE, VERSION } from "./interface.ts";
import { addonPaths, advice, notLoaded, requirePlatform } from "./platform.ts";
import { openLibrary, reasonIn } from "./open_library.ts";
import { recallSelf } from "./self.ts";
import { translated } from "./translate.ts";
import { learnNumbers, loadForNumbers } from "./numbers.ts";

let loaded: Native | undefined;
/** The same, before this process is in a tree. */
let alone: Native | undefined;
let loadedFrom = "";

watchWorkers(() => loaded);
loadForNumbers(native);

/** The addon, as a member of a process tree: of a new one, unless this process was started as a child. */
export function native(): Native {
  return loaded ??= join(alone ?? load());
}

/** The addon, for what needs no tree: this process does not join or begin one for it. */
export function nativeAlone(): Native {
  return loaded ?? (alone ??= load());
}

/** The addon in a child, whose tree is its parent's. Call it before anything else can call {@linkcode native}. */
export function nativeOfChild(): { native: Native; joined: Joined } {
  const addon = load();
  const joined = addon.joinParent(); // from here on the addon knows for certain whether it is in a cage
  if (!addon.isCaged()) numberWorkers(addon);
  requireOneCopy(addon);
  loaded = addon;
  return { native: addon, joined };
}

function join(addon: Native): Native {
  requireOneCopy(addon);
  translated(() => addon.joinTree("MainProcess"));
  if (isWorker()) recallSelf(addon);
  numberWorkers(addon);
  return addon;
}

/** The threads of a process have their own JavaScript. A Worker that loads another copy may have another native part. */
function requireOneCopy(addon: Native): void {
  requireSameCopy(addon.firstCopy(URL_OF_COPY));
}

/** Whether a process of this tree was ever started with limited permissions. */
export function treeHasCage(): boolean {
  return loaded?.treeHasCage() ?? false;
}

let hearsEngine = false;

/** Notes that this thread hears messages of an engine from now on. Whoever can write to the engine can make some. */
export function noteEngine(): void {
  hearsEngine = true;
}

/**
 * Why no module is imported because a message names it, in the middle of a sentence; `null`: it may be. Messages may be
 * hostile where a process of the tree has fewer permissions than others, and where they come over an engine.
 */
export function whyMessagesMayBeHostile(): string | null {
  if (hearsEngine) return "messages come over an engine";
  return treeHasCage() ? "a process here has fewer permissions than others" : null;
}

/** Whether there is such a reason. */
export function messagesMayBeHostile(): boolean {
  return hearsEngine || treeHasCage();
}

/** The file that the addon was loaded from, and the variable that named it, if one did. */
export function addonFile(): { path: string; variable?: string } {
  native();
  return explicitPath() === undefined ? { path: loadedFrom } : { path: loadedFrom, variable: ADDON_VARIABLE };
}

/** The file that the addon was loaded from; empty before that. */
export function nativePath(): string {
  return loadedFrom;
}

function load(): Native {
  try {
    requirePlatform();
    return loadAny();
  } catch (error) {
    leaveOutOwnFrames(error as Error);
    throw error;
  }
}

/** Loads the first of the files that can be. */
function loadAny(): Native {
  const tried: [path: string, reason: string][] = [];
  const denied: string[] = [];
  for (const path of candidates()) {
    let addon: Partial<Native>;
    try {
      addon = openLibrary<Native>(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) denied.push(path);
      else tried.push([path, reasonIn(path, (error as Error).message)]);
      continue;
    }
    requireFit(path, addon);
    loadedFrom = path;
    learnNumbers(addon.numbers!());
    return addon as Native;
  }
  throw denied.length > 0 ? notAllowed(denied) : notLoaded(tried);
}

/** Refuses an addon that was built from other sources: of another version, or another time. */
function requireFit(path: string, addon: Partial<Native>): void {
  const [what, given, wanted] = addon.interface?.() === INTERFACE
    ? ["version", addon.version?.(), VERSION]
    : ["interface", addon.interface?.(), INTERFACE];
  if (given === wanted) return;
  throw new ProcessError(
    `Cannot use the native addon "${path}": it has ${what} ${given}, wanted ${wanted}; ${advice()}`,
  );
}

/** Says which flag is missing. */
function notAllowed(denied: readonly string[]): Error {
  if (isWorker()) {
    return new Deno.errors.NotCapable(
      `Cannot load the native addon in this Worker: permission to load "${denied.join()}" is missing. A Worker of a ` +
        "process with permissions of its own cannot use multiprocessing; elsewhere, grant the Worker ffi, or run Deno " +
        `with ${flagFor(denied)}`,
    );
  }
  return new Deno.errors.NotCapable(
    `Cannot load the native addon: permission to load it is missing; run Deno with ${flagFor(denied)}`,
  );
}

/** The flag that lets these files be loaded. */
export function flagFor(paths: readonly string[]): string {
  const granted = paths.map((path) =>
    path.includes(",") ? path.slice(0, path.lastIndexOf("/", path.indexOf(","))) : path
  );
  const flag = granted.includes("") ? "--allow-ffi" : `--allow-ffi="${[...new Set(granted)].join()}"`;
  return granted.every((path, i) => path === paths[i])
    ? flag
    : `${flag}, since a path with a comma cannot be granted by itself; or put the package where its path has none`;
}

/**
 * Where the addon may be: what the user names; or what the package brings. Of these only what may be loaded, if there is
 * any, so that nobody is asked for a permission in vain. Each is asked about when the one before it was of no use.
 */
function* candidates(): Generator<string> {
  const named = explicitPath();
  if (named !== undefined) return yield named;
  const paths = addonPaths();
  let isGranted = false;
  for (const path of paths) {
    if (Deno.permissions.querySync({ name: "ffi", path }).state !== "granted") continue;
    isGranted = true;
    yield path;
  }
  if (!isGranted) yield* paths;
}

const ADDON_VARIABLE = "MULTIPROCESSING_ADDON";

/** What that variable says, if this process may read it. */
function explicitPath(): string | undefined {
  if (Deno.permissions.querySync({ name: "env", variable: ADDON_VARIABLE }).state !== "granted") return undefined;
  return Deno.env.get(ADDON_VARIABLE);
}
