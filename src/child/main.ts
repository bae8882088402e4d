// The child's half of starting a process. The entry module (launch/command_line.ts) calls `start` before Deno gets to the
// main module that the command line names. Once imported here, that module is not run again: Deno goes on to wait for
// what is left in the event loop, as at the end of every program.

// Every class that may be among the arguments is registered, whether the user's modules import it or only its type.
import { isInNoFile, isOwnModule } from "../runtime/own_modules.ts";
import "../../mod.ts";
import { setCurrentAuthkey } from "../launch/authkey.ts";
import { arrivals, trusting } from "../callable/arrival.ts";
import { load, useLoaders } from "../callable/modules.ts";
import { resolve } from "../callable/resolve.ts";
import type { Callable, ModuleLoader } from "../callable/types.ts";
import { type AheadOfWork, requiredModules } from "../launch/command_line.ts";
import { current } from "../runtime/current.ts";
import { isFrozen } from "../runtime/freeze.ts";
import { getLogger, inheritLogger } from "../runtime/logging.ts";
import type { Joined } from "../addon/binding.ts";
import { native } from "../addon/load.ts";
import { shareSelf } from "../addon/self.ts";
import { commandLine } from "../launch/own_command_line.ts";
import { type Belongings, type Preparation, readPreparation } from "../launch/preparation.ts";
import { Attribution } from "../pool/attribution.ts";
import { Process } from "../process/process.ts";
import { endAtExit } from "../process/children.ts";
import { becomeSelf, Self } from "../process/self.ts";
import { joinParent } from "./cage.ts";
import { dealWithUncaught, fail, watchUncaught } from "../runtime/uncaught.ts";
import type { Work } from "../process/work.ts";
import { chooseMethod } from "../launch/settings.ts";

/** Imports of modules by URL. */
type Loaders = Readonly<Record<string, ModuleLoader>>;

/** What this process learned when it joined the tree, if it did so before its entry. */
let booted: Joined | null = null;

/**
 * Joins the tree before Deno runs the modules that the user preloads: they are run in a process that is known as a
 * child, and cannot begin a tree of their own, nor start the next child.
 */
export function boot(): void {
  booted = unlessOrphaned(joinParent);
  const { parentPid: pid, parentName: name } = booted;
  Object.assign(current, { name: `child of ${pid}`, parent: { pid, name }, isPreloading: true });
  watchUncaught();
  dealWithUncaught(tellOrFail);
}

/** Runs what the parent wants run, in this process. */
export async function start(loaders: Loaders): Promise<void> {
  if (booted === null) watchUncaught();
  await work(booted ?? join(), loaders);
}

/** Does ahead what can be done ahead; then waits, with its thread asleep in the kernel, for what the parent wants run. */
export async function startAhead(loaders: Loaders, { preload, initialDirectory }: AheadOfWork): Promise<void> {
  if (booted === null) watchUncaught(); // before any module listens
  let early: { readonly error: unknown } | null = null;
  dealWithUncaught((error) => early ??= { error });
  const { parentPid, parentName } = booted ?? unlessOrphaned(joinParent);
  const parent = { pid: parentPid, name: parentName };
  Object.assign(current, { name: `warm process of ${parentPid}`, initialDirectory, parent, mayStart: () => false });
  useLoaders(loaders);
  // An error of a module is reported when the module is wanted: an import that has failed fails again.
  await requireModules().catch(() => {});
  for (const url of preload) await load(url, loaders).catch(() => {});
  await work(unlessOrphaned(() => native().awaitWork()), loaders, early);
}

/** Does the work that this process was given; `early` is what has gone wrong before. */
async function work(
  joined: Joined,
  loaders: Loaders,
  early: { readonly error: unknown } | null = null,
): Promise<void> {
  const block = joined.preparation!;
  const { preparation, toRun, belongings } = readPreparation(native().readPreparation(block));
  // A pool tells itself what keeps its workers from their work: once, and not in each of them.
  const isWorker = preparation.target !== null && isOwnModule(preparation.target.module);
  const giveUp = (error: unknown): never => {
    report(error, { withPlace: isWorker });
    return isWorker ? Deno.exit(1) : fail(error);
  };
  dealWithUncaught(isWorker ? giveUp : tellOrFail);

  let process: Process | null = null;
  let mainIsLoaded = false;
  try {
    become(preparation, { pid: joined.parentPid, name: joined.parentName });
    endAtExit();
    if (early !== null) throw early.error;
    current.mayStart = () => false;
    useLoaders(loaders);
    await requireModules();
    const importing = () => importMain(preparation.mainModule, loaders);
    mainIsLoaded =
      await (isWorker ? (await Attribution.begin()).run({ what: "the main module" }, importing) : importing());
    const isTrusted = true;
    const wanted = trusting(toRun);
    const target = wanted.target && await resolve(wanted.target, loaders, { isTrusted });
    const Class = wanted.process && await resolve(wanted.process, loaders, { isTrusted });
    const { args, state } = trusting(belongings);
    await arrivals();
    process = processOf(Class, () => target?.(...args), state);
    native().noteBegun();
  } catch (error) {
    giveUp(error);
  } finally {
    // What the arguments speak of has its own handles by now.
    native().releaseBlock(block);
  }

  try {
    const run = () => {
      getLogger().info("child process calling self.run()");
      return process?.run();
    };
    await (preparation.isGuarded ? runGuarded(run) : runUnguarded(run));
  } catch (error) {
    fail(error);
  }
  // Without a main module that could be imported, Deno would now fail to run it.
  if (!mainIsLoaded) Deno.exit();
}

/**
 * Runs the modules of `--require`, which Deno runs between those of `--preload`, of which this is one, and the main module:
 * too late for a target. It finds them run then.
 */
async function requireModules(): Promise<void> {
  try {
    const paths = isFrozen() ? [] : requiredModules(knownCommandLine());
    if (paths.length === 0) return;
    current.isPreloading = true;
    const { createRequire } = await import("node:module");
    const require = createRequire(import.meta.url);
    for (const path of paths) require(path);
  } finally {
    current.isPreloading = false;
  }
}

/** The command line of this process; nothing, if it was overwritten before it could be read. */
function knownCommandLine(): readonly string[] {
  try {
    return commandLine();
  } catch {
    return [];
  }
}

/** Runs the target of a main module that starts processes only where it is the main one. */
async function runGuarded(run: () => unknown): Promise<void> {
  current.mayStart = () => true;
  await run();
}

/** Runs the target where the main module may start processes at any time: only what the target does may start some. */
async function runUnguarded(run: () => unknown): Promise<void> {
  const { AsyncLocalStorage } = await import("node:async_hooks"); // here, since it takes 6 ms to load
  const inTarget = new AsyncLocalStorage<true>();
  current.mayStart = () => inTarget.getStore() === true;
  await inTarget.run(true, run);
}

/** The object of this process, without the constructor of its class having run. */
function processOf(Class: Callable | null, work: Work, state: Belongings["state"]): Process {
  return becomeSelf(Object.assign(Reflect.construct(Process, [new Self(work)], Class ?? Process), state));
}

function join(): Joined {
  try {
    return joinParent();
  } catch (error) {
    refuse(error);
  }
}

/** Ends this process before it has joined the tree or has work: there is no name, and nobody to tell. */
function refuse(error: unknown): never {
  print(`Cannot begin: ${(error as Error).message}`);
  Deno.exit(1);
}

/** What `run` returns; if the parent has ended before there was work, so does this process, without a word. */
function unlessOrphaned(run: () => Joined): Joined {
  try {
    return run();
  } catch (error) {
    if ((error as { code?: unknown }).code === "ORPHANED") Deno.exit();
    refuse(error);
  }
}

function become(preparation: Preparation, parent: { pid: number; name: string }): void {
  const { name, identity, daemon, initialDirectory, directory, authkey, startMethod } = preparation;
  Object.assign(current, { name, identity, daemon, initialDirectory, parent });
  setCurrentAuthkey(Uint8Array.from(authkey));
  inheritLogger(preparation.logger);
  chooseMethod(startMethod);
  shareSelf(native());
  if (directory !== null) native().changeDirectory(directory);
}

/**
 * Imports the parent's main module, as a module that is not the main one. Whether it is loaded then: `deno test` and
 * `deno eval` have a main module that is in no file.
 */
async function importMain(url: string | null, loaders: Loaders): Promise<boolean> {
  if (url === null || isInNoFile(url)) return false;
  await load(url, loaders);
  return true;
}

/** Ends this process because of an error, which the parent is told if it keeps it from its work. */
function tellOrFail(error: unknown): never {
  if (current.isPreloading) report(error);
  fail(error);
}

/** Tells the parent why this process cannot begin its work. */
function report(error: unknown, { withPlace = false } = {}): void {
  native().reportFailure(reasonOf(error, { withPlace }));
}

/** An error in words for the parent, and where it was thrown. */
function reasonOf(error: unknown, { withPlace }: { withPlace: boolean }): string {
  if (!(error instanceof Error)) return String(error);
  // Deno colours what it says of modules.
  // deno-lint-ignore no-control-regex -- these are what is looked for
  const message = error.message.replace(/\x1b\[[\d;]*m/g, "");
  const reason = `${error.name}: ${message}`;
  if (!withPlace || /\n {4}at /.test(message)) return reason;
  const frames = `${error.stack}`.split("\n").filter((line) => /^ {4}at /.test(line));
  const place = frames.find((line) => !isOwnModule(line.match(/\(?(\w+:\S*?)(:\d+)*\)?$/)?.[1] ?? ""));
  return place === undefined ? reason : `${reason}\n${place}`;
}

/** As it was before any module of the user's could replace it: what keeps this process from its work must be seen. */
const print = console.error;
