// Pipes between Deno and Python: whole messages, whoever is killed, and in whose midst.

import { Pipe, Process, Queue } from "@parallel/multiprocessing";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { PATIENCE, within } from "../support/helpers.ts";
import { pythonTest, targetIn } from "../support/python_process.ts";
import type { Python } from "../support/python.ts";
import { sendsHalf } from "../fixtures/python/queues/deno_side.ts";

// deno-lint-ignore no-explicit-any -- what Python gives, each test knows
type Anything = any;

function started(python: Python, name: string, ...args: unknown[]): Process {
  const target = targetIn(python, "queues/queueing.py", name) as (...args: unknown[]) => unknown;
  const process = new Process({ target, args, daemon: true });
  process.start();
  return process;
}

async function ended(process: Process): Promise<void> {
  await within(process.join());
  assertEquals(process.exitcode, 0);
}

const next = (queue: Queue<Anything>): Promise<Anything> => queue.get({ timeout: PATIENCE / 4 });

pythonTest("values and bytes of every length go through a pipe and come back", async (python) => {
  const [here, there] = Pipe<Anything>();
  const [bytesHere, bytesThere] = Pipe();
  const processes = [started(python, "pipe", there), started(python, "pipe_of_bytes", bytesThere)];
  there.close();
  bytesThere.close();
  for (const value of [null, 5, "text", { a: [1, 2] }, new Uint8Array(70_000).fill(7), new Set([1])]) {
    await here.send(value);
    assertEquals(await within(here.recv()), value);
  }
  for (const length of [0, 1, 65_535, 65_536, 65_537, 3_000_000]) {
    const data = new Uint8Array(length).map((_, index) => index * 7 + (index >> 8));
    await Promise.all([
      bytesHere.sendBytes(data),
      within(bytesHere.recvBytes()).then((back) => assertEquals(back, data)),
    ]);
  }
  here.close();
  bytesHere.close();
  for (const process of processes) await ended(process);
});

pythonTest("shared objects go through a pipe, and back by it", async (python) => {
  const [here, there] = Pipe<Anything>();
  const process = started(python, "pipe", there);
  there.close();
  const queue = new Queue<Anything>();
  const [near, far] = Pipe<Anything>();
  await here.send([queue, far]);
  far.close();
  const [sameQueue, back] = await within(here.recv());
  sameQueue.putSync(7);
  assertEquals(queue.getNowait(), 7);
  near.sendSync("by way of Python");
  assertEquals(back.recvSync(), "by way of Python");
  for (const end of [here, near, back]) end.close();
  await ended(process);
});

pythonTest("a long message is whole, whatever signals come in its midst", async (python) => {
  const [here, there] = Pipe<Anything>();
  const results = new Queue<Anything>();
  const process = started(python, "sends_long", there, results);
  there.close();
  assertEquals(await next(results), "ready");
  Deno.kill(process.pid!, "SIGUSR1");
  const data = await within(here.recvBytes());
  assertEquals(data.length, 256 * 4096 * 8);
  assert(data.every((byte, index) => byte === (index & 255)));
  assertEquals(await within(here.recv()), ["behind", true]);
  assertEquals(await next(results), "receives");
  const sent = here.sendBytes(data);
  Deno.kill(process.pid!, "SIGUSR1");
  await within(sent);
  const sha = new Uint8Array(await crypto.subtle.digest("SHA-256", data)).toHex();
  assertEquals((await next(results))[0], sha);
  here.close();
  await ended(process);
});

pythonTest("killed at one end, the other is told: between messages and inside of one", async (python) => {
  const [here, there] = Pipe<Anything>();
  const results = new Queue<Anything>();
  const process = started(python, "sends_long", there, results);
  there.close();
  assertEquals(await next(results), "ready");
  assert(await here.poll({ timeout: PATIENCE }));
  process.kill();
  await within(process.join());
  await assertRejects(() => within(here.recvBytes()), Deno.errors.UnexpectedEof);
  here.close();
  const inTheMidst = async (length: number, said: string) => {
    const [mine, theirs] = Pipe<Anything>();
    const child = new Process({ target: sendsHalf, args: [mine, length], daemon: true });
    child.start();
    mine.close();
    const told = new Queue<Anything>();
    const reading = started(python, "tells_the_end", theirs, told, child.pid);
    theirs.close();
    assertEquals([await next(told), await next(told)], [said, "BrokenPipeError"]);
    await within(child.join());
    await ended(reading);
  };
  await Promise.all([inTheMidst(10, "EOFError"), inTheMidst(8_000_000, "OSError")]);
});

pythonTest("a forked process neither uses nor keeps open what its parent has", async (python) => {
  const [here, there] = Pipe<Anything>();
  const [jobs, results] = [new Queue<Anything>(), new Queue<Anything>()];
  const process = started(python, "forks", there, jobs, results);
  there.close();
  assertEquals(await next(results), "closed");
  await assertRejects(() => within(here.recv())); // though the forked one lives
  jobs.putSync("go on");
  assertEquals(await next(results), 0);
  here.close();
  await ended(process);
});
