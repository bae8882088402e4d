// One tree of the soak: rounds, each of which runs all parts at the same time, with parameters that the seed gives. It is
// a program that main.ts starts; what it has to say are lines of JSON. It ends when its time is over, or its input.

import { getAllStartMethods } from "@parallel/multiprocessing";
import { descendantsOf, killTree } from "../support/helpers.ts";
import { whoWaits } from "./dump.ts";
import { Leaks, type Possessions } from "./leaks.ts";
import { PARTS } from "./parts/all.ts";
import { Random } from "./random.ts";
import { addTo, HANG, type Longest, pause, Stage, type Sums } from "./stage.ts";
import { turningTime } from "./turns.ts";

/** What a tree is to do. */
export interface TreePlan {
  readonly seed: number;
  readonly tree: number;
  /** The number of the first round. */
  readonly from: number;
  /** Seconds of a round, and of all. */
  readonly round: number;
  readonly seconds: number;
  readonly parts: readonly string[];
}

/** What a tree says. */
export type Said =
  | { kind: "sums"; round: number; sums: Sums; processes: number }
  | { kind: "between"; round: number; has: Possessions; longest: Longest }
  | { kind: "violation"; what: string }
  | { kind: "dump"; lines: string[] }
  | { kind: "end"; sums: Sums };

/** Milliseconds between two words of the sums. */
const TELL_EVERY = 1000;
/** The first round is short: after it, all that is made once is there. */
const FIRST = 0.25;
/** For less than this part of a round none is begun. */
const LEAST = 0.3;

function say(said: Said): void {
  console.log(JSON.stringify(said));
}

class Tree {
  readonly #plan: TreePlan;
  readonly #past: Sums = {};
  readonly #end = performance.now();
  #stages: Stage[] = [];
  #longest: Longest = { what: "nothing", time: 0 };
  #round: number;
  #isOver = false;

  constructor(plan: TreePlan) {
    this.#plan = plan;
    this.#round = plan.from;
    this.#end += plan.seconds * 1000;
  }

  /** To be over soon: the round comes to its end. */
  endSoon(): void {
    this.#isOver = true;
  }

  async run(): Promise<void> {
    const leaks = new Leaks();
    const telling = setInterval(() => this.#tell(), TELL_EVERY);
    try {
      for (let isFirst = true; isFirst || !this.#over(); isFirst = false) {
        await this.#runRound(isFirst ? FIRST : 1);
        const has = await leaks.check((what) => this.#violate("leaks", what));
        say({ kind: "between", round: this.#round, has, longest: this.#longest });
        this.#round++;
      }
      say({ kind: "end", sums: this.#sums });
    } catch (error) {
      this.#violate("round", Deno.inspect(error));
      say({ kind: "dump", lines: whoWaits(Deno.pid, this.#stages.flatMap(({ seen }) => seen)) });
      this.#tell();
      for (const pid of descendantsOf(Deno.pid)) killTree(pid);
      Deno.exit(1);
    } finally {
      clearInterval(telling);
    }
  }

  /** Whether there is no time for another round. */
  #over(): boolean {
    return this.#isOver || performance.now() + this.#plan.round * 1000 * LEAST > this.#end;
  }

  async #runRound(part: number): Promise<void> {
    const begin = performance.now();
    const until = Math.min(begin + this.#plan.round * 1000 * part, Math.max(this.#end, begin));
    const random = new Random(`${this.#plan.seed}/${this.#plan.tree}/${this.#round}`);
    // Where processors are few or busy, a round takes as long as it needs for each part to have been at work.
    const isDone = () => performance.now() >= until && this.#stages.every(({ hasWorked }) => hasWorked);
    let hasEnded = false;
    const isOver = () => hasEnded ||= this.#isOver || isDone();
    this.#stages = this.#plan.parts.map((name) => {
      const own = random.of(name);
      return new Stage(own, own.of("method").pick(METHODS), isOver, (what) => this.#violate(name, what));
    });
    const running = this.#plan.parts.map((name, i) => named(name, PARTS[name](this.#stages[i])));
    await Promise.all([...running, this.#watchEnd(isOver, running)]);
    for (const { sums, longest } of this.#stages) {
      for (const [row, sum] of Object.entries(sums)) addTo(this.#past, row, sum);
      if (longest.time > this.#longest.time) this.#longest = longest;
    }
    this.#stages = [];
  }

  /** Once a round is over, all its parts are soon. */
  async #watchEnd(isOver: () => boolean, running: readonly Promise<void>[]): Promise<void> {
    let left = running.length;
    for (const part of running) part.catch(() => {}).finally(() => left--);
    while (!isOver() && left > 0) await pause(100);
    for (const end = turningTime() + 3 * HANG; left > 0; await pause(100)) {
      if (turningTime() > end) throw new Error(`${left} parts do not come to their end`);
    }
  }

  get #sums(): Sums {
    const sums = structuredClone(this.#past);
    for (const stage of this.#stages) for (const [row, sum] of Object.entries(stage.sums)) addTo(sums, row, sum);
    return sums;
  }

  #tell(): void {
    say({ kind: "sums", round: this.#round, sums: this.#sums, processes: descendantsOf(Deno.pid).length });
  }

  #violate(part: string, what: string): void {
    const { seed, tree } = this.#plan;
    say({ kind: "violation", what: `seed ${seed}, tree ${tree}, round ${this.#round}, ${part}: ${what}` });
  }
}

const METHODS = getAllStartMethods() as ("spawn" | "forkserver")[];

/** An error of a part names it. */
async function named(name: string, part: Promise<void>): Promise<void> {
  try {
    await part;
  } catch (error) {
    throw new Error(`Cannot go on with ${name}`, { cause: error });
  }
}

if (import.meta.main) {
  const tree = new Tree(JSON.parse(Deno.args[0]));
  const input = Deno.stdin.readable.getReader();
  void (async () => {
    while (!(await input.read()).done); // nothing is said, but that it is over
    tree.endSoon();
  })();
  await tree.run();
  await input.cancel();
}
