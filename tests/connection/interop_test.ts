// Ours and CPython's connections with each other: both roles, both directions, every handshake.

import { Buffer } from "node:buffer";
import { assertEquals, assertRejects } from "@std/assert";
import { AuthenticationError } from "../../src/errors.ts";
import { Client, type Connection, Listener } from "../../src/connection.ts";
import { within } from "../support/helpers.ts";
import { isFrom, Peer, type Python, pythons } from "../support/python.ts";

const KEY = "supadupasecretkey";
const SIZES = [0, 1, 16384, 16385, 2 ** 20];
const LARGE = 64 * 2 ** 20;

/** The versions that issue and README promise; a machine need not have them. */
const WANTED: [name: string, is: (python: Python) => boolean][] = [
  ["3.9 or 3.10", (python) => !isFrom(python, 11)],
  ["3.11", (python) => isFrom(python, 11) && !isFrom(python, 12)],
  ["3.12 or later", (python) => isFrom(python, 12)],
];

for (const [name, is] of WANTED) {
  if (pythons.some(is)) continue;
  Deno.test({ name: `interop: skipped for CPython ${name}, which is not on this machine`, ignore: true, fn() {} });
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function pattern(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i++) bytes[i] = i % 251;
  return bytes;
}

async function expectEchoes(connection: Connection, sizes: readonly number[]): Promise<void> {
  for (const size of sizes) {
    const message = pattern(size);
    const [echo] = await Promise.all([within(connection.recvBytes()), connection.sendBytes(message)]);
    // `assertEquals` takes minutes for 64 MiB.
    assertEquals(Buffer.compare(echo, message), 0, `the echo of ${size} bytes`);
  }
}

async function echo(connection: Connection, times: number): Promise<void> {
  for (let i = 0; i < times; i++) await connection.sendBytes(await within(connection.recvBytes()));
}

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

for (const python of pythons) {
  const name = `CPython ${python.version.join(".")}`;
  // The largest messages with one version of each kind: the oldest, 3.11, and the newest.
  const isWhole = WANTED.some(([, is]) => pythons.findLast(is) === python);
  const sizes = isWhole ? [...SIZES, LARGE] : SIZES;

  for (const family of ["AF_INET", "AF_UNIX"] as const) {
    Deno.test(`interop: ${name} listens, ours connects by ${family} and sends, it echoes`, () =>
      inFolder(async (folder) => {
        const address = family === "AF_INET" ? ["127.0.0.1", 0] : `${folder}/s`;
        await using peer = new Peer(python, { role: "listener", family, address, key: KEY, then: "echo" });
        const connection = await within(Client(await peer.address(), { authkey: bytesOf(KEY) }));
        await expectEchoes(connection, sizes);
        connection.close();
        assertEquals(await peer.line(), "done");
      }));

    Deno.test(`interop: ours listens, ${name} connects by ${family} and sends, ours echoes`, () =>
      inFolder(async (folder) => {
        const address: [string, number] | string = family === "AF_INET" ? ["127.0.0.1", 0] : `${folder}/s`;
        using listener = new Listener(address, { authkey: bytesOf(KEY) });
        const options = { role: "client", family, address: listener.address, key: KEY, then: sizes } as const;
        await using peer = new Peer(python, options);
        using connection = await within(listener.accept());
        await echo(connection, sizes.length);
        assertEquals(await peer.line(), "done");
      }));
  }

  Deno.test(`interop: ${name} listens, ours connects and echoes what it sends`, async () => {
    const options = { role: "listener", family: "AF_INET", address: ["127.0.0.1", 0], key: KEY, then: sizes } as const;
    await using peer = new Peer(python, options);
    using connection = await within(Client(await peer.address(), { authkey: bytesOf(KEY) }));
    await echo(connection, sizes.length);
    assertEquals(await peer.line(), "done");
  });

  Deno.test(`interop: ours listens, ${name} connects and echoes what ours sends`, async () => {
    using listener = new Listener(["localhost", 0], { authkey: bytesOf(KEY) });
    const options = { role: "client", family: "AF_INET", address: listener.address, key: KEY, then: "echo" } as const;
    await using peer = new Peer(python, options);
    const connection = await within(listener.accept());
    await expectEchoes(connection, sizes);
    connection.close();
    assertEquals(await peer.line(), "done");
  });

  Deno.test(`interop: ${name} and ours do without a key, too`, async () => {
    using listener = new Listener(["127.0.0.1", 0]);
    const options = { role: "client", family: "AF_INET", address: listener.address, key: null, then: [3] } as const;
    await using peer = new Peer(python, options);
    using connection = await within(listener.accept());
    await echo(connection, 1);
    assertEquals(await peer.line(), "done");
  });

  // Older versions take an empty key for none when they listen.
  if (isFrom(python, 13)) {
    Deno.test(`interop: an empty key is a key for ${name} and for ours`, async () => {
      const options = {
        role: "listener",
        family: "AF_INET",
        address: ["127.0.0.1", 0],
        key: "",
        then: "echo",
      } as const;
      await using peer = new Peer(python, options);
      const connection = await within(Client(await peer.address(), { authkey: new Uint8Array(0) }));
      await connection.sendBytes(bytesOf("through"));
      assertEquals(await within(connection.recvBytes()), bytesOf("through"));
      connection.close();
      assertEquals(await peer.line(), "done");
    });
  }

  Deno.test(`interop: a wrong key is an AuthenticationError for ${name} and for ours, whoever listens`, async () => {
    const inet = { family: "AF_INET", then: "echo" } as const;
    {
      const options = { ...inet, role: "listener", address: ["127.0.0.1", 0], key: KEY } as const;
      await using peer = new Peer(python, options);
      const wrong = Client(await peer.address(), { authkey: bytesOf("wrong") });
      await assertRejects(() => within(wrong), AuthenticationError, "digest sent was rejected");
      assertEquals(await peer.line(), "AuthenticationError: digest received was wrong");
    }
    using listener = new Listener(["127.0.0.1", 0], { authkey: bytesOf(KEY) });
    {
      const options = { ...inet, role: "client", address: listener.address, key: "wrong" } as const;
      await using peer = new Peer(python, options);
      await assertRejects(() => within(listener.accept()), AuthenticationError, "digest received was wrong");
      assertEquals(await peer.line(), "AuthenticationError: digest sent was rejected");
    }
    // The listener goes on.
    const options = { ...inet, role: "client", address: listener.address, key: KEY, then: [1] } as const;
    await using peer = new Peer(python, options);
    using connection = await within(listener.accept());
    await echo(connection, 1);
    assertEquals(await peer.line(), "done");
  });
}
