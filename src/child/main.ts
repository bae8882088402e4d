// The child's half of starting a process. The entry module (launch/entry.ts) calls `start` before Deno gets to the
// main module that the command line names. Once imported here, that module is not run again: Deno goes on to wait for
// what is left in the event loop, as at the end of every program.

// Every class that may be among the arguments is registered, whether the user's modules import it or only its type.
import "../../mod.ts";
import type { Joined } from "../addon/binding.ts";
import { native } from "../addon/load.ts";
import { arrivals } from "../callable/arrival.ts";
import { prepareImports } from "../callable/imports.ts";
import { load, useLoaders } from "../callable/modules.ts";
import { resolve } from "../callable/resolve.ts";
import type { AheadOfWork } from "../launch/entry.ts";
import { readPreparation } from "../launch/preparation.ts";
import { Attribution } from "../pool/attribution.ts";
import { endAtExit } from "../process/children.ts";
import { Process } from "../process/process.ts";
import { current } from "../runtime/current.ts";
import { isOwnModule } from "../runtime/own_modules.ts";
import { dealWithUncaught, fail, watchUncaught } from "../runtime/uncaught.ts";
import { become, processOf, runProcess } from "./become.ts";
import { joinParent } from "./cage.ts";
import { importMain, type Loaders, requireModules } from "./modules.ts";
import { report, tellOrFail, unlessOrphaned } from "./report.ts";
import { leaveSignals } from "./shield.ts";

/** What this process learned when it joined the tree, if it did so before its entry. */
let booted: Joined | null = null;

/**
 * Joins the tree before Deno runs the modules that the user preloads: they are run in a process that is known as a
 * child, and cannot begin a tree of their own, nor start the next child.
 */
export function boot(): void {
  booted = leaveSignals(unlessOrphaned(joinParent));
  const { parentPid: pid, parentName: name } = booted;
  Object.assign(current, { name: `child of ${pid}`, parent: { pid, name }, isPreloading: true });
  watchUncaught();
  dealWithUncaught(tellOrFail);
}

/** Runs what the parent wants run, in this process. */
export async function start(loaders: Loaders): Promise<void> {
  if (booted === null) watchUncaught();
  await work(booted ?? leaveSignals(unlessOrphaned(joinParent)), loaders);
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
  await prepareImports();
  // An error of a module is reported when the module is wanted: an import that has failed fails again.
  await requireModules().catch(() => {});
  for (const url of preload) await load(url, loaders).catch(() => {});
  await work(leaveSignals(unlessOrphaned(() => native().awaitWork())), loaders, early);
}

/** Does the work that this process was given; `early` is what has gone wrong before. */
async function work(
  joined: Joined,
  loaders: Loaders,
  early: { readonly error: unknown } | null = null,
): Promise<void> {
  const block = joined.preparation!;
  const { preparation, toRun, readArguments } = readPreparation(native().readPreparation(block));
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
    become(preparation, joined);
    endAtExit();
    const { remote } = preparation;
    // Here, since a process of one machine needs nothing of it.
    const place = remote === undefined ? null : (await import("../engine/boot.ts")).enter(remote);
    if (early !== null) throw early.error;
    current.mayStart = () => false;
    useLoaders(loaders);
    await requireModules();
    // Without permissions of its own it could not load them when a message names them.
    if (preparation.hasManagers || native().isCaged()) await import("../managers.ts");
    const importing = () => importMain(preparation.mainModule, loaders);
    mainIsLoaded =
      await (isWorker ? (await Attribution.begin()).run({ what: "the main module" }, importing) : importing());
    const isTrusted = true;
    const wanted = toRun();
    const target = wanted.target && await resolve(wanted.target, loaders, { isTrusted });
    const Class = wanted.process && await resolve(wanted.process, loaders, { isTrusted });
    const { args, state } = readArguments(place?.readArguments);
    await arrivals();
    process = processOf(Class ?? place?.Process ?? Process, () => target?.(...args), state);
    native().noteBegun();
  } catch (error) {
    giveUp(error);
  } finally {
    // What the arguments speak of has its own handles by now.
    native().releaseBlock(block);
  }

  try {
    await runProcess(process, preparation.isGuarded);
  } catch (error) {
    fail(error);
  }
  // Without a main module that could be imported, Deno would now fail to run it.
  if (!mainIsLoaded) Deno.exit();
}
