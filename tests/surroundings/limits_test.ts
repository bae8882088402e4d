// Limits of resources: what can be smaller is smaller, what cannot be says so, and what is there again is used again.

import { assertEquals, assertMatch } from "@std/assert";
import { fixture, obstacle, runWords, surrounded, type Surroundings, testUnless } from "../support/surroundings.ts";

const GIB = 2 ** 30;
const why = await obstacle(...surrounded({ limits: { FSIZE: GIB } }, ["/bin/true"]));

const CASES: [what: string, limits: Surroundings["limits"], said: RegExp][] = [
  ["files of 2 GB", { FSIZE: 2_048_000_000 }, /^spawn true 0\nforkserver true 0\n$/],
  ["files of just 1 GiB", { FSIZE: GIB }, /^spawn true 0\nforkserver true 0\n$/],
  [
    "files of 1 MiB",
    { FSIZE: 2 ** 20 },
    /^(\w+ NotSupported: Cannot create shared memory: the limit of file sizes \(RLIMIT_FSIZE, ulimit -f\) is 1048576 bytes, wanted 1073741824 or more; raise it\n){2}$/,
  ],
  ["addresses for 80 GiB", { AS: 80 * GIB }, /^spawn true 0\nforkserver true 0\n$/],
  ["locked memory of nothing", { MEMLOCK: 0 }, /^spawn true 0\nforkserver true 0\n$/],
];
for (const [what, limits, said] of CASES) {
  testUnless(why, `a limit of ${what}`, async () => {
    const { code, signal, stdout, stderr } = await runWords(
      surrounded({ limits }, fixture("surroundings/start_with.ts")),
    );
    assertEquals({ code, signal, stderr }, { code: 0, signal: null, stderr: "" });
    assertMatch(stdout, said);
  });
}

testUnless(
  why,
  "a moment without descriptors: start says so and leaves nothing, and the next start is as any other",
  async () => {
    const command = surrounded({ limits: { NOFILE: 256 } }, fixture("surroundings/moment_without_descriptors.ts"));
    const { code, stdout, stderr } = await runWords(command);
    assertEquals({ code, stderr }, { code: 0, stderr: "" });
    const refused =
      "Cannot .*: (Too many open files|No file descriptors available) \\(os error 24\\); raise [^,]*, or [^,]*, nothing is left";
    assertMatch(stdout, new RegExp(`^spawn ${refused}, then true 0\nforkserver ${refused}, then true 0\n$`));
  },
);
