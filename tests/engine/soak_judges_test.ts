// The judges of the soak: they let pass what may be, and tell what must not be. A book is a few lines here.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { linesOf } from "./soak/book.ts";
import { judgeList, judgeNamed, judgeSet } from "./soak/judges/kept.ts";
import { judgeLives } from "./soak/judges/lives.ts";
import { judgeMeetings } from "./soak/judges/meetings.ts";
import { judgeParcels } from "./soak/judges/parcels.ts";
import { judgePermits } from "./soak/judges/permits.ts";
import { judgeSections } from "./soak/judges/sections.ts";
import { Stories, Verdict } from "./soak/judges/stories.ts";
import { judgeTasks } from "./soak/judges/tasks.ts";

/** What is judged, by the names of the books' parts. */
const JUDGES = {
  Lock: judgeSections,
  Value: judgeSections,
  Semaphore: judgePermits,
  Barrier: judgeMeetings,
  "Queue": judgeParcels,
  "Queue-redeliver": judgeParcels,
  "JoinableQueue": judgeParcels,
  "JoinableQueue-redeliver": judgeParcels,
  Pipe: judgeParcels,
  dict: judgeNamed,
  Namespace: judgeNamed,
  list: judgeList,
  set: judgeSet,
  Pool: judgeTasks,
} as const;
type Part = keyof typeof JUDGES;

/** What is wrong with a book of one part, whose lines are without its name; the lives that begin with a `d` were killed. */
function wrongs(part: Part, ...lines: string[]): string[] {
  const text = lines.map((line) => line.replace(" ", ` ${part} `));
  const dead = new Set(lines.map((line) => line.split(" ")[0]).filter((life) => life.startsWith("d")));
  const ends = [...dead].map((life) => `root Process end ${life} -9 -`);
  const verdict = new Verdict();
  const stories = new Stories(linesOf([...text, ...ends].map((line) => `${line} .`).join("\n")));
  (JUDGES[part] as (part: Part, stories: Stories, verdict: Verdict) => void)(part, stories, verdict);
  return verdict.violations;
}

function assertRight(part: Part, ...lines: string[]): void {
  assertEquals(wrongs(part, ...lines), []);
}

function assertWrong(part: Part, what: string, ...lines: string[]): void {
  assertStringIncludes(wrongs(part, ...lines).join("\n"), what);
}

Deno.test("soak: counts under a lock follow each other, and who comes after a death is told", () => {
  const a = ["a try", "a in 0 1 -", "a out 1", "a done"];
  assertRight("Lock", ...a, "b try", "b in 1 2 -", "b out 2", "b done");
  assertRight("Lock", "d try", "d in 0 1 -", "b in 1 2 recovered", "b out 2", "b done");
  assertRight("Lock", "d try", "d in 0 1 -", "b told", "b in 0 2 -", "b out 1", "b done");
  assertWrong("Lock", "at the same time", "a in 0 1 -", "b in 0 2 -", "a out 1", "b out 1", "a done", "b done");
  assertWrong("Lock", "at the same time", "d in 0 1 -", "b in 0 2 recovered", "d out 1", "b out 1", "b done");
  assertWrong("Lock", "b found 0 where a had found 0 and left 1", ...a, "b in 0 2 -", "b out 1", "b done");
  assertWrong("Lock", "the token 1 came after 1", ...a, "b in 1 1 -", "b out 2", "b done");
  assertWrong("Lock", "1 were killed inside, and 0 times it was told", "d in 0 1 -", "b in 0 2 -", "b out 1", "b done");
  assertWrong("Lock", "1 were told of a death, of at most 0", ...a, "b told", "b in 1 2 -", "b out 2", "b done");
  assertWrong("Lock", "a went in and never came out", "a in 0 1 -");
});

Deno.test("soak: bytes that travel with a lock are written when it is released, and those of a value of its own at once", () => {
  const [died, next] = [["d in 0 - -", "d out 1"], ["b told", "b in 0 - -", "b out 1", "b done"]];
  assertRight("Value", ...died, ...next);
  assertWrong("Lock", "b found 0 where d had found 0 and left 1", ...died, ...next);
});

Deno.test("soak: permits are neither made nor lost", () => {
  const four = [1, 2, 3, 4].flatMap((n) => [`a${n} try`, `a${n} got`]);
  const back = [1, 2, 3, 4].flatMap((n) => [`a${n} back`, `a${n} done`]);
  assertRight("Semaphore", ...four, ...back, "root left 4");
  assertRight("Semaphore", "d try", "d got", "root given", "root left 4");
  assertRight("Semaphore", "d try", "root left 3");
  assertWrong("Semaphore", "5 have one of 4 permits", ...four, "b got", "b back", "b done", ...back, "root left 4");
  assertWrong("Semaphore", "3 permits at the end, wanted 4 to 4", ...four, ...back, "root left 3");
  assertWrong("Semaphore", "5 permits at the end, wanted 4 to 4", "root left 5");
});

Deno.test("soak: a round of a barrier is passed by all or none", () => {
  const round = ["a try", "b try", "b action", "b passed 1", "a passed 0"];
  assertRight("Barrier", ...round);
  assertRight("Barrier", "d try", "b try", "b action", "b passed 1");
  assertRight("Barrier", "a try", "b try", "b action", "a broken", "b broken");
  assertWrong("Barrier", "0 passed as number 0, in 1 rounds with 0 deaths", "a try", "b try", "b action", "b passed 1");
  assertWrong("Barrier", "2 passed as number 0, in 1 rounds", ...round, "c try", "c passed 0");
});

Deno.test("soak: a message comes once, or is lost or given again with a process that was killed", () => {
  const put = ["a put m", "a stored m"];
  for (const part of ["Queue", "Queue-redeliver", "Pipe"] as const) {
    assertRight(part, ...put, "b get", "b got m");
    assertRight(part, ...put, "d get", "d got m", "b get", "b got m");
    assertRight(part, "d put m");
    assertRight(part, "a put m", "a full m");
    assertWrong(part, "the message m came again after c had it", ...put, "c get", "c got m", "b get", "b got m");
    assertWrong(part, "the message m came again", ...put, "d get", "d got m", "d get", "d none", "b get", "b got m");
    assertWrong(part, "the message m came, which had no room", "a put m", "a full m", "b get", "b got m");
    assertWrong(part, "the message m came, which nobody has put", "b get", "b got m");
  }
  for (const part of ["Queue", "Pipe"] as const) {
    assertRight(part, ...put, "d get");
    assertWrong(part, "1 messages are missing, and 0 were killed taking one", ...put);
  }
  assertWrong("Queue-redeliver", "the message m is missing", ...put, "d get");
});

Deno.test("soak: who joins a queue is told of the dead, unless what they had was given again", () => {
  const put = ["a put m", "a stored m"];
  const dealt = ["b get", "b got m", "b deal", "b dealt"];
  assertRight("JoinableQueue", ...put, ...dealt, "root joined");
  assertRight("JoinableQueue", ...put, "d get", "d got m", "root told");
  assertRight("JoinableQueue-redeliver", ...put, "d get", "d got m", ...dealt, "root joined");
  assertWrong("JoinableQueue", 'told "joined", where 1 to 1', ...put, "d get", "d got m", "root joined");
  assertWrong("JoinableQueue", 'told "told", where 0 to 0', ...put, ...dealt, "root told");
  assertWrong("JoinableQueue-redeliver", 'told "told"', ...put, "d get", "d got m", ...dealt, "root told");
});

Deno.test("soak: what a manager keeps is what was acknowledged", () => {
  for (const part of ["dict", "Namespace"] as const) {
    assertRight(part, "a set 1", "a done", "d add", "a add", "a done", "root left a 1", "root left all 1");
    assertRight(part, "d set 1");
    assertWrong(part, "a has 0, wanted 1", "a set 1", "a done");
    assertWrong(part, "all have made 0, wanted 1 to 1", "a add", "a done");
    assertWrong(part, "all have made NaN, wanted 0 to 0", "root left all NaN");
  }
  assertRight("list", "a add x", "a done x", "d add y", "root left x");
  assertWrong("list", "the item x is there 0 times", "a add x", "a done x");
  assertWrong("list", "the item x is there 2 times", "a add x", "a done x", "root left x", "root left x");
  assertWrong("list", "the item x is there, which nobody has added", "root left x");
  const x = ["a add x", "a done x"];
  assertRight("set", ...x, "b pop", "b popped x", "d add y", "a add z", "a done z", "root left z");
  assertRight("set", ...x, "d pop");
  assertWrong("set", "the member x came 2 times", ...x, "b pop", "b popped x", "c pop", "c popped x");
  assertWrong("set", "the member x came 2 times", ...x, "b pop", "b popped x", "root left x");
  assertWrong("set", "1 members are missing, and 0 were killed taking one", ...x, "d pop", "d none");
  assertWrong("set", "the member x came, which nobody has added", "b pop", "b popped x");
});

Deno.test("soak: a task of a pool has one outcome, and is begun anew after a death only", () => {
  const [given, ran] = ["root give 1", ["p run 1 1", "p ran 1 1", "root result 1 2"]];
  assertRight("Pool", given, ...ran);
  assertRight("Pool", given, "q run 1 0", ...ran);
  assertWrong("Pool", "the task 1 has 0 outcomes", given);
  assertWrong("Pool", "the task 1 gave 3", given, "p run 1 0", "p ran 1 0", "root result 1 3");
  assertWrong("Pool", "nobody ran it to its end", given, "p run 1 0", "root result 1 2");
  assertWrong(
    "Pool",
    "while q was alive",
    given,
    "q run 1 0",
    "p run 1 1",
    "q ran 1 0",
    "p ran 1 1",
    "root result 1 2",
  );
});

Deno.test("soak: processes are killed, or end in order, and the root with what it had", () => {
  const judged = (...lines: string[]) => {
    const verdict = new Verdict();
    judgeLives(new Stories(linesOf(lines.map((line) => `root ${line} .`).join("\n"))), verdict);
    return verdict.violations;
  };
  const root = ["root descriptors begin 20", "root descriptors end 21", "root whole"];
  const lives = ["Process start a 7 east", "Process end a -9 lost", "Process start b 8 east", "Process end b 0 -"];
  assertEquals(judged(...lives, ...root), []);
  assertEquals(judged(...lives), ["root: it has not come to its end"]);
  assertEquals(judged("Process start a 7 east", ...root), ["Process: a has not ended"]);
  assertEquals(judged("Process start a 7 east", "Process end a 1 -", ...root), ["Process: a ended with exit code 1"]);
  assertEquals(judged("root descriptors begin 20", "root whole"), [
    "root: it has NaN descriptors, and had 20 at the beginning",
  ]);
  assertEquals(judged("root descriptors begin 20", "root descriptors end 23", "root whole"), [
    "root: it has 23 descriptors, and had 20 at the beginning",
  ]);
});

Deno.test("soak: a line that was broken off by a death is none, and spoils no other", () => {
  assertEquals(linesOf("\na Lock in 1 .\n\nb Lock ou\nc Lock out 2 .\n"), [
    { life: "a", part: "Lock", event: "in", args: ["1"] },
    { life: "c", part: "Lock", event: "out", args: ["2"] },
  ]);
});
