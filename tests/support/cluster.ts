// A cluster of Redis servers for tests: three that share the slots, and a replica of the one that has the keys of trees.

import { type Engine, freePort, startEngine } from "./engine.ts";
import { until } from "./helpers.ts";
import type { Reply } from "./resp.ts";

const HOST = "127.0.0.1";
/** What the keys of trees have as their hash tag. */
const TAG = "mp:";
const LAST_SLOT = 16_383;
/** Longer than any test: who is slow is not taken for dead. */
const NEVER = "600000";

/** A server of the cluster. */
interface Node {
  readonly engine: Engine;
  readonly id: string;
  readonly bus: number;
}

/** A cluster that runs. */
export class Cluster implements AsyncDisposable {
  /** The slot of the keys of trees. */
  readonly slot: number;
  /** Whose slot that is. */
  owner: Engine;
  /** Masters of other slots. */
  readonly others: Engine[];
  /** It follows the first owner. */
  readonly replica: Engine;
  readonly #nodes: Node[];

  private constructor(slot: number, masters: Engine[], replica: Engine, nodes: Node[]) {
    const at = Math.floor(slot / share(masters.length));
    this.slot = slot;
    this.owner = masters[at];
    this.others = masters.filter((it) => it !== this.owner);
    this.replica = replica;
    this.#nodes = nodes;
  }

  /** Starts the servers, and makes a cluster of them. */
  static async start(): Promise<Cluster> {
    const nodes: Node[] = [];
    try {
      for (let i = 0; i < 4; i++) nodes.push(await startNode());
      const engines = nodes.map(({ engine }) => engine);
      const [masters, replica] = [engines.slice(0, 3), engines[3]];
      const slot = await replica.command("CLUSTER", "KEYSLOT", TAG) as number;
      const cluster = new Cluster(slot, masters, replica, nodes);
      await cluster.#unite(masters);
      return cluster;
    } catch (error) {
      for (const { engine } of nodes) await engine[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #unite(masters: readonly Engine[]): Promise<void> {
    for (const [i, master] of masters.entries()) {
      const first = i * share(masters.length);
      const last = Math.min(first + share(masters.length) - 1, LAST_SLOT);
      await master.command("CLUSTER", "SET-CONFIG-EPOCH", i + 1);
      await master.command("CLUSTER", "ADDSLOTSRANGE", first, last);
    }
    for (const { engine } of this.#nodes) {
      for (const other of this.#nodes) {
        if (other.engine !== engine) await engine.command("CLUSTER", "MEET", HOST, other.engine.port, other.bus);
      }
    }
    const owners = this.idOf(this.owner);
    await until("the replica to know whom to follow", async () => {
      const isTold = () => this.replica.command("CLUSTER", "REPLICATE", owners);
      return await isTold().catch(() => null) === "OK";
    });
    for (const { engine } of this.#nodes) {
      await until("the cluster to be one", async () => {
        const info = await engine.command("CLUSTER", "INFO") as string;
        return /cluster_state:ok/.test(info) && /cluster_known_nodes:4\b/.test(info) && /cluster_size:3\b/.test(info);
      });
    }
    await until(
      "the replica to follow",
      async () => (await this.replica.command("ROLE") as Reply[])[3] === "connected",
    );
  }

  /** By what the cluster knows a server. */
  idOf(engine: Engine): string {
    return this.#nodes.find((it) => it.engine === engine)!.id;
  }

  /** Those that run. */
  get running(): Engine[] {
    return this.#nodes.map(({ engine }) => engine).filter((it) => it.isUp);
  }

  /** Some servers, of which the one at the first port is not there, and none has the keys. */
  urlOf(scheme = "redis+cluster", login = ""): string {
    const ports = [freePort(HOST), ...this.others.map(({ port }) => port)];
    return `${scheme}://${login}${ports.map((port) => `${HOST}:${port}`).join()}`;
  }

  /** The keys that belong to trees, by the server that has them: not those of the hosts. */
  async treeKeys(): Promise<string[]> {
    const keys = await Promise.all(this.running.map((it) => it.keys("*:{*")));
    return keys.flat().filter((key) => !key.includes("{hosts}:"));
  }

  /** The connections of others than the servers, which move keys by them, and this object. */
  async connections(): Promise<string[]> {
    const all = (await Promise.all(this.running.map((it) => it.connections()))).flat();
    return all.filter((line) => !line.includes("cmd=restore-asking"));
  }

  /** Has each server do it. */
  async all(...words: string[]): Promise<void> {
    for (const engine of this.running) await engine.command(...words);
  }

  /** The owner is killed, and its replica has the keys from now on. */
  async failOver(): Promise<void> {
    await this.owner.command("WAIT", 1, 0);
    await this.owner.kill();
    await this.replica.command("CLUSTER", "FAILOVER", "TAKEOVER");
    this.owner = this.replica;
    await this.#allKnow();
  }

  async #allKnow(): Promise<void> {
    for (const engine of this.running) {
      await until("all to know who has the keys", async () => {
        const ranges = await engine.command("CLUSTER", "SLOTS") as [from: number, to: number, master: Reply[]][];
        const range = ranges.find(([from, to]) => from <= this.slot && this.slot <= to);
        return range?.[2][2] === this.idOf(this.owner);
      });
    }
  }

  /** Begins to move the slot of the keys to another server. */
  async beginMove(to: Engine): Promise<void> {
    await to.command("CLUSTER", "SETSLOT", this.slot, "IMPORTING", this.idOf(this.owner));
    await this.owner.command("CLUSTER", "SETSLOT", this.slot, "MIGRATING", this.idOf(to));
  }

  /** Moves the keys, and gives the slot to that server. */
  async finishMove(to: Engine): Promise<void> {
    const keys = async () => await this.owner.command("CLUSTER", "GETKEYSINSLOT", this.slot, 100) as string[];
    for (let some = await keys(); some.length > 0; some = await keys()) {
      await this.owner.command("MIGRATE", HOST, to.port, "", 0, 5_000, "KEYS", ...some);
    }
    for (const engine of [to, this.owner]) {
      await engine.command("CLUSTER", "SETSLOT", this.slot, "NODE", this.idOf(to));
    }
    this.owner = to;
    await this.#allKnow();
  }

  /** Ends them all. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const { engine } of this.#nodes) await engine[Symbol.asyncDispose]();
  }
}

/** How many slots each of them has. */
function share(count: number): number {
  return Math.ceil((LAST_SLOT + 1) / count);
}

async function startNode(): Promise<Node> {
  const bus = freePort(HOST);
  const config = { "cluster-enabled": "yes", "cluster-port": `${bus}`, "cluster-node-timeout": NEVER };
  const engine = await startEngine({ config });
  return { engine, bus, id: await engine.command("CLUSTER", "MYID") as string };
}
