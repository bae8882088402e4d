// Options of pools and calls that are refused.

import { InvalidStateError, Pool, TimeoutError } from "@parallel/multiprocessing";
import { assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { square } from "../fixtures/pool/pool_targets.ts";
import { within } from "../support/helpers.ts";

/** Calls with an option, each a promise. */
const CALLS: Record<string, (pool: Pool, options: object) => Promise<unknown>> = {
  apply: (pool, options) => pool.apply(square, [1], options),
  applyAsync: (pool, options) => Promise.try(() => pool.applyAsync(square, [1], options).get()),
  map: (pool, options) => pool.map(square, [1], options),
  mapAsync: (pool, options) => Promise.try(() => pool.mapAsync(square, [1], options).get()),
  starmap: (pool, options) => pool.starmap(square, [[1]], options),
  imap: (pool, options) => Promise.try(() => pool.imap(square, [1], options).next()),
  imapUnordered: (pool, options) => Promise.try(() => pool.imapUnordered(square, [1], options).next()),
};

Deno.test("calls refuse options of the wrong kind, and the pool goes on", async () => {
  await using pool = new Pool(1);
  for (const [name, call] of Object.entries(CALLS)) {
    for (const retries of [-1, 0.5, NaN]) {
      await assertRejects(() => call(pool, { retries }), RangeError, '"retries" is', name);
    }
    await assertRejects(() => call(pool, { retries: "1" }), TypeError, '"retries" is "1"', name);
    await assertRejects(() => call(pool, { timeout: "1" }), TypeError, '"timeout" is "1"', name);
    await assertRejects(() => call(pool, { signal: {} }), TypeError, '"signal" is', name);
    await assertRejects(() => call(pool, { timeout: -1 }), TimeoutError, "more than 0 ms", name);
    await assertRejects(
      () => call(pool, { signal: AbortSignal.abort(new SyntaxError("no")) }),
      SyntaxError,
      "no",
      name,
    );
    if (name.startsWith("apply")) continue;
    for (const chunksize of [0, -1, 1.5]) {
      await assertRejects(() => call(pool, { chunksize }), RangeError, '"chunksize" is', name);
    }
    await assertRejects(() => call(pool, { chunksize: "2" }), TypeError, '"chunksize" is "2"', name);
    if (!name.startsWith("imap")) continue;
    await assertRejects(() => call(pool, { buffersize: 0 }), RangeError, '"buffersize" is 0', name);
  }
  assertThrows(() => pool.applyAsync(square, [1], { callback: 1 as never }), TypeError, '"callback" is 1');
  assertThrows(() => pool.mapAsync(square, [1], { errorCallback: {} as never }), TypeError, '"errorCallback" is {}');
  await assertRejects(() => pool.apply(square, 1 as never), TypeError, '"args" is 1, wanted an array');
  await assertRejects(() => pool.map(square, 1 as never), TypeError, "Cannot iterate over 1");
  assertThrows(() => pool.imap(square, null as never), TypeError, "Cannot iterate over null");
  assertEquals(await pool.apply(square, [3]), 9);
});

Deno.test("a starmap item that is no array fails", async () => {
  await using pool = new Pool(1);
  const wanted = (item: string) => `Cannot call "square" with the item ${item}: wanted an array of its arguments`;
  for (const [item, shown] of [[5, "5"], [{ a: 1 }, "{ a: 1 }"], [null, "null"]]) {
    await assertRejects(() => pool.starmap(square, [item as never]), TypeError, wanted(shown as string));
  }
});

Deno.test("calls after close, join before it, and twice of everything", async () => {
  const pool = new Pool(1);
  assertMatch(String(pool), /^<multiprocessing\.pool\.Pool state=RUN pool_size=1 name='Pool-\d+'>$/);
  await assertRejects(() => pool.join(), InvalidStateError, "call close() or terminate() first");
  pool.close();
  pool.close();
  for (const [name, call] of Object.entries(CALLS)) {
    await assertRejects(() => call(pool, {}), InvalidStateError, "pool not running", name);
  }
  assertThrows(() => pool.toTransformStream(square), InvalidStateError, "pool not running");
  assertEquals(await within(pool.join()), true);
  await pool.terminate();
  await pool.terminate();
  assertMatch(String(pool), /state=TERMINATE /);
  assertThrows(() => new Pool(1, { grace: -1 }), RangeError, '"grace" is -1');
  assertThrows(() => new Pool(1, { stderr: "null" as never }), TypeError, '"stderr" is "null"');
  for (const context of [{}, { Process: class {} }, 1, "spawn"]) {
    assertThrows(() => new Pool(1, { context: context as never }), TypeError, '"context" is ');
  }
  for (const options of [null, 1]) {
    assertThrows(() => new Pool(1, options as never), TypeError, `the options are ${options}, wanted an object`);
  }
  assertThrows(() => new Pool(1, { initializer: () => 1 }), TypeError, "Cannot run an inline function");
  assertThrows(() => new Pool(1, { finalizer: () => 1 }), TypeError, "Cannot run an inline function");
});
