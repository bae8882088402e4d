// The gate: what it counts, and what a part of it is.

import { assertEquals } from "@std/assert";
import { attemptsAt, failuresIn, MOST_BY_CHANCE, passing } from "../../tools/gate/again.ts";
import { choose, type Offer, offer } from "../../tools/gate/choice.ts";
import { Screen } from "../../tools/gate/screen.ts";
import { resultOf } from "../../tools/gate/runner.ts";
import { cargoTest, denoTest, denoTests } from "../../tools/gate/steps.ts";
import { accountOf, CARGO_SUMMARY, DENO_SUMMARY, judge, tallyOf } from "../../tools/gate/tally.ts";
import { inTurns } from "../../tools/gate/turns.ts";
import { insideOf } from "../../tools/tested.ts";

const OFFER: Offer = {
  steps: [
    { name: "deno lint", command: ["lint"] },
    { name: "deno test, queues", command: ["all queues"] },
    { name: "cargo clippy", command: ["clippy"] },
  ],
  tests: new Map([
    ["tests/pool/spawn_test.ts", 'import "./suite.ts";'],
    ["tests/pool/suite.ts", 'Deno.test("a pool closes")'],
    ["tests/queues/input_test.ts", 'Deno.test("a Queue refuses (all)")'],
    ["tests/lock_test.ts", 'Deno.test("a lock refuses")'],
  ]),
  documented: ["mod.ts", "src/pool/pool.ts", "src/pool/task.ts"],
  native: "fn a_ring_is_full() {}",
};

/** The steps that the words choose: the arguments of those made for it, the name of the others. */
function chosen(...words: string[]): string[] {
  return choose(words, OFFER).map(({ command }) =>
    command.filter((word) => /^tests|^src|^mod|^--filter|^(?!test$)[a-z_:]+$/.test(word)).join(" ")
  );
}

Deno.test("tallyOf sums what the runners say, whatever its colours", () => {
  const deno = "x\n\x1b[32mok\x1b[0m | 3 passed (2 steps) | 0 failed (4ms)\nFAILED | 1 passed | 2 failed | 5 ignored\n";
  assertEquals(tallyOf(deno, DENO_SUMMARY), { passed: 4, failed: 2 });
  const cargo = "test result: ok. 7 passed; 0 failed; 0 ignored\ntest result: FAILED. 1 passed; 1 failed; 2 ignored\n";
  assertEquals(tallyOf(cargo, CARGO_SUMMARY), { passed: 8, failed: 1 });
  assertEquals(tallyOf("ok, nothing", DENO_SUMMARY), null);
});

Deno.test("judge counts a check as one, and a runner that ends badly as a failure", () => {
  const output = "ok | 3 passed | 0 failed\n";
  assertEquals(judge({ isSuccess: true, output: "" }), { passed: 1, failed: 0 });
  assertEquals(judge({ isSuccess: false, output: "" }), { passed: 0, failed: 1 });
  assertEquals(judge({ isSuccess: true, output }, DENO_SUMMARY), { passed: 3, failed: 0 });
  assertEquals(judge({ isSuccess: false, output }, DENO_SUMMARY), { passed: 3, failed: 1 });
  assertEquals(judge({ isSuccess: true, output: "no summary" }, DENO_SUMMARY), { passed: 0, failed: 1 });
  const killed = { isSuccess: false, isKilled: true };
  assertEquals(judge({ ...killed, output }, DENO_SUMMARY), { passed: 3, failed: 1 });
  assertEquals(judge({ ...killed, output: "FAILED | 3 passed | 1 failed" }, DENO_SUMMARY), { passed: 3, failed: 2 });
});

Deno.test("accountOf repeats what was written of the failures, shortened in the middle", () => {
  const failed = (lines: string[]) => ["running", " ERRORS ", ...lines, "FAILED | 1 passed | 1 failed"].join("\n");
  assertEquals(accountOf(failed(["a => b", "it is not"])), "ERRORS \na => b\nit is not");
  const long = accountOf(failed(Array.from({ length: 100 }, (_, i) => `${i}`))).split("\n");
  assertEquals(long.length, 81);
  assertEquals(long.filter((line) => line.includes("lines more")), ["[21 lines more, above]"]);
  assertEquals(accountOf("ok | 1 passed | 0 failed"), "");
});

Deno.test("a word chooses steps by their names", () => {
  assertEquals(chosen("LINT"), ["lint"]);
  assertEquals(chosen("clippy", "lint"), ["lint", "clippy"]);
});

Deno.test("a word in no step's name chooses test files by their paths, and documentation", () => {
  assertEquals(chosen("lock_test"), ["tests/lock_test.ts"]);
  assertEquals(chosen("tests/pool", "lock"), ["tests/pool/spawn_test.ts tests/lock_test.ts"]);
  assertEquals(chosen("_test.ts"), ["tests/pool/spawn_test.ts tests/lock_test.ts", "tests/queues/input_test.ts"]);
  assertEquals(chosen("src/pool/"), ["src/pool/pool.ts src/pool/task.ts"]);
});

Deno.test("any other word chooses tests by their names, wherever they are written", () => {
  assertEquals(chosen("Pool closes"), ["--filter=/(?i)\\x50ool\\x20closes/ tests/pool/spawn_test.ts"]);
  assertEquals(chosen("refuses").map((words) => words.split(" ").at(-1)), [
    "tests/lock_test.ts",
    "tests/queues/input_test.ts",
  ]);
  assertEquals(chosen("ring_is"), ["cargo ring_is"]);
  const everywhere = chosen("put together").map((words) => words.split(" ").slice(1));
  assertEquals(everywhere.flat(), [
    "tests/pool/spawn_test.ts",
    "tests/lock_test.ts",
    "tests/queues/input_test.ts",
  ]);
});

Deno.test("each test file is in one step", () => {
  const parts = denoTests().map(({ command }) => ({
    ignored: command.find((word) => word.startsWith("--ignore="))?.slice("--ignore=".length).split(",") ?? [],
    paths: command.filter((word) => word.startsWith("tests/")),
  }));
  const partsOf = (file: string) =>
    parts.filter(({ paths, ignored }) => {
      const isBelow = (path: string) => file.startsWith(path);
      return paths.some(isBelow) && !ignored.some(isBelow);
    }).length;
  const files = [...offer().tests.keys()].filter((path) => path.endsWith("_test.ts"));
  assertEquals(files.filter((file) => partsOf(file) !== 1), []);
});

Deno.test("the modules of the inside that tests import have faces; what is exported, or not there, has none", () => {
  const texts = [
    'import { a } from "../../src/addon/load.ts";\nimport type { B } from "../src/pool/desk.ts";',
    'await import("../../src/addon/load.ts"); const url = "src/cli.ts"; import "../../src/queues.ts"; "../src/x.ts";',
  ];
  assertEquals(insideOf(texts, (path) => path !== "src/x.ts"), ["src/addon/load.ts", "src/pool/desk.ts"]);
});

Deno.test("inTurns runs as many side by side as it may, of those that need the same one at a time", async () => {
  const turns = [{ name: "a", needs: "x" }, { name: "b", needs: "x" }, { name: "c" }, { name: "d" }];
  const ends = new Map(turns.map(({ name }) => [name, Promise.withResolvers<void>()]));
  const begun: string[] = [];
  const all = inTurns(turns, 2, ({ name }) => {
    begun.push(name);
    return ends.get(name)!.promise;
  });
  const seen = [begun.join("")];
  for (const name of ["c", "a", "d", "b"]) {
    ends.get(name)!.resolve();
    for (let i = 0; i < 10; i++) await Promise.resolve();
    seen.push(begun.join(""));
  }
  await all;
  assertEquals(seen, ["ac", "acd", "acdb", "acdb", "acdb"]);
});

Deno.test("a screen shows pages one after the other, the first as it is written", () => {
  let shown = "";
  const screen = new Screen((bytes) => shown += new TextDecoder().decode(bytes));
  const [first, second, third] = [screen.page(), screen.page(), screen.page()];
  const seen: string[] = [];
  const write = (page: typeof first, text: string) => {
    page.write(new TextEncoder().encode(text));
    seen.push(shown);
  };
  const end = (page: typeof first) => {
    page.end();
    seen.push(shown);
  };
  write(second, "b");
  write(first, "a");
  end(second);
  write(third, "c");
  end(first);
  write(third, "d");
  assertEquals(seen, ["", "a", "a", "a", "abc", "abcd"]);
});

/** A step of which these tests failed. */
function troubled(...names: string[]) {
  const list = names.map((name) => `${name} => ./tests/a_test.ts:1:6`).join("\n");
  return {
    step: denoTest("deno test, some", ["tests/"]),
    result: { passed: 5, failed: names.length, account: `ERRORS \n\nwhy\n\n FAILURES \n\n${list}` },
  };
}

Deno.test("a file that an error of nobody's ended is run again as a whole", () => {
  const trouble = troubled("a lock");
  const account = `${trouble.result.account}\n./tests/b_test.ts (uncaught error)`;
  // The lock's test, the error, and three tests that were not run any more.
  const ended = { ...trouble, result: { passed: 5, failed: 5, account } };
  assertEquals(attemptsAt([ended]).map(({ name, count }) => [name, count]), [["a lock", 1], ["./tests/b_test.ts", 4]]);
  const { command } = attemptsAt([ended])[1].step;
  assertEquals([command[1], command.at(-1), command.includes("tests/")], ["test", "./tests/b_test.ts", false]);
  const refused = [
    { passed: 5, failed: 1, account },
    { passed: 5, failed: 5, account: `"deno" was killed by SIGKILL\n${account}` },
    { passed: 5, failed: 5, account: account.replace("a lock =>", "[9 lines more, above]\na lock =>") },
  ];
  for (const result of refused) assertEquals(attemptsAt([{ ...trouble, result }]), [], result.account);
});

/** Two programs of cargo's tests of which one test each failed. */
const CARGO_ACCOUNT = `failures:

---- queue::put_wakes stdout ----
thread 'queue::put_wakes' panicked at native/core/src/queue.rs:7:5:
failures:
    nothing

failures:
    queue::put_wakes
failures:

---- lock stdout ----
it is not


failures:
    lock
`;

Deno.test("what failed is run again by its whole name, if that can be told of all, and few did", () => {
  const trouble = troubled("a lock (spawn): 1 + 1", "it is => or is not");
  assertEquals(failuresIn(trouble), { names: ["a lock (spawn): 1 + 1", "it is => or is not"], files: [] });
  assertEquals(failuresIn({ ...trouble, result: { ...trouble.result, failed: 3 } }), null);
  const [first] = attemptsAt([trouble]);
  assertEquals([first.name, first.step.command[1], first.step.command.at(-1)], [
    "a lock (spawn): 1 + 1",
    "test",
    "tests/",
  ]);
  assertEquals(attemptsAt([trouble]).length, 2);
  const names = Array.from({ length: MOST_BY_CHANCE }, (_, i) => `test ${i}`);
  assertEquals(attemptsAt([troubled(...names)]).length, MOST_BY_CHANCE);
  assertEquals(attemptsAt([troubled(...names), trouble]), []);
  assertEquals(attemptsAt([]), []);
});

Deno.test("a program of cargo's tests that crashed is no test that failed by chance", () => {
  const account = CARGO_ACCOUNT.replace("failures:\n    nothing\n", "");
  const output = `${account}\ntest result: FAILED. 9 passed; 2 failed; 0 ignored\n`;
  const isSuccess = false;
  const told = judge({ isSuccess, output, errors: "error: 1 target failed:\n    `--lib`\n" }, CARGO_SUMMARY);
  assertEquals(told, { passed: 9, failed: 2 });
  const crashed = "\x1b[1merror\x1b[0m: 2 targets failed:\n    `--lib`\n    `--test crash`\n";
  const result = { ...judge({ isSuccess, output, errors: crashed }, CARGO_SUMMARY), account };
  assertEquals(result.failed, 3);
  const step = cargoTest("cargo test");
  assertEquals(attemptsAt([{ step, result: { ...told, account } }]).length, 2);
  assertEquals(attemptsAt([{ step, result }]), []);
});

Deno.test("a check that failed besides changes nothing for the tests; a runner that tells no names does", () => {
  const trouble = troubled("a lock");
  const check = { step: { name: "deno lint", command: ["lint"] }, result: { passed: 0, failed: 1, account: "" } };
  assertEquals(attemptsAt([check, trouble]).map(({ name }) => name), ["a lock"]);
  const ended = { ...troubled("a queue"), result: { passed: 5, failed: 1, account: "it was killed" } };
  assertEquals(attemptsAt([trouble, ended]), []);
});

Deno.test("cargo's tests are run again, too", () => {
  const step = cargoTest("cargo test");
  const account = CARGO_ACCOUNT.replace("failures:\n    nothing\n", "");
  const attempts = attemptsAt([{ step, result: { passed: 9, failed: 2, account } }]);
  assertEquals(attempts.map(({ step }) => step.command.slice(-3)), [
    ["--", "--exact", "queue::put_wakes"],
    ["--", "--exact", "lock"],
  ]);
  // What a test has said may look like such a list: then nobody knows.
  assertEquals(attemptsAt([{ step, result: { passed: 9, failed: 2, account: CARGO_ACCOUNT } }]), []);
});

Deno.test("a test that fails once passes when it is run again, and one that always fails does not", async () => {
  const folder = await Deno.makeTempDir();
  const page = () => ({ write() {}, end() {} });
  const once = `Deno.test("once: 1/2 (a)", () => {
    try { Deno.mkdirSync("${folder}/done"); } catch { return; }
    throw new Error("not yet");
  });`;
  const dangling = `Deno.test("then", async () => {
    try { Deno.mkdirSync("${folder}/done"); } catch { return; }
    setTimeout(() => Promise.reject(new Error("of nobody")));
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  });
  Deno.test("last", () => {});`;
  const always = 'Deno.test("always", () => { throw new Error("never"); });';
  try {
    for (const [text, pass] of [[once, 1], [always, 0], [`${once}${always}`, 1]] as const) {
      await Deno.remove(`${folder}/done`).catch(() => {});
      await Deno.writeTextFile(`${folder}/a_test.ts`, text);
      const step = denoTest("some", [`${folder}/a_test.ts`]);
      const attempts = attemptsAt([{ step, result: await resultOf(step, page()) }]);
      assertEquals(attempts.length, text.split("Deno.test").length - 1);
      assertEquals((await passing(attempts, page)).map(({ name }) => name), ["once: 1/2 (a)"].slice(0, pass));
    }
    await Deno.remove(`${folder}/done`);
    await Deno.writeTextFile(`${folder}/a_test.ts`, dangling);
    const step = denoTest("some", [`${folder}/a_test.ts`]);
    const result = await resultOf(step, page());
    assertEquals([result.passed, result.failed], [0, 3]);
    const passed = await passing(attemptsAt([{ step, result }]), page);
    assertEquals(passed.map(({ count }) => count), [3]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
