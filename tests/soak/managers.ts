// A manager whose objects come and go, and whose clients are killed while they call: a hundred objects for each client.
// Afterwards its server has no object and no client more than before, no more descriptors, blocks of shared memory and
// memory than after a tenth of it, and still answers.
//
// usage: deno run -A tests/soak/managers.ts [--clients=1000]

import { getContext, Queue } from "@parallel/multiprocessing";
import type { ManagerStats } from "@parallel/multiprocessing/managers";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { churn, Manages } from "../fixtures/managers/lifecycle_targets.ts";
import { PATIENCE, within } from "../support/helpers.ts";
import { type Outcome, runByHand } from "./command_line.ts";

const OBJECTS_PER_CLIENT = 100;
/** So many clients live at a time. */
const LANES = 3;
/** So many objects are created without waiting for one another. */
const AT_ONCE = 50;
/** Blocks that a killed process was just told of, or that wait for the garbage collector. */
const SLACK_BLOCKS = 24;
/** Descriptors that come and go with what is under way. */
const SLACK_DESCRIPTORS = 2;
/** Bytes by which the memory of a server that leaks nothing differs from time to time. */
const SLACK_MEMORY = 32 * 2 ** 20;

const collect = (() => {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
})();

/** What a server has at a moment at which nobody calls it. */
interface Moment extends ManagerStats {
  readonly descriptors: number;
}

/** One run. */
class Soak {
  readonly #manager = new Manages({ ctx: getContext("forkserver") });
  readonly #violations: string[] = [];
  #created = 0;
  #killed = 0;

  async run(clients: number): Promise<Outcome> {
    await this.#manager.start();
    const first = Math.max(2, Math.round(clients / 10));
    await this.#churn(first);
    const before = await this.#moment();
    const begin = performance.now();
    await this.#churn(clients - first);
    const time = performance.now() - begin;
    const after = await this.#moment();
    this.#compare(before, after);
    const thing = await this.#manager.Thing();
    if (await within(thing.echo(7), "the server afterwards") !== 7) {
      this.#violations.push("it answers wrongly afterwards");
    }
    await within(this.#manager.shutdown(), "the end of the server");
    const shown = ({ objects, clients, descriptors, blocks, memory }: Moment) =>
      `${objects} objects, ${clients} clients, ${descriptors} descriptors, ${blocks} blocks, ` +
      `${(memory / 2 ** 20).toFixed(1)} MiB`;
    return {
      violations: this.#violations,
      lines: [
        `${this.#created} objects created and dropped, ${this.#killed} clients killed`,
        `${(time / 1000).toFixed(1)} s for the last ${clients - first} clients and their objects`,
        `after a tenth: ${shown(before)}`,
        `at the end:    ${shown(after)}`,
      ],
    };
  }

  async #churn(clients: number): Promise<void> {
    const lanes = Array.from({ length: LANES }, (_, lane) => this.#clients(Math.floor((clients + lane) / LANES)));
    await Promise.all([...lanes, this.#objects(clients * OBJECTS_PER_CLIENT)]);
  }

  /** Objects are created and closed, some by the garbage collector. */
  async #objects(count: number): Promise<void> {
    for (let left = count; left > 0; left -= AT_ONCE) {
      const things = await within(
        Promise.all(Array.from({ length: Math.min(AT_ONCE, left) }, () => this.#manager.Thing())),
        "objects",
      );
      this.#created += things.length;
      if (await things[0].echo(left) !== left) this.#violations.push("another object's answer");
      if (left % (10 * AT_ONCE) !== 0) { for (const thing of things) thing.close(); }
    }
  }

  /** Clients are started and killed, one after the other. */
  async #clients(count: number): Promise<void> {
    const { Process } = getContext("forkserver");
    using said = new Queue<number>();
    for (let i = 0; i < count; i++) {
      using thing = await this.#manager.Thing();
      const child = new Process({ target: churn, args: [said, thing as never] });
      child.start();
      await within(said.get(), "a client", 3 * PATIENCE);
      child.kill();
      await within(child.join(), "the end of a client");
      child.close();
      this.#killed++;
    }
  }

  /** Once nobody has anything any more. */
  async #moment(): Promise<Moment> {
    const end = performance.now() + PATIENCE;
    for (;;) {
      collect();
      const stats = await this.#manager.stats();
      const isOver = performance.now() > end;
      if ((stats.objects > 0 || stats.clients > 1) && !isOver) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        continue;
      }
      if (stats.objects > 0) this.#violations.push(`${stats.objects} objects that nobody has are left`);
      if (stats.clients > 1) this.#violations.push(`${stats.clients - 1} clients that are gone are left`);
      return { ...stats, descriptors: [...Deno.readDirSync(`/proc/${stats.pid}/fd`)].length };
    }
  }

  #compare(before: Moment, after: Moment): void {
    const limits = { descriptors: SLACK_DESCRIPTORS, blocks: SLACK_BLOCKS, memory: SLACK_MEMORY };
    for (const [what, slack] of Object.entries(limits) as [keyof typeof limits, number][]) {
      const grown = after[what] - before[what];
      if (grown > slack) this.#violations.push(`${what} of the server grew by ${grown}`);
    }
  }
}

/** Soaks a manager with so many clients. */
export async function soak(clients: number): Promise<Outcome> {
  return await new Soak().run(clients);
}

if (import.meta.main) await runByHand("managers", "clients", 1000, soak);
