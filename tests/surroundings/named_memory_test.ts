// Named shared memory where there is little or no room for it, and where other PID namespaces share it.

import { assertEquals, assertMatch } from "@std/assert";
import { FIXTURES, startProgram } from "../support/helpers.ts";
import { fixture, obstacle, run, testUnless } from "../support/surroundings.ts";

/** A shell that shows other things at places, and runs the rest. */
const mounting = (mount: string) => ["sh", "-c", `${mount} && exec "$@"`, "sh"];
const SMALL = "mount -t tmpfs -o size=1m none /dev/shm";
const NONE = "mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3 && mknod -m 666 /dev/urandom c 1 9";
const [noSmall, noNone, noNamespace] = await Promise.all([
  obstacle("unshare", "-m", ...mounting(SMALL), "true"),
  obstacle("unshare", "-m", ...mounting(NONE), "true"),
  obstacle("unshare", "-pf", "--mount-proc", "true"),
]);

/** What the program says of blocks of these sizes. */
async function created(mount: string, ...sizes: number[]): Promise<string[]> {
  const program = fixture("surroundings/named_memory.ts");
  const { code, stdout, stderr } = await run("unshare", ["-m", ...mounting(mount), ...program, ...sizes.map(String)]);
  assertEquals([code, stderr], [0, ""]);
  return stdout.trim().split("\n");
}

testUnless(noSmall, "a block that /dev/shm has no room for is refused, and not found out by a signal", async () => {
  const said = await created(SMALL, 600_000, 600_000, 2 ** 30, 400_000);
  assertEquals([said[0], said[3]], ["made", "made"]);
  const refused =
    /^RangeError: Cannot create shared memory: \d+ bytes are wanted, and there is room for \d+ in \/dev\/shm$/;
  for (const line of said.slice(1, 3)) assertMatch(line, refused);
});

testUnless(noNone, "without /dev/shm one sentence says so", async () => {
  assertEquals(await created(NONE, 10), [
    "NotSupported: Cannot create shared memory: there is no /dev/shm on this system",
  ]);
});

testUnless(
  noNamespace,
  "clean sees from another PID namespace that a block has an owner, and that it is mapped",
  async () => {
    await using creator = startProgram(new URL("shared_memory/creator.ts", FIXTURES), { args: ["close"] });
    await using other = startProgram(new URL("shared_memory/creator.ts", FIXTURES), { args: ["wait"] });
    const [owned, left] = await Promise.all([creator.said("name "), other.said("name ")]);
    await using attached = startProgram(new URL("shared_memory/attacher.ts", FIXTURES), { args: [left, "wait"] });
    await attached.said("size ");
    other.kill();
    await other.outcome();
    const cli = new URL("../../cli.ts", import.meta.url).pathname;
    const clean = async () => {
      const line = ["-pf", "--mount-proc", Deno.execPath(), "run", "-A", "--quiet", cli, "clean", "--json"];
      const { code, stdout, stderr } = await run("unshare", line);
      assertEquals([code, stderr], [0, ""]);
      const { memory } = JSON.parse(stdout) as { memory: { path: string; state: string }[] };
      const ours = memory.filter(({ path }) => [owned, left].some((name) => path.endsWith(`/${name}`)));
      return ours.map(({ path, state }) => [path, state]);
    };
    assertEquals(await clean(), [[`/dev/shm/${left}`, "mapped"]]);
    attached.kill();
    creator.kill();
    await Promise.all([attached.outcome(), creator.outcome()]);
    assertEquals((await clean()).sort(), [owned, left].sort().map((name) => [`/dev/shm/${name}`, "left"]));
  },
);
