// Connections within one process: what arrives, what is refused, what an abort costs.

import { BufferTooShort, EOFError, InvalidStateError, Lock } from "@parallel/multiprocessing";
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { native } from "../../src/native.ts";
import { openPipe } from "./pipes.ts";

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
