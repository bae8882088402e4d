// A child with `permissions: "none"` tries to get out: through Deno, through the package, through the addon itself.

import {
  type Barrier,
  Condition,
  Event,
  JoinableQueue,
  Lock,
  Process,
  ProcessError,
  Queue,
  RawArray,
  RLock,
  Semaphore,
  Value,
} from "@parallel/multiprocessing";
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { addonFile } from "../../src/addon/load.ts";
import * as targets from "../fixtures/permissions/cage_targets.ts";
import type { Report } from "../fixtures/permissions/cage_titled.ts";
import { begin } from "../support/children.ts";
import {
  assertNothingLeft,
  belongings,
  FIXTURES,
  outputOf,
  startOwnThreads,
  until,
  within,
} from "../support/helpers.ts";

Deno.test.beforeAll(begin);

/** Runs the target in a child without permissions; what it said. */
async function caged<A extends unknown[], T>(target: (...args: A) => unknown, args: A, said: Queue<T>): Promise<T> {
  await using child = new Process({ target, args, permissions: "none" });
  child.start();
  const outcome = await within(said.get());
  await within(child.join());
  assertEquals(child.exitcode, 0);
  return outcome;
}

Deno.test('permissions "none": no file, no socket, no program, no library, no import, nothing by /proc', async () => {
  using warm = new Queue<string[]>();
  await caged(targets.requestRights, [warm], warm); // starts the threads that stay
  const before = belongings();
  const folder = await Deno.makeTempDir();
  const files = { text: `${folder}/text`, library: addonFile().path.replace(/[^/]+$/, "other.so"), module: "" };
  files.module = `file://${folder}/module.ts`;
  await Deno.writeTextFile(files.text, "secret");
  await Deno.writeTextFile(`${folder}/module.ts`, "export default 1");
  await Deno.copyFile(addonFile().path, `${folder}/other.so`);
  files.library = `${folder}/other.so`;
  using said = new Queue<targets.Outcomes>();
  const outcomes = await caged(targets.useRights, [said, files], said);
  assert(Object.keys(outcomes).length > 20);
  for (const [what, outcome] of Object.entries(outcomes)) assert(outcome !== "done", what);
  const nodes = ["write to a descriptor", "import from the network"]; // have errors of their own
  for (const [what, outcome] of Object.entries(outcomes)) {
    if (nodes.includes(what)) continue;
    assertMatch(outcome, /NotCapable|Requires \w+ access|permission|only file and data/i, what);
  }
  assertEquals(await Deno.readTextFile(files.text), "secret");
  // A process with all permissions can do these, so what was refused was not refused for another reason.
  await using free = new Process({ target: targets.useRights, args: [said, files] });
  free.start();
  const unlimited = await within(said.get());
  const possible = ["read", "read through node", "list", "listen", "fetch a file", "run", "run through node", "kill"];
  for (const what of [...possible, "open a library", "load a library", "import", "env", "sys", "write"]) {
    assertEquals([what, unlimited[what]], [what, "done"]);
  }
  await within(free.join());
  await Deno.remove(folder, { recursive: true });
  await assertNothingLeft(before);
});

for (
  const { place, target } of [{ place: "its main thread", target: targets.useLibraries }, {
    place: "a Worker",
    target: targets.useLibrariesInWorker,
  }]
) {
  Deno.test(`permissions "none": the addon is no way to the system's functions, in ${place}`, async () => {
    using said = new Queue<targets.Outcomes>();
    const read = [new URL("../..", import.meta.url)]; // the module of a Worker is read
    await using child = new Process({ target, args: [said, addonFile().path], permissions: { read } });
    child.start();
    const outcomes = await within(said.get());
    await within(child.join());
    assertEquals(child.exitcode, 0);
    assert(Object.keys(outcomes).length >= 14, Deno.inspect(outcomes));
    const inspected = Deno.inspect(outcomes, { breakLength: 200 });
    for (const [what, outcome] of Object.entries(outcomes)) assert(outcome !== "done", `${what}: ${inspected}`);
    for (const what of ["a function of the system by the addon", "open the addon", "load the addon again"]) {
      assertMatch(outcomes[what], /NotCapable/, what);
    }
    if (target === targets.useLibrariesInWorker) {
      assertMatch(outcomes["use the package"], /NotCapable: Cannot load the native addon in this Worker/);
    }
  });
}

Deno.test("permissions.ffi: what was granted stays, the addon is not among it", async () => {
  using said = new Queue<boolean[]>();
  const descriptors = [{ name: "ffi", path: "/lib/granted.so" }, { name: "ffi", path: addonFile().path }] as const;
  await using child = new Process({
    target: targets.query,
    args: [said, [...descriptors]],
    permissions: { ffi: ["/lib/granted.so"] },
  });
  child.start();
  assertEquals(await within(said.get()), [true, false]);
  await within(child.join());
});

Deno.test('permissions "none": nothing is granted on request, and nobody is asked', async () => {
  using said = new Queue<string[]>();
  const states = await caged(targets.requestRights, [said], said);
  assert(states.every((state) => state !== "granted"), states.join());
});

Deno.test("permissions none: the addon starts no freer process and opens no object of others", async () => {
  await startOwnThreads();
  const before = belongings();
  using said = new Queue<targets.Outcomes>();
  using secret = Value("i", 42);
  const outcomes = await caged(targets.useAddon, [said, addonFile().path, targets.blockOf(secret)], said);
  for (const [what, outcome] of Object.entries(outcomes)) assert(outcome !== "done", what);
  for (
    const [what, outcome] of Object.entries(outcomes).filter(([what]) =>
      /child|program|command|listen|connect/.test(what)
    )
  ) {
    assertMatch(outcome, /permissions of this process/, what);
  }
  assertEquals(secret.value, 42);
  secret.value++;
  await assertNothingLeft(before);
});

Deno.test("a preload that overwrites the command line with a title does not open the cage, and narrower children start", async () => {
  const preload = new URL("permissions/preload_title.ts", FIXTURES).pathname;
  const text = await outputOf(new URL("permissions/cage_titled.ts", FIXTURES), {
    flags: ["-A", `--preload=${preload}`],
  });
  const { title, libraries, addon, narrowed }: Report = JSON.parse(text);
  assertMatch(title, /^my-service\0*$/); // nothing is left of the mark there
  assert(Object.keys(libraries).length >= 14 && Object.keys(addon).length >= 30);
  for (const [what, outcome] of Object.entries({ ...libraries, ...addon })) assert(outcome !== "done", what);
  assertMatch(libraries["a function of the system by the addon"], /NotCapable/);
  assertMatch(addon["a child with -A"], /permissions of this process: "-A"|command line is not one of/);
  assertMatch(addon["a child that may read"], /permissions of this process: "--allow-read" is more/);
  // What it was granted it can hand down, less than that too, but no more.
  assertEquals(narrowed[0], [true, false]);
  assertMatch(String(narrowed[1]), /^NotCapable: /);
  assertEquals(narrowed[2], [false, true]);
});

Deno.test('permissions "none": queues, locks, values, events and what messages bring can be used', async () => {
  using said = new Queue<unknown>();
  using jobs = new JoinableQueue<unknown>();
  using lock = new Lock();
  using rlock = new RLock();
  using semaphore = new Semaphore(2);
  using event = new Event();
  using condition = new Condition();
  using value = Value("i", 0);
  using late = new Queue<unknown>();
  const array = RawArray("d", 4);
  const shared = { lock, rlock, semaphore, event, condition, value, array, late };
  await using child = new Process({
    target: targets.useShared,
    args: [said, jobs, shared],
    permissions: "none",
  });
  child.start();
  for (let job = 1; job <= 100; job++) jobs.putSync(job);
  await within(jobs.join());
  assertEquals([value.value, array[1]], [5050, 5050]);
  {
    using _ = await condition.acquire();
    jobs.shutdown();
    assert(await within(condition.wait()));
  }
  assert(await within(event.wait()));
  const { own, text, semaphore: left } = await within(said.get()) as { own: Lock; text: string; semaphore: number };
  assertEquals([text.length, left], [100_000, 1]);
  own.acquireSync().release();
  using other = new Event();
  late.putSync({ other });
  assert(await within(other.wait()));
  await within(child.join());
  assertEquals(child.exitcode, 0);
});

Deno.test("a message of a caged process names a module: it is not imported", async () => {
  using jobs = new Queue<unknown>();
  await using child = new Process({ target: targets.sendCode, args: [jobs, 1], permissions: "none" });
  child.start();
  const barrier = await within(jobs.get()) as Barrier;
  await assertRejects(() => within(barrier.wait()), Error, "no module is imported because a message names it");
  await within(child.join());
});

for (const seed of [1, 2, 3]) {
  Deno.test(`a caged process writes random bytes into all that it has: nobody crashes or hangs (seed ${seed})`, async () => {
    using said = new Queue<string>();
    using lock = new Lock({ onOwnerDeath: "recover" });
    using rlock = new RLock({ onOwnerDeath: "recover" });
    using semaphore = new Semaphore(1);
    using event = new Event();
    using queue = new Queue<unknown>();
    const array = RawArray("B", 4096);
    const value = Value("i", 7);
    const cells = [lock, rlock, semaphore, event, value];
    await using child = new Process({
      target: targets.vandalise,
      args: [said, { cells, array, queue }, seed],
      permissions: "none",
    });
    child.start();
    assertEquals(await within(said.get()), "begins");
    let isOver = false;
    const watch = said.get().then((word) => {
      assertEquals(word, "done");
      isOver = true;
    });
    const tolerate = async (use: () => unknown) => {
      try {
        await use();
      } catch (error) {
        assert(error instanceof Error);
      }
    };
    const brief = { timeout: 1 };
    while (!isOver) {
      await tolerate(() => lock.acquireSync(brief)?.release());
      await tolerate(async () => (await lock.acquire(brief))?.release());
      await tolerate(() => rlock.acquireSync(brief)?.release());
      await tolerate(async () => (await rlock.acquire(brief))?.release());
      await tolerate(() => value.acquireSync(brief)?.release());
      await tolerate(() => semaphore.acquireSync(brief)?.release());
      await tolerate(async () => (await semaphore.acquire(brief))?.release());
      await tolerate(() => event.waitSync(brief));
      await tolerate(() => event.wait(brief));
      await tolerate(() => event.clear());
      await tolerate(() => array.reduce((sum, byte) => sum + byte, 0));
    }
    await within(watch);
    // Each of the messages is refused or means something; none does harm, and all are taken.
    await until("the queue drained", () => {
      try {
        if (queue.empty()) return true;
        queue.getNowait();
      } catch (error) {
        assert(error instanceof Error);
      }
      return queue.empty();
    });
    queue.putSync("works");
    assertEquals(queue.getSync(), "works");
    await within(child.join());
    assertEquals(child.exitcode, 0);
  });
}

Deno.test("a caged process writes a failure report itself: it counts only with exit code 1, as its own word, and commands no terminal", async () => {
  await using liar = new Process({
    target: targets.forgeFailure,
    args: [0],
    permissions: "none",
    stdout: "null",
    stderr: "null",
  });
  liar.start();
  assert(await within(liar.join()));
  assertEquals(liar.exitcode, 0);
  await using failing = new Process({
    target: targets.forgeFailure,
    args: [1],
    permissions: "none",
    stdout: "null",
    stderr: "null",
  });
  failing.start();
  const { message } = await assertRejects(() => within(failing.join()), ProcessError);
  assert(message.length < 30_000, `${message.length}`);
  assertMatch(message, /^Cannot run "Process-\d+": it ended with exit code 1, and says by itself ".*…"$/);
  assertMatch(message, /\\u001b\]0;owned\\u0007EVIL/);
  // deno-lint-ignore no-control-regex -- these are what must not be there
  assert(!/[\x00-\x1f]/.test(message));
});
