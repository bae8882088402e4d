// What the benchmark's command line chooses, and what it refuses.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { parse, USAGE } from "../../bench/options.ts";
import { parseSetting, UsageError } from "../../bench/settings/options.ts";
import { measureSetting } from "../../bench/settings/run.ts";
import { SUBJECTS } from "../../bench/settings/subjects.ts";

/** The message with which a command line is refused. */
function refusal(...args: string[]): string {
  return assertThrows(() => {
    const choice = parse(args);
    if (choice.kind === "setting") parseSetting(SUBJECTS[choice.subject].options, choice.args);
  }, UsageError).message;
}

/** The text that a command line asks for. */
function usageOf(...args: string[]): string {
  const choice = parse(args);
  if (choice.kind !== "usage") throw new Error(`"${args}" is no request for help`);
  return choice.text;
}

Deno.test("bench: words choose what is measured, options how", () => {
  const everything = { kind: "run", isQuick: false, isSmoke: false, withReports: false, repeats: undefined, words: [] };
  assertEquals(parse([]), everything as never);
  assertEquals(parse(["--", "--quick"]), { ...everything, isQuick: true } as never);
  assertEquals(
    parse(["--repeats=9", "Queue_one_way"]),
    { ...everything, repeats: 9, words: ["queue_one_way"] } as never,
  );
  assertEquals(parse(["--repeats", "9", "lock"]), { ...everything, repeats: 9, words: ["lock"] } as never);
  assertEquals(parse(["--smoke"]), { ...everything, isSmoke: true, withReports: true } as never);
});

Deno.test("bench: a subject with an option of its own is a setting", () => {
  const args = ["--size", "1024", "--producers=4", "--consumers", "2", "--seconds", "0.5"];
  assertEquals(parse(["--", "queue", ...args]), { kind: "setting", subject: "queue", args });
  const setting = parseSetting(SUBJECTS.queue.options, args);
  assertEquals(setting, { size: 1024, producers: 4, consumers: 2, maxsize: 0, seconds: 0.5, repeats: 3 });
  assertEquals(parse(["queue"]).kind, "run");
});

Deno.test("bench: a profile is of cases that are named", () => {
  const choice = parse(["--", "--profile", "queue_request_reply"]);
  if (choice.kind !== "profile") throw new Error(`it is read as ${choice.kind}`);
  assertEquals([...new Set(choice.cases.map(({ script }) => script))], ["queue_request_reply"]);
  assertEquals(refusal("--profile"), "Cannot profile everything: wanted the name of a case");
  assertEquals(refusal("--profile", "fairness"), 'Cannot profile "fairness": wanted the name of a case');
});

Deno.test("bench: help says every subject and every option", () => {
  const help = usageOf("--help");
  assert(help.startsWith(USAGE));
  for (const [subject, { options }] of Object.entries(SUBJECTS)) {
    assert(help.includes(`deno task bench ${subject} `), subject);
    for (const name of Object.keys(options)) assert(help.includes(`--${name} `), name);
  }
  const one = usageOf("lock", "--help");
  assert(one.includes("--hold") && !one.includes("--producers"));
});

Deno.test("bench: what there is not is refused by name", () => {
  assertEquals(refusal("--smok"), 'Cannot read option "--smok": is it --smoke?');
  assertEquals(refusal("--quick=1"), 'Cannot read option "--quick=1": is it --quick?');
  assertEquals(refusal("--repeats=0"), "Cannot take 0 repeats: wanted a whole number of at least 1");
  assertEquals(refusal("--repeats"), "Cannot take no repeats: wanted a whole number of at least 1");
  assert(refusal("nothing-like-it").startsWith('Cannot find a case named "nothing-like-it": wanted one of lock_'));
  assertEquals(refusal("queue", "--sise", "7"), "Cannot read --sise: there is no such option; is it --size?");
  assertEquals(refusal("queue", "--size"), "Cannot read --size: it has no value");
  assertEquals(refusal("queue", "--size", "-1"), 'Cannot take --size "-1": wanted a whole number of at least 0');
  assertEquals(refusal("queue", "--size=1.5"), 'Cannot take --size "1.5": wanted a whole number of at least 0');
  assertEquals(refusal("queue", "--seconds=0"), 'Cannot take --seconds "0": wanted a number of at least 0.01');
  assertEquals(refusal("lock", "--kind", "Mutex"), 'Cannot take --kind "Mutex": wanted one of Lock, RLock, Semaphore');
  assertEquals(refusal("queue", "7", "--size=1"), 'Cannot read "7": wanted an option such as --seconds 5');
});

Deno.test("bench: a setting is measured on every side", async () => {
  const lines: string[] = [];
  const { log } = console;
  console.log = (line: string) => void lines.push(line);
  try {
    const args = ["--seconds=0.05", "--repeats=1", "--processes=2"];
    assert(await measureSetting("lock", args), lines.join("\n"));
  } finally {
    console.log = log;
  }
  assertEquals(lines[0], "lock: kind Lock, processes 2, hold 0, seconds 0.05, repeats 1\n");
  assert(/^\| ours +\| [\d,]+\/s/m.test(lines[1]), lines[1]);
});
