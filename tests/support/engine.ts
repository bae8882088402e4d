// Redis servers for the tests of trees on several machines: each in a temporary folder of its own, ended by its pid, and
// looked at afterwards.

import { assertEquals } from "@std/assert";
import { childrenOf, PATIENCE, until, within } from "./helpers.ts";
import { type Reply, RespConnection } from "./resp.ts";

/** Options of {@linkcode startEngine}. */
export interface EngineOptions {
  /** What a restart finds again: nothing, all but the last second, or all. Default: `"none"`. */
  persistence?: "none" | "everysec" | "always";
  /** How many servers follow it. Default: 0. */
  replicas?: number;
  /** How much it may hold, as Redis writes it: `"4mb"`. Default: no limit. */
  maxmemory?: string;
  /** The password of its default user. Default: none. */
  password?: string;
  /** The address that it listens at. Default: `"127.0.0.1"`. */
  address?: string;
  /** Other directives of redis.conf. */
  config?: Readonly<Record<string, string>>;
}

/** Another version, or Valkey, by the variable `MULTIPROCESSING_TEST_ENGINE`. */
const PROGRAM = Deno.env.get("MULTIPROCESSING_TEST_ENGINE") ?? "redis-server";

// The library of functions as it is in the sources, also where the addon was built before it was changed.
Deno.env.set("MULTIPROCESSING_ENGINE_LIBRARY", new URL("../../src/engine/library", import.meta.url).pathname);

/** Whether there is a redis-server on this machine. */
export const hasEngine: boolean = (() => {
  try {
    return new Deno.Command(PROGRAM, { args: ["--version"], stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
})();

/** A port that nobody listens at; somebody else may take it until it is used. */
export function freePort(hostname: string): number {
  using listener = Deno.listen({ hostname, port: 0 });
  return listener.addr.port;
}

/** A Redis server that runs, with its replicas. */
export class Engine implements AsyncDisposable {
  readonly #options: EngineOptions;
  readonly #folder: string;
  readonly #leader: Engine | null;
  #child!: Deno.ChildProcess;
  #look: RespConnection | null = null;
  /** The port of {@linkcode address}. */
  port = 0;
  /** Those that follow it. */
  readonly replicas: Engine[] = [];

  constructor(options: EngineOptions, leader: Engine | null = null) {
    this.#options = options;
    this.#leader = leader;
    this.#folder = Deno.makeTempDirSync({ prefix: "mp-engine-" });
  }

  /** The address that it listens at. */
  get address(): string {
    return this.#options.address ?? "127.0.0.1";
  }

  /** Its UNIX socket. */
  get socket(): string {
    return `${this.#folder}/socket`;
  }

  /** The process of the server. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Its URL by the UNIX socket. A password is in it. */
  get url(): string {
    return `redis+unix://${this.#login}${this.socket}`;
  }

  /** Its URL by the port. A password is in it. */
  get tcpUrl(): string {
    return this.urlAt(this.address);
  }

  get #login(): string {
    const { password } = this.#options;
    return password === undefined ? "" : `:${encodeURIComponent(password)}@`;
  }

  /** Starts the server, again with what it has kept, and waits until it answers. */
  async start(): Promise<void> {
    for (let tries = 0;; tries++) {
      if (this.port === 0) this.port = freePort(this.address);
      // It ends with the thread that has started it, should the test itself be killed.
      this.#child = new Deno.Command("setpriv", {
        args: ["--pdeathsig", "KILL", PROGRAM, ...this.#directives()],
        cwd: this.#folder,
        stdin: "null",
        stdout: "null",
        stderr: "null",
      }).spawn();
      let ended = false;
      this.#child.status.then(() => ended = true);
      const isUp = await until("the answer of redis-server", async () => ended ? "ended" : await this.#pings());
      if (isUp !== "ended") return;
      if (tries === 3) throw new Error(`Cannot start ${PROGRAM}: ${this.log()}`);
      this.port = 0;
    }
  }

  #directives(): string[] {
    const { persistence = "none", maxmemory, password, config = {} } = this.#options;
    const all: Record<string, string> = {
      bind: this.address,
      port: `${this.port}`,
      unixsocket: this.socket,
      dir: this.#folder,
      logfile: `${this.#folder}/log`,
      save: "",
      appendonly: persistence === "none" ? "no" : "yes",
      "enable-debug-command": "local",
      "repl-diskless-sync-delay": "0",
      ...persistence === "none" ? {} : { appendfsync: persistence },
      ...maxmemory === undefined ? {} : { maxmemory },
      ...password === undefined ? {} : { requirepass: password, masterauth: password },
      ...this.#leader === null ? {} : { replicaof: `${this.#leader.address} ${this.#leader.port}` },
      ...config,
    };
    return Object.entries(all).flatMap((
      [name, value],
    ) => [`--${name}`, ...name === "replicaof" ? value.split(" ") : [value]]);
  }

  async #pings(): Promise<boolean> {
    try {
      const look = await RespConnection.open({ path: this.socket, transport: "unix" });
      try {
        if (this.#options.password !== undefined) await look.command("AUTH", this.#options.password);
        await look.command("PING"); // refused while it reads what it has kept
      } catch (error) {
        look[Symbol.dispose]();
        throw error;
      }
      this.#look = look;
      return true;
    } catch {
      return false;
    }
  }

  /** Has it listen at further addresses, for hosts that reach it by these alone. */
  async listenAt(...addresses: string[]): Promise<void> {
    await this.command("CONFIG", "SET", "bind", [this.address, ...addresses].join(" "));
    await this.command("CONFIG", "SET", "protected-mode", "no");
  }

  /** Its URL at an address. A password is in it. */
  urlAt(address: string): string {
    return `redis://${this.#login}${address}:${this.port}/0`;
  }

  /** Whether it runs, and is looked at. */
  get isUp(): boolean {
    return this.#look !== null;
  }

  /** What its log says. */
  log(): string {
    try {
      return Deno.readTextFileSync(`${this.#folder}/log`);
    } catch {
      return "";
    }
  }

  /** What the server answers. An error of the server is thrown. */
  command(...words: (string | number | Uint8Array)[]): Promise<Reply> {
    if (this.#look === null) throw new Error("Cannot ask the engine: it does not run");
    return within(this.#look.command(...words), `the answer to ${words[0]}`);
  }

  /** Looks at it over another connection: the one before was cut. */
  async lookAnew(): Promise<void> {
    this.#look?.[Symbol.dispose]();
    this.#look = null;
    await until("the answer of redis-server", () => this.#pings());
  }

  /** The keys that match, in order. */
  async keys(pattern = "*"): Promise<string[]> {
    return (await this.command("KEYS", pattern) as string[]).sort();
  }

  /** The keys that belong to a tree: not those of the hosts. */
  async treeKeys(): Promise<string[]> {
    return (await this.keys("mp:{*")).filter((key) => !key.startsWith("mp:{hosts}:"));
  }

  /** The connections of others than this object and its replicas, as `CLIENT LIST` writes them. */
  async connections(): Promise<string[]> {
    const own = await this.command("CLIENT", "ID");
    const all = (await this.command("CLIENT", "LIST", "TYPE", "normal") as string).trim().split("\n");
    return all.filter((line) => line !== "" && !line.startsWith(`id=${own} `));
  }

  /** Stops it from running, as a machine that is too slow would: it takes connections, and answers nothing. */
  freeze(): void {
    Deno.kill(this.pid, "SIGSTOP");
  }

  /** Lets it go on. */
  thaw(): void {
    Deno.kill(this.pid, "SIGCONT");
  }

  /** Ends the server; `start` starts it again at the same place. */
  async kill(signal: Deno.Signal = "SIGKILL"): Promise<void> {
    this.#look?.[Symbol.dispose]();
    this.#look = null;
    Deno.kill(this.pid, "SIGCONT");
    Deno.kill(this.pid, signal);
    await within(this.#child.status, "the end of redis-server");
    await Deno.remove(this.socket).catch(() => {});
  }

  /** Kills the server and starts it again with what it has kept; `kept`: only so many bytes of its append-only file, as
   * after a power cut that took the rest. */
  async restart(kept?: number): Promise<void> {
    await this.kill();
    if (kept !== undefined) await Deno.truncate(this.#appendOnlyFile, kept);
    await this.start();
  }

  /** How many bytes of steps it has written to its disk so far. */
  kept(): number {
    return Deno.statSync(this.#appendOnlyFile).size;
  }

  get #appendOnlyFile(): string {
    const folder = `${this.#folder}/appendonlydir`;
    const name = [...Deno.readDirSync(folder)].map((it) => it.name).find((it) => it.endsWith(".incr.aof"));
    return `${folder}/${name}`;
  }

  /** Starts a server that follows this one, and waits until it does. */
  async addReplica(): Promise<Engine> {
    const replica = new Engine({ ...this.#options, replicas: 0 }, this);
    this.replicas.push(replica);
    await replica.start();
    await until("the replica to follow", async () => (await replica.command("ROLE") as Reply[])[3] === "connected");
    return replica;
  }

  /** Ends it and its replicas, and removes their folders. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const replica of this.replicas) await replica[Symbol.asyncDispose]();
    if (this.#look !== null) await this.kill();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** Starts a server, and those that follow it. */
export async function startEngine(options: EngineOptions = {}): Promise<Engine> {
  const engine = new Engine(options);
  try {
    await engine.start();
    for (let i = 0; i < (options.replicas ?? 0); i++) await engine.addReplica();
  } catch (error) {
    await engine[Symbol.asyncDispose]();
    throw error;
  }
  return engine;
}

/** Options of {@linkcode engineTest}. */
export interface EngineTestOptions extends EngineOptions {
  /** Whether trees may be left on the engine, as after a test that kills whoever would take them away. Default: no. */
  leavesTrees?: boolean;
  /** Why this test cannot run here, though there is a redis-server; `null` if it can. Default: `null`. */
  leftOut?: string | null;
  /** Milliseconds after which the test counts as hanging. Default: twice {@linkcode PATIENCE}. */
  patience?: number;
}

/**
 * A test with an engine of its own, after which no key of a tree, no connection and no process is left. Where there is no
 * redis-server it is left out, and says so.
 */
export function engineTest(
  name: string,
  run: (engine: Engine) => Promise<void> | void,
  { leavesTrees = false, leftOut = null, patience = 2 * PATIENCE, ...options }: EngineTestOptions = {},
): void {
  const why = hasEngine ? leftOut : "redis-server is not installed";
  if (why !== null) {
    Deno.test.ignore(`${name} (left out: ${why})`, () => {});
    return;
  }
  Deno.test(name, async () => {
    const before = childrenOf();
    {
      await using engine = await startEngine(options);
      await within(Promise.try(() => run(engine)), `the test, whose engine said: ${engine.log()}`, patience);
      await nothingLeft("connections", () => engine.connections());
      if (!leavesTrees) await nothingLeft("keys of a tree", () => engine.treeKeys());
    }
    await nothingLeft("processes", () => childrenOf().filter((pid) => !before.includes(pid)));
  });
}

/** Fails unless a list becomes empty; what ends asynchronously is given the time to. */
export async function nothingLeft(what: string, list: () => unknown[] | Promise<unknown[]>): Promise<void> {
  await until(`no ${what} left`, async () => (await list()).length === 0).catch(async () => {
    assertEquals(await list(), [], `${what} are left`);
  });
}
