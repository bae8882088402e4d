// docs/conformance.md is what `deno task conformance` makes of the tests that there are, and each behaviour in it is shown
// by one of them, or not offered for a reason.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { type Behaviour, parseBehaviours, readBehaviours } from "../../tools/conformance/behaviours.ts";
import { judged, problems, render } from "../../tools/conformance/document.ts";
import { allTests, citationsOf, type Test } from "../../tools/conformance/tests.ts";
import { DOCUMENT } from "../../tools/conformance.ts";

const TEXT = `## Locks

TestLock.test_lock: It is locked.
  shown by: a lock is locked
TestLock.test_text: It has a text.
  adapted: The text is shorter.
TestLock.test_fork: It survives a fork.
  not offered: There is no fork.
`;

function madeUp(title: string, method: Test["method"] = null): Test {
  return { title, method, file: "tests/lock_test.ts", cites: citationsOf(title) };
}

Deno.test("docs/conformance.md is what the tests make of it: `deno task conformance` writes it anew", async () => {
  const behaviours = readBehaviours();
  const tests = await allTests();
  assertEquals(problems(behaviours, tests), []);
  const isSame = render(judged(behaviours, tests)) === Deno.readTextFileSync(DOCUMENT);
  assert(isSame, "docs/conformance.md is not what the tests make of it; run `deno task conformance`");
});

Deno.test("a name cites tests of CPython, several of one class, too", () => {
  assertEquals(citationsOf("TestLock.test_lock, test_rlock: and OtherTest.test_auth"), [
    "TestLock.test_lock",
    "TestLock.test_rlock",
    "OtherTest.test_auth",
  ]);
  assertEquals(citationsOf("a test_lock of nobody"), []);
});

Deno.test("what makes the table of conformance untrue is told", () => {
  const behaviours = parseBehaviours(TEXT);
  const tests = [madeUp("a lock is locked"), madeUp("TestLock.test_text: locked or not")];
  assertEquals(problems(behaviours, tests), []);
  const told = (tests: Test[], more: Behaviour[] = []) => problems([...behaviours, ...more], tests);
  assertEquals(told(tests.slice(0, 1)), ["TestLock.test_text is shown by no test"]);
  assertEquals(told(tests.slice(1)), [
    "TestLock.test_lock is shown by no test",
    'TestLock.test_lock is shown by "a lock is locked", which is no test',
  ]);
  assertEquals(told([...tests, madeUp("TestLock.test_fork: it does")]), [
    'TestLock.test_fork is not offered, but "TestLock.test_fork: it does" shows it',
  ]);
  assertEquals(told([...tests, madeUp("TestLock.test_lokc: oh")]), [
    '"TestLock.test_lokc: oh" cites TestLock.test_lokc, which is not in tests/conformance',
  ]);
  assertEquals(told(tests, [behaviours[0]]), ["TestLock.test_lock is there twice"]);
  assertEquals(told(tests, [{ ...behaviours[1], name: "A.test_a", notOffered: "no", shownBy: [] }]), [
    "A.test_a is adapted, and not offered",
  ]);
});

Deno.test("the table says which start methods a behaviour is shown for, what is adapted, and why what is not offered", () => {
  const tests = [madeUp("a lock is locked", "forkserver"), madeUp("TestLock.test_text: by *one* | or two")];
  const rows = render(judged(parseBehaviours(TEXT), tests)).split("\n").filter((line) => line.startsWith("| `Test"));
  const link = "[lock_test.ts](../tests/lock_test.ts):";
  assertEquals(rows, [
    `| \`TestLock.test_lock\` | It is locked. | – | ✓ | – | ${link} “a lock is locked” |`,
    `| \`TestLock.test_text\` | It has a text. *Adapted:* The text is shorter. | – | – | ✓ | ${link} “by \\*one\\* \\| or two” |`,
    "| `TestLock.test_fork` | It survives a fork. | – | – | – | *Not offered:* There is no fork. |",
  ]);
});

Deno.test("a line of another form is no behaviour", () => {
  for (const line of ["TestLock.lock: no test", "  shown: by nobody", "  adapted: nothing"]) {
    assertThrows(() => parseBehaviours(line), SyntaxError, "Cannot read the behaviour");
  }
});
