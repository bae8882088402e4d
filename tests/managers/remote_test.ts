// Managers whose clients are other programs: in no tree, or in one of their own.
//
// TestRemoteManager.test_remote

import { getContext, Lock, Process, Queue } from "@parallel/multiprocessing";
import { Client, Listener } from "@parallel/multiprocessing/connection";
import { SyncManager } from "@parallel/multiprocessing/managers";
import {
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { AuthenticationError, EOFError, ProcessError, RemoteError, TimeoutError } from "../../src/errors.ts";
import { Kind } from "../../src/managers/messages.ts";
import { OutsideLine } from "../../src/managers/outside_line.ts";
import { PROTOCOL, sendOutside, VERSION } from "../../src/managers/outside_wire.ts";
import {
  answer,
  answerFromQueue,
  AnyManager,
  KEY,
  mailbox,
  type MailboxProxy,
  RemoteManager,
  reportCall,
  reportTwoCalls,
} from "../fixtures/managers/remote_targets.ts";
import { ask, call } from "../support/outside.ts";
import { FIXTURES, isRunning, PATIENCE, type Program, startProgram, until, within } from "../support/helpers.ts";

const LOOPBACK = ["127.0.0.1", 0] as const;
/** Bytes that a server's memory may grow by for a client that asks for 5 GB and does not read them. */
const MOST_GROWTH = 2 ** 28;
const wrongKey = new TextEncoder().encode("another key");

/** A manager that is started, and one that is connected to it. */
class Both implements AsyncDisposable {
  readonly owner: RemoteManager;
  readonly client: RemoteManager;

  constructor(owner: RemoteManager, client: RemoteManager) {
    this.owner = owner;
    this.client = client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.shutdown();
    await this.owner.shutdown();
  }
}

async function both(address: readonly [string, number] | string | null = LOOPBACK): Promise<Both> {
  const owner = new RemoteManager({ address, authkey: KEY });
  await owner.start();
  const client = new RemoteManager({ address: owner.address, authkey: KEY });
  await client.connect();
  return new Both(owner, client);
}

function program(name: string, ...args: string[]): Program {
  return startProgram(new URL(`managers/${name}.ts`, FIXTURES), { args });
}

Deno.test("TestRemoteManager.test_remote: two programs share a mailbox over TCP", async () => {
  await using server = program("remote_server");
  const address = JSON.parse(await server.said("address "));
  const first = new RemoteManager({ address, authkey: KEY });
  const second = new AnyManager({ address, authkey: KEY });
  await first.connect();
  second.connectSync();
  const put = await mailbox(first, "sharedMailbox");
  const get = await mailbox(second, "sharedMailbox");
  const letters = [
    "hello world",
    null,
    7n,
    [1.5, { deep: new Map([[1, new Set([2])]]) }],
    new Date(0),
    "ü\0".repeat(9),
  ];
  for (const letter of letters) await put.put(letter);
  assertEquals(await get.get(), letters[0]);
  for (const letter of letters.slice(1)) assertEquals(get.sync.callmethod("get"), letter);

  await assertRejects(() => put.put(() => {}), TypeError);
  using lock = new Lock();
  await assertRejects(() => put.put(lock), TypeError, "Cannot send a shared object to another program");
  assertThrows(() => put.sync.callmethod("put", [lock]), TypeError, "Cannot send a shared object to another program");
  assertEquals(await put.count(), 0);
  await first.shutdown();
  await second.shutdown();
});

Deno.test("a manager opens no socket before its address is read", async () => {
  await using manager = new SyncManager();
  assertEquals(manager.address, null);
  await manager.start();
  const { pid } = await manager.stats();
  const sockets = () =>
    [...Deno.readDirSync(`/proc/${pid}/fd`)].map(({ name }) => {
      try {
        return Deno.readLinkSync(`/proc/${pid}/fd/${name}`);
      } catch {
        return "";
      }
    }).filter((link) => link.startsWith("socket:"));
  const before = sockets();
  const { address } = manager;
  assertMatch(address as string, /^\0multiprocessing-[-0-9a-f]{36}$/);
  assertEquals(sockets().length, before.length + 1);
  assertEquals(manager.address, address);
  await manager.shutdown();
  await assertRejects(
    () => new SyncManager({ address }).connect(),
    Deno.errors.ConnectionRefused,
    `Cannot connect to "\\x00multiprocessing-`,
  );
});

for (const signal of ["SIGINT", "SIGTERM", "SIGKILL"] as const) {
  Deno.test(`${signal} leaves nothing of the address that a manager made itself`, async () => {
    const folder = Deno.makeTempDirSync();
    await using server = startProgram(new URL("managers/remote_server.ts", FIXTURES), {
      args: ["null"],
      env: { TMPDIR: folder },
    });
    const pid = Number(await server.said("server "));
    const address = JSON.parse(await server.said("address "));
    await using client = program("remote_client", JSON.stringify(address));
    await client.said("waiting");
    const manager = new RemoteManager({ address, authkey: KEY });
    await manager.connect();
    await (await mailbox(manager, "sharedMailbox")).put(signal);
    assertEquals(await client.said("got "), signal);
    await manager.shutdown();
    const isKnown = () => Deno.readTextFileSync("/proc/net/unix").includes(address.slice(1));
    assertEquals(isKnown(), true);
    server.kill(signal);
    await until("the server's end", () => !isRunning(pid));
    await until("the address gone", () => !isKnown());
    assertEquals([...Deno.readDirSync(folder)], []);
    Deno.removeSync(folder);
  });
}

Deno.test("the address that a manager without a key makes itself is one that only this user can reach", async () => {
  const manager = new SyncManager({ authkey: null });
  await manager.start();
  const address = manager.address as string;
  const client = new SyncManager({ address, authkey: null });
  await client.connect();
  assertEquals(Deno.statSync(address.slice(0, address.lastIndexOf("/"))).mode! & 0o777, 0o700);
  await client.shutdown();
  await manager.shutdown();
  assertThrows(() => Deno.statSync(address), Deno.errors.NotFound);
});

Deno.test("a client outside of the tree has all that proxies have", async () => {
  await using managers = await both(null);
  const box = await mailbox(managers.client);
  assertMatch(String(box), /^<AutoProxy\[Mailbox\] object, typeid 'Mailbox' at 0x[0-9a-f]+>$/);
  const error = await assertRejects(() => box.fail(), RangeError, "not possible");
  assertStringIncludes(`${(error.cause as RemoteError).remoteStack}`, "remote_targets.ts");
  assertEquals(await Array.fromAsync(box.upTo(100)), Array.from({ length: 100 }, (_, n) => n));
  const long = await box.long(3_000_000);
  assertEquals(long.length, 3_000_000);
  await box.put(long);
  assertEquals(box.sync.callmethod("get"), long);

  const other = await mailbox(managers.client);
  await other.put(1);
  assertEquals(await box.countOf(other), 1);
  assertEquals((await managers.client.stats()).strangers, 1);
  assertEquals(await managers.client.numberOfObjects(), 2);
  assertStringIncludes(await managers.client.debugInfo(), "Mailbox");
  other.close();
  assertEquals(await managers.client.numberOfObjects(), 1);
});

Deno.test("calls are answered out of order, and what waits holds up nobody", async () => {
  await using managers = await both();
  const box = await mailbox(managers.client);
  const waiting = [box.get(), box.get()];
  assertEquals(await box.count(), 0);
  assertEquals(box.sync.callmethod("count"), 0);
  const other = await mailbox(managers.owner, "sharedMailbox");
  assertEquals(await other.count(), 0);
  await box.put("first");
  box.sync.callmethod("put", ["second"]);
  assertEquals(await Promise.all(waiting), ["first", "second"]);
  const many = await Promise.all(Array.from({ length: 2000 }, (_, n) => box.long(n)));
  assertEquals(many.map(({ length }) => length), Array.from({ length: 2000 }, (_, n) => n));
});

Deno.test("a call is given up by its time or a signal, and the connection goes on", async () => {
  await using managers = await both();
  const box = await mailbox(managers.client);
  await assertRejects(() => box.with({ timeout: 10 }).never(), TimeoutError, '"never"');
  assertThrows(() => box.with({ timeout: 10 }).sync.callmethod("never"), TimeoutError, '"never"');
  await assertRejects(() => box.with({ timeout: 0 }).count(), TimeoutError, '"count"');
  assertThrows(() => box.with({ timeout: 0 }).sync.callmethod("count"), TimeoutError, '"count"');
  const controller = new AbortController();
  const given = box.with({ signal: controller.signal }).never();
  controller.abort(new Error("no more"));
  await assertRejects(() => given, Error, "no more");
  assertEquals(await box.count(), 0);
});

Deno.test("more than the socket holds is under way in both directions", async () => {
  await using managers = await both();
  const box = await mailbox(managers.client);
  const letter = "y".repeat(100_000);
  for (let round = 1; round <= 8; round++) { // what is kept may just have been sent when more comes, and the thread is blocked
    const puts = Array.from({ length: 100 }, () => box.put(letter));
    const longs = Array.from({ length: 100 }, () => box.long(100_000));
    assertEquals(box.sync.callmethod("count"), 100 * round);
    await Promise.all(puts);
    for (const long of await Promise.all(longs)) assertEquals(long.length, 100_000);
  }
});

Deno.test("nothing is to be had but what is registered and exposed", async () => {
  await using managers = await both();
  const box = await mailbox(managers.client);
  for (
    const name of ["__proto__", "constructor", "toString", "hasOwnProperty", "#letters", ".constructor", "=get", ""]
  ) {
    await assertRejects(() => box.callmethod(name), RemoteError);
  }
  for (const typeid of ["__proto__", "constructor", "Function", ""]) {
    await assertRejects(() => managers.client.create(typeid), RemoteError, "no such type was registered");
  }
  const dict = await managers.client.create("dict");
  await dict.callmethod("set", ["__proto__", { polluted: true }]);
  await dict.callmethod("set", ["o", JSON.parse('{"__proto__": {"polluted": true}}')]);
  assertEquals(await dict.callmethod("get", ["__proto__"]), { polluted: true });
  const copy = await dict.callmethod("get", ["o"]) as object;
  assertEquals(Object.keys(copy), ["__proto__"]);
  assertEquals((copy as { polluted?: boolean }).polluted, undefined);
  assertEquals(Object.getPrototypeOf(copy), Object.prototype);
});

Deno.test("a client outside of the tree cannot end the server, nor make it listen", async () => {
  await using managers = await both();
  using connection = await Client(managers.owner.address!, { authkey: KEY });
  await connection.recvBytes();
  for (const asked of ["shutdown", "listen", "__proto__", "constructor", "act"]) {
    assertStringIncludes(await ask(connection, [0, asked, null, false]), `Cannot call "${asked}"`);
  }
  assertEquals(await managers.client.numberOfObjects(), 0);
});

Deno.test("a wrong key, and none, are refused, and the server goes on", async () => {
  await using managers = await both();
  const { address } = managers.owner;
  for (const authkey of [wrongKey, null]) {
    const stranger = new SyncManager({ address, authkey });
    await assertRejects(() => stranger.connect(), AuthenticationError);
    assertThrows(() => new SyncManager({ address, authkey }).connectSync(), AuthenticationError);
  }
  await using open = new SyncManager({ address: LOOPBACK, authkey: null });
  await open.start();
  await assertRejects(() => new SyncManager({ address: open.address, authkey: KEY }).connect(), AuthenticationError);
  const client = new SyncManager({ address: open.address, authkey: null });
  await client.connect();
  assertEquals(await client.numberOfObjects(), 0);
  await client.shutdown();
  assertEquals(await (await mailbox(managers.client)).count(), 0);
});

Deno.test("without an authkey nobody listens where other machines can connect", async () => {
  for (const authkey of [null, new Uint8Array()]) {
    for (const host of ["0.0.0.0", "", "::", "192.0.2.1", "example.com", "127.0.0.1.example.com"]) {
      const manager = new SyncManager({ address: [host, 0], authkey });
      await assertRejects(() => manager.start(), RangeError, "without an authkey");
      assertThrows(() => manager.startSync(), RangeError, "without an authkey");
      assertThrows(() => manager.getServer(), RangeError, "without an authkey");
    }
  }
});

Deno.test("options are checked", () => {
  assertThrows(() => new SyncManager({ address: 7 as never }), TypeError);
  assertThrows(() => new SyncManager({ address: ["x", -1] }), RangeError);
  const { message } = assertThrows(
    () => new SyncManager({ authkey: "secret" as never }),
    TypeError,
    "wanted a Uint8Array",
  );
  assertEquals(message.includes("secret"), false);
  assertThrows(() => new SyncManager({ serializer: "json" as never }), TypeError, 'wanted "reduction" or "pickle"');
  const missing = "./pickle of this package is not imported";
  assertThrows(() => new SyncManager({ serializer: "pickle" }), TypeError, missing);
});

Deno.test("who cannot connect is told why", async () => {
  await assertRejects(() => new SyncManager().connect(), Error, "it has no address");
  const free = new Listener([...LOOPBACK]);
  const { address } = free;
  free.close();
  await assertRejects(() => new SyncManager({ address }).connect(), Deno.errors.ConnectionRefused);
  assertThrows(() => new SyncManager({ address: "/tmp/nothing-is-here" }).connectSync(), Deno.errors.NotFound);

  using silent = new Listener([...LOOPBACK]);
  const silence = new SyncManager({ address: silent.address, authkey: null });
  await assertRejects(() => silence.connect({ timeout: 20 }), TimeoutError, "silent");
  assertThrows(() => silence.connectSync({ timeout: 20 }), TimeoutError, "silent");
  const signal = AbortSignal.abort(new Error("never mind"));
  await assertRejects(() => silence.connect({ signal }), Error, "never mind");

  using another = new Listener([...LOOPBACK]);
  const stranger = new SyncManager({ address: another.address, authkey: null });
  const refused = assertRejects(() => stranger.connect(), ProcessError, "is no manager's server");
  using other = await within(another.accept());
  await other.send(["I am", "something else"]);
  await refused;
});

Deno.test("a call has one time, also if it connects first", async () => {
  using listener = new Listener([...LOOPBACK]);
  const line = OutsideLine.to(listener.address, null);
  line.enter(new Map());
  const call = line.call(1, "never", [], { timeout: 1000 }).then(String, (error) => error.name);
  using connection = await within(listener.accept());
  await new Promise((go) => setTimeout(go, 700));
  const noProxies = { reduce: (it: unknown) => it, restore: () => null as never };
  sendOutside(connection, { kind: Kind.welcome, number: 0, logical: 0 }, [PROTOCOL, VERSION], noProxies);
  await within(connection.recvBytes()); // it waits for its answer now, for what is left of its time
  const { promise: later, resolve } = Promise.withResolvers<string>();
  const timer = setTimeout(resolve, 700, "later");
  assertEquals(await Promise.race([call, later]), "TimeoutError");
  clearTimeout(timer);
  line.leave();
  await call;
});

Deno.test("a manager is connected or started once", async () => {
  await using managers = await both();
  await assertRejects(() => managers.client.connect(), ProcessError, "Already started server");
  await assertRejects(() => managers.client.start(), ProcessError, "Already started server");
  assertThrows(() => managers.owner.connectSync(), ProcessError, "Already started server");
  await managers.client.shutdown();
  await assertRejects(() => managers.client.connect(), ProcessError, "Manager has shut down");
  assertEquals(await managers.owner.numberOfObjects(), 0);
});

Deno.test("a server that is killed fails every pending and later call, which names its address", async () => {
  await using server = program("remote_server");
  const address = JSON.parse(await server.said("address "));
  const pid = Number(await server.said("server "));
  const manager = new RemoteManager({ address, authkey: KEY });
  await manager.connect();
  const box = await mailbox(manager);
  const pending = [box.never(), box.get()].map((call) =>
    within(assertRejects(() => call, EOFError, `"127.0.0.1:${address[1]}"`))
  );
  assertEquals(await box.count(), 0);
  Deno.kill(pid, "SIGKILL");
  await Promise.all(pending);
  await assertRejects(() => box.count(), EOFError, `"127.0.0.1:${address[1]}"`);
  assertThrows(() => box.sync.callmethod("count"), EOFError, 'Cannot call "count"');
  await assertRejects(() => manager.create("Mailbox"), EOFError, `"127.0.0.1:${address[1]}"`);
  await manager.shutdown();
});

Deno.test("a server that is killed while a client blocks its thread for it", async () => {
  await using server = program("remote_server");
  const address = JSON.parse(await server.said("address "));
  const pid = Number(await server.said("server "));
  const manager = new RemoteManager({ address, authkey: KEY });
  await manager.connect();
  const box = await mailbox(manager);
  const killer = new Deno.Command("sh", { args: ["-c", `sleep 0.2; kill -9 ${pid}`] }).spawn();
  assertThrows(() => box.sync.callmethod("never"), EOFError, `"127.0.0.1:${address[1]}"`);
  await killer.status;
  await manager.shutdown();
});

Deno.test("a client that is killed keeps nothing, and waits for nothing", async () => {
  await using managers = await both();
  await using client = program("remote_client", JSON.stringify(managers.owner.address));
  await client.said("waiting");
  const { strangers, objects } = await managers.owner.stats();
  assertEquals([strangers, objects], [2, 2]);
  client.kill();
  await until("the end of the client", () => managers.owner.stats().then(({ strangers }) => strangers === 1));
  assertEquals(await managers.owner.numberOfObjects(), 0);
});

Deno.test("a program whose manager has ended says so, and ends", async () => {
  await using server = program("remote_server");
  const address = await server.said("address ");
  const pid = Number(await server.said("server "));
  await using client = program("remote_client", address);
  await client.said("waiting");
  Deno.kill(pid, "SIGKILL");
  assertStringIncludes(await client.said("got "), `EOFError Cannot call "get": the manager's server at "127.0.0.1:`);
  assertEquals((await client.outcome()).code, 0);
});

Deno.test("two programs share a queue, a dict and a lock, and one outlives that the other is killed", async () => {
  await using host = program("share_host");
  await using guest = program("share_guest", await host.said("address "));
  assertEquals(await guest.said("acquired "), "true");
  assertEquals([await host.said("queue "), await host.said("dict ")], ["from the guest", "is there"]);
  assertEquals([await guest.said("queue "), await guest.said("dict ")], ["from the host", "is here"]);
  guest.kill();
  assertEquals(await host.said("lock "), "OwnerDiedError");
  assertEquals(await host.said("again "), "true");
  assertEquals(await host.said("queue goes on: "), "goes on");
  assertEquals((await host.outcome()).code, 0);
});

Deno.test("two programs share a queue, a dict and a lock, and the other is told that the server was killed", async () => {
  await using host = program("share_host");
  await using guest = program("share_guest", await host.said("address "));
  assertEquals(await guest.said("dict "), "is here");
  host.kill();
  assertStringIncludes(await guest.said("rest "), `EOFError: Cannot call "get": the manager's server at "127.0.0.1:`);
  assertStringIncludes(await guest.said("later "), `EOFError: Cannot call ".size": the manager's server at`);
  assertEquals((await guest.outcome()).code, 0);
});

Deno.test("TestManagerRestart: a manager listens again where one has listened before", async () => {
  const path = `${Deno.makeTempDirSync()}/socket`;
  for (const given of [LOOPBACK, path] as const) {
    let address: readonly [string, number] | string = given;
    const ids = new Set<string>();
    for (let n = 0; n < 3; n++) {
      await using managers = await both(address);
      address = managers.owner.address!;
      const second = new RemoteManager({ address, authkey: KEY });
      await assertRejects(() => second.start(), Deno.errors.AddrInUse);
      assertThrows(() => second.getServer(), Deno.errors.AddrInUse);
      const box = await mailbox(managers.client, "sharedMailbox");
      ids.add(String(box));
      await box.put(n);
      assertEquals(await box.count(), 1);
    }
    assertEquals(ids.size, 3);
    assertNotEquals(address, LOOPBACK);
  }
});

Deno.test("TestManagerRestart: a server that was killed leaves no file where it has listened", async () => {
  const path = `${Deno.makeTempDirSync()}/socket`;
  for (const given of [path, path, null]) {
    const manager = new RemoteManager({ address: given, authkey: given === null ? null : KEY });
    await manager.start();
    const address = manager.address as string;
    assertEquals(Deno.statSync(address).isSocket, true);
    Deno.kill((await manager.stats()).pid, "SIGKILL");
    await manager.join();
    await manager.shutdown();
    assertThrows(() => Deno.statSync(address), Deno.errors.NotFound);
    if (given === null) assertThrows(() => Deno.statSync(new URL(".", `file://${address}`)), Deno.errors.NotFound);
  }
});

Deno.test("the path of a server that was killed is in use until it is removed, and is then its successor's", async () => {
  const folder = Deno.makeTempDirSync();
  const was = Deno.cwd();
  Deno.chdir(folder);
  const address = "./socket";
  try {
    const first = new RemoteManager({ address, authkey: KEY });
    await first.start();
    Deno.kill((await first.stats()).pid, "SIGKILL");
    await first.join();
    await assertRejects(() => new RemoteManager({ address, authkey: KEY }).start(), Deno.errors.AddrInUse);
    Deno.removeSync(address);
    await using second = new RemoteManager({ address, authkey: KEY });
    await second.start();
    await first.shutdown();
    await using client = new RemoteManager({ address, authkey: KEY });
    await client.connect();

    Deno.kill((await second.stats()).pid, "SIGKILL");
    await second.join();
    Deno.chdir(was);
    await second.shutdown();
    assertEquals([...Deno.readDirSync(folder)], []);
  } finally {
    Deno.chdir(was);
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("a proxy of a former server finds no other object", async () => {
  using boxes = new Queue<MailboxProxy>();
  using reports = new Queue<string>();
  let address: readonly [string, number] | string = LOOPBACK;
  {
    await using managers = await both(address);
    address = managers.owner.address!;
    await boxes.put(await mailbox(managers.client));
  }
  await using managers = await both(address);
  await mailbox(managers.client);
  await using child = new Process({ target: reportCall, args: [boxes, reports] });
  child.start();
  assertMatch(
    await reports.get({ timeout: PATIENCE }),
    /^RemoteError: Cannot find object 0x[0-9a-f]+: there is no such/,
  );
});

Deno.test("a proxy goes on to the processes of its client's own tree, with a key that these do not have", async () => {
  await using server = program("remote_server");
  const manager = new RemoteManager({ address: JSON.parse(await server.said("address ")), authkey: KEY });
  await manager.connect();
  const box = await mailbox(manager);
  for (const method of ["spawn", "forkserver"] as const) {
    await using child = new (getContext(method).Process)({ target: answer, args: [box, method] });
    child.start();
    assertEquals(await box.get(), method);
    assertEquals(await child.join(), true);
    assertEquals(child.exitcode, 0);
  }
  using boxes = new Queue<MailboxProxy>();
  await using child = new Process({ target: answerFromQueue, args: [boxes, "by a queue"] });
  child.start();
  const lent = await mailbox(manager);
  await boxes.put(lent);
  lent.close(); // the message keeps the object
  await child.join();
  assertEquals(child.exitcode, 0);
  await manager.shutdown();
});

Deno.test("a call that is given up while it connects takes no other call along", async () => {
  await using managers = await both();
  using boxes = new Queue<MailboxProxy>();
  using reports = new Queue<string[]>();
  await boxes.put(await mailbox(managers.client));
  const child = new Process({ target: reportTwoCalls, args: [boxes, reports] });
  child.start();
  assertEquals(await within(reports.get()), ["RangeError: given up", "0", "0"]);
  await child.join();
});

Deno.test("what a proxy was sent for goes when nobody has it any more", async () => {
  await using managers = await both();
  {
    using boxes = new Queue<MailboxProxy>();
    const box = await mailbox(managers.client);
    await boxes.put(box);
    box.close();
    assertEquals(await managers.owner.numberOfObjects(), 1);
  }
  await until("the end of the object", async () => await managers.owner.numberOfObjects() === 0);
});

Deno.test("a proxy of another server is refused", async () => {
  await using one = await both();
  await using two = await both();
  const box = await mailbox(one.client);
  const foreign = await mailbox(two.client);
  await assertRejects(() => box.put(foreign), TypeError, "its object is in another server");
  await assertRejects(
    async () => await box.put(await mailbox(two.owner)),
    TypeError,
    "its object is in another server",
  );
  assertEquals(await box.count(), 0);
});

Deno.test("a client that never reads does not fill the server's memory, nor keep others waiting", async () => {
  await using managers = await both();
  using greedy = await Client(managers.owner.address!, { authkey: KEY });
  const dict = await managers.client.create("dict");
  await dict.callmethod("set", ["k", "x".repeat(1_000_000)]);
  const id = Number(/0x[0-9a-f]+/.exec(String(dict))![0]);
  const before = (await managers.owner.stats()).memory;
  await greedy.sendBytes(call(1, [0, "take", id]));
  let asked = 0;
  const flood = (async () => {
    while (asked < 5000) await greedy.sendBytes(call(++asked, [id, "get", "k"]));
  })();
  flood.catch(() => {}); // its connection is closed
  for (let n = 0; n < 20; n++) assertEquals((await dict.callmethod("get", ["k"]) as string).length, 1_000_000);
  const { memory } = await managers.owner.stats();
  assertEquals(memory - before < MOST_GROWTH, true, `memory has grown by ${memory - before} bytes`);
});

Deno.test("a thousand silent connections keep nobody waiting", async () => {
  await using managers = await both();
  const [hostname, port] = managers.owner.address as [string, number];
  const silent: Deno.Conn[] = [];
  try {
    for (let n = 0; n < 1000; n++) silent.push(await Deno.connect({ hostname, port }));
    const late = new RemoteManager({ address: [hostname, port], authkey: KEY });
    await within(late.connect());
    assertEquals(await within((await mailbox(late)).count()), 0);
    await late.shutdown();
  } finally {
    for (const connection of silent) connection.close();
  }
});
