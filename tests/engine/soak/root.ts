// The program that is soaked: it has a process at each seat, on any host, and a pool, and starts anew what has been killed.
// When it is over, it looks at what all have left, and writes that into the book.

import { getContext, OwnerDiedError, ProcessError, WorkerLostError } from "@parallel/multiprocessing";
import type { EngineUrl, JoinableQueueLike, PoolLike, RemoteContext } from "@parallel/multiprocessing/context";
import { Random } from "../../soak/random.ts";
import { pause } from "../../soak/stage.ts";
import { AUTHKEY } from "../../support/agent.ts";
import { descriptorCount, PATIENCE } from "../../support/helpers.ts";
import { type Book, isOver, readBook, ROOT } from "./book.ts";
import { GUARDED, PERMITTED, type Permitted, type Queued, QUEUES } from "./parts.ts";
import { double } from "./pool_task.ts";
import { createRig, disposeRig, type Parcel, type Rig } from "./rig.ts";
import { openBook, Visitor, work } from "./worker.ts";

/** What the root is given. */
export interface RootPlan {
  readonly folder: string;
  readonly url: string;
  readonly seed: number;
  readonly lease: number;
  /** Processes besides the pool's. */
  readonly seats: number;
  readonly workers: number;
}

/** Milliseconds between two of what others wait for. */
const TICK = 250;
/** Milliseconds after a start that failed. */
const REST = 200;
/** Tasks of the pool that are under way at a time, and how long one takes at most, in milliseconds. */
const TASKS = 4;
const LONGEST_TASK = 30;
/** How often a task is begun anew. */
const RETRIES = 100;

class Root {
  readonly #plan: RootPlan;
  readonly #book: Book;
  readonly #context: RemoteContext;
  readonly #rig: Rig;
  readonly #visitor: Visitor;
  readonly #random: Random;
  #working: number;
  /** Seats at which nobody has been yet, and whether the pool has worked. */
  #empty = 0;
  #hasResult = false;
  /** What it sends over the pipe, while that is under way. */
  #sending: Promise<void> | null = null;
  #isNoted = false;

  constructor(plan: RootPlan, book: Book, context: RemoteContext, rig: Rig) {
    this.#plan = plan;
    this.#book = book;
    this.#context = context;
    this.#rig = rig;
    this.#random = new Random(`${plan.seed}/root`);
    this.#visitor = new Visitor(rig, book, ROOT, this.#random.of("visits"));
    this.#working = this.#empty = plan.seats;
  }

  async run(): Promise<void> {
    const seats = Array.from({ length: this.#plan.seats }, (_, seat) => this.#seat(seat));
    await Promise.all([...seats, this.#pool(), this.#tick()]);
    await this.#judge();
  }

  /** One process after the other. */
  async #seat(seat: number): Promise<void> {
    const { folder, seed } = this.#plan;
    let isFirst = true;
    for (let n = 0; !isOver(folder); n++) {
      const life = `${seat}.${n}`;
      const path = `${seed}/seat/${seat}/${n}`;
      const process = new this.#context.Process({ target: work, args: [this.#rig, folder, life, path] });
      try {
        process.start();
      } catch (error) {
        if (!(error instanceof ProcessError)) throw error;
        this.#book.note("Process", "unstarted", life, ...error.message.split(" "));
        await pause(REST);
        continue;
      }
      this.#book.note("Process", "start", life, process.pid!, process.host!);
      if (isFirst) this.#empty--;
      isFirst = false;
      // Whoever is killed before it has begun is told of in words, too.
      await process.join().catch((error) => {
        if (!(error instanceof ProcessError)) throw error;
      });
      this.#book.note("Process", "end", life, process.exitcode!, process.lostHost ? "lost" : "-");
      this.#settle(life);
      process.close();
    }
    this.#working--;
  }

  /** Gives back the permits that a process had for certain when it was killed. */
  #settle(life: string): void {
    const lines = readBook(this.#plan.folder, life);
    for (const part of PERMITTED) {
      if (lines.findLast((line) => line.part === part)?.event === "got") this.#give(part);
    }
  }

  #give(part: Permitted): void {
    this.#book.note(part, "given");
    this.#rig.permits[part].release();
  }

  /** What others wait for comes again and again, as long as there are others. */
  async #tick(): Promise<void> {
    while (this.#working > 0) {
      await this.#visitor.count("Condition");
      this.#rig.event.set();
      await this.#visitor.putSimple();
      await this.#tickPipe();
      this.#noteBeginning();
      await pause(TICK);
    }
  }

  /**
   * What it sends comes to whoever waits to receive; it never waits for room itself. Once it is over nobody may be left who
   * receives: then it makes room for those that wait to send.
   */
  async #tickPipe(): Promise<void> {
    if (this.#sending !== null && isOver(this.#plan.folder)) return await this.#drainPipe();
    this.#sending ??= this.#visitor.send(true).finally(() => this.#sending = null);
  }

  async #drainPipe(): Promise<void> {
    const [receiver] = this.#rig.pipe;
    try {
      while (await receiver.poll({ timeout: 0 })) {
        const parcel = await receiver.recv({ signal: AbortSignal.timeout(REST) });
        this.#book.note("Pipe", "got", parcel.id);
      }
    } catch (error) {
      if (!(error instanceof DOMException)) throw error; // somebody else has received it meanwhile
    }
  }

  /** Once all that is made once is there. */
  #noteBeginning(): void {
    if (this.#isNoted || this.#empty > 0 || !this.#hasResult) return;
    this.#isNoted = true;
    noteDescriptors(this.#book, "begin");
  }

  async #pool(): Promise<void> {
    const { folder, workers } = this.#plan;
    let next = 0;
    while (!isOver(folder)) {
      await using pool = new this.#context.Pool(workers, { stderr: "inherit" });
      let isWhole = true;
      const give = async () => {
        while (!isOver(folder) && isWhole) isWhole = await this.#task(pool, next++) && isWhole;
      };
      await Promise.all(Array.from({ length: TASKS }, give));
      if (!isWhole) continue;
      pool.close();
      await pool.join().catch((error) => this.#noteEnd(error));
    }
  }

  /** Whether the pool goes on. */
  async #task(pool: PoolLike, n: number): Promise<boolean> {
    this.#book.note("Pool", "give", n);
    const args = [n, this.#plan.folder, this.#random.below(LONGEST_TASK)] as const;
    try {
      const result = await pool.apply(double, args, { retries: RETRIES });
      this.#book.note("Pool", "result", n, result);
      this.#hasResult = true;
      return true;
    } catch (error) {
      this.#book.note("Pool", "told", n);
      if (error instanceof WorkerLostError) return true;
      this.#noteEnd(error);
      return false;
    }
  }

  /** A pool of whose workers several in a row were killed before they began does not go on: that is no fault. */
  #noteEnd(error: unknown): void {
    if (!(error instanceof ProcessError && /workers in a row could not start/.test(error.message))) throw error;
    this.#book.note("Pool", "ended");
  }

  /** Looks at what is left, once nobody else is there. */
  async #judge(): Promise<void> {
    for (const part of GUARDED) await this.#visitor.count(part); // each lock is free
    for (const part of PERMITTED) this.#book.note(part, "left", this.#rig.permits[part].getValue());
    for (const part of QUEUES) await this.#drain(part);
    await this.#drainPipe();
    await this.#sending;
    await this.#drainPipe();
    const { dict, namespace, list, set } = this.#rig;
    for (const [key, count] of await dict.items()) this.#book.note("dict", "left", key, count);
    for (const [name, count] of Object.entries(await namespace.getvalue())) {
      this.#book.note("Namespace", "left", name, count);
    }
    for (const id of await list.copy()) this.#book.note("list", "left", id);
    for (const id of await set.copy()) this.#book.note("set", "left", id);
  }

  async #drain(part: Queued): Promise<void> {
    if (part === "SimpleQueue") {
      while (!this.#rig.simple.empty()) this.#book.note(part, "got", (await this.#rig.simple.get()).id);
      return;
    }
    while (await this.#visitor.get(part));
    const queue = this.#rig.queues[part];
    for (const { id } of await (queue as unknown as { lost(): Promise<Parcel[]> }).lost()) {
      this.#book.note(part, "lost", id);
    }
    if (part.startsWith("JoinableQueue")) await this.#join(part, queue as JoinableQueueLike);
  }

  async #join(part: Queued, queue: JoinableQueueLike): Promise<void> {
    try {
      const isDone = await queue.join({ timeout: PATIENCE });
      this.#book.note(part, isDone ? "joined" : "unfinished");
    } catch (error) {
      if (!(error instanceof OwnerDiedError)) throw error;
      this.#book.note(part, "told", ...error.message.split(" "));
    }
  }
}

/** Descriptors of this process, noted for comparison. */
function noteDescriptors(book: Book, when: string): void {
  book.note("root", "descriptors", when, descriptorCount());
}

async function main(plan: RootPlan): Promise<void> {
  const { folder, url, lease } = plan;
  using book = openBook(folder, ROOT);
  using context = getContext(url as EngineUrl, { lease, authkey: AUTHKEY, startTimeout: PATIENCE, output: "plain" });
  const rig = await createRig(context);
  await new Root(plan, book, context, rig).run();
  disposeRig(rig);
  noteDescriptors(book, "end");
  book.note("root", "whole");
}

if (import.meta.main) await main(JSON.parse(Deno.args[0]));
