// Queues of an engine whose producers and consumers are killed at any moment.

import { getContext, OwnerDiedError } from "@parallel/multiprocessing";
import type { RemoteContext } from "../../src/context/remote.ts";
import { assert, assertEquals, assertRejects } from "@std/assert";
import * as targets from "../fixtures/engine/queue_targets.ts";
import { AUTHKEY, startAgent } from "../support/agent.ts";
import { type Engine, engineTest } from "../support/engine.ts";
import { freeze, PATIENCE, until, within } from "../support/helpers.ts";
import { inside } from "../../src/engine/queue_kinds.ts";
import { RemoteQueue } from "../../src/engine/queue.ts";
import { rootOf, visitorOf } from "../support/sessions.ts";

function deathTest(name: string, run: (context: RemoteContext, engine: Engine) => Promise<void>): void {
  engineTest(`queue on an engine: ${name}`, async (engine) => {
    await using _agent = await startAgent(engine.url, { slots: 6 });
    using context = getContext(engine.url, { authkey: AUTHKEY, startTimeout: PATIENCE }) as RemoteContext;
    await run(context, engine);
  });
}

const timeout = PATIENCE;

for (const target of [targets.produce, targets.produceMany]) {
  deathTest(
    `three producers are killed: what each has put is there once, in its order (${target.name})`,
    async (context) => {
      for (const maxsize of [0, 3]) {
        using queue = new context.Queue<[number, number]>(maxsize);
        const producers = [0, 1, 2].map((who) => new context.Process({ target, args: [who, queue], daemon: true }));
        for (const producer of producers) producer.start();
        const next = [0, 0, 0];
        const take = ([who, value]: [number, number]) => assertEquals(value, next[who]++, `of producer ${who}`);
        for (const producer of producers) {
          const { pid } = producer;
          for (let i = 0; i < 50; i++) take(await queue.get({ timeout }));
          await until("a value of it", async () => {
            take(await queue.get({ timeout }));
            return next[producers.indexOf(producer)] > 0;
          });
          Deno.kill(pid!, "SIGKILL");
          await within(producer.join());
          assertEquals(producer.exitcode, -9);
        }
        for await (const value of drained(queue)) take(value);
        assert(next.every((count) => count > 0), `${next}`);
      }
    },
  );
}

/** What is in a queue into which nobody puts any more. */
async function* drained<T>(queue: { empty(): boolean; get(): Promise<T> }): AsyncGenerator<T> {
  while (!queue.empty()) yield await queue.get();
}

deathTest("what a process was handed and never saw goes to the next", async (context, engine) => {
  using queue = new context.Queue<string>();
  using said = new context.Queue<string>();
  const stopped = new context.Process({ target: targets.consume, args: [queue, said], daemon: true });
  stopped.start();
  assertEquals(await said.get({ timeout }), "ready");
  await queue.put("seen");
  assertEquals(await said.get({ timeout }), "seen");
  const getters = async () => (await engine.treeKeys()).filter((key) => key.endsWith(":g")).length;
  await until("it to wait", async () => await getters() === 1);
  await freeze(stopped.pid!);
  await queue.put("handed"); // it waits for one, and is given this
  await queue.put("after");
  assertEquals(queue.qsize(), 1);
  Deno.kill(stopped.pid!, "SIGKILL");
  await within(stopped.join());
  assertEquals([await queue.get({ timeout }), await queue.get({ timeout })], ["handed", "after"]);
  assert(queue.empty());
});

deathTest("what a process had taken is lost with it, or given to another, three times", async (context) => {
  using said = new context.Queue<string>();
  for (const onConsumerDeath of ["lose", "redeliver"] as const) {
    using queue = new context.Queue<string>(0, { onConsumerDeath });
    await queue.put("stay");
    await queue.put("next");
    const times = onConsumerDeath === "lose" ? 1 : 3;
    for (let i = 0; i < times; i++) {
      const consumer = new context.Process({ target: targets.consume, args: [queue, said], daemon: true });
      consumer.start();
      assertEquals(await said.get({ timeout }), "ready");
      assertEquals(await said.get({ timeout }), "stay");
      consumer.kill();
      await within(consumer.join());
    }
    assertEquals(await queue.get({ timeout }), "next");
    assertEquals(await queue.lost(), onConsumerDeath === "lose" ? [] : ["stay"]);
    assertEquals(queue.lostSync(), []);
    assert(queue.empty());
  }
});

deathTest("workers are killed: every job is dealt with, and none is lost", async (context) => {
  using jobs = new context.JoinableQueue<number>(0, { onConsumerDeath: "redeliver", maxDeliveries: 255 });
  using done = new context.Queue<number>();
  const count = 300;
  for (let i = 0; i < count; i++) jobs.put(i);
  const start = () => {
    const worker = new context.Process({ target: targets.work, args: [jobs, done], daemon: true });
    worker.start();
    return worker;
  };
  const workers = [start(), start(), start()];
  const times = new Map<number, number>();
  let taken = 0;
  for (const kill of [30, 80, 140, 200]) {
    for (; taken < kill; taken++) {
      const job = await done.get({ timeout });
      times.set(job, (times.get(job) ?? 0) + 1);
    }
    const victim = workers.shift()!;
    victim.kill();
    workers.push(start());
    await within(victim.join());
  }
  assert(await jobs.join({ timeout }));
  for await (const job of drained(done)) times.set(job, (times.get(job) ?? 0) + 1);
  for (const worker of workers) worker.kill();
  for (const worker of workers) await within(worker.join());
  assertEquals(times.size, count);
  const again = times.values().reduce((sum, it) => sum + it, 0) - count;
  assert(again <= 4, `${again} jobs were done again after 4 deaths`);
});

deathTest("a join tells of a worker that was killed with a job in hand", async (context) => {
  using jobs = new context.JoinableQueue<string>(0, { name: "jobs" });
  using said = new context.Queue<string>();
  await jobs.put("stay");
  const consumer = new context.Process({ target: targets.consume, args: [jobs, said], daemon: true, name: "digger" });
  consumer.start();
  assertEquals([await said.get({ timeout }), await said.get({ timeout })], ["ready", "stay"]);
  const joined = jobs.join();
  consumer.kill();
  const error = await assertRejects(
    () => within(joined),
    OwnerDiedError,
    `Cannot join the queue "jobs": "digger" (pid ${consumer.pid}) was ended by SIGKILL after it took 1 value`,
  );
  assertEquals([error.exitcode, error.host], [-9, "east"]);
  await within(consumer.join());
  jobs.taskDone();
  assert(await jobs.join({ timeout }));
});

deathTest("what a process computes with is lost with it, though it says nothing more", async (context, engine) => {
  using queue = new context.Queue<string>();
  await queue.put("taken");
  await queue.put("next");
  const computing = new context.Process({ target: targets.compute, args: [queue], daemon: true });
  computing.start();
  const noted = async () => {
    const ledgers = (await engine.treeKeys()).filter((key) => /:rq:\d+\/[1-9]/.test(key)); // of threads that block
    const texts = await Promise.all(ledgers.map((key) => engine.command("GET", key)));
    return texts.map((it) => `${it}`.split(";")[1]);
  };
  await until("the value to be taken", () => queue.qsize() === 1);
  await until("it to say so", async () => (await noted()).every((it) => it === ""));
  Deno.kill(computing.pid!, "SIGKILL");
  await within(computing.join());
  assertEquals(await queue.get({ timeout }), "next");
  assert(queue.empty());
});

for (const looks of [0, 20_000]) {
  const what = `what was dealt with is so for whoever closes the context, not the queue, behind ${looks} looks`;
  engineTest(`queue on an engine: ${what}`, (engine) => {
    const root = rootOf(engine);
    const visitor = visitorOf(engine, root);
    const queue = new RemoteQueue<string>(visitor, 0, { onConsumerDeath: "redeliver" });
    const { id } = queue[inside]().handle;
    root.step("adopt", id);
    for (const it of ["dealt with", "left"]) queue.putSync(it);
    assertEquals(queue.getSync(), "dealt with");
    // The engine is at these while the visitor leaves by another connection.
    for (let i = 0; i < looks; i++) visitor.look(visitor.tree, "size", visitor.member, id).catch(() => {});
    visitor.close();
    assertEquals(root.step("size", id).text(0), "1");
    root.close();
  });
}

engineTest("queue on an engine: what an aborted get was given is the next to be taken", async (engine) => {
  const session = rootOf(engine);
  const visitor = visitorOf(engine, session);
  const queue = new RemoteQueue<number>(session);
  visitor.step("adopt", queue[inside]().handle.id); // else a get for ever is asked now and then whether it may wait
  for (const options of [{}, { timeout }]) {
    for (let i = 0; i < 10; i++) {
      const abort = new AbortController();
      const got = queue.get({ ...options, signal: abort.signal });
      for (const it of [1, 2]) queue.putSync(it);
      abort.abort(new Error("never mind"));
      await assertRejects(() => got, Error, "never mind");
      assertEquals([await queue.get(), await queue.get()], [1, 2]);
    }
  }
  queue.close();
  for (const it of [visitor, session]) it.close();
});
