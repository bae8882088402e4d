// An endless asynchronous input through `imap`: the memory of the pool's process and of the tree must stay flat.
//
// usage: deno run -A tests/soak/pool_endless.ts [--seconds=60]

import { FIXTURES } from "../support/helpers.ts";
import { type Outcome, runByHand } from "./command_line.ts";

/** MiB that it may grow by: what V8 has compiled, and how full its heap happens to be. */
const SLACK = 8;

/** Soaks for so many seconds, in a process of its own that collects its garbage before it measures. */
export async function soak(seconds: number): Promise<Outcome> {
  const program = new URL("pool/pool_endless.ts", FIXTURES).pathname;
  const args = ["run", "-A", "--v8-flags=--expose-gc", program, `${seconds}`];
  const command = new Deno.Command(Deno.execPath(), { args, stdin: "null", stderr: "inherit" });
  const { code, stdout: bytes } = await command.output();
  const stdout = new TextDecoder().decode(bytes);
  const grown = Number(stdout.match(/grown: (-?[\d.]+) MiB/)?.[1]);
  const violations: string[] = [];
  if (code !== 0) violations.push(`the program ended with ${code}`);
  else if (!(grown < SLACK)) violations.push(`its memory has grown by ${grown} MiB`);
  return { lines: stdout.trim().split("\n"), violations };
}

if (import.meta.main) await runByHand("pool_endless", "seconds", 60, soak);
