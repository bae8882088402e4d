// A sentinel that watches an engine and its replicas, for tests: it does what it is told, and nothing by itself.

import { type Engine, freePort } from "./engine.ts";
import { until, within } from "./helpers.ts";
import { type Reply, RespConnection } from "./resp.ts";

/** What the sentinel calls the engine. */
export const NAME = "main";
const HOSTNAME = "127.0.0.1";
/** Longer than any test: what it finds slow it takes for alive. */
const NEVER = 600_000;

/** A sentinel that runs. */
export class Sentinel implements AsyncDisposable {
  readonly #folder = Deno.makeTempDirSync({ prefix: "mp-sentinel-" });
  readonly #child: Deno.ChildProcess;
  readonly port = freePort(HOSTNAME);
  #look: RespConnection | null = null;

  constructor(engine: Engine) {
    const lines = [
      `bind ${HOSTNAME}`,
      `port ${this.port}`,
      `dir ${this.#folder}`,
      `sentinel monitor ${NAME} ${engine.address} ${engine.port} 1`,
      `sentinel down-after-milliseconds ${NAME} ${NEVER}`,
    ];
    const path = `${this.#folder}/sentinel.conf`;
    Deno.writeTextFileSync(path, `${lines.join("\n")}\n`);
    this.#child = new Deno.Command("setpriv", {
      args: ["--pdeathsig", "KILL", "redis-server", path, "--sentinel"],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
  }

  /** What it answers. */
  command(...words: string[]): Promise<Reply> {
    return within(this.#look!.command(...words), `the answer to ${words[1]}`);
  }

  /** Waits until it knows the replica. */
  async ready(): Promise<void> {
    await until("the sentinel", async () => {
      this.#look ??= await RespConnection.open({ hostname: HOSTNAME, port: this.port }).catch(() => null);
      return this.#look !== null;
    });
    await this.command("SENTINEL", "DEBUG", "info-period", "200", "publish-period", "200"); // instead of 10 s, 2 s
    await until("the sentinel to know the replica", async () => {
      const [replica] = await this.command("SENTINEL", "REPLICAS", NAME) as string[][];
      return replica !== undefined && replica[replica.indexOf("master-link-status") + 1] === "ok";
    });
  }

  /** Has the replica take the place of the engine, which becomes its replica. */
  async failOver(engine: Engine): Promise<void> {
    await this.command("SENTINEL", "FAILOVER", NAME);
    await until("the engine to be a replica", async () => {
      const role = await engine.command("ROLE").catch(() => engine.lookAnew()); // all connections are cut then
      return (role as Reply[] | undefined)?.[0] === "slave";
    });
    for (const server of [engine, ...engine.replicas]) await server.lookAnew();
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#look?.[Symbol.dispose]();
    this.#child.kill("SIGKILL");
    await within(this.#child.status, "the end of the sentinel");
    await Deno.remove(this.#folder, { recursive: true });
  }
}
