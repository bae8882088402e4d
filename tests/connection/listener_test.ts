// Listeners: where they listen, whom they accept, and what is left of them.

import { assert, assertEquals, assertInstanceOf, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { type Address, Client, ClientSync, Listener, Pipe, wait, waitSync } from "../../src/connection.ts";
import { AuthenticationError, InvalidStateError, TimeoutError } from "../../src/errors.ts";
import { Process } from "../../src/process.ts";
import { Queue } from "../../src/queues.ts";
import { greetOver } from "../fixtures/connection/connection_targets.ts";
import { acceptOne, acceptWrongly, echo, hearChallenge, sayHello } from "../fixtures/connection/network_targets.ts";
import { begin } from "../support/children.ts";
import { descriptorCount, FIXTURES, outputOf, PATIENCE, until, within } from "../support/helpers.ts";
import { bytesOf } from "../support/bytes.ts";

Deno.test.beforeAll(begin);

/** An address of each kind that is free; what of it is a file is in `folder`. */
function addresses(folder: string): [kind: string, address: Address][] {
  return [
    ["TCP", ["127.0.0.1", 0]],
    ["TCP, by name", ["localhost", 0]],
    ["UNIX", `${folder}/socket`],
    ["abstract UNIX", `\0mp-test-${crypto.randomUUID()}`],
  ];
}

const KINDS = addresses("").map(([kind]) => kind);

/** Runs with a free address of the kind. */
async function withAddress(kind: string, run: (address: Address) => unknown): Promise<void> {
  const folder = Deno.makeTempDirSync();
  try {
    await run(addresses(folder).find(([name]) => name === kind)![1]);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

function exists(path: Address): boolean {
  try {
    Deno.lstatSync(String(path));
    return true;
  } catch {
    return false;
  }
}

for (const kind of KINDS) {
  Deno.test(`${kind}: a second listener at the same address is AddrInUse (TestListener.test_multiple_bind)`, () =>
    withAddress(kind, (address) => {
      using listener = new Listener(address);
      const again = () => new Listener(listener.address);
      assertThrows(again, Deno.errors.AddrInUse, "Cannot listen on");
    }));

  Deno.test(`${kind}: listener and connections end with their blocks (TestListener.test_context)`, () =>
    withAddress(kind, async (address) => {
      const listener = new Listener(address);
      {
        using _ = listener;
        using client = await within(Client(listener.address));
        using server = await within(listener.accept());
        await server.send([1, "two"]);
        assertEquals(await client.recv(), [1, "two"]);
      }
      assertEquals(listener.closed, true);
      await assertRejects(() => listener.accept(), InvalidStateError, "the listener is closed");
      assertThrows(() => listener.acceptSync(), InvalidStateError, "the listener is closed");
      listener.close();
    }));

  Deno.test(`${kind}: a client process sends a message (TestListenerClient.test_listener_client)`, () =>
    withAddress(kind, async (address) => {
      using listener = new Listener(address);
      await using child = new Process({ target: sayHello, args: [listener.address] });
      child.start();
      using connection = await within(listener.accept());
      assertEquals(await within(connection.recv()), `hello from ${child.pid}`);
      await within(child.join());
      assertEquals(child.exitcode, 0);
    }));

  Deno.test(`${kind}: who connected, wrote and left is accepted nevertheless (TestListenerClient.test_issue14725)`, () =>
    withAddress(kind, async (address) => {
      using listener = new Listener(address);
      await using child = new Process({ target: sayHello, args: [listener.address] });
      child.start();
      await within(child.join());
      using connection = listener.acceptSync({ timeout: PATIENCE });
      assertEquals(connection.recvSync(), `hello from ${child.pid}`);
    }));
}

for (const kind of KINDS) {
  Deno.test(`${kind}: an accepted connection is used by another process (TestPicklingConnections.test_pickling)`, () =>
    withAddress(kind, async (address) => {
      using listener = new Listener(address);
      const [toChild, inChild] = Pipe();
      await using child = new Process({ target: greetOver, args: [inChild] });
      child.start();
      inChild.close();
      using client = await within(Client(listener.address));
      const accepted = await within(listener.accept());
      toChild.sendSync(accepted);
      accepted.close();
      assertEquals(await within(client.recv()), `hello from ${child.pid}`);
      await within(child.join());
      toChild.close();
    }));
}

Deno.test("an abstract name is no file and is free again when closed (TestListener.test_abstract_socket)", () => {
  const name = `\0mp-test-${crypto.randomUUID()}`;
  for (let i = 0; i < 2; i++) {
    using listener = new Listener(name);
    assertEquals(listener.address, name);
    ClientSync(name).close();
  }
});

Deno.test("the default address is a UNIX socket that only this user can reach, and is removed", () => {
  const listener = new Listener();
  const path = String(listener.address);
  const folder = path.slice(0, path.lastIndexOf("/"));
  assertEquals(Deno.lstatSync(folder).mode! & 0o777, 0o700);
  assertEquals(Deno.lstatSync(path).isSocket, true);
  ClientSync(listener.address).close();
  listener.close();
  assertEquals([exists(path), exists(folder)], [false, false]);
});

Deno.test("the default address of a family is a free port of this machine", () => {
  using listener = new Listener(null, { family: "AF_INET" });
  const [host, port] = listener.address;
  assertEquals(host, "127.0.0.1");
  assert(Number(port) > 0);
});

Deno.test("version 6 of the internet protocol", async (test) => {
  let listener: Listener;
  try {
    listener = new Listener(["::1", 0]);
  } catch {
    return void await test.step({ name: "skipped: this machine has none", ignore: true, fn() {} });
  }
  using client = await within(Client(listener.address));
  using server = listener.acceptSync({ timeout: PATIENCE });
  assertEquals(listener.lastAccepted![0], "::1");
  server.sendSync(6);
  assertEquals(client.recvSync(), 6);
  listener.close();
});

Deno.test("a file that is there is AddrInUse, and stays", () => {
  const path = Deno.makeTempFileSync();
  assertThrows(() => new Listener(path), Deno.errors.AddrInUse, path);
  assertEquals(exists(path), true);
  Deno.removeSync(path);
});

Deno.test("a socket's file that another has put in its place is not removed", () =>
  withAddress("UNIX", (address) => {
    const path = String(address);
    const listener = new Listener(address);
    Deno.removeSync(path);
    Deno.writeTextFileSync(path, "another's");
    listener.close();
    assertEquals(Deno.readTextFileSync(path), "another's");
  }));

for (const how of ["end", "exit"]) {
  Deno.test(`a program that leaves its listeners open at its ${how} leaves no file`, () =>
    withAddress("UNIX", async (address) => {
      const output = await outputOf(new URL("connection/listener_at_exit.ts", FIXTURES), {
        args: [String(address), how],
      });
      const [named, unnamed]: string[] = JSON.parse(output);
      assertEquals(named, address);
      const folder = unnamed.slice(0, unnamed.lastIndexOf("/"));
      assertEquals([named, unnamed, folder].map(exists), [false, false, false]);
    }));
}

Deno.test("nobody connects in time: TimeoutError, after that time", async () => {
  using listener = new Listener();
  const begin = performance.now();
  await assertRejects(() => listener.accept({ timeout: 30 }), TimeoutError, "nobody connected within 30 ms");
  assertThrows(() => listener.acceptSync({ timeout: 30 }), TimeoutError, "nobody connected within 30 ms");
  assert(performance.now() - begin >= 60);
  for (const timeout of [0, -1]) {
    await assertRejects(() => listener.accept({ timeout }), TimeoutError);
    assertThrows(() => listener.acceptSync({ timeout }), TimeoutError);
  }
  ClientSync(listener.address).close();
  (await listener.accept({ timeout: 0 })).close();
});

Deno.test("an aborted accept rejects with the signal's reason and takes nobody", async () => {
  using listener = new Listener();
  const abort = new AbortController();
  const accepting = listener.accept({ signal: abort.signal });
  abort.abort(new RangeError("enough"));
  await assertRejects(() => within(accepting), RangeError, "enough");
  const client = await Client(listener.address);
  const server = listener.acceptSync({ timeout: PATIENCE });
  client.close();
  server.close();
});

Deno.test("an accept that waits when the listener is closed is an InvalidStateError", async () => {
  const listener = new Listener();
  const accepting = Promise.allSettled([listener.accept(), listener.accept()]);
  listener.close();
  for (const outcome of await within(accepting)) {
    if (outcome.status !== "rejected") throw new Error("It was accepted");
    assertInstanceOf(outcome.reason, InvalidStateError);
  }
});

Deno.test("an accept inside its handshake when the listener is closed is an InvalidStateError", async () => {
  const authkey = bytesOf("secret");
  const listener = new Listener(null, { authkey, handshakeTimeout: null });
  const client = await Client(listener.address);
  const accepting = listener.accept();
  await within(client.recvBytes()); // the challenge: the handshake has begun
  listener.close();
  await assertRejects(() => within(accepting), InvalidStateError, "the listener is closed");
  await assertRejects(() => within(client.recvBytes()), Error, "closed");
  client.close();
});

Deno.test("a wait for a listener that is closed meanwhile is an InvalidStateError", async () => {
  const listener = new Listener();
  const waiting = wait([listener]);
  listener.close();
  await assertRejects(() => within(waiting), InvalidStateError, "the listener is closed");
});

Deno.test("the longest path, the longest abstract name and the empty one can be connected to as they are told", () => {
  const folder = Deno.makeTempDirSync();
  const path = `${folder}/`.padEnd(107, "x");
  const name = `\0mp-test-${crypto.randomUUID()}`.padEnd(108, "x");
  for (const address of [path, name, "\0"]) {
    using listener = new Listener(address);
    assertEquals(listener.address, address);
    ClientSync(listener.address).close();
  }
  Deno.removeSync(folder);
});

Deno.test("several accepts at once: a silent client keeps nobody waiting", async () => {
  const authkey = bytesOf("secret");
  using listener = new Listener(["127.0.0.1", 0], { authkey, backlog: 4 });
  const silent = await Client(listener.address);
  const accepting = [listener.accept(), listener.accept()];
  const client = await within(Client(listener.address, { authkey }));
  (await within(Promise.race(accepting))).close();
  client.close();
  silent.close();
  assertEquals((await within(Promise.allSettled(accepting))).map(({ status }) => status).sort(), [
    "fulfilled",
    "rejected",
  ]);
});

Deno.test("a listener is ready in wait when somebody can be accepted", async () => {
  using quiet = new Listener();
  using listener = new Listener(["127.0.0.1", 0]);
  assertEquals(await wait([quiet, listener], { timeout: 10 }), []);
  assertEquals(waitSync([quiet, listener], { timeout: 10 }), []);
  const waiting = wait([quiet, listener], { timeout: PATIENCE });
  using client = await within(Client(listener.address));
  assertEquals(await waiting === undefined, false);
  assertEquals(waitSync([quiet, listener], { timeout: PATIENCE })[0] === listener, true);
  using server = listener.acceptSync({ timeout: 0 });
  assertEquals([client.closed, server.closed], [false, false]);
});

Deno.test("lastAccepted is null, then where the last one came from", async () => {
  using listener = new Listener(["127.0.0.1", 0]);
  assertEquals(listener.lastAccepted, null);
  using _ = await within(Client(listener.address));
  using __ = await within(listener.accept());
  assertEquals(listener.lastAccepted?.[0], "127.0.0.1");
  assert(Number(listener.lastAccepted?.[1]) > 0);

  using named = new Listener();
  using ___ = await within(Client(named.address));
  using ____ = await within(named.accept());
  assertEquals(named.lastAccepted, "");
});

Deno.test("a signal with a handler does not break a blocked accept (TestIgnoreEINTR.test_ignore_listener)", async () => {
  using where = new Queue<unknown>();
  await using child = new Process({ target: acceptOne, args: [where, bytesOf("secret")] });
  child.start();
  const address = await within(where.get()) as Address;
  await until("the child in poll", () => /poll|accept/.test(Deno.readTextFileSync(`/proc/${child.pid}/wchan`)));
  for (let i = 0; i < 5; i++) Deno.kill(child.pid!, "SIGUSR1");
  using connection = await within(Client(address, { authkey: bytesOf("secret") }));
  await connection.send("still there");
  assertEquals(await within(where.get()), "still there");
});

Deno.test("blocking: a wrong key and a hurried leave are AuthenticationErrors, and the listener goes on", async () => {
  using where = new Queue<unknown>();
  await using child = new Process({ target: acceptWrongly, args: [where, bytesOf("secret")] });
  child.start();
  const address = await within(where.get()) as Address;
  await assertRejects(() => within(Client(address, { authkey: bytesOf("wrong") })), Error, "was rejected");
  assertEquals(await within(where.get()), "AuthenticationError");
  (await within(Client(address))).close();
  assertEquals(await within(where.get()), "AuthenticationError");
});

for (const when of ["inside the handshake", "after it"]) {
  Deno.test(`a client that is killed ${when} leaves the listener as it was`, async () => {
    const authkey = bytesOf("secret");
    using listener = new Listener(null, { authkey, handshakeTimeout: null });
    const [told, tell] = Pipe({ duplex: false });
    ClientSync(listener.address).close();
    await assertRejects(() => within(listener.accept()), AuthenticationError); // everything is loaded
    const round = async () => {
      await using child = when === "after it"
        ? new Process({ target: echo, args: [listener.address, authkey] })
        : new Process({ target: hearChallenge, args: [listener.address, tell] });
      child.start();
      const accepting = listener.accept();
      if (when === "after it") {
        const connection = await within(accepting);
        await connection.sendBytes(bytesOf("echo"));
        await within(connection.recvBytes());
        child.kill();
        await assertRejects(() => within(connection.recvBytes()), Error);
        connection.close();
      } else {
        assertEquals(await within(told.recv()), "challenged");
        child.kill();
        await assertRejects(() => within(accepting), AuthenticationError, "closed the connection");
      }
    };
    await round(); // the tree of processes is there from now on
    const before = descriptorCount();
    for (let i = 0; i < 3; i++) await round();
    await until("as many descriptors as before", () => descriptorCount() <= before);
    told.close();
    tell.close();
  });
}

Deno.test("only Windows knows no UNIX sockets (TestInvalidFamily.test_invalid_family_win32, the other way round)", () =>
  withAddress("UNIX", (address) => {
    using listener = new Listener(address);
    assertEquals(listener.address, address);
    assertThrows(() => new Listener("\\\\.\\pipe\\test", { family: "AF_UNIX" }), RangeError, "on Windows only");
  }));

const BAD: [what: string, make: () => unknown, ErrorClass: new () => Error, why: string][] = [
  [
    "a Windows pipe (TestInvalidFamily.test_invalid_family)",
    () => new Listener("\\\\.\\test"),
    RangeError,
    '"AF_PIPE"',
  ],
  ["a family of Windows", () => new Listener(null, { family: "AF_PIPE" as never }), RangeError, '"AF_PIPE"'],
  ["an unknown family", () => new Listener(null, { family: "INET" as never }), RangeError, "not recognized"],
  ["a path for AF_INET", () => new Listener("/tmp/s", { family: "AF_INET" }), RangeError, "no address of family"],
  ["a port for AF_UNIX", () => new Listener(["127.0.0.1", 0], { family: "AF_UNIX" }), RangeError, "no address of"],
  [
    "a host of version 4 for AF_INET6",
    () => new Listener(["127.0.0.1", 0], { family: "AF_INET6" }),
    Deno.errors.NotFound,
    "no address of",
  ],
  ["a port above all", () => new Listener(["127.0.0.1", 65536]), RangeError, "wanted a port from 0 to 65535"],
  ["half a port", () => new Listener(["127.0.0.1", 0.5]), RangeError, "wanted a port"],
  ["an address of three", () => new Listener(["a", 1, 2] as never), TypeError, "wanted [host, port] or a path"],
  ["a number", () => new Listener(80 as never), TypeError, "wanted [host, port] or a path"],
  ["nothing in quotes", () => new Listener(""), RangeError, "wanted a path or a name"],
  ["a NUL in a path", () => new Listener("/tmp/a\0b"), RangeError, "a NUL may be its first character only"],
  ["a path that is too long", () => new Listener("/tmp/" + "x".repeat(200)), RangeError, "has 205 bytes"],
  ["a folder that is not there", () => new Listener("/no/such/folder/s"), Deno.errors.NotFound, "Cannot listen on"],
  ["another machine's address", () => new Listener(["192.0.2.1", 0]), Deno.errors.AddrNotAvailable, "192.0.2.1"],
  ["a negative backlog", () => new Listener(null, { backlog: -1 }), RangeError, '"backlog" is -1'],
  ["no backlog at all", () => new Listener(null, { backlog: NaN }), RangeError, '"backlog" is NaN'],
  ["a time that is none", () => new Listener(null, { handshakeTimeout: NaN }), RangeError, '"handshakeTimeout" is NaN'],
  ["a time in words", () => new Listener(null, { handshakeTimeout: "1" as never }), TypeError, '"handshakeTimeout" is'],
  ["null for options", () => new Listener(null, null as never), TypeError, "Cannot listen: the options are null"],
  [
    "null for a family",
    () => new Listener(null, { family: null as never }),
    RangeError,
    "Cannot listen: family null is",
  ],
  ["a host in brackets", () => new Listener(["[::1]", 0]), Deno.errors.NotFound, 'listen on "[::1]:0": '],
  [
    "a name of 109 bytes",
    () => new Listener("\0" + "x".repeat(108)),
    RangeError,
    "has 109 bytes, UNIX sockets at most 108",
  ],
];

for (const [what, make, ErrorClass, why] of BAD) {
  Deno.test(`a listener at ${what} is a ${ErrorClass.name}`, () => {
    const before = descriptorCount();
    assertThrows(make, ErrorClass, why);
    assert(descriptorCount() <= before);
  });
}

const ADDON = new URL("../../target/release/libmultiprocessing.so", import.meta.url).pathname;

/** What a program with these permissions says when it listens and connects. */
async function attempt(address: Address, flags: string[]): Promise<string[]> {
  const args = [JSON.stringify(address)];
  const all = ["--no-prompt", `--allow-ffi=${ADDON}`, ...flags];
  return JSON.parse(await outputOf(new URL("connection/listener_permissions.ts", FIXTURES), { flags: all, args }));
}

Deno.test("TCP takes Deno's net permission, for the host and port", async () => {
  const denied = await attempt(["127.0.0.1", 0], []);
  for (const outcome of denied) assertMatch(outcome, /^NotCapable: Cannot .*--allow-net=127\.0\.0\.1:0 flag/);
  const elsewhere = await attempt(["127.0.0.1", 0], ["--allow-net=127.0.0.2"]);
  for (const outcome of elsewhere) assertMatch(outcome, /^NotCapable/);
  const [listened, connected] = await attempt(["127.0.0.1", 0], ["--allow-net=127.0.0.1:0"]);
  assertEquals(listened, "listened");
  assertMatch(connected, /^ConnectionRefused: Cannot connect to "127.0.0.1:0"/);
});

for (const spelling of ["localhost", "127.1", "0x7f.1", "2130706433", "::ffff:127.0.0.1", "LOCALHOST."]) {
  Deno.test(`a host that is denied is denied as "${spelling}", too`, async () => {
    for (const outcome of await attempt([spelling, 0], ["--allow-net", "--deny-net=127.0.0.1"])) {
      assertMatch(outcome, /^(NotCapable: .*--allow-net=|NotFound: )/);
    }
  });
}

Deno.test("a host that is permitted by name is permitted wherever its name leads", async () => {
  const [listened, connected] = await attempt(["localhost", 0], ["--allow-net=localhost"]);
  assertEquals(listened, "listened");
  assertMatch(connected, /^ConnectionRefused: Cannot connect to "localhost:0"/);
});

Deno.test("a child with fewer permissions does not reach a denied host by another spelling either", async () => {
  const file = new URL("connection/listener_caged.ts", FIXTURES);
  const said: string[] = JSON.parse(await outputOf(file, { flags: ["-A", "--deny-net=127.0.0.1"] }));
  assertEquals(said, Array.from({ length: 8 }, () => "NotCapable"));
});

Deno.test("a UNIX socket takes Deno's read and write permission, and the net permission, for its path", () =>
  withAddress("UNIX", async (address) => {
    const [read, write, net] = [`--allow-read=${address}`, `--allow-write=${address}`, `--allow-net=unix:${address}`];
    for (const flags of [[], [read, net], [write, net], ["--allow-net"], [read, write], [read, write, `${net}/x`]]) {
      for (const outcome of await attempt(address, flags)) {
        assertMatch(outcome, /^NotCapable: .*--allow-(read=|write=|net=unix:)/);
      }
    }
    const [listened, connected] = await attempt(address, [read, write, net]);
    assertEquals(listened, "listened");
    assertMatch(connected, /^NotFound: Cannot connect to/);
  }));

Deno.test("a UNIX socket that is denied is not reached through /proc or a link", () =>
  withAddress("UNIX", async (address) => {
    const folder = String(address).slice(0, -"/socket".length);
    Deno.mkdirSync(`${folder}/denied`);
    Deno.symlinkSync("denied", `${folder}/link`);
    Deno.symlinkSync("/proc/self/root", `${folder}/root`);
    const flags = ["--allow-read", "--allow-write", "--allow-net", `--deny-write=${folder}/denied`];
    for (
      const path of [
        `${folder}/link/socket`,
        `${folder}/link/../denied/socket`,
        `/proc/self/root${folder}/denied/socket`,
        `${folder}/root${folder}/denied/socket`,
        "/dev/fd/0/socket",
      ]
    ) {
      for (const outcome of await attempt(path, flags)) assertMatch(outcome, /^NotCapable: /);
    }
    assertEquals((await attempt(`${folder}/socket`, flags))[0], "listened");
  }));

Deno.test("an abstract name takes the whole net permission", async () => {
  const name = `\0mp-test-${crypto.randomUUID()}`;
  for (const outcome of await attempt(name, ["--allow-net=127.0.0.1"])) {
    assertMatch(outcome, /^NotCapable: .*--allow-net flag/);
  }
  assertEquals((await attempt(name, ["--allow-net"]))[0], "listened");
});
