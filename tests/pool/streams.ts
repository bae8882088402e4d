// Pools between two streams: what happens to one side is told to the other, as by a TransformStream of the platform.

import { InvalidStateError, type Pool, Queue, WorkerLostError } from "@parallel/multiprocessing";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import * as targets from "../fixtures/pool/pool_targets.ts";
import type { Suite } from "./suite.ts";

type Numbers = TransformStream<number, number>;

/** What became of everything around a transform. */
interface Outcome {
  read: number[];
  reader: string;
  pipe: string;
  cancelled: string;
}

const told = (promise: Promise<unknown>, good = "fulfilled") => promise.then(() => good, (error) => `${error}`);

/** An endless source of numbers, or of so many; remembers what it was cancelled with. */
function source(length = Infinity, fault?: Error) {
  const state = { next: 0, cancelled: "not" };
  const stream = new ReadableStream<number>({
    pull: (controller) => {
      if (state.next < length) controller.enqueue(state.next++);
      else if (fault === undefined) controller.close();
      else controller.error(fault);
    },
    cancel: (reason) => void (state.cancelled = `${reason}`),
  });
  return { stream, state };
}

/** Pipes a source into the transform, and reads until the end, or until `stop` says so with what it does to the reader. */
async function pipe(
  transform: Numbers,
  from: ReturnType<typeof source>,
  stop?: (reader: ReadableStreamDefaultReader<number>, read: number[]) => Promise<unknown> | undefined,
  options?: StreamPipeOptions,
): Promise<Outcome> {
  const piped = told(from.stream.pipeTo(transform.writable, options));
  const reader = transform.readable.getReader();
  const read: number[] = [];
  const reading = (async () => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      read.push(value);
      const stopping = stop?.(reader, read);
      if (stopping !== undefined) return await stopping;
    }
  })();
  return { read, reader: await told(reading), pipe: await piped, cancelled: from.state.cancelled };
}

const scenarios: Record<string, (transform: Numbers) => Promise<unknown>> = {
  "all is well": (transform) => pipe(transform, source(5, undefined)),
  "nothing is written": (transform) => pipe(transform, source(0)),
  "the reader goes": (transform) =>
    pipe(transform, source(), (reader, { length }) => length === 2 ? reader.cancel(new Error("enough")) : undefined),
  "the reader goes, and the source is to stay": (transform) =>
    pipe(
      transform,
      source(),
      (reader, { length }) => length === 2 ? reader.cancel(new Error("enough")) : undefined,
      { preventCancel: true },
    ),
  "the pipe is aborted": (transform) => {
    const controller = new AbortController();
    const stop = (_: unknown, { length }: number[]) => length === 2 ? controller.abort(new Error("stop")) : undefined;
    return pipe(transform, source(), stop as never, { signal: controller.signal })
      .then(({ reader, pipe, cancelled }) => [reader, pipe, cancelled]);
  },
  "the source fails": (transform) =>
    pipe(transform, source(3, new Error("no more"))).then(({ reader, pipe }) => [reader, pipe]),
  "the writer aborts": async (transform) => {
    const writer = transform.writable.getWriter();
    const reader = transform.readable.getReader();
    const reading = told(reader.read());
    const closed = [told(writer.closed), told(reader.closed)];
    await writer.abort(new Error("away"));
    return [await reading, await Promise.all(closed), await told(writer.write(1))];
  },
  "the writer closes": async (transform) => {
    const writer = transform.writable.getWriter();
    const closing = told(writer.write(2).then(() => writer.close()));
    const read = await Array.fromAsync(transform.readable);
    return [read, await closing, await told(writer.closed)];
  },
  "nothing is written, and nobody reads": async (transform) => {
    const writer = transform.writable.getWriter();
    return [await told(writer.close()), await transform.readable.getReader().read()];
  },
  "the next stream fails": async (transform) => {
    const from = source();
    const end = from.stream.pipeThrough(transform).pipeTo(
      new WritableStream({
        write(n) {
          if (n === 4) throw new Error("full");
        },
      }),
    );
    return [await told(end), from.state.cancelled];
  },
};

export function streamsOfPools({ pool: poolOf, test }: Suite): void {
  test("a transform of a pool behaves as one of the platform, whichever side fails", async () => {
    await using pool = poolOf(2);
    for (const [name, run] of Object.entries(scenarios)) {
      const wanted = await run(new TransformStream({ transform: (n, to) => to.enqueue(n * n) }));
      assertEquals(await run(pool.toTransformStream(targets.square)), wanted, name);
      const unordered = await run(pool.toTransformStream(targets.square, { ordered: false, chunksize: 1 }));
      if (name !== "all is well" && !name.startsWith("the reader")) assertEquals(unordered, wanted, name);
    }
    pool.close();
    assert(await pool.join()); // nothing is left of any of them
    assertThrows(() => pool.toTransformStream(targets.square), InvalidStateError, "is closed");
  });

  const failures: Record<string, [run: (pool: Pool) => Promise<Outcome>, error: string]> = {
    "an item that fails": [
      (pool) => pipe(pool.toTransformStream(targets.squareNotThree), source()),
      "RangeError: three",
    ],
    "an item that kills its worker": [
      (pool) => pipe(pool.toTransformStream(targets.exitAtThree), source()),
      "WorkerLostError: ",
    ],
    "the last item": [(pool) => pipe(pool.toTransformStream(targets.squareNotThree), source(4)), "RangeError: three"],
    "a signal": [(pool) => {
      const controller = new AbortController();
      const transform = pool.toTransformStream(targets.square, { signal: controller.signal });
      return pipe(transform, source(), (_, { length }) => {
        if (length === 3) controller.abort(new SyntaxError("enough"));
        return undefined;
      });
    }, "SyntaxError: enough"],
    "a time that has passed": [
      (pool) => pipe(pool.toTransformStream(targets.square, { timeout: 100 }), source()),
      "TimeoutError: ",
    ],
  };
  for (const [what, [run, error]] of Object.entries(failures)) {
    test(`${what} ends both sides of a transform, and cancels the source`, async () => {
      await using pool = poolOf(2, { grace: 20 });
      const { read, ...others } = await run(pool);
      if (!what.startsWith("a time")) assertEquals(read, [0, 1, 4]);
      for (const [side, outcome] of Object.entries(others)) {
        // A source that has given its last item has closed.
        const isTold = outcome.startsWith(error) || (what === "the last item" && side === "cancelled");
        assert(isTold, `${side}: ${outcome}`);
      }
      assertEquals(await pool.apply(targets.square, [3]), 9);
      pool.close();
      assert(await pool.join());
    });
  }

  test("a signal ends a transform that nobody reads, and its end the pool's", async () => {
    const pool = poolOf(1);
    const from = source();
    const controller = new AbortController();
    const piped = from.stream.pipeTo(pool.toTransformStream(targets.square, { signal: controller.signal }).writable);
    controller.abort(new SyntaxError("enough"));
    await assertRejects(() => piped, SyntaxError, "enough");
    const other = source().stream.pipeTo(pool.toTransformStream(targets.square).writable);
    const ended = assertRejects(() => other, InvalidStateError, "was terminated");
    await pool.terminate();
    await ended;
  });

  test("a task under way is told that the reader has gone", async () => {
    await using pool = poolOf(1);
    using queue = new Queue<number | string>();
    const transform = pool.toTransformStream(targets.tellAndWait);
    const writer = transform.writable.getWriter();
    const closed = assertRejects(() => writer.closed, SyntaxError, "away");
    await writer.write(queue);
    assertEquals(typeof await queue.get(), "number");
    await transform.readable.cancel(new SyntaxError("away"));
    await closed;
    assertEquals(await queue.get(), "AbortError true");
    await assertRejects(() => writer.write(queue), SyntaxError, "away");
    await assertRejects(() => pool.apply(targets.exit, [1]), WorkerLostError);
  });
}
