// An engine with one host, for the programs of documents that need both.

import { startEngine } from "../support/engine.ts";
import { startProgram } from "../support/helpers.ts";
import { ROOT } from "./markdown.ts";

/** Where programs of documents read their key. */
export const KEY_FILE = "mp.key";
/** What is in there: as `head -c 32 /dev/urandom` gives it, with any bytes. */
export const KEY: Uint8Array = Uint8Array.from({ length: 32 }, (_, i) => 255 - i);

/** An engine, and an agent of `dist/` that lends it this machine. */
export interface Host extends AsyncDisposable {
  /** The environment of programs. */
  readonly env: Readonly<Record<string, string>>;
  /** The program with the URL of this engine in the place of the one that stands in it. */
  reached(text: string): string;
}

/** Starts both. */
export async function startHost(): Promise<Host> {
  const folder = await Deno.makeTempDir({ prefix: "documents_host_" });
  const engine = await startEngine({ password: "s3cret" });
  const env = { MULTIPROCESSING_URL: engine.tcpUrl };
  await Deno.writeFile(`${folder}/${KEY_FILE}`, KEY);
  const args = ["--slots", "16", "--grace", "1s", "--authkey-file", `${folder}/${KEY_FILE}`];
  const agent = startProgram(new URL("dist/agent.js", ROOT), { args, env });
  const end = async () => {
    agent.kill("SIGTERM");
    await agent.outcome();
    await engine[Symbol.asyncDispose]();
    await Deno.remove(folder, { recursive: true });
  };
  try {
    await agent.said("ready");
  } catch (error) {
    await end();
    throw error;
  }
  return {
    env,
    reached: (text) => text.replaceAll(/"redis:\/\/[^"]*"/g, () => JSON.stringify(engine.tcpUrl)),
    [Symbol.asyncDispose]: end,
  };
}
