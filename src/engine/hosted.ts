// A process of a program on another machine, as the agent of this host starts it: by the local launch machinery, with what the
// launch says instead of what this process is.

import type { Beginning, StartedChild, Starter } from "./agent/launched.ts";
import { addonFile } from "../addon/load.ts";
import { assembled, type ChildWords } from "../launch/child_command_line.ts";
import { bootModule, entryModule } from "../launch/entry.ts";
import { launchOrder } from "../launch/order.ts";
import type { Facts, RemoteFacts } from "../launch/preparation.ts";
import { Child } from "../process/child.ts";
import { Outputs } from "../process/output.ts";
import { Process } from "../process/process.ts";
import { startBy } from "../process/started.ts";
import { pathOfUrl } from "../runtime/file_urls.ts";
import { shownName } from "../runtime/harmless.ts";
import { CHILD_MAIN, isInNoFile } from "../runtime/own_modules.ts";
import { requireSame } from "./code.ts";
import { Forwarding, PipeSink, type Sink, TerminalSink } from "./forwarding.ts";
import { granted, requireOrdinary } from "./grants.ts";
import { type Launch, type LaunchOutput, verifyLaunch } from "./launches.ts";
import { enginePath } from "./load.ts";
import { inward, inwardPath, valueMapped } from "../callable/places.ts";
import { unpacked } from "./unpacking.ts";

/**
 * Starts a process.
 *
 * @throws {Deno.errors.NotCapable} If it is to have permissions that this host does not give.
 * @throws {TypeError} If this host has other modules.
 * @throws {Deno.errors.NotFound} If it has none, or no such directory.
 */
export async function startHosted(launch: Launch, hosting: Beginning): Promise<StartedChild> {
  const { code, facts } = launch;
  const name = shownName(facts.name);
  if (!hosting.code.allow.has(code.way)) {
    throw new Deno.errors.NotSupported(
      `Cannot start "${name}" on host "${hosting.host}": its agent takes no code: "${code.way}"; see --allow-code`,
    );
  }
  if (code.way === "same") requireSame(name, hosting.host, code);
  const folder = code.list === null ? null : await unpacked(hosting.session, code.list, hosting.code.cache, name);
  const process = new HostedProcess({ launch, hosting, places: new Places(launch, folder) });
  process.start();
  return process.started!;
}

/** Where the modules of a launch are on this host. */
class Places {
  /** The module that its process begins with. */
  readonly childMain: string;
  /** The folder of a program that was sent. */
  readonly folder: string | null;

  constructor({ childMain }: Launch, folder: string | null) {
    this.folder = folder;
    this.childMain = folder === null && (!childMain.startsWith("file:") || isFile(childMain)) ? childMain : CHILD_MAIN;
  }

  /** The URL of a module. */
  url(name: string): string {
    return inward(name, this.folder, this.childMain);
  }

  path(name: string): string {
    return inwardPath(name, this.folder);
  }

  reference(given: Launch["target"]): Launch["target"] {
    return given && { ...given, module: this.url(given.module) };
  }
}

function isFile(url: string): boolean {
  try {
    return Deno.statSync(new URL(url)).isFile;
  } catch {
    return false;
  }
}

/** How an agent reads launches and starts what they want. */
export const STARTER: Starter<Launch> = {
  verify: ([body, signature], key, told) => verifyLaunch({ body, signature }, key, told),
  start: startHosted,
};

/** What is to be started, where, and where its modules are. */
interface Wanted {
  readonly launch: Launch;
  readonly hosting: Beginning;
  readonly places: Places;
}

/** The process object. It is a daemon of the agent, with which it ends. */
class HostedProcess extends Process {
  readonly #wanted: Wanted;
  started: StartedChild | null = null;

  static {
    startBy(HostedProcess, ({ object }) => (object as HostedProcess).begin());
  }

  constructor(wanted: Wanted) {
    super({ name: wanted.launch.facts.name, daemon: true });
    this.#wanted = wanted;
  }

  begin(): Child {
    const { launch, places } = this.#wanted;
    const kind = (output: LaunchOutput) => output === "null" ? "null" : "piped";
    const [stdout, stderr] = [kind(launch.stdout), kind(launch.stderr)] as const;
    const pid = launchOrder({
      words: wordsOf(this.#wanted),
      facts: factsOf(this.#wanted),
      toRun: { target: places.reference(launch.target), process: places.reference(launch.process) },
      args: launch.work,
      env: launch.env ?? undefined,
      directory: directoryOf(this.#wanted),
      stdout,
      stderr,
    });
    const outputs = new Outputs(pid, { stdout, stderr });
    const child = new Child({ pid, process: this as Process, outputs, isCaged: false, isPython: false });
    const forwardings = ([[1, launch.stdout], [2, launch.stderr]] as const).flatMap(([number, to]) => {
      const output = number === 1 ? outputs.stdout : outputs.stderr;
      return output === null ? [] : [new Forwarding(output, this.#sink(number, to))];
    });
    const gone = goneOf(child);
    this.started = {
      pid,
      gone,
      ended: endOf(gone, child, forwardings),
      send: (signal) => child.send(signal),
    };
    return child;
  }

  #sink(number: 1 | 2, to: LaunchOutput): Sink {
    const { session, host } = this.#wanted.hosting;
    return typeof to === "object"
      ? new PipeSink(session, to.pipe)
      : new TerminalSink(session, `${host}/${this.name}`, number);
  }
}

async function goneOf(child: Child): Promise<number> {
  for (;;) {
    const exitcode = child.poll();
    if (exitcode !== null) return exitcode;
    await child.ended();
  }
}

async function endOf(gone: Promise<number>, child: Child, forwardings: readonly Forwarding[]) {
  const code = await gone;
  await Promise.all(forwardings.map((it) => it.drained()));
  return { code, failure: child.failure };
}

function factsOf({ launch, hosting, places }: Wanted): Facts {
  const { facts, seal, objects, parent, context, key } = launch;
  const { url, member, host } = hosting;
  const remote: RemoteFacts = {
    url,
    shown: context.shown,
    plan: context.plan,
    tree: seal.tree,
    member,
    object: seal.object,
    objects,
    host,
    parent,
    folder: places.folder,
  };
  return {
    ...facts,
    mainModule: facts.mainModule && places.url(facts.mainModule),
    initialDirectory: places.path(facts.initialDirectory),
    authkey: [...key ?? crypto.getRandomValues(new Uint8Array(32))],
    directory: null,
    startMethod: "spawn",
    remote,
  };
}

/** The command line: the program's own, with this host's Deno and libraries. */
function wordsOf({ launch, hosting, places }: Wanted): string[] {
  const { facts, flags, permissions, libraries, target, process, args } = launch;
  const main = facts.mainModule && places.url(facts.mainModule);
  const modules = [main, ...[target, process].map((it) => it && places.url(it.module))].filter((it) => it !== null);
  const mapped = (all: readonly string[]) => all.map((flag) => valueMapped(flag, (path) => places.path(path)));
  const granting = {
    name: shownName(facts.name),
    host: hosting.host,
    wanted: mapped(permissions),
    theirs: libraries,
    own: [addonFile().path, enginePath()],
    grant: hosting.grant,
  };
  requireOrdinary(flags, Object.keys(launch.env ?? {}), granting);
  // Deno would read another word as a flag.
  if (main !== null && !/^[a-z][a-z0-9+.-]*:/i.test(main)) {
    throw new TypeError(
      `Cannot start "${granting.name}" on host "${hosting.host}": its main module is "${
        shownName(main)
      }", which is no URL`,
    );
  }
  const words: ChildWords = {
    execPath: Deno.execPath(),
    flags: mapped(flags),
    permissions: granted(granting),
    entry: entryModule(places.childMain, modules),
    boot: bootModule(places.childMain),
    mainModule: main ?? "file:///$deno$none.mts",
    args,
  };
  return assembled(words);
}

/** Where it begins: where the program was, if there is such a directory here. */
function directoryOf({ launch, hosting: { host }, places }: Wanted): string {
  const { facts, isDirectoryWanted } = launch;
  const directory = places.path(launch.directory);
  const isThere = (path: string) => {
    try {
      return Deno.statSync(path).isDirectory;
    } catch {
      return false;
    }
  };
  if (isThere(directory)) return directory;
  if (isDirectoryWanted) {
    throw new Deno.errors.NotFound(
      `Cannot start "${shownName(facts.name)}" on host "${host}": it has no directory "${directory}"`,
    );
  }
  const main = facts.mainModule && places.url(facts.mainModule);
  const isInFile = main !== null && main.startsWith("file:") && !isInNoFile(main);
  const folder = isInFile ? pathOfUrl(new URL("./", main)) : null;
  return folder !== null && isThere(folder) ? folder : Deno.cwd();
}
