// What processes write, where it goes, and that all of it arrives.

import { InvalidStateError, Queue } from "@parallel/multiprocessing";
import { assert, assertEquals, assertMatch, assertStrictEquals, assertStringIncludes, assertThrows } from "@std/assert";
import * as targets from "../fixtures/process/output_targets.ts";
import { assertNothingLeft, belongings, FIXTURES, PATIENCE, until, within } from "../support/helpers.ts";
import { ended, type Suite } from "./suite.ts";

/** The whole of a stream. */
async function bytesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<Uint8Array> {
  return await within(new Response(stream).bytes(), "the end of the output");
}

const textOf = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) =>
  new TextDecoder().decode(await bytesOf(stream));

/** The tests of what processes write, for one start method. */
export function outputsOfProcesses({ Process, programs }: Suite): void {
  Deno.test("piped output is a stream of what the process writes, up to its end", async () => {
    await ended(new Process()); // starts the threads of the package
    const before = belongings();
    const child = new Process({ target: targets.speak, stdout: "piped", stderr: "piped" });
    child.start();
    assertStrictEquals(child.stdout, child.stdout);
    const texts = await Promise.all([textOf(child.stdout), textOf(child.stderr)]);
    assertEquals(texts, ["out\n", "err\n"]);
    assert(await child.join({ timeout: PATIENCE }));
    await assertNothingLeft(before);
  });

  for (const [how, exitcode] of [["return", 0], ["exit", 3], ["kill", -9], ["throw", 1]] as const) {
    for (const size of how === "return" ? [0, 1, 65536, 65537, 300_000] : [0, 300_000]) {
      Deno.test(`${size} bytes of a process that ends by ${how} arrive to the last`, async () => {
        const child = new Process({ target: targets.write, args: [size, how], stdout: "piped", stderr: "piped" });
        child.start();
        const [bytes, errors] = await Promise.all([bytesOf(child.stdout), textOf(child.stderr)]);
        assertEquals(bytes.length, size);
        assert(bytes.every((byte, i) => byte === i % 251));
        assertEquals(await child.join({ timeout: PATIENCE }), true);
        assertEquals(child.exitcode, exitcode);
        if (how === "throw") assertMatch(errors, /^Process .*:\nRangeError: the last words\n +at write /);
        else assertEquals(errors, "");
      });
    }
  }

  Deno.test("output may be read after the end of the process, and after close", async () => {
    const child = new Process({ target: targets.write, args: [1000, "kill"], stdout: "piped" });
    assertEquals(await ended(child), -9);
    const { stdout } = child;
    child.close();
    assertEquals((await bytesOf(stdout)).length, 1000);
  });

  Deno.test("a line arrives while the process runs", async () => {
    using said = new Queue();
    using orders = new Queue<string | null>();
    const child = new Process({ target: targets.obey, args: [said, orders], stdout: "piped" });
    child.start();
    const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    for (const order of ["one\n", "two\n"]) {
      orders.putSync(order.trim());
      assertEquals(await within(lines.read()), { done: false, value: order });
    }
    orders.putSync(null);
    assertEquals((await within(lines.read())).done, true);
    assert(await child.join({ timeout: PATIENCE }));
  });

  Deno.test("output that was not asked for before the close is refused by name, other output is there", async () => {
    const [asked, unasked] = ["Asked", "Unasked"].map((name) =>
      new Process({ target: targets.write, args: [10], stdout: "piped", name })
    );
    assertEquals([await ended(asked), await ended(unasked)], [0, 0]);
    const { stdout } = asked;
    asked.close();
    unasked.close();
    assertEquals((await bytesOf(stdout)).length, 10);
    assertStrictEquals(asked.stdout, stdout);
    assertThrows(() => unasked.stdout, InvalidStateError, 'Cannot read stdout of "Unasked": nobody had asked for it');
  });

  Deno.test("a BYOB reader reads into its own memory", async () => {
    const child = new Process({ target: targets.write, args: [10], stdout: "piped" });
    assertEquals(await ended(child), 0);
    const reader = child.stdout.getReader({ mode: "byob" });
    const parts: number[][] = [];
    for (;;) {
      const { done, value } = await within(reader.read(new Uint8Array(4)));
      if (done) break;
      parts.push([...value]);
    }
    assertEquals(parts, [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]);
  });

  Deno.test("a process that nobody reads waits when the pipe is full, and goes on when somebody reads", async () => {
    using said = new Queue();
    const child = new Process({ target: targets.writeBetween, args: [said, 1 << 20], stdout: "piped" });
    child.start();
    assertEquals(await said.get({ timeout: PATIENCE }), "before");
    await until("a full pipe", () => /pipe/.test(Deno.readTextFileSync(`/proc/${child.pid}/wchan`)));
    assert(said.empty());
    assertEquals((await bytesOf(child.stdout)).length, 1 << 20);
    assertEquals(await said.get({ timeout: PATIENCE }), "after");
    assert(await child.join({ timeout: PATIENCE }));
  });

  Deno.test("a process whose output is cancelled cannot write any more", async () => {
    const before = belongings();
    using said = new Queue<string>();
    const child = new Process({ target: targets.writeForEver, args: [said], stdout: "piped" });
    child.start();
    const reader = child.stdout.getReader();
    await within(reader.read());
    await reader.cancel();
    assertEquals(await said.get({ timeout: PATIENCE }), "BrokenPipe");
    assert(await child.join({ timeout: PATIENCE }));
    said.close();
    await assertNothingLeft(before);
  });

  Deno.test("cancelling a read that waits ends it, and leaves nothing", async () => {
    using said = new Queue();
    using orders = new Queue<string | null>();
    const child = new Process({ target: targets.obey, args: [said, orders], stdout: "piped" });
    child.start();
    const reader = child.stdout.getReader();
    const reading = reader.read();
    await said.get({ timeout: PATIENCE });
    await reader.cancel("enough");
    assertEquals((await within(reading)).done, true);
    orders.putSync(null);
    assert(await child.join({ timeout: PATIENCE }));
    assertEquals(child.exitcode, 0);
  });

  Deno.test("pipes that nobody reads are closed with the process object", async () => {
    const before = belongings();
    const child = new Process({ target: targets.speak, stdout: "piped", stderr: "piped" });
    assertEquals(await ended(child), 0);
    child.close();
    {
      await using full = new Process({ target: targets.write, args: [1 << 20], stdout: "piped" });
      full.start();
    }
    await assertNothingLeft(before);
  });

  Deno.test("a process that could not be started leaves no pipe", async () => {
    const before = belongings();
    const child = new Process({ target: targets.speak, stdout: "piped", stderr: "piped", cwd: "/does/not/exist" });
    assertThrows(() => child.start(), Deno.errors.NotFound);
    assertThrows(() => child.stdout, InvalidStateError, "process not started");
    await assertNothingLeft(before);
  });

  Deno.test("a stream that is not piped, or not yet, is refused with what to do", async () => {
    const child = new Process({ target: targets.speak, stdout: "piped", stderr: "null" });
    assertThrows(() => child.stdout, InvalidStateError, "process not started");
    assertThrows(() => child.stderr, TypeError, 'it is not piped; make it with { stderr: "piped" }');
    assertEquals(await ended(child), 0);
    assertThrows(() => child.stderr, TypeError, "it is not piped");
    assertEquals(await textOf(child.stdout), "out\n");
  });

  Deno.test("output that nobody reads does not keep the program alive", async () => {
    const { code, stdout, stderr } = await programs.runProgram(new URL("process/piped_unread.ts", FIXTURES));
    assertEquals({ code, stdout, stderr }, { code: 0, stdout: "main ends\n", stderr: "" });
  });

  Deno.test("whoever joins a process that waits for a reader is told so", async () => {
    const child = new Process({
      target: targets.write,
      args: [1 << 20],
      stdout: "piped",
      stderr: "null",
      name: "Talker",
    });
    child.start();
    const { warn } = console;
    const { promise, resolve } = Promise.withResolvers<string>();
    console.warn = resolve;
    try {
      const joining = child.join({ timeout: PATIENCE });
      assertStringIncludes(await within(promise), 'Waiting for "Talker"');
      await child.stdout.cancel();
      assert(await joining);
    } finally {
      console.warn = warn;
    }
  });
}
