// What processes on hosts write, at the root: in whole lines, cut where it is too much.

import { EngineUnavailableError } from "@parallel/multiprocessing";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { TerminalSink } from "../../src/engine/forwarding.ts";
import { RemoteOutput } from "../../src/engine/output.ts";
import { AUTHKEY, startAgent } from "../support/agent.ts";
import { type Engine, engineTest } from "../support/engine.ts";
import { FIXTURES, runProgram } from "../support/helpers.ts";
import { stageTest } from "../support/remote.ts";
import { rootOf } from "../support/sessions.ts";

const LOUD = new URL("remote/loud.ts", FIXTURES);

/** Runs a program whose processes write, with one host. */
async function heard(engine: Engine, ...what: string[]): Promise<{ stdout: string; stderr: string; code: number }> {
  await using _agent = await startAgent(engine.url);
  const env = { MULTIPROCESSING_AUTHKEY: new TextDecoder().decode(AUTHKEY) };
  const { stdout, stderr, code } = await runProgram(LOUD, { args: [engine.url, ...what], env });
  return { stdout, stderr, code };
}

engineTest(
  "output: what a process on a host writes comes to the root, also without its last line's end",
  async (engine) => {
    assertEquals(await heard(engine, "speak"), { stdout: "one\nthree", stderr: "two\n", code: 0 });
  },
);

engineTest('output: "prefixed": each line says whose it is', async (engine) => {
  const prefix = "east/Process-1: ";
  const { stdout, stderr, code } = await heard(engine, "speak", "prefixed");
  assertEquals(stdout.trimEnd().split("\n"), [`${prefix}one`, `${prefix}three`]);
  assertEquals([stderr, code], [`${prefix}two\n`, 0]);
});

engineTest("output: the root waits for its processes, and prints what they have written", async (engine) => {
  assertEquals(await heard(engine, "leave"), { stdout: "one\nthree", stderr: "two\n", code: 0 });
});

engineTest("output: a class of processes with a run of its own travels to a host", async (engine) => {
  assertEquals(await heard(engine, "greet"), { stdout: "Hello Ada\n", stderr: "", code: 0 });
});

engineTest("output: more than 1 MiB/s is left out, and it says how much", async (engine) => {
  const { stdout } = await heard(engine, "shout");
  const notices = [...stdout.matchAll(/\[(\d+) bytes are left out here: a process may write 1 MiB\/s/g)];
  const left = notices.reduce((sum, [, bytes]) => sum + Number(bytes), 0);
  assert(left > 0, "no bytes are left out");
  assert(stdout.length > 512 * 1024, `${stdout.length} bytes are shown`);
  assert(stdout.length + left >= 32 * 1024 * 1024, `${stdout.length} bytes are shown, and ${left} left out`);
});

engineTest("output: what comes at once beyond the MiB of its second is left out to the byte", async (engine) => {
  const session = rootOf(engine);
  const sink = new TerminalSink(session, "east/process", 1);
  sink.write(new TextEncoder().encode("shown\n"));
  sink.write(new Uint8Array(2 * 1024 * 1024));
  await sink.flush();
  const taken = session.lookSync(session.tree, "takeOut", 0);
  const texts = Array.from({ length: (taken.length - 2) / 3 }, (_, i) => taken.text(4 + 3 * i));
  const notice = "[2097152 bytes are left out here: a process may write 1 MiB/s to the root's terminal]\n";
  assertEquals(texts.join(""), `shown\n${notice}`);
  session.close();
});

stageTest("output: a reader whose engine is away for longer than it waits goes on when that is back", async (stage) => {
  const { engine, session } = stage;
  const output = new RemoteOutput(session);
  const id = output.id;
  const reader = output.stream.getReader();
  const texts = async (count: number) => {
    let text = "";
    while (text.length < count) text += new TextDecoder().decode((await reader.read()).value);
    return text;
  };
  const first = texts(5);
  engine.freeze();
  await assertRejects(() => session.wait("close", [], { timeout: Infinity }), EngineUnavailableError);
  engine.thaw();
  const other = await stage.join();
  await other.step("pipeOpen", id);
  assertEquals(await other.step("pipeWrite", id, "first"), ["ok"]);
  assertEquals(await first, "first");
  assertEquals(await other.step("pipeWrite", id, "then"), ["ok"]);
  await other.step("pipeEnd", id);
  assertEquals(await texts(4), "then");
  assertEquals((await reader.read()).done, true);
}, { patience: 100, lease: 12_000 });
