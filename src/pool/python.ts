// Pools whose workers run Python: what is said of such a pool, and which functions it takes. The workers' half is
// python/deno_multiprocessing/pool/, which speaks the same frames as worker.ts; the parent's books do not know the
// difference.

import { type Given, reference } from "../callable/reference.ts";
import { python } from "../process/python.ts";
import { pythonOf, type PythonReference } from "../callable/python_reference.ts";
import type { Callable, FunctionReference, ModuleExport } from "../callable/types.ts";
import { glance, quoted, shownName } from "../runtime/harmless.ts";
import { desksOf } from "./desk.ts";
import type { Desk } from "./messages.ts";
import type { PoolSettings } from "./options.ts";

/** A desk as such a worker gets it: a DataView is memory there, where a typed array would be one of numpy's, which takes
 * longer to import than the worker to start. */
export function deskForPython(desk: Desk): object {
  const { cells, lingerer, ...rest } = desk;
  const viewOf = ({ buffer, byteOffset, byteLength }: Int32Array) => new DataView(buffer, byteOffset, byteLength);
  return { ...rest, cells: viewOf(cells), lingerer: viewOf(lingerer) };
}

/** The workers of a pool that run Python. */
export interface PythonWorkers {
  /** What each runs, as a target. */
  readonly target: ModuleExport;
  /** Which Python; `null` for the one that is found. */
  readonly executable: string | null;
}

/** Whose functions they are to be. */
export interface Workers {
  /** The name of the pool. */
  readonly name: string;
  /** `null`: the workers run Deno. */
  readonly python: PythonWorkers | null;
}

/**
 * What the option `python` says; `null` if the workers run Deno.
 *
 * @throws {TypeError} If it is of the wrong type, or an option is given that is for workers of Deno.
 */
export function pythonWorkersOf(action: string, { python: given, concurrency, context }: PoolSettings) {
  if (given === undefined || given === null || given === false) return null;
  if (given !== true && !(given instanceof URL) && (typeof given !== "string" || given === "")) {
    throw new TypeError(`Cannot ${action}: "python" is ${glance(given)}, wanted true, or the path of an executable`);
  }
  if (concurrency !== undefined && concurrency !== 1) {
    throw new TypeError(
      `Cannot ${action}: "concurrency" is ${concurrency}, and a worker of Python runs one task at a time; ` +
        "give the pool more workers",
    );
  }
  if (desksOf(context) !== null) {
    throw new TypeError(`Cannot ${action}: workers of Python run on this machine alone, and "context" has several`);
  }
  const target = python("deno_multiprocessing.pool", "work", given === true ? {} : { executable: given });
  // Processes take a function where the type says that a module names one.
  return { target: target as unknown as ModuleExport, executable: pythonOf(target)!.executable };
}

/**
 * A function as the workers of a pool are to run it.
 *
 * @throws {TypeError} If it is one of the other language, or no other process can find it.
 */
export function givenTo({ name, python }: Workers, target: Callable | ModuleExport): Given {
  const found = pythonOf(target);
  if (found === null && python === null) return reference(target);
  const pool = `with "${shownName(name)}"`;
  if (found === null) {
    throw new TypeError(
      `Cannot run ${
        labelOf(target)
      } ${pool}: its workers run Python, and this is no function of python(module, name); ` +
        'give one, or make the pool without "python"',
    );
  }
  if (python === null) {
    throw new TypeError(
      `Cannot run "${found.name}" ${pool}: it is a function of the Python module "${found.module}", and the workers run ` +
        "Deno; make the pool with { python: true }",
    );
  }
  if (found.executable !== null && found.executable !== python.executable) {
    const theirs = python.executable === null ? "the Python that is found" : `"${python.executable}"`;
    throw new TypeError(
      `Cannot run "${found.name}" ${pool}: it is for the Python "${found.executable}", and the workers run ${theirs}`,
    );
  }
  return new PythonGiven(found);
}

function labelOf(target: unknown): string {
  const { name } = (target ?? {}) as { readonly name?: unknown };
  return typeof name === "string" && name !== "" ? quoted(name) : glance(target);
}

/** How a function of Python travels: to processes that find it by its module and name. */
interface TravellingName extends FunctionReference {
  readonly folder: string | null;
}

/** A function of Python. Whether its module has it finds out who imports that. */
class PythonGiven implements Given {
  readonly label: string;
  readonly modules: readonly string[];
  readonly isProven = true;
  readonly #reference: TravellingName;

  constructor({ module, name, folder }: PythonReference) {
    this.label = name;
    // Who means the same by a dotted name is in the same folder.
    this.modules = [module.startsWith("/") ? module : `${module} from ${folder}`];
    this.#reference = { label: name, module, name, folder, member: null, hash: null };
  }

  prove(): void {}

  settle(): void {}

  travel(): TravellingName {
    return this.#reference;
  }
}
