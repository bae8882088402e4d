// Errors of functions, arguments and results.

import { MaybeEncodingError, Pool, ProcessError, RemoteError } from "@parallel/multiprocessing";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import * as targets from "../fixtures/pool/pool_targets.ts";
import { ODD_THROWN, type OddThrown, throwNested, throwOdd } from "../fixtures/odd_thrown.ts";
import { FIXTURES, outputOf } from "../support/helpers.ts";
import type { Suite } from "./suite.ts";

function unexported(): void {}

const ODD_KINDS = Object.keys(ODD_THROWN) as OddThrown[];

export function errorsOfPools({ method, pool: poolOf, test }: Suite): void {
  test("TestPool.test_traceback: an error has its class, its properties and the remote stack as its cause", async () => {
    await using pool = poolOf(1);
    const error = await assertRejects(() => pool.apply(targets.fail, ["broken"]), RangeError, "broken");
    assertInstanceOf(error.cause, RemoteError);
    assertMatch(error.cause.remoteStack, /RangeError: broken\n {4}at fail \(.*pool_targets\.ts/);
    assertStringIncludes(error.stack!, "pool/pool_targets.ts");
  });

  test("TestPool.test_wrapped_exception: whatever is thrown arrives", async () => {
    await using pool = poolOf(1);
    const thrown = (kind: Parameters<typeof targets.failWith>[0]) =>
      pool.apply(targets.failWith, [kind]).then(() => "nothing", (error: unknown) => error);
    const own = await thrown("own class") as targets.ShopError;
    assertInstanceOf(own, targets.ShopError);
    assertEquals([own.name, own.message, own.stock], ["ShopError", "sold out", 0]);
    const outer = await thrown("cause") as Error;
    assertInstanceOf(outer.cause, TypeError);
    assertInstanceOf((outer.cause as Error).cause, RemoteError);
    assertEquals([await thrown("number"), await thrown("undefined")], [42, undefined]);
    assertInstanceOf(await thrown("async"), SyntaxError);
    const stripped = await thrown("function") as Error;
    assertEquals([stripped.constructor, stripped.message], [Error, "with a function"]);
    assertEquals(Object.keys(stripped), []);
    assertInstanceOf(stripped.cause, RemoteError);
    assertStringIncludes((stripped.cause as RemoteError).remoteStack, "callback");
  });

  test("an error loses the properties that cannot be sent, and nothing else", async () => {
    await using pool = poolOf(1);
    const error = await assertRejects(() => pool.apply(targets.failWithUnsendable), RangeError, "refused");
    assertEquals({ ...error }, { code: "ECONN" } as never);
    assertStringIncludes(error.stack!, "failWithUnsendable");
    const cause = error.cause as AggregateError;
    assertEquals([cause.constructor, cause.message, { ...cause }], [AggregateError, "twice", {}]);
    const [first, second, ...others] = cause.errors;
    assertEquals([first.constructor, first.message, { ...first }], [TypeError, "first", { place: 1 }]);
    assertEquals([second, others], ["second", []]);
    assertInstanceOf(cause.cause, RemoteError);
    assertStringIncludes((cause.cause as RemoteError).remoteStack, "retry");
  });

  test("whatever is thrown is one call's error, also what does not bear to be looked at", async () => {
    await using pool = poolOf(1);
    const thrown = (kind: OddThrown) => pool.apply(throwOdd, [kind]).then(() => "nothing", (error: unknown) => error);
    for (const kind of ODD_KINDS) {
      const error = await thrown(kind) as object;
      if (kind.startsWith("an object")) assertEquals([kind, Object.keys(error)], [kind, []]);
      else assertInstanceOf(error, Error, kind);
    }
    assertEquals((await thrown("an error around a revoked proxy") as Error).message, "outer");
    const several = await thrown("an AggregateError of a revoked proxy") as AggregateError;
    assertEquals([several.message, several.errors.map((it) => it.message)], ["several", ["inner"]]);
    assertInstanceOf(await thrown("a revoked proxy"), RemoteError);
    assertEquals(await pool.apply(targets.square, [3]), 9);
    assertEquals(pool.stats().restarts, 0);
  });

  test("whatever an initializer throws is told", async () => {
    for (const kind of ["a revoked proxy", "an error whose getters throw"] as const) {
      await using pool = poolOf(1, { initializer: throwOdd, initargs: [kind] });
      await assertRejects(() => pool.apply(targets.square, [3]), ProcessError, "could not run the initializer");
    }
  });

  test("an error with many others inside of it is cut where it cannot be sent, which takes no time", async () => {
    await using pool = poolOf(1);
    const thrown = (...args: Parameters<typeof throwNested>) =>
      assertRejects(() => pool.apply(throwNested, args), Error, `level ${args[1] - 1}`);
    for (const wrap of ["cause", "errors", "error", "suppressed"] as const) {
      for (const levels of [3000, 150]) {
        let inner = await thrown(wrap, levels, true) as Error & Partial<AggregateError & SuppressedError>;
        let depth = 0;
        for (; inner.message === `level ${levels - 1 - depth}`; depth++) {
          inner = (wrap === "errors" ? inner.errors?.[0] : inner[wrap]) ?? new Error("the end");
        }
        assertEquals([wrap, depth], [wrap, 101]);
      }
    }
    let innermost: unknown = await thrown("cause", 50, true);
    while (!(innermost instanceof RangeError)) innermost = (innermost as Error).cause;
    assertEquals([innermost.message, Object.keys(innermost)], ["innermost", []]);
    assertInstanceOf(innermost.cause, RemoteError);
  });

  test("a result that throws null when it is read is one call's error (CPython hangs)", async () => {
    await using pool = poolOf(1);
    for (const thrown of [null, undefined, "no"]) {
      const shown = `Cannot read the result of "sour": ${Deno.inspect(thrown)} was thrown`;
      const error = await assertRejects(() => pool.apply(targets.sour, [thrown]), RemoteError, shown);
      assertEquals(error.cause, thrown);
    }
    const results = pool.imap(targets.sour, [null]);
    await assertRejects(() => results.next(), RemoteError, "null was thrown");
    assertEquals(await pool.apply(targets.square, [3]), 9);
    assertEquals(pool.stats().restarts, 0);
  });

  test("an error keeps its class, which a module exports that only the worker had imported", async () => {
    // In a tree of its own: in one with a cage, nothing is imported for a message's sake.
    assertEquals(await outputOf(new URL("pool/pool_error_classes.ts", FIXTURES), { args: [method] }), "kept\n");
  });

  test("TestPoolWorkerErrors.test_async_error_callback: the error goes to errorCallback, and get() throws it", async () => {
    await using pool = poolOf(2);
    const seen: unknown[] = [];
    const result = pool.applyAsync(targets.fail, ["once"], { errorCallback: (error) => seen.push(error) });
    const error = await assertRejects(() => result.get(), RangeError, "once");
    assertEquals(seen, [error]);
    assertEquals(result.successful(), false);
  });

  test("TestPoolWorkerErrors.test_unpickleable_result: MaybeEncodingError, 20 times, and no worker is lost", async () => {
    await using pool = poolOf(2);
    for (let i = 0; i < 20; i++) {
      const error = await assertRejects(() => pool.apply(targets.unsendable), MaybeEncodingError);
      assertMatch(error.message, /^Error sending result: '.*callback.*'\. Reason: '.*function.*'$/);
      assertStringIncludes(error.value, "callback");
    }
    await assertRejects(() => pool.map(targets.unsendableThree, [1, 2, 3]), MaybeEncodingError, "Error sending result");
    const results = pool.imap(targets.unsendableThree, [1, 3, 2], { chunksize: 3 });
    assertEquals((await results.next()).value, 1);
    await assertRejects(() => results.next(), MaybeEncodingError);
    assertEquals((await results.next()).value, 2);
    assertEquals(pool.stats().restarts, 0);
  });

  test("a result of a class that only the worker has is one call's error (CPython hangs)", async () => {
    await using pool = poolOf(1);
    for (let i = 0; i < 3; i++) {
      await assertRejects(() => pool.apply(targets.secret), RemoteError, 'Cannot read the result of "secret"');
    }
    assertEquals(await pool.apply(targets.square, [3]), 9);
    assertEquals(pool.stats().restarts, 0);
  });

  test("an error with something of a class that only the worker has arrives as text (CPython hangs)", async () => {
    await using pool = poolOf(1);
    const error = await assertRejects(() => pool.apply(targets.failSecretly), RemoteError);
    assertEquals(error.message, "Error: with something");
    assertStringIncludes(error.remoteStack, "hidden");
    assertEquals(await pool.apply(targets.square, [3]), 9);
  });

  test("TestPool.test_map_unplicklable: arguments that cannot be serialised fail the call", async () => {
    await using pool = poolOf(2);
    const bad = () => {};
    const same = targets.same<unknown>;
    await assertRejects(() => pool.apply(same, [bad]), TypeError, "function");
    await assertRejects(() => pool.map(same, [1, bad, 2], { chunksize: 1 }), TypeError, "function");
    await assertRejects(() => pool.map(same, Array(100).fill(bad)), TypeError, "function");
    for (const chunksize of [1, 3]) {
      const results = pool.imap(same, [1, bad, 2], { chunksize });
      assertEquals((await results.next()).value, 1);
      await assertRejects(() => results.next(), TypeError, "function");
      assertEquals([(await results.next()).value, (await results.next()).done], [2, true]);
    }
    assertEquals(await pool.apply(targets.square, [3]), 9);
  });

  test("functions that workers cannot find are refused", async () => {
    await using pool = poolOf(1);
    await assertRejects(() => pool.apply(unexported), TypeError, "unexported");
    await assertRejects(() => pool.map((x: number) => x, [1]), TypeError, "Cannot run");
    await assertRejects(() => pool.map(targets.add.bind(null, 1), [1]), TypeError, "bound");
    assertThrows(() => pool.imap((x: number) => x, [1]), TypeError, "Cannot run");
    assertThrows(() => pool.applyAsync(() => 1), TypeError, "Cannot run");
    const missing = { module: new URL("../fixtures/pool/pool_targets.ts", import.meta.url), name: "missing" };
    await assertRejects(() => pool.apply(missing), TypeError, "exports no function of this name");
    await assertRejects(() => pool.apply({ module: "file:///nowhere.ts", name: "f" }), TypeError, "Cannot run");
    await assertRejects(() => pool.apply("square" as never), TypeError, "wanted a function");
    assertEquals(await pool.apply(targets.square, [3]), 9);
  });

  test("of a map that fails all other chunks are worked on, and the first error to come is thrown", async () => {
    await using pool = poolOf(1);
    await assertRejects(() => pool.map(targets.squareNotThree, [3, 1, 2, 4], { chunksize: 1 }), RangeError, "three");
    assertEquals(pool.stats().done, 3);
    await assertRejects(() => pool.map(targets.squareNotThree, [3, 3, 1], { chunksize: 2 }), RangeError, "three");
    assertEquals(pool.stats().done, 4);
  });

  test("a pool cannot be sent", async () => {
    await using pool = poolOf(1);
    await assertRejects(() => pool.apply(targets.same<unknown>, [pool]), TypeError, "Pool");
    assert(pool instanceof Pool);
  });
}
