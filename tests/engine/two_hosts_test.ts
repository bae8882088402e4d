// Two hosts, each reachable by its own link: work is shared between them, and one that is lost is noticed.

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { OwnerDiedError } from "@parallel/multiprocessing";
import * as targets from "../fixtures/engine/two_hosts_targets.ts";
import { AUTHKEY } from "../support/agent.ts";
import { outputOf, PATIENCE, until } from "../support/helpers.ts";
import { leasePasses } from "../support/leases.ts";
import { hostsTest, SHORT_LEASE } from "../support/two_hosts.ts";

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

hostsTest("two hosts: the example counts on both", async (_, __, engine) => {
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
