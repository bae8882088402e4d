// A standard error that is full, closed, or read by nobody: what cannot be told is dropped, and nothing else happens.

import { assertEquals } from "@std/assert";
import { FIXTURES } from "../support/helpers.ts";
import { run } from "../support/surroundings.ts";

const DENO = Deno.execPath();
const program = new URL("surroundings/notices.ts", FIXTURES).href;

const CASES: [what: string, redirection: string][] = [
  ["is full", "2>/dev/full"],
  ["is closed", "2>&-"],
  ["is a pipe that nobody reads", "2>&1 >&3 | true"],
];
const EXPECTED = ["spawn joinSync false", "forkserver join false"].flatMap((line) => {
  const [method] = line.split(" ");
  return [line, `${method} emptied true 0`, `${method} failed true 1`];
}).concat("finalized", "exit code 0");

Deno.test("a standard error that is full, closed, or read by nobody: notices, records and errors end no program and no wait", async () => {
  // At the same time: most of it is waiting.
  const outputs = await Promise.all(CASES.map(async ([what, redirection]) => {
    const script = `{ sleep 0.2; "$0" run -A --quiet "$1"; echo "exit code $?" >&3; } ${redirection}`;
    const { stdout } = await run("sh", ["-c", `exec 3>&1; ${script}`, DENO, program]);
    return [what, ...stdout.trim().split("\n")];
  }));
  assertEquals(outputs, CASES.map(([what]) => [what, ...EXPECTED]));
});
