// `deno task bench --profile`: what threads did, and which functions processors were in.

import { assert, assertEquals } from "@std/assert";
import { CASES } from "../../bench/cases.ts";
import { hotIn } from "../../bench/profile/perf.ts";
import { profile, tellProfile } from "../../bench/profile.ts";
import { sleepIn, timesIn } from "../../bench/profile/sampler.ts";

Deno.test("profile: the threads of a program and of its children, and why there are no functions", async () => {
  const [work] = CASES.filter(({ script }) => script === "queue_request_reply");
  const made = await profile({ ...work, iterations: 200 }, { seconds: 0.2, perf: "/nowhere/perf" });
  const mains = made.threads.filter(({ name }) => name === "main");
  assertEquals(mains.map(({ of, count }) => `${of}: ${count}`).sort(), ["children: 2", "program: 1"]);
  for (const { alive, onCpu, waitingForCpu, sleeping } of mains) {
    const parts = [onCpu, waitingForCpu, ...sleeping.values()];
    assert(parts.every((it) => it >= 0), `${parts}`);
    const sum = parts.reduce((a, b) => a + b);
    assert(Math.abs(sum - alive) <= 0.05 * alive + 5, `the parts of ${alive} ms are ${sum} ms`);
  }
  const text = tellProfile(work, made);
  assert(/^\| program +\| main +\|/m.test(text), text);
  assert(/^\| children +\| main, 2 of them +\|/m.test(text), text);
  assert(/^no functions, since perf does not run here: .*\/nowhere\/perf/m.test(text), text);
});

Deno.test("profile: what the kernel tells of a thread, and what perf tells of functions", () => {
  assertEquals(timesIn("199466974 25586510 744"), [199.466974, 25.58651]);
  assertEquals(
    ["futex_do_wait", "do_epoll_wait", "ep_poll", "do_poll", "unix_stream_read_generic", "do_wait", "", "0", "new_one"]
      .map(sleepIn),
    ["futex", "epoll", "epoll", "poll", "socket", "end of a child", "unknown", "unknown", "new_one"],
  );
  const report = "    31.20%;libmultiprocessing.so;[.] look_out\n\n 12.00%;perf-77.map;[.] JS:~put queue.ts:1:2\n" +
    "  0.50%;[kernel.kallsyms];[k] do_syscall_64\n# a note\n 20.00%;deno;[.] 0x01\n 5.5%;deno;[.] 0x0a2\n";
  assertEquals(hotIn(report), [
    { percent: 31.2, where: "libmultiprocessing.so", function: "look_out" },
    { percent: 25.5, where: "deno", function: "(without names)" },
    { percent: 12, where: "JavaScript", function: "~put queue.ts:1:2" },
    { percent: 0.5, where: "kernel", function: "do_syscall_64" },
  ]);
});
