// A Python process: with which Python it is started, and what it is told. What it does then is in
// python/deno_multiprocessing/_boot.py; everything else is as with a child that is a Deno.

import { native } from "../addon/load.ts";
import { pythonFiles } from "../addon/python_files.ts";
import { translated } from "../addon/translate.ts";
import type { PythonReference } from "../callable/python_reference.ts";
import { current } from "../runtime/current.ts";
import { isFrozen } from "../runtime/freeze.ts";
import { shownName } from "../runtime/harmless.ts";
import { commonFacts, type Launch, pathOf, type Plan } from "./plan.ts";
import { startSettings } from "./settings.ts";

/** All that is decided about a child that is a Python. */
export interface PythonPlan extends Plan {
  /** Its command line, executable first. */
  words: readonly string[];
}

/** What begins the names of modules of this package: processes that run them end when their parent wants them to. */
const OWN_MODULES = "deno_multiprocessing.";

/**
 * Decides what a child gets that is a Python.
 *
 * @throws {Deno.errors.NotCapable} If this process has limited permissions, or may not run that Python.
 * @throws {Deno.errors.NotFound} If there is no Python, or no such module.
 * @throws {Deno.errors.NotSupported} In a program made by `deno compile`.
 */
export function planPython(launch: Launch, reference: PythonReference): PythonPlan {
  requireMayStart(launch);
  const { module, name, folder } = reference;
  const executable = new Search(launch.name, reference).executable();
  requireModule(launch, reference);
  const { boot, library } = pythonFiles();
  return {
    launch,
    facts: {
      ...commonFacts(launch),
      mainModule: null,
      isGuarded: true,
      initialDirectory: current.initialDirectory ??= translated(() => native().workingDirectory()),
      directory: null,
      hasManagers: false,
      python: { module, name, folder },
    },
    toRun: { target: null, process: null },
    isShielded: module.startsWith(OWN_MODULES),
    directory: launch.cwd === undefined ? undefined : pathOf(launch.cwd),
    words: [executable, boot, library],
  };
}

function requireMayStart({ name }: Launch): void {
  if (native().isCaged()) {
    throw new Deno.errors.NotCapable(
      `Cannot start "${shownName(name)}": a process with limited permissions may not start a Python process`,
    );
  }
  if (!isFrozen()) return;
  throw new Deno.errors.NotSupported(
    `Cannot start "${
      shownName(name)
    }": a program made by \`deno compile\` has no files that a Python process could read`,
  );
}

/** Refuses a module that is certainly not there. */
function requireModule({ name }: Launch, { module }: PythonReference): void {
  if (!module.startsWith("/") || mayNotRead(module)) return;
  try {
    Deno.statSync(module);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) return; // Python says what is wrong
    throw new Deno.errors.NotFound(`Cannot start "${shownName(name)}": there is no Python module "${module}"`);
  }
}

function mayNotRead(path: string): boolean {
  return Deno.permissions.querySync({ name: "read", path }).state !== "granted";
}

/** A place where the Python may be that a process is started with. */
interface Place {
  /** A path, or a name that is looked for in `PATH`. */
  readonly command: string;
  /** Whether it must be there. Else the next place is tried. */
  readonly isWanted: boolean;
}

/** The search for the Python that a process is started with. */
class Search {
  readonly #process: string;
  readonly #places: readonly Place[];

  constructor(process: string, reference: PythonReference) {
    this.#process = shownName(process);
    this.#places = placesFor(reference);
  }

  /** Its path. A link of a virtual environment is not followed: Python knows by it that it is in one. */
  executable(): string {
    const permitted = this.#places.filter(({ command }) => mayRun(command));
    for (const place of permitted) {
      const path = this.#at(place);
      if (path !== null) return path;
    }
    throw permitted.length === 0 ? this.#notPermitted() : this.#notFound(permitted);
  }

  #at({ command, isWanted }: Place): string | null {
    if (!command.includes("/")) return native().findProgram(command);
    switch (native().programAt(command)) {
      case "program":
        return command;
      case "broken link":
        throw this.#error("NotFound", `"${command}" is a link that leads nowhere: was the virtual environment moved?`);
      case "no program":
        throw this.#error("PermissionDenied", `"${command}" is no file that may be executed`);
    }
    if (isWanted) throw this.#error("NotFound", `there is no Python "${command}"`);
    return null;
  }

  #notPermitted(): Error {
    const [{ command, isWanted }] = this.#places.slice(-1);
    const [what, flag] = isWanted
      ? [`"${command}"`, `--allow-run="${command}"`]
      : ["Python", '--allow-run="python3", or with the path of the Python that is to be run'];
    return this.#error("NotCapable", `permission to run ${what} is missing; run Deno with ${flag}`);
  }

  #notFound(places: readonly Place[]): Error {
    const tried = places.map(({ command }) => command.includes("/") ? `"${command}"` : `"${command}" in PATH`);
    return this.#error(
      "NotFound",
      `there is no Python: tried ${tried.join(", ")}; install one, or name it: python(module, name, { executable })`,
    );
  }

  #error(kind: "NotCapable" | "NotFound" | "PermissionDenied", reason: string): Error {
    return new Deno.errors[kind](`Cannot start "${this.#process}": ${reason}`);
  }
}

function placesFor({ module, folder, executable }: PythonReference): Place[] {
  const wanted = executable ?? startSettings.python;
  if (wanted !== null) return [{ command: wanted, isWanted: true }];
  const environment = variable("VIRTUAL_ENV");
  const beside = module.startsWith("/") ? module.slice(0, module.lastIndexOf("/")) : folder;
  const commands = [
    ...environment === undefined || environment === "" ? [] : [`${environment}/bin/python`],
    ...beside === null ? [] : [`${beside}/.venv/bin/python`],
    "python3",
  ];
  return commands.map((command) => ({ command, isWanted: false }));
}

function variable(name: string): string | undefined {
  return Deno.permissions.querySync({ name: "env", variable: name }).state === "granted"
    ? Deno.env.get(name)
    : undefined;
}

function mayRun(command: string): boolean {
  return Deno.permissions.querySync({ name: "run", command }).state === "granted";
}
