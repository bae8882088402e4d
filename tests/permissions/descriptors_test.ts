// A child with `permissions: "none"` uses descriptors by their numbers, for which Deno asks no permission.

import { Lock } from "@parallel/multiprocessing";
import { assert, assertEquals } from "@std/assert";
import { FIXTURES, within } from "../support/helpers.ts";

/** Descriptors of the shared memory that the process has; "/memfd:…" is their name. */
function memory(pid: number): number[] {
  const folder = `/proc/${pid}/fd`;
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name);
  const target = (name: string) => {
    try {
      return Deno.readLinkSync(`${folder}/${name}`);
    } catch {
      return ""; // what listed the folder
    }
  };
  return names.filter((name) => target(name).includes("memfd:multiprocessing")).map(Number);
}

/** The flags that `open(2)` was given. */
function flags(descriptor: number): number {
  const [, text] = Deno.readTextFileSync(`/proc/self/fdinfo/${descriptor}`).match(/flags:\s*(\d+)/)!;
  return parseInt(text, 8);
}

const O_PATH = 0o10000000;

Deno.test("the descriptor of the shared memory can be neither read nor written", () => {
  using _ = new Lock();
  const found = memory(Deno.pid);
  assertEquals(found.length, 1);
  for (const descriptor of found) assert((flags(descriptor) & O_PATH) !== 0);
});

for (const byte of [0, 255]) {
  Deno.test(`a caged process writes ${byte} into every descriptor that it has: shared memory stays whole`, async () => {
    const folder = await Deno.makeTempDir(); // Deno's own caches are among what it writes into
    const program = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", new URL("permissions/cage_descriptors_main.ts", FIXTURES).pathname, `${byte}`],
      env: { DENO_DIR: folder },
    });
    const { code, stdout, stderr } = await within(program.output());
    assertEquals(code, 0, new TextDecoder().decode(stderr));
    const { begun, ...rest } = JSON.parse(new TextDecoder().decode(stdout));
    assert(begun > 0, "it could not even try");
    assertEquals(rest, { words: ["before", "after"], none: 0, isZero: true, isSet: false, exitcode: 0 });
    await Deno.remove(folder, { recursive: true });
  });
}
