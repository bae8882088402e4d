// Thousands who connect and say nothing: a good client is served beside them.

import { type Address, AuthenticationError, Client, Listener, Process, Queue } from "@parallel/multiprocessing";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { hold, serve, type Style } from "../fixtures/connection/flood_targets.ts";
import { begin } from "../support/children.ts";
import { descriptorCount, until, within } from "../support/helpers.ts";

Deno.test.beforeAll(begin);

const MOST = 2000;
/** Where it is enough that they are more than a listener lets in. */
const MANY = 600;
const KEY = new TextEncoder().encode("secret");

/** Whether a process may have so many descriptors. */
function mayHave(descriptors: number): boolean {
  const [, hard] = Deno.readTextFileSync("/proc/self/limits").match(/Max open files\s+\S+\s+(\S+)/)!;
  return hard === "unlimited" || Number(hard) >= descriptors;
}

const servers: [style: Style, kind: Address | null, authkey: Uint8Array | null, silent: number][] = [
  ["promises", ["127.0.0.1", 0], KEY, MOST],
  ["blocking", ["127.0.0.1", 0], KEY, MANY],
  ["promises", null, KEY, MANY],
  ["promises", ["127.0.0.1", 0], null, MANY],
];

for (const [style, kind, authkey, silent] of servers) {
  const how = `${style}, ${kind === null ? "UNIX" : "TCP"}, ${authkey === null ? "no key" : "a key"}`;
  Deno.test(`a good client is served beside ${silent} silent ones (${how})`, async () => {
    if (!mayHave(silent + 500)) return console.warn("skipped: the limit of descriptors is too low for the flood");
    using told = new Queue<unknown>();
    using held = new Queue<unknown>();
    const server = new Process({ target: serve, args: [style, kind, authkey, told], daemon: true });
    server.start();
    const address = await within(told.get()) as [string, number] | string;
    const flood = new Process({ target: hold, args: [address, silent, held], daemon: true });
    flood.start();
    assertEquals(await within(held.get()), silent);
    using client = await within(Client(address, authkey === null ? {} : { authkey }));
    await within(client.send("good"));
    assertEquals(await within(client.recv()), "good");
    if (authkey !== null) {
      const most = await within(told.get()) as number;
      assert(most > 100 && most < 400, `the server had up to ${most} descriptors`);
    }
    for (const process of [server, flood]) {
      process.kill();
      await process.join();
      process.close();
    }
  });
}

Deno.test("one accept after the other: the silent do not come between, and each is told of at its time", async () => {
  using listener = new Listener(null, { authkey: KEY, handshakeTimeout: 2000 }); // that of the good one, too
  const silent = [];
  for (let i = 0; i < 20; i++) silent.push(await Client(listener.address)); // they have no key, and so say nothing
  const client = Client(listener.address, { authkey: KEY });
  using server = await within(listener.accept());
  using good = await within(client);
  await good.send(1);
  assertEquals(await server.recv(), 1);
  for (const _ of silent) {
    await assertRejects(() => within(listener.accept()), AuthenticationError, "silent for too long");
  }
  silent.forEach((connection) => connection.close());
});

Deno.test("an accept whose time has passed waits for those who are in their handshake, but for nobody else", async () => {
  using listener = new Listener(null, { authkey: KEY, handshakeTimeout: 300 });
  using _silent = await Client(listener.address);
  const [first, second] = [listener.accept({ timeout: 20 }), listener.accept({ timeout: 20 })];
  const reasons = await within(Promise.allSettled([first, second]));
  const names = reasons.map((it) => it.status === "rejected" ? it.reason.name : it.status);
  assertEquals(names.sort(), ["AuthenticationError", "TimeoutError"]);
});

Deno.test("an aborted accept leaves who has come in to the next one; close() closes them", async () => {
  const before = descriptorCount();
  const listener = new Listener(null, { authkey: KEY });
  const stop = new AbortController();
  const accepting = listener.accept({ signal: stop.signal });
  const client = Client(listener.address, { authkey: KEY });
  stop.abort(new Error("stopped"));
  await assertRejects(() => accepting, Error, "stopped");
  using server = await within(listener.accept());
  using good = await within(client);
  good.sendSync(1);
  assertEquals(server.recvSync(), 1);

  const silent = await Client(listener.address);
  const late = listener.accept();
  await until("it let in", () => descriptorCount() > before + 3);
  listener.close();
  await assertRejects(() => late);
  assert(await within(silent.poll({ timeout: null })));
  silent.close();
});
