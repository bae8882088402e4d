// Two hosts work while every second something is killed: a process, or a whole host. Afterwards the books are balanced. The
// variable MULTIPROCESSING_SOAK_SECONDS says how often; the gate does so a few times.

import { assert, assertEquals } from "@std/assert";
import type { OnHost, RemoteContext } from "@parallel/multiprocessing/context";
import type { Process } from "@parallel/multiprocessing";
import * as targets from "../fixtures/engine/two_hosts_targets.ts";
import { type Agent, startAgent } from "../support/agent.ts";
import { PATIENCE, until } from "../support/helpers.ts";
import { agentArguments, hostsTest, SHORT_LEASE, type TwoHosts } from "../support/two_hosts.ts";
import type { Engine } from "../support/engine.ts";

const SECONDS = Number(Deno.env.get("MULTIPROCESSING_SOAK_SECONDS") ?? 4);
const WORKERS = 6;
/** Every so many kills it is a whole host. */
const HOST_EVERY = 4;
const timeout = PATIENCE;

/** Processes that are replaced when they have been killed. */
class Workers {
  readonly #start: () => Process & OnHost;
  readonly all: (Process & OnHost)[] = [];
  /** How many have been killed. */
  killed = 0;

  constructor(start: () => Process & OnHost) {
    this.#start = start;
  }

  get alive(): (Process & OnHost)[] {
    return this.all.filter((worker) => worker.isAlive());
  }

  /** Starts as many as are missing. */
  fill(): void {
    while (this.alive.length < WORKERS) this.all.push(this.#start());
  }

  /** They were killed: waits until that is known. */
  async lost(workers: (Process & OnHost)[]): Promise<void> {
    this.killed += workers.length;
    for (const worker of workers) assert(await worker.join({ timeout }), `${worker} is not known to be lost`);
  }
}

/** Kills a process or a host each second, and replaces what is gone. */
async function torment(workers: Workers, { hosts }: TwoHosts, engine: Engine, agents: Agent[]): Promise<void> {
  for (let kills = 1; kills <= SECONDS; kills++) {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    if (kills % HOST_EVERY === 0) {
      const host = hosts[(kills / HOST_EVERY) % hosts.length];
      const victims = workers.alive.filter((worker) => worker.host === host.name);
      host.powerOff();
      await workers.lost(victims);
      assert(victims.every(({ lostHost }) => lostHost), "a host is not known to be lost");
      agents.push(await startAgent(engine.urlAt(host.gateway), { host, args: agentArguments(SHORT_LEASE) }));
    } else {
      const [victim] = workers.alive;
      victim.kill();
      await workers.lost([victim]);
    }
    workers.fill();
  }
}

async function soak(context: RemoteContext, two: TwoHosts, engine: Engine): Promise<void> {
  using jobs = new context.JoinableQueue<number>(20, { onConsumerDeath: "redeliver", maxDeliveries: 255 });
  using done = new context.Queue<number>();
  using lock = new context.Lock({ onOwnerDeath: "recover" });
  const workers = new Workers(() => {
    const worker = new context.Process({ target: targets.soak, args: [jobs, done, lock] });
    worker.start();
    return worker;
  });
  workers.fill();
  const times = new Map<number, number>();
  let isOver = false;
  const produce = async () => {
    let n = 0;
    for (; !isOver; n++) await jobs.put(n, { timeout });
    return n;
  };
  const count = async () => {
    for await (const n of done) times.set(n, (times.get(n) ?? 0) + 1);
  };
  const agents: Agent[] = [];
  try {
    const producing = produce();
    const counting = count();
    await until("work to be done", () => times.size > WORKERS);
    await torment(workers, two, engine, agents);
    isOver = true;
    const made = await producing;
    assert(await jobs.join({ timeout }));
    jobs.shutdown();
    for (const worker of workers.alive) {
      assert(await worker.join({ timeout }));
      assertEquals(worker.exitcode, 0);
    }
    done.shutdown();
    await counting;
    const again = [...times.values()].reduce((sum, count) => sum + count - 1, 0);
    console.log(`${made} messages, ${workers.killed} processes killed, ${again} messages dealt with again`);
    assertEquals(await jobs.lost(), []);
    assertEquals([...times.keys()].sort((a, b) => a - b), Array.from({ length: made }, (_, n) => n));
    // One that was told and not yet acknowledged when its process was killed.
    assert(again <= workers.killed, `${again} messages were dealt with again, ${workers.killed} processes were killed`);
    assert(workers.killed > 0 && made > WORKERS);
    const guard = lock.tryAcquire();
    assert(guard !== null, "the lock is not free");
    guard?.release();
  } finally {
    isOver = true;
    for (const worker of workers.alive) worker.kill();
    for (const agent of agents) await agent[Symbol.asyncDispose]();
  }
}

hostsTest("soak: each message is dealt with, and the lock is free, whatever is killed", soak, {
  lease: SHORT_LEASE,
  patience: 10_000 * SECONDS + 2 * PATIENCE,
});
