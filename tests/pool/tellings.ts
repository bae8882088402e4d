// What an error of a task says: which item, in which worker, and where the call was begun.

import {
  InvalidStateError,
  MaybeEncodingError,
  type Pool,
  ProcessError,
  RemoteError,
  WorkerLostError,
} from "@parallel/multiprocessing";
import { assert, assertEquals, assertInstanceOf, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import {
  dieAt,
  failToBegin,
  functionAt,
  type Odd,
  throwAt,
  throwOdd,
  throwUnless,
} from "../fixtures/pool/pool_odd_errors.ts";
import type { Suite } from "./suite.ts";

/** A text with names of workers, pids, folders and places in files left out. */
function masked(text: string | undefined): string {
  return (text ?? "").replace(/\w*PoolWorker-\d+, pid \d+/g, "WORKER").replace(
    /\w*PoolWorker-\d+ \(pid \d+\)/g,
    "WORKER",
  )
    .replace(/file:\/\/\/\S*\/([\w.]+):\d+:\d+/g, "$1");
}

async function stackOf(begin: () => PromiseLike<unknown>): Promise<string> {
  return masked((await assertRejects(() => Promise.resolve(begin()), Error)).stack);
}

export function tellingsOfPools({ pool: poolOf, test }: Suite): void {
  test("an error says its item, its worker and the caller's line, and nothing of the package", async () => {
    await using pool = poolOf(1);
    const error = await assertRejects(
      async function caller() {
        await pool.map(throwAt, [{ n: 1 }, { n: 1 }, { n: 3 }], { chunksize: 2 });
      },
      RangeError,
      "bad n",
    );
    assertEquals(
      masked(Deno.inspect(error)),
      [
        "RangeError: bad n",
        "    at throwUnless (pool_odd_errors.ts)",
        "    at throwAt (pool_odd_errors.ts)",
        "    at item 2 of pool.map, { n: 3 } (WORKER)",
        "    at caller (tellings.ts)",
      ].join("\n") + masked(error.stack).split("at caller (tellings.ts)")[1] + [
        " {",
        "  [cause]: TypeError: inner",
        "      at throwUnless (pool_odd_errors.ts)",
        "      at throwAt (pool_odd_errors.ts) {",
        "    [cause]: RemoteError: item 2 of pool.map, { n: 3 }, failed in WORKER",
        "        at caller (tellings.ts)",
        "  }",
        "}",
      ].join("\n"),
    );
    assertEquals(/\/src\/|\/dist\/|base64/.test(error.stack!), false);
    const remote = (error.cause as Error).cause as RemoteError;
    assertInstanceOf(remote, RemoteError);
    const [{ pid, name }] = pool.stats().workers;
    assertEquals([remote.index, remote.argument, remote.pid, remote.processName], [2, "{ n: 3 }", pid, name]);
    assertStringIncludes(remote.remoteStack, "[cause]: TypeError: inner");
    assertEquals(Object.keys(remote), []);
  });

  test("where tasks are quick, an error of apply names the line that awaits it", async () => {
    await using pool = poolOf(1);
    for (let i = 0; i < 200; i++) await pool.apply(throwAt, [{ n: 1 }]);
    const frames = async (begin: () => Promise<unknown>) => (await stackOf(begin)).split("\n").slice(3).join();
    // On a busy machine they may not be quick: then it is the line of the call, in the same function.
    const said = /^ {4}at pool\.apply(Async)?\({ n: 2 }\) \(WORKER\),.* {4}at (async )?waiter \(tellings\.ts\)/;
    const waiters = [
      async function waiter() {
        await pool.apply(throwAt, [{ n: 2 }]);
      },
      async function waiter() {
        await Promise.all([1, 2].map((n) => pool.apply(throwAt, [{ n }])));
      },
      async function waiter() {
        await pool.applyAsync(throwAt, [{ n: 2 }]).get();
      },
    ];
    for (const waiter of waiters) assertMatch(await frames(waiter), said);
    const left = pool.apply(throwAt, [{ n: 1 }]); // nobody waits for it meanwhile: no uncaught error
    await pool.terminate();
    await assertRejects(() => left, InvalidStateError);
  });

  test("every call says what it is and where it was begun", async () => {
    await using pool = poolOf(1);
    const throwing = async (begin: (pool: Pool) => PromiseLike<unknown>) =>
      (await stackOf(() => begin(pool))).split("\n").slice(3, 5).join();
    const said = (what: string) => `    at ${what} (WORKER),    at tellings.ts`;
    assertEquals(await throwing((it) => it.apply(throwAt, [{ n: 2 }])), said("pool.apply({ n: 2 })"));
    assertEquals(await throwing((it) => it.applyAsync(throwAt, [{ n: 2 }]).get()), said("pool.applyAsync({ n: 2 })"));
    assertEquals(await throwing((it) => it.mapAsync(throwAt, [{ n: 2 }])), said("item 0 of pool.mapAsync, { n: 2 }"));
    const stack = await stackOf(() => pool.starmap(throwUnless, [[1, 1], [1, 2]]));
    assertStringIncludes(stack, "    at item 1 of pool.starmap, [ 1, 2 ] (WORKER)\n    at tellings.ts");
    assertEquals(await throwing((it) => it.imap(throwAt, [{ n: 4 }]).next()), said("item 0 of pool.imap, { n: 4 }"));
    assertEquals(
      await throwing((it) => it.imapUnordered(throwAt, [{ n: 4 }]).next()),
      said("item 0 of pool.imapUnordered, { n: 4 }"),
    );
    const stream = ReadableStream.from([{ n: 5 }]).pipeThrough(pool.toTransformStream(throwAt));
    const error = await assertRejects(() => Array.fromAsync(stream), RangeError);
    assertStringIncludes(masked(error.stack), "    at item 0 of pool.toTransformStream, { n: 5 } (WORKER)\n    at ");
  });

  test("what is no usual error says as much as it can", async () => {
    await using pool = poolOf(1);
    const thrown = (kind: Odd) => pool.apply(throwOdd, [kind]).then(() => "nothing", (error) => error);
    const where = (kind: Odd) => `at pool.apply("${kind}") (WORKER)`;
    assertEquals(await thrown("text"), "a text");
    for (const kind of ["frozen", "aggregate", "suppressed", "dom", "circular", "again", "again"] as const) {
      const error = await thrown(kind);
      assertEquals(masked(error.stack).split("\n").filter((line) => line.includes(where(kind))).length, 1, kind);
      assertEquals(/\/src\/|\/dist\//.test(Deno.inspect(error, { depth: 9 })), false, kind);
    }
    const { errors } = await thrown("aggregate");
    assertEquals(
      masked(errors[0].stack),
      "TypeError: first\n    at Object.aggregate (pool_odd_errors.ts)\n" +
        "    at throwOdd (pool_odd_errors.ts)",
    );
    assertEquals(errors[1], "second");
    const getter = await thrown("getter");
    assertStringIncludes(masked(getter.stack), `at nowhere (file:///nowhere.ts:1:2)\n    ${where("getter")}`);
    const lines = await thrown("lines");
    assertMatch(lines.stack, /^RangeError: two lines\n {4}at first sight a frame\n {4}at /);
    const alone = await thrown("unsendable");
    assertInstanceOf(alone, RemoteError);
    assertStringIncludes(alone.message, "what: ");
    assertEquals(alone.argument, '"unsendable"');
  });

  test("an argument is printed in one short line that steers no terminal", async () => {
    await using pool = poolOf(1);
    const steering = "\x1b[2J\u202e" + "x".repeat(200);
    const error = await assertRejects(() => pool.map(throwOdd, [steering as Odd]), TypeError);
    const [line] = masked(error.stack).split("\n").filter((it) => it.includes("item 0 of"));
    assertMatch(line, /^ {4}at item 0 of pool\.map, "\\x1b\[2J\\u202ex+…/i);
    assert(line.length < 130, line);
    const hostile = {
      [Symbol.for("Deno.customInspect")]: () => {
        throw new Error("no");
      },
      n: 7,
    };
    assertStringIncludes(await stackOf(() => pool.map(throwAt, [hostile])), "item 0 of pool.map, [object] (WORKER)");
  });

  test("the loss of a worker, a result or argument that cannot be sent: which item it was", async () => {
    await using pool = poolOf(1);
    const lost = await assertRejects(() => pool.map(dieAt, [1, 2, 3], { chunksize: 1 }), WorkerLostError);
    assertMatch(
      lost.message,
      /^Cannot finish "dieAt", item 1 of pool\.map, 2: its worker "\w+-\d+" \(pid \d+\) ended /,
    );
    assertEquals(lost.index, 1);
    assertMatch(masked(lost.stack), /\n {4}at .*tellings\.ts/);
    const several = await assertRejects(() => pool.map(dieAt, [1, 2, 3], { chunksize: 3 }), WorkerLostError);
    assertStringIncludes(several.message, 'Cannot finish "dieAt", items 0 to 2 of pool.map: its worker');
    const encoding = await assertRejects(() => pool.map(functionAt, [1, 2], { chunksize: 2 }), MaybeEncodingError);
    assertStringIncludes(masked(encoding.stack), "    at item 1 of pool.map, 2 (WORKER)\n    at ");
    const argument = await assertRejects(() => pool.map(throwAt, [{ n: 1 }, { n: () => 1 } as never]), TypeError);
    assertStringIncludes(masked(argument.stack), "    at item 1 of pool.map, { n: [Function: n] }\n    at ");
  });

  test("a pool that cannot begin names the line that it was made on", async () => {
    await using pool = poolOf(1, { initializer: failToBegin });
    const error = await assertRejects(() => pool.map(throwAt, [{ n: 1 }]), ProcessError, "not today");
    assertMatch(masked(error.stack), /\n {4}at tellings\.ts|\n {4}at .*\(suite\.ts\)/);
    assertEquals(/\/src\/|\/dist\//.test(Deno.inspect(error)), false);
    const cause = error.cause as Error;
    assertStringIncludes(masked(cause.stack), "at failToBegin (pool_odd_errors.ts)\n    at initializer (WORKER)");
  });

  test("what is refused, comes too late or is ended names the caller's line; a reason of the user's stays", async () => {
    await using pool = poolOf(1);
    const first = async (begin: () => PromiseLike<unknown>) => (await stackOf(begin)).split("\n").slice(0, 2);
    const here = "    at tellings.ts";
    assertEquals((await first(() => pool.map(() => 1, [1])))[1], here);
    assertEquals((await first(() => pool.apply("nothing" as never)))[1], here);
    const late = "TimeoutError: Cannot get the next result: it was not ready within 1 ms";
    const endless = new Promise<never>(() => {});
    const items = { [Symbol.asyncIterator]: () => ({ next: () => endless }) };
    const results = pool.imap(throwAt, items);
    assertEquals((await first(() => results.next({ timeout: 1 })))[0], late);
    assertMatch(
      await stackOf(() => results.next({ timeout: 1 })),
      /it was not ready within 1 ms\n {4}at .*tellings\.ts/,
    );
    assertMatch(await stackOf(() => pool.map(throwAt, items, { timeout: 1 })), /more than 1 ms\n {4}at tellings\.ts/);
    const reason = new RangeError("mine");
    const { stack } = reason;
    const signal = AbortSignal.abort(reason);
    assertEquals(await pool.map(throwAt, [], { signal }).catch((error) => error), reason);
    assertEquals(reason.stack, stack);
    const call = pool.map(throwAt, items);
    const ended = stackOf(() => call);
    await pool.terminate();
    assertMatch(await ended, /was terminated, by .*\n {4}at .*tellings\.ts/);
    assertEquals((await first(() => pool.map(throwAt, [])))[1], here);
  });
}
