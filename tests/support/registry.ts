// An npm registry of a test's own: Verdaccio on a free port, with nothing in it but what the test publishes.

import { npm } from "../../tools/package.ts";
import { PATIENCE, within } from "./helpers.ts";

/** Where Verdaccio is installed once, by npm. */
const PLACE = new URL("../../target/verdaccio/", import.meta.url);
const WANTED = new URL("../fixtures/package/verdaccio.json", import.meta.url);

/** Installs Verdaccio if it is not there yet; why it cannot be had, or `null`. */
export async function whyNoRegistry(): Promise<string | null> {
  const wanted = Deno.readTextFileSync(WANTED);
  const stamp = new URL("installed.json", PLACE);
  try {
    if (Deno.readTextFileSync(stamp) === wanted) return null;
  } catch {
    // Not yet.
  }
  try {
    Deno.mkdirSync(PLACE, { recursive: true });
    Deno.writeTextFileSync(new URL("package.json", PLACE), wanted);
    await npm([
      "install",
      "--prefix",
      PLACE.pathname,
      "--no-audit",
      "--no-fund",
      "--ignore-scripts",
      "--no-package-lock",
    ]);
    Deno.writeTextFileSync(stamp, wanted);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

/** A registry that runs. */
export class Registry implements AsyncDisposable {
  readonly url: string;
  readonly #folder: string;
  readonly #child: Deno.ChildProcess;

  private constructor(url: string, folder: string, child: Deno.ChildProcess) {
    this.url = url;
    this.#folder = folder;
    this.#child = child;
  }

  /** Starts one that is empty. */
  static async start(): Promise<Registry> {
    const folder = Deno.makeTempDirSync();
    const port = freePort();
    const configuration = {
      storage: `${folder}/storage`,
      auth: {},
      uplinks: {},
      packages: { "**": { access: "$all", publish: "$all" } },
      log: { type: "stdout", format: "json", level: "warn" },
    };
    Deno.writeTextFileSync(`${folder}/config.yaml`, JSON.stringify(configuration)); // which is YAML, too
    Deno.writeTextFileSync(`${folder}/npmrc`, `//127.0.0.1:${port}/:_authToken=nobody\n`);
    const child = new Deno.Command("node", {
      args: [
        new URL("node_modules/verdaccio/bin/verdaccio", PLACE).pathname,
        "--config",
        `${folder}/config.yaml`,
        "--listen",
        `127.0.0.1:${port}`,
      ],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const registry = new Registry(`http://127.0.0.1:${port}/`, folder, child);
    try {
      await within(said(child.stdout, "http address"), "the registry", 2 * PATIENCE);
    } catch (error) {
      await registry[Symbol.asyncDispose]();
      throw error;
    }
    return registry;
  }

  /** Publishes a folder or a tarball. */
  async publish(path: string, tag = "latest"): Promise<void> {
    await npm(["publish", "--access", "public", "--tag", tag, path], {
      NPM_CONFIG_REGISTRY: this.url,
      NPM_CONFIG_USERCONFIG: `${this.#folder}/npmrc`,
    });
  }

  /** Ends it; what was published is gone. */
  async stop(): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#child.status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return (listener.addr as Deno.NetAddr).port;
}

/** Reads an output until a text comes, and throws away what comes then. */
async function said(stream: ReadableStream<Uint8Array>, text: string): Promise<void> {
  let output = "";
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const read = async () => {
    for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
      output += chunk;
      if (output.includes(text)) resolve();
    }
    reject(new Error(`Cannot start a registry: it said "${output}"`));
  };
  read();
  await promise;
}
