// Options of pools, of their calls and of processes that there are not, or that are of the wrong kind.

import { Pool, Process } from "@parallel/multiprocessing";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { square } from "../fixtures/pool/pool_targets.ts";

/** What is given where types would refuse it. */
const odd = (options: object) => options as never;

Deno.test("options that there are not are refused by every call of a pool, with what may be meant", async () => {
  await using pool = new Pool(1);
  const calls: Record<string, (options: object) => unknown> = {
    apply: (options) => pool.apply(square, [3], odd(options)),
    applyAsync: (options) => pool.applyAsync(square, [3], odd(options)),
    map: (options) => pool.map(square, [3], odd(options)),
    mapAsync: (options) => pool.mapAsync(square, [3], odd(options)),
    starmap: (options) => pool.starmap(square, [[3]], odd(options)),
    starmapAsync: (options) => pool.starmapAsync(square, [[3]], odd(options)),
    imap: (options) => pool.imap(square, [3], odd(options)),
    imapUnordered: (options) => pool.imapUnordered(square, [3], odd(options)),
    toTransformStream: (options) => pool.toTransformStream(square, odd(options)),
  };
  const refused = (call: (options: object) => unknown, options: object) =>
    assertRejects(() => Promise.try(call, options), TypeError);
  for (const [name, call] of Object.entries(calls)) {
    const { message } = await refused(call, { timeuot: 5 });
    assert(
      message.startsWith(`Cannot ${name}: "timeuot" is no option, wanted signal, timeout, taskTimeout, retries`),
      message,
    );
    assert(message.endsWith(`; did you mean "timeout"?`), message);
    assert(!(await refused(call, { other: undefined })).message.includes("did you mean"));
    const unfit = { apply: "chunksize", map: "kwargs", starmap: "buffersize", toTransformStream: "callback" }[name] ??
      (name.startsWith("imap") ? "ordered" : "buffersize");
    assert((await refused(call, { [unfit]: 2 })).message.includes(`"${unfit}" is no option`));
    for (const options of [null, 5, "x"]) {
      assert((await refused(call, odd(options as never))).message.includes("wanted an object"), name);
    }
  }
  const result = pool.applyAsync(square, [3]);
  const results = pool.imap(square, [3]);
  pool.close();
  const waits: ((options: object) => Promise<unknown>)[] = [
    (options) => result.get(odd(options)),
    (options) => result.wait(odd(options)),
    (options) => results.next(odd(options)),
    (options) => pool.join(odd(options)),
    (options) => pool.idle(odd(options)),
  ];
  for (const wait of waits) {
    const { message } = await refused(wait, { timeuot: 5 });
    assert(message.endsWith(`"timeuot" is no option, wanted timeout, signal; did you mean "timeout"?`), message);
    assert((await refused(wait, { block: false })).message.includes('"block" is no option'));
  }
  assertEquals([await result.get(), (await results.next()).value, await pool.join()], [9, 9, true]);
});

Deno.test("what was refused costs a pool nothing", async () => {
  await using pool = new Pool(1);
  await assertRejects(() => pool.apply(square, [3], odd({ timeuot: 5 })), TypeError);
  assertEquals(pool.stats().done, 0);
  assertEquals(await pool.apply(square, [3], { timeout: 60_000, retries: 1 }), 9);
});

Deno.test("names that are nearly right are recognised", () => {
  const near: Record<string, string> = {
    maxTasksPerChild: "maxtasksperchild",
    max_memory: "maxMemory",
    initarg: "initargs",
    initialiser: "initializer",
    demon: "daemon",
    nmae: "name",
    sterr: "stderr",
  };
  for (const [given, meant] of Object.entries(near)) {
    const { message } = assertThrows(() => new Pool(1, odd({ [given]: 1 })), TypeError);
    assert(message.endsWith(`; did you mean "${meant}"?`), message);
  }
  assertThrows(() => new Process(odd({ kwarg: {} })), TypeError, '"kwarg" is no option');
  assertThrows(() => new Process(odd({ Target: square })), TypeError, 'did you mean "target"?');
  assertThrows(() => new Process(odd({ group: null })), TypeError, "wanted target, args, kwargs, name");
});

Deno.test("how many workers there can be is said at once", () => {
  for (const processes of [1024, 1e6, 1e9, Number.MAX_SAFE_INTEGER]) {
    const wanted = `"processes" is ${processes}, wanted at most 1023`;
    assertThrows(() => new Pool(processes), RangeError, wanted);
  }
  for (const processes of [0, -1, 1.5, NaN, Infinity]) assertThrows(() => new Pool(processes), RangeError);
  for (const processes of ["2", true, 2n, Symbol("2")]) {
    assertThrows(() => new Pool(odd(processes as unknown as object)), TypeError, '"processes" is ');
  }
  for (const processes of [[], [2], new Map([["max", 2]]), new Number(2), new Date(), Object.create([2])]) {
    assertThrows(() => new Pool(odd(processes)), TypeError, "wanted a whole number from 1 on, or { min, max }");
  }
});

Deno.test("options of the wrong kind are refused before anything is started", async () => {
  const wrong: Record<string, unknown> = {
    ...{ name: 5, daemon: "no", stderr: "null", maxtasksperchild: "3", maxMemory: {}, grace: "1", initargs: "abc" },
    ...{ context: {}, initializer: 5 },
  };
  for (const [name, value] of Object.entries(wrong)) assertThrows(() => new Pool(1, odd({ [name]: value })), TypeError);
  await using pool = new Pool(1);
  for (const options of [{ signal: {} }, { timeout: "1" }, { retries: "1" }, { kwargs: 5 }, { kwargs: null }]) {
    await assertRejects(() => pool.apply(square, [3], odd(options)), TypeError);
  }
  for (const priority of [NaN, Infinity, -Infinity]) {
    await assertRejects(() => pool.apply(square, [3], { priority }), RangeError, `"priority" is ${priority}, wanted a`);
  }
  for (const taskTimeout of [0, -1, NaN]) {
    await assertRejects(
      () => pool.apply(square, [3], { taskTimeout }),
      RangeError,
      `"taskTimeout" is ${taskTimeout}, `,
    );
    assertThrows(() => new Pool(1, { taskTimeout }), RangeError, `"taskTimeout" is ${taskTimeout}, wanted more than 0`);
  }
  await assertRejects(() => pool.apply(square, [3], odd({ taskTimeout: "1" })), TypeError, '"taskTimeout" is "1"');
  const bad: [retries: object, Refusal: typeof TypeError | typeof RangeError, message: string][] = [
    [[], TypeError, 'Cannot apply: "retries" is [], wanted a whole number from 0 on, or { count, on, delay }'],
    [new Map(), TypeError, '"retries" is Map(0) {}, wanted a whole number'],
    [new Number(1), TypeError, '"retries" is [Number: 1], wanted a whole number'],
    [{}, TypeError, 'Cannot apply: "retries.count" is undefined, wanted a whole number from 0 on'],
    [{ count: -1 }, RangeError, '"retries.count" is -1'],
    [{ count: 1, on: "errors" }, TypeError, '"retries.on" is "errors", wanted "lost", "error" or a function'],
    [{ count: 1, delay: -1 }, RangeError, '"retries.delay" is -1, wanted milliseconds from 0 to 2147483647'],
    [{ count: 1, delay: "1" }, TypeError, '"retries.delay" is "1"'],
    [{ count: 1, dely: 1 }, TypeError, '"dely" is no option, wanted count, on, delay; did you mean "delay"?'],
  ];
  for (const [retries, Refusal, message] of bad) {
    await assertRejects(() => pool.apply(square, [3], odd({ retries })), Refusal, message);
  }
  await assertRejects(() => pool.apply(square, [3], odd({ priority: "1" })), TypeError, '"priority" is "1", wanted a');
  await assertRejects(() => pool.map(square, [3], odd({ progress: "yes" })), TypeError, '"progress" is "yes"');
  await assertRejects(() => pool.map(square, [3], odd({ chunksize: "2" })), TypeError, '"chunksize" is "2"');
  assertThrows(() => pool.toTransformStream(square, odd({ ordered: 0 })), TypeError, '"ordered" is 0, wanted true or');
});

Deno.test("a pool is named as every other object is", () => {
  for (const name of ["", "\0", "x".repeat(1000), "é".repeat(128), 5, null]) {
    assertThrows(() => new Pool(1, odd({ name })), TypeError, "wanted a string of 1 to 255 bytes without NUL");
  }
});

Deno.test("hooks and a finalizer of a pool are functions", () => {
  for (const name of ["onWorkerStart", "onWorkerExit"]) {
    assertThrows(
      () => new Pool(1, odd({ [name]: 3 })),
      TypeError,
      `Cannot create a pool: "${name}" is 3, wanted a function`,
    );
  }
  assertThrows(() => new Pool(1, odd({ finalizer: 3 })), TypeError);
  assertThrows(() => new Pool(1, { finalizer: () => {} }), TypeError);
});
