// Functions that arrive as references inside other objects. They are looked for as soon as they arrive, so that they
// are there when somebody wants them who blocks the thread, and with it the import of their module.

import { type ModuleLoaders, resolve, resolveSync } from "./callable_resolve.ts";
import type { Callable, FunctionReference } from "./callable_types.ts";
import { InvalidStateError } from "./errors.ts";

let loaders: ModuleLoaders = {};
let isTrusted = false;
const pending = new Set<Promise<Callable>>();

/** Says how modules are imported in this process that a computed `import()` may not load. */
export function useLoaders(known: ModuleLoaders): void {
  loaders = known;
}

/** How modules are imported in this process. */
export function knownLoaders(): ModuleLoaders {
  return loaders;
}

/** Runs what reads a message that certainly comes from the parent: what it names may be imported. */
export function trusting<T>(read: () => T): T {
  isTrusted = true;
  try {
    return read();
  } finally {
    isTrusted = false;
  }
}

/** Waits until all functions that have arrived are found, or certainly cannot be. */
export async function arrivals(): Promise<void> {
  await Promise.allSettled(pending);
}

/** A function that has arrived. */
export class ArrivedCallable {
  readonly reference: FunctionReference;
  readonly #isTrusted: boolean = isTrusted;
  readonly #found: Promise<Callable>;
  #callable: Callable | null = null;

  constructor(reference: FunctionReference) {
    this.reference = reference;
    this.#found = resolve(reference, loaders, { isTrusted });
    pending.add(this.#found);
    this.#found.then((callable) => this.#callable = callable, () => {}).finally(() => pending.delete(this.#found));
  }

  /** The function. Throws what {@linkcode resolve} throws. */
  get(): Promise<Callable> {
    return this.#found;
  }

  /**
   * The function, without waiting.
   *
   * @throws {InvalidStateError} If its module is not loaded yet, and cannot be at once.
   */
  getSync(): Callable {
    const callable = this.#callable ??= resolveSync(
      this.reference,
      loaders,
      { isTrusted: this.#isTrusted },
    );
    if (callable !== null) return callable;
    throw new InvalidStateError(
      `Cannot run "${this.reference.name}" yet: its module is not loaded in this process, and who blocks the thread ` +
        "cannot wait for that; await something before, such as the twin of this method without Sync",
    );
  }
}
