// The soak of everything on two hosts: it starts an engine, the hosts and the program, kills something each second, and then
// judges what the processes have written into the book, and whether anything is left.
//
// usage: deno task soak:engine -- --seconds 60 --seed 1

import { optionsOrEnd } from "../../soak/command_line.ts";
import { Random } from "../../soak/random.ts";
import { aligned } from "../../soak/report.ts";
import { pause } from "../../soak/stage.ts";
import { type Engine, hasEngine, startEngine } from "../../support/engine.ts";
import { childrenOf, isRunning, PATIENCE, type Program, startProgram, until } from "../../support/helpers.ts";
import { Host, noHosts } from "../../support/hosts.ts";
import { endSoon, readBook } from "./book.ts";
import { judge } from "./judges/all.ts";
import type { Verdict } from "./judges/stories.ts";
import { optionsOf, type SoakOptions, USAGE } from "./options.ts";
import { PARTS } from "./parts.ts";
import type { RootPlan } from "./root.ts";
import { Torment } from "./torment.ts";

const ROOT = new URL("root.ts", import.meta.url);
/** Milliseconds that all may take to come to their end. */
const ENDING = 3 * PATIENCE;
/** Milliseconds between two looks at the book. */
const LOOK_EVERY = 50;
/** The events that show that a part is at work. */
const DONE = ["done", "passed", "visit", "got", "result"];
/** Violations that are printed; the others are counted. */
const MOST_PRINTED = 40;

/** Why there can be no soak here; `null` if there can. */
export const noSoak: string | null = hasEngine ? noHosts : "redis-server is not installed";

/** Soaks as the options say, and prints with `say`; what was not as it must be. */
export async function soak(options: SoakOptions, say: (line: string) => void): Promise<string[]> {
  say(`seed ${options.seed}: ${options.seconds} s on two hosts, with a lease of ${options.lease} ms`);
  const folder = Deno.makeTempDirSync({ prefix: "mp-soak-" });
  const violations: string[] = [];
  const run = new Run(options, folder, (what) => violations.push(what));
  const said = await run.run().catch((error) => {
    violations.push(`the soak: ${Deno.inspect(error)}`);
    return "";
  });
  const verdict = judge(readBook(folder));
  // Of a soak that was broken off the books need not balance.
  if (violations.length === 0) violations.push(...verdict.violations);
  for (const row of ["", ...tableOf(verdict), "", doneBy(run), ""]) say(row);
  for (const what of violations.slice(0, MOST_PRINTED)) say(`violation: ${what}`);
  if (violations.length === 0) {
    Deno.removeSync(folder, { recursive: true });
    say("no violation");
  } else {
    if (said !== "") say(`\nwhat the processes said:\n${said}`);
    say(`${violations.length} violations, with seed ${options.seed}; the book is in ${folder}`);
  }
  return violations;
}

class Run {
  readonly #options: SoakOptions;
  readonly #folder: string;
  readonly #violate: (what: string) => void;
  torment: Torment | null = null;

  constructor(options: SoakOptions, folder: string, violate: (what: string) => void) {
    this.#options = options;
    this.#folder = folder;
    this.#violate = violate;
  }

  /** What all processes have said. */
  async run(): Promise<string> {
    const before = childrenOf();
    const { seed } = this.#options;
    let said: string;
    {
      await using engine = await startEngine({ config: { "tcp-keepalive": "1" } });
      using east = new Host("east");
      using west = new Host("west");
      const hosts = [east, west];
      await engine.listenAt(...hosts.map(({ gateway }) => gateway));
      {
        await using torment = new Torment(engine, new Random(`${seed}/torment`), this.#options);
        this.torment = torment;
        await torment.begin(hosts);
        said = await this.#program(engine, torment);
        said += torment.said;
        await this.#nothing("keys of the tree", () => engine.treeKeys());
      }
      await this.#nothing("connections", () => engine.connections());
      await this.#nothing("processes on the hosts", () => hosts.flatMap((host) => host.processes()));
    }
    await this.#nothing("processes", () => childrenOf().filter((pid) => isRunning(pid) && !before.includes(pid)));
    return said;
  }

  /** Runs the program while it is tormented; what it has said. */
  async #program(engine: Engine, torment: Torment): Promise<string> {
    const { seconds, seed, lease, seats, workers } = this.#options;
    const plan: RootPlan = { seed, lease, seats, workers, folder: this.#folder, url: engine.tcpUrl };
    const patience = 10_000 * seconds + ENDING;
    await using program = startProgram(ROOT, { args: [JSON.stringify(plan)], patience });
    const ended = program.outcome();
    ended.catch(() => {}); // it is waited for below
    await Promise.race([
      ended,
      until("all processes to be at work", () => pause(LOOK_EVERY).then(() => this.#isAtWork())),
    ]);
    await Promise.race([ended, torment.run(this.#options)]);
    // Where processors are few or busy, it takes as long as it needs for each part to have been at work.
    await Promise.race([ended, until("work of all parts", () => pause(LOOK_EVERY).then(() => this.#hasWorked()))]);
    endSoon(this.#folder);
    return await this.#ended(program, ended);
  }

  #isAtWork(): boolean {
    try {
      const lives = new Set(readBook(this.#folder).map(({ life }) => life.split(/[.-]/)[0]));
      return lives.size === this.#options.seats + 2; // the root's, and the pool's
    } catch {
      return false; // it is not there yet
    }
  }

  #hasWorked(): boolean {
    const done = readBook(this.#folder).filter(({ event }) => DONE.includes(event));
    return new Set(done.map(({ part }) => part)).isSupersetOf(new Set(PARTS));
  }

  async #ended(program: Program, ended: ReturnType<Program["outcome"]>): Promise<string> {
    const late = setTimeout(() => {
      this.#violate("the root: it does not come to its end");
      program.kill();
    }, ENDING);
    const { code, signal, stdout, stderr } = await ended.finally(() => clearTimeout(late));
    if (code !== 0) this.#violate(`the root: it ended with ${signal ?? `exit code ${code}`}`);
    return stdout + stderr;
  }

  /** Violated unless a list becomes empty. */
  async #nothing(what: string, list: () => unknown[] | Promise<unknown[]>): Promise<void> {
    await until(`no ${what}`, async () => (await list()).length === 0).catch(async () => {
      this.#violate(`${what} are left: ${(await list()).join(", ")}`);
    });
  }
}

/** A row for each part. */
function tableOf({ rows }: Verdict): string[] {
  const cells = [...PARTS, "Process"].map((part) => {
    const { operations, told } = rows[part];
    const words = Object.entries(told).map(([what, count]) => `${count} ${what}`);
    return [part, `${operations}`, words.join(", ")];
  });
  return aligned([["part", "operations", "what others were told, and what came of it"], ...cells], 1);
}

function doneBy({ torment }: Run): string {
  return Object.entries(torment?.deeds ?? {}).map(([what, count]) => `${count} times ${what}`).join(", ");
}

if (import.meta.main) {
  const options = optionsOrEnd(optionsOf, USAGE);
  if (noSoak !== null) {
    console.error(`Cannot begin: ${noSoak}`);
    Deno.exit(2);
  }
  Deno.exit((await soak(options, console.log)).length === 0 ? 0 : 1);
}
