// Queues between Deno and Python: the same queue, whoever made it, put into it, takes from it, or is killed meanwhile.

import {
  Empty,
  EOFError,
  JoinableQueue,
  OwnerDiedError,
  Process,
  Queue,
  ShutDown,
  SimpleQueue,
} from "@parallel/multiprocessing";
import type { Connection } from "@parallel/multiprocessing/connection";
import { assert, assertEquals, assertInstanceOf, assertMatch, assertThrows } from "@std/assert";
import { PATIENCE, within } from "../support/helpers.ts";
import { pythonTest, targetIn } from "../support/python_process.ts";
import type { Python } from "../support/python.ts";
import { producer, takesOne } from "../fixtures/python/queues/deno_side.ts";

// deno-lint-ignore no-explicit-any -- what Python gives, each test knows
type Anything = any;

/** A Python process that runs a function of queueing.py. */
class Running implements AsyncDisposable {
  readonly process: Process;

  constructor(python: Python, name: string, ...args: unknown[]) {
    const target = targetIn(python, "queues/queueing.py", name) as (...args: unknown[]) => unknown;
    this.process = new Process({ target, args, daemon: true });
    this.process.start();
  }

  async kill(): Promise<void> {
    this.process.kill();
    await within(this.process.join());
  }

  async ended(): Promise<void> {
    await within(this.process.join());
    assertEquals(this.process.exitcode, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.process.isAlive()) await this.kill();
  }
}

const queues = () => [new Queue<Anything>(), new Queue<Anything>()] as const;
const next = (queue: Queue<Anything>): Promise<Anything> => queue.get({ timeout: PATIENCE / 4 });
const LENGTHS = [0, 1, 255, 256, 4095, 4096, 65_535, 65_536, 65_537, 2 * 1024 * 1024, 2 * 1024 * 1024 + 1];

function pattern(length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(length).map((_, index) => index * 7 + (index >> 8));
}

pythonTest("values go through a queue and come back", async (python) => {
  const [jobs, results] = queues();
  await using running = new Running(python, "echo", jobs, results);
  const values = [1, "a", { x: [1, 2.5, null] }, new Map([[1, 2]]), 10n ** 30n, new Float64Array([1, 2]), [[], {}]];
  for (const value of values) {
    await jobs.put(value);
    assertEquals(await next(results), value);
  }
  jobs.putSync(null);
  await running.ended();
});

pythonTest("bytes of every length are the same on both sides, those of a loan, too", async (python) => {
  const [jobs, results] = queues();
  await using running = new Running(python, "lengths", jobs, results);
  const sha = async (data: Uint8Array<ArrayBuffer>) =>
    new Uint8Array(await crypto.subtle.digest("SHA-256", data)).toHex();
  for (const length of LENGTHS) {
    const data = pattern(length);
    await jobs.put(data);
    assertEquals(await next(results), ["bytes", length, await sha(data)]);
    assertEquals(await next(results), data);
  }
  for (const length of [1, 70_000]) {
    const data = pattern(length);
    using loan = jobs.loan(length);
    loan.bytes.set(data);
    await loan.put(length);
    assertEquals(await next(results), ["bytes", length, await sha(data)]);
    assertEquals(await next(results), data);
  }
  jobs.putSync(null);
  await running.ended();
});

pythonTest("many at a time, in either direction", async (python) => {
  const [jobs, results] = queues();
  await using running = new Running(python, "many", jobs, results);
  const values = Array.from({ length: 3000 }, (_, n) => n % 100 === 7 ? pattern(5000) : n % 3 === 0 ? { n } : n);
  await jobs.putMany(values);
  const got: unknown[] = [];
  while (got.length < 3000) got.push(...await results.getMany(1000, { timeout: PATIENCE }));
  assertEquals(got.slice(0, 3000), values);
  while (got.length < 3030) got.push(...await results.getMany(1000, { timeout: PATIENCE }));
  assertEquals(got.slice(3000).map((it) => (it as Uint8Array).length), new Array(30).fill(5000));
  await running.ended();
});

pythonTest("of many, one that cannot be read costs no other, and is told by the next call", async (python) => {
  const [jobs, results] = queues();
  await jobs.putMany([1, new Date(NaN), 2, new Uint8Array(70_000), "next"]);
  await using running = new Running(python, "many_with_a_bad_one", jobs, results);
  assertEquals(await next(results), [[1, 2, new Uint8Array(70_000)], "MessageError", ["next"]]);
  await running.ended();
});

pythonTest("what programs see is what they see of CPython's own queues and pipes", async (python) => {
  const results = new Queue<Anything>();
  await using running = new Running(python, "conforms", results);
  const [theirs, ours] = await next(results);
  assertEquals(ours, theirs);
  await running.ended();
});

for (const name of ["puts_for_ever", "puts_many_for_ever"]) {
  pythonTest(`${name}: killed, it has put whole messages, and the end is told`, async (python) => {
    const results = new Queue<Anything>();
    const running = new Running(python, name, results);
    let wanted = 0;
    const check = ([number, data]: [number, Uint8Array]) => {
      assertEquals(number, wanted);
      assert(data.every((byte) => byte === 121));
      wanted++;
    };
    while (wanted < 500) check(await next(results));
    await running.kill();
    assertThrows(() => {
      for (;;) check(results.getSync());
    }, EOFError);
    assert(wanted >= 500);
  });
}

pythonTest("killed while it takes, it costs one message at most", async (python) => {
  const [jobs, results] = queues();
  const running = new Running(python, "gets_for_ever", jobs, results);
  assertEquals(await next(results), "there");
  for (let n = 0; n < 2000; n++) jobs.putSync(n);
  await running.kill();
  const taken = 2000 - jobs.qsize();
  for (let n = taken; n < 2000; n++) assertEquals(jobs.getNowait(), n);
  assertThrows(() => jobs.getNowait(), Empty);
});

pythonTest(
  "a get that nobody will ever serve ends with EOFError: the other side was killed, or has closed",
  async (python) => {
    const [jobs, results] = queues();
    await using running = new Running(python, "ends_of_queues", jobs, results);
    assertEquals(await next(results), "waits");
    jobs.close();
    assertEquals(await next(results), "EOFError");
    await running.ended();
    // A Deno child is the only one who could put, and is killed.
    const [others, told] = queues();
    const child = new Process({ target: producer, args: [others], daemon: true });
    child.start();
    await using waiting = new Running(python, "ends_of_queues", others, told);
    assertEquals(await next(told), "waits");
    others.close();
    child.kill();
    await within(child.join());
    assertEquals(await next(told), "EOFError");
    await waiting.ended();
  },
);

pythonTest("five that wait have each other and nobody else: all are told", async (python) => {
  const [jobs, results] = queues();
  const waiting = Array.from({ length: 5 }, () => new Running(python, "ends_of_queues", jobs, results));
  for (const _ of waiting) assertEquals(await next(results), "waits");
  jobs.close();
  for (const _ of waiting) assertEquals(await next(results), "EOFError");
  for (const running of waiting) await running.ended();
});

pythonTest("join throws where the one who took was killed: on either side", async (python) => {
  const [jobs, results] = [new JoinableQueue<Anything>(), new Queue<Anything>()];
  const running = new Running(python, "takes_one", jobs, results);
  jobs.putSync("work");
  assertEquals(await next(results), "work");
  await running.kill();
  const error = assertThrows(() => jobs.joinSync(), OwnerDiedError);
  assertMatch(error.message, /SIGKILL|killed|ended/);
  const [theirs, told] = [new JoinableQueue<Anything>(), new Queue<Anything>()];
  await using joining = new Running(python, "joins", theirs, told);
  assertEquals(await next(told), "put");
  const child = new Process({ target: takesOne, args: [theirs, told], daemon: true });
  child.start();
  assertEquals(await next(told), 1);
  child.kill();
  await within(child.join());
  const [name, message, exitcode] = await next(told);
  assertEquals([name, exitcode], ["OwnerDiedError", -9]);
  assertMatch(message, /^Cannot join .*SIGKILL without acknowledging a value that it had taken$/);
  await joining.ended();
});

pythonTest("a get is interrupted by Ctrl-C at once, and takes nothing", async (python) => {
  const [jobs, results] = queues();
  await using running = new Running(python, "is_interrupted", jobs, results);
  assertEquals(await next(results), "waits");
  Deno.kill(running.process.pid!, "SIGINT");
  assertEquals(await next(results), "KeyboardInterrupt");
  jobs.putSync("next");
  assertEquals(await next(results), "next");
  await running.ended();
});

pythonTest("eight threads put what eight threads take", async (python) => {
  const [jobs, results] = [new Queue<Anything>(16), new Queue<Anything>()];
  await using running = new Running(python, "threads", jobs, results);
  assertEquals(await next(results), 8 * 500 * 499 / 2);
  await running.ended();
});

pythonTest("queues and pipes travel through Python, and out of it", async (python) => {
  const [jobs, results] = queues();
  await using running = new Running(python, "hands_on", jobs, results);
  const inner = new Queue<Anything>(0, { name: "inner" });
  jobs.putSync([inner, new SimpleQueue(), new JoinableQueue()]);
  const [back, simple, joinable] = await next(results);
  assertInstanceOf(simple, SimpleQueue);
  assertInstanceOf(joinable, JoinableQueue);
  assertEquals([back.name, back.getNowait(), inner.qsize()], ["inner", "by way of Python", 0]);
  const [queue, counted, plain, connection] = await next(results) as [
    Queue<Anything>,
    JoinableQueue<Anything>,
    SimpleQueue<Anything>,
    Connection<Anything>,
  ];
  assertEquals([queue.name, queue.full(), queue.getNowait()], ["mine", false, "from Python"]);
  assertEquals([counted.getNowait(), plain.getSync()], ["from Python", "from Python"]);
  counted.taskDone();
  assert(await counted.join({ timeout: PATIENCE }));
  const { pipe } = connection.recvSync();
  pipe.putSync("through the pipe");
  assertEquals(queue.getNowait(), "through the pipe");
  await connection.send(queue);
  const again = await next(results);
  again.putSync(7);
  assertEquals(queue.getNowait(), 7);
  connection.close();
  await running.ended();
});

pythonTest("a queue that is shut down is so on both sides", async (python) => {
  const [jobs, results] = queues();
  const mine = new Queue<Anything>();
  jobs.putSync(mine);
  jobs.putSync("last");
  jobs.shutdown();
  await using running = new Running(python, "shuts_down", jobs, results);
  assertEquals(await next(results), ["last", "ShutDown", "ShutDown"]);
  assertEquals(await next(results), [0, "ShutDown", "ShutDown"]);
  assertThrows(() => mine.getNowait(), ShutDown);
  await running.ended();
});

pythonTest("errors travel as what they are on the other side", async (python) => {
  const [jobs, results] = queues();
  await using running = new Running(python, "empties", jobs, results);
  jobs.putSync(new Empty("nothing"));
  assertEquals(await next(results), [true, "Empty", "nothing"]);
  const error = await next(results);
  assertInstanceOf(error, RangeError);
  assertEquals([Reflect.get(error, "type"), Reflect.get(error, "args")], ["KeyError", ["key"]]);
  assertMatch(error.stack!, /^KeyError: 'key'\n +at empties \(file:.*queueing\.py:\d+:\d+\)/);
  await running.ended();
});
