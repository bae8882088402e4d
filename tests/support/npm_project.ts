// A folder of a user's, outside of this repository: with a home, a cache and an environment of its own, in which Deno is all
// that there is.

import { within } from "./helpers.ts";

/** How Deno ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A project whose packages come from a registry. */
export class Project implements AsyncDisposable {
  readonly #home = Deno.makeTempDirSync({ prefix: "npm" });
  readonly #env: Record<string, string>;

  /** An empty one, but for its configuration; with these variables besides its own. */
  constructor(registry: string, configuration: Record<string, unknown>, env: Record<string, string> = {}) {
    this.#env = {
      HOME: this.#home,
      DENO_DIR: `${this.#home}/cache`,
      DENO_NO_UPDATE_CHECK: "1",
      NO_COLOR: "1",
      NPM_CONFIG_REGISTRY: registry,
      PATH: `${this.#home}/bin`,
      ...env,
    };
    Deno.mkdirSync(`${this.#home}/project`);
    // Deno takes no package that is younger than a day, unless it is told to.
    this.write("deno.json", JSON.stringify({ ...configuration, minimumDependencyAge: 0 }));
  }

  /** Writes a file. */
  write(name: string, text: string): void {
    Deno.writeTextFileSync(`${this.#home}/project/${name}`, text);
  }

  /** Runs Deno in the folder. */
  async deno(args: readonly string[]): Promise<Ended> {
    return await this.#command(Deno.execPath(), args, this.#env);
  }

  /** Runs a program of the folder, which finds Deno and Node.js, and nothing else. */
  async program(path: string, args: readonly string[]): Promise<Ended> {
    const place = `${this.#home}/programs`;
    Deno.mkdirSync(place);
    const { stdout } = await new Deno.Command("node", { args: ["-p", "process.execPath"] }).output();
    Deno.symlinkSync(new TextDecoder().decode(stdout).trim(), `${place}/node`);
    Deno.symlinkSync(Deno.execPath(), `${place}/deno`);
    return await this.#command(`${this.#home}/project/${path}`, args, { ...this.#env, PATH: place });
  }

  async #command(command: string, args: readonly string[], env: Record<string, string>): Promise<Ended> {
    const output = new Deno.Command(command, {
      args: [...args],
      cwd: `${this.#home}/project`,
      env,
      clearEnv: true,
      stdin: "null",
      signal: AbortSignal.timeout(60_000),
    }).output();
    const { code, stdout, stderr } = await within(output, `${command} ${args.join(" ")}`, 60_000);
    return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
  }

  /** Runs a program, with these flags. */
  async run(args: readonly string[]): Promise<Ended> {
    return await this.deno(["run", "--quiet", "--no-prompt", "--cached-only", ...args]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#home, { recursive: true });
  }
}
