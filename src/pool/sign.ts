// What a pool tells of itself to who looks from outside (src/live): a few words in shared memory, written whenever tasks
// are given and answered. It costs some stores into memory of its own; nothing is counted for it.

import { type CellWords, cellWords } from "../addon/cells.ts";
import { BlockHandle } from "../addon/handles.ts";
import { native } from "../addon/load.ts";
import { Cell, Kind, PoolWord } from "../addon/numbers.ts";

/** What changes of it. */
export interface Told {
  /** How many workers there are. */
  readonly present: number;
  /** How many tasks are in the channel or with workers. */
  readonly given: number;
  /** How many are still to be given; a call that may have more of them counts as one. */
  readonly backlog: number;
  readonly done: number;
  readonly failed: number;
}

/** The words of one pool. */
export class Sign {
  readonly #handle: BlockHandle | null = null;
  readonly #cell: CellWords | null = null;

  /** Of a pool that has at most so many workers. In a process with limited permissions there is none. */
  constructor(name: string, { processes, concurrency }: { processes: number; concurrency: number }) {
    if (native().isCaged()) return;
    const handle = this.#handle = BlockHandle.create(Kind.pool, Cell.size, name);
    this.#cell = cellWords(handle.block, Kind.pool);
    this.#set(PoolWord.processes, processes);
    this.#set(PoolWord.concurrency, concurrency);
    this.#set(PoolWord.pid, Deno.pid);
  }

  /** Tells how things are. */
  tell({ present, given, backlog, done, failed }: Told): void {
    if (this.#cell === null || this.#handle!.closed) return;
    const { words, word } = this.#cell;
    words[word + PoolWord.present] = present;
    words[word + PoolWord.given] = given;
    words[word + PoolWord.backlog] = backlog;
    words[word + PoolWord.done] = done;
    words[word + PoolWord.failed] = failed;
  }

  #set(place: number, value: number): void {
    if (this.#cell !== null) this.#cell.words[this.#cell.word + place] = value;
  }

  /** The pool is over. */
  close(): void {
    this.#handle?.close();
  }
}
