// The soak on two hosts, a short one of one seed: `deno task soak:engine` runs as long as is wanted.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { PATIENCE, startProgram } from "../support/helpers.ts";
import { noSoak } from "./soak/main.ts";
import { UsageError } from "../soak/command_line.ts";
import { optionsOf } from "./soak/options.ts";
import { PARTS } from "./soak/parts.ts";

const MAIN = new URL("soak/main.ts", import.meta.url);

/** Leases end by the engine's clock, so nobody is buried in it because this machine has much to do. */
const SHORT = [
  "--seconds",
  "3",
  "--seed",
  "2",
  "--hosts",
  "2",
  "--seats",
  "3",
  "--workers",
  "1",
  "--lease",
  "600000",
  "--clock",
];

if (noSoak !== null) {
  Deno.test.ignore(`soak: two hosts (left out: ${noSoak})`, () => {});
} else {
  Deno.test("soak: all that processes on two hosts have done is as it must be, whatever is killed", async () => {
    await using program = startProgram(MAIN, { args: SHORT, patience: 10 * PATIENCE });
    const { code, stdout, stderr } = await program.outcome();
    assertEquals([code, stderr], [0, ""], stdout);
    const rows = stdout.split("\n").flatMap((line) => line.match(/^(\S+) {2,}[1-9]\d*/)?.[1] ?? []);
    for (const part of PARTS) assert(rows.includes(part), `${part} is not among those with operations: ${rows}`);
    assert(/ 1 times (agent killed|host lost)/.test(stdout), stdout);
  });
}

Deno.test("soak: options are checked", () => {
  const all = { seconds: 60, every: 1000, seed: 7, lease: 6000, hosts: 12, seats: 6, workers: 2, clock: true };
  assertEquals(optionsOf(["--", "--seed", "7", "--clock"]), all);
  const refused = {
    'Cannot begin: "--minutes" is no option': ["--minutes", "3"],
    'Cannot begin: "7" is no option': ["7"],
    "Cannot begin: --seed has no value": ["--seed"],
    'Cannot begin: --lease is "100", wanted a whole number from 2000 to 3600000': ["--lease", "100"],
  };
  for (const [message, args] of Object.entries(refused)) assertThrows(() => optionsOf(args), UsageError, message);
});
