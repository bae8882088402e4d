// What becomes of what an isolate has when it ends, and of what its thread still waits for: Workers that are terminated,
// modules of `deno test` and `deno bench`, programs that `--watch` restarts.

import {
  Barrier,
  BrokenBarrierError,
  Client,
  Condition,
  EOFError,
  Event,
  JoinableQueue,
  Lock,
  OwnerDiedError,
  Pipe,
  Process,
  Queue,
  RLock,
  Semaphore,
  SimpleQueue,
  Value,
} from "@parallel/multiprocessing";
import { dumps } from "@parallel/multiprocessing/reduction";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { native } from "../../src/addon/load.ts";
import { keep } from "../fixtures/runtime/ended_isolate_targets.ts";
import type { Wait } from "../fixtures/runtime/zombie_worker.ts";
import { begin } from "../support/children.ts";
import {
  assertNothingLeft,
  belongings,
  FIXTURES,
  isRunning,
  PATIENCE,
  startProgram,
  threads,
  until,
  within,
} from "../support/helpers.ts";

Deno.test.beforeAll(begin);

const ZOMBIE = new URL("runtime/zombie_worker.ts", FIXTURES);

/** A Worker that says when it is about to block in that wait of that object; then time enough has passed for it to. */
async function blocking(object: object, wait: Wait, WorkerClass = Worker): Promise<Worker & { said: string[] }> {
  const worker = new WorkerClass(ZOMBIE, { type: "module" }) as Worker & { said: string[] };
  worker.said = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  worker.onmessage = ({ data }) => data === "waits" ? resolve() : worker.said.push(data);
  worker.postMessage({ bytes: dumps(object).bytes, wait });
  await within(promise, `a Worker that waits in "${wait}"`);
  await pause(100);
  return worker;
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Long enough for a thread that has been woken to take what it was woken for. */
const MOMENT = 250;

/** What is given when the Worker has been terminated, and whether it then is still there. */
interface Gift {
  object: object & Partial<Disposable>;
  wait: Wait;
  give(): void;
  assertThere(): void | Promise<void>;
}

/** All kinds of waits that take something. */
function gifts(): Record<string, Gift> {
  const made: Record<string, Gift> = {};
  for (const queue of [new Queue<string>(), new JoinableQueue<string>(), new SimpleQueue<string>()]) {
    const object: Disposable = queue;
    const assertThere = () => assertEquals(queue.getSync(), "precious");
    made[queue.constructor.name] = { object, wait: "get", give: () => queue.putSync("precious"), assertThere };
  }
  const full = new Queue<string>(1);
  full.putSync("first");
  made["full Queue"] = {
    object: full,
    wait: "put",
    give: () => assertEquals(full.getSync(), "first"),
    assertThere: () => assertEquals(full.qsize(), 0),
  };
  const semaphore = new Semaphore(0);
  made.Semaphore = {
    object: semaphore,
    wait: "acquire",
    give: () => semaphore.release(),
    assertThere: () => assertEquals(semaphore.getValue(), 1),
  };
  const value = Value("i", 0);
  for (const lock of [new Lock(), new RLock(), value.getLock()]) {
    const guard = lock.acquireSync();
    const name = lock === value.getLock() ? "lock of a Value" : lock.constructor.name;
    const assertThere = () => assert(!lock.locked());
    made[name] = { object: lock, wait: "acquire", give: () => guard.release(), assertThere };
  }
  return made;
}

Deno.test("a Worker that was terminated in a blocking wait takes nothing: messages, room, permits, locks", async () => {
  const kinds = Object.entries(gifts());
  // A queue that no other process has is another subject.
  using over = new Event();
  const queues = kinds.filter(([name]) => name.endsWith("Queue")).map(([, { object }]) => object);
  const keeper = new Process({ target: keep, args: [queues, over] });
  keeper.start();
  const workers = await Promise.all(kinds.map(([, { object, wait }]) => blocking(object, wait)));
  for (const worker of workers) worker.terminate();
  for (const [, { give }] of kinds) give();
  await pause(MOMENT);
  for (const [i, [name, { assertThere, object }]] of kinds.entries()) {
    await within(Promise.resolve(assertThere()), name);
    assertEquals(workers[i].said, [], name); // who is terminated is not heard
    object[Symbol.dispose]?.();
  }
  over.set();
  assert(await keeper.join({ timeout: PATIENCE }));
});

Deno.test("a Worker that was terminated in a Condition leaves its notification to another, and in a Barrier breaks it", async () => {
  using condition = new Condition(new Lock());
  const worker = await blocking(condition, "wait");
  await condition.acquire();
  const waited = condition.wait({ timeout: PATIENCE });
  worker.terminate();
  await condition.acquire();
  condition.notify(); // it has waited longest
  condition.release();
  assertEquals(await within(waited), true);
  condition.release();
  await pause(MOMENT);
  assert(condition.tryAcquire() !== null, "the lock has not come back to the Worker");
  condition.release();

  using barrier = new Barrier(3);
  const party = await blocking(barrier, "meet");
  const other = barrier.wait();
  await until("two parties", () => barrier.nWaiting === 2);
  party.terminate();
  await assertRejects(() => within(other), BrokenBarrierError);
  assert(barrier.broken);
});

Deno.test("a Worker that was terminated in recvSync leaves the message in the pipe", async () => {
  const [ours, theirs] = Pipe();
  const worker = await blocking(theirs, "receive");
  worker.terminate();
  ours.sendSync("precious");
  await pause(MOMENT);
  assertEquals(await within(theirs.recv()), "precious");
  assertEquals(worker.said, []);
  ours.close();
  theirs.close();
});

Deno.test("a Worker whose number nobody knew takes nothing either, and another goes on", async () => {
  // As if they had been made before the package was first used.
  const Unknown = Worker.prototype.constructor as typeof Worker;
  using first = new Semaphore(0);
  using second = new Semaphore(0);
  const zombie = await blocking(first, "acquire", Unknown);
  const survivor = await blocking(second, "acquire");
  zombie.terminate();
  first.release();
  second.release();
  await until("the other Worker to take", () => survivor.said.includes("took"));
  await pause(MOMENT);
  assertEquals(first.getValue(), 1);
  survivor.terminate();
});

Deno.test("terminating one Worker does not hold up another", async () => {
  using semaphore = new Semaphore(0);
  const survivor = await blocking(semaphore, "acquire");
  const doomed = await blocking(semaphore, "acquire");
  doomed.terminate();
  semaphore.release();
  await until("the other Worker to take", () => survivor.said.includes("took"));
  survivor.terminate();
});

Deno.test("what a Worker has is given back when it is terminated: memory, descriptors, processes, threads, locks, waits", async () => {
  using lock = new Lock();
  using semaphore = new Semaphore(0);
  using event = new Event();
  using barrier = new Barrier(2);
  const waited = (): number => native().memoryUsage().blocks;
  let before = belongings();
  let blocks = 0;
  for (let round = 0; round < 3; round++) {
    const [ours, theirs] = Pipe();
    const worker = new Worker(new URL("runtime/ended_isolate.ts", FIXTURES), { type: "module" });
    const { promise, resolve, reject } = Promise.withResolvers<{ pids: number[]; port: number }>();
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = (event) => (event.preventDefault(), reject(new Error(event.message)));
    const message = dumps({ lock, semaphore, event, barrier, connection: theirs });
    worker.postMessage(message.bytes);
    theirs.close();
    const { pids, port } = await within(promise, "the Worker");
    assert(message.bytes.length > 0); // what a message offers is taken back when its bytes are collected
    worker.terminate();
    await assertRejects(() => lock.acquire({ timeout: PATIENCE }), OwnerDiedError);
    await assertRejects(() => within(ours.recv()), EOFError);
    ours.close();
    await until("its daemons gone", () => pids.every((pid) => !isRunning(pid)));
    await until("its thread gone", () => !threads().some((name) => name.startsWith("worker-")));
    await assertRejects(() => Client(["127.0.0.1", port]), Deno.errors.ConnectionRefused);
    semaphore.release();
    assert(semaphore.tryAcquire() !== null);
    await assertRejects(() => barrier.wait({ timeout: 0 }), Error, "broken");
    barrier.reset();
    // The first round makes what this process keeps.
    if (round === 0) before = belongings();
    if (round === 0) blocks = waited();
    else await until(`${blocks} blocks instead of ${waited()}`, () => waited() <= blocks);
  }
  await assertNothingLeft(before);
});

/** What isolates of one process said that it has, each at its beginning. */
function heard(text: string): { blocks: number; descriptors: number }[] {
  return [...text.matchAll(/has (\{.*?\});/g)].map(([, json]) => JSON.parse(json));
}

/** A later isolate finds no more than the first did, but for what the process keeps: its reactors' descriptors, say. */
function assertNoMore([first, ...later]: { blocks: number; descriptors: number }[], count: number): void {
  assertEquals(later.length, count);
  for (const { blocks, descriptors } of later) {
    assert(blocks <= first.blocks, `${blocks} blocks, ${first.blocks} before`);
    assert(descriptors <= first.descriptors + 10, `${descriptors} descriptors, ${first.descriptors} before`);
  }
}

for (const command of ["test", "bench"]) {
  Deno.test(`a module of deno ${command} that leaves a pool and everything else open ends quietly, and gives it back`, async () => {
    const files = ["runtime/left_open.ts", "runtime/left_open_again.ts"].map((name) =>
      new URL(name, FIXTURES).pathname
    );
    const { success, stdout, stderr } = await within(
      new Deno.Command(Deno.execPath(), { args: [command, "-A", "--no-check", ...files], env: { NO_COLOR: "1" } })
        .output(),
    );
    const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    assert(success, text);
    assertNoMore(heard(text), 1);
  });
}

Deno.test("a program that --watch restarts gives back what it had before", async () => {
  const touched = await Deno.makeTempFile();
  await using program = startProgram(new URL("runtime/left_open.ts", FIXTURES), {
    flags: ["-A", "--no-check", `--watch=${touched}`],
    args: ["run"],
  });
  const times = (count: number) =>
    until(`${count} times "holds"`, () => program.output.split("holds;").length === count + 1);
  for (let count = 1; count <= 3; count++) {
    await times(count);
    await pause(100); // for Deno to watch
    if (count < 3) await Deno.writeTextFile(touched, String(count));
  }
  assertNoMore(heard(program.output), 2);
  await Deno.remove(touched);
});
