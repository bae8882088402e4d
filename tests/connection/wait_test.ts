// Waiting for any of many: what is ready, in which order, for how long, and what is refused.

import { type Connection, EOFError, InvalidStateError, Pipe, Process } from "@parallel/multiprocessing";
import { descriptorOf, wait, type Waitable, waitSync } from "@parallel/multiprocessing/connection";
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { count } from "../fixtures/connection_targets.ts";
import { assertNothingLeft, belongings } from "../helpers.ts";
import { startReactor } from "./pipes.ts";

/** So many pipes, closed at the end of the scope. */
function pipes(n: number): { readers: Connection[]; writers: Connection[] } & Disposable {
  const all = Array.from({ length: n }, () => Pipe({ duplex: false }));
  return {
    readers: all.map(([reader]) => reader),
    writers: all.map(([, writer]) => writer),
    [Symbol.dispose]: () => all.flat().forEach((end) => end.close()),
  };
}

for (const way of ["wait", "waitSync"] as const) {
  const waitFor: typeof wait = way === "wait"
    ? wait
    : (objects, options) => Promise.resolve(waitSync(objects, options));

  Deno.test(`TestWait.test_wait: ${way} on four readers yields all 40 messages and each end`, async () => {
    startReactor();
    const before = belongings();
    const { readers, writers, ...all } = pipes(4);
    const children = writers.map((writer, i) => new Process({ target: count, args: [writer, 10, 100 * i] }));
    for (const child of children) child.start();
    for (const writer of writers) writer.close();
    const messages: unknown[] = [];
    const open = new Set(readers);
    while (open.size > 0) {
      for (const reader of await waitFor(open)) {
        try {
          messages.push(reader.recvSync());
        } catch (error) {
          if (!(error instanceof EOFError)) throw error;
          open.delete(reader);
        }
      }
    }
    const wanted = [0, 100, 200, 300].flatMap((first) => Array.from({ length: 10 }, (_, i) => first + i));
    assertEquals((messages as number[]).sort((a, b) => a - b), wanted);
    for (const child of children) {
      await child.join();
      child.close();
    }
    all[Symbol.dispose]();
    await assertNothingLeft(before);
  });

  Deno.test(`TestWait.test_wait_timeout: ${way} takes the whole time when nothing is ready, then gives what is`, async () => {
    using pipe = pipes(2);
    const begin = performance.now();
    assertEquals(await waitFor(pipe.readers, { timeout: 100 }), []);
    assert(performance.now() - begin >= 99);
    pipe.writers[1].sendSync(1);
    assertEquals(await waitFor(pipe.readers, { timeout: 20_000 }), [pipe.readers[1]]);
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
    await assertRejects(async () => await waitFor(pipe.writers), InvalidStateError, "connection is write-only");
    pipe.readers[0].close();
    await assertRejects(async () => await waitFor(pipe.readers), InvalidStateError, "closed");
  });

  Deno.test(`TestInvalidHandle.test_invalid_handles: ${way} on a bogus or negative descriptor fails or tells, and does not hang`, async () => {
    const bogus: Waitable = { [descriptorOf]: () => 1_000_000 };
    const negative: Waitable = { [descriptorOf]: () => -1 };
    assertEquals(await waitFor([bogus]), [bogus]);
    await assertRejects(async () => await waitFor([negative]), Deno.errors.BadResource);
  });
}

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
  await assertRejects(() => closed, InvalidStateError, "closed");
  await assertRejects(() => polled, InvalidStateError, "closed");
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
