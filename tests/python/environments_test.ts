// Which Python is started where none is named: that of a virtual environment beside the module, or of VIRTUAL_ENV.

import { Process, python as functionOf } from "@parallel/multiprocessing";
import { assertEquals, assertThrows } from "@std/assert";
import { FIXTURES, runProgram } from "../support/helpers.ts";
import { pythonTest, run } from "../support/python_process.ts";

/** A virtual environment, as `python -m venv` makes one, without what nobody runs. */
function makeEnvironment(folder: string, python: string): void {
  Deno.mkdirSync(`${folder}/bin`, { recursive: true });
  Deno.symlinkSync(python, `${folder}/bin/python`);
  Deno.writeTextFileSync(`${folder}/pyvenv.cfg`, `home = ${python.slice(0, python.lastIndexOf("/"))}\n`);
}

pythonTest("a virtual environment beside the module is used; one that was moved is refused", async ({ path }) => {
  const folder = Deno.realPathSync(Deno.makeTempDirSync());
  try {
    makeEnvironment(`${folder}/.venv`, path);
    Deno.writeTextFileSync(`${folder}/where.py`, "import sys\n\n\ndef tell():\n    print(sys.prefix)\n");
    const target = functionOf<() => void>(`${folder}/where.py`, "tell");
    const before = Deno.env.get("VIRTUAL_ENV");
    Deno.env.delete("VIRTUAL_ENV");
    try {
      assertEquals((await run({ target })).stdout, `${folder}/.venv\n`);
      makeEnvironment(`${folder}/other`, path);
      Deno.env.set("VIRTUAL_ENV", `${folder}/other`);
      assertEquals((await run({ target })).stdout, `${folder}/other\n`);
      Deno.removeSync(`${folder}/other/bin/python`);
      Deno.symlinkSync(`${folder}/gone`, `${folder}/other/bin/python`);
      assertThrows(
        () => new Process({ target, name: "P" }).start(),
        Deno.errors.NotFound,
        `Cannot start "P": "${folder}/other/bin/python" is a link that leads nowhere: was the virtual environment moved?`,
      );
    } finally {
      if (before === undefined) Deno.env.delete("VIRTUAL_ENV");
      else Deno.env.set("VIRTUAL_ENV", before);
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

pythonTest("a Worker starts one, which ends with the process, not with the Worker", async ({ path }) => {
  const { stdout, stderr } = await runProgram(new URL("python/in_worker.ts", FIXTURES), { args: [path] });
  assertEquals([stdout, stderr], ["0 true\n", ""]);
});
