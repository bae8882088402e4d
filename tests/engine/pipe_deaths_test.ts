// Pipes of an engine whose holders are killed at any moment.

import { EOFError, getContext } from "@parallel/multiprocessing";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { RemoteContext } from "../../src/context/remote.ts";
import * as targets from "../fixtures/engine/pipe_targets.ts";
import { AUTHKEY, startAgent } from "../support/agent.ts";
import { type Engine, engineTest } from "../support/engine.ts";
import { freeze, PATIENCE, until, within } from "../support/helpers.ts";

function deathTest(name: string, run: (context: RemoteContext, engine: Engine) => Promise<void>): void {
  engineTest(`pipe on an engine: ${name}`, async (engine) => {
    await using _agent = await startAgent(engine.url, { slots: 4 });
    using context = getContext(engine.url, { authkey: AUTHKEY, startTimeout: PATIENCE }) as RemoteContext;
    await run(context, engine);
  });
}

const timeout = PATIENCE;

deathTest(
  "a sender is killed in the middle: what was sent is whole and in its order, and then the end",
  async (context) => {
    const senders = [0, 1].map(() => {
      const [mine, yours] = context.Pipe<[count: number, filling: Uint8Array]>();
      const process = new context.Process({ target: targets.sendForEver, args: [yours], daemon: true });
      process.start();
      yours.close();
      return { mine, process };
    });
    for (const [i, { mine, process }] of senders.entries()) {
      let count = 0;
      for await (const [got, filling] of mine) {
        assertEquals(got, count);
        assertEquals(filling, new Uint8Array(count % 5 === 4 ? 200_000 : 10).fill(count));
        if (++count === 20 + 3 * i) Deno.kill(process.pid!, "SIGKILL");
      }
      assert(count >= 20);
      await within(process.join());
      assertEquals(process.exitcode, -9);
      await assertRejects(() => mine.recv(), EOFError);
      await assertRejects(() => mine.send([0, new Uint8Array()]), Deno.errors.BrokenPipe);
      mine.close();
    }
  },
);

deathTest("what a receiver was handed and never saw goes to the next that has the end", async (context, engine) => {
  const [mine, yours] = context.Pipe<string>();
  using said = new context.Queue<string>();
  const stopped = new context.Process({ target: targets.receive, args: [yours, said], daemon: true });
  stopped.start();
  assertEquals(await said.get({ timeout }), "ready");
  await mine.send("seen");
  assertEquals(await said.get({ timeout }), "seen");
  const waiting = async () => (await engine.treeKeys()).filter((key) => key.endsWith(":g")).length;
  // It waits at the pipe; nobody waits at the queue now.
  await until("it to wait", async () => await waiting() === 1);
  await freeze(stopped.pid!);
  await mine.send("handed");
  await mine.send("after");
  Deno.kill(stopped.pid!, "SIGKILL");
  await within(stopped.join());
  assertEquals([await yours.recv(), await yours.recv()], ["handed", "after"]);
  for (const end of [mine, yours]) end.close();
});

deathTest("who blocks at one end is told when the holder of the other one is killed", async (context, engine) => {
  using said = new context.Queue<string>();
  for (
    const [how, message] of [
      ["receive", "Cannot receive: the other end is closed"],
      ["send", "Cannot send: the other end is closed"],
    ] as const
  ) {
    const [one, other] = context.Pipe<Uint8Array>();
    const blocked = new context.Process({ target: targets.block, args: [how, { end: one, said }], daemon: true });
    const holder = new context.Process({ target: targets.keep, args: [other, said], daemon: true });
    for (const process of [blocked, holder]) process.start();
    for (const end of [one, other]) end.close();
    assertEquals([await said.get({ timeout }), await said.get({ timeout })], ["ready", "ready"]);
    const list = how === "receive" ? /:g$/ : /:p$/;
    await until("it to wait", async () => (await engine.treeKeys()).filter((key) => list.test(key)).length === 1);
    Deno.kill(holder.pid!, "SIGKILL");
    assertEquals(await said.get({ timeout }), message);
    for (const process of [blocked, holder]) await within(process.join());
    assertEquals(blocked.exitcode, 0);
  }
});

deathTest(
  "a process that is killed while it waits leaves its place; ends that are left go on",
  async (context, engine) => {
    const [mine, yours] = context.Pipe<Uint8Array>();
    using said = new context.Queue<string>();
    const sender = new context.Process({ target: targets.block, args: ["send", { end: mine, said }], daemon: true });
    sender.start();
    assertEquals(await said.get({ timeout }), "ready");
    const parked = async () => (await engine.treeKeys()).filter((key) => /:pk?$/.test(key)).length;
    await until("it to wait for room", async () => await parked() === 2);
    sender.kill();
    await within(sender.join());
    assertEquals(await parked(), 0, "what it has not sent is gone");
    const last = mine.send(new Uint8Array(3));
    const got: number[] = [];
    do got.push((await yours.recv()).length); while (got.at(-1) !== 3);
    await last;
    assert(got.length > 10 && got.slice(0, -1).every((length) => length === 50_000), `${got}`);
    assertThrows(() => yours.recvBytesSync({ maxlength: -1 }), RangeError);
    for (const end of [mine, yours]) end.close();
  },
);
