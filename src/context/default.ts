// The functions of the package that are the methods of its default context.

import { type EngineUrl, isEngineUrl } from "../engine/engine_url.ts";
import type { RemoteContextOptions } from "../engine/options.ts";
import { refuseOptions } from "../waiting/options.ts";
import type { GetStartMethodOptions, SetStartMethodOptions } from "./contracts.ts";
import { DefaultContext, type LocalContext } from "./local.ts";
import { openRemote, type RemoteContext } from "./remote.ts";
import type { StartMethod } from "../launch/settings.ts";
import type { ManagerOptions } from "../managers/manager_options.ts";
import type { SyncManager } from "../managers/sync_manager.ts";

const DEFAULT = new DefaultContext();

/**
 * The context of a start method, or that of the default method, which is chosen by the question; or, with the URL of an
 * engine, a context whose processes run on several machines.
 *
 * A URL is `redis://[user[:password]@]host[:port][/db]`, `rediss://…` for TLS with `?ca=path` for an authority of one's
 * own, or `redis+unix:///path`; `valkey` may stand for `redis`. The first call connects and begins a tree, whose root this
 * process is; a process of that tree gets the context of the tree. docs/several-machines.md begins with what hosts need.
 *
 * @throws {RangeError} If there is no such method. There is no `"fork"`: V8 does not survive `fork(2)`. Or if the URL is
 * none of an engine, or an option is out of its range.
 * @throws {TypeError} If an option is of the wrong type, or unknown.
 * @throws {EngineUnavailableError} If the engine does not answer within 5 seconds.
 * @throws {Deno.errors.NotCapable} If Deno does not permit the connection, as with `Client`.
 *
 * @example A context has the whole package
 * ```ts
 * import { getContext } from "@parallel/multiprocessing";
 * import { assertEquals } from "@std/assert";
 *
 * const spawn = getContext("spawn");
 * using queue = new spawn.Queue<number>();
 * queue.putSync(1);
 * assertEquals(queue.getSync(), 1);
 * assertEquals(spawn.getStartMethod(), "spawn");
 * ```
 */
export function getContext(url: EngineUrl, options?: RemoteContextOptions): RemoteContext;
/** The context of an engine whose URL only the running program knows; without options, name its type: {@linkcode EngineUrl}. */
export function getContext(url: string, options: RemoteContextOptions): RemoteContext;
/** The context of a start method; or of Python processes, `"python"`. */
export function getContext(method?: string | null): LocalContext;
export function getContext(method?: string | null, options?: RemoteContextOptions): LocalContext | RemoteContext {
  if (isEngineUrl(method)) return openRemote(method, options);
  if (options !== undefined) refuseOptions("get the context of a start method", options);
  return DEFAULT.getContext(method);
}

/**
 * Starts a manager with all types of Python's: its objects live in a process of their own, and are used from others by
 * proxies. As `multiprocessing.Manager`. Types of one's own, and managers of other programs, are in
 * `@parallel/multiprocessing/managers`.
 *
 * @throws {TypeError} If an option is of the wrong type, or unknown.
 * @throws {ProcessError} If the process of the server cannot begin.
 *
 * @example A dict that processes share
 * ```ts
 * import { Manager } from "@parallel/multiprocessing";
 * import { assertEquals } from "@std/assert";
 *
 * await using manager = await Manager();
 * const stock = await manager.dict({ apples: 3 });
 * await stock.modify("apples", (count) => count + 1);
 * assertEquals(await stock.get("apples"), 4);
 * assertEquals(stock.sync.get("apples"), 4);
 * ```
 */
export function Manager(options?: ManagerOptions): Promise<SyncManager> {
  return DEFAULT.Manager(options);
}

/**
 * How processes are started by default. The question chooses it: `setStartMethod` then needs `force`.
 *
 * @returns The method; with `allowNone`, `null` if nobody has chosen or used one, and then none is chosen.
 *
 * @example The default
 * ```ts
 * import { getStartMethod } from "@parallel/multiprocessing";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(getStartMethod({ allowNone: true }), null);
 * assertEquals(getStartMethod(), "spawn");
 * ```
 */
export function getStartMethod(options: GetStartMethodOptions = {}): StartMethod | null {
  return DEFAULT.getStartMethod(options);
}

/**
 * Chooses how processes are started by default; with `null` and `force`, the choice is open again.
 *
 * @throws {RangeError} If there is no such method.
 * @throws {InvalidStateError} If a method was chosen or used before, and `force` is not set.
 *
 * @example Once
 * ```ts
 * import { getStartMethod, InvalidStateError, setStartMethod } from "@parallel/multiprocessing";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * setStartMethod("forkserver");
 * assertThrows(() => setStartMethod("spawn"), InvalidStateError, "context has already been set");
 * setStartMethod("spawn", { force: true });
 * assertEquals(getStartMethod(), "spawn");
 * ```
 */
export function setStartMethod(method: string | null, options: SetStartMethodOptions = {}): void {
  DEFAULT.setStartMethod(method, options);
}

/**
 * The start methods that there are, the default first.
 *
 * @example Two
 * ```ts
 * import { getAllStartMethods } from "@parallel/multiprocessing";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(getAllStartMethods(), ["spawn", "forkserver"]);
 * ```
 */
export function getAllStartMethods(): StartMethod[] {
  return DEFAULT.getAllStartMethods();
}

/**
 * Sets the program that the processes started from now on are: another Deno, or one that takes the same command line.
 * It needs the permission to run it.
 *
 * @throws {TypeError} If it is neither a path nor a `file:` URL.
 *
 * @example The Deno that runs this
 * ```ts
 * import { Process, setExecutable } from "@parallel/multiprocessing";
 * import { assertEquals } from "@std/assert";
 *
 * setExecutable(Deno.execPath());
 * const child = new Process();
 * child.start();
 * await child.join();
 * assertEquals(child.exitcode, 0);
 * ```
 */
export function setExecutable(path: string | URL): void {
  DEFAULT.setExecutable(path);
}

/**
 * Says which modules a process of `"forkserver"` imports while it waits to be used. Without this, it is `"__main__"`
 * alone: the main module. An import that fails is reported when the process itself imports the module.
 *
 * @param specifiers Modules, as the calling module would import them; `"__main__"` is the main module.
 * @throws {TypeError} If it is not an array of strings.
 *
 * @example A module besides the main one
 * ```ts
 * import { setForkserverPreload } from "@parallel/multiprocessing";
 *
 * setForkserverPreload(["__main__", "./model.ts"]);
 * ```
 */
export function setForkserverPreload(specifiers: readonly string[]): void {
  DEFAULT.setForkserverPreload(specifiers);
}

/**
 * To be awaited first in the main module of a program that `deno compile` makes: its processes are the program itself,
 * started with an argument that says so. In such a process this does what the process is for and never returns;
 * everywhere else it does nothing.
 *
 * The functions that processes of such a program run must be exported by other modules than the main one, which is
 * still being evaluated, and these must be in the program (`deno compile --include`).
 *
 * @example Nothing happens in other programs
 * ```ts
 * import { freezeSupport, getStartMethod } from "@parallel/multiprocessing";
 * import { assertEquals } from "@std/assert";
 *
 * if (import.meta.main) {
 *   await freezeSupport();
 *   // …
 * }
 * assertEquals(getStartMethod({ allowNone: true }), null);
 * ```
 */
export async function freezeSupport(): Promise<void> {
  await DEFAULT.freezeSupport();
}
