// PID namespaces, and what /proc is mounted there: nobody who lives is taken for dead, and the dead are told.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { FIXTURES } from "../support/helpers.ts";
import { fixture, obstacle, run, testUnless } from "../support/surroundings.ts";

/** How a process gets a PID namespace of its own: as root, or with a user namespace besides. */
const WAYS = [["unshare", "-pf"], ["unshare", "-Urpf"]];
const obstacles = await Promise.all(WAYS.map((way) => obstacle(...way, "true")));
const way = WAYS[obstacles.indexOf(null)] ?? WAYS[0];
const noNamespace = obstacles.includes(null) ? null : obstacles[0];
const noMount = noNamespace ?? await obstacle("unshare", "-m", "sh", "-c", "mount -t tmpfs none /proc");

const EXPECTED = ["spawn", "forkserver"].map((method) => `${method} true null null OwnerDiedError`)
  .concat("orphan null", "killed orphan OwnerDiedError");

/** How a shell shows other things at /proc and runs the rest. */
const mounting = (mount: string) => ["sh", "-c", `${mount} && exec "$@"`, "sh"];

const CASES: [what: string, why: string | null, words: string[]][] = [
  ["another PID namespace with the /proc of the outer one", noNamespace, way],
  ["another PID namespace with a /proc of its own", noMount, [...way, "--mount-proc"]],
  [
    "a /proc that hides the processes of others, and nothing to see through it with",
    noMount ?? await obstacle("setpriv", "--bounding-set=-sys_ptrace", "true"),
    [
      ...["unshare", "-m", ...mounting("mount -t proc -o hidepid=2 proc /proc")],
      ...["setpriv", "--bounding-set=-sys_ptrace"],
    ],
  ],
];
for (const [what, why, words] of CASES) {
  testUnless(why, `${what}: holders of locks that live are waited for, and killed ones told`, async () => {
    const [command, ...args] = [...words, ...fixture("surroundings/namespace_program.ts")];
    const { code, stdout, stderr } = await run(command, args);
    assertEquals({ code, stderr, said: stdout.trim().split("\n") }, { code: 0, stderr: "", said: EXPECTED });
  });
}

testUnless(noMount, "without /proc, one sentence says what is missing", async () => {
  const [command, ...args] = ["unshare", "-m", ...mounting("mount -t tmpfs none /proc")]
    .concat(fixture("surroundings/namespace_program.ts"));
  const { code, stderr } = await run(command, args);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "NotSupported: Cannot use multiprocessing: /proc does not tell of this process");
});

testUnless(noNamespace, "a child in another PID namespace than its tree is refused, and join says so", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/deno`, `#!/bin/sh\nexec ${way.join(" ")} ${Deno.execPath()} "$@"\n`);
    await Deno.chmod(`${folder}/deno`, 0o755);
    const { code, stdout } = await run(Deno.execPath(), [
      ...["run", "-A", "--quiet", new URL("surroundings/start_with.ts", FIXTURES).href, `${folder}/deno`],
    ]);
    assertEquals(code, 0);
    const why = `ProcessError: Cannot run "begins": Cannot join the parent's tree: this process is in another PID ` +
      "namespace than the process that began the tree; start both in one";
    assertEquals(stdout.trim().split("\n"), [`spawn ${why}`, `forkserver ${why}`]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
