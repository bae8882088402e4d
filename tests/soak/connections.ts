// Connects, authenticates and closes again and again, by every kind of address, in promises and in blocked threads, now
// and then with a wrong key. Afterwards there are as many descriptors and threads as before, and no file is left.
//
// usage: deno run -A tests/soak/connections.ts [--cycles=10000]

import { type Address, AuthenticationError, Client, Listener, Process } from "@parallel/multiprocessing";
import { repeatedly } from "../fixtures/connection/network_targets.ts";
import { descriptorCount, PATIENCE, threads, within } from "../support/helpers.ts";
import { bytesOf } from "../support/bytes.ts";
import { type Outcome, runByHand } from "./command_line.ts";

const KEY = bytesOf("supadupasecretkey");
/** Cycles of the first run, of which nothing is told: after it, all that is made once is there. */
const WARM_UP = 40;
/** Of so many clients one has a wrong key. */
const WRONG_EVERY = 10;
/** A part of the cycles is done by a process with a blocked thread. */
const BLOCKED_PART = 0.25;
/** How many connections may wait to be accepted. */
const BACKLOG = 8;

/** One connection; whether it ended as it should. */
async function cycle(listener: Listener, number: number): Promise<boolean> {
  const isWrong = number % WRONG_EVERY === 0;
  const authkey = isWrong ? bytesOf("wrong") : KEY;
  const ends = await within(Promise.allSettled([listener.accept(), Client(listener.address, { authkey })]));
  let asExpected = true;
  for (const end of ends) {
    if (end.status === "fulfilled") end.value.close();
    const failed = end.status === "rejected" && end.reason instanceof AuthenticationError;
    asExpected &&= failed === isWrong && (end.status === "fulfilled") !== isWrong;
  }
  return asExpected;
}

/** So many connections of a process that blocks; whether it ended as it should. */
async function blockedCycles(listener: Listener, count: number): Promise<boolean> {
  const child = new Process({ target: repeatedly, args: [listener.address, KEY, count] });
  child.start();
  for (let i = 0; i < count; i++) {
    const connection = await within(listener.accept());
    await within(connection.recv());
    connection.close();
  }
  await within(child.join());
  const { exitcode } = child;
  child.close();
  return exitcode === 0;
}

async function run(addresses: readonly (Address | null)[], cycles: number): Promise<string[]> {
  const violations: string[] = [];
  for (const address of addresses) {
    using listener = new Listener(address, { authkey: KEY, backlog: BACKLOG, handshakeTimeout: PATIENCE });
    const share = Math.ceil(cycles / addresses.length);
    const blocked = Math.floor(share * BLOCKED_PART);
    if (!await blockedCycles(listener, blocked)) violations.push("the blocked process failed");
    // One after the other: who has which key must be known of both ends.
    for (let number = blocked; number < share; number++) {
      if (!await cycle(listener, number)) violations.push(`cycle ${number} of ${Deno.inspect(address)} went wrong`);
    }
  }
  return violations;
}

/** Connects so many times. */
export async function soak(cycles: number): Promise<Outcome> {
  const addresses = [["127.0.0.1", 0], ["localhost", 0], null, `\0mp-soak-${crypto.randomUUID()}`] as const;
  const violations = await run(addresses, WARM_UP);
  const count = () => ({ descriptors: descriptorCount(), threads: threads().filter((name) => name.startsWith("mp-")) });
  // Deno's own threads come and go.
  const before = count();
  const begin = performance.now();
  violations.push(...await run(addresses, cycles));
  const seconds = (performance.now() - begin) / 1000;
  const until = performance.now() + PATIENCE;
  let after = count();
  while ((after.descriptors > before.descriptors || after.threads.length > before.threads.length)) {
    if (performance.now() > until) {
      violations.push(`left behind: ${Deno.inspect({ before, after })}`);
      break;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
    after = count();
  }
  const lines = [
    `${cycles} cycles in ${seconds.toFixed(1)} s`,
    `descriptors ${before.descriptors} before, ${after.descriptors} after`,
    `threads of the package ${before.threads.length} before, ${after.threads.length} after`,
  ];
  return { lines, violations };
}

if (import.meta.main) await runByHand("connections", "cycles", 10_000, soak);
