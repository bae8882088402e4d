// Blocks of named shared memory that clients in Python have created for a server: it removes their names, as the server of
// Python's SharedMemoryManager does.

import { native } from "../../addon/load.ts";
import { translated } from "../../addon/translate.ts";
import { raised } from "./raised.ts";

/** The most that one server is told of. */
const MOST = 100_000;

/** The blocks of one server. */
export class Blocks {
  readonly #names = new Set<string>();

  /** Removes the name of a block when the server ends, or is told to. */
  track(given: unknown): void {
    const name = nameOf(given);
    if (this.#names.size >= MOST) throw raised("MemoryError", "the server is told of too much shared memory");
    this.#names.add(name);
  }

  /** Removes it now. */
  release(given: unknown): void {
    const name = nameOf(given);
    if (!this.#names.delete(name)) throw raised("KeyError", given);
    remove(name);
  }

  names(): string[] {
    return [...this.#names];
  }

  close(): void {
    for (const name of this.#names) {
      try {
        remove(name);
      } catch {
        // Somebody has removed it already.
      }
    }
    this.#names.clear();
  }
}

function nameOf(given: unknown): string {
  const name = typeof given === "string" ? given.replace(/^\//, "") : "";
  if (/^[^/\0]{1,254}$/.test(name) && name !== "." && name !== "..") return name;
  throw raised("ValueError", "that is no name of shared memory");
}

function remove(name: string): void {
  translated(() => {
    native().namedAttach(name);
    native().namedUnlink(name, native().namedMade());
  });
}
