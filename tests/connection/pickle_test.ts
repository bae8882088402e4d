// Connections whose values are pickles: with CPython's send and recv at the other end, in both roles, and with each other.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Client, ClientSync, Connection, EOFError, Listener, Pipe } from "@parallel/multiprocessing";
import { PickleError, type PythonException, tuple } from "@parallel/multiprocessing/pickle";
import { outputOf, within } from "../support/helpers.ts";
import { type Python, pythons } from "../support/python.ts";

const PEER = new URL("../fixtures/connection/pickle_peer.py", import.meta.url).pathname;
const WITHOUT = new URL("../fixtures/connection/without_pickle.ts", import.meta.url);
const KEY = "supadupasecretkey";
const authkey = new TextEncoder().encode(KEY);
const serializer = "pickle";

/** Runs a script of Python's at the other end; its lines of output come one by one. */
function started(python: Python, role: string, family: string, address: unknown, key: string) {
  const args = ["-B", PEER, role, family, JSON.stringify(address), key];
  const child = new Deno.Command(python.path, { args, stdin: "null", stdout: "piped", stderr: "inherit" }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  return {
    async line(): Promise<string> {
      while (!text.includes("\n")) {
        const { value, done } = await within(reader.read());
        assert(!done, `the script has ended after ${JSON.stringify(text)}`);
        text += value;
      }
      const [line, ...rest] = text.split("\n");
      text = rest.join("\n");
      return line;
    },
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended.
      }
      await reader.cancel();
      await child.status;
    },
  };
}

for (const python of pythons) {
  const version = `CPython ${python.version.join(".")}`;
  for (const family of ["AF_INET", "AF_UNIX"] as const) {
    // With a key by TCP, without one by a UNIX socket.
    const [key, options] = family === "AF_INET"
      ? [KEY, { serializer, authkey } as const]
      : ["-", { serializer } as const];
    const address = () => family === "AF_INET" ? ["127.0.0.1", 0] : `${Deno.makeTempDirSync()}/s`;

    Deno.test(`pickle: ${version} listens by ${family}, ours connects; send and recv mean the same`, async () => {
      const where = address();
      await using peer = started(python, "listener", family, where, key);
      const connection = await within(Client(JSON.parse(await peer.line()), options));
      const said = async (value: unknown) => {
        await connection.send(value);
        return await within(connection.recv());
      };
      assertEquals(await said({ a: [1, 2.5] }), ["dict", { a: [1, 2.5] }]);
      assertEquals(await said(tuple("x", 2n ** 70n)), ["tuple", ["x", 2n ** 70n]]);
      assertEquals(await said(new Map([[1, new Uint8Array(70_000)]])), [
        "dict",
        new Map([[1, new Uint8Array(70_000)]]),
      ]);
      const [type, error] = await said(new RangeError("bad")) as [string, PythonException];
      assertEquals([type, error.type, error.message], ["ValueError", "ValueError", "bad"]);
      connection.sendSync("blocking");
      assertEquals(connection.recvSync(), ["str", "blocking"]);
      await assertRejects(() => connection.send(() => 1), PickleError, "a function is nothing that Python has");
      connection.close();
      assertEquals(await peer.line(), "done");
      if (typeof where === "string") Deno.removeSync(where.slice(0, -2), { recursive: true });
    });

    Deno.test(`pickle: ours listens by ${family}, ${version} connects; what it sends comes back`, async () => {
      const where = address();
      using listener = new Listener(where as string, options);
      await using peer = started(python, "client", family, listener.address, key);
      using connection = await within(listener.accept());
      for (let i = 0; i < 4; i++) {
        const value = await within(connection.recv());
        if (i === 0) assertEquals(Object.keys(value as object), ["name", "parts", "when"]);
        await connection.send(value);
        assertEquals(await peer.line(), "same");
      }
      await assertRejects(() => within(connection.recv()), EOFError);
      if (typeof where === "string") Deno.removeSync(where.slice(0, -2), { recursive: true });
    });
  }
}

Deno.test("pickle: ours with ours, and what is no pickle is an error that costs nothing else", async () => {
  using listener = new Listener(null, { serializer });
  using client = ClientSync(listener.address, { serializer });
  using server = listener.acceptSync();
  await client.send(new Set([1, "a"]));
  assertEquals(await server.recv(), new Set([1, "a"]));
  await client.sendBytes(new Uint8Array([0x80, 4]));
  await client.sendBytes(new Uint8Array(0));
  await client.send(["behind"]);
  await assertRejects(() => within(server.recv()), PickleError, "it ends too early");
  await assertRejects(() => within(server.recv()), PickleError, "it is empty");
  assertEquals(await within(server.recv()), ["behind"]);
  // Bytes are bytes, in either direction.
  server.sendBytesSync(new Uint8Array([1, 2]));
  assertEquals(client.recvBytesSync(), new Uint8Array([1, 2]));
  // Values of shared memory and connections are nothing that Python has.
  const [end, other] = Pipe();
  await assertRejects(() => client.send(end), PickleError, "its class is not registered");
  end.close();
  other.close();
});

Deno.test("pickle: a connection of pickles is used where it was made", async () => {
  using listener = new Listener(null, { serializer });
  using client = await Client(listener.address, { serializer });
  using server = await listener.accept();
  assert(server instanceof Connection);
  const [here, there] = Pipe();
  assertThrows(() => here.sendSync(client), TypeError, "Cannot send a connection whose values are pickles");
  here.close();
  there.close();
});

Deno.test("pickle: a serializer that there is not is refused, and one that nobody has imported", async () => {
  const wrong = { serializer: "json" } as never;
  const said = '"serializer" is "json", wanted "reduction" or "pickle"';
  assertThrows(() => new Listener(null, wrong), TypeError, `Cannot listen: ${said}`);
  assertThrows(() => ClientSync("/nowhere", wrong), TypeError, `Cannot connect: ${said}`);
  using listener = new Listener(null, { serializer: "reduction" });
  using client = await Client(listener.address);
  using server = await listener.accept();
  await client.send({ a: 1n });
  assertEquals(await server.recv(), { a: 1n });
  assertEquals(
    await outputOf(WITHOUT),
    'TypeError: Cannot listen: "serializer" is "pickle", and ./pickle of this package is not imported\n',
  );
});
