// What a tree may have more of after a round than before: nothing, but for what is made once and what only the garbage
// collector returns.

import { belongings, descriptorCount, descriptors, until } from "../support/helpers.ts";
import { native } from "../../src/addon/load.ts";

/** Blocks that a killed process was just told of, or that wait for the garbage collector. */
const SLACK_BLOCKS = 64;
/** Bytes of shared memory that may be kept from one round to the next. */
const SLACK_ARENA = 16 * 2 ** 20;
/** Bytes by which the memory of the first process of a tree differs from time to time. */
const SLACK_MEMORY = 96 * 2 ** 20;
/** So many rounds pass before the heaps of the first process are as large as rounds make them. */
const SETTLING = 5;
/** Descriptors that Deno opens for itself at some time: a pair of sockets. */
const DENOS_OWN = 2;

/** What a tree has between two rounds. */
export interface Possessions {
  children: number;
  descriptors: number;
  threads: number;
  blocks: number;
  arena: number;
  memory: number;
}

function possessions(): Possessions {
  native().collectGarbage();
  native().coolDown(); // processes that wait for work are not left, they are kept
  const { children, ownThreads } = belongings();
  const { blocks, resident } = native().memoryUsage();
  return {
    children: children.length,
    descriptors: descriptorCount(),
    threads: ownThreads,
    blocks,
    arena: resident,
    memory: Deno.memoryUsage().rss,
  };
}

/** Compares the ends of rounds with that of the first, and its memory with the first five. */
export class Leaks {
  #first: Possessions | null = null;
  #rounds = 0;
  /** The most memory of the rounds in which the heaps grow to their size. */
  #settled = 0;
  #descriptors: string[] = [];

  /** What is there once the round's own is gone; what is left is told to `violate`. */
  async check(violate: (what: string) => void): Promise<Possessions> {
    let now = possessions();
    if (this.#first === null) this.#descriptors = descriptors();
    const first = this.#first ??= now;
    if (this.#rounds++ < SETTLING) this.#settled = Math.max(this.#settled, now.memory);
    const limits: Possessions = {
      children: first.children,
      descriptors: first.descriptors + DENOS_OWN,
      threads: Math.max(first.threads, 2),
      blocks: first.blocks + SLACK_BLOCKS,
      arena: first.arena + SLACK_ARENA,
      memory: this.#settled + SLACK_MEMORY,
    };
    const grown = () => Object.keys(limits).filter((what) => now[what as never] > limits[what as never]);
    await until("everything gone", () => {
      now = possessions();
      return grown().length === 0;
    }).catch(() => {
      for (const what of grown()) violate(`${what}: ${now[what as never]} are left, ${first[what as never]} at first`);
      const more = descriptors().filter((it) => !this.#descriptors.includes(it));
      if (grown().includes("descriptors")) violate(`those descriptors were not there: ${more.join(", ")}`);
    });
    return now;
  }
}
