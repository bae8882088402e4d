// A caged child calls every function of the native part with any arguments: nothing aborts, and its parent stays whole.

import { Array as SharedArray, Lock, Process, Queue, RawArray, Value } from "@parallel/multiprocessing";
import { assert, assertEquals } from "@std/assert";
import { callAnything } from "../fixtures/permissions/cage_fuzz_targets.ts";
import { until, within } from "../support/helpers.ts";

/** Each attempt ends by itself when it waits for something, or after so many calls. */
const ENOUGH = 4000;

Deno.test("any call of the native part in a caged child leaves the child without a crash, and its parent whole", async () => {
  using lock = new Lock();
  using kept = new Queue<string>();
  kept.putSync("kept");
  const value = Value("i", 42);
  const bytes = RawArray("i", [1, 2, 3]);
  const first = Deno.env.get("FUZZ_SEED");
  const seeds = first === undefined ? [1, 2, 3, 4] : [Number(first)];
  let calls = 0;
  for (const seed of seeds) {
    const progress = SharedArray("i", 2);
    const raw = progress.getObj() as unknown as Int32Array;
    using told = new Queue<string[]>();
    const child = new Process({
      target: callAnything,
      args: [seed, progress as never, told],
      permissions: "none",
      stdout: "null",
      stderr: "null",
    });
    child.start();
    const names = await within(told.get());
    assert(names.length > 100, `${names.length} functions`);
    let last = -1;
    let idle = 0;
    await until("enough calls, a wait, or the end", () => {
      idle = raw[0] === last ? idle + 1 : 0;
      last = raw[0];
      return last > ENOUGH || idle > 100 || child.exitcode !== null;
    });
    const before = child.exitcode;
    child.kill();
    await within(child.join());
    assert(before === null, `seed ${seed}: "${names[raw[1]]}" ended the child with ${before} after ${last} calls`);
    child.close();
    calls += last;
    assertEquals([value.value, [...bytes], kept.qsize()], [42, [1, 2, 3], 1]);
    {
      using _ = await within(lock.acquire());
    }
  }
  assert(calls > 50, `${calls} calls`);
  assertEquals(kept.getSync(), "kept");
});
