// Functions in messages arrive as references (name, hash, modules). Each is resolved as soon as it arrives. A caller
// that blocks the thread cannot import a module, so by then the function must be there.

import { knownLoaders } from "./modules.ts";
import { resolve, type ResolveOptions, resolveSync } from "./resolve.ts";
import { isLate, type TravellingReference } from "./late.ts";
import type { Callable } from "./types.ts";
import { InvalidStateError } from "../errors.ts";

const pending = new Set<Promise<Callable>>();

/** Waits until all functions that have arrived are found, or certainly cannot be. */
export async function arrivals(): Promise<void> {
  await Promise.allSettled(pending);
}

/** A function that has arrived. */
export class ArrivedCallable {
  readonly reference: TravellingReference;
  readonly #options: ResolveOptions;
  #found: Promise<Callable> | null = null;
  #callable: Callable | null = null;

  /** `isTrusted` says whether the reference certainly comes from the parent: the module that it names may be imported. */
  constructor(reference: TravellingReference, options: ResolveOptions & { isTrusted: boolean }) {
    this.reference = reference;
    this.#options = options;
    // A promise of a hostile process might never be kept: only a caller that wants the function waits for it.
    if (options.isTrusted || !isLate(reference)) this.#find();
  }

  #find(): Promise<Callable> {
    if (this.#found !== null) return this.#found;
    const found = this.#found = resolve(this.reference, knownLoaders(), this.#options);
    pending.add(found);
    found.then((callable) => this.#callable = callable, () => {}).finally(() => pending.delete(found));
    return found;
  }

  /** The function. Throws what {@linkcode resolve} throws. */
  get(): Promise<Callable> {
    return this.#find();
  }

  /**
   * The function, without waiting.
   *
   * @throws {InvalidStateError} If its module is not loaded yet, and cannot be at once.
   */
  getSync(): Callable {
    const callable = this.#callable ??= resolveSync(
      this.reference,
      knownLoaders(),
      this.#options,
    );
    if (callable !== null) return callable;
    throw new InvalidStateError(
      `Cannot run "${this.reference.label}" yet: its module is not loaded in this process, and who blocks the thread ` +
        "cannot wait for that; await something before, such as the twin of this method without Sync",
    );
  }
}
