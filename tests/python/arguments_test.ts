// What a function of Python's is called with, and waits that signals end.

import { Lock, Process, python as functionOf, Queue } from "@parallel/multiprocessing";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { PATIENCE, within } from "../support/helpers.ts";
import type { Python } from "../support/python.ts";
import { moduleAt, pythonTest, run, targetIn } from "../support/python_process.ts";

/** A function of the fixtures with those arguments. */
function given<A extends unknown[]>({ path }: Python, name: string) {
  return functionOf<(...args: A) => void>(moduleAt("given.py"), name, { executable: path });
}

pythonTest("args are arguments by their places, and kwargs those by their names", async (python) => {
  const options = {
    target: given<[number, string, object]>(python, "prints"),
    args: [1, "two"],
    kwargs: { three: [3] },
  };
  const { stdout, stderr } = await run(options as unknown as Parameters<typeof run>[0]);
  assertEquals([stdout, stderr], ['[[1, "two"], {"three": [3]}]\n', ""]);
});

pythonTest("arguments that the function does not take are told to who joins", async (python) => {
  const why = async (args: unknown[], kwargs: object) => {
    const options = { target: given(python, "takes"), args, kwargs, name: "P" };
    return (await assertRejects(() => run(options as unknown as Parameters<typeof run>[0]))).message;
  };
  const [many, few, unknown] = await Promise.all([
    why([1, 2, 3], { third: 3 }),
    why([], {}),
    why([1], { third: 3, fourth: 4 }),
  ]);
  assertEquals(many, 'Cannot run "P": TypeError: takes() takes 2 arguments, and 3 were given');
  assertEquals(
    few,
    "Cannot run \"P\": TypeError: takes() needs 'first', 'third', which is not among the 0 arguments given",
  );
  assertEquals(unknown, "Cannot run \"P\": TypeError: takes() takes no argument 'fourth'");
});

pythonTest("a wait ends for a signal, goes on behind its handler, and ends with what that raises", async (python) => {
  const child = new Process({
    target: targetIn(python, "given.py", "waits_for_its_parent"),
    stdout: "piped",
    daemon: true,
  });
  child.start();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  const said = async () => {
    while (!text.includes("\n")) text += (await within(lines.read())).value;
    const [line, ...rest] = text.split("\n");
    text = rest.join("\n");
    return line;
  };
  assertEquals(await said(), "waiting");
  Deno.kill(child.pid!, "SIGUSR1");
  assertEquals(await said(), "heard");
  child.interrupt();
  assertEquals(await said(), "1 interrupted");
  await lines.cancel();
  assert(await child.join({ timeout: PATIENCE }));
  assertEquals(child.exitcode, 0);
});

pythonTest("the end of a child of a fork is not taken for that of its parent, which has a lock", async (python) => {
  using lock = new Lock();
  using results = new Queue<string>();
  using orders = new Queue<string>();
  const child = new Process({
    target: given<[Lock, Queue<string>, Queue<string>]>(python, "forks_with_a_lock"),
    args: [lock, results, orders],
  });
  child.start();
  assertEquals(await within(results.get()), "forked");
  assertEquals(await lock.acquire({ timeout: 250 }), null); // it looks for the dead after 100 ms
  orders.putSync("go on");
  using _ = await within(lock.acquire());
  assert(await child.join({ timeout: PATIENCE }));
  assertEquals(child.exitcode, 0);
});
