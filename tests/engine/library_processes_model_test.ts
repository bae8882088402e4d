// Random makers and agents do random steps with processes, again and while they, their hosts or the processes are buried: a slot has
// one process at a time, each end is told once and alike, and what is over leaves its slot free and nothing behind.

import fc from "fast-check";
import { assert, assertEquals } from "@std/assert";
import { VERSION } from "../../src/addon/interface.ts";
import type { Engine } from "../support/engine.ts";
import { BareTree, PREFIX } from "../support/library.ts";
import { assertNoObjectsLeft, modelTest } from "../support/model_runs.ts";
import { Player, type Sent } from "../support/player.ts";

const SLOTS = [2, 1] as const;
const HOSTS = "mp:{hosts}:";
interface Command {
  readonly action: string;
  readonly choice: number;
  readonly other: number;
}

const ACTIONS = [
  ..."make make make place place place place launch launch launch accept accept accept started started".split(" "),
  ..."refused exit exit exit dead join join close cancel again again leaveMaker buryMaker loseHost".split(" "),
];

const commands = fc.array(
  fc.record<Command>({
    action: fc.constantFrom(...ACTIONS),
    choice: fc.nat({ max: 999 }),
    other: fc.nat({ max: 999 }),
  }),
  { maxLength: 150, size: "max" },
);

interface Host {
  readonly agent: string;
  readonly player: Player;
  readonly slots: number;
  lives: boolean;
}

interface Maker {
  readonly player: Player;
  lives: boolean;
  /** What the answers by mail are to, by the numbers of the steps. */
  readonly waits: Map<number, { job: Job; what: "place" | "launch" | "join"; sent: Sent }>;
}

interface Job {
  readonly o: string;
  readonly maker: Maker;
  readonly reservation: string;
  host: Host | null;
  isLaunched: boolean;
  /** Its member, once it was accepted. */
  member: string | null;
  isClosed: boolean;
  /** How it ended, as the first who was told says. */
  end: string | null;
  isToldOfEnd: boolean;
}

class Run implements AsyncDisposable {
  readonly tree: BareTree;
  readonly hosts: Host[] = [];
  readonly makers: Maker[] = [];
  readonly jobs: Job[] = [];
  #last: [Player, Sent, string[]] | null = null;

  constructor(tree: BareTree) {
    this.tree = tree;
  }

  static async begin(engine: Engine): Promise<Run> {
    const run = new Run(await BareTree.open(engine));
    for (const [i, slots] of SLOTS.entries()) {
      const words = [`h${i}`, slots, "", VERSION, "2", 1, 30_000, `id${i}`];
      const [, agent] = await engine.command("FCALL", `${PREFIX}host`, 1, HOSTS, ...words) as string[];
      const [, member] = await run.tree.look("enter", agent, `agent ${i}`, `h${i}`, 7) as string[];
      run.hosts.push({ agent, player: new Player(run.tree, member), slots, lives: true });
    }
    const maker = (player: Player): Maker => ({ player, lives: true, waits: new Map() });
    run.makers.push(maker(new Player(run.tree)), maker(await Player.join(run.tree)));
    return run;
  }

  async #step(player: Player, name: string, ...args: (string | number)[]): Promise<string[]> {
    const answer = await player.step(name, ...args);
    this.#last = [player, player.last, answer];
    return answer;
  }

  async do({ action, choice, other }: Command): Promise<void> {
    const pick = <T>(all: T[]): T | undefined => all[choice % all.length];
    const mine = this.jobs.filter(({ maker, isClosed }) => maker.lives && !isClosed);
    const hosted = this.jobs.filter(({ host }) => host?.lives);
    switch (action) {
      case "make": {
        const maker = pick(this.makers.filter(({ lives }) => lives))!;
        if (mine.length > 5) return;
        const [, o] = await this.#step(maker.player, "make", "process", "P", other % 2, "[1]");
        const reservation = `r${this.jobs.length}`;
        this.jobs.push({
          ...{ o, maker, reservation, host: null, isLaunched: false, member: null, isClosed: false },
          ...{ end: null, isToldOfEnd: false },
        });
        break;
      }
      case "place": {
        const job = pick(mine.filter((it) => it.host === null && !this.#waits(it, "place")));
        if (job !== undefined) await this.#ask(job, "place", VERSION, "");
        break;
      }
      case "launch": {
        const job = pick(mine.filter(({ host, isLaunched }) => host !== null && !isLaunched));
        if (job === undefined) break;
        const sent = await this.#ask(job, "launch", job.host!.agent, "", "body", "signature");
        job.isLaunched = sent[0] === "later";
        break;
      }
      case "accept": {
        const job = pick(hosted.filter(({ isLaunched, member, end }) => isLaunched && member === null && end === null));
        if (job === undefined) break;
        const [outcome, m] = await this.#step(job.host!.player, "accept", job.o, job.reservation);
        if (job.isClosed || !job.maker.lives) {
          assertEquals([outcome, m], ["no", "dead"]);
          break;
        }
        assertEquals(outcome, "ok", `accept: ${m}`);
        assert(this.jobs.every(({ member }) => member !== m), "each process is a member of its own");
        job.member = m;
        const running = this.jobs.filter((it) => it.host === job.host && it.member !== null && it.end === null);
        assert(running.length <= job.host!.slots, `${running.length} processes in ${job.host!.slots} slots`);
        break;
      }
      case "started": {
        const job = pick(hosted.filter(({ member }) => member !== null));
        if (job !== undefined) await this.#step(job.host!.player, "started", job.o, job.member!, 42);
        break;
      }
      case "refused": {
        const job = pick(hosted.filter(({ isLaunched, member, end }) => isLaunched && member === null && end === null));
        if (job === undefined) break;
        assertEquals(await this.#step(job.host!.player, "refused", job.o, "why"), ["ok"]);
        job.end = "refused";
        break;
      }
      case "exit":
      case "dead": {
        const job = pick(hosted.filter(({ member, end }) => member !== null && end === null));
        if (job === undefined) break;
        const code = other % 5 - 2;
        await this.#step(job.host!.player, action, job.member!, code, ...action === "exit" ? ["why"] : []);
        // Who is dead has its slot until its end is told.
        if (action === "exit") job.end = "ended";
        break;
      }
      case "join": {
        const job = pick(mine.filter(({ end }) => end !== "refused"));
        if (job !== undefined) await this.#ask(job, "join");
        break;
      }
      case "close": {
        const job = pick(mine);
        if (job === undefined || other % 3 !== 0) break;
        await this.#step(job.maker.player, "close", job.o, 1);
        job.isClosed = true;
        break;
      }
      case "cancel": {
        const maker = pick(this.makers.filter(({ lives }) => lives))!;
        const [number, wait] = [...maker.waits][other % maker.waits.size] ?? [];
        // A launch that is under way is not cancelled: its agent may have begun it.
        if (wait === undefined || wait.what === "launch") break;
        if (await maker.player.cancel(wait.sent) === "cancelled") maker.waits.delete(number!);
        this.#last = null;
        break;
      }
      case "again": {
        if (this.#last === null) break;
        const [player, sent, answer] = this.#last;
        const isAlive = await this.tree.engine.command("HEXISTS", `${this.tree.prefix}alive`, player.member) === 1;
        if (isAlive) assertEquals(await player.again(sent), answer, "again");
        break;
      }
      case "leaveMaker":
      case "buryMaker": {
        const [, maker] = this.makers;
        if (!maker.lives || other % 6 !== 0) break;
        if (action === "buryMaker") await maker.player.bury();
        else await this.tree.look("leave", maker.player.member, 0);
        maker.lives = false;
        break;
      }
      case "loseHost": {
        const host = pick(this.hosts.filter(({ lives }) => lives));
        if (host === undefined || other % 8 !== 0) break;
        await this.#lose(host);
        break;
      }
    }
    await this.#hear();
  }

  #waits(job: Job, wanted: string): boolean {
    return [...job.maker.waits.values()].some((wait) => wait.job === job && wait.what === wanted);
  }

  async #ask(job: Job, what: "place" | "launch" | "join", ...args: string[]): Promise<string[]> {
    const { player, waits } = job.maker;
    const words = what === "place" ? [job.reservation, ...args] : args;
    const answer = await this.#step(player, what, job.o, ...words);
    if (answer[0] === "later") waits.set(player.last.number, { job, what, sent: player.last });
    else this.#told(job, what, answer);
    return answer;
  }

  /** Of a host that is lost, all processes are, and what waits for a start there is told. */
  async #lose(host: Host): Promise<void> {
    await this.tree.engine.command("FCALL", `${PREFIX}bury`, 1, HOSTS, host.agent, "lease ran out");
    await host.player.bury("lease ran out");
    host.lives = false;
    for (const job of this.jobs) if (job.host === host && job.member !== null) job.end ??= "ended";
  }

  #told(job: Job, what: string, answer: string[]): void {
    const [outcome, ...rest] = answer;
    if (what === "place" && outcome === "ok") {
      job.host = this.hosts.find(({ agent }) => agent === rest[0])!;
      assert(job.host.lives, "nobody is placed on a host that is lost");
    }
    if (what === "launch" && outcome === "no" && rest[0] === "lost") {
      [job.host, job.isLaunched] = [null, false]; // another place is to be found
    }
    if (what === "launch" && outcome === "ok") assertEquals(rest[0], job.member);
    if (what === "join" && outcome === "ok") {
      assertEquals(job.end === null, false, "it is told to have ended, and has not");
      assert(["ended", rest.join()].includes(job.end!), `it ended ${job.end}, and now ${rest}`);
      job.end = rest.join();
    }
  }

  async #hear(): Promise<void> {
    for (const maker of this.makers) {
      if (!maker.lives) continue;
      const { answers, events } = await maker.player.news();
      for (const [number, ...answer] of answers) {
        const wait = maker.waits.get(number);
        assert(maker.waits.delete(number), `step ${number} is answered again: ${answer}`);
        this.#told(wait!.job, wait!.what, answer);
      }
      for (const [name, o, ...how] of events) {
        if (name !== "exit") continue;
        const job = this.jobs.find((it) => it.o === o)!;
        assert(!job.isToldOfEnd, `the end of ${o} is told twice`);
        job.isToldOfEnd = true;
        this.#told(job, "join", ["ok", ...how]);
      }
    }
  }

  async end(): Promise<void> {
    for (const { host, member, end } of this.jobs) {
      if (host?.lives && member !== null && end === null) await host.player.step("exit", member, 0, "");
    }
    for (const job of this.jobs) if (job.member !== null) job.end ??= "ended";
    await this.#hear();
    for (const { maker, end, isClosed, member, isToldOfEnd } of this.jobs) {
      if (maker.lives && !isClosed && member !== null && end !== null) assert(isToldOfEnd, "an end was not told");
    }
    for (const { waits, lives } of this.makers) {
      if (!lives) continue;
      const open = [...waits.values()].filter(({ job, what }) =>
        what === "join" && job.member !== null && !job.isClosed
      );
      assertEquals(open.length, 0, "who waits for the end of what has ended is told");
    }
    for (const { player, lives } of this.makers) if (lives) await player.bury();
    const slots = this.hosts.reduce((sum, { lives, slots }) => sum + (lives ? slots : 0), 0);
    const all = await this.tree.engine.command("FCALL", `${PREFIX}hosts`, 1, HOSTS, "") as string[];
    assertEquals(all.slice(2), [`${slots}`, `${slots}`], "all slots are free again");
    for (const host of this.hosts) if (host.lives) await this.#lose(host);
    await assertNoObjectsLeft(this.tree);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.tree[Symbol.asyncDispose]();
    const keys = await this.tree.engine.keys(`${HOSTS}*`);
    if (keys.length > 0) await this.tree.engine.command("UNLINK", ...keys);
  }
}

modelTest(
  "processes have slots of their own and end once, whoever dies and whatever is sent twice",
  commands,
  (engine) => Run.begin(engine),
);
