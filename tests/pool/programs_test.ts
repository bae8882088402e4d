// Programs with pools: when they end, and what they say.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { FIXTURES, isRunning, outputOf, runProgram, startProgram, until } from "../support/helpers.ts";

const program = (name: string) => new URL(`pool/pool_${name}.ts`, FIXTURES);

Deno.test("TestPoolWorkerLifetime.test_worker_finalization_via_atexit_handler_of_multiprocessing: a pool in a global", async () => {
  assertEquals(await outputOf(program("in_global")), "[ 1, 4, 9 ]\n");
});

Deno.test("a program goes on for a call that is under way, and for nothing else of a pool", async () => {
  assertEquals(await outputOf(program("unawaited")), "7\n");
});

Deno.test("a terminated call that nobody waits for is no uncaught error", async () => {
  assertEquals(await outputOf(program("abandoned")), "out\n");
});

Deno.test("a pool runs what it is told beside a child with no permissions, whichever module exports it", async () => {
  assertEquals(await outputOf(program("beside_cage")), "[ 1, 4 ]\ndone\n[ 1, 4 ]\ndone\n");
});

Deno.test("a program catches an error of its own class, while it is being evaluated", async () => {
  assertEquals(await outputOf(program("own_error")), "true Own Error\nfalse OutOfStock RangeError\n");
  // Nothing is imported because a message names it, once there is a process with fewer permissions.
  assertEquals(
    await outputOf(program("own_error"), { args: ["cage"] }),
    "true Own Error\nfalse RangeError OutOfStock\n",
  );
});

Deno.test("an error whose class is in a module that waits for the program is one of the nearest class", async () => {
  assertEquals(await outputOf(program("circular")), "RangeError SoldOut none of 7\n");
});

Deno.test("what a module's body starts in a worker that imports it is refused with what to change", async () => {
  const refusal = "Cannot start a process: daemonic processes are not allowed to have children";
  const hint =
    "; if the body of a module does it, which this process imports, put that into `if (import.meta.main) { … }`";
  const said = await outputOf(program("started_in_body"));
  assertEquals(said, `${refusal}${hint}\n${refusal}${hint}\n${refusal}\n`);
});

Deno.test("a running pool that is dropped warns once, with its name", async () => {
  const { code, stdout, stderr } = await runProgram(program("dropped"), { flags: ["-A", "--v8-flags=--expose-gc"] });
  assertEquals([code, stdout], [0, "[ 9 ]\n"]);
  assertMatch(stderr, /^unclosed running multiprocessing pool "Forgotten" \(pids \d+\): it was dropped\n$/);
});

Deno.test("what goes wrong with a finalizer is said on standard error, with its name", async () => {
  const { code, stdout, stderr } = await runProgram(program("finalizers"));
  assertEquals([code, stdout], [0, "9\n9\n"]);
  assertMatch(stderr, /^Process PoolWorker-1: the finalizer "fail" has thrown:\nRangeError: the disk is full\n/m);
  assertMatch(stderr, /^The finalizer "linger" of "PoolWorker-2" \(pid \d+\) did not end in 10 ms: killed$/m);
});

Deno.test("an endless input runs in constant memory", async () => {
  const output = await outputOf(program("endless"), { flags: ["-A", "--v8-flags=--expose-gc"], args: ["3"] });
  const grown = Number(output.match(/grown: (-?[\d.]+) MiB/)?.[1]);
  assert(grown < 8, output);
});

Deno.test("a worker that allocates without end is lost, with its last words", async () => {
  const flags = ["-A", "--v8-flags=--max-old-space-size=100"];
  const { code, stdout } = await runProgram(program("greedy"), { flags });
  assertEquals([code, stdout], [0, "WorkerLostError true\n9\n"]);
});

for (const way of ["exit", "interrupt", "throw", "reject"]) {
  Deno.test(`workers end with a program that ends in the middle of a map: ${way}`, async () => {
    const { code, signal, stdout } = await runProgram(program("killed"), { args: [way] });
    const wanted = { exit: [3, null], interrupt: [130, "SIGINT"], throw: [1, null], reject: [1, null] }[way];
    assertEquals([code, signal], wanted);
    const pids = JSON.parse(stdout.match(/pids (.*)/)![1]) as number[];
    await until("the workers' end", () => pids.filter(isRunning).length === 0);
  });
}

Deno.test("workers end with a program that is killed", async () => {
  await using running = startProgram(program("killed"));
  const pids = JSON.parse(await running.said("pids ")) as number[];
  running.kill();
  await until("the workers' end", () => pids.filter(isRunning).length === 0);
});

for (const method of ["spawn", "forkserver"]) {
  Deno.test(`an error that nobody catches is laid to the task that left it, and harms no other: ${method}`, async () => {
    const { code, stdout, stderr } = await runProgram(program("floating"), { args: [method] });
    const lines = stdout.trim().split("\n");
    const lost = lines.filter((line) => line.includes("WorkerLostError"));
    assertEquals(lines.filter((line) => !lost.includes(line)), [
      ...["nothing", "rejects", "rejectsLater", "throwsInTimer", "throwsOften", "throwsInListener"].map((it) =>
        `${it} fine`
      ),
      "throwsInMicrotask [ 1, 2 ]",
      "workers 1",
      "restarts 2",
    ]);
    // Each costs itself, and nobody else is blamed.
    for (const [i, name] of ["guilty", "guiltyLater"].entries()) {
      assertMatch(lost[i], new RegExp(`^${name} WorkerLostError Cannot finish "${name}": .* ended with exit code 1`));
    }
    assertEquals([lost.length, code], [2, 0]);
    const told = (what: string) => stderr.match(RegExp(`nobody caught, left behind by ${what}:\\n.*of .*`, "g")) ?? [];
    for (const name of ["rejects", "rejectsLater", "throwsInTimer", "throwsInListener"]) {
      const [first, ...more] = told(`"${name}"`);
      assertStringIncludes(first, `of ${name}`);
      assertEquals(more, []);
    }
    assertEquals([told(`"throwsOften"`).length, told(`"throwsInMicrotask"`).length], [2, 2]);
    assert(told(`the initializer "initialize"`).length >= 2);
    assertStringIncludes(stderr, "left behind by the main module:\nError: of the main module");
  });

  const ways = ["plain", "floating", ...method === "spawn" ? ["async result", "iteration", "no call"] : []];
  for (const way of ways) {
    Deno.test(`a pool without if (import.meta.main) fails with that sentence, once: ${way}, ${method}`, async () => {
      const { code, stdout, stderr } = await runProgram(program("unguarded"), { args: [method, way] });
      assertEquals([code, stdout, stderr.match(/`if \(import\.meta\.main\) \{ … \}`/g)?.length], [1, "", 1]);
      assertEquals(stderr.match(/while the main module is imported by a child/g)?.length, 1);
    });
  }

  const reasons = {
    throw: /RangeError: no database\n {4}at file:.*pool_unbootable\.ts:\d+:\d+\n/,
    syntax: /SyntaxError: Unexpected token[^]*at data:/,
    missing: /Module not found "file:\/\/\/no\/such\/module\.js"/,
    reject: /RangeError: no database\n {4}at file:.*pool_unbootable\.ts:\d+:\d+\n/,
    exit: /it ended with exit code 3 before it began/,
  };
  for (const [way, reason] of Object.entries(reasons)) {
    if (method !== "spawn" && way !== "throw" && way !== "exit") continue;
    Deno.test(`workers that cannot boot end the pool, and their reason is told once: ${way}, ${method}`, async () => {
      const output = await outputOf(program("unbootable"), { args: [method, way] }); // nothing else is printed
      const [, told] = output.match(/^1 ProcessError: ([^]*)\nInvalidStateError\n$/) ?? [null, output];
      assertMatch(told, /^Cannot go on with "Pool-1": 3 workers in a row could not start: Cannot run "\w+-\d+": /);
      assertMatch(told, reason);
    });
  }
}

for (const method of ["spawn", "forkserver"]) {
  Deno.test(`a pool goes on while there is no descriptor for another worker, and replaces it later: ${method}`, async () => {
    const args = [
      "-c",
      `ulimit -n 100; exec "$0" "$@"`,
      Deno.execPath(),
      "run",
      "-A",
      "--quiet",
      program("cramped").href,
    ];
    const { code, stdout, stderr } = await new Deno.Command("sh", { args: [...args, method] }).output();
    const [said, wrong] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    assertEquals([said, wrong, code], ["beside none: 1,4,9,16\nof the lost: WorkerLostError\nlater: 2\n", "", 0]);
  });
}

Deno.test("an error of a task that nobody catches: all that the program prints", async () => {
  const { code, stderr } = await runProgram(program("uncaught"));
  const shown = stderr.replace(/PoolWorker-[12], pid \d+/, "WORKER").replace(/PoolWorker-[12] \(pid \d+\)/, "WORKER")
    .replace(/\(?(file:\S*?)\/([\w.]+:\d+):\d+\)?/g, "$2");
  assertEquals([code, shown], [
    1,
    `error: Uncaught (in promise) RangeError: bad n
    at parse pool_uncaught.ts:6
    at item 2 of pool.map, { n: 3 } (WORKER)
    at parseAll pool_uncaught.ts:11
    at pool_uncaught.ts:16
Caused by: TypeError: inner
    at parse pool_uncaught.ts:6
Caused by: RemoteError: item 2 of pool.map, { n: 3 }, failed in WORKER
    at parseAll pool_uncaught.ts:11
`,
  ]);
});

Deno.test("an error that nobody catches in a child: its stack has the user's frames alone", async () => {
  const { stderr } = await runProgram(program("child_uncaught"));
  assertEquals(
    stderr.replace(/\(?(file:\S*?)\/([\w.]+:\d+):\d+\)?/g, "$2"),
    `Process Process-1:
RangeError: outer
    at fail pool_child_uncaught.ts:6 {
  [cause]: TypeError: inner
      at fail pool_child_uncaught.ts:6
}
`,
  );
});

for (const kind of ["refused", "option", "lost", "late", "waited", "unsendable", "broken"]) {
  Deno.test(`an error of a pool that nobody catches has the user's frames alone: ${kind}`, async () => {
    const { code, stderr } = await runProgram(program("uncaught_kinds"), { args: [kind] });
    const [what, ...frames] = stderr.trimEnd().split("\n").filter((line) => !line.startsWith("Caused by: "));
    assertEquals([code, /^error: Uncaught \(in promise\) \w+Error: Cannot /.test(what)], [1, true], stderr);
    const others = frames.filter((frame) =>
      !/^ {4}at (?:.*\/fixtures\/pool\/|item 1 of|pool\.|initializer)/.test(frame)
    );
    assertEquals([frames.length > 0, others], [true, []], stderr);
  });
}
