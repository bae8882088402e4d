import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import * as errors from "../src/errors.ts";

const samples: Record<keyof typeof errors, Error> = {
  ProcessError: new errors.ProcessError("told", { cause: 1 }),
  BufferTooShort: new errors.BufferTooShort("told", { bytes: new Uint8Array([1, 2]), cause: 1 }),
  AuthenticationError: new errors.AuthenticationError("told", { cause: 1 }),
  TimeoutError: new errors.TimeoutError("told", { cause: 1 }),
  Empty: new errors.Empty("told", { cause: 1 }),
  Full: new errors.Full("told", { cause: 1 }),
  ShutDown: new errors.ShutDown("told", { cause: 1 }),
  BrokenBarrierError: new errors.BrokenBarrierError("told", { cause: 1 }),
  RemoteError: new errors.RemoteError("told", { cause: 1 }),
  MaybeEncodingError: new errors.MaybeEncodingError("reason", "result", { cause: 1 }),
  EOFError: new errors.EOFError("told", { cause: 1 }),
  InvalidStateError: new errors.InvalidStateError("told", { cause: 1 }),
  OwnerDiedError: new errors.OwnerDiedError("told", { pid: 42, processName: "Process-1", cause: 1 }),
  WorkerLostError: new errors.WorkerLostError("told", { exitcode: -9, signal: "SIGKILL", pid: 42, cause: 1 }),
  EngineUnavailableError: new errors.EngineUnavailableError("told", { cause: 1 }),
  FencedError: new errors.FencedError("told", { cause: 1 }),
  StateLostError: new errors.StateLostError("told", { cause: 1 }),
  PythonError: new errors.PythonError("told", { type: "shop.SoldOut", args: ["tea"], cause: 1 }),
};

Deno.test("errors: every class is sampled here", () => {
  assertEquals(Object.keys(samples).sort(), Object.keys(errors).sort());
});

for (const [name, error] of Object.entries(samples)) {
  Deno.test(`errors: ${name} is a ProcessError that shows its name, message, cause and stack`, () => {
    assertInstanceOf(error, errors.ProcessError);
    assertEquals([error.name, error.constructor.name, error.cause], [name, name, 1]);
    assertEquals(String(error), `${name}: ${error.message}`);
    assert(error.stack?.startsWith(String(error)), error.stack);
    assertEquals(Object.hasOwn(error, "name"), false);
  });
}

Deno.test("errors: a subclass of a user's own may take another name", () => {
  class StockEmpty extends errors.Empty {
    override name = "StockEmpty";
  }
  assertEquals(String(new StockEmpty("no bolts left")), "StockEmpty: no bolts left");
  assertInstanceOf(new StockEmpty(""), errors.Empty);
});

Deno.test("BufferTooShort: carries the very message, not a copy", () => {
  const bytes = new Uint8Array([1, 2, 3]);
  assertStrictEquals(new errors.BufferTooShort("too short", { bytes }).bytes, bytes);
});

Deno.test("MaybeEncodingError: words its message as Python does", () => {
  const { message, exc, value } = new errors.MaybeEncodingError("reason", "result");
  assertEquals([message, exc, value], ["Error sending result: 'result'. Reason: 'reason'", "reason", "result"]);
});

Deno.test("OwnerDiedError: names the dead holder, or nobody", () => {
  const { pid, processName, exitcode } = new errors.OwnerDiedError("died", { pid: 42, processName: null });
  assertEquals([pid, processName, exitcode], [42, null, null]);
  assertEquals(new errors.OwnerDiedError("died", { pid: 42, processName: "P", exitcode: -9 }).exitcode, -9);
  assertEquals(new errors.OwnerDiedError("died", { pid: 42, processName: "P" }).host, null);
  assertEquals(new errors.OwnerDiedError("died", { pid: 42, processName: "P", host: "east" }).host, "east");
});

Deno.test("WorkerLostError: tells how the worker ended", () => {
  const { exitcode, signal, pid } = new errors.WorkerLostError("lost", { exitcode: 3, signal: null, pid: 42 });
  assertEquals([exitcode, signal, pid], [3, null, 42]);
  const { host } = new errors.WorkerLostError("lost", { exitcode: 3, signal: null, pid: 42, host: "east" });
  assertEquals(host, "east");
});
