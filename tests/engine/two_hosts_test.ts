// Two hosts, each reachable by its own link: work is shared between them, and one that is lost is noticed.

import process from "node:process";
import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { OwnerDiedError } from "@parallel/multiprocessing";
import * as targets from "../fixtures/engine/two_hosts_targets.ts";
import { AUTHKEY } from "../support/agent.ts";
import type { Engine } from "../support/engine.ts";
import { freeze, outputOf, PATIENCE, startProgram, until } from "../support/helpers.ts";
import { leasePasses } from "../support/leases.ts";
import { hostsTest, SHORT_LEASE, type TwoHosts } from "../support/two_hosts.ts";

const timeout = PATIENCE;

hostsTest(
  "two hosts: a lock of a host that is lost is the next one's, who is told",
  async (context, { hosts }, engine) => {
    using lock = new context.Lock();
    using said = new context.Queue<string>();
    using never = new context.Event();
    const process = new context.Process({ target: targets.keep, args: [lock, said, never], daemon: true });
    process.start();
    const name = await said.get({ timeout });
    assertEquals(process.host, name);
    hosts.find((host) => host.name === name)!.powerOff();
    await leasePasses(engine, { lost: name });
    const error = await assertRejects(() => lock.acquire({ timeout }), OwnerDiedError);
    assertEquals(error.host, name);
    assert(await process.join({ timeout }));
    assertEquals([process.exitcode, process.lostHost], [-9, true]);
    using _ = await lock.acquire();
  },
);

hostsTest("two hosts: messages of a host that is lost go to the other, once", async (context, { hosts }, engine) => {
  const numbers = Array.from({ length: 100 }, (_, i) => i);
  using jobs = new context.JoinableQueue<number>(0, { onConsumerDeath: "redeliver" });
  using said = new context.Queue<["taken" | "done", number, string]>();
  using gate = new context.Event();
  const start = () => new context.Process({ target: targets.workWhenTold, args: [jobs, said, gate] });
  const processes = Array.from({ length: 4 }, start);
  for (const process of processes) process.start();
  await Promise.all(numbers.map((n) => jobs.put(n)));
  const first = await Promise.all(processes.map(() => said.get({ timeout })));
  const lost = first.filter(([, , host]) => host === "west").map(([, n]) => n);
  assertEquals(lost.length, 2);
  hosts[1].powerOff();
  await leasePasses(engine, { lost: "west" });
  gate.set();
  assert(await jobs.join({ timeout }));
  jobs.shutdown();
  for (const process of processes) assert(await process.join({ timeout }));
  assertEquals(processes.map(({ exitcode }) => exitcode).sort(), [-9, -9, 0, 0]);
  const all = [...first, ...await Promise.all(Array.from({ length: said.qsize() }, () => said.get({ timeout })))];
  const those = (what: string) => all.filter(([it]) => it === what).map(([, n]) => n).sort((a, b) => a - b);
  assertEquals(those("done"), numbers);
  assertEquals(those("taken"), [...numbers, ...lost].sort((a, b) => a - b));
});

hostsTest(
  "two hosts: a pool's tasks on a host that is lost are begun anew on the other",
  async (context, { hosts }) => {
    using begun = new context.Queue<string>();
    using gate = new context.Event();
    await using pool = new context.Pool(4);
    const numbers = [1, 2, 3, 4, 5, 6, 7, 8];
    const results = pool.starmapAsync(targets.squareWhenTold, numbers.map((n) => [n, begun, gate] as const), {
      chunksize: 1,
      retries: 1,
    });
    const where = await Promise.all(Array.from({ length: 4 }, () => begun.get({ timeout })));
    const lost = where.filter((name) => name === "west").length;
    assertEquals(lost, 2);
    hosts[1].powerOff();
    gate.set();
    const found = await results.get({ timeout });
    assertEquals(found.map(({ square }) => square), numbers.map((n) => n * n));
    assertEquals(found.filter(({ attempt }) => attempt > 0).length, lost);
    assert(found.every(({ host }) => host === "east"));
  },
  { lease: SHORT_LEASE },
);

const TEXTS = 16;

/** What the demo's engine says: how many portions are taken on a host, and whether each that was taken has been begun. */
async function portions(engine: Engine, host: string): Promise<{ taken: number; areBegun: boolean }> {
  const [queue] = await engine.keys("mp:*:o:*:k"); // who has taken what
  const arrays = await Promise.all(
    (await engine.keys("mp:*:o:*:b")).map((key) => engine.command("GET", key) as Promise<string>),
  );
  const begun = arrays.find(({ length }) => length === 4 * TEXTS); // how often each was begun
  if (queue === undefined || begun === undefined) return { taken: 0, areBegun: false };
  const marks = await engine.command("ZRANGE", queue, 0, -1) as string[];
  const tree = queue.slice(0, queue.indexOf("}") + 2);
  const hosts = marks.map((mark) => engine.command("HGET", `${tree}p:${mark.split(":")[0]}`, "host"));
  const left = await engine.command("LLEN", queue.replace(/k$/, "r")) as number;
  const times = [...begun].reduce((sum, cell) => sum + cell.charCodeAt(0), 0);
  return { taken: (await Promise.all(hosts)).filter((it) => it === host).length, areBegun: times === TEXTS - left };
}

/** Stops the demo's workers at a time at which some on `west` have begun what they have taken; how many. */
async function stopAtWork(engine: Engine, { hosts, agents }: TwoHosts): Promise<number> {
  return await until("work that is begun there", async () => {
    const isWaiting = (await portions(engine, "west")).taken === 0;
    if (isWaiting) return null;
    await freeze(...workersOf({ hosts, agents }));
    const { taken, areBegun } = await portions(engine, "west");
    if (taken > 0 && areBegun) return taken;
    thaw({ hosts, agents });
    return null;
  });
}

/** The processes of the demo on the hosts. */
function workersOf({ hosts, agents }: Pick<TwoHosts, "hosts" | "agents">): number[] {
  return hosts.flatMap((host) => host.processes()).filter((pid) => !agents.some((agent) => agent.pid === pid));
}

function thaw(two: Pick<TwoHosts, "hosts" | "agents">): void {
  for (const pid of workersOf(two)) process.kill(pid, "SIGCONT");
}

hostsTest("two hosts: the demo counts on both, and what a lost one had begun is counted on the other", async (
  context,
  two,
  engine,
) => {
  context.close(); // the only tree is that of the demo
  const folder = Deno.makeTempDirSync({ prefix: "mp-texts-" });
  try {
    for (let i = 0; i < TEXTS; i++) {
      Deno.writeTextFileSync(`${folder}/${i}.txt`, `the quick brown fox number ${i} `.repeat(4000));
    }
    await using demo = startProgram(new URL("../../examples/word_count.ts", import.meta.url), {
      args: ["--url", engine.tcpUrl, folder],
      env: { MULTIPROCESSING_AUTHKEY: new TextDecoder().decode(AUTHKEY) },
    });
    const taken = await stopAtWork(engine, two);
    two.hosts[1].powerOff();
    thaw(two);
    await leasePasses(engine, { lost: "west" });
    const { code, stdout, stderr } = await demo.outcome();
    assertEquals([code, stderr], [0, ""]);
    assertMatch(stdout, /^quick +64000 /m);
    assertStringIncludes(stdout, `counted anew: ${taken} portions, since their host was lost\n`);
    assert(stdout.endsWith("results equal\n"), stdout);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}, { slots: 2 });

hostsTest("two hosts: the example with a pool counts on both", async (_, __, engine) => {
  const folder = Deno.makeTempDirSync({ prefix: "mp-texts-" });
  try {
    for (let i = 0; i < 20; i++) {
      Deno.writeTextFileSync(`${folder}/${i}.txt`, `the quick brown fox number ${i} `.repeat(50));
    }
    const said = await outputOf(new URL("../../examples/hosts.ts", import.meta.url), {
      args: ["--url", engine.tcpUrl, folder],
      env: { MULTIPROCESSING_AUTHKEY: new TextDecoder().decode(AUTHKEY) },
    });
    assertStringIncludes(said, "quick 1000\n");
    assertStringIncludes(said, "results equal");
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

hostsTest("two hosts: a cable that is out for less than the lease is noticed by nobody", async (context, { hosts }) => {
  using said = new context.Queue<[number, string]>();
  using jobs = new context.JoinableQueue<number>();
  const process = new context.Process({ target: targets.work, args: [jobs, said] });
  process.start();
  const host = hosts.find(({ name }) => name === process.host)!;
  await jobs.put(1);
  assertEquals((await said.get({ timeout }))[0], 1);
  host.down();
  await jobs.put(2);
  host.up();
  assertEquals((await said.get({ timeout }))[0], 2);
  jobs.shutdown();
  assert(await process.join({ timeout }));
  assertEquals([process.exitcode, process.lostHost], [0, false]);
});

hostsTest("two hosts: one whose cable is out for longer than the lease is lost, and what is left of it ends", async (
  context,
  { hosts },
) => {
  using lock = new context.Lock({ onOwnerDeath: "recover" });
  using said = new context.Queue<string>();
  using never = new context.Event();
  const process = new context.Process({ target: targets.keep, args: [lock, said, never], daemon: true });
  process.start();
  const name = await said.get({ timeout });
  const host = hosts.find((it) => it.name === name)!;
  const { pid } = process;
  assert(host.processes().includes(pid!));
  host.down();
  {
    using guard = await lock.acquire({ timeout });
    assert(guard?.ownerDied);
  }
  assert(await process.join({ timeout }));
  assertEquals([process.exitcode, process.lostHost], [-9, true]);
  host.up();
  await until("the end of what was frozen", () => !host.processes().includes(pid!));
}, { lease: SHORT_LEASE });
