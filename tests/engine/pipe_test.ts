// Pipes in an engine: what one process sees of them.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { RemoteConnection } from "../../src/engine/connection.ts";
import { RemoteEvent } from "../../src/engine/event.ts";
import { remotePipe } from "../../src/engine/pipe.ts";
import { RemoteQueue } from "../../src/engine/queue.ts";
import type { Session } from "../../src/engine/session.ts";
import { BufferTooShort, EOFError, InvalidStateError, Lock, Pipe } from "../../mod.ts";
import { type Engine, engineTest } from "../support/engine.ts";
import { until, within } from "../support/helpers.ts";
import { rootOf } from "../support/sessions.ts";

function pipeTest(name: string, run: (session: Session, engine: Engine) => Promise<void> | void): void {
  engineTest(`pipe on an engine: ${name}`, async (engine) => {
    const session = rootOf(engine);
    try {
      await run(session, engine);
    } finally {
      session.close();
    }
  });
}

const text = (it: string) => new TextEncoder().encode(it);

/** Waits until of pipes nothing is left but the ends themselves, and who has ever received there. */
async function nothingLies(engine: Engine): Promise<void> {
  const parts = async () => (await engine.treeKeys()).filter((key) => /o:\d+:(?!d$)/.test(key));
  await until("nothing to lie there", async () => (await parts()).length === 0).catch(async () => {
    assertEquals(await parts(), []);
  });
}

pipeTest("values and bytes both ways, by promises and in threads that block", async (session) => {
  const [a, b] = remotePipe<unknown>(session);
  using _ = a;
  using __ = b;
  const values = [undefined, null, 1, "text", { deep: [new Map([[1, 2n]])] }, new Uint8Array([1, 2, 3]), new Date(0)];
  for (const value of values) await a.send(value);
  for (const value of values) assertEquals(await b.recv(), value);
  for (const value of values) b.sendSync(value);
  for (const value of values) assertEquals(a.recvSync(), value);
  await a.sendBytes(text("some bytes"), { offset: 5, size: 4 });
  a.sendBytesSync(text("more"));
  assertEquals(await b.recvBytes(), text("byte"));
  assertEquals(b.recvBytesSync({ maxlength: 4 }), text("more"));
  const room = new Uint8Array(6);
  for (const it of ["ab", "cd"]) a.sendBytes(text(it));
  assertEquals(await b.recvBytesInto(room, { offset: 1 }), 2);
  assertEquals(b.recvBytesIntoSync(room, { offset: 3 }), 2);
  assertEquals(room, text("\0abcd\0"));
  a.sendBytesSync(new Uint8Array());
  assertEquals(b.recvBytesSync().length, 0);
  a.sendBytesSync(text("no value"));
  assertThrows(() => b.recvSync(), RangeError);
  assertEquals([`${a}`, a.closed, a.readable, a.writable], ["<Connection(duplex)>", false, true, true]);
});

pipeTest("promised messages come in the order of the calls, however many", async (session) => {
  const [a, b] = remotePipe<number>(session);
  const sent = Array.from({ length: 500 }, (_, i) => a.send(i));
  const got = Array.from({ length: 250 }, () => b.recv());
  assertEquals(await Promise.all(got), Array.from({ length: 250 }, (_, i) => i));
  await Promise.all(sent);
  a.close();
  assertEquals((await Array.fromAsync(b)).length, 250);
  b.close();
});

pipeTest("long messages travel in pieces, wait for room, and leave nothing", async (session, engine) => {
  const [a, b] = remotePipe<Uint8Array>(session);
  const lengths = [65_000, 65_536, 2 ** 20, 3 * 2 ** 20 + 1];
  const values = lengths.map((length) => new Uint8Array(length).map((_, i) => i * 7));
  const sent = values.map((value) => a.send(value));
  for (const value of values) assertEquals(await b.recv(), value);
  await Promise.all(sent);
  for (const value of values) {
    a.sendBytesSync(value);
    assertEquals(b.recvBytesSync(), value);
  }
  assert(!await b.poll()); // and what has arrived has been told
  await nothingLies(engine);
  // The first is there, the second with the engine, the third still here.
  const aborts = values.slice(1).map(() => new AbortController());
  const waiting = [values[3], values[2], values[3]].map((value, i) => a.send(value, { signal: aborts[i].signal }));
  const late = a.send(values[0]);
  const aborted = [
    assertRejects(() => waiting[1], Error, "never mind"),
    assertRejects(() => waiting[2], Error, "nor this"),
  ];
  aborts[1].abort(new Error("never mind"));
  aborts[2].abort(new Error("nor this"));
  await Promise.all(aborted);
  assertEquals((await b.recv()).length, lengths[3]);
  assertEquals((await b.recv()).length, lengths[0]);
  await Promise.all([waiting[0], late]);
  await assertRejects(() => b.recv({ signal: AbortSignal.timeout(5) }), DOMException);
  await nothingLies(engine);
  a.close();
  b.close();
});

pipeTest("who waits to send is let in by each receive, and none overtakes", async (session) => {
  const [a, b] = remotePipe<[number, string]>(session);
  const filling = "x".repeat(60_000);
  const sent = Array.from({ length: 60 }, (_, i) => a.send([i, filling]));
  const first = await Promise.race([sent[0].then(() => "sent"), sent[59].then(() => "all")]);
  assertEquals(first, "sent");
  assertThrows(() => a.sendSync([60, ""]), InvalidStateError, "an asynchronous send is not finished");
  for (let i = 0; i < 60; i++) assertEquals((await b.recv())[0], i);
  await Promise.all(sent);
  a.sendSync([60, ""]);
  assertEquals(b.recvSync()[0], 60);
  a.close();
  b.close();
});

pipeTest("the end of one end is the end for the other", async (session) => {
  const [a, b] = remotePipe<string>(session);
  await a.send("last");
  const [pending, looking] = [b.recv().then(() => b.recv()), b.poll({ timeout: null })];
  a.close();
  a.close();
  assertEquals(`${a}`, "<Connection(closed)>");
  await assertRejects(() => within(pending), EOFError, "Cannot receive: the other end is closed");
  assert(await looking);
  assert(await b.poll() && b.pollSync({ timeout: null }), "the end is something to receive");
  assertThrows(() => b.recvSync(), EOFError);
  assertEquals(await Array.fromAsync(b), []);
  const broken = "Cannot send: the other end is closed";
  await assertRejects(() => b.send("x"), Deno.errors.BrokenPipe, broken);
  await assertRejects(() => b.sendBytes(new Uint8Array(1 << 20)), Deno.errors.BrokenPipe, broken);
  assertThrows(() => b.sendSync("x"), Deno.errors.BrokenPipe, broken);
  for (const use of [() => a.sendSync("x"), () => a.recvSync(), () => a.pollSync()]) {
    assertThrows(use, InvalidStateError, "the handle is closed");
  }
  await assertRejects(() => a.recv(), InvalidStateError, "Cannot receive from the connection: the handle is closed");
  b.close();
});

pipeTest("an end that is closed is so for whoever blocks then, in the same thread", (session) => {
  const [a, b] = remotePipe<string>(session);
  a.sendSync("last");
  a.close();
  assertEquals(b.recvSync(), "last");
  assertThrows(() => b.recvSync(), EOFError);
  assertThrows(() => b.sendSync("x"), Deno.errors.BrokenPipe);
  b.close();
});

pipeTest("polls see what is there, and take nothing", async (session) => {
  const [a, b] = remotePipe<number>(session);
  assert(!await b.poll() && !b.pollSync());
  assert(!await b.poll({ timeout: 5 }) && !b.pollSync({ timeout: 5 }));
  const [one, two] = [b.poll({ timeout: null }), b.poll({ timeout: null })];
  a.sendSync(1);
  assert(await within(one) && await within(two) && b.pollSync({ timeout: null }));
  assertEquals(b.recvSync(), 1);
  assert(!b.pollSync());
  const abort = new AbortController();
  const aborted = b.poll({ timeout: null, signal: abort.signal });
  abort.abort(new Error("enough"));
  await assertRejects(() => aborted, Error, "enough");
  const closed = b.poll({ timeout: null });
  b.close();
  await assertRejects(() => within(closed), InvalidStateError, "the connection is closed");
  a.close();
});

pipeTest("what an aborted or closed receive has got all the same is the next to be received", async (session) => {
  const [a, b] = remotePipe<number>(session);
  for (let i = 0; i < 50; i++) {
    const abort = new AbortController();
    const got = b.recv({ signal: abort.signal });
    a.sendSync(i);
    abort.abort(new Error("too late"));
    assertEquals(await got.catch(() => null) ?? await b.recv(), i);
  }
  const [waiting, behind] = [b.recv(), b.recv()];
  assertThrows(() => b.recvSync(), InvalidStateError, "an asynchronous receive is not finished");
  b.close();
  const both = [waiting, behind];
  await Promise.all(both.map((it) => assertRejects(() => within(it), InvalidStateError, "connection is closed")));
  a.close();
});

pipeTest("an aborted receive takes nothing out of the order, whatever has come meanwhile", async (session) => {
  const [a, b] = remotePipe<number>(session);
  for (let i = 0; i < 20; i++) {
    const abort = new AbortController();
    const got = b.recv({ signal: abort.signal });
    await session.send("close"); // it waits in the engine now
    for (const it of [1, 2]) a.sendSync(it);
    abort.abort(new Error("never mind"));
    const next = [b.recv(), b.recv()];
    await assertRejects(() => got, Error, "never mind");
    assertEquals(await Promise.all(next), [1, 2]);
  }
  a.close();
  b.close();
});

pipeTest("an end that is closed while a receive waits at it is so at once", async (session) => {
  const [a, b] = remotePipe<number>(session);
  const waiting = assertRejects(() => b.recv(), InvalidStateError, "connection is closed");
  await session.send("close"); // it waits in the engine now
  b.close();
  assert(a.pollSync(), "the end is something to receive");
  await waiting;
  a.close();
});

pipeTest("a message that is too long for its receiver", async (session) => {
  for (const duplex of [true, false]) {
    const [reader, writer] = remotePipe(session, { duplex });
    for (const it of ["twelve bytes", "twelve bytes", "next"]) writer.sendBytesSync(text(it));
    const error = await assertRejects(() => reader.recvBytesInto(new Uint8Array(5)), BufferTooShort, "has room for 5");
    assertEquals(error.bytes, text("twelve bytes"));
    await assertRejects(() => reader.recvBytes({ maxlength: 4 }), Deno.errors.InvalidData, "bad message length");
    assertEquals([reader.readable, reader.closed], [!duplex, !duplex]);
    assertThrows(() => reader.recvBytesSync(), InvalidStateError);
    if (duplex) await reader.send("it still sends");
    reader.close();
    writer.close();
  }
});

pipeTest("a one-way pipe, and what options it takes", async (session) => {
  const [reader, writer] = remotePipe<string>(session, { duplex: false });
  assertEquals([`${reader}`, `${writer}`], ["<Connection(read-only)>", "<Connection(write-only)>"]);
  await assertRejects(() => reader.send("x"), InvalidStateError, "Cannot send: connection is read-only");
  assertThrows(() => writer.pollSync(), InvalidStateError, "Cannot receive: connection is write-only");
  await writer.send("one way");
  writer.close();
  assertEquals(await Array.fromAsync(reader), ["one way"]);
  reader.close();
  // deno-lint-ignore no-explicit-any -- what the types forbid
  for (const wrong of [{ duplex: 1 }, { way: true }] as any[]) {
    assertThrows(() => remotePipe(session, wrong), TypeError, "Cannot create a pipe");
  }
});

pipeTest("ends and other objects of the engine travel; those of this machine do not", async (session, engine) => {
  const [a, b] = remotePipe<unknown>(session);
  using queue = new RemoteQueue<unknown>(session);
  {
    const [c, d] = remotePipe<unknown>(session);
    using event = new RemoteEvent(session);
    await a.send({ c, event });
    await queue.put(d);
    await c.send("before it left");
    for (const end of [c, d]) end.close();
  }
  const { c, event } = await b.recv() as { c: RemoteConnection<unknown>; event: RemoteEvent };
  const d = await queue.get() as RemoteConnection<unknown>;
  assert(d instanceof RemoteConnection);
  assertEquals(d.recvSync(), "before it left");
  event.set();
  await d.send("back");
  assertEquals(await c.recv(), "back");
  d.close();
  assertEquals(await Array.fromAsync(c), []);
  for (const it of [c, event]) it[Symbol.dispose]();
  using lock = new Lock();
  assertThrows(() => a.sendSync({ lock }), TypeError, "Lock");
  const [local, other] = Pipe();
  await assertRejects(() => a.send(local), TypeError, "Connection");
  await assertRejects(() => local.send(a), TypeError, "Connection");
  // Whoever takes the bytes alone has none of the objects.
  const [e, f] = remotePipe(session);
  await a.send(e);
  e.close();
  await b.recvBytes();
  await assertRejects(() => f.recv(), EOFError);
  for (const end of [local, other, f, a, b]) end.close();
  queue.close();
  assertEquals(session.step("close").refusal, null);
  await nothingLies(engine);
});

engineTest("pipe on an engine: a message beyond maxMessage is refused with a hint", async (engine) => {
  const session = rootOf(engine, { maxMessage: 1000 });
  const [a, b] = remotePipe<string>(session);
  const hint = "the context's maxMessage is 1000; put large data where";
  assertThrows(() => a.sendSync("x".repeat(1000)), RangeError, `Cannot send a value of`);
  await assertRejects(() => a.send("x".repeat(1000)), RangeError, hint);
  await assertRejects(() => a.sendBytes(new Uint8Array(1001)), RangeError, hint);
  await a.sendBytes(new Uint8Array(1000));
  assertEquals((await b.recvBytes()).length, 1000);
  for (const end of [a, b]) end.close();
  session.close();
});
