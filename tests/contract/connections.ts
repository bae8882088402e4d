// The contract suite: pipes.

import { assert, assertEquals, assertThrows } from "@std/assert";
import * as targets from "../fixtures/context/contract_targets.ts";
import { run, type Suite, timeout } from "./suite.ts";

export function connections({ test }: Suite): void {
  test("a pipe carries values and bytes both ways, and ends", async (context) => {
    const [mine, yours] = context.Pipe();
    using _ = mine;
    await run(new context.Process({ target: targets.answer, args: [yours] }), async () => {
      yours.close();
      await mine.send([1n, "two"]);
      assertEquals(await mine.recv(), { got: [1n, "two"] });
      await mine.sendBytes(new Uint8Array([1, 2, 3]));
      assert(await mine.poll({ timeout }));
      assertEquals(await mine.recvBytes(), new Uint8Array([3, 2, 1]));
    });
    assertEquals(await Array.fromAsync(mine), []);
    assertEquals([yours.closed, mine.closed], [true, false]);
  });

  test("an end goes on through a queue; when its holder is killed, what it sent is there, and then the end", async (context) => {
    const [mine, yours] = context.Pipe<string, number | Uint8Array>();
    using _ = mine;
    using queue = new context.Queue<typeof yours>();
    using said = new context.Queue<string>();
    const sender = new context.Process({ target: targets.sendOn, args: [queue, said], daemon: true });
    sender.start();
    await queue.put(yours);
    assertEquals(await said.get({ timeout }), "sent");
    yours.close();
    sender.kill();
    assert(await sender.join({ timeout }));
    const expected = Array.from({ length: 10 }, (_, i) => i % 2 === 0 ? i : new Uint8Array(10_000).fill(i));
    assertEquals(await Array.fromAsync(mine), expected);
    assertThrows(() => mine.sendSync("still there?"), Deno.errors.BrokenPipe);
  });

  test("a one-way pipe receives at its first end and sends at its second", async (context) => {
    const [reader, writer] = context.Pipe({ duplex: false });
    using _ = reader;
    using __ = writer;
    assertEquals([reader.readable, reader.writable, writer.readable, writer.writable], [true, false, false, true]);
    writer.sendSync("one way");
    assertEquals(await reader.recv(), "one way");
    assertThrows(() => reader.sendSync("back"), Error);
  });
}
