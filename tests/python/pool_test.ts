// Pools whose workers run Python: calls, values, errors and options. What dies is in pool_losses_test.ts.

import {
  getContext,
  MaybeEncodingError,
  Pool,
  type PoolOptions,
  ProcessError,
  python,
  RawArray,
  RemoteError,
} from "@parallel/multiprocessing";
import { assert, assertEquals, assertInstanceOf, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import * as messages from "../../src/pool/messages.ts";
import * as denoTargets from "./deno_targets.ts";
import { each, functions, MODULE, oldest } from "./pools.ts";

each("every kind of call, in Python", async (pool, { version }) => {
  const { square, subtract, who } = functions;
  assertEquals(await pool.apply(square, [3]), 9);
  assertEquals(await pool.apply(subtract, [3, 5]), -2);
  assertEquals(await pool.map(square, [1, 2, 3, 4.5]), [1, 4, 9, 20.25]);
  assertEquals(await pool.map(square, Array.from({ length: 100 }, (_, i) => i), { chunksize: 50 }), squares(100));
  assertEquals(await pool.starmap(subtract, [[1, 2], [5, 3]]), [-1, 2]);
  assertEquals(await Array.fromAsync(pool.imap(square, [1, 2, 3])), [1, 4, 9]);
  assertEquals((await Array.fromAsync(pool.imapUnordered(square, [1, 2, 3]))).sort(), [1, 4, 9]);
  const stream = ReadableStream.from([1, 2]).pipeThrough(pool.toTransformStream(square));
  assertEquals(await Array.fromAsync(stream), [1, 4]);
  const heard: number[] = [];
  const result = pool.applyAsync(square, [5], { callback: (value) => heard.push(value) });
  assertEquals([await result.get(), heard], [25, [25]]);
  assertEquals(await pool.mapAsync(square, [6, 7]).get(), [36, 49]);
  const [pid, of] = await pool.apply(who);
  assert(pid !== Deno.pid && pool.stats().workers.some((worker) => worker.pid === pid));
  assertEquals(of, [...version]);
});

const squares = (n: number) => Array.from({ length: n }, (_, i) => i * i);

each("keyword arguments, awaitables, and values there and back", async (pool) => {
  const { named, later, echo, kind } = functions;
  assertEquals(await pool.apply(named, [3], { kwargs: { times: 2, word: "x" } }), [6, "x"]);
  const wrong = await assertRejects(() => pool.apply(named, [3], { kwargs: { time: 2 } }), TypeError);
  assertStringIncludes(wrong.message, "unexpected keyword argument 'time'");
  assertEquals(await pool.map(later, [1, 2]), [2, 3]);
  const small = { text: "é\u0000😀", list: [1, -1.5, null, true, 2n ** 70n], nested: { a: [] } };
  assertEquals(await pool.apply(echo, [small]), small);
  for (const size of [0, 1, 4095, 4096, 4097, 300_000, 3_000_000]) {
    const bytes = Uint8Array.from({ length: size }, (_, i) => i * 31);
    assertEquals(await pool.apply(echo, [bytes]), bytes);
  }
  const several = [new Uint8Array(5000).fill(1), "between", new Uint8Array(70_000).fill(2)];
  assertEquals(await pool.map(echo, several, { chunksize: 3 }), several);
  const numbers = Array.from({ length: 40 }, (_, i) => i % 2 ? i : i + 0.5);
  assertEquals(await pool.map(echo, numbers, { chunksize: 40 }), numbers);
  assertEquals(await pool.map(kind, [1, 1.5, "", null, [1], { a: 1 }, new Uint8Array(1), true]), [
    ...["int", "float", "str", "NoneType", "list", "dict", "bytes", "bool"],
  ]);
});

each("an array that processes share is not copied; any other is", async (pool) => {
  const { double_in_place, echo } = functions;
  const shared = RawArray("f64", [1, 2.5, 3]);
  await pool.apply(double_in_place, [shared]);
  assertEquals([...shared], [2, 5, 6]);
  const own = Float64Array.of(1, 2.5);
  await pool.apply(double_in_place, [own]);
  assertEquals([...own], [1, 2.5]);
  for (const values of [own, Float32Array.of(1.5), Int32Array.of(-1), new BigUint64Array(3)]) {
    assertEquals(await pool.apply(echo, [values]), values);
  }
});

each("an exception arrives as the nearest error, with the lines of Python and of the caller", async (pool) => {
  const { fail } = functions;
  const caught = async (how: string) =>
    await assertRejects(() => pool.apply(fail, [how])) as Error & { type: string; args: unknown[]; notes?: unknown[] };
  const value = await caught("value");
  assertInstanceOf(value, RangeError);
  assertEquals([value.type, value.args], ["ValueError", ["less than nothing", -1]]);
  const frames = value.stack!.split("\n").filter((line) => /^ {4}at /.test(line));
  assert(/at fail \(file:\/\/\/.*pool_functions\.py:\d+:\d+\)$/.test(frames[0]), value.stack);
  assertStringIncludes(value.stack!, `at pool.apply("value") (`);
  assertStringIncludes(value.stack!, "pool_test.ts");
  const remote = value.cause as RemoteError;
  assertInstanceOf(remote, RemoteError);
  assertStringIncludes(remote.remoteStack, "Traceback (most recent call last):");
  assertStringIncludes(remote.remoteStack, "ValueError: ('less than nothing', -1)");
  assert(!remote.remoteStack.includes("deno_multiprocessing/"), remote.remoteStack);

  assertEquals((await caught("key")).type, "KeyError");
  assertEquals((await caught("note")).notes, ["in line 3"]);
  assertInstanceOf(await caught("absent.txt"), Deno.errors.NotFound);
  const above = await caught("cause");
  assertEquals([above.message, (above.cause as { type?: string }).type], ["on top", "KeyError"]);
  assertStringIncludes((await caught("own")).message, "7");
  assertEquals((await caught("own")).type, "pool_functions.Unheard");
  assertEquals((await caught("silent")).type, "pool_functions.fail.<locals>.Silent");
  assertEquals((await caught("deep")).type, "RecursionError");
});

each("an item that fails is named, and with `settled` the others have their results", async (pool) => {
  const { not_negative, at_least } = functions;
  const error = await assertRejects(() => pool.map(not_negative, [1, -2, 3], { chunksize: 3 }), RangeError);
  assertStringIncludes(error.stack!, "at item 1 of pool.map, -2 (PoolWorker-");
  assertEquals((error.cause as RemoteError).index, 1);
  const all = await pool.map(not_negative, [1, -2, 3], { chunksize: 3, settled: true });
  assertEquals(all.map((it) => it.status === "fulfilled" ? it.value : it.reason.message), [1, "-2 is less than 0", 3]);
  const star = await pool.starmap(at_least, [[5, 3], [1, 3]], { settled: true, chunksize: 2 });
  assertEquals(star.map(({ status }) => status), ["fulfilled", "rejected"]);
});

each("what cannot be sent is refused in a sentence, and costs that task", async (pool) => {
  const { unsendable, echo, square } = functions;
  const error = await assertRejects(() => pool.apply(unsendable, [1]), MaybeEncodingError);
  assertStringIncludes(error.value, "<function unsendable.<locals>.<lambda>");
  const all = await pool.map(unsendable, [0, 1, 0], { settled: true, chunksize: 3 });
  assertEquals(all.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled"]);
  await assertRejects(() => pool.apply(echo, [() => {}]), TypeError, "a function cannot be copied");
  const many = python<() => number>(MODULE, "subtract");
  const missing = await assertRejects(() => pool.apply(many), TypeError);
  assertStringIncludes(missing.message, "missing 2 required positional arguments");
  assertEquals(await pool.apply(square, [2]), 4);
});

each("a module or function that is missing is the error of its task", async (pool) => {
  const call = (module: string, name: string) => pool.apply(python<() => void>(module, name));
  const nowhere = await assertRejects(() => call("./no_such_module.py", "f"));
  assertStringIncludes((nowhere as Error).message, "no_such_module.py");
  const nothing = await assertRejects(() => call(MODULE, "no_such_function"));
  assertStringIncludes((nothing as Error).message, "no_such_function");
  const dotted = await assertRejects(() => call("no.such.package", "f"));
  assertStringIncludes((dotted as Error).message, "no");
  assertEquals(await pool.apply(python<(text: string) => string>("posixpath", "basename"), ["/a/b"]), "b");
});

each("tasks report, from the thread that runs them; a forked child does not", async (pool) => {
  const { report, task_elsewhere, fork_and_look } = functions;
  const heard: unknown[] = [];
  const onReport = (value: unknown, { index }: { index: number }) => heard.push([index, value]);
  const shown = await pool.apply(report, [[1, "two", null]], { onReport });
  assertEquals(shown, '<CurrentTask("report", attempt=0)>');
  assertEquals(heard, [[0, 1], [0, "two"], [0, null]]);
  heard.length = 0;
  await pool.map(report, [["a"], ["b"]], { onReport, chunksize: 2 });
  assertEquals(heard, [[0, "a"], [1, "b"]]);
  const many = Array.from({ length: 3000 }, (_, i) => i);
  heard.length = 0;
  await pool.apply(report, [many], { onReport });
  assertEquals(heard.length, 3000);
  assertEquals(await pool.apply(task_elsewhere), true);
  const forked = await pool.apply(fork_and_look, [], { onReport: () => {} });
  assert(forked !== "reported" && forked !== "", forked);
});

each("megabytes on both outputs, and a thread that fails, harm nothing", async (pool) => {
  const { chatter, leave_thread_behind, square } = functions;
  assertEquals(await pool.apply(chatter, [0]), 0);
  assertEquals(await pool.apply(leave_thread_behind), "fine");
  assertEquals(await pool.apply(square, [2]), 4);
});

Deno.test({
  name: "which functions go with which workers is said at the call",
  ignore: oldest === undefined,
  fn: async () => {
    const { square } = functions;
    await using inPython = new Pool(1, { python: oldest!.path, name: "snakes" });
    const { message } = assertThrows(() => inPython.applyAsync(denoTargets.double, [1]), TypeError);
    assertStringIncludes(message, 'Cannot run "double" with "snakes": its workers run Python');
    assertThrows(() => inPython.imap({ module: "./x.ts", name: "f" }, []), TypeError, "its workers run Python");
    await assertRejects(() => inPython.map(denoTargets.double, [1]), TypeError, "its workers run Python");
    const other = python<(x: number) => number>(MODULE, "square", { executable: "/nowhere/python" });
    await assertRejects(() => inPython.map(other, [1]), TypeError, 'it is for the Python "/nowhere/python"');
    const ofContext = new (getContext("python").Pool)(1, { python: oldest!.path });
    assertEquals(await ofContext.map(square, [3]), [9]);
    await assertRejects(() => ofContext.map(denoTargets.double, [1]), TypeError, "its workers run Python");
    await ofContext.terminate();
    await using inDeno = new Pool(1, { name: "dinosaurs" });
    await assertRejects(() => inDeno.map(square, [1]), TypeError, '"dinosaurs": it is a function of the Python module');
    assertThrows(() => inDeno.applyAsync(square, [1]), TypeError, "make the pool with { python: true }");
    assertThrows(
      () => new Pool(1, { initializer: square as unknown as () => void }),
      TypeError,
      "it is a function of the Python module",
    );
    assertThrows(() => new Pool(1, { python: true, initializer: denoTargets.nothing }), TypeError, "run Python");
    assertThrows(() => square(1), TypeError);
  },
});

Deno.test("options that say nothing of Python are refused in a sentence", () => {
  const refused = (options: PoolOptions, words: string) => {
    assertThrows(() => new Pool(1, options), TypeError, words);
  };
  refused({ python: 3 as unknown as boolean }, 'Cannot create a pool: "python" is 3, wanted true, or the path of an');
  refused({ python: "" }, '"python" is "", wanted true');
  refused({ python: new URL("https://python.org/") }, "wanted a path or a file: URL");
  refused({ python: true, concurrency: 4 }, '"concurrency" is 4, and a worker of Python runs one task at a time');
});

Deno.test("an executable that is absent or no Python is an error of the pool", async () => {
  const missing = assertThrows(() => new Pool(1, { python: "/nowhere/bin/python" })) as Error;
  assertStringIncludes(missing.message, "/nowhere/bin/python");
  await using pool = new Pool(1, { python: "/bin/false" });
  await assertRejects(() => pool.apply(functions.square, [1]), ProcessError, "Cannot go on with");
});

Deno.test({
  name: "a frame that nobody of the package has sent is read, or refused in a sentence",
  ignore: oldest === undefined,
  fn: async () => {
    const path = new URL("../fixtures/python/hostile_frames.py", import.meta.url).pathname;
    const env = { PYTHONPATH: new URL("../../python", import.meta.url).pathname, PYTHONDONTWRITEBYTECODE: "1" };
    const { stdout, stderr } = await new Deno.Command(oldest!.path, { args: [path], env }).output();
    assertEquals(new TextDecoder().decode(stdout), "sound 1\n", new TextDecoder().decode(stderr));
  },
});

Deno.test({
  name: "the numbers of both halves are the same",
  ignore: oldest === undefined,
  fn: async () => {
    const path = new URL("../../python/deno_multiprocessing/pool/messages.py", import.meta.url).pathname;
    const code = "import json, runpy, sys\n" +
      "print(json.dumps({name: {k: v for k, v in vars(it).items() if k[0] != '_'} " +
      "for name, it in runpy.run_path(sys.argv[1]).items() if isinstance(it, type)}))";
    const { stdout } = await new Deno.Command(oldest!.path, { args: ["-c", code, path] }).output();
    const { Kind, Flag, Cell, Slot, Mode, CancelReason } = messages;
    assertEquals(JSON.parse(new TextDecoder().decode(stdout)), { Kind, Flag, Cell, Slot, Mode, CancelReason });
  },
});
