// Pools on an engine whose workers are programs of this machine that join the tree by hand: without agents.

import { EngineUnavailableError } from "../../src/errors.ts";
import { remotePlanOf } from "../../src/engine/options.ts";
import { engineAddressOf } from "../../src/engine/address.ts";
import { beginTree, type RemoteTree } from "../../src/engine/current.ts";
import { RemotePool } from "../../src/engine/pool.ts";
import type { RemoteContextOptions } from "../../src/engine/options.ts";
import type { PoolOptions } from "../../src/pool/options.ts";
import type { PoolSize } from "../../src/pool/size.ts";
import type { WorkerProcess } from "../../src/pool/desk.ts";
import type { Engine } from "./engine.ts";

const PROGRAM = new URL("../fixtures/engine/pool_worker.ts", import.meta.url).href;

/** What a worker's program is told. */
export interface WorkerFacts {
  readonly entry: { tree: string; member: number; host: string; shown: string; url: string };
  readonly plan: RemoteContextOptions;
  readonly args: readonly unknown[];
  /** The key, as numbers. */
  readonly key: readonly number[];
}

const KEY = new Uint8Array(32).fill(7);

/** A tree whose root is this process. */
export class PoolTree implements AsyncDisposable {
  readonly tree: RemoteTree;
  /** How many joins of each worker are given up, as if the engine were away. */
  joinsGivenUp = 0;
  /** All workers that were started. */
  readonly workers: HandWorker[] = [];
  readonly #pools: RemotePool[] = [];

  constructor(engine: Engine, options: RemoteContextOptions = {}) {
    this.tree = beginTree(engineAddressOf(engine.url), remotePlanOf({ lease: 600_000, authkey: KEY, ...options }));
  }

  /** A pool of so many workers. */
  // deno-lint-ignore no-explicit-any -- of any initializer
  pool(processes: number | PoolSize, options: PoolOptions<any> = {}): RemotePool {
    const { tree, workers, joinsGivenUp } = this;
    const Process = class extends HandWorker {
      constructor(given: { args?: readonly unknown[] }) {
        super(tree, given.args ?? [], joinsGivenUp);
        workers.push(this);
      }
    };
    const pool = new RemotePool({ tree, Process, places: () => Infinity }, processes, options);
    this.#pools.push(pool);
    return pool;
  }

  /** The worker of that process. */
  workerOf(pid: number): HandWorker {
    return this.workers.find((it) => it.pid === pid)!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#pools.map((pool) => pool.terminate()));
    await Promise.all(this.workers.map((worker) => worker.join()));
    this.tree.session.close();
  }
}

let count = 0;

/** A worker's process, which is a member of the tree. */
class HandWorker implements WorkerProcess {
  name = `Process-${++count}`;
  exitcode: number | null = null;
  member = 0;
  readonly #tree: RemoteTree;
  readonly #args: readonly unknown[];
  #child: Deno.ChildProcess | null = null;
  #end: Promise<true> | null = null;
  /** What it knows as the key. */
  key: Uint8Array = KEY;
  /** Whether its death is told to the engine; otherwise its parent hears of it when it is buried. */
  isWatched = true;
  /** Resolves when its process has ended, whether or not anybody is told of that. */
  ended: Promise<unknown> = Promise.resolve();
  readonly #buried = Promise.withResolvers<void>();

  #joinsGivenUp: number;

  constructor(tree: RemoteTree, args: readonly unknown[], joinsGivenUp: number) {
    this.#tree = tree;
    this.#args = args;
    this.#joinsGivenUp = joinsGivenUp;
  }

  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  start(): void {
    const { session, shown, url, plan } = this.#tree;
    const { tree } = session;
    this.member = session.lookSync(tree, "enter", `hand ${this.name}`, this.name, "here", 1).number(0);
    const { lease, code } = plan;
    const entry = { tree, member: this.member, host: "here", shown, url };
    const facts: WorkerFacts = { entry, plan: { lease, code }, args: this.#args, key: [...this.key] };
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--quiet", PROGRAM, JSON.stringify(facts)],
      stdin: "null",
    }).spawn();
    this.ended = this.#child.status;
    this.#end = this.#watch(this.#child);
  }

  async #watch(child: Deno.ChildProcess): Promise<true> {
    const { code, signal } = await child.status;
    if (this.isWatched) await this.bury();
    else await this.#buried.promise;
    this.exitcode = signal === null ? code : 128 - code;
    return true;
  }

  /** Tells the engine that it is dead. */
  async bury(): Promise<void> {
    const { session } = this.#tree;
    await session.look(session.tree, "bury", this.member, "killed").catch(() => {});
    this.#buried.resolve();
  }

  terminate(): void {
    this.#kill("SIGTERM");
  }

  kill(): void {
    this.#kill("SIGKILL");
  }

  #kill(signal: Deno.Signal): void {
    if (this.exitcode === null) {
      try {
        this.#child!.kill(signal);
      } catch {
        // It has just ended.
      }
    }
  }

  async join(): Promise<boolean> {
    if (this.#joinsGivenUp-- > 0) throw new EngineUnavailableError("Cannot reach the engine");
    return await this.#end ?? true;
  }
}
