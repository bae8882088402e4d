// Queues of a bare server: records as clients make them, and what is to be seen of queues besides what steps answer.

import { assertEquals } from "@std/assert";
import { type Engine, engineTest } from "./engine.ts";
import { type BareLane, BareTree } from "./library.ts";

/** A record as a client makes it; what follows from a delivery is in its first byte. */
export function record(body: string, { objects = "", flags = 0, deliveries = 0 } = {}): string {
  return String.fromCharCode(deliveries, flags, objects.length >> 8, objects.length & 255) + objects + body;
}

/** A queue of that kind; its id. */
export async function made(
  lane: BareLane,
  kind: "queue" | "joinable",
  policy: string,
  { max = 0, most = 3 } = {},
): Promise<string> {
  const [ok, q] = await lane.step("make", kind, "", max, policy, most) as string[];
  assertEquals(ok, "ok");
  return q;
}

/** The outcomes in a lane's mailbox: the number, and what is said. */
export async function outcomes(lane: BareLane): Promise<string[][]> {
  return (await lane.mail()).map((fields) => [fields[1], ...fields.filter((_, i) => i > 2 && i % 2 === 1)]);
}

/** The keys of objects that are left. */
export async function objectKeys(tree: BareTree): Promise<string[]> {
  return (await tree.keys()).filter((key) => /^(o|refs|waits|takes|holds|has):/.test(key));
}

/** A test of the steps of queues, with a tree of its own. */
export function queueTest(name: string, run: (tree: BareTree, engine: Engine) => Promise<void>): void {
  engineTest(`queue: ${name}`, async (engine) => {
    await using tree = await BareTree.open(engine);
    await run(tree, engine);
  });
}
