// What this package refuses names the user's line, and nothing of the package: not in the stack, and not as a cause.

import { Pipe, Pool, Process, Queue } from "@parallel/multiprocessing";
import { dumps } from "@parallel/multiprocessing/reduction";
import { assert, assertEquals, assertInstanceOf, assertRejects, assertStringIncludes } from "@std/assert";
import { translated } from "../../src/addon/translate.ts";
import { nothing } from "../fixtures/runtime/nothing.ts";

const SOURCES = new URL("../../src/", import.meta.url).href;

const unsendable = { f: () => 1 };

function nested(levels: number): unknown {
  let value: unknown = 0;
  for (let i = 0; i < levels; i++) value = [value];
  return value;
}

function useClosed(): void {
  const queue = new Queue();
  queue.close();
  queue.putSync(1);
}

async function withPipe(use: (end: ReturnType<typeof Pipe>[0]) => unknown): Promise<void> {
  const [end, other] = Pipe();
  using _both = { [Symbol.dispose]: () => [end, other].forEach((it) => it.close()) };
  await use(end);
}

async function withQueue(use: (queue: Queue<unknown>) => unknown): Promise<void> {
  using queue = new Queue<unknown>();
  await use(queue);
}

const refused: Record<string, () => unknown> = {
  "dumps()": () => dumps(unsendable),
  "dumps() of what is nested too deep": () => dumps(nested(2000)),
  "putSync()": () => withQueue((queue) => queue.putSync(unsendable)),
  "put()": () => withQueue((queue) => queue.put(unsendable)),
  "sendSync()": () => withPipe((end) => end.sendSync(unsendable)),
  "send()": () => withPipe((end) => end.send(unsendable)),
  "args of a process": () => new Process({ target: nothing, args: [unsendable] } as never).start(),
  "a target": () => new Process({ target: nothing.bind(null) }),
  "no option": () => new Process({ target: nothing, tagret: 1 } as never),
  "an option": () => new Process({ target: nothing, env: 5 } as never),
  "a time limit": () => withQueue((queue) => queue.getSync({ timeout: "1" } as never)),
  "a closed object": useClosed,
  "an option of a pool": () => new Pool(1, { nmae: "x" } as never),
  "the addon": () =>
    translated(() => {
      throw Object.assign(new Error("Cannot do it"), { code: "OS:24" });
    }),
};

for (const [what, act] of Object.entries(refused)) {
  Deno.test(`what is refused names the user's line alone: ${what}`, async () => {
    const error: Error = await assertRejects(async () => await act(), Error);
    const frames = error.stack!.split("\n").filter((line) => /^\s+at /.test(line));
    assertStringIncludes(frames[0], "refusals_test.ts:");
    assert(frames.every((frame) => !frame.includes(SOURCES)), error.stack);
    assertEquals(error.cause, undefined);
  });
}

Deno.test("a limit of the system says what to raise", () => {
  const refusal = (code: string) => {
    try {
      translated(() => {
        throw Object.assign(new Error("Cannot start"), { code });
      });
    } catch (error) {
      return (error as Error).message;
    }
  };
  assertStringIncludes(`${refusal("OS:24")}`, "`ulimit -n`");
  assertStringIncludes(`${refusal("OS:23")}`, "fs.file-max");
  assertEquals(refusal("OS:11"), "Cannot start");
});

Deno.test("what a module's body is refused stays what it is for who imports that module at run time", async () => {
  const error = await assertRejects(() => import("../fixtures/runtime/refused_in_body.ts"), Error);
  assertInstanceOf(error, TypeError);
  assertEquals((error as { code?: unknown }).code, undefined);
  assertStringIncludes(error.stack!, "refused_in_body.ts:");
});
