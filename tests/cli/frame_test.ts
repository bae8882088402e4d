// What `top` shows, on trees that are made up; numbers and texts as wide as they are.

import { assertEquals } from "@std/assert";
import { bytes, duration, fitted, rate, tabled, widthOf } from "../../src/cli/format.ts";
import { frameOf, lock, process, promise, queue, snapshot, tree, wait } from "./made_up.ts";

Deno.test("top: a tree with everything in it", () => {
  const promises = [1, 2, 3, 4].map(() => promise(10, "process", null));
  const sleeper = { pid: 11, tid: 11, isPromise: false, sinceMs: 2000 };
  const frame = frameOf(snapshot(tree({
    processes: [
      process(10, "MainProcess", null, {
        promises: [{ ...promises[0], pid: 11 }, ...promises.slice(1)],
        morePromises: 5,
      }),
      process(11, "worker-1", wait("queue-put", "jobs"), { cpuPercent: 12.4, isCaged: true }),
      process(12, "名前", wait("lock", "books"), { cpuMs: null, memoryBytes: null, state: "starting" }),
      process(13, "halted", null, { isStopped: true, isCaged: true }),
    ],
    locks: [lock("books", { pid: 11, name: "worker-1" }, { depth: 1 }), lock("free", null, { waiters: 0 })],
    queues: [
      queue("jobs", { length: 2, capacity: 2, putPerSecond: 12.34, takenPerSecond: 45_678, putters: [sleeper] }),
      queue("7", { name: "" }),
    ],
    pools: [{
      id: "p",
      name: "",
      pid: 10,
      livesOn: true,
      processes: 2,
      busy: 1,
      queued: 7,
      done: 99,
      failed: 1,
      donePerSecond: 3,
    }],
    events: [{ id: "9", name: "", isSet: false, waiters: 2 }, { id: "8", name: "x", isSet: true, waiters: 0 }],
    troubles: ["a\x1bb"],
  })));
  assertEquals(
    frame,
    [
      "1 tree, 4 processes",
      "",
      "Tree of MainProcess (pid 10): 4 processes, 1.0 MiB shared",
      "  PID  NAME         STATE             CPU  MEMORY  FOR  WAITS",
      "   10  MainProcess  running         1.5 s  80 MiB  2 s  promise: for the end of worker-1 (pid 11)",
      "                                                   2 s  promise: for another process",
      "                                                   2 s  promise: for another process",
      "                                                        6 more promises",
      '   11  worker-1     running, caged   12 %  80 MiB  2 s  to put into the queue "jobs"',
      '   12  名前         starting            ?       ?  2 s  for the lock "books"',
      "   13  halted       stopped, caged  1.5 s  80 MiB",
      "  QUEUE  LENGTH  PUT/S  TAKEN/S  ASLEEP",
      "  jobs   2 of 2     12      46k  to put: worker-1 (pid 11) for 2 s",
      "  LOCK   HOLDER                HELD  WAITERS",
      "  books  worker-1 (pid 11)  3 s (2 deep)        1",
      "  POOL       WORKERS  BUSY  QUEUED           DONE  DONE/S",
      "  of pid 10        2     1       7  99 (1 failed)     3.0",
      "  OTHER     STATE    WAITERS",
      "  event #9  not set        2",
      "  Besides: 1 idle queue without a name, 1 free lock",
      "  a\\u001bb",
    ].map((line) => line.replace("HOLDER                HELD", "HOLDER                     HELD")),
  );
});

Deno.test("top: of hundreds of queues and locks, those that somebody waits at are shown before others", () => {
  const many = Array.from({ length: 100 }, (_, i) => `${i}`);
  const putters = [{ pid: 11, tid: 11, isPromise: false, sinceMs: 2000 }];
  const lines = frameOf(snapshot(tree({
    processes: [process(11, "worker-1", null)],
    queues: many.map((id) => queue(id, { length: 1, putters: id === "77" ? putters : [] })),
    locks: many.map((id) => lock(id, { pid: 11, name: "worker-1" }, { waiters: id === "66" ? 1 : 0 })),
  })));
  const below = (head: string) => lines.slice(lines.findIndex((line) => line.startsWith(`  ${head}`)) + 1);
  const names = (head: string) => below(head).slice(0, 40).map((line) => line.trim().split(/ +/)[0]);
  assertEquals(names("QUEUE"), ["77", ...many.slice(0, 39)]);
  assertEquals(names("LOCK"), ["66", ...many.slice(0, 39)]);
  assertEquals([below("QUEUE")[40], below("LOCK")[40]], Array(2).fill("  … 60 more; --json has all"));
});

Deno.test("top: nobody is there", () => {
  assertEquals(frameOf(snapshot()), ["No process tree of this user uses multiprocessing at the moment."]);
});

Deno.test("top: times, bytes and rates", () => {
  const times = [0, 999.9, 1000, 9999, 10_000, 60_000, 200_000, 7_500_000, 100 * 3_600_000, -1, NaN];
  assertEquals(
    times.map(duration),
    ["0 ms", "999 ms", "1 s", "9.9 s", "10 s", "1 min", "3 min 20 s", "2 h 5 min", "4 d 4 h", "0 ms", "0 ms"],
  );
  assertEquals([0, 999, 1000, 1536, 2 ** 20 * 87.4, 2 ** 50].map(bytes), [
    "0 B",
    "999 B",
    "1.0 KiB",
    "1.5 KiB",
    "87 MiB",
    "1024 TiB",
  ]);
  assertEquals([0, 0.04, 9.96, 120.4, 45_678].map(rate), ["0", "<0.1", "10.0", "120", "46k"]);
});

Deno.test("top: texts are cut to the columns that a terminal gives them", () => {
  assertEquals([widthOf("abc"), widthOf("名前"), widthOf("e\u0301"), widthOf("🦕")], [3, 4, 1, 2]);
  assertEquals([fitted("abc", 3), fitted("abcd", 3), fitted("名前", 3), fitted("a", 0), fitted("ab", 1)], [
    "abc",
    "ab…",
    "名…",
    "",
    "…",
  ]);
  assertEquals(tabled([["a", { right: "1" }], ["名前", { right: "10" }]]), ["a      1", "名前  10"]);
});
