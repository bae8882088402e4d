// What a process knows of itself and of its parent.

import {
  activeChildren,
  currentProcess,
  InvalidStateError,
  parentProcess,
  Process as BaseProcess,
  Queue,
  setStartMethod,
} from "@parallel/multiprocessing";
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { native } from "../../src/addon/load.ts";
import { descriptorOf } from "../../src/waiting/waitable.ts";
import * as targets from "../fixtures/process/life_targets.ts";
import { assertNothingLeft, belongings, isRunning, PATIENCE, until } from "../support/helpers.ts";
import { ended, type Suite } from "./suite.ts";
import { block, nothing } from "../fixtures/targets.ts";

const unexported = [
  class extends BaseProcess {
    override run() {}
  },
][0];

/** The tests of what processes know of themselves, for one start method. */
export function selvesOfProcesses({ method, Process }: Suite): void {
  /** Subclasses of the package's own `Process` are started by the default method. */
  const startByDefault = (process: BaseProcess) => {
    setStartMethod(method, { force: true });
    try {
      process.start();
    } finally {
      setStartMethod(null, { force: true });
    }
  };
  const endedByDefault = async (process: BaseProcess) => {
    startByDefault(process);
    assert(await process.join({ timeout: PATIENCE }), `${process} has not ended`);
    return process.exitcode;
  };
  Deno.test("TestProcess.test_current: the main program as a process", async () => {
    const self = currentProcess();
    assertStrictEquals(currentProcess(), self);
    assert(self instanceof BaseProcess);
    assertEquals([self.isAlive(), self.daemon, self.ident, self.pid], [true, false, Deno.pid, Deno.pid]);
    assertEquals([self.exitcode, self.name, [...self.identity]], [null, "MainProcess", []]);
    assert(self.authkey instanceof Uint8Array && self.authkey.length > 0);
    assertEquals(String(self), `<Process name='MainProcess' pid=${Deno.pid} parent=null started>`);
    assert(!activeChildren().includes(self));
    for (const use of [() => self.join(), () => self.joinSync(), () => self.terminate(), () => self.kill()]) {
      await assertRejects(async () => await use(), InvalidStateError, "a child process");
    }
    assertThrows(() => self.start(), InvalidStateError, "created by current process");
    assertThrows(() => self.close(), InvalidStateError, "still running");
    assertThrows(() => self.sentinel, InvalidStateError, "process not started");
  });

  for (const daemon of [false, true]) {
    Deno.test(`TestProcess.test_current: a Worker is its process: of the same name, key and parent (daemon: ${daemon})`, async () => {
      using said = new Queue<Record<string, unknown>[]>();
      const child = new Process({ target: targets.describeInWorker, args: [said], daemon, name: "with a Worker" });
      assertEquals(await ended(child), 0);
      const [own, { childName, child: started, ...inWorker }] = said.getSync();
      assertEquals(inWorker, own);
      assertEquals([own.name, own.pid, own.daemon], ["with a Worker", child.pid, daemon]);
      assertEquals(own.parent, [Deno.pid, "MainProcess", true]);
      assertEquals(childName, `Process-${child.identity.join(":")}:1`);
      assertEquals(started, daemon ? "Cannot start a process: daemonic processes are not allowed to have children" : 0);
    });
  }

  Deno.test("a Worker of the main program has its name and key, also if it was renamed", async () => {
    const self = currentProcess();
    try {
      self.name = "renamed";
      using said = new Queue<Record<string, unknown>[]>();
      await targets.describeInWorker(said);
      const [own, { child, childName: _, ...inWorker }] = said.getSync();
      assertEquals(inWorker, own);
      assertEquals([own.name, own.parent, child], ["renamed", null, 0]);
    } finally {
      self.name = "MainProcess";
    }
  });

  Deno.test("TestProcess.test_parent_process_attributes: none in the main program, the right one in a child", async () => {
    assertEquals(parentProcess(), null);
    using said = new Queue<Record<string, unknown>>();
    const child = new Process({ target: targets.tell, args: [said], name: "Ada", daemon: true });
    child.authkey = new Uint8Array([1, 2, 3]);
    assertEquals(new Uint8Array(child.authkey), new Uint8Array([1, 2, 3]));
    assertEquals(await ended(child), 0);
    assertEquals(await said.get({ timeout: PATIENCE }), {
      pid: child.pid,
      name: "Ada",
      daemon: true,
      identity: child.identity,
      authkey: new Uint8Array([1, 2, 3]),
      exitcode: null,
      isAlive: true,
      text: `<Process name='Ada' pid=${child.pid} parent=${Deno.pid} started daemon>`,
      parent: { pid: Deno.pid, ident: Deno.pid, name: "MainProcess", isAlive: true },
    });
  });

  Deno.test("TestProcess.test_process: a process may rename itself and change its key, and its children see that", async () => {
    using said = new Queue<{ name: string; authkey: Uint8Array; parent: { name: string } }>();
    const child = new Process({ target: targets.changeAndTell, args: [said, new Uint8Array([7])] });
    assertEquals(await ended(child), 0);
    const { name, authkey, parent } = await said.get({ timeout: PATIENCE });
    assertEquals([name, authkey, parent.name], [
      `${child.name}:1`.replace(/^.*-/, "Process-"),
      new Uint8Array([7]),
      "Renamed",
    ]);
  });

  Deno.test("a key that is not bytes is refused", () => {
    for (const process of [new Process(), currentProcess()]) {
      assertThrows(() => process.authkey = "secret" as never, TypeError, "Cannot set the authkey");
    }
  });

  Deno.test("a process cannot start, join, end or close itself", async () => {
    using said = new Queue<Record<string, string>>();
    assertEquals(await ended(new Process({ target: targets.misuseSelf, args: [said], name: "Me" })), 0);
    assertEquals(await said.get({ timeout: PATIENCE }), {
      start: 'InvalidStateError: Cannot start "Me": can only start a process object created by current process',
      join: 'InvalidStateError: Cannot join "Me": can only join a child process',
      joinSync: 'InvalidStateError: Cannot join "Me": can only join a child process',
      terminate: 'InvalidStateError: Cannot terminate "Me": can only terminate a child process',
      kill: 'InvalidStateError: Cannot kill "Me": can only kill a child process',
      interrupt: 'InvalidStateError: Cannot interrupt "Me": can only interrupt a child process',
      close: 'InvalidStateError: Cannot close "Me": it is still running; call join() or terminate() first',
      sentinel: 'InvalidStateError: Cannot wait for "Me": process not started',
      daemon: 'InvalidStateError: Cannot change "daemon": process has already started',
    });
  });

  for (const how of ["join", "joinSync"] as const) {
    Deno.test(`TestProcess.test_parent_process: ${how} of a parent that is killed ends at once`, async () => {
      const before = belongings();
      using said = new Queue<unknown>();
      using orders = new Queue();
      const parent = new Process({ target: targets.startOutliving, args: [said, how, orders] });
      parent.start();
      const child = await said.get({ timeout: PATIENCE }) as number;
      if (how === "joinSync") {
        await until("a child that sleeps", () => Deno.readTextFileSync(`/proc/${child}/wchan`).includes("poll"));
      }
      parent.kill();
      assertEquals(await said.get({ timeout: PATIENCE }), [true, false]);
      assert(await parent.join({ timeout: PATIENCE }));
      await until("the end of the child", () => !isRunning(child));
      await assertNothingLeft(before);
    });

    Deno.test(`${how} of a parent that runs on waits as long as it was told`, async () => {
      using said = new Queue<unknown>();
      const child = new Process({ target: targets.outlive, args: [said, how, 30] });
      assertEquals(await ended(child), 0);
      assertEquals([await said.get(), await said.get()], [child.pid, [false, true]]);
    });
  }

  Deno.test("TestProcess.test_sentinel: readable when the process has ended, and then ready for good", async () => {
    const before = belongings();
    using said = new Queue();
    using orders = new Queue();
    const child = new Process({ target: block, args: [said, orders] });
    assertThrows(() => child.sentinel, InvalidStateError, "process not started");
    child.start();
    const { sentinel } = child;
    assertStrictEquals(child.sentinel, sentinel);
    await said.get({ timeout: PATIENCE });
    assert(typeof sentinel[descriptorOf]() === "number");
    orders.putSync("end");
    assert(await child.join({ timeout: PATIENCE }));
    assertEquals([sentinel[descriptorOf](), child.sentinel === sentinel], [null, true]);
    child.close();
    assertThrows(() => child.sentinel, InvalidStateError, "process object is closed");
    assertEquals(sentinel[descriptorOf](), null);
    await assertNothingLeft(before);
  });

  Deno.test("TestSubclassingProcess.test_subclassing: a class with a run of its own serves requests until told to stop", async () => {
    const before = belongings();
    {
      using requests = new Queue<string | null>();
      using answers = new Queue<unknown>();
      const process = new targets.UpperCaser(requests, answers);
      startByDefault(process);
      for (const text of ["hello", "world"]) {
        requests.putSync(text);
        assertEquals(await answers.get({ timeout: PATIENCE }), text.toUpperCase());
      }
      process.name = "here only";
      requests.putSync(null);
      assert(await process.join({ timeout: PATIENCE }));
      assertEquals(process.exitcode, 0);
      // The constructor has not run there.
      assertEquals(await answers.get({ timeout: PATIENCE }), ["Upper", true, true, 0, new Map([["built", "once"]])]);
    }
    await assertNothingLeft(before);
  });

  Deno.test("an overridden run may call the target by super.run(), with args and kwargs", async () => {
    using said = new Queue<unknown>();
    const process = new targets.Around({ target: targets.tell, args: [said], name: "Around" });
    process.said = said;
    assertEquals(await endedByDefault(process), 0);
    const told = [await said.get(), (await said.get() as { name: string }).name, await said.get()];
    assertEquals(told, ["before", "Around", "after"]);
  });

  Deno.test("run may be called here before the start, and does nothing afterwards", async () => {
    using said = new Queue<{ pid: number }>();
    const process = new Process({ target: targets.tell, args: [said] });
    process.run();
    assertEquals((await said.get({ timeout: PATIENCE })).pid, Deno.pid);
    assertEquals(await ended(process), 0);
    assertEquals((await said.get({ timeout: PATIENCE })).pid, process.pid);
    process.run();
    assert(said.empty());
    const module = new URL("../fixtures/process/life_targets.ts", import.meta.url);
    await new Process({ target: { module, name: "tell" }, args: [said] }).run();
    assertEquals((await said.get({ timeout: PATIENCE })).pid, Deno.pid);
  });

  Deno.test("a run that throws is an uncaught error of the process", async () => {
    const process = new targets.Failing({ stderr: "null" });
    assertEquals(await endedByDefault(process), 1);
  });

  Deno.test("a class that cannot travel is refused, with its reason", async () => {
    assertThrows(() => new targets.WithPrivate(), TypeError, 'its private member "#secret" would not travel');
    assertEquals(await endedByDefault(new targets.WithStaticPrivate()), 3);
    const anonymous = new unexported({ stderr: "null" });
    assertThrows(() => startByDefault(anonymous), TypeError, "exports it");
    const unsendable = new targets.Around({ target: targets.tell, args: [new Queue()] });
    Object.assign(unsendable, { callback: () => {} });
    assertThrows(() => unsendable.start(), TypeError, "callback");
    const own = Object.assign(new Process({ target: nothing }), { run: () => {} });
    assertThrows(() => own.start(), TypeError, 'its "run" is a property that has a function, which does not travel');
    const arrow = new targets.WithArrow();
    assertThrows(() => arrow.start(), TypeError, '"handle(…) { … }" instead of "handle = (…) => { … }"');
  });

  Deno.test("the end of a process is seen at once by whoever looks, also when nobody has waited", () => {
    const child = new Process({ target: nothing });
    child.start();
    native().childJoin(child.pid!, PATIENCE);
    assertEquals([child.isAlive(), child.exitcode, activeChildren().includes(child)], [false, 0, false]);
  });
}
