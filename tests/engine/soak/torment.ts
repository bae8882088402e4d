// What is done to the hosts of a soak: each second something is killed, as a seed has it. What is lost comes back.

import process from "node:process";
import type { Random } from "../../soak/random.ts";
import { pause } from "../../soak/stage.ts";
import { type Agent, startAgent } from "../../support/agent.ts";
import type { Engine } from "../../support/engine.ts";
import { until } from "../../support/helpers.ts";
import type { Host } from "../../support/hosts.ts";
import { HOSTS, leasePasses } from "../../support/leases.ts";
import type { SoakOptions } from "./options.ts";

/** More than all processes: each host takes the other's, too. */
const SLOTS = 16;
/** With one kill in so many a link is cut, and with one the engine is stopped. */
const ONE_CUT_IN = 5;
const ONE_STOP_IN = 5;
/** For how much of the lease at most, since a connection that waited for so long tries again after as long; in milliseconds. */
const PART_AWAY = 0.3;
const LONGEST_AWAY = 1500;

/** What was done how often. */
export interface Deeds {
  "process killed": number;
  "agent killed": number;
  "host lost": number;
  "link cut": number;
  "engine stopped": number;
}

/** A host with the agent that it has now. */
interface Place {
  readonly host: Host;
  agent: Agent;
}

/** Two hosts that are tormented. */
export class Torment implements AsyncDisposable {
  readonly #engine: Engine;
  readonly #random: Random;
  readonly #lease: number;
  readonly #hasClock: boolean;
  readonly #places: Place[] = [];
  /** What agents that are no more have said. */
  #said = "";
  #agents = 0;
  /** A host that is about to come back. */
  #away: Place | null = null;
  #returning: Promise<void> | null = null;
  /** A link that is cut, or an engine that is stopped, for a while. */
  #hindrance: Promise<void> | null = null;
  readonly deeds: Deeds = {
    "process killed": 0,
    "agent killed": 0,
    "host lost": 0,
    "link cut": 0,
    "engine stopped": 0,
  };

  constructor(engine: Engine, random: Random, { lease, clock }: { lease: number; clock: boolean }) {
    this.#engine = engine;
    this.#random = random;
    this.#lease = lease;
    this.#hasClock = clock;
  }

  /** Has agents on these hosts. */
  async begin(hosts: readonly Host[]): Promise<void> {
    for (const host of hosts) this.#places.push({ host, agent: await this.#started(host) });
  }

  /** Each life of an agent has a name of its own. */
  async #started(host: Host): Promise<Agent> {
    const url = this.#engine.urlAt(host.gateway);
    const name = `${host.name}-${++this.#agents}`;
    return await startAgent(url, { host, name, slots: SLOTS, args: ["--lease", `${this.#lease}ms`] });
  }

  /** What all agents have said besides that they are ready. */
  get said(): string {
    return this.#said + this.#places.map(({ agent }) => complaints(agent)).join("");
  }

  /** Kills something each second, or as often as is wanted. What is drawn for a kill depends on nothing but the seed. */
  async run({ seconds, every, hosts: everyHost }: SoakOptions): Promise<void> {
    const begin = performance.now();
    const first = this.#random.between(2, everyHost);
    for (let kills = 1; kills * every <= seconds * 1000; kills++) {
      await pause(Math.max(0, begin + kills * every - performance.now()));
      const random = this.#random.of(kills);
      const hosts = (kills - first) / everyHost;
      if (Number.isInteger(hosts) && hosts >= 0) await this.#loseHost(random.of("host"), hosts % 2 === 0);
      else this.#killProcess(random.of("process"));
      this.#hindrance ??= this.#hindered(random.of("hindrance"));
    }
    await Promise.all([this.#returning, this.#hindrance]);
  }

  #killProcess(random: Random): void {
    const places = (random.coin() ? this.#places : this.#places.toReversed()).filter((it) => it !== this.#away);
    const draw = random.next();
    for (const { host, agent } of places) {
      const all = host.processes().filter((pid) => pid !== agent.pid);
      if (all.length === 0) continue;
      this.deeds["process killed"]++;
      return kill(all[Math.floor(draw * all.length)]);
    }
  }

  /** One is lost at a time: by a kill of its agent, or as a whole, and without a word: its link goes first. */
  async #loseHost(random: Random, isWhole: boolean): Promise<void> {
    await this.#returning;
    const place = this.#away = random.pick(this.#places);
    this.deeds[isWhole ? "host lost" : "agent killed"]++;
    if (isWhole) {
      place.host.down();
      place.host.powerOff();
    }
    await place.agent.kill();
    this.#returning = this.#comeBack(place);
    this.#returning.catch(() => {}); // it is told by who waits for it
  }

  async #comeBack(place: Place): Promise<void> {
    const { host, agent } = place;
    this.#said += complaints(agent);
    await until("the end of what the agent has started", () => host.processes().length === 0);
    host.up();
    if (this.#hasClock) {
      await leasePasses(this.#engine, { prefix: HOSTS, lost: agent.name });
      await leasePasses(this.#engine, { lost: agent.name });
    }
    place.agent = await this.#started(host);
    this.#away = null;
  }

  /** Cuts a link, or stops the engine, or neither. */
  #hindered(random: Random): Promise<void> | null {
    const isCut = random.oneIn(ONE_CUT_IN);
    const ms = random.between(10, Math.min(LONGEST_AWAY, this.#lease * PART_AWAY));
    const { host } = random.pick(this.#places.filter((place) => place !== this.#away));
    const hindrance = isCut ? this.#cutLink(host, ms) : random.oneIn(ONE_STOP_IN) ? this.#stopEngine(ms) : null;
    return hindrance?.finally(() => this.#hindrance = null) ?? null;
  }

  async #cutLink(host: Host, ms: number): Promise<void> {
    this.deeds["link cut"]++;
    host.down();
    await pause(ms);
    host.up();
  }

  async #stopEngine(ms: number): Promise<void> {
    this.deeds["engine stopped"]++;
    this.#engine.freeze();
    await pause(ms);
    this.#engine.thaw();
  }

  /** Ends the agents in order. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled([this.#returning, this.#hindrance]);
    for (const { agent } of this.#places.splice(0)) await agent[Symbol.asyncDispose]();
  }
}

function complaints({ output }: Agent): string {
  return output.split("\n").filter((line) => line !== "" && !line.startsWith("ready")).map((line) => `${line}\n`).join(
    "",
  );
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended meanwhile.
  }
}
