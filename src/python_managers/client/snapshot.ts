// Items that were fetched all at once, in the place of an iteration in the server.

import type { ChunkSource } from "../../managers/iteration.ts";
import type { Chunk } from "../../managers/messages.ts";

/** Gives items as an iteration in a server does. */
export class Snapshot implements ChunkSource {
  #items: readonly unknown[];

  constructor(items: readonly unknown[]) {
    this.#items = items;
  }

  fetch(): Promise<Chunk> {
    return Promise.resolve([this.#take(), true]);
  }

  end(): void {
    this.#items = [];
  }

  #take(): unknown[] {
    const items = [...this.#items];
    this.#items = [];
    return items;
  }

  /** The items, for who blocks the thread. */
  get sync(): IterableIterator<unknown> {
    return this.#take().values();
  }
}
