// More promises for one descriptor than the kernel lets it be watched.

import { Client, type Connection, Listener, Pipe, Process, wait } from "@parallel/multiprocessing";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { rest } from "../fixtures/connection/arrival_targets.ts";
import { begin } from "../support/children.ts";
import { assertNothingLeft, belongings, within } from "../support/helpers.ts";
import { startReactor } from "../support/pipes.ts";

Deno.test.beforeAll(begin);

const N = 1200;
const times = <T>(what: (n: number) => T): T[] => Array.from({ length: N }, (_, n) => what(n));

Deno.test("1200 accepts at one listener: each client gets one of them, the others go on and are aborted", async () => {
  startReactor();
  const before = belongings();
  using listener = new Listener(["127.0.0.1", 0]);
  const stop = new AbortController();
  let accepted: Connection[] = [];
  const accepts = times(() => listener.accept({ signal: stop.signal }).then((one) => accepted.push(one)));
  const clients = await within(Promise.all(Array.from({ length: 100 }, () => Client(listener.address))));
  await within(Promise.all(accepts.slice(0, 100)));
  assertEquals(accepted.length, 100);
  const ended = Promise.allSettled(accepts);
  stop.abort(new Error("stopped"));
  assertEquals((await ended).filter(({ status }) => status === "rejected").length, N - 100);
  for (const connection of [...accepted, ...clients]) connection.close();
  accepted = [];
  listener.close();
  await assertNothingLeft(before);
});

Deno.test("1200 receives, polls and waits for one connection, and for lists with it", async () => {
  startReactor();
  const before = belongings();
  const [reader, writer] = Pipe();
  const [other, silent] = Pipe();
  const polls = times(() => reader.poll({ timeout: null }));
  const waits = times((n) => wait(n % 2 === 0 ? [reader] : [other, reader]));
  const stop = new AbortController();
  const aborted = times(() => wait([other], { signal: stop.signal }));
  const received = times(() => reader.recv());
  await new Promise((resolve) => setTimeout(resolve));
  for (let n = 0; n < N; n++) writer.sendSync(n);
  // The receives may have taken all before the others look: whoever waits is told of the next message.
  const pumped = setInterval(() => writer.sendSync("more"), 50);
  assert((await within(Promise.all(polls))).every((ready) => ready));
  for (const ready of await within(Promise.all(waits))) assert(ready.includes(reader));
  clearInterval(pumped);
  assertEquals(await within(Promise.all(received)), times((n) => n));
  stop.abort(new Error("stopped"));
  for (const one of await Promise.allSettled(aborted)) assertEquals(one.status, "rejected");
  for (const end of [reader, writer, other, silent]) end.close();
  await assertNothingLeft(before);
});

Deno.test("1200 joins of one process, and waits for its sentinel; a closed connection ends all waits for it", async () => {
  const child = new Process({ target: rest });
  child.start();
  const joins = times(() => child.join());
  const waits = times(() => wait([child.sentinel]));
  const [reader, writer] = Pipe();
  const closed = times(() => wait([reader, child.sentinel]));
  const all = Promise.allSettled(closed);
  reader.close();
  assert((await within(all)).every(({ status }) => status === "rejected"));
  writer.close();
  child.kill();
  assert((await within(Promise.all(joins))).every((ended) => ended));
  assert((await within(Promise.all(waits))).every((ready) => ready.length === 1));
  await assertRejects(() => closed[0]);
  child.close();
});
