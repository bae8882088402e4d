// Waiting for any of many: what is ready, in which order, for how long, and what is refused.

import { Connection, EOFError, InvalidStateError, Listener, Pipe, Process } from "@parallel/multiprocessing";
import { descriptorOf, wait, type Waitable, waitSync } from "@parallel/multiprocessing/connection";
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { count, countSlowly, countTo, echo } from "../fixtures/connection/connection_targets.ts";
import { begin } from "../support/children.ts";
import { assertAllReject, assertNothingLeft, belongings, PATIENCE } from "../support/helpers.ts";
import { startReactor } from "../support/pipes.ts";

Deno.test.beforeAll(begin);

/** The first numbers that four processes send, ten each. */
const FIRSTS = [0, 100, 200, 300];

/** So many pipes, closed at the end of the scope. */
function pipes(n: number): { readers: Connection[]; writers: Connection[] } & Disposable {
  const all = Array.from({ length: n }, () => Pipe({ duplex: false }));
  return {
    readers: all.map(([reader]) => reader),
    writers: all.map(([, writer]) => writer),
    [Symbol.dispose]: () => all.flat().forEach((end) => end.close()),
  };
}

/** All 40 messages and each end of four connections, whose other ends are in the children. */
async function receiveAll(waitFor: typeof wait, readers: Connection[], children: Process[]): Promise<void> {
  const messages: number[] = [];
  const open = new Set(readers);
  while (open.size > 0) {
    for (const reader of await waitFor(open, { timeout: PATIENCE })) {
      try {
        messages.push(reader.recvSync() as number);
      } catch (error) {
        if (!(error instanceof EOFError)) throw error;
        open.delete(reader);
      }
    }
  }
  assertEquals(
    messages.sort((a, b) => a - b),
    FIRSTS.flatMap((first) => Array.from({ length: 10 }, (_, i) => first + i)),
  );
  for (const child of children) {
    await child.join();
    child.close();
  }
}

for (const way of ["wait", "waitSync"] as const) {
  const waitFor: typeof wait = way === "wait"
    ? wait
    : (objects, options) => Promise.resolve(waitSync(objects, options));

  for (const [name, target] of [["test_wait", count], ["test_wait_slow", countSlowly]] as const) {
    Deno.test(`TestWait.${name}: ${way} on four readers yields all 40 messages and each end`, async () => {
      startReactor();
      const before = belongings();
      const { readers, writers, ...all } = pipes(4);
      const children = writers.map((writer, i) => new Process({ target, args: [writer, 10, FIRSTS[i]] }));
      for (const child of children) child.start();
      for (const writer of writers) writer.close();
      await receiveAll(waitFor, readers, children);
      all[Symbol.dispose]();
      await assertNothingLeft(before);
    });
  }

  for (const [name, slow] of [["test_wait_socket", false], ["test_wait_socket_slow", true]] as const) {
    Deno.test(`TestWait.${name}: ${way} on four TCP connections yields all 40 messages and each end`, async () => {
      using listener = new Listener(["127.0.0.1", 0]);
      const children = FIRSTS.map((first) =>
        new Process({ target: countTo, args: [listener.address, { n: 10, first, slow }] })
      );
      for (const child of children) child.start();
      const readers: Connection[] = [];
      while (readers.length < children.length) {
        // A listener is waited for as the connections are.
        const [ready] = await waitFor<Waitable>([listener], { timeout: PATIENCE });
        assertStrictEquals(ready, listener);
        readers.push(listener.acceptSync({ timeout: PATIENCE }));
      }
      await receiveAll(waitFor, readers, children);
      for (const reader of readers) reader.close();
    });
  }

  Deno.test(`TestWait.test_wait_integer: ${way} on two connections and a sentinel gives all that are ready`, async () => {
    const [a, b] = Pipe();
    const [orders, obeyed] = Pipe();
    const child = new Process({ target: echo, args: [obeyed, "values"] });
    child.start();
    obeyed.close();
    const objects = [a, child.sentinel, b];
    assertEquals(await waitFor<Waitable>(objects, { timeout: 20 }), []);
    orders.close(); // the end of the child
    assertEquals(await waitFor<Waitable>(objects, { timeout: PATIENCE }), [child.sentinel]);
    a.sendSync(null);
    assertEquals(await waitFor<Waitable>(objects, { timeout: PATIENCE }), [child.sentinel, b]);
    b.sendSync(null);
    assertEquals(await waitFor<Waitable>(objects, { timeout: PATIENCE }), [a, child.sentinel, b]);
    await child.join();
    child.close();
    a.close();
    b.close();
  });

  Deno.test(`TestWait.test_wait_timeout: ${way} takes the whole time when nothing is ready, then gives what is`, async () => {
    using pipe = pipes(2);
    const begin = performance.now();
    assertEquals(await waitFor(pipe.readers, { timeout: 100 }), []);
    assert(performance.now() - begin >= 99);
    pipe.writers[1].sendSync(1);
    assertEquals(await waitFor(pipe.readers, { timeout: PATIENCE }), [pipe.readers[1]]);
  });

  Deno.test(`TestWait.test_neg_timeout: ${way} with a negative timeout returns at once`, async () => {
    using pipe = pipes(1);
    assertEquals(await waitFor(pipe.readers, { timeout: -1 }), []);
    pipe.writers[0].sendSync(1);
    assertEquals(await waitFor(pipe.readers, { timeout: -1 }), pipe.readers);
  });

  Deno.test(`${way}: all ready ones of thousands, in the order given, each once`, async () => {
    using pipe = pipes(2000);
    const ready = [1999, 3, 1000];
    for (const place of ready) pipe.writers[place].sendSync(place);
    const given = [...pipe.readers.toReversed(), ...pipe.readers];
    assertEquals(await waitFor(given), [1999, 1000, 3].map((place) => pipe.readers[place]));
  });

  Deno.test(`${way}: an empty list takes the whole time, and is refused without one`, async () => {
    const begin = performance.now();
    assertEquals(await waitFor([], { timeout: 50 }), []);
    assert(performance.now() - begin >= 49);
    await assertRejects(async () => await waitFor([]), RangeError, "it would be for ever");
  });

  Deno.test(`${way}: what cannot be waited for is refused by name`, async () => {
    using pipe = pipes(1);
    for (const wrong of [null, 1, "connection", {}, { [descriptorOf]: 3 }]) {
      const objects = [pipe.readers[0], wrong as unknown as Waitable];
      await assertRejects(async () => await waitFor(objects), TypeError, "Cannot wait for ");
    }
    for (const wrong of [null, undefined, {}, 3]) {
      await assertRejects(async () => await waitFor(wrong as never, { timeout: 0 }), TypeError, "wanted a list");
    }
    await assertRejects(async () => await waitFor(pipe.writers), InvalidStateError, "connection is write-only");
    pipe.readers[0].close();
    await assertRejects(async () => await waitFor(pipe.readers), InvalidStateError, "closed");
  });

  Deno.test(`TestInvalidHandle.test_invalid_handles: ${way} on a bogus or negative descriptor fails or tells, and does not hang`, async () => {
    const bogus: Waitable = { [descriptorOf]: () => 1_000_000 };
    const negative: Waitable = { [descriptorOf]: () => -1 };
    assertEquals(await waitFor([bogus]), [bogus]);
    await assertRejects(async () => await waitFor([negative]), Deno.errors.BadResource);
    const unknown = new Connection({ id: 1_000_000, readable: true, writable: true, pipe: null });
    await assertRejects(async () => await waitFor([unknown]), Error, "closed");
    await assertRejects(() => unknown.poll(), Error, "closed");
    assertThrows(() => unknown.pollSync(), Error);
  });
}

Deno.test("wait on thousands hears of the one that becomes ready, and of a closed one", async () => {
  using pipe = pipes(2000);
  const heard = wait(pipe.readers);
  pipe.writers[1234].sendSync("now");
  assertEquals(await heard, [pipe.readers[1234]]);
  assertEquals(pipe.readers[1234].recvSync(), "now");
  const closed = wait(pipe.readers);
  pipe.readers[1999].close();
  await assertRejects(() => closed, InvalidStateError, "closed");
});

Deno.test("wait hears of what becomes ready, and of its end", async () => {
  using pipe = pipes(3);
  const first = wait(pipe.readers);
  pipe.writers[2].sendSync(1);
  assertEquals(await first, [pipe.readers[2]]);
  pipe.readers[2].recvSync();
  const second = wait(pipe.readers);
  pipe.writers[0].close();
  assertEquals(await second, [pipe.readers[0]]);
});

Deno.test("wait ends with an error when an object is closed meanwhile, and with the reason of an abort", async () => {
  using pipe = pipes(2);
  const controller = new AbortController();
  const aborted = wait(pipe.readers, { signal: controller.signal });
  const closed = wait(pipe.readers, { timeout: 60_000 });
  const polled = pipe.readers[0].poll({ timeout: null });
  controller.abort("enough");
  await aborted.then(() => assert(false), (reason) => assertStrictEquals(reason, "enough"));
  pipe.readers[0].close();
  await assertAllReject([closed, polled], InvalidStateError, "closed");
  await assertRejects(
    () =>
      wait(pipe.readers, { signal: AbortSignal.abort("before") }).catch((reason) => {
        throw new Error(reason);
      }),
    Error,
    "before",
  );
});

Deno.test("a message that an aborted receive has read as a whole counts as ready", async () => {
  using pipe = pipes(1);
  const [reader] = pipe.readers;
  const controller = new AbortController();
  const receiving = assertRejects(() =>
    reader.recv({ signal: controller.signal }).catch(() => Promise.reject(new Error()))
  );
  await new Promise((resolve) => setTimeout(resolve)); // the reactor waits
  pipe.writers[0].sendSync("whole");
  while (reader[descriptorOf]() !== null) { /* the reactor reads; JavaScript cannot hear of it here */ }
  controller.abort();
  await receiving;
  assertEquals([await reader.poll(), reader.pollSync()], [true, true]);
  assertEquals(reader.recvSync(), "whole");
  assertThrows(() => reader.sendSync(1), InvalidStateError);
});
