// A tree of the soak as main.ts sees it: a program in a process group of its own, which says how it stands.

import { TextLineStream } from "./lines.ts";
import { killTree } from "../support/helpers.ts";
import type { Possessions } from "./leaks.ts";
import type { Longest, Sums } from "./stage.ts";
import type { Said, TreePlan } from "./tree.ts";

const PROGRAM = new URL("tree.ts", import.meta.url);
/** Lines of standard error that are printed; the others are counted. */
const MOST_PRINTED = 100;

export class TreeRun {
  readonly #plan: TreePlan;
  readonly #child: Deno.ChildProcess;
  readonly #violate: (what: string) => void;
  readonly #say: (line: string) => void;
  #sums: Sums = {};
  #round: number;
  #processes = 0;
  #has: Possessions | null = null;
  #longest: Longest | null = null;
  #heard = performance.now();
  #isOver = false;
  #hasEnded = false;
  #stops = 0;
  #noise = 0;

  constructor(plan: TreePlan, mark: string, violate: (what: string) => void, say: (line: string) => void) {
    this.#plan = plan;
    this.#violate = violate;
    this.#say = say;
    this.#round = plan.from;
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-check", "-A", PROGRAM.href, JSON.stringify(plan)],
      env: { MULTIPROCESSING_SOAK: mark, NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      detached: true, // Ctrl-C is for main.ts, which then ends the trees in order
    }).spawn();
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** What it has waited for longest, in the rounds that are over. */
  get longest(): Longest | null {
    return this.#longest;
  }

  /** What it has said last. */
  get sums(): Sums {
    return this.#sums;
  }

  /** Milliseconds since it has said something. */
  get silence(): number {
    return this.#isOver ? 0 : performance.now() - this.#heard;
  }

  /** Lets it come to its end; again: kills it. */
  stop(): void {
    if (this.#isOver) return;
    if (this.#stops++ === 0) void this.#child.stdin.close();
    else killTree(this.pid);
  }

  /** Hears it to its end. */
  async run(): Promise<void> {
    await Promise.all([this.#hear(), this.#hearErrors()]);
    const { code, signal } = await this.#child.status;
    this.#isOver = true;
    if (this.#stops === 0) await this.#child.stdin.close();
    if (this.#noise > 0) this.#violate(`${this} has written ${this.#noise} lines on standard error`);
    if (code !== 0 && this.#stops < 2) this.#violate(`${this} ended with ${signal ?? code}`);
    else if (!this.#hasEnded && this.#stops < 2) this.#violate(`${this} ended without a last word`);
  }

  async #hear(): Promise<void> {
    const lines = this.#child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
    for await (const line of lines) {
      this.#heard = performance.now();
      this.#take(JSON.parse(line));
    }
  }

  #take(said: Said): void {
    switch (said.kind) {
      case "sums":
        this.#sums = said.sums;
        this.#round = said.round;
        this.#processes = said.processes;
        break;
      case "between":
        this.#has = said.has;
        this.#longest = said.longest;
        break;
      case "violation":
        this.#violate(said.what);
        break;
      case "dump":
        for (const line of said.lines) this.#say(`  ${line}`);
        break;
      case "end":
        this.#sums = said.sums;
        this.#hasEnded = true;
    }
  }

  async #hearErrors(): Promise<void> {
    const lines = this.#child.stderr.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
    for await (const line of lines) {
      if (this.#noise++ < MOST_PRINTED) this.#say(`tree ${this.#plan.tree} on standard error: ${line}`);
    }
  }

  /** How it stands. */
  toString(): string {
    const memory = this.#has === null
      ? ""
      : `, ${(this.#has.memory / 2 ** 20).toFixed(0)} MiB, ${this.#has.blocks} blocks and ` +
        `${this.#has.descriptors} descriptors after the last`;
    return `tree ${this.#plan.tree} in round ${this.#round} with ${this.#processes} processes${memory}`;
  }
}
