// A manager's server in the process that has asked for it.
//
// TestMyManager.test_mymanager, for what get_server() gives

import { Lock, Process, Queue } from "@parallel/multiprocessing";
import { BaseManager, type BaseProxy, Server, SyncManager } from "@parallel/multiprocessing/managers";
import { assertEquals, assertInstanceOf, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { EOFError, InvalidStateError, ProcessError, RemoteError } from "../../src/errors.ts";
import { answer, KEY, mailbox, type MailboxProxy } from "../fixtures/managers/remote_targets.ts";
import { BlockHandle } from "../../src/addon/handles.ts";
import { Kind, NO_TASK } from "../../src/managers/messages.ts";
import { Server as Core } from "../../src/managers/server.ts";
import { Channel } from "../../src/queues/channel.ts";
import { until, within } from "../support/helpers.ts";

const LOOPBACK = ["127.0.0.1", 0] as const;

/** How a message makes a queue. */
type QueueOf = new (handle: BlockHandle, options: object, joinable: boolean) => Queue<unknown>;

/** A manager with types that no module exports. */
class LocalManager extends BaseManager {}

const letters: unknown[] = [];
const log = {
  put: (letter: unknown) => void letters.push(letter),
  count: () => letters.length,
  async later() {
    await new Promise((resolve) => setTimeout(resolve, 1));
    return "later";
  },
  _hidden: () => "hidden",
};

class Counter {
  #count: number;
  constructor(count = 0) {
    this.#count = count;
  }
  get count(): number {
    return this.#count;
  }
  set count(count: number) {
    this.#count = count;
  }
  add(by: number): number {
    return this.#count += by;
  }
}

LocalManager.register("log", () => log, { exposed: ["put", "count", "later"] });
LocalManager.register("Counter", Counter);
LocalManager.register("Map", Map, { exposed: ["get", "set", "size"] });
LocalManager.register("Date", Date);
LocalManager.register("Mailbox", {
  module: new URL("../fixtures/managers/remote_targets.ts", import.meta.url).href,
  name: "Mailbox",
});

async function served<T>(act: (client: LocalManager, server: Server) => Promise<T>): Promise<T> {
  await using server = new LocalManager({ address: LOOPBACK, authkey: KEY }).getServer();
  const serving = server.serveForever();
  const client = new LocalManager({ address: server.address, authkey: KEY });
  await client.connect();
  const result = await act(client, server);
  await client.shutdown();
  server.stop();
  await within(serving);
  return result;
}

Deno.test("TestMyManager.test_mymanager: a server in this process makes objects by closures and classes", async () => {
  await served(async (client) => {
    letters.length = 0;
    const first = await client.create("log");
    const again = await client.create("log");
    assertEquals(String(again), String(first)); // the same object has the same id
    await first.callmethod("put", ["a"]);
    assertEquals(letters, ["a"]);
    assertEquals(await again.callmethod("count"), 1);
    assertEquals(await again.callmethod("later"), "later");
    await assertRejects(() => again.callmethod("_hidden"), RemoteError, "does not expose it");

    const counter = await client.create("Counter", 7) as BaseProxy & { count: Promise<number> };
    assertEquals(await counter.callmethod("add", [2]), 9);
    assertEquals(await counter.count, 9);
    assertEquals(await client.numberOfObjects(), 2);
    const box = await mailbox(client);
    await box.put("from a module");
    assertEquals(await box.get(), "from a module");
  });
});

Deno.test("a bell is no queue, nor a channel of a client, also of another server in the process that keeps it", async () => {
  const servers = [new Core({ types: new Map() }), new Core({ types: new Map() })];
  const [first, second] = servers;
  const serving = servers.map((it) => it.serve());
  const [requests, answers] = [new Channel().own(), new Channel().own()];
  const greet = ({ gate }: Core, channels: Channel[]) =>
    gate.bell.send({ ...NO_TASK, kind: Kind.hello, task: 0 }, [...channels, "a client", 0]);
  greet(second, [first.gate.bell, answers]);
  greet(second, [requests, first.gate.bell]);
  greet(second, [new Channel().own(), new Channel().own()]);
  await until("the client", () => second.clients > 0);
  assertEquals(second.clients, 1);
  second.stop();
  await serving[1];
  greet(first, [requests, answers]);
  await until("the client", () => first.clients > 0);
  first.stop();
  await serving[0];

  const kept = BlockHandle.of((addon) => addon.queueCreateKept());
  assertThrows(() => new (Queue as QueueOf)(kept, {}, false), RangeError, "kept by a manager's server");
  assertEquals(kept.closed, true);
});

Deno.test("its objects are used from other processes while this one goes on", async () => {
  await served(async (client) => {
    const box: MailboxProxy = await mailbox(client);
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    await using child = new Process({ target: answer, args: [box, "from a child"] });
    child.start();
    assertEquals(await within(box.get()), "from a child");
    clearInterval(timer);
    assertEquals(turns > 0, true);
    await child.join();
  });
});

Deno.test("a server that was stopped ends its clients' calls, and cannot serve again", async () => {
  const server = new LocalManager({ address: LOOPBACK, authkey: KEY }).getServer();
  assertInstanceOf(server, Server);
  const serving = server.serveForever();
  await assertRejects(() => server.serveForever(), InvalidStateError, "serves already");
  const client = new LocalManager({ address: server.address, authkey: KEY });
  await client.connect();
  const box = await mailbox(client);
  const pending = within(assertRejects(() => box.never(), EOFError, "127.0.0.1"));
  assertEquals(await box.count(), 0);
  server.stop();
  await within(serving);
  await pending;
  await assertRejects(() => server.serveForever(), InvalidStateError, "was stopped");
  server.stop();
  await assertRejects(() => new LocalManager({ address: server.address, authkey: KEY }).connect());
  await client.shutdown();
});

Deno.test("a server that never serves is stopped, too, and its place is free", async () => {
  const server = new LocalManager({ address: LOOPBACK, authkey: KEY }).getServer();
  const { address } = server;
  assertThrows(() => new LocalManager({ address, authkey: KEY }).getServer(), Deno.errors.AddrInUse);
  server.stop();
  await using next = new LocalManager({ address, authkey: KEY }).getServer();
  assertEquals(next.address, address);
});

Deno.test("a manager that is started has no server here", async () => {
  await using manager = new SyncManager();
  await manager.start();
  assertThrows(() => manager.getServer(), ProcessError, "Already started server");
});

Deno.test("what is made by a closure may hold what cannot be sent", async () => {
  class Holding extends BaseManager {}
  using lock = new Lock();
  const holder = { lock, isHeld: () => lock.locked(), get: () => lock };
  Holding.register("holder", () => holder, { exposed: ["isHeld", "get"] });
  await using server = new Holding({ address: LOOPBACK, authkey: KEY }).getServer();
  const serving = server.serveForever();
  const client = new Holding({ address: server.address, authkey: KEY });
  await client.connect();
  const proxy = await client.create("holder");
  assertEquals(await proxy.callmethod("isHeld"), false);
  await assertRejects(() => proxy.callmethod("get"), TypeError, "Cannot send a shared object to another program");
  assertStrictEquals(lock.locked(), false);
  await client.shutdown();
  server.stop();
  await serving;
});

Deno.test("constructors of the engine's own make objects, as classes do", async () => {
  await served(async (client) => {
    const map = await client.create("Map", [["a", 1]]);
    assertEquals([await map.callmethod("get", ["a"]), await map.callmethod(".size")], [1, 1]);
    assertEquals(await (await client.create("Date", 0)).callmethod("getTime"), 0);
  });
});
