// Connections within one process: what arrives, what is refused, what an abort costs.

import { BufferTooShort, EOFError, InvalidStateError, Lock, Pipe, Process } from "@parallel/multiprocessing";
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { native } from "../../src/addon/load.ts";
import {
  echo,
  echoAsync,
  echoThroughSignals,
  pollOnly,
  sendLock,
  stopInMessage,
} from "../fixtures/connection/connection_targets.ts";
import { begin } from "../support/children.ts";
import { assertNothingLeft, belongings, until } from "../support/helpers.ts";
import { openPipe, startReactor } from "../support/pipes.ts";

Deno.test.beforeAll(begin);

const text = (value: string) => new TextEncoder().encode(value);

/** Bytes of which no two neighbours are alike. */
const patterned = (size: number) => Uint8Array.from({ length: size }, (_, index) => index * 31 + (index >> 8));

/** How long a message may be that passes through the kernel's buffers without a reader. */
const SIZES = [0, 1, 2, 16384, 16385, 65520, 65521, 65536, 65537];

for (const duplex of [true, false]) {
  const what = duplex ? "a socket" : "a one-way pipe";

  Deno.test(`messages of boundary sizes arrive through ${what}, in order and apart (TestPoll.test_dont_merge)`, async () => {
    using pipe = openPipe(duplex);
    for (const size of [...SIZES, 1 << 20]) {
      const bytes = patterned(size);
      const sent = Promise.all([pipe.b.sendBytes(bytes), pipe.b.send(bytes), pipe.b.sendBytes(bytes)]);
      sent.catch(() => {});
      assertEquals(await pipe.a.recvBytes(), bytes);
      assertEquals(await pipe.a.recv(), bytes);
      assert(await pipe.a.poll({ timeout: null }));
      assertEquals(pipe.a.recvBytesSync(), bytes);
      await sent;
      assertEquals(await pipe.a.poll(), false);
      assertEquals(pipe.a.pollSync(), false);
    }
  });

  Deno.test(`the other end of ${what} is closed: poll is true, recv is EOFError, readable stays (TestConnection.test_connection)`, async () => {
    using pipe = openPipe(duplex);
    pipe.b.sendSync("last");
    pipe.b.close();
    assert(pipe.a.pollSync());
    assertEquals(pipe.a.recvSync(), "last");
    assert(pipe.a.pollSync());
    assert(await pipe.a.poll({ timeout: null }));
    assertThrows(() => pipe.a.recvSync(), EOFError);
    await assertRejects(() => pipe.a.recvBytes(), EOFError);
    assertEquals([pipe.a.readable, pipe.a.writable], [true, duplex]);
  });

  Deno.test(`writing to ${what} whose other end is closed is BrokenPipe`, async () => {
    using pipe = openPipe(duplex);
    pipe.a.close();
    assertThrows(() => pipe.b.sendSync(1), Deno.errors.BrokenPipe);
    await assertRejects(() => pipe.b.sendBytes(new Uint8Array(1 << 20)), Deno.errors.BrokenPipe);
  });
}

Deno.test("a shared object in a message outlives its sender's handle", () => {
  using pipe = openPipe();
  const { blocks } = native().memoryUsage();
  const lock = new Lock();
  pipe.a.sendSync({ lock, again: lock });
  lock[Symbol.dispose]?.();
  const received = pipe.b.recvSync() as { lock: Lock; again: Lock };
  assertStrictEquals(received.lock, received.again);
  using _ = received.lock.acquireSync();
  assert(native().memoryUsage().blocks > blocks);
});

Deno.test("an aborted receive loses nothing; a second one waits its turn", async () => {
  using pipe = openPipe();
  const controller = new AbortController();
  const aborted = pipe.a.recv({ signal: controller.signal });
  const next = pipe.a.recv();
  controller.abort("enough");
  await aborted.then(() => assert(false), (reason) => assertEquals(reason, "enough"));
  pipe.b.sendSync(1);
  assertEquals(await next, 1);
});

Deno.test("both sides send 64 MiB at once: no deadlock", async () => {
  using pipe = openPipe();
  const bytes = new Uint8Array(64 << 20).fill(7);
  const [, , atA, atB] = await Promise.all([
    pipe.a.sendBytes(bytes),
    pipe.b.sendBytes(bytes),
    pipe.a.recvBytes(),
    pipe.b.recvBytes(),
  ]);
  assertEquals([atA.length, atB.length], [bytes.length, bytes.length]);
});

Deno.test("a message too long for the buffer is in the error (TestConnection.test_connection)", () => {
  using pipe = openPipe();
  pipe.b.sendBytesSync(text("hello"));
  const error = assertThrows(() => pipe.a.recvBytesIntoSync(new Uint8Array(4)), BufferTooShort) as BufferTooShort;
  assertEquals(error.bytes, text("hello"));
  pipe.b.sendBytesSync(text("hello"));
  const target = new Uint8Array(8);
  assertEquals(pipe.a.recvBytesIntoSync(target, { offset: 3 }), 5);
  assertEquals(target, text("\0\0\0hello"));
});

Deno.test("closed: every use is an InvalidStateError, closing again nothing (TestConnection.test_context)", async () => {
  using pipe = openPipe();
  const waiting = pipe.a.recv();
  pipe.a.close();
  pipe.a.close();
  await assertRejects(() => waiting, InvalidStateError, "closed");
  assertThrows(() => pipe.a.recvSync(), InvalidStateError, "handle is closed");
});

for (const [what, run] of Object.entries({ echo, echoAsync })) {
  Deno.test(`TestConnection.test_connection: objects, bytes and 16 MiB echo from a child (${what})`, async () => {
    startReactor();
    const before = belongings();
    const [ours, theirs] = Pipe();
    const child = new Process({ target: run, args: [theirs, "values"] });
    child.start();
    theirs.close();
    assertEquals([ours.pollSync(), await ours.poll()], [false, false]);
    const begin = performance.now();
    assertEquals(await ours.poll({ timeout: 50 }), false);
    assertEquals(ours.pollSync({ timeout: 50 }), false);
    assert(performance.now() - begin >= 99);
    for (const value of [1, null, undefined, "text", { a: [1, 2n] }, new Map([[1, -0]]), patterned(16 << 20)]) {
      await ours.send(value);
      assert(await ours.poll({ timeout: null }));
      assertEquals(await ours.recv(), value);
      if (value instanceof Uint8Array) continue; // both sides blocked in a send of that size would wait for each other
      ours.sendSync(value);
      assert(ours.pollSync({ timeout: null }));
      assertEquals(ours.recvSync(), value);
    }
    ours.close();
    await child.join();
    assertEquals(child.exitcode, 0);
    child.close();
    await assertNothingLeft(before);
  });
}

Deno.test("TestConnection.test_duplex_false: flags, data, and errors for the wrong direction", async () => {
  using pipe = openPipe(false);
  const { a: reader, b: writer } = pipe;
  assertEquals([reader.readable, reader.writable, writer.readable, writer.writable], [true, false, false, true]);
  writer.sendSync(1);
  assertEquals(reader.recvSync(), 1);
  const wrong = [
    () => reader.sendSync(2),
    () => reader.sendBytesSync(new Uint8Array(1)),
    () => reader.send(2),
    () => reader.sendBytes(new Uint8Array(1)),
    () => writer.recvSync(),
    () => writer.recvBytesSync(),
    () => writer.recvBytesIntoSync(new Uint8Array(1)),
    () => writer.pollSync(),
    () => writer.recv(),
    () => writer.recvBytes(),
    () => writer.recvBytesInto(new Uint8Array(1)),
    () => writer.poll(),
  ];
  for (const use of wrong) {
    await assertRejects(async () => await use(), InvalidStateError, "connection is ");
  }
  assertEquals(`${reader} ${writer}`, "<Connection(read-only)> <Connection(write-only)>");
});

Deno.test("TestConnection.test_sendbytes: the chosen part of the bytes arrives, five bad choices are refused", async () => {
  using pipe = openPipe();
  const bytes = text("abcdefghijklmnopqrstuvwxyz");
  const parts: [offset: number | undefined, size: number | undefined, wanted: string][] = [
    [undefined, undefined, "abcdefghijklmnopqrstuvwxyz"],
    [5, undefined, "fghijklmnopqrstuvwxyz"],
    [7, 8, "hijklmno"],
    [undefined, 3, "abc"],
    [26, undefined, ""],
    [26, 0, ""],
  ];
  for (const [offset, size, wanted] of parts) {
    pipe.a.sendBytesSync(bytes, { offset, size });
    assertEquals(pipe.b.recvBytesSync(), text(wanted));
    await pipe.a.sendBytes(bytes.buffer, { offset, size });
    assertEquals(await pipe.b.recvBytes(), text(wanted));
  }
  const bad: [options: { offset?: unknown; size?: unknown }, words: string][] = [
    [{ offset: 27 }, "buffer length < offset"],
    [{ offset: 22, size: 5 }, "buffer length < offset + size"],
    [{ offset: 26, size: 1 }, "buffer length < offset + size"],
    [{ offset: -1 }, '"offset" is -1'],
    [{ offset: 4, size: -1 }, '"size" is -1'],
    [{ offset: 0.5 }, '"offset" is 0.5'],
    [{ offset: NaN }, '"offset" is NaN'],
    [{ size: Infinity }, '"size" is Infinity'],
  ];
  for (const [options, words] of bad) {
    assertThrows(() => pipe.a.sendBytesSync(bytes, options as { offset: number }), RangeError, words);
    await assertRejects(() => pipe.a.sendBytes(bytes, options as { offset: number }), RangeError, words);
  }
  const size = "3" as unknown as number;
  assertThrows(
    () => pipe.a.sendBytesSync(bytes, { size }),
    TypeError,
    '"size" is "3", wanted a whole number from 0 on',
  );
  await assertRejects(() => pipe.a.sendBytes(bytes, { size }), TypeError, '"size" is "3"');
  for (const wrong of [null, undefined, "text", 3, [1], {}]) {
    assertThrows(() => pipe.a.sendBytesSync(wrong as unknown as Uint8Array), TypeError, "Cannot send bytes");
  }
  for (const offset of [-1, 0.5, 27, NaN]) {
    assertThrows(() => pipe.b.recvBytesIntoSync(bytes, { offset }), RangeError, "Cannot receive");
  }
  assertEquals(pipe.b.pollSync(), false);
});

Deno.test("bytes of every kind of view are sent as they lie", () => {
  using pipe = openPipe();
  const whole = Uint8Array.from({ length: 16 }, (_, i) => i);
  const views = [
    new DataView(whole.buffer, 2, 4),
    new Uint16Array(whole.buffer, 4, 3),
    new BigInt64Array(whole.buffer, 8, 1),
    whole.subarray(3, 3),
  ];
  for (const view of views) {
    pipe.a.sendBytesSync(view);
    assertEquals(pipe.b.recvBytesSync(), whole.slice(view.byteOffset, view.byteOffset + view.byteLength));
  }
  const shared = new Uint8Array(new SharedArrayBuffer(4)).fill(5);
  pipe.a.sendBytesSync(shared.buffer);
  assertEquals(pipe.b.recvBytesIntoSync(shared, { offset: 0 }), 4);
});

Deno.test("a message longer than maxlength poisons: duplex ends only send then, read-only ends are closed", async () => {
  for (const duplex of [true, false]) {
    for (const sync of [true, false]) {
      using pipe = openPipe(duplex);
      pipe.b.sendBytesSync(text("four"));
      assertEquals(pipe.a.recvBytesSync({ maxlength: 4 }), text("four"));
      pipe.b.sendBytesSync(text("fives"));
      const receive = async () =>
        sync ? pipe.a.recvBytesSync({ maxlength: 4 }) : await pipe.a.recvBytes({ maxlength: 4 });
      await assertRejects(receive, Deno.errors.InvalidData, "bad message length");
      assertEquals([pipe.a.readable, pipe.a.closed], duplex ? [false, false] : [true, true]);
      assertThrows(() => pipe.a.recvSync(), InvalidStateError);
      if (duplex) pipe.a.sendSync(1);
      for (const maxlength of [-1, 0.5, NaN]) {
        await assertRejects(() => pipe.b.recvBytes({ maxlength }), RangeError, '"maxlength" is');
      }
    }
  }
});

Deno.test("TestPoll.test_boundaries: polling in another process eats no part of a message", async () => {
  using pipe = openPipe();
  using orders = openPipe();
  const child = new Process({ target: pollOnly, args: [pipe.b, orders.b] });
  child.start();
  assertEquals(await orders.a.recv(), "polling");
  for (let i = 0; i < 1000; i++) {
    pipe.a.sendBytesSync(patterned(i));
    assertEquals(pipe.b.recvBytesSync(), patterned(i));
  }
  orders.a.sendSync("end");
  await child.join();
  assertEquals(child.exitcode, 0);
  child.close();
});

/** Sends ten signals to a process whose main thread sleeps, each once the one before was delivered. */
async function signalInSleep(pid: number): Promise<void> {
  const USR1 = 1n << 9n;
  const field = (name: string) => Deno.readTextFileSync(`/proc/${pid}/status`).match(`${name}:\\s*(\\w+)`)?.[1] ?? "";
  for (let i = 0; i < 10; i++) {
    await until("the process asleep", () => field("State") === "S");
    Deno.kill(pid, "SIGUSR1");
    await until("the signal delivered", () => (BigInt("0x" + field("ShdPnd")) & USR1) === 0n);
  }
}

Deno.test("TestIgnoreEINTR.test_ignore: signals with a handler break neither a receive nor a large send", async () => {
  startReactor();
  const [ours, theirs] = Pipe();
  const child = new Process({ target: echoThroughSignals, args: [theirs, 4 << 20] });
  child.start();
  theirs.close();
  assertEquals(await ours.recv(), "ready");
  const { pid } = child;
  await signalInSleep(pid!); // in a receive
  await ours.send("go on");
  await signalInSleep(pid!); // in the send, for which there is no room
  const bytes = await ours.recvBytes();
  assertEquals(bytes.length, 4 << 20);
  await ours.send("end");
  await child.join();
  assertEquals(child.exitcode, 0);
  child.close();
  ours.close();
});

Deno.test("a peer that is killed inside a message: what waits for the rest is told, and so is who writes", async () => {
  for (const sync of [true, false]) {
    const [ours, theirs] = Pipe();
    const child = new Process({ target: stopInMessage, args: [theirs, 64 << 20] });
    child.start();
    theirs.close();
    await ours.poll({ timeout: null });
    const receive = async () => sync ? ours.recvBytesSync() : await ours.recvBytes();
    const received = sync ? undefined : receive();
    received?.catch(() => {});
    if (sync) {
      child.kill();
      await child.join();
    }
    const told = assertRejects(
      () => received ?? receive(),
      Deno.errors.UnexpectedEof,
      "got end of file during message",
    );
    if (!sync) child.kill();
    await told;
    assertThrows(() => ours.recvSync(), EOFError);
    assertThrows(() => ours.sendSync(1), Deno.errors.BrokenPipe);
    await child.join();
    child.close();
    ours.close();
  }
});

Deno.test("a shared object that only a dead sender had arrives nevertheless", async () => {
  const [ours, theirs] = Pipe();
  const child = new Process({ target: sendLock, args: [theirs, new Lock()] });
  child.start();
  await child.join();
  const { lock } = ours.recvSync() as { lock: Lock };
  using guard = lock.acquireSync();
  assert(guard);
  child.close();
  ours.close();
  theirs.close();
});

Deno.test("an aborted send has sent nothing, or the other end gets all of it and then the next", async () => {
  using pipe = openPipe();
  const large = patterned(8 << 20);
  const begun = new AbortController();
  const queued = new AbortController();
  const sends = [
    pipe.a.sendBytes(large, { signal: begun.signal }),
    pipe.a.sendBytes(text("never seen"), { signal: queued.signal }),
    pipe.a.sendBytes(text("next")),
  ];
  const outcomes = Promise.allSettled(sends);
  begun.abort("begun");
  queued.abort("queued");
  assertThrows(() => pipe.a.sendSync(1), InvalidStateError, "an asynchronous send is not finished");
  assertEquals(await pipe.b.recvBytes(), large);
  assertEquals(await pipe.b.recvBytes(), text("next"));
  assertEquals((await outcomes).map((it) => it.status === "rejected" ? it.reason : it.status), [
    "begun",
    "queued",
    "fulfilled",
  ]);
  assertEquals(await pipe.b.poll(), false);
  pipe.a.sendSync("and the blocking way is free again");
});

Deno.test("sends and receives that wait keep the order of their calls", async () => {
  using pipe = openPipe();
  const numbers = Array.from({ length: 200 }, (_, i) => i);
  const received = Promise.all(numbers.map(() => pipe.b.recv()));
  assertThrows(() => pipe.b.recvSync(), InvalidStateError, "an asynchronous receive is not finished");
  const padding = new Uint8Array(10_000);
  await Promise.all(numbers.map((number) => pipe.a.send([number, padding])));
  assertEquals((await received).map((it) => (it as [number])[0]), numbers);
});

Deno.test("what cannot be serialised throws and sends nothing", async () => {
  using pipe = openPipe();
  assertThrows(() => pipe.a.sendSync([1, () => 2]), TypeError, "Cannot serialise");
  await assertRejects(() => pipe.a.send({ f: Symbol("s") }), TypeError, "Cannot serialise");
  pipe.a.sendBytesSync(new Uint8Array([0xc1, 0xff, 0xff, 0xff, 0xff]));
  assertThrows(() => pipe.b.recvSync(), RangeError, "Cannot read message");
  pipe.a.sendBytesSync(new Uint8Array(0));
  assertThrows(() => pipe.b.recvSync(), RangeError);
  assertEquals(pipe.b.pollSync(), false);
});

Deno.test("the arguments of Pipe are checked", () => {
  for (const duplex of [0, "yes", null]) {
    assertThrows(() => Pipe({ duplex } as unknown as { duplex: boolean }), TypeError, '"duplex" is');
  }
});

Deno.test("messages that are always ready leave the event loop its share: timers run between sends and receives", async () => {
  using pipe = openPipe();
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  const bytes = new Uint8Array(64);
  // In one turn of the loop, each of these would be zero.
  const exchanges = {
    send: async () => {
      await pipe.a.send(1);
      pipe.b.recvSync();
    },
    sendBytes: async () => {
      await pipe.a.sendBytes(bytes);
      pipe.b.recvBytesSync();
    },
    recv: async () => {
      pipe.a.sendSync(1);
      await pipe.b.recv();
    },
    recvBytes: async () => {
      pipe.a.sendBytesSync(bytes);
      await pipe.b.recvBytes();
    },
  };
  for (const [what, exchange] of Object.entries(exchanges)) {
    ticks = 0;
    for (const end = performance.now() + 200; performance.now() < end;) await exchange();
    assert(ticks >= 2, `${ticks} ticks during ${what}`);
  }
  clearInterval(timer);
});

Deno.test("what the options must be is said", async () => {
  using pipe = openPipe();
  const { a } = pipe;
  for (const wrong of [null, 5, "x"]) {
    const options = wrong as unknown as undefined;
    const bytes = new Uint8Array(1);
    for (
      const call of [
        () => a.send(1, options),
        () => a.sendBytes(bytes, options),
        () => a.recv(options),
        () => a.recvBytes(options),
        () => a.recvBytesInto(bytes, options),
        () => a.poll(options),
      ]
    ) await assertRejects(call, TypeError, "the options are");
    for (
      const call of [
        () => a.sendBytesSync(bytes, options),
        () => a.recvBytesSync(options),
        () => a.recvBytesIntoSync(bytes, options),
        () => a.pollSync(options),
      ]
    ) assertThrows(call, TypeError, "the options are");
  }
  assertEquals(pipe.b.pollSync(), false);
});
