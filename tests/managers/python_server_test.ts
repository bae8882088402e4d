// Managers whose clients are programs in Python: the classes of CPython's own `multiprocessing.managers`, which need not know
// that the server is none of theirs.
//
// TestMyManager, TestRemoteManager.test_remote: as clients

import { OwnerDiedError } from "@parallel/multiprocessing";
import { Client } from "@parallel/multiprocessing/connection";
import { BaseManager, type ListProxy, type QueueProxy, SyncManager } from "@parallel/multiprocessing/managers";
import { dumps, float, loads, PythonName, PythonObject, tuple } from "@parallel/multiprocessing/pickle";
import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { PythonsManager } from "../fixtures/managers/python_types.ts";
import { FIXTURES, until, within } from "../support/helpers.ts";
import { Calls, idOf } from "../support/python_calls.ts";
import { PythonScript } from "../support/python_script.ts";
import { type Python, pythons } from "../support/python.ts";

const CLIENT = new URL("managers/python_client.py", FIXTURES).pathname;
const ASKS = new URL("managers/python_asks.py", FIXTURES).pathname;
const KEY = "supadupasecretkey";
const authkey = new TextEncoder().encode(KEY);
const serializer = "pickle";
const LOOPBACK = ["127.0.0.1", 0] as const;
const newest = pythons.slice(-1);
const ends = pythons.filter((_, i) => i === 0 || i === pythons.length - 1);

async function manager(address: readonly [string, number] | null = LOOPBACK): Promise<PythonsManager> {
  const made = new PythonsManager({ address, authkey, serializer });
  await made.start();
  return made;
}

/** A server in this process, which is there sooner. */
function serving(address: readonly [string, number] | null = LOOPBACK) {
  const server = new PythonsManager({ address, authkey, serializer }).getServer();
  void server.serveForever();
  const objects = async () => {
    await using calls = await Calls.to(server.address, authkey);
    return await calls.ask("number_of_objects");
  };
  return { address: server.address, objects, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

/** Runs a script that asks the server something. */
function asking(python: Python, { address }: { address: unknown }, ...args: string[]): PythonScript {
  return new PythonScript(python, ASKS, [JSON.stringify(address), KEY, ...args]);
}

for (
  const [family, address, versions] of [["TCP", LOOPBACK, ends], ["a UNIX socket", null, pythons]] as const
) {
  Deno.test(`CPython's clients use all that a manager has, over ${family}`, async () => {
    await using server = await manager(address);
    const args = [address === null ? "AF_UNIX" : "AF_INET", JSON.stringify(server.address), KEY];
    await Promise.all(versions.map(async (python) => {
      await using script = new PythonScript(python, CLIENT, args);
      assertEquals(await script.rest(), "done\n", `CPython ${python.version.join(".")}`);
    }));
    // Nothing of theirs is left, once they have ended.
    await until("no objects", async () => await server.numberOfObjects() === 0);
    assert((await server.stats()).calls > 1000);
  });
}

for (const python of ends) {
  const version = python.version.join(".");

  Deno.test(`CPython ${version} asks the server itself, and for what there is not`, async () => {
    await using server = serving();
    await using script = asking(python, server, "functions");
    for (const word of ["AssertionError", "KeyError", "RemoteError", "AssertionError", "AssertionError"]) {
      assertStringIncludes(await script.said("no "), "-".repeat(60), word);
    }
    assertEquals(await script.rest(), "done\n");
  });

  Deno.test(`CPython ${version} with another key is refused`, async () => {
    await using server = serving(null);
    await using script = asking(python, server, "wrong-key");
    assertEquals(await script.rest(), "refused\n");
    assertEquals(await server.objects(), 0);
  });

  Deno.test(`CPython ${version}, killed with locks, objects and a wait: others are told, and nothing is left`, async () => {
    await using server = serving(python === pythons[0] ? null : LOOPBACK);
    await using victim = asking(python, server, "hold");
    const [lock] = JSON.parse(await victim.said("holds "));
    await using next = asking(python, server, "next", lock);
    assertEquals(await server.objects(), 9);
    victim.kill();
    assertStringIncludes(await next.said("told "), `MainProcess in Python, process ${victim.pid}`);
    await next.said("acquired");
    await until("only the lock", async () => await server.objects() === 1);
  });
}

for (const python of newest) {
  Deno.test("requests that a client sends without waiting are answered in their order", async () => {
    await using server = serving();
    await using script = asking(python, server, "pipelined");
    assertEquals(await script.rest(), "done\n");
  });

  Deno.test("shared memory that a client has created goes with the server", async () => {
    const server = await manager(null);
    await using script = asking(python, server, "segments");
    const file = `/dev/shm/${await script.said("kept ")}`;
    await script.rest();
    Deno.statSync(file);
    await server.shutdown();
    assertThrows(() => Deno.statSync(file), Deno.errors.NotFound);
  });

  Deno.test("a client ends the server, as CPython's", async () => {
    class Plain extends BaseManager {}
    await using server = new Plain({ address: LOOPBACK, authkey, serializer }).getServer();
    const serving = server.serveForever();
    await using script = asking(python, server, "shutdown");
    assertEquals(await script.rest(), "told None\n");
    await within(serving);
  });
}

Deno.test("what Python has put, processes of the tree and other programs read as their own", async () => {
  await using server = await manager();
  const client = new SyncManager({ address: server.address, authkey });
  await client.connect();
  await using connection = await Calls.to(server.address!, authkey);
  const dict = await server.dict<string, unknown>();
  const queue = await server.Queue<unknown>();
  const [dictId, queueId] = [idOf(dict), idOf(queue)];
  for (const value of [tuple(float(2), "x"), float(2), { a: [float(1)] }, new Set([tuple(1)])]) {
    await connection.call(dictId, "__setitem__", ["k", value]);
    for (let i = 0; i < 2; i++) await connection.call(queueId, "put", [value]);
    const plain = loads(dumps(value));
    assertEquals(await dict.get("k"), plain);
    assertEquals(await queue.get(), plain);
    assertEquals(await connection.call(queueId, "get"), loads(dumps(value), { floats: "keep", tuples: "tuple" }));
  }
  await client.shutdown();
});

Deno.test("one lock: a process of the tree has it while a client in Python waits, and the other way round", async () => {
  await using server = await manager();
  const lock = await server.Lock();
  await using one = await Calls.to(server.address!, authkey);
  const id = idOf(lock);
  assertEquals(await one.call(id, "acquire", [false]), true);
  assertEquals(await lock.tryAcquire(), null);
  await one.call(id, "release");
  await using other = await Calls.to(server.address!, authkey);
  let waiting: Promise<unknown>;
  {
    using _ = await lock.acquire();
    assertEquals(await one.call(id, "acquire", [true, 0.001]), false);
    waiting = one.call(id, "acquire");
    assertEquals(await other.call(id, "acquire", [false]), false); // the first one holds up only itself
  }
  assertEquals(await waiting, true);
  assertEquals(await lock.tryAcquire(), null);
  one[Symbol.dispose]();
  await assertRejects(() => lock.acquire(), OwnerDiedError, "in Python");
});

Deno.test("hostile requests are refused, nothing of them is executed, and the server goes on", async () => {
  await using server = serving();
  const file = `${Deno.makeTempDirSync()}/executed`;
  const touch = new PythonObject(new PythonName("os", "system"), [`touch ${file}`]);
  const exec = new PythonObject(new PythonName("builtins", "exec"), [`open(${JSON.stringify(file)}, "w")`]);
  const whole = dumps(tuple(null, "dummy", tuple(), {}));
  const messages = [
    ...[
      dumps(touch),
      dumps(tuple(null, "create", tuple("list", [touch, exec]), {})),
      dumps(tuple(null, touch, tuple(), {})),
    ],
    ...[dumps(tuple(null, "create", tuple("Maths", exec), {})), dumps(tuple(null, "shutdown_", tuple(), {}))],
    ...[dumps(tuple(null, "accept_connection", tuple(exec), {})), dumps(tuple(null, "create", tuple("Pool", 1), {}))],
    ...[dumps(tuple(1, 2, 3, 4)), dumps([]), dumps(null), dumps(tuple(null, "dummy", { a: 1 }, {}))],
    ...[dumps(tuple(null, "dummy", tuple(), new Map([[1, 2]]))), dumps(tuple(null, "incref", tuple(tuple()), {}))],
    ...Array.from(whole, (_, size) => whole.subarray(0, size)).slice(1),
    ...[new Uint8Array([0x80, 5, 0x8c, 0xff]), new Uint8Array([0x80, 4, ...new Array(5000).fill(0x28)])],
    ...[new Uint8Array([1, 2, 3]), new Uint8Array(), new Uint8Array(50).fill(0xff)],
  ];
  for (const message of messages) {
    using connection = await Client(server.address!, { authkey });
    await connection.sendBytes(message);
    const answer = await within(connection.recvBytes()).catch(() => null);
    if (answer?.[0] === 0x80) {
      const [kind] = loads(answer, { unknown: "object" }) as [string];
      assert(["#TRACEBACK", "#RETURN"].includes(kind), kind);
    }
  }
  await using calls = await Calls.to(server.address!, authkey);
  const list = await calls.create("list");
  for (
    const [method, ...args] of [["append", touch], ["sort"], ["__getitem__", exec], ["constructor"], ["__proto__"], [
      "splice",
    ]]
  ) {
    await calls.call(list, method as string, args).catch(() => {});
  }
  for (const method of ["constructor", "__proto__", "splice", "array", "_read", "drop", "__class__", "#getvalue"]) {
    await assertRejects(() => calls.call(list, method), Error, "is not in exposed", method);
  }
  await assertRejects(() => calls.call("0", "x"), Error, "KeyError");
  await assertRejects(() => calls.call(tuple(1), "x"), Error, "KeyError");
  // What only Python knows is stored as it came, and only described to others.
  assertEquals(`${(await calls.call(list, "__getitem__", [0]) as PythonObject).type}`, "os.system");
  assertEquals(await Deno.stat(file).catch(() => "none"), "none");
  Deno.removeSync(file.slice(0, -"/executed".length));
  assertEquals(await calls.call(list, "__len__"), 1);
});

Deno.test("a client that waits, and goes, has taken nothing", async () => {
  await using server = await manager();
  const queue: QueueProxy<string> = await server.Queue<string>();
  await using others = await Calls.to(server.address!, authkey);
  {
    await using calls = await Calls.to(server.address!, authkey);
    calls.call(idOf(queue), "get").catch(() => {});
    assertEquals(await others.call(idOf(queue), "empty"), true);
  }
  await until("its end", async () => (await server.stats()).strangers === 1);
  await queue.put("kept");
  assertEquals(await others.call(idOf(queue), "get"), "kept");
});

Deno.test("./pickle is wanted by the program that makes such a manager", () => {
  assertThrows(() => new SyncManager({ serializer: "xmlrpclib" as never }), TypeError, '"serializer" is "xmlrpclib"');
});

Deno.test("a proxy that leaves a queue for another program is the server's no longer", async () => {
  await using server = await manager();
  const outside = new SyncManager({ address: server.address, authkey });
  await outside.connect();
  await using connection = await Calls.to(server.address!, authkey);
  using queue = await server.Queue<unknown>();
  const id = idOf(queue);
  const put = async () => {
    using list = await server.list([1]);
    await queue.put([list]);
  };
  const onlyTheQueue = () => until("the queue alone", async () => await server.numberOfObjects() === 1);
  await put();
  await connection.call(id, "get");
  await connection.call(id, "qsize"); // the client has counted what it was given
  await onlyTheQueue();
  const waiting = connection.call(id, "get");
  await put();
  await waiting;
  await connection.call(id, "qsize");
  await onlyTheQueue();
  using theirs = await outside.Queue<[ListProxy<number>]>();
  queue.close();
  for (const take of [() => theirs.get(), async () => (await theirs.getMany(2))[0]]) {
    const list = await outside.list([1]);
    await theirs.put([list]);
    list.close(); // the queue keeps it
    await server.numberOfObjects();
    const [same] = await take();
    assertEquals(await same.at(0), 1);
    same.close();
    await onlyTheQueue();
  }
  await outside.shutdown();
});
