// Connections in messages whose senders do not hand them over: promises never keep the thread, and nothing is lost.

import {
  type Connection,
  Empty,
  EOFError,
  getContext,
  InvalidStateError,
  JoinableQueue,
  Pipe,
  Pool,
  Process,
  Queue,
  ShutDown,
  SimpleQueue,
} from "@parallel/multiprocessing";
import { assert, assertEquals, assertInstanceOf, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { native } from "../../src/addon/load.ts";
import { dumps } from "../../src/reduction/serialise.ts";
import { give, hand, hearAll, rest, take } from "../fixtures/connection/arrival_targets.ts";
import { begin } from "../support/children.ts";
import { assertNothingLeft, belongings, FIXTURES, freeze, until, within } from "../support/helpers.ts";
import { startReactor } from "../support/pipes.ts";

Deno.test.beforeAll(begin);

type Sent = { reader: Connection };

async function stop(process: Process): Promise<void> {
  process.kill();
  await process.join();
  process.close();
}

/** What `attempt` comes to, and that the event loop turned meanwhile. */
async function whileLoopTurns(attempt: Promise<unknown>): Promise<PromiseSettledResult<unknown>> {
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  const [result] = await within(Promise.allSettled([attempt]));
  clearInterval(timer);
  assert(turns >= 5, `the event loop turned ${turns} times`);
  return result;
}

/** How a value comes from another process: what to hand it, and one attempt to receive that gives up. */
const carriers = {
  Queue: () => {
    const queue = new Queue<Sent>();
    return { sender: queue, end: queue, attempt: () => queue.get({ timeout: 200 }), receive: () => queue.get() };
  },
  JoinableQueue: () => {
    const queue = new JoinableQueue<Sent>();
    return { sender: queue, end: queue, attempt: () => queue.get({ timeout: 200 }), receive: () => queue.get() };
  },
  "SimpleQueue, blocking at last": () => {
    const queue = new SimpleQueue<Sent>();
    const late = () => new Promise<never>((_, reject) => setTimeout(() => reject(new Empty()), 200));
    let first: Promise<Sent>;
    return {
      sender: queue,
      end: queue,
      attempt: () => Promise.race([first = queue.get(), late()]),
      receive: () => first,
    };
  },
  "an iteration": () => {
    const queue = new Queue<Sent>();
    const iterator = queue[Symbol.asyncIterator]();
    const late = () => new Promise<never>((_, reject) => setTimeout(() => reject(new Empty()), 200));
    let first: Promise<IteratorResult<Sent>>;
    return {
      sender: queue,
      end: queue,
      attempt: () => Promise.race([first = iterator.next(), late()]),
      receive: async () => (await first).value as Sent,
    };
  },
  "a pipe": () => {
    const [ours, theirs] = Pipe();
    const attempt = async () => {
      const signal = AbortSignal.timeout(200);
      await ours.recv({ signal }).catch((error) => Promise.reject(signal.aborted ? new Empty() : error));
    };
    return { sender: theirs, end: ours, attempt, receive: async () => await ours.recv() as Sent };
  },
};

const waysToStart = [["spawn", "inherit"], ["forkserver", "inherit"], ["spawn", "none"]] as const;

for (const [carrier, make] of Object.entries(carriers)) {
  Deno.test(`a stopped sender: ${carrier} waits in promises, loses nothing, and hears of its end`, async () => {
    startReactor();
    const before = belongings();
    // One carrier after the other with each way to start, so that the table stays quick.
    const place = Object.keys(carriers).indexOf(carrier) % waysToStart.length;
    const [method, permissions] = waysToStart[place];
    for (const ending of ["goes on", "is killed"]) {
      const { sender, end, attempt, receive } = make();
      using told = new Queue<string>();
      const child = new (getContext(method).Process)({ target: hand, args: [sender, told], permissions, daemon: true });
      child.start();
      assertEquals(await within(told.get()), "handed");
      await freeze(child.pid!);
      const early = await whileLoopTurns(attempt());
      assertEquals(early.status, "rejected");
      if (early.status === "rejected") assertInstanceOf(early.reason, Empty);
      const receiving = within(receive());
      if (ending === "goes on") {
        Deno.kill(child.pid!, "SIGCONT");
        const { reader } = await receiving;
        assertEquals(await within(reader.recv()), "hello");
        reader.close();
      } else {
        child.kill();
        await assertRejects(() => receiving, Deno.errors.ConnectionRefused, `(pid ${child.pid}) has ended`);
      }
      await stop(child);
      end.close();
      if ("closed" in sender) sender.close();
    }
    if (method === "spawn") await assertNothingLeft(before); // else there are processes that wait for work
  });
}

Deno.test("a stopped sender: blocking gets keep to their time, and say who keeps them waiting", async () => {
  const before = belongings();
  using queue = new Queue<Sent>();
  using told = new Queue<string>();
  const child = new Process({ target: hand, args: [queue, told], name: "Sender-2", daemon: true });
  child.start();
  assertEquals(await within(told.get()), "handed");
  await freeze(child.pid!);
  for (const attempt of [() => queue.getSync({ timeout: 30 }), () => queue.getNowait()]) {
    const error = assertThrows(attempt, Empty) as Error;
    assertStringIncludes(error.message, `still with its sender "Sender-2" (pid ${child.pid})`);
    assertEquals([queue.qsize(), queue.empty()], [1, false]);
  }
  await assertRejects(() => within(queue.get({ block: false })), Empty, "Sender-2");
  // Another message waits behind it: each producer's messages keep their order.
  queue.putSync("second" as never);
  assertThrows(() => queue.getNowait(), Empty);
  Deno.kill(child.pid!, "SIGCONT");
  const { reader } = queue.getSync();
  assertEquals([reader.recvSync(), queue.getSync()], ["hello", "second"]);
  reader.close();
  await stop(child);
  await assertNothingLeft(before);
});

Deno.test("a stopped sender: whoever closes the queue or pipe meanwhile keeps nothing of its message", async () => {
  const before = belongings();
  using told = new Queue<string>();
  for (const carrier of ["queue", "pipe"]) {
    const queue = new Queue<Sent>();
    const [ours, theirs] = Pipe();
    const child = new Process({ target: hand, args: [carrier === "queue" ? queue : theirs, told], daemon: true });
    child.start();
    assertEquals(await within(told.get()), "handed");
    await freeze(child.pid!);
    const receiving = carrier === "queue" ? queue.get() : ours.recv();
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (carrier === "pipe") {
      assertEquals([await ours.poll(), ours.pollSync()], [true, true]);
      assertThrows(() => queue.putSync({ reader: ours }), InvalidStateError);
    }
    for (const end of [queue, ours, theirs]) end.close();
    await assertRejects(() => within(receiving), InvalidStateError);
    await stop(child);
  }
  await assertNothingLeft(before);
});

Deno.test("a stopped worker: its result is waited for in a promise, and other results come meanwhile", async () => {
  using told = new Queue<number>();
  await using pool = new Pool(2);
  const result = pool.apply(give, [told]);
  const worker = await within(told.get());
  await freeze(worker);
  const other = await within(pool.apply(give, [told]));
  assertEquals(await within(other.reader.recv()), "hello");
  Deno.kill(worker, "SIGCONT");
  const { reader } = await within(result);
  assertEquals(await within(reader.recv()), "hello");
  reader.close();
  other.reader.close();
});

for (const kind of ["free", "caged"]) {
  Deno.test(`nothing is lost when the sender (${kind}) or the receiver has no descriptor left`, async () => {
    const main = new URL("connection/arrival_main.ts", FIXTURES).pathname;
    const command = `ulimit -n 160; exec "$0" run -A --quiet --no-check "$1" ${kind}`;
    const program = new Deno.Command("sh", { args: ["-c", command, Deno.execPath(), main] });
    const { stdout, stderr } = await within(program.output());
    const said = new TextDecoder().decode(stdout).trim().split("\n");
    const lack = [0, 1].flatMap((free) => Array(3).fill(`${free} true 0`));
    const expected = ["none left", "hello", ...Array(5).fill("own"), ...lack, "2 first", "2 second", "2 third"];
    assertEquals(said, expected, new TextDecoder().decode(stderr));
  });
}

Deno.test("a connection in a message that does not say so, or that was taken, is refused", () => {
  startReactor();
  const [a, b] = Pipe();
  using queue = new Queue<unknown>();
  const { bytes, attachments } = dumps([a]);
  const block = Number(/\d+/.exec(`${queue}`)![0]);
  native().queuePutBytes(block, 0, bytes, [], 0);
  assertThrows(() => queue.getSync(), TypeError, "does not say that it has one");
  native().queuePutBytes(block, 0, bytes, [...attachments], 0);
  native().queuePutBytes(block, 0, bytes, [...attachments], 0);
  (queue.getSync() as Connection[])[0].close();
  assertThrows(() => queue.getSync(), InvalidStateError, "received before");
  a.close();
  b.close();
});

Deno.test("more than a thousand connections travel in one message, of both kinds, and as many wait for room", async () => {
  const before = belongings();
  using queue = new Queue<unknown>(1);
  const pipes = Array.from({ length: 1100 }, (_, n) => Pipe({ duplex: n % 2 === 0 }));
  const list = pipes.map(([reader]) => reader);
  pipes.forEach(([, writer], n) => writer.sendSync(n));
  using told = new Queue<number[]>();
  const child = new Process({ target: hearAll, args: [list, told] });
  child.start();
  assertEquals(await within(told.get()), list.map((_, n) => n));
  assert(await within(child.join()));
  child.close();
  queue.putSync("full");
  const puts = list.slice(0, 1050).map((connection) => queue.put(connection));
  assertEquals(queue.getSync(), "full");
  for (let n = 0; n < puts.length; n++) ((await within(queue.get())) as Connection).close();
  await within(Promise.all(puts));
  for (const [reader, writer] of pipes) {
    reader.close();
    writer.close();
  }
  await assertNothingLeft(before);
});

/** Ways for a message to be thrown away after it was put, and whether that leaves the queue open. */
const thrownAway: Record<string, (value: Connection) => unknown> = {
  "shutdown of a queue with messages": (value) => {
    const queue = new Queue<Connection>();
    for (let n = 0; n < 3; n++) queue.putSync(value);
    queue.shutdown({ immediate: true });
    assertThrows(() => queue.getSync(), ShutDown);
  },
  "shutdown of a JoinableQueue": (value) => {
    const queue = new JoinableQueue<Connection>();
    queue.putSync(value);
    queue.shutdown({ immediate: true });
    assert(queue.joinSync());
  },
  "shutdown of a queue whose messages are long": (value) => {
    const queue = new Queue<unknown>();
    queue.putSync({ value, long: new Uint8Array(200_000) });
    queue.shutdown({ immediate: true });
  },
  "both ends of a pipe closed": (value) => {
    const [a, b] = Pipe();
    a.sendSync(value);
    a.close();
    b.close();
  },
  "a message that cannot be read": (value) => {
    const queue = new Queue<unknown>();
    const { bytes, attachments } = dumps([value]);
    native().queuePutBytes(Number(/\d+/.exec(`${queue}`)![0]), 0, bytes.slice(0, -1), [...attachments], 0);
    assertThrows(() => queue.getSync(), RangeError);
    queue.close();
  },
  "a receiver that was killed": async (value) => {
    using queue = new Queue<Connection>();
    using told = new Queue<string>();
    const child = new Process({ target: take, args: [queue, told] });
    child.start();
    queue.putSync(value);
    assertEquals(await within(told.get()), "took false");
    await stop(child);
  },
  "arguments of a process that is killed while it boots": async (value) => {
    const child = new Process({ target: rest, args: [value] as never });
    child.start();
    await stop(child);
  },
  "a pool that is terminated": async (value) => {
    await using pool = new Pool(1);
    const results = [pool.apply(rest), pool.apply(rest as (value: Connection) => void, [value])];
    pool.terminate();
    await Promise.allSettled(results);
  },
};

for (const [how, throwAway] of Object.entries(thrownAway)) {
  Deno.test(`a connection in a message that is thrown away is closed: ${how}`, async () => {
    startReactor();
    const [a, b] = Pipe();
    await throwAway(a);
    a.close();
    assert(await within(b.poll({ timeout: null })));
    assertThrows(() => b.recvSync(), EOFError);
    b.close();
  });
}

Deno.test("a serialised message that is forgotten without being sent is closed", async () => {
  startReactor();
  const [a, b] = Pipe();
  (() => dumps(a))();
  a.close();
  const end = b.poll({ timeout: null });
  let isTold = false;
  end.then(() => isTold = true);
  const pressure = () => new Array(100_000).fill(0).map((_, n) => ({ n })).length > 0;
  await until("the collector", () => pressure() && isTold);
  assertThrows(() => b.recvSync(), EOFError);
  b.close();
});
