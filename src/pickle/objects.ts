/**
 * The objects of a pickle that are no data of the format itself: names, and what names are called with. A name is looked
 * up as text in a table of restorers, and nowhere else.
 *
 * @module
 */
import { quoted } from "../runtime/harmless.ts";
import type { Budget } from "./budget.ts";
import type { Made } from "./depth.ts";
import { PickleError, unreadable } from "./error.ts";
import { currentName } from "./old_names.ts";
import { Float } from "./numbers.ts";
import type { Loading } from "./options.ts";
import { Pending } from "./pending.ts";
import { PythonName, PythonObject, type PythonObjectParts } from "./python_object.ts";
import { LONGEST_NAME } from "./reader.ts";
import { addState } from "./restore/exceptions.ts";
import { type Context, type Described, type Restorer, type Restorers, UNMAPPED } from "./restorer.ts";

/** Raw bytes up to so many are copied: Python has one object for all that are one byte long, and so may share it. */
const MOST_COPIED = 64;

const NOTHING_MADE: Made = new Map();

/** What is noted of the objects of one pickle. */
class Notes {
  readonly names = new Map<string, PythonName>();
  /** `null`: there is none. */
  readonly restorers = new Map<PythonName, Restorer | null>();
  readonly adopted = new Set<Uint8Array>();
  readonly made = new Map<unknown, readonly unknown[]>();
}

/** Makes the objects of one pickle. */
export class Objects implements Context {
  readonly budget: Budget;
  exceptions = 0;
  readonly #options: Loading;
  readonly #tables: readonly Restorers[];
  /** Absent until there is something to note: most pickles are of plain data. */
  #notes: Notes | null = null;

  /** The first table that has a name counts. */
  constructor(options: Loading, tables: readonly Restorers[], budget: Budget) {
    this.#options = options;
    this.#tables = tables;
    this.budget = budget;
  }

  get #noted(): Notes {
    return this.#notes ??= new Notes();
  }

  /** What is inside of objects that restorers have made. */
  get made(): Made {
    return this.#notes?.made ?? NOTHING_MADE;
  }

  int(value: number | bigint): number | bigint {
    if (this.#options.ints === "bigint") return BigInt(value);
    return typeof value === "bigint" && isSafe(value) ? Number(value) : value;
  }

  float(value: number): number | Float {
    return this.#options.floats === "keep" && Number.isInteger(value) ? new Float(value) : value;
  }

  adopt(bytes: Uint8Array): boolean {
    const { adopted } = this.#noted;
    if (bytes.length <= MOST_COPIED || adopted.has(bytes)) return false;
    adopted.add(bytes);
    return true;
  }

  /** The name of something in a module, which is one object however often it comes. */
  name(module: unknown, name: unknown): PythonName {
    if (typeof module !== "string" || typeof name !== "string") throw unreadable("a name in it is no text");
    if (module.length + name.length > LONGEST_NAME) {
      throw unreadable(`a name in it is longer than ${LONGEST_NAME} characters`);
    }
    const key = `${module}\n${name}`;
    const { names } = this.#noted;
    const known = names.get(key);
    if (known !== undefined) return known;
    const made = currentName(module, name);
    names.set(key, made);
    return made;
  }

  /** What a class or function makes of arguments. */
  call(callable: unknown, args: unknown, kwargs: unknown, isCalled: boolean): unknown {
    if (!(callable instanceof PythonName)) throw unreadable("what it calls is no name");
    if (!Array.isArray(args)) throw unreadable(`what it gives to ${shown(callable)} is no tuple`);
    const restorer = this.#restorer(callable);
    if (restorer?.finish !== undefined) return new Pending(callable, restorer, args, kwargs, isCalled);
    if (restorer?.make !== undefined && kwargs === undefined) {
      const value = this.#made(callable, restorer, args);
      if (value !== UNMAPPED) return value;
    }
    return this.#unknown(callable, { args, kwargs }, isCalled);
  }

  /** What has become of an object of which nothing more comes. */
  settle(value: unknown): unknown {
    if (!(value instanceof Pending)) return value;
    if (value.isMade) return value.value;
    const { name, restorer, args, state, items, entries, isCalled } = value;
    let made = this.#finished(value);
    if (made === UNMAPPED) made = this.#unknown(name, value, isCalled);
    else if (restorer.keeps) this.#noted.made.set(made, [args, state, items, entries]);
    value.value = made;
    return made;
  }

  /** Gives an object its state; what it is from then on. */
  build(target: unknown, state: unknown): unknown {
    if (target instanceof Pending) {
      if (target.isMade) throw unreadable(`an object of class ${shown(target.name)} refers to itself`);
      target.state = state;
      return this.settle(target);
    }
    if (target instanceof PythonObject) {
      if (target.state !== undefined) throw unreadable(`an object of class ${shown(target.type)} has two states`);
      target.state = state;
      return target;
    }
    // Of errors, those that registered classes have made have had theirs.
    const mayBe = target instanceof Error && !this.made.has(target);
    if (!mayBe || !addState(target, state)) throw unreadable("a state in it is of what has none");
    return target;
  }

  /** Lengthens an object, as a list or as a dict; false if it cannot be. */
  extend(target: unknown, stack: readonly unknown[], from: number, isDict: boolean): boolean {
    if (!(target instanceof Pending || target instanceof PythonObject)) return false;
    if (target instanceof Pending && target.isMade) {
      throw unreadable(`an object of class ${shown(target.name)} refers to itself`);
    }
    if (isDict) {
      const entries = target.entries ??= [];
      for (let i = from; i < stack.length; i += 2) entries.push([stack[i], stack[i + 1]]);
    } else {
      const items = target.items ??= [];
      for (let i = from; i < stack.length; i++) items.push(stack[i]);
    }
    return true;
  }

  #restorer(name: PythonName): Restorer | undefined {
    const { restorers } = this.#noted;
    const known = restorers.get(name);
    if (known !== undefined) return known ?? undefined;
    const key = `${name}`;
    const found = this.#tables.find((table) => table.has(key))?.get(key);
    restorers.set(name, found ?? null);
    return found;
  }

  #unknown(name: PythonName, { args, kwargs, state, items, entries }: Described, isCalled: boolean): PythonObject {
    if (this.#options.unknown === "refuse") {
      const isKnown = this.#restorer(name) !== undefined;
      const why = isKnown ? "nothing here corresponds to it" : "which is not known";
      throw unreadable(`it has an object of ${shown(name)}, ${why}; unknown: "object" would describe it`);
    }
    return new PythonObject(name, args, { isCalled, kwargs, state, items, entries } as PythonObjectParts);
  }

  #made(name: PythonName, restorer: Restorer, args: readonly unknown[]): unknown {
    try {
      return restorer.make!(args, this);
    } catch (error) {
      throw blamed(name, error);
    }
  }

  #finished(pending: Pending): unknown {
    try {
      return pending.restorer.finish!(pending, this);
    } catch (error) {
      throw blamed(pending.name, error);
    }
  }
}

/** Whatever a restorer throws, the pickle is to blame. */
function blamed(name: PythonName, error: unknown): PickleError {
  if (error instanceof PickleError) return error;
  const why = error instanceof Error ? error.message : String(error);
  return unreadable(`it has an object of ${shown(name)} that cannot be: ${why}`, { cause: error });
}

function isSafe(value: bigint): boolean {
  return value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER;
}

function shown(name: PythonName): string {
  return quoted(String(name));
}
