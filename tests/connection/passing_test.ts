// Connections inside messages: to the same process, children, siblings and grandchildren, and what is left when somebody
// dies on the way.

import {
  Client,
  type Connection,
  EOFError,
  Full,
  InvalidStateError,
  Listener,
  Lock,
  Pipe,
  Pool,
  Process,
  Queue,
  ShutDown,
} from "@parallel/multiprocessing";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  echo,
  greetOver,
  listOf,
  passDown,
  relay,
  sendConnection,
  sendFullPipe,
} from "../fixtures/connection/connection_targets.ts";
import { native } from "../../src/addon/load.ts";
import { begin } from "../support/children.ts";
import {
  assertAllReject,
  assertNoMoreBlocks,
  assertNothingLeft,
  belongings,
  descriptorCount,
  PATIENCE,
  until,
} from "../support/helpers.ts";
import { startReactor } from "../support/pipes.ts";

Deno.test.beforeAll(begin);

/** Ends the process, whatever it is doing. */
async function stop(process: Process): Promise<void> {
  process.kill();
  await process.join();
  process.close();
}

for (const carrier of ["queue", "pipe"] as const) {
  Deno.test(`TestPicklingConnections.test_access: ends of both directions travel in a ${carrier}, and the sender's stay`, async () => {
    startReactor();
    const before = belongings();
    using queue = new Queue<Connection>();
    const [to, from] = Pipe();
    const pass = (end: Connection) => {
      if (carrier === "queue") {
        queue.putSync(end);
        return queue.getSync();
      }
      to.sendSync([end]);
      return (from.recvSync() as [Connection])[0];
    };
    for (const duplex of [true, false]) {
      const [a, b] = Pipe({ duplex });
      const ends = [a, b, pass(a), pass(b)];
      const flags = ends.map(({ readable, writable }) => [readable, writable]);
      assertEquals(flags, [[true, duplex], [duplex, true], [true, duplex], [duplex, true]]);
      ends[3].sendSync("from the copy to the original");
      assertEquals(a.recvSync(), "from the copy to the original");
      b.sendSync("from the original to the copy");
      assertEquals(await ends[2].recv(), "from the original to the copy");
      for (const end of ends) end.close();
    }
    to.close();
    from.close();
    await assertNothingLeft(before);
  });
}

Deno.test("a message with a connection can be under way when its sender closes the connection", () => {
  const [a, b] = Pipe();
  using queue = new Queue<Connection>();
  queue.putSync(a);
  a.close();
  const received = queue.getSync();
  received.sendSync(1);
  assertEquals(b.recvSync(), 1);
  received.close();
  // Nobody has the first end any more.
  assertThrows(() => b.recvSync(), EOFError);
  b.close();
});

Deno.test("TestPicklingConnections.test_pickling: a connection sent to a child over another is used there", async () => {
  const before = belongings();
  const [toChild, inChild] = Pipe();
  const child = new Process({ target: greetOver, args: [inChild] });
  child.start();
  inChild.close();
  const [ours, theirs] = Pipe();
  toChild.sendSync(theirs);
  theirs.close();
  assertEquals(await ours.recv(), `hello from ${child.pid}`);
  assert(await child.join());
  assertThrows(() => ours.recvSync(), EOFError);
  child.close();
  ours.close();
  toChild.close();
  await assertNothingLeft(before);
});

Deno.test("a child's connection reaches its sibling, over a pipe that neither of them was born with", async () => {
  const [oneEnd, otherEnd] = Pipe();
  const [ours, theirs] = Pipe();
  const [orders, obeyed] = Pipe();
  const sender = new Process({ target: sendConnection, args: [oneEnd, theirs, obeyed] });
  const receiver = new Process({ target: greetOver, args: [otherEnd] });
  sender.start();
  receiver.start();
  for (const end of [oneEnd, otherEnd, theirs]) end.close();
  assertEquals(await ours.recv(), `hello from ${receiver.pid}`);
  orders.sendSync("end");
  for (const process of [sender, receiver]) {
    await process.join();
    assertEquals(process.exitcode, 0);
    process.close();
  }
  for (const end of [ours, orders, obeyed]) end.close();
});

Deno.test("the ends of Client and Listener go to children as arguments", async () => {
  using listener = new Listener();
  const accepting = listener.accept();
  const client = await Client(listener.address);
  const accepted = await accepting;
  const [ours, theirs] = Pipe();
  const echoing = new Process({ target: echo, args: [accepted, "values"] });
  const relaying = new Process({ target: relay, args: [theirs, client] });
  for (const process of [echoing, relaying]) process.start();
  for (const end of [accepted, client, theirs]) end.close();
  ours.sendSync("through both");
  assertEquals(await ours.recv(), "through both");
  ours.close();
  for (const process of [relaying, echoing]) {
    await process.join();
    assertEquals(process.exitcode, 0);
    process.close();
  }
});

Deno.test("a connection goes down to a grandchild as an argument", async () => {
  const [ours, theirs] = Pipe();
  const child = new Process({ target: passDown, args: [theirs, 2] });
  child.start();
  theirs.close();
  ours.sendSync("there and back");
  assertEquals(await ours.recv(), "there and back");
  await child.join();
  assertThrows(() => ours.recvSync(), EOFError);
  child.close();
  ours.close();
});

Deno.test("what was sent into a pipe is received from the end that was passed on", async () => {
  const [ours, theirs] = Pipe();
  const [orders, obeyed] = Pipe();
  const child = new Process({ target: sendFullPipe, args: [theirs, obeyed] });
  child.start();
  const reader = await ours.recv() as Connection;
  assertEquals(await Array.fromAsync(reader), [0, 1, 2, 3, 4]);
  orders.sendSync("end");
  await child.join();
  child.close();
  for (const end of [ours, theirs, orders, obeyed, reader]) end.close();
});

Deno.test("a sender that was killed before its connection was received is named in the error", async () => {
  const before = belongings();
  {
    const [ours, theirs] = Pipe();
    const [orders, obeyed] = Pipe();
    using queue = new Queue<Connection>();
    const sender = new Process({ target: sendConnection, args: [queue, theirs, obeyed], name: "Sender-1" });
    sender.start();
    await until("the connection put", () => queue.qsize() === 1);
    const { pid } = sender;
    await stop(sender);
    const error = assertThrows(() => queue.getSync(), Deno.errors.ConnectionRefused) as Error;
    assertEquals(error.message, `Cannot receive a connection: its sender "Sender-1" (pid ${pid}) has ended`);
    for (const end of [ours, theirs, orders, obeyed]) end.close();
  }
  await assertNothingLeft(before);
});

Deno.test("a connection that nobody receives is closed when its message is gone", async () => {
  const descriptors = descriptorCount();
  const [a, b] = Pipe();
  const queue = new Queue<Connection>();
  for (let i = 0; i < 10; i++) queue.putSync(a);
  a.close();
  assertEquals(b.pollSync(), false);
  queue.close();
  // Its duplicates were the last of that end.
  assertThrows(() => b.recvSync(), EOFError);
  b.close();
  await until("the descriptors closed", () => descriptorCount() <= descriptors);
});

Deno.test("a connection with a message received in part, or an operation under way, is not sent", async () => {
  const [a, b] = Pipe();
  using queue = new Queue<Connection>();
  const waiting = a.recv();
  assertThrows(() => queue.putSync(a), InvalidStateError, "an asynchronous send or receive is not finished");
  b.sendSync(1);
  assertEquals(await waiting, 1);
  queue.putSync(a);
  queue.getSync().close();
  a.close();
  assertThrows(() => queue.putSync(a), InvalidStateError, "closed");
  assertEquals(queue.qsize(), 0);
  b.close();
});

/** Ways of not sending a value after all, and what they throw. */
const unsent: Record<string, (value: Connection) => Promise<unknown>> = {
  "what stands behind it in the message cannot be serialised": async (value) => {
    const [a, b] = Pipe();
    assertThrows(() => a.sendSync([value, () => 1]), TypeError);
    await assertRejects(() => a.send([value, () => 1]), TypeError);
    using queue = new Queue();
    assertThrows(() => queue.putSync({ value, wrong: Symbol() }), TypeError);
    a.close();
    b.close();
  },
  "the message goes out of the tree": async (value) => {
    using listener = new Listener();
    using client = await Client(listener.address);
    using accepted = await listener.accept();
    assertThrows(() => client.sendSync(value), TypeError, "Cannot send a shared object over this connection");
    await assertRejects(() => accepted.send(value), TypeError);
  },
  "the arguments of a process cannot be serialised": (value) => {
    const child = new Process({ target: passDown, args: [value, Symbol()] as never });
    assertThrows(() => child.start(), TypeError);
    return Promise.resolve();
  },
  "the queue is full": async (value) => {
    using queue = new Queue<unknown>(1);
    queue.putSync("first");
    assertThrows(() => queue.putSync(value, { timeout: 1 }), Full);
    await assertRejects(() => queue.put(value, { timeout: 1 }), Full);
    await assertRejects(() => queue.put(value, { block: false }), Full);
    const stop = new AbortController();
    const waiting = [queue.put(value, { signal: stop.signal }), queue.put(value, { signal: stop.signal })];
    stop.abort(new Error("stopped"));
    await assertAllReject(waiting, Error, "stopped");
  },
  "the queue is shut down": async (value) => {
    using queue = new Queue<unknown>();
    queue.shutdown();
    assertThrows(() => queue.putSync(value), ShutDown);
    await assertRejects(() => queue.put(value), ShutDown);
  },
  "the send waits behind others, and is aborted": async (value) => {
    const [a, b] = Pipe();
    const stop = new AbortController();
    const large = a.sendBytes(new Uint8Array(16 << 20));
    const send = a.send(value, { signal: stop.signal });
    stop.abort(new Error("stopped"));
    await assertRejects(() => send, Error, "stopped");
    assertEquals((await b.recvBytes()).length, 16 << 20);
    await large;
    a.close();
    b.close();
  },
  "the send waits, and the connection is closed": async (value) => {
    const [a, b] = Pipe();
    const sends = [a.sendBytes(new Uint8Array(16 << 20)), a.send(value)];
    a.close();
    await assertAllReject(sends, InvalidStateError);
    b.close();
  },
  "a worker's result cannot be serialised": async (value) => {
    await using pool = new Pool(1);
    await assertRejects(() => pool.apply(listOf, [value, () => 1] as never), TypeError);
  },
};

for (const [how, attempt] of Object.entries(unsent)) {
  Deno.test(`a connection that is not sent is not kept open: ${how}`, async () => {
    const [a, b] = Pipe();
    await attempt(a);
    a.close();
    assert(b.pollSync({ timeout: PATIENCE }), "a duplicate of the other end is still open");
    assertThrows(() => b.recvSync(), EOFError);
    b.close();
  });
}

Deno.test("sends of shared objects that are withdrawn before a byte has left keep nothing", async () => {
  startReactor();
  const [a, b] = Pipe();
  let sent = 0;
  // Until not a byte more has room.
  for (let isFull = false; !isFull; sent++) {
    const stop = new AbortController();
    const send = a.sendBytes(new Uint8Array(1000), { signal: stop.signal });
    stop.abort("full");
    isFull = await send.then(() => false, (reason) => reason === "full");
  }
  const before = belongings();
  const { blocks } = native().memoryUsage();
  for (let i = 0; i < 20; i++) {
    const [x, y] = Pipe();
    using lock = new Lock();
    const stop = new AbortController();
    const send = a.send({ x, lock }, { signal: stop.signal });
    stop.abort(new Error("stopped"));
    await assertRejects(() => send, Error, "stopped");
    x.close();
    assert(y.pollSync({ timeout: PATIENCE }));
    assertThrows(() => y.recvSync(), EOFError);
    y.close();
  }
  await assertNoMoreBlocks({ blocks });
  await assertNothingLeft(before);
  a.close();
  const received = (await Array.fromAsync({ length: sent }, () => b.recvBytes().then(() => 1, () => 0))) as number[];
  assert(received.reduce((sum, one) => sum + one) >= sent - 1);
  b.close();
});

Deno.test("who visits the socket for connections, and says nothing, is sent away; others are served meanwhile", async () => {
  startReactor();
  const before = descriptorCount();
  const [a, b] = Pipe();
  using queue = new Queue<Connection>();
  queue.putSync(a);
  const name = Deno.readTextFileSync("/proc/net/unix").match(/@(multiprocessing-[0-9a-f]{32})/g) ?? [];
  const code = "import socket,sys\nheld=[]\nfor n in sys.argv[1:]:\n for i in range(150):\n  " +
    "s=socket.socket(socket.AF_UNIX,socket.SOCK_SEQPACKET)\n  s.settimeout(5)\n  try:\n   s.connect('\\0'+n[1:])\n" +
    "   held.append(s)\n  except OSError: pass\nprint('there',flush=True)\nsys.stdin.read()";
  const mutes = new Deno.Command("python3", { args: ["-c", code, ...name], stdin: "piped", stdout: "piped" }).spawn();
  const output = mutes.stdout.getReader();
  await output.read();
  assert(descriptorCount() <= before + 2 * 64 + 40, `${descriptorCount()} descriptors, ${before} before`);
  queue.getSync().close();
  await mutes.stdin.close();
  await output.cancel();
  await mutes.status;
  a.close();
  b.close();
  await until("the visitors gone", () => descriptorCount() <= before + 5);
});
