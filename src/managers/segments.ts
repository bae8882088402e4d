// Blocks of named shared memory that a server owns: they lose their names when it ends. A server that is killed cannot see
// to that; then `multiprocessing clean` does.

import { native } from "../addon/load.ts";
import { translated } from "../addon/translate.ts";
import { RemoteError } from "../errors.ts";

/** The blocks of one server. */
export class Segments {
  /** Which file each is, and its name. */
  readonly #owned = new Map<string, string>();

  /**
   * Owns a block that the caller has created, who owns it until this has come back.
   *
   * @throws {RemoteError} If there is no such block.
   */
  track(name: unknown, identity: unknown): void {
    const isSound = typeof name === "string" && typeof identity === "string";
    if (!isSound || !translated(() => native().namedOwn(name, identity))) {
      throw new RemoteError("Cannot own shared memory: the server does not find the block that it is told of");
    }
    this.#owned.set(identity, name);
  }

  /** Removes the names of all that still have them. */
  close(): void {
    for (const [identity, name] of this.#owned) {
      try {
        native().namedUnlink(name, identity);
      } catch {
        // Somebody may have taken the right to remove it, and nobody is here to be told.
      }
    }
    this.#owned.clear();
  }
}
