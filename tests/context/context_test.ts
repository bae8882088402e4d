// Contexts and start methods: which there are, and when which is chosen.

import * as mp from "@parallel/multiprocessing";
import { BaseContext, DefaultContext, ForkServerProcess, SpawnProcess } from "@parallel/multiprocessing/context";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import * as targets from "../fixtures/targets.ts";
import { PATIENCE } from "../support/helpers.ts";
import { startSettings } from "../../src/launch/settings.ts";

/** Runs a test with the choice of the method open, and opens it again. */
function test(name: string, run: () => void | Promise<void>): void {
  Deno.test(name, async () => {
    mp.setStartMethod(null, { force: true });
    try {
      await run();
    } finally {
      mp.setStartMethod(null, { force: true });
    }
  });
}

const chosen = () => mp.getStartMethod({ allowNone: true });

test("TestStartMethod.test_get_all_start_methods: the default first, and never fork", () => {
  assertEquals(mp.getAllStartMethods(), ["spawn", "forkserver"]);
  assertEquals(mp.getStartMethod(), mp.getAllStartMethods()[0]);
  mp.getAllStartMethods().pop();
  assertEquals(mp.getAllStartMethods().length, 2);
});

test("TestStartMethod.test_spawn_dont_set_context: a context of its own leaves the default open", async () => {
  for (const method of mp.getAllStartMethods()) {
    const context = mp.getContext(method);
    assertEquals(context.getStartMethod(), method);
    const child = new context.Process({ target: targets.nothing });
    child.start();
    assert(await child.join({ timeout: PATIENCE }));
    assertEquals([child.exitcode, chosen()], [0, null]);
  }
});

const USES: Record<string, () => unknown> = {
  "getContext()": () => mp.getContext(),
  "getContext(null)": () => mp.getContext(null),
  "getStartMethod()": () => mp.getStartMethod(),
  "setStartMethod(null)": () => mp.setStartMethod(null),
};
for (const [what, use] of Object.entries(USES)) {
  test(`${what} chooses the default`, () => {
    use();
    assertEquals(chosen(), "spawn");
    assertThrows(() => mp.setStartMethod("forkserver"), mp.InvalidStateError, "context has already been set");
    assertEquals(chosen(), "spawn");
  });
}

test("the start of a process chooses the default, its construction does not", async () => {
  const child = new mp.Process({ target: targets.nothing });
  assertEquals(chosen(), null);
  child.start();
  assertEquals(chosen(), "spawn");
  assert(await child.join({ timeout: PATIENCE }));
});

test("queues, locks and values choose no method, for they work with all", () => {
  using _queue = new mp.Queue();
  using lock = new mp.Lock();
  using _value = mp.Value("i", 0);
  lock.acquireSync().release();
  assertEquals(chosen(), null);
});

test("setStartMethod twice is refused, even to the same; force replaces it; null and force open it", () => {
  mp.setStartMethod("forkserver");
  assertEquals([mp.getStartMethod(), mp.getContext().getStartMethod()], ["forkserver", "forkserver"]);
  for (const method of ["spawn", "forkserver", null]) {
    assertThrows(() => mp.setStartMethod(method), mp.InvalidStateError, "context has already been set");
  }
  mp.setStartMethod("spawn", { force: true });
  assertEquals(mp.getStartMethod(), "spawn");
  mp.setStartMethod(null, { force: true });
  assertEquals(chosen(), null);
  mp.setStartMethod("forkserver");
  assertEquals(mp.getStartMethod(), "forkserver");
});

test("an unknown method is refused, fork with the reason, and changes nothing", () => {
  mp.setStartMethod("forkserver");
  for (const method of ["fork", "Spawn", "", "thread"]) {
    assertThrows(() => mp.getContext(method), RangeError, `Cannot find context for "${method}"`);
    assertThrows(() => mp.setStartMethod(method, { force: true }), RangeError, 'wanted "spawn" or "forkserver"');
  }
  assertThrows(() => mp.getContext("fork"), RangeError, "does not survive fork");
  assertEquals(chosen(), "forkserver");
});

test("the method of a concrete context cannot be set", () => {
  const spawn = mp.getContext("spawn");
  for (const method of ["spawn", "forkserver", null]) {
    const set = () => spawn.setStartMethod(method, { force: true });
    assertThrows(set, mp.InvalidStateError, "cannot set start method of concrete context");
  }
  assertEquals(chosen(), null);
});

test("a concrete context gives itself, and the others by name", () => {
  const [spawn, forkserver] = mp.getAllStartMethods().map((method) => mp.getContext(method));
  assertStrictEquals(spawn.getContext(), spawn);
  assertStrictEquals(spawn.getContext("forkserver"), forkserver);
  assertStrictEquals(mp.getContext("spawn"), spawn);
  assertStrictEquals(mp.getContext(), spawn);
  for (const context of [spawn, forkserver]) assertInstanceOf(context, BaseContext);
  const other = new DefaultContext();
  assertStrictEquals(other.getContext("spawn"), spawn);
});

test("a process is named after the class of its context, and counted with all others", () => {
  const classes = [mp.Process, mp.getContext("spawn").Process, mp.getContext("forkserver").Process];
  const children = classes.map((Class) => new Class());
  const [first] = children[0].identity;
  assertEquals(children.map((it) => it.name), [
    `Process-${first}`,
    `SpawnProcess-${first + 1}`,
    `ForkServerProcess-${first + 2}`,
  ]);
  assertInstanceOf(children[1], SpawnProcess);
  assertInstanceOf(children[2], ForkServerProcess);
  for (const child of children) assertInstanceOf(child, mp.Process);
  assertMatch(String(children[1]), /^<SpawnProcess name='SpawnProcess-/);
});

/** What a context has in Python. */
const MEMBERS = [
  ...["Process", "Queue", "JoinableQueue", "SimpleQueue", "Pool", "Pipe", "Manager"],
  ...["Lock", "RLock", "Semaphore", "BoundedSemaphore", "Condition", "Event", "Barrier"],
  ...["Value", "Array", "RawValue", "RawArray", "ProcessError", "BufferTooShort", "TimeoutError"],
  ...["AuthenticationError", "activeChildren", "cpuCount", "currentProcess", "parentProcess", "freezeSupport"],
  ...["getContext", "getStartMethod", "setStartMethod", "getAllStartMethods", "setExecutable", "setForkserverPreload"],
  ...["getLogger", "logToStderr"],
];

/** What a context has its own of. */
const OWN = /^(Process|Pool|Manager|freezeSupport|get(Context|StartMethod|AllStartMethods)|set\w+)$/;

test("a context has the whole package", () => {
  for (const method of mp.getAllStartMethods()) {
    const context = mp.getContext(method);
    for (const name of MEMBERS) {
      if (!(name in mp)) continue;
      assert(name in context, `the context has no "${name}"`);
      if (!OWN.test(name)) assertStrictEquals(Reflect.get(context, name), Reflect.get(mp, name), name);
    }
  }
});

test("TestStartMethod.test_mixed_startmethod: a queue of one context works with the processes of the other", async () => {
  const [spawn, forkserver] = mp.getAllStartMethods().map((method) => mp.getContext(method));
  for (const [maker, user] of [[spawn, forkserver], [forkserver, spawn]]) {
    using queue = new maker.Queue<unknown>();
    const child = new user.Process({ target: targets.echo, args: [queue, "across"] });
    child.start();
    assertEquals(await queue.get({ timeout: PATIENCE }), ["across"]);
    assert(await child.join({ timeout: PATIENCE }));
  }
});

for (const method of mp.getAllStartMethods()) {
  test(`a child that was started by ${method} has it as its method, and so has its child`, async () => {
    using said = new mp.Queue<(string | null)[]>();
    const child = new (mp.getContext(method).Process)({ target: targets.sayStartMethods, args: [said, 2] });
    child.start();
    assertEquals(await said.get({ timeout: PATIENCE }), [method, "context has already been set"]);
    assertEquals(await said.get({ timeout: PATIENCE }), [method, "context has already been set"]);
    assert(await child.join({ timeout: PATIENCE }));
    assertEquals(chosen(), null);
  });
}

test("TestStartMethod.test_context_check_module_types: only an array of strings is preloaded", () => {
  const before = startSettings.preload;
  assertEquals(before, ["__main__"]);
  for (const wrong of [[1], "a", [new URL(import.meta.url)], null, undefined, [["a"]]]) {
    assertThrows(() => mp.setForkserverPreload(wrong as never), TypeError, "wanted an array of strings");
  }
  for (const unknown of ["bare", "not/in/the/map", "http://"]) {
    const error = assertThrows(() => mp.setForkserverPreload(["__main__", unknown]), TypeError);
    assertStringIncludes(error.message, `Cannot find the module "${unknown}" from "${import.meta.url}": wanted a URL`);
  }
  assertEquals(startSettings.preload, before);
  mp.setForkserverPreload(["__main__", "../fixtures/targets.ts", "@std/assert", "data:text/javascript,1"]);
  assertEquals(startSettings.preload, [
    "__main__",
    new URL("../fixtures/targets.ts", import.meta.url).href,
    import.meta.resolve("@std/assert"),
    "data:text/javascript,1",
  ]);
  startSettings.preload = before;
});
