// Members of a tree whose steps a test does in any order, again, and after their death: tests/support/library.ts is the
// tree, and nothing of the client is in between.

import type { BareTree } from "./library.ts";
import type { Reply } from "./resp.ts";

/** What a step is given. */
type Word = string | number | Uint8Array;

/** What a step is named by, to be done again or cancelled. */
export interface Sent {
  readonly name: string;
  readonly args: Word[];
  readonly lane: number;
  readonly number: number;
}

/** A member that a test plays. */
export class Player {
  readonly tree: BareTree;
  /** Its number in the tree. */
  readonly member: string;
  readonly #numbers = new Map<number, number>();
  /** The last entry of each mailbox that was read. */
  readonly #read = new Map<number, string>();
  /** How many of its last steps it may do again. */
  memory = 8;
  /** The last step. */
  last!: Sent;

  constructor(tree: BareTree, member: number | string = 1) {
    this.tree = tree;
    this.member = `${member}`;
  }

  /** Another member, as its agent would make it: `Process-2` of `host-2` with the pid 102, and so on. */
  static async join(tree: BareTree, parent = "1"): Promise<Player> {
    const { engine, prefix } = tree;
    const member = `${await engine.command("INCR", `${prefix}members`)}`;
    const name = `Process-${member}`;
    const fields = { name, host: `host-${member}`, pid: 100 + Number(member), parent, voucher: 1, daemon: 0 };
    await engine.command("HSET", `${prefix}p:${member}`, ...Object.entries(fields).flat());
    await engine.command("HSET", `${prefix}alive`, member, name);
    return new Player(tree, member);
  }

  /** Does a step in lane 0. */
  step(name: string, ...args: Word[]): Promise<string[]> {
    return this.stepIn(0, name, ...args);
  }

  /** Does a step in a lane. */
  async stepIn(lane: number, name: string, ...args: Word[]): Promise<string[]> {
    const number = (this.#numbers.get(lane) ?? 0) + 1;
    this.#numbers.set(lane, number);
    this.last = { name, args, lane, number };
    return await this.again(this.last);
  }

  /** Sends a step once more. */
  async again({ name, args, lane, number }: Sent): Promise<string[]> {
    const low = Math.max(1, (this.#numbers.get(lane) ?? 0) - this.memory);
    return await this.tree.look(name, this.member, lane, number, low, ...args) as string[];
  }

  /** Makes an object; its id. */
  async make(kind: string, ...args: (string | number)[]): Promise<string> {
    const [outcome, id] = await this.step("make", kind, "", ...args);
    if (outcome !== "ok") throw new Error(`Cannot make a ${kind}: ${id}`);
    return id;
  }

  /** Stops the wait of a step, of which nobody wants the outcome if `isFinal`: `cancelled` or `answered`. */
  async cancel(sent: Sent, isFinal = false): Promise<string> {
    const final = isFinal ? ["final"] : [];
    return (await this.stepIn(sent.lane, "cancel", sent.args[0], sent.number, ...final))[1];
  }

  /** It is dead, as whoever watches it says. */
  async bury(how = "killed by signal 9"): Promise<void> {
    await this.tree.look("bury", this.member, how);
  }

  /** What has come into the mailbox of a lane since the last look: the number of each step and its answer. */
  async mail(lane = 0): Promise<[number: number, ...answer: string[]][]> {
    const key = `${this.tree.prefix}mb:${this.member}/${lane}`;
    const entries = await this.tree.engine.command("XRANGE", key, `(${this.#read.get(lane) ?? "0-0"}`, "+") as Reply[];
    return entries.map((entry) => {
      const [id, fields] = entry as [string, string[]];
      this.#read.set(lane, id);
      return [Number(fields[1]), ...fields.filter((_, i) => i > 2 && i % 2 === 1)];
    });
  }

  /** The same, and what it was told without having asked: the name of each event and what belongs to it. */
  async news(lane = 0): Promise<{ answers: [number: number, ...answer: string[]][]; events: string[][] }> {
    const key = `${this.tree.prefix}mb:${this.member}/${lane}`;
    const entries = await this.tree.engine.command("XRANGE", key, `(${this.#read.get(lane) ?? "0-0"}`, "+") as Reply[];
    const answers: [number: number, ...answer: string[]][] = [];
    const events: string[][] = [];
    for (const entry of entries) {
      const [id, [kind, first, ...rest]] = entry as [string, string[]];
      this.#read.set(lane, id);
      const parts = rest.filter((_, i) => i % 2 === 1);
      if (kind === "e") events.push([first, ...parts]);
      else if (kind === "n") answers.push([Number(first), ...parts]);
    }
    return { answers, events };
  }
}
