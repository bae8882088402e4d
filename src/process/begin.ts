// The start of a process: what may start one, and how it is started.

import type { PythonReference } from "../callable/python_reference.ts";
import type { Given } from "../callable/reference.ts";
import { native } from "../addon/load.ts";
import { InvalidStateError } from "../errors.ts";
import type { Launch } from "../launch/plan.ts";
import type { Arguments } from "../launch/preparation.ts";
import { current, isWorker } from "../runtime/current.ts";
import { isPastChildren } from "../runtime/finalize.ts";
import { isCalledByBody } from "../runtime/stack.ts";
import { Child } from "./child.ts";
import type { ProcessSettings } from "./options.ts";
import { Outputs, pipedErrors } from "./output.ts";
import type { Process } from "./process.ts";
import { launched, mayProveLater, proveAll, proveOrEnd } from "./proof.ts";
import { argumentsOf } from "./work.ts";

/**
 * Refuses a start where this process may not start any.
 *
 * @throws {InvalidStateError} If so.
 */
export function requireMayStart(): void {
  if (current.isPreloading) {
    throw new InvalidStateError(
      "Cannot start a process while a child runs the modules of --preload or --require: each child would start the " +
        "next; put what starts processes into the program's main module",
    );
  }
  if (!current.mayStart()) {
    throw new InvalidStateError(
      "Cannot start a process while the main module is imported by a child: " +
        "put what starts processes into `if (import.meta.main) { … }`",
    );
  }
  if (current.daemon) {
    // A callback without a name looks the same, so this is no more than a hint. A Worker's own body is imported by nobody.
    const hint = !isWorker() && isCalledByBody(requireMayStart)
      ? "; if the body of a module does it, which this process imports, put that into `if (import.meta.main) { … }`"
      : "";
    throw new InvalidStateError(`Cannot start a process: daemonic processes are not allowed to have children${hint}`);
  }
}

/** Refuses a start when nobody will wait for the process any more. */
export function requireNotPastChildren(): void {
  if (!isPastChildren()) return;
  throw new InvalidStateError("Cannot start a process: this one is exiting, and has waited for its children");
}

/** Refuses a limit of shared memory where this process has one itself, which its children share. */
export function requireOwnLimit({ maxSharedMemory }: ProcessSettings): void {
  if (maxSharedMemory === undefined || !native().isCaged()) return;
  throw new InvalidStateError(
    'Cannot start a process with a "maxSharedMemory" of its own: this one has limited permissions, and its children ' +
      "share what it may use",
  );
}

/** What is to be started: a process object, and what it keeps to itself. */
export interface Beginning extends Pick<Launch, "method" | "name" | "identity" | "daemon" | "state"> {
  readonly object: Process;
  readonly target: Given | null;
  /** The function of Python's that it runs instead. */
  readonly python: PythonReference | null;
  /** Its class, if that travels. */
  readonly Class: Given | null;
  readonly options: ProcessSettings;
}

/** Starts it. While V8 is asked what modules export, callbacks of promises may run. */
export function begin({ object, target, Class, options, ...identity }: Beginning): Child {
  const { permissions = "inherit", maxSharedMemory, env, cwd, stdout = "inherit", stderr = "inherit" } = options;
  const toRun = [target, Class].filter((it) => it !== null);
  const isProvenLater = mayProveLater(toRun, permissions);
  if (!isProvenLater) proveAll(toRun);
  const pid = launched(isProvenLater ? toRun : [], {
    ...identity,
    ...workFor(options, identity),
    authkey: object.authkey,
    target,
    process: Class,
    permissions,
    maxSharedMemory,
    env,
    cwd,
    stdout,
    stderr,
  });
  if (isProvenLater) proveOrEnd(toRun, pid);
  const outputs = new Outputs(pid, { stdout, stderr });
  if (outputs.stderr !== null) pipedErrors.set(object, outputs.stderr);
  const isCaged = permissions !== "inherit" || native().isCaged();
  return new Child({ pid, process: object, outputs, isCaged, isPython: identity.python !== null });
}

/** What it works with. Python has keyword arguments: they go as such. */
function workFor(options: ProcessSettings, { python, state }: Pick<Beginning, "python" | "state">): Arguments {
  if (python === null) return { args: argumentsOf(options), state };
  return { args: options.args ?? [], state: { ...options.kwargs } };
}
