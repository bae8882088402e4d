// Clients: whom they reach, and what they say when they do not.

import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { type Address, Client, ClientSync, type Connection, Listener, Pipe } from "../../src/connection.ts";
import { AuthenticationError, InvalidStateError, TimeoutError } from "../../src/errors.ts";
import { Process } from "../../src/process.ts";
import { Queue } from "../../src/queues.ts";
import { register } from "../../src/reduction/registry.ts";
import { RawArray } from "../../src/sharedctypes/factories.ts";
import { Lock } from "../../src/synchronize.ts";
import { echo, sayGoodbye } from "../fixtures/connection/network_targets.ts";
import { PATIENCE, until, within } from "../support/helpers.ts";
import { bytesOf, concat, hex } from "../support/bytes.ts";
import { framed, RawPeer } from "../support/raw_peer.ts";

/** A port of this machine where nobody listens. */
function freePort(): number {
  using listener = new Listener(["127.0.0.1", 0]);
  return Number(listener.address[1]);
}

for (const family of ["AF_INET", "AF_UNIX"] as const) {
  Deno.test(`${family}: what was sent right before the other end closed can be polled (TestListenerClient.test_issue16955)`, async () => {
    using where = new Queue<Address>();
    await using child = new Process({ target: sayGoodbye, args: [where, family] });
    child.start();
    using connection = await within(Client(await within(where.get())));
    await within(child.join());
    assertEquals(connection.pollSync({ timeout: PATIENCE }), true);
    assertEquals(connection.recvSync(), "goodbye");
  });

  Deno.test(`${family}: a blocked thread authenticates and exchanges messages of boundary sizes`, async () => {
    const authkey = bytesOf("secret");
    using listener = new Listener(null, { family, authkey });
    await using child = new Process({ target: echo, args: [listener.address, authkey] });
    child.start();
    const connection = listener.acceptSync({ timeout: PATIENCE });
    for (const size of [0, 1, 16384, 16385, 2 ** 20]) {
      const message = new Uint8Array(size).fill(size % 251);
      connection.sendBytesSync(message);
      assertEquals(connection.recvBytesSync(), message);
    }
    connection.close();
    await within(child.join());
    assertEquals(child.exitcode, 0);
  });
}

/** Asserts that connecting fails in both forms. */
async function assertFails(
  address: Address,
  ErrorClass: new () => Error,
  why: string,
  options: Record<string, unknown> = {},
): Promise<void> {
  await assertRejects(() => within(Client(address, options)), ErrorClass, why);
  assertThrows(() => ClientSync(address, options), ErrorClass, why);
}

Deno.test("nobody listens at the port: ConnectionRefused, which names it", async () => {
  const port = freePort();
  await assertFails(["127.0.0.1", port], Deno.errors.ConnectionRefused, `Cannot connect to "127.0.0.1:${port}": `);
  await assertFails(["localhost", port], Deno.errors.ConnectionRefused, `Cannot connect to "localhost:${port}": `);
});

Deno.test("no such file is NotFound, and a file that is no socket ConnectionRefused", async () => {
  await assertFails("/no/such/socket", Deno.errors.NotFound, 'Cannot connect to "/no/such/socket": ');
  await assertFails(`\0mp-test-${crypto.randomUUID()}`, Deno.errors.ConnectionRefused, "Cannot connect to");
  const file = Deno.makeTempFileSync();
  await assertFails(file, Deno.errors.ConnectionRefused, file);
  Deno.removeSync(file);
});

Deno.test("no such host is NotFound, which names it", () =>
  assertFails(["no-such-host.invalid", 80], Deno.errors.NotFound, 'Cannot connect to "no-such-host.invalid:80": '));

const BAD: [
  what: string,
  address: unknown,
  options: Record<string, unknown>,
  ErrorClass: new () => Error,
  why: string,
][] = [
  ["a Windows pipe (TestInvalidFamily.test_invalid_family)", "\\\\.\\pipe\\mp", {}, RangeError, '"AF_PIPE"'],
  ["the family of Windows", ["127.0.0.1", 1], { family: "AF_PIPE" }, RangeError, '"AF_PIPE"'],
  ["a path for AF_INET", "/tmp/s", { family: "AF_INET" }, RangeError, "no address of family"],
  ["a port for AF_UNIX", ["127.0.0.1", 1], { family: "AF_UNIX" }, RangeError, "no address of family"],
  [
    "version 4 for AF_INET6",
    ["127.0.0.1", 1],
    { family: "AF_INET6" },
    Deno.errors.NotFound,
    "no address of the family",
  ],
  ["no address", undefined, {}, TypeError, "wanted [host, port] or a path"],
  ["a port that is a text", ["127.0.0.1", "80"], {}, TypeError, "wanted [host, port] or a path"],
  ["a negative port", ["127.0.0.1", -1], {}, RangeError, "wanted a port from 0 to 65535"],
  ["a host with a NUL", ["local\0host", 1], {}, RangeError, "a host has no NUL"],
  ["a time that is none", ["127.0.0.1", 1], { timeout: NaN }, RangeError, "NaN"],
  ["a time that is a text", ["127.0.0.1", 1], { handshakeTimeout: "1" }, TypeError, "wanted a number"],
];

for (const [what, address, options, ErrorClass, why] of BAD) {
  Deno.test(`a client of ${what} is a ${ErrorClass.name}`, () =>
    assertFails(address as Address, ErrorClass, why, options));
}

/** Fills a listener's queue, and gives what fills it. */
async function fillQueue(address: Address): Promise<Connection[]> {
  const connections: Connection[] = [];
  for (;;) {
    try {
      connections.push(await Client(address, { timeout: 20 }));
    } catch (error) {
      assertInstanceOf(error, TimeoutError);
      return connections;
    }
  }
}

Deno.test("a busy listener is waited for, as long as wanted", async () => {
  using listener = new Listener(null, { backlog: 0 });
  const connections = await fillQueue(listener.address);
  const begin = performance.now();
  await assertFails(listener.address, TimeoutError, "took longer than 30 ms", { timeout: 30 });
  assert(performance.now() - begin >= 60);

  const abort = new AbortController();
  const aborted = Client(listener.address, { signal: abort.signal });
  abort.abort(new RangeError("enough"));
  await assertRejects(() => within(aborted), RangeError, "enough");

  const connecting = Client(listener.address);
  // Those who gave up may have got through just before.
  let isConnected = false;
  const connected = within(connecting).then((connection) => {
    isConnected = true;
    connection.close();
  });
  const accepting = (async () => {
    while (!isConnected) (await listener.accept()).close();
  })();
  await connected;
  for (const connection of connections) connection.close();
  listener.close();
  await accepting.catch((error) => assertInstanceOf(error, InvalidStateError));
});

Deno.test("a signal aborted before or during the handshake rejects with its reason", async () => {
  using listener = new Listener(["127.0.0.1", 0]);
  const reason = new RangeError("enough");
  const options = { authkey: bytesOf("secret"), signal: AbortSignal.abort(reason) };
  await assertRejects(() => Client(listener.address, options), RangeError, "enough");
  const abort = new AbortController();
  const connecting = Client(listener.address, { authkey: bytesOf("secret"), signal: abort.signal });
  using server = await within(listener.accept());
  abort.abort(reason);
  await assertRejects(() => within(connecting), RangeError, "enough");
  await until("the client's end closed", () => server.pollSync());
});

Deno.test("a listener with another key is an AuthenticationError on both sides", async () => {
  using listener = new Listener(["127.0.0.1", 0], { authkey: bytesOf("one") });
  const outcomes = await within(
    Promise.allSettled([listener.accept(), Client(listener.address, { authkey: bytesOf("another") })]),
  );
  for (const outcome of outcomes) {
    if (outcome.status !== "rejected") throw new Error("It was let through");
    assertInstanceOf(outcome.reason, AuthenticationError);
  }
});

const HOSTILE: [what: string, bytes: Uint8Array][] = [
  ["a hostile length", hex("7fffffff")],
  ["a negative length (an empty message in CPython)", hex("fffffffe")],
  ["a flood", new Uint8Array(2 ** 20).fill(0x41)],
  ["no challenge", framed(bytesOf("#WELCOME#"))],
  ["a short challenge", framed(bytesOf("#CHALLENGE#1234567890123456789"))],
  [
    "a challenge and a refusal",
    concat(framed(bytesOf("#CHALLENGE#12345678901234567890")), framed(bytesOf("#FAILURE#"))),
  ],
];

for (const [what, bytes] of HOSTILE) {
  Deno.test(`a listener that sends ${what} is an AuthenticationError`, async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr as Deno.NetAddr;
    const connecting = Client(["127.0.0.1", port], { authkey: bytesOf("secret"), handshakeTimeout: PATIENCE });
    using peer = new RawPeer(await listener.accept());
    const [connected] = await within(Promise.allSettled([connecting, peer.send(bytes)]));
    if (connected.status !== "rejected") throw new Error("It was let through");
    assertInstanceOf(connected.reason, AuthenticationError);
  });
}

class Point {
  constructor(readonly x: number) {}
}
register(Point, { name: "client_test.Point", reduce: ({ x }) => x, restore: (x) => new Point(x) });

Deno.test("values and registered classes travel; shared objects do not leave their tree", async () => {
  using listener = new Listener();
  using client = await within(Client(listener.address));
  using server = await within(listener.accept());
  const value = { at: new Date(0), big: 2n ** 70n, bytes: new Uint8Array([1, 2]), point: new Point(3) };
  client.sendSync(value);
  assertEquals(await server.recv(), value);
  using lock = new Lock();
  assertThrows(() => client.sendSync(lock), TypeError);
  assertThrows(() => client.sendSync([RawArray("i32", 4)]), TypeError);
  const [first, second] = Pipe();
  assertThrows(() => client.sendSync({ first }), TypeError);
  first.close();
  second.close();
  client.sendSync("still usable");
  assertEquals(server.recvSync(), "still usable");
});

Deno.test("a message from outside that names shared objects is an error and opens nothing", async () => {
  using listener = new Listener(["127.0.0.1", 0]);
  using lock = new Lock();
  // What an honest sender inside the tree would send of the lock.
  const { dumps } = await import("../../src/reduction/serialise.ts");
  const [first, second] = Pipe();
  using peer = await RawPeer.connect(listener.address);
  using server = await within(listener.accept());
  for (const object of [lock, RawArray("i32", 4), first]) {
    await peer.send(framed(dumps(object).bytes));
    await assertRejects(() => within(server.recv()), Error);
  }
  first.close();
  second.close();
  // The mark of messages with holds, which only pipes have.
  await peer.send(framed(concat(hex("c100000001000000ff"), hex("c0"))));
  await assertRejects(() => within(server.recv()), RangeError);
  assertEquals(lock.locked(), false);
});
