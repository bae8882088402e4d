// The contract suite: processes.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { wait, waitSync } from "@parallel/multiprocessing/connection";
import * as targets from "../fixtures/context/contract_targets.ts";
import { run, type Suite, timeout } from "./suite.ts";

export function processes({ test }: Suite): void {
  test("a process runs its target, and its exit code is known", async (context) => {
    const process = new context.Process({ target: targets.exit, args: [7] });
    assertEquals([process.exitcode, process.pid, process.isAlive()], [null, null, false]);
    process.start();
    assert(await process.join({ timeout }));
    assertEquals([process.exitcode, process.isAlive()], [7, false]);
    assert(process.pid !== null && process.pid === process.ident);
    process.close();
  });

  test("a process gets its arguments, and one last argument of keywords", async (context) => {
    using said = new context.Queue<number>();
    await run(new context.Process({ target: targets.sum, args: [said, [1, 2, 3]] }));
    await run(new context.Process({ target: targets.sum, args: [said, [1, 2, 3]], kwargs: { times: 10 } }));
    assertEquals([await said.get({ timeout }), await said.get({ timeout })], [6, 60]);
  });

  test("the sentinel of a process is ready when that has ended", async (context) => {
    using said = new context.Queue<string>();
    using orders = new context.Queue<string>();
    const process = new context.Process({ target: targets.waitForever, args: [said, orders] });
    process.start();
    const { sentinel } = process;
    assertEquals(await wait([sentinel], { timeout: 0 }), []);
    assertEquals(await said.get({ timeout }), "ready");
    const waiting = wait([sentinel], { timeout });
    orders.putSync("end");
    assertEquals(await waiting, [sentinel]);
    assertEquals(waitSync([sentinel]), [sentinel]);
    assertEquals(process.exitcode, 0);
  });

  test("a process can be terminated and killed, is active until then, and starts once", async (context) => {
    using said = new context.Queue<string>();
    using orders = new context.Queue();
    for (const end of ["terminate", "kill"] as const) {
      const process = new context.Process({ target: targets.waitForever, args: [said, orders], name: `for ${end}` });
      process.start();
      assertEquals(await said.get({ timeout }), "ready");
      assertThrows(() => process.start(), Error, "twice");
      assertEquals([process.isAlive(), await process.join({ timeout: 1 })], [true, false]);
      assert(context.activeChildren().some((it) => it.name === `for ${end}`));
      process[end]();
      assert(process.joinSync({ timeout }));
      assertEquals(process.exitcode, end === "kill" ? -9 : -15);
      assert(!context.activeChildren().some((it) => it.name === `for ${end}`));
    }
  });

  test("a class of processes may be extended", async (context) => {
    class Named extends context.Process {
      constructor(readonly given: string) {
        super({ name: `I am ${given}` });
      }
    }
    const process = new Named("Ada");
    assertEquals([process.name, process.given], ["I am Ada", "Ada"]);
    await run(process);
  });
}
