// Random workers do random steps with the tasks of a pool, again and while they or its owner are buried: a task is begun at most
// once, its result is told exactly once, what nobody has begun waits, and nothing is left behind.

import fc from "fast-check";
import { assert, assertEquals } from "@std/assert";
import { type Engine, engineTest } from "../support/engine.ts";
import { PATIENCE } from "../support/helpers.ts";
import { BareTree } from "../support/library.ts";
import { assertNoObjectsLeft } from "../support/model_runs.ts";
import { Player, type Sent } from "../support/player.ts";

const WORKERS = 4;
/** How many runs there are: a few, unless more are wanted. */
const RUNS = Number(Deno.env.get("MP_MODEL_RUNS") ?? 20);

interface Command {
  readonly worker: number;
  readonly action: string;
  readonly choice: number;
  readonly n: number;
}

const ACTIONS = [
  ..."put put put put enter enter ask ask wait wait wait rest tell answer answer answer begin begin begin".split(" "),
  ..."wrong back stop gone again again cancel bury bury bury bury owner shut".split(" "),
];

const commands = fc.array(
  fc.record<Command>({
    worker: fc.integer({ min: 0, max: WORKERS - 1 }),
    action: fc.constantFrom(...ACTIONS),
    choice: fc.nat({ max: 999 }),
    n: fc.integer({ min: 1, max: 3 }),
  }),
  { maxLength: 150, size: "max" },
);

/** Where a task is, as far as anybody was told. */
type Place = "waiting" | "begun" | "answered" | "lost" | "back" | "dropped";

/** A worker, as its owner numbers them; it is a member of its own. */
interface Worker {
  readonly name: string;
  readonly player: Player;
  lives: boolean;
  hasEntered: boolean;
  /** Its `pool_next` that is not answered. */
  waits: Sent | null;
  offers: string[];
  runs: Set<string>;
  isTold: boolean;
}

class Run implements AsyncDisposable {
  readonly tree: BareTree;
  readonly isWide: boolean;
  owner!: Player;
  pool!: string;
  event!: string;
  workers: Worker[] = [];
  readonly tasks = new Map<string, Place>();
  /** Which beginnings, results and ends the owner was told of. */
  readonly told = { begun: new Set<string>(), results: new Set<string>(), gone: new Set<string>() };
  ownerLives = true;
  isShut = false;
  #numbers = 0;
  #names = 0;
  #last: [Player, Sent, string[]] | null = null;

  constructor(tree: BareTree, isWide: boolean) {
    this.tree = tree;
    this.isWide = isWide;
  }

  static async begin(engine: Engine, isWide: boolean): Promise<Run> {
    const run = new Run(await BareTree.open(engine), isWide);
    run.owner = await Player.join(run.tree);
    run.pool = await run.owner.make("pool", isWide ? 1 : 0);
    run.event = await run.owner.make("event");
    for (let i = 0; i < WORKERS; i++) run.workers.push(await run.#hire());
    return run;
  }

  async #hire(): Promise<Worker> {
    const player = await Player.join(this.tree, this.owner.member);
    const name = `${++this.#names}`;
    return { name, player, lives: true, hasEntered: false, waits: null, offers: [], runs: new Set(), isTold: false };
  }

  async #step(player: Player, name: string, ...args: (string | number)[]): Promise<string[]> {
    const answer = await player.step(name, ...args);
    this.#last = [player, player.last, answer];
    return answer;
  }

  async do({ worker: index, action, choice, n }: Command): Promise<void> {
    const worker = this.workers[index];
    const { player, name } = worker;
    switch (action) {
      case "put":
        await this.#put(n, choice);
        break;
      case "enter": {
        if (!worker.lives) {
          this.workers[index] = await this.#hire();
          break;
        }
        const [outcome] = await this.#step(player, "pool_enter", this.pool, name);
        assertEquals(outcome, worker.hasEntered || worker.isTold || this.isShut ? "no" : "ok", "pool_enter");
        if (outcome === "ok") worker.hasEntered = true;
        break;
      }
      case "ask":
      case "wait":
      case "rest":
      case "tell":
        await this.#next(worker, action, null);
        break;
      case "answer": {
        const [number] = worker.runs;
        if (number !== undefined) await this.#next(worker, ["ask", "wait", "tell"][choice % 3], number);
        break;
      }
      case "wrong": {
        // A result of what it has not begun, or begun and answered, is nobody's.
        const number = [...this.tasks.keys()].find((it) => !worker.runs.has(it));
        if (!worker.lives || number === undefined) break;
        const [outcome] = await this.#step(player, "pool_next", this.pool, name, "ask", 0, number, "stolen", "");
        assertEquals(outcome, "no", "a result of another's task");
        break;
      }
      case "begin":
        await this.#begin(worker);
        break;
      case "back":
        if (choice % 3 === 0) await this.#back();
        break;
      case "stop":
        if (choice % 4 === 0 && this.ownerLives) await this.#step(this.owner, "pool_stop", this.pool, name);
        break;
      case "gone":
        if (choice % 4 === 0 && this.ownerLives) await this.#gone(worker);
        break;
      case "again":
        if (this.#last !== null) {
          const [player, sent, answer] = this.#last;
          if (player.last === sent && !await this.#isBuried(player)) {
            assertEquals(await player.again(sent), answer, "again");
          }
        }
        break;
      case "cancel":
        if (worker.lives && worker.waits !== null) {
          const outcome = await player.cancel(worker.waits);
          this.#last = null;
          if (outcome === "cancelled") worker.waits = null;
        }
        break;
      case "bury":
        if (choice % 3 === 0 && worker.lives) await this.#bury(worker);
        break;
      case "owner":
        if (choice % 25 === 0 && this.ownerLives) {
          await this.owner.bury();
          this.ownerLives = false;
          this.#close();
        }
        break;
      case "shut":
        if (choice % 25 === 0 && this.ownerLives) {
          await this.#step(this.owner, "pool_shut", this.pool);
          this.#close();
        }
        break;
    }
    await this.#hear();
    await this.#look();
  }

  async #isBuried(player: Player): Promise<boolean> {
    return await this.tree.engine.command("HEXISTS", `${this.tree.prefix}alive`, player.member) === 0;
  }

  /** What waits and was offered is forgotten; what was begun goes on, and nobody hears of it. */
  #close(): void {
    this.isShut = true;
    for (const [number, place] of this.tasks) if (place === "waiting") this.tasks.set(number, "dropped");
    for (const worker of this.workers) worker.offers = [];
  }

  async #put(n: number, choice: number): Promise<void> {
    if (!this.ownerLives || this.isShut) return;
    const numbers = Array.from({ length: n }, () => `${++this.#numbers}`);
    const objects = choice % 2 === 0 ? this.event : "";
    const words = numbers.flatMap((number) => [number, `task ${number}`, objects]);
    assertEquals(await this.#step(this.owner, "pool_put", this.pool, ...words), ["ok"]);
    for (const number of numbers) this.tasks.set(number, "waiting");
  }

  async #next(worker: Worker, how: string, number: string | null): Promise<void> {
    const { player, name } = worker;
    if (!worker.lives || worker.waits !== null) return;
    if (!this.isWide && number === null && worker.runs.size > 0 && how !== "tell") return;
    const result = number === null ? [] : [number, `result ${number}`, this.ownerLives ? this.event : ""];
    const answer = await this.#step(player, "pool_next", this.pool, name, how, 0, ...result);
    if (!worker.hasEntered || worker.isTold || this.isShut) return assertEquals(answer, ["no", "gone"]);
    if (number !== null) {
      worker.runs.delete(number);
      assertEquals(this.tasks.get(number), "begun");
      this.tasks.set(number, "answered");
    }
    this.#answered(worker, answer);
    if (answer[0] === "later") worker.waits = player.last;
  }

  /** What a worker is answered, at once or by mail. */
  #answered(worker: Worker, [outcome, kind, number, frame]: string[]): void {
    if (outcome !== "ok" || kind === "none" || kind === "stop") return;
    assertEquals(frame, `task ${number}`);
    assertEquals(this.tasks.get(number), "waiting", `task ${number} is given, and nobody had begun it`);
    if (kind === "offer") worker.offers.push(number);
    else this.#begun(worker, number);
  }

  #begun(worker: Worker, number: string): void {
    this.tasks.set(number, "begun");
    worker.runs.add(number);
  }

  async #begin(worker: Worker): Promise<void> {
    const { player, name } = worker;
    const number = worker.offers.shift();
    if (number === undefined || !worker.lives) return;
    const answer = await this.#step(player, "pool_begin", this.pool, name, number);
    if (this.isShut || worker.isTold) return assertEquals(answer, ["no", "gone"]);
    if (this.tasks.get(number) !== "waiting") return assertEquals(answer, ["no", "taken"]);
    assertEquals(answer, ["ok"]);
    this.#begun(worker, number);
  }

  async #back(): Promise<void> {
    if (!this.ownerLives || this.isShut) return;
    const [outcome, count, ...rest] = await this.#step(this.owner, "pool_back", this.pool);
    assertEquals(outcome, "ok");
    const back = rest.slice(0, Number(count));
    const waiting = [...this.tasks].filter(([, place]) => place === "waiting").map(([number]) => number);
    assertEquals(back.sort(), waiting.sort(), "what comes back is what nobody has begun");
    for (const number of back) this.tasks.set(number, "back");
    const running = rest.slice(Number(count)).filter((_, i) => i % 2 === 1);
    const begun = [...this.tasks].filter(([, place]) => place === "begun").map(([number]) => number);
    assertEquals(running.sort(), begun.sort(), "what workers run");
  }

  async #gone(worker: Worker): Promise<void> {
    await this.#step(this.owner, "pool_gone", this.pool, worker.name);
    this.#end(worker);
    worker.waits = null;
  }

  async #bury(worker: Worker): Promise<void> {
    worker.lives = false;
    await worker.player.bury();
    if (worker.hasEntered) this.#end(worker);
  }

  /** What a worker that has ended had begun is lost; what it was offered waits again. */
  #end(worker: Worker): void {
    worker.isTold = true;
    worker.offers = [];
    for (const number of worker.runs) this.tasks.set(number, "lost");
    worker.runs.clear();
  }

  /** Reads all mail. */
  async #hear(): Promise<void> {
    for (const worker of this.workers) {
      if (!worker.lives) continue;
      const { answers } = await worker.player.news();
      for (const [number, ...answer] of answers) {
        if (number !== worker.waits?.number) continue; // it had cancelled it, or was told of its end
        worker.waits = null;
        if (!worker.isTold) this.#answered(worker, answer);
      }
    }
    if (!this.ownerLives) return;
    const { events } = await this.owner.news();
    for (const [name, o, worker, ...rest] of events) {
      assertEquals(o, this.pool);
      if (name === "pool.gone") {
        assert(!this.told.gone.has(worker), `the end of ${worker} is told twice`);
        this.told.gone.add(worker);
        const lost = rest[0] === "" ? [] : rest[0].split(",");
        for (const number of lost) assertEquals(this.tasks.get(number), "lost", `task ${number}`);
        continue;
      }
      assertEquals(name, "pool");
      const [begun, , frame] = rest;
      if (begun !== "") {
        assert(!this.told.begun.has(begun), `task ${begun} is begun twice`);
        this.told.begun.add(begun);
      }
      const number = frame.match(/^result (\d+)$/)?.[1];
      assertEquals(frame === "", number === undefined, frame);
      if (number === undefined) continue;
      assert(!this.told.results.has(number), `the result of ${number} is told twice`);
      this.told.results.add(number);
      assertEquals(this.tasks.get(number), "answered");
    }
  }

  /** No task waits while a worker does. */
  async #look(): Promise<void> {
    const { engine, prefix } = this.tree;
    const length = (list: string) => engine.command("LLEN", `${prefix}o:${this.pool}:${list}`);
    if (await length("l") as number > 0) assertEquals(await length("w"), 0, "a task waits, and a worker does");
  }

  async end(): Promise<void> {
    await this.#back();
    await this.#hear();
    if (this.ownerLives && !this.isShut) {
      const at = (place: Place) => [...this.tasks].filter(([, it]) => it === place).map(([number]) => number).sort();
      assertEquals([...this.told.results].sort(), at("answered"), "each result is told");
      const begun = ["begun", "answered", "lost"].flatMap((place) => at(place as Place)).sort();
      assertEquals([...this.told.begun].sort(), begun, "each beginning is told");
    }
    for (const { player, lives } of this.workers) if (lives) await player.bury();
    if (this.ownerLives) await this.owner.bury();
    await assertNoObjectsLeft(this.tree);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.tree[Symbol.asyncDispose]();
  }
}

engineTest(
  "tasks of a pool are begun once and answered once, whoever dies and whatever is sent twice",
  async (engine) => {
    await fc.assert(
      fc.asyncProperty(commands, fc.boolean(), async (all, isWide) => {
        await using run = await Run.begin(engine, isWide);
        for (const command of all) await run.do(command);
        await run.end();
      }),
      { numRuns: RUNS },
    );
  },
  { patience: 2 * PATIENCE + 2000 * RUNS },
);
