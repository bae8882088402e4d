// SharedMemoryManager: a manager whose server owns blocks of named shared memory, and removes them when it ends.

import { native } from "../addon/load.ts";
import { BaseManager } from "../managers/manager.ts";
import type { ManagerOptions } from "../managers/manager_options.ts";
import type { Shareable } from "./items.ts";
import { ShareableList } from "./shareable_list.ts";
import { descriptionOf, SharedMemory } from "./shared_memory.ts";

/**
 * A manager of blocks of shared memory, which lose their names when it is shut down, whoever has created them by it. As
 * `multiprocessing.managers.SharedMemoryManager`.
 *
 * @example Blocks that go with their manager
 * ```ts ignore
 * import { SharedMemory, SharedMemoryManager } from "@parallel/multiprocessing/shared_memory";
 *
 * if (import.meta.main) {
 *   await using manager = new SharedMemoryManager();
 *   await manager.start();
 *   const memory = await manager.SharedMemory(1024);
 *   const list = await manager.ShareableList([1, 2, 3]);
 *   console.log(memory.size, [...list]); // 1024 [1, 2, 3]
 * }
 * ```
 */
export class SharedMemoryManager extends BaseManager {
  /** What was made here, for the case that the server is killed. */
  readonly #made = new Set<readonly [name: string, identity: string]>();

  /** A manager without a server yet. */
  constructor(options?: ManagerOptions) {
    super(options);
  }

  /**
   * A new block of `size` zero bytes, which the server removes when it ends.
   *
   * @throws {RangeError} If the size is no whole number from 1 on, or there is no room for it.
   * @throws {TypeError} If it is no number.
   * @throws {InvalidStateError} If the manager was not started, or was shut down.
   */
  async SharedMemory(size: number): Promise<SharedMemory> {
    return await this.#handedOn(new SharedMemory({ create: true, size }));
  }

  /**
   * A new list of these items, whose block the server removes when it ends.
   *
   * @throws {TypeError} If an item is of a type that a list cannot hold.
   * @throws {RangeError} If an int has more than 64 bits, or a text half a character in it.
   * @throws {InvalidStateError} If the manager was not started, or was shut down.
   */
  async ShareableList(sequence: Iterable<Shareable>): Promise<ShareableList> {
    const list = new ShareableList(sequence);
    await this.#handedOn(list.shm);
    return list;
  }

  /** A block that the server owns from now on, and this process no more. */
  async #handedOn(memory: SharedMemory): Promise<SharedMemory> {
    const description = descriptionOf(memory);
    try {
      await this.trackSegment(...description);
    } catch (error) {
      memory.close();
      native().namedUnlink(...description);
      throw error;
    }
    native().namedDisown(description[1]);
    this.#made.add(description);
    return memory;
  }

  /** @ignore A server that was killed has left its blocks. */
  protected override afterServer(): void {
    for (const [name, identity] of this.#made) native().namedUnlink(name, identity);
    this.#made.clear();
  }
}
