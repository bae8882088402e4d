// `wait` for connections and processes of an engine, among those of this machine.

import { EOFError, getContext, InvalidStateError, Pipe, wait, waitSync } from "@parallel/multiprocessing";
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import type { RemoteContext } from "../../src/context/remote.ts";
import * as targets from "../fixtures/engine/pipe_targets.ts";
import { AUTHKEY, startAgent } from "../support/agent.ts";
import { type Engine, engineTest } from "../support/engine.ts";
import { PATIENCE, until, within } from "../support/helpers.ts";

const timeout = PATIENCE;

function waitTest(
  name: string,
  run: (context: RemoteContext, engine: Engine) => Promise<void> | void,
  slots = 2,
): void {
  engineTest(`wait on an engine: ${name}`, async (engine) => {
    await using _agent = slots === 0 ? null : await startAgent(engine.url, { slots });
    using context = getContext(engine.url, { authkey: AUTHKEY, startTimeout: PATIENCE }) as RemoteContext;
    await run(context, engine);
  });
}

waitTest("connections are ready with a message or their end, by whatever they are", async (context) => {
  const [a, toA] = context.Pipe<string>();
  const [b, toB] = context.Pipe<string>();
  const [local, toLocal] = Pipe<string>();
  assertEquals(await wait([a, b, local], { timeout: 0 }), []);
  assertEquals(waitSync([a, b, local], { timeout: 5 }), []);
  const first = wait([a, b, local]);
  await toB.send("b");
  assertEquals(await within(first), [b]);
  assertEquals(waitSync([a, b, local]), [b]);
  assertEquals(b.recvSync(), "b");
  // What it has rung for is gone.
  assertEquals(waitSync([a, b, local], { timeout: 0 }), []);
  const second = wait([b, a, b, local]);
  await toLocal.send("local");
  assertEquals(await within(second), [local]);
  await toA.send("a");
  assertEquals(await within(wait([a, b, local])), [a, local]);
  toB.close();
  assertEquals(await within(wait([a, b, local])), [a, b, local]);
  assertThrows(() => b.recvSync(), EOFError);
  for (const end of [a, toA, b, local, toLocal]) end.close();
}, 0);

waitTest("what was received by others than the waiting call wakes nobody twice", async (context) => {
  const [a, toA] = context.Pipe<number>();
  for (let i = 0; i < 20; i++) {
    const waiting = wait([a], { timeout });
    toA.sendSync(i);
    assertEquals(a.recvSync(), i);
    toA.sendSync(i);
    assertEquals(await within(waiting), [a]);
    assertEquals(await a.recv(), i);
    assertEquals(await wait([a], { timeout: 0 }), []);
  }
  const abort = new AbortController();
  const aborted = wait([a], { signal: abort.signal });
  abort.abort(new Error("enough"));
  await assertRejects(() => aborted, Error, "enough");
  const closed = wait([a]);
  a.close();
  await assertRejects(() => within(closed), InvalidStateError, "the handle is closed");
  assertThrows(() => waitSync([toA, a]), InvalidStateError);
  toA.close();
}, 0);

waitTest("a thread that blocks is woken by another process, and by the end of one", (context) => {
  const [mine, yours] = context.Pipe<string>();
  const [idle, other] = context.Pipe<string>();
  const process = new context.Process({ target: targets.echo, args: [yours], daemon: true });
  process.start();
  yours.close();
  const { sentinel } = process;
  for (let i = 0; i < 20; i++) {
    mine.sendSync(`${i}`);
    const [ready] = waitSync([idle, mine, sentinel], { timeout });
    assertStrictEquals(ready, mine);
    assertEquals(mine.recvSync(), `${i}`);
  }
  process.kill();
  assertStrictEquals(waitSync([sentinel], { timeout })[0], sentinel);
  assertEquals(process.exitcode, -9);
  assertEquals(waitSync([idle, mine, sentinel]), [mine, sentinel]);
  for (const end of [mine, idle, other]) end.close();
});

waitTest("sentinels of processes are ready when these have ended, and stay so", async (context, engine) => {
  const [mine, yours] = context.Pipe<string>();
  const processes = [0, 1].map(() => new context.Process({ target: targets.echo, args: [yours], daemon: true }));
  for (const process of processes) process.start();
  const sentinels = processes.map(({ sentinel }) => sentinel);
  assertEquals(await wait(sentinels, { timeout: 0 }), []);
  const waiting = wait(sentinels);
  processes[1].kill();
  assertEquals(await within(waiting), [sentinels[1]]);
  assertEquals(await wait(sentinels), [sentinels[1]]);
  const [both, joined] = [wait([sentinels[0], mine]), processes[0].join()];
  processes[0].terminate();
  assertEquals(await within(both), [sentinels[0]]);
  await within(joined);
  assertEquals(waitSync(sentinels), sentinels);
  for (const end of [mine, yours]) end.close();
  await until("nobody to wait", async () => (await engine.keys("*:waits:1")).length === 0);
  assert(processes.every((process) => process.exitcode! < 0));
});

waitTest(
  "an engine that is away keeps nobody from what is ready elsewhere, nor beyond a limit",
  async (context, engine) => {
    const [mine, yours] = context.Pipe<string>();
    const [local, toLocal] = Pipe<string>();
    const process = new context.Process({ target: targets.echo, args: [yours], daemon: true });
    process.start();
    const all = [process.sentinel, mine, local];
    engine.freeze();
    try {
      assertEquals(waitSync(all, { timeout: 5 }), []);
      assertEquals(await wait(all, { timeout: 5 }), []);
      toLocal.sendSync("local");
      assertEquals(await wait(all), [local]);
      assertEquals(local.recvSync(), "local");
    } finally {
      engine.thaw();
    }
    await mine.send("there again");
    assertEquals(await within(wait(all)), [mine]);
    process.kill();
    await within(process.join());
    assertEquals(await wait([process.sentinel, local]), [process.sentinel]);
    for (const end of [mine, yours, local, toLocal]) end.close();
  },
);
