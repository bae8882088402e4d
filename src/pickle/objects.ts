/**
 * The objects of a pickle that are no data of the format itself: names, and what names are called with. A name is looked
 * up as text in a table of restorers, and nowhere else.
 *
 * @module
 */
import { quoted } from "../runtime/harmless.ts";
import type { Budget } from "./budget.ts";
import { PickleError, unreadable } from "./error.ts";
import { currentName } from "./old_names.ts";
import { Float } from "./numbers.ts";
import type { Loading } from "./options.ts";
import { Pending } from "./pending.ts";
import { PythonName, PythonObject, type PythonObjectParts } from "./python_object.ts";
import { LONGEST_NAME } from "./reader.ts";
import { type Context, type Described, type Restorer, type Restorers, UNMAPPED } from "./restorer.ts";

/** Raw bytes up to so many are copied: Python has one object for all that are one byte long, and so may share it. */
const MOST_COPIED = 64;

/** Makes the objects of one pickle. */
export class Objects implements Context {
  readonly budget: Budget;
  readonly #options: Loading;
  readonly #tables: readonly Restorers[];
  readonly #names = new Map<string, PythonName>();
  readonly #known = new Map<PythonName, Restorer | undefined>();
  readonly #adopted = new Set<Uint8Array>();
  /** Values that may be given a state, and by what they were made. */
  readonly #buildable = new Map<unknown, PythonName>();
  /** What is inside of objects that restorers have made. */
  readonly made = new Map<unknown, readonly unknown[]>();

  /** The first table that has a name counts. */
  constructor(options: Loading, tables: readonly Restorers[], budget: Budget) {
    this.#options = options;
    this.#tables = tables;
    this.budget = budget;
  }

  int(value: number | bigint): number | bigint {
    if (this.#options.ints === "bigint") return BigInt(value);
    return typeof value === "bigint" && isSafe(value) ? Number(value) : value;
  }

  float(value: number): number | Float {
    return this.#options.floats === "keep" && Number.isInteger(value) ? new Float(value) : value;
  }

  adopt(bytes: Uint8Array): boolean {
    if (bytes.length <= MOST_COPIED || this.#adopted.has(bytes)) return false;
    this.#adopted.add(bytes);
    return true;
  }

  /** The name of something in a module, which is one object however often it comes. */
  name(module: unknown, name: unknown): PythonName {
    if (typeof module !== "string" || typeof name !== "string") throw unreadable("a name in it is no text");
    if (module.length + name.length > LONGEST_NAME) {
      throw unreadable(`a name in it is longer than ${LONGEST_NAME} characters`);
    }
    const key = `${module}\n${name}`;
    const known = this.#names.get(key);
    if (known !== undefined) return known;
    const made = currentName(module, name);
    this.#names.set(key, made);
    return made;
  }

  /** What a class or function makes of arguments. */
  call(callable: unknown, args: unknown, kwargs: unknown, isCalled: boolean): unknown {
    if (!(callable instanceof PythonName)) throw unreadable("what it calls is no name");
    if (!Array.isArray(args)) throw unreadable(`what it gives to ${shown(callable)} is no tuple`);
    const restorer = this.#restorer(callable);
    if (restorer?.finish !== undefined) return new Pending(callable, restorer, args, kwargs, isCalled);
    if (restorer?.make !== undefined && kwargs === undefined) {
      const value = this.#guarded(callable, () => restorer.make!(args, this));
      if (value !== UNMAPPED) {
        if (restorer.keeps) this.made.set(value, [args]);
        if (restorer.build !== undefined) this.#buildable.set(value, callable);
        return value;
      }
    }
    return this.#unknown(callable, { args, kwargs }, isCalled);
  }

  /** What has become of an object of which nothing more comes. */
  settle(value: unknown): unknown {
    if (!(value instanceof Pending)) return value;
    if (value.isMade) return value.value;
    const { name, restorer, args, state, items, entries, isCalled } = value;
    let made = this.#guarded(name, () => restorer.finish!(value, this));
    if (made === UNMAPPED) made = this.#unknown(name, value, isCalled);
    else if (restorer.keeps) this.made.set(made, [args, state, items, entries]);
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
    const name = this.#buildable.get(target);
    if (name === undefined) throw unreadable("a state in it is of what has none");
    this.#buildable.delete(target); // once
    this.#guarded(name, () => this.#restorer(name)!.build!(target, state, this));
    const inside = this.made.get(target);
    if (inside !== undefined) this.made.set(target, [...inside, state]);
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
    if (this.#known.has(name)) return this.#known.get(name);
    const key = `${name}`;
    const found = this.#tables.find((table) => table.has(key))?.get(key);
    this.#known.set(name, found);
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

  /** Runs a restorer: whatever it throws, the pickle is to blame. */
  #guarded<T>(name: PythonName, restore: () => T): T {
    try {
      return restore();
    } catch (error) {
      if (error instanceof PickleError) throw error;
      const why = error instanceof Error ? error.message : String(error);
      throw unreadable(`it has an object of ${shown(name)} that cannot be: ${why}`, { cause: error });
    }
  }
}

function isSafe(value: bigint): boolean {
  return value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER;
}

function shown(name: PythonName): string {
  return quoted(String(name));
}
