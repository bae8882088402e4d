// Whole programs: where they are, which rights they have, and what their children inherit. Run once for each start method: see suite.ts.

import { InvalidStateError, Lock, Queue } from "@parallel/multiprocessing";
import { assert, assertEquals, assertThrows } from "@std/assert";

import * as targets from "../fixtures/targets.ts";
import { FIXTURES, within } from "../support/helpers.ts";
import { ended, folderWith, MOD, ROOT, type Suite } from "./suite.ts";

/** The tests, with processes of the suite's kind. */
export function programsWithProcesses({ Process, programs }: Suite): void {
  Deno.test("a program in a path with spaces and signs, in another folder, with an import map", async () => {
    using folder = folderWith({
      "main module #1.ts": `
      import * as mp from "multi";
      import { triple } from "./other.ts";
      export function twice(said: mp.Queue<number>, n: number) { said.putSync(2 * n); }
      if (import.meta.main) {
        using said = new mp.Queue<number>();
        for (const target of [twice, triple]) {
          const child = new mp.Process({ target, args: [said, 7] });
          child.start();
          console.log(await said.get({ timeout: 50000 }), await child.join(), child.exitcode);
        }
      }`,
      "other.ts": `
      import type { Queue } from "multi";
      export const triple = (said: Queue<number>, n: number) => said.putSync(3 * n);`,
      "map.json": JSON.stringify({ imports: { multi: MOD } }),
    }, "a folder #");
    const url = new URL(`file://${folder.path.split("/").map(encodeURIComponent).join("/")}/main%20module%20%231.ts`);
    for (const flags of [["-A", `--import-map=${folder.path}/map.json`]]) {
      assertEquals(await programs.outputOf(url, { flags, cwd: folder.path }), "14 true 0\n21 true 0\n");
    }
    assertEquals(
      await programs.outputOf("./main module #1.ts", { flags: ["-A", "--import-map", "map.json"], cwd: folder.path }),
      "14 true 0\n21 true 0\n",
    );
  });

  Deno.test("limited permissions are repeated in the child, not widened", async () => {
    using folder = folderWith({ "file.txt": "text" });
    const file = `${folder.path}/file.txt`;
    const addon = new URL("target/release/libmultiprocessing.so", ROOT).pathname;
    const cases: [flags: string[], granted: string[]][] = [
      [[`--allow-ffi=${addon}`], []],
      [[`--allow-ffi=${addon}`, `--allow-read=${folder.path}`], ["read"]],
      [["--allow-ffi", `--allow-read=${folder.path}`, `--allow-write=${folder.path}`, "--allow-env=HOME"], [
        "read",
        "write",
        "env",
      ]],
      [["--allow-ffi", "--allow-net", "--allow-sys=hostname", "--allow-run=true"], ["run", "net", "sys"]],
      [["-A", "--deny-write", "--deny-run"], ["read", "env", "net", "sys"]],
      [["-A"], ["read", "write", "env", "run", "net", "sys"]],
    ];
    for (const [flags, granted] of cases) {
      const output = await programs.outputOf(new URL("process/permissions.ts", FIXTURES), {
        flags: [...flags, "--no-prompt"],
        args: [file],
      });
      const { parent, child } = JSON.parse(output);
      assertEquals(child, parent, flags.join(" "));
      const expected = ["read", "write", "env", "run", "net", "sys"].map((
        name,
      ) => [name, granted.includes(name) ? "done" : "NotCapable"]);
      assertEquals(child, Object.fromEntries(expected), flags.join(" "));
    }
  });

  Deno.test("stdout and stderr may be the null device; stdin always is", async () => {
    const { stdout, stderr } = await programs.runProgram(new URL("process/streams.ts", FIXTURES));
    assertEquals(stdout.split("\n").filter(Boolean).sort(), ["out inherit inherit 0", "out inherit null 0"]);
    assertEquals(stderr.split("\n").filter(Boolean).sort(), ["err inherit inherit", "err null inherit"]);
  });

  Deno.test("a process made by another one cannot be sent, and a Lock argument is the same lock", async () => {
    using lock = new Lock();
    using said = new Queue();
    const guard = lock.acquireSync();
    assertEquals(await ended(new Process({ target: targets.releaseForeign, args: [lock, said] })), 0);
    assert(!lock.locked());
    assertThrows(() => guard.release(), InvalidStateError);
    assertThrows(() => said.putSync(new Process()), TypeError, "Process");
  });

  Deno.test("TestNoForkBomb.test_noforkbomb: processes of a Worker do not import the main module", async () => {
    const folder = await Deno.makeTempDir();
    const { code, stdout } = await programs.runProgram(new URL("process/worker_unguarded.ts", FIXTURES), {
      args: [folder],
    });
    assertEquals([code, stdout], [0, "0\n"]);
    assertEquals([...Deno.readDirSync(folder)].length, 1);
    await Deno.remove(folder, { recursive: true });
  });

  Deno.test("TestNamedResource.test_global_named_resource_spawn: what children make at the top level goes with them", async () => {
    const { code, stdout, stderr } = await programs.runProgram(new URL("process/top_level.ts", FIXTURES));
    assertEquals([code, stdout, stderr], [0, "true true\n", ""]);
  });

  Deno.test("a Worker starts processes, too", async () => {
    const worker = new Worker(new URL("process/process_worker.ts", FIXTURES), { type: "module" });
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(event.message));
    };
    try {
      assertEquals(await within(promise), [3, ["from a child of a Worker"]]);
    } finally {
      worker.terminate();
    }
  });
}
