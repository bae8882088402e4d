// What `why` tells of waits, on trees that are made up: each kind of wait, and what it may lead to.

import { assertEquals } from "@std/assert";
import { parseStatus } from "../../src/cli/proc.ts";
import { lock, process, promise, queue, storyOf, thread, tree, wait } from "./made_up.ts";

const [A, B, C] = [{ pid: 11, name: "worker-1" }, { pid: 12, name: "worker-2" }, { pid: 13, name: "worker-3" }];

Deno.test("why: a chain is followed to its end, and the end is named", () => {
  const chain = tree({
    processes: [
      process(11, "worker-1", wait("lock", "books")),
      process(12, "worker-2", wait("queue-put", "jobs")),
      process(13, "worker-3", null),
    ],
    locks: [lock("books", B, { waiters: 3 })],
    queues: [queue("jobs", { length: 2, capacity: 2, users: [12, 13] })],
  });
  const beginning = [
    'Its main thread waits for the lock "books", for 2 s.',
    "  It is held by the main thread of worker-2 (pid 12), for at least 3 s. 2 others wait for it, too.",
    '  The main thread of worker-2 (pid 12) waits to put into the queue "jobs", for 2 s.',
    "    It is full: 2 messages of 2, and nobody waits to take from it.",
    "    1 other process has it: worker-3 (pid 13).",
  ];
  assertEquals(storyOf(chain, 11, { 13: "running" }), [
    ...beginning,
    "    The main thread of worker-3 (pid 13) is running on the CPU.",
  ]);
  assertEquals(storyOf(chain, 11, { 13: "stopped" }), [
    ...beginning,
    '    The main thread of worker-3 (pid 13) is stopped (SIGSTOP or the like); "kill -CONT 13" lets it go on.',
  ]);
});

Deno.test("why: threads that wait for each other in a circle are a deadlock, of which each is named", () => {
  const crosswise = tree({
    processes: [process(11, "worker-1", wait("lock", "b")), process(12, "worker-2", wait("lock", "a"))],
    locks: [lock("a", A), lock("b", B)],
  });
  assertEquals(storyOf(crosswise, 11), [
    'Its main thread waits for the lock "b", for 2 s.',
    "  It is held by the main thread of worker-2 (pid 12), for at least 3 s.",
    '  The main thread of worker-2 (pid 12) waits for the lock "a", for 2 s.',
    "    It is held by the main thread of worker-1 (pid 11), for at least 3 s.",
    "Deadlock: worker-1 (pid 11) waits for worker-2 (pid 12), which waits for worker-1 (pid 11).",
  ]);
  const alone = tree({ processes: [process(11, "worker-1", wait("lock", "a"))], locks: [lock("a", A)] });
  assertEquals(storyOf(alone, 11), [
    'Its main thread waits for the lock "a", for 2 s.',
    "  It is held by the same thread, the main thread of worker-1 (pid 11), for at least 3 s.",
    "Deadlock: worker-1 (pid 11) waits for itself.",
  ]);
});

Deno.test("why: a circle of promises is no certain deadlock", () => {
  const promised = tree({
    processes: [
      process(11, "worker-1", null, { promises: [promise(11, "lock", "b")] }),
      process(12, "worker-2", null, { promises: [promise(12, "lock", "a")] }),
    ],
    locks: [lock("a", A), lock("b", B)],
  });
  assertEquals(
    storyOf(promised, 11).at(-1),
    "This looks like a deadlock, unless other code of these event loops goes on: worker-1 (pid 11) waits for " +
      "worker-2 (pid 12), which waits for worker-1 (pid 11).",
  );
});

Deno.test("why: who waits for somebody that waits in a circle is told of it, too; and a circle that can be left is none", () => {
  const beside = [process(11, "worker-1", wait("lock", "b")), process(12, "worker-2", wait("lock", "a"))];
  const locks = [lock("a", A), lock("b", B)];
  const behind = tree({ processes: [...beside, process(13, "worker-3", wait("process", null, 11))], locks });
  assertEquals(
    storyOf(behind, 13).at(-1),
    "Deadlock: worker-1 (pid 11) waits for worker-2 (pid 12), which waits for worker-1 (pid 11).",
  );
  // The queue that worker-2 waits at may be filled by worker-3, which goes on.
  const left = tree({
    processes: [
      process(11, "worker-1", wait("lock", "b")),
      process(12, "worker-2", wait("queue-get", "q")),
      process(13, "", null),
    ],
    locks: [lock("b", B)],
    queues: [queue("q", { users: [11, 12, 13] })],
  });
  assertEquals(storyOf(left, 11).filter((text) => /deadlock|Nobody is left/i.test(text)), []);
  const taken = { ...left, queues: [queue("q", { users: [11, 12] })] };
  assertEquals(
    storyOf(taken, 11).at(-1),
    "Deadlock: worker-1 (pid 11) waits for worker-2 (pid 12), which waits for worker-1 (pid 11).",
  );
});

Deno.test("why: queues that nobody else has, or that are about to go on", () => {
  const at = (kind: "queue-get" | "queue-put" | "queue-join", parts: Parameters<typeof queue>[1]) =>
    storyOf(tree({ processes: [process(11, "worker-1", wait(kind, "q"))], queues: [queue("q", parts)] }), 11).slice(1);
  const stuck = "Nobody is left who could end this wait, unless it has a timeout or a signal.";
  assertEquals(at("queue-get", { users: [11] }), [
    "  It is empty, and nobody is about to put anything in.",
    "  No other living process has it, so nobody puts anything in, unless another part of worker-1 (pid 11) does.",
    stuck,
  ]);
  assertEquals(
    at("queue-put", { users: null, length: 1, capacity: 1 })[1],
    "  It was never sent to another process, so only another part of worker-1 (pid 11) could take anything.",
  );
  assertEquals(at("queue-get", { users: [11], length: 3 })[0], "  It has 3 messages: the wait is about to end.");
  assertEquals(at("queue-get", { isShutDown: true }), ["  It is shut down: the wait is about to end."]);
  assertEquals(
    at("queue-join", { users: [11], unfinished: 2, length: 1 })[0],
    "  2 messages are not acknowledged; 1 of them in the queue still.",
  );
});

Deno.test("why: barriers, semaphores, events and conditions say what they lack", () => {
  const story = (kind: "barrier" | "semaphore" | "event" | "condition", parts: Parameters<typeof tree>[0]) =>
    storyOf(
      tree({ processes: [process(11, "worker-1", wait(kind, "x")), process(12, "worker-2", null)], ...parts }),
      11,
    )
      .slice(1);
  const it = { id: "x", name: "x", waiters: 1 };
  assertEquals(story("barrier", { barriers: [{ ...it, parties: 2, arrived: 1, isBroken: false }] }), [
    "  1 of 2 parties have come: worker-1 (pid 11).",
    "  1 missing. Not there: worker-2 (pid 12).",
    "  The main thread of worker-2 (pid 12) sleeps, for something that is not this package's: a timer, a file, the " +
    "network.",
  ]);
  assertEquals(story("semaphore", { semaphores: [{ ...it, value: 0, bound: 3 }] }), [
    "  Its value is 0 of 3. Who has acquired it is not recorded; any process may release it.",
  ]);
  assertEquals(story("event", { events: [{ ...it, isSet: false }] }), [
    "  It is not set. Any process that has it may set it.",
  ]);
  assertEquals(
    story("condition", { conditions: [{ ...it, lock: "l" }], locks: [lock("l", B)] }).slice(0, 2),
    [
      "  Nobody has notified it yet. Whoever does must hold its lock.",
      "  It is held by the main thread of worker-2 (pid 12), for at least 3 s.",
    ],
  );
});

Deno.test("why: a holder that has ended, a lock that is free, a Worker's thread, names that would steer a terminal", () => {
  const story = (held: ReturnType<typeof lock>, waiting = [process(11, "worker-1", wait("lock", "a"))]) =>
    storyOf(tree({ processes: waiting, locks: [held] }), 11);
  const dead = { pid: 9, tid: 9, processName: "gone\x1b[2J", livesOn: false };
  assertEquals(
    story(lock("a", null, { holder: dead }))[1],
    "  Its holder, gone\\u001b[2J (pid 9), has ended: who waits notices that within about a second.",
  );
  assertEquals(story(lock("a", null))[1], "  It is free at this moment: the wait is about to end.");
  const threads = [thread(11, null), thread(14, wait("lock", "a"), "worker\n0")];
  assertEquals(
    story(lock("a", C, { name: "\u202ea" }), [process(11, "", null, { threads })])[0],
    'Its thread 14 "worker\\u000a0" waits for the lock "\\u202ea", for 2 s.',
  );
});

Deno.test("why: the system's line of a process is read whatever its program is called", () => {
  assertEquals(parseStatus("12 (a) R (b) S 1 2 3"), { program: "a) R (b", activity: "sleeping" });
  assertEquals(parseStatus("12 (x\n\x1by) T 1 2 3"), { program: "x\\u000a\\u001by", activity: "stopped" });
  assertEquals(parseStatus(""), { program: "", activity: "unknown" });
});
