// The soak of everything: whole trees of processes that use all of the package at the same time, while they are killed.
// It starts the trees, prints how they stand, and judges what only others can: whether they end, and leave nothing.
//
// usage: deno task soak -- --minutes 30 --seed 1

import { isRunning, killTree, sharedMemory } from "../support/helpers.ts";
import { optionsOrEnd } from "./command_line.ts";
import { whoWaits } from "./dump.ts";
import { optionsOf, type SoakOptions, USAGE } from "./options.ts";
import { line, table, together } from "./report.ts";
import { HANG, type Longest, pause, type Sums } from "./stage.ts";
import { TreeRun } from "./tree_run.ts";

/** Milliseconds between two lines of how it stands. */
const TELL_EVERY = 60_000;
/** Milliseconds between two looks at the trees. */
const LOOK_EVERY = 250;
/** Violations that are printed; the others are counted. */
const MOST_PRINTED = 100;
/** How long what a tree has left may take to go, in milliseconds. */
const LINGER = 10_000;

/** What came of it. */
export interface Outcome {
  readonly sums: Sums;
  readonly violations: number;
  /** What each tree has waited for longest. */
  readonly longest: readonly (Longest | null)[];
}

/** One run of the soak. */
class Soak {
  readonly #options: SoakOptions;
  readonly #say: (line: string) => void;
  /** All processes of the soak have it in their environment. */
  readonly #mark = crypto.randomUUID();
  readonly #memory = sharedMemory();
  readonly #trees: TreeRun[];
  readonly #begin = performance.now();
  #violations = 0;

  constructor(options: SoakOptions, say: (line: string) => void) {
    this.#options = options;
    this.#say = say;
    const { trees, seed, from, round, minutes, parts } = options;
    this.#trees = Array.from({ length: trees }, (_, tree) => {
      const plan = { seed, tree, from, round, seconds: minutes * 60, parts };
      return new TreeRun(plan, this.#mark, (what) => this.#violate(what), say);
    });
  }

  /** Ends it in order; the second time, at once. */
  stop(): void {
    for (const tree of this.#trees) tree.stop();
  }

  async run(): Promise<Outcome> {
    const ends = this.#trees.map((tree) => tree.run());
    let isOver = false;
    const all = Promise.all(ends).finally(() => isOver = true);
    let nextLine = performance.now() + TELL_EVERY;
    while (!isOver) {
      await Promise.race([all, pause(LOOK_EVERY)]);
      for (const tree of this.#trees) this.#watch(tree);
      if (performance.now() < nextLine || isOver) continue;
      nextLine += TELL_EVERY;
      this.#say(this.#line());
    }
    await all;
    await this.#lookBehind();
    return { sums: this.#sums, violations: this.#violations, longest: this.#trees.map(({ longest }) => longest) };
  }

  get #sums(): Sums {
    return together(this.#trees.map(({ sums }) => sums));
  }

  #line(): string {
    return line((performance.now() - this.#begin) / 1000, this.#sums, this.#trees.join("; "), this.#violations);
  }

  /** A tree that says nothing any more has hung as a whole. */
  #watch(tree: TreeRun): void {
    if (tree.silence < 2 * HANG) return;
    this.#violate(`${tree} has said nothing for ${(tree.silence / 1000).toFixed(0)} s`);
    for (const each of whoWaits(tree.pid)) this.#say(`  ${each}`);
    for (const pid of marked(this.#mark)) killTree(pid);
  }

  /** Whether anything is left that was not there before. */
  async #lookBehind(): Promise<void> {
    const left = () => marked(this.#mark);
    const until = performance.now() + LINGER;
    while (left().length > 0 && performance.now() < until) await pause(LOOK_EVERY);
    for (const pid of left()) {
      this.#violate(`process ${pid} is left: ${whoWaits(pid)[0]}`);
      killTree(pid);
    }
    const memory = sharedMemory().filter((name) => !this.#memory.includes(name));
    if (memory.length > 0) this.#violate(`/dev/shm has ${memory.join(", ")}, which was not there before`);
  }

  #violate(what: string): void {
    this.#violations++;
    if (this.#violations <= MOST_PRINTED) this.#say(`violation: ${what}`);
    else if (this.#violations === MOST_PRINTED + 1) this.#say("violation: and more, which are counted only");
  }
}

/** The processes with that mark in their environment. */
function marked(mark: string): number[] {
  return [...Deno.readDirSync("/proc")].map(({ name }) => Number(name)).filter((pid) => {
    try {
      return pid > 0 && Deno.readTextFileSync(`/proc/${pid}/environ`).includes(mark) && isRunning(pid);
    } catch {
      return false;
    }
  });
}

/** Soaks as the options say, and prints with `say`. */
export async function soak(options: SoakOptions, say: (line: string) => void): Promise<Outcome> {
  const { seed, trees, minutes, round } = options;
  const run = new Soak(options, say);
  const stop = () => run.stop();
  Deno.addSignalListener("SIGINT", stop);
  Deno.addSignalListener("SIGTERM", stop);
  say(`seed ${seed}: ${trees} ${trees === 1 ? "tree" : "trees"}, ${minutes} minutes, rounds of ${round} s`);
  try {
    const outcome = await run.run();
    for (const row of ["", ...table(outcome.sums), ""]) say(row);
    for (const it of outcome.longest) {
      if (it !== null) say(`longest wait: ${(it.time / 1000).toFixed(1)} s for ${it.what}`);
    }
    say(outcome.violations === 0 ? "no violation" : `${outcome.violations} violations, with seed ${seed}`);
    return outcome;
  } finally {
    Deno.removeSignalListener("SIGINT", stop);
    Deno.removeSignalListener("SIGTERM", stop);
  }
}

if (import.meta.main) {
  const { violations } = await soak(optionsOrEnd(optionsOf, USAGE), console.log);
  Deno.exit(violations === 0 ? 0 : 1);
}
